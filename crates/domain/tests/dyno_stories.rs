//! Lives of dynos, told as what is seen at which second.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use domain::{
    dyno::{Dyno, Policy, Seen, Sight, Wanted, Way},
    notice::Memory,
    release::ReleaseVersion,
};
use jiff::{SignedDuration, Timestamp};

#[derive(Clone, Copy)]
enum See {
    Nothing,
    /// Running since this second, port not bound.
    Booting(i64),
    Bound,
    /// Using so many MiB of 512.
    Exhausted(u64),
    Exited(i32),
}

/// A wish for sleep, where a release is expected.
const ASLEEP: u32 = u32::MAX;

/// Tells a life: at each second, what is wanted (a release, or 0 for gone) and what is seen of the current generation.
fn tell(story: &[(i64, u32, See)]) -> String {
    let story: Vec<_> = story.iter().map(|&(second, wanted, see)| (second, wanted, see, See::Nothing)).collect();
    tell_all(Way::AtOnce, &story)
}

/// The same, with what is seen of the generation before.
fn tell_all(way: Way, story: &[(i64, u32, See, See)]) -> String {
    let (policy, start) = (Policy::default(), "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
    let at = |second: i64| start + SignedDuration::from_secs(second);
    let mut dyno = Dyno::born(start, ReleaseVersion(1));
    let born = dyno.generation;
    let mut out = String::new();
    for (second, wanted, own, before) in story {
        let wanted = match *wanted {
            0 => Wanted::Gone,
            ASLEEP => Wanted::Asleep,
            release => Wanted::Running(ReleaseVersion(release)),
        };
        let see = |see: &See| match *see {
            See::Nothing => Seen::Nothing,
            See::Booting(since) => Seen::Booting { since: at(since) },
            See::Bound => Seen::Bound,
            See::Exhausted(used_mib) => Seen::Exhausted { memory: Memory { used_mib, quota_mib: 512 } },
            See::Exited(status) => Seen::Exited { status },
        };
        let sight = Sight { wanted, way, seen: see(own), before: see(before), may_cycle: true, spread: SignedDuration::ZERO };
        let (next, notices) = dyno.next(sight, at(*second), &policy);
        let after = if next.generation == dyno.generation { sight.seen } else { Seen::Nothing };
        dyno = next;
        let owed = dyno.owed(after, at(*second)).map_or("-".to_owned(), |(generation, debt)| {
            format!("{debt:?}{}", if generation == dyno.generation { String::new() } else { format!(" g{}", generation - born + 1) })
        });
        let lines: Vec<String> = notices.into_iter().flat_map(|notice| notice.lines()).collect();
        let says = if lines.is_empty() { "-".to_owned() } else { lines.join(" | ") };
        out += &format!("{second:>6}s g{} {:<8} owes {owed:<9} says {says}\n", dyno.generation - born + 1, dyno.word());
    }
    out
}

#[test]
fn first_crash_restarts_at_once_and_the_second_waits() {
    use See::*;
    insta::assert_snapshot!(tell(&[(0, 1, Nothing), (5, 1, Bound), (60, 1, Exited(1)), (61, 1, Exited(1)), (70, 1, Exited(1)), (71, 1, Nothing), (129, 1, Nothing), (130, 1, Nothing)]), @"
         0s g1 starting owes Start     says -
         5s g1 up       owes -         says State changed from starting to up
        60s g1 crashed  owes Sweep     says Process exited with status 1 | State changed from up to crashed
        61s g2 starting owes Start     says State changed from crashed to starting
        70s g2 crashed  owes Sweep     says Process exited with status 1 | State changed from starting to crashed
        71s g2 crashed  owes -         says -
       129s g2 crashed  owes -         says -
       130s g3 starting owes Start     says State changed from crashed to starting
    ");
}

#[test]
fn a_port_that_is_never_bound_is_r10_counted_from_the_launch() {
    use See::*;
    insta::assert_snapshot!(tell(&[(0, 1, Nothing), (100, 1, Nothing), (101, 1, Booting(100)), (159, 1, Booting(100)), (160, 1, Booting(100)), (161, 1, Exited(137)), (162, 1, Nothing)]), @"
         0s g1 starting owes Start     says -
       100s g1 starting owes Start     says -
       101s g1 starting owes -         says -
       159s g1 starting owes -         says -
       160s g1 crashed  owes Kill      says Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 60 seconds of launch | Stopping process with SIGKILL | Process exited with status 137 | State changed from starting to crashed
       161s g2 starting owes Start     says State changed from crashed to starting
       162s g2 starting owes Start     says -
    ");
}

#[test]
fn a_new_release_stops_the_old_dyno_before_it_starts_the_new_one() {
    use See::*;
    insta::assert_snapshot!(tell(&[(0, 1, Bound), (10, 2, Bound), (11, 2, Bound), (12, 2, Exited(143)), (13, 2, Bound)]), @"
         0s g1 up       owes -         says State changed from starting to up
        10s g1 starting owes Terminate says Restarting | State changed from up to starting | Stopping all processes with SIGTERM
        11s g1 starting owes Terminate says -
        12s g2 starting owes Start     says Process exited with status 143
        13s g2 up       owes -         says State changed from starting to up
    ");
}

#[test]
fn a_process_that_ignores_sigterm_is_killed_after_thirty_seconds() {
    use See::*;
    insta::assert_snapshot!(tell(&[(0, 1, Bound), (10, 0, Bound), (39, 0, Bound), (40, 0, Bound), (41, 0, Bound), (42, 0, Exited(137)), (43, 0, Nothing)]), @"
         0s g1 up       owes -         says State changed from starting to up
        10s g1 down     owes Terminate says State changed from up to down | Stopping all processes with SIGTERM
        39s g1 down     owes Terminate says -
        40s g1 down     owes Kill      says Error R12 (Exit timeout) -> At least one process failed to exit within 30 seconds of SIGTERM | Stopping remaining processes with SIGKILL
        41s g1 down     owes Kill      says -
        42s g1 down     owes Sweep     says Process exited with status 137
        43s g1 down     owes -         says -
    ");
}

#[test]
fn a_day_later_it_cycles() {
    use See::*;
    insta::assert_snapshot!(tell(&[(0, 1, Bound), (86_399, 1, Bound), (86_400, 1, Bound), (86_401, 1, Exited(143)), (86_402, 1, Bound)]), @"
         0s g1 up       owes -         says State changed from starting to up
     86399s g1 up       owes -         says -
     86400s g1 starting owes Terminate says Cycling | State changed from up to starting | Stopping all processes with SIGTERM
     86401s g2 starting owes Start     says Process exited with status 143
     86402s g2 up       owes -         says State changed from starting to up
    ");
}

#[test]
fn a_crashed_dyno_gets_a_new_release_at_once() {
    use See::*;
    insta::assert_snapshot!(tell(&[(0, 1, Exited(1)), (1, 1, Nothing), (2, 1, Exited(1)), (3, 1, Nothing), (4, 2, Nothing)]), @"
         0s g1 crashed  owes Sweep     says Process exited with status 1 | State changed from starting to crashed
         1s g2 starting owes Start     says State changed from crashed to starting
         2s g2 crashed  owes Sweep     says Process exited with status 1 | State changed from starting to crashed
         3s g2 crashed  owes -         says -
         4s g3 starting owes Start     says State changed from crashed to starting
    ");
}

#[test]
fn with_preboot_the_old_one_serves_until_the_new_one_is_up_and_a_minute_more() {
    use See::*;
    insta::assert_snapshot!(tell_all(Way::Gently, &[(0, 1, Bound, Nothing), (10, 2, Bound, Nothing), (11, 2, Nothing, Bound), (12, 2, Booting(12), Bound), (15, 2, Bound, Bound), (16, 2, Bound, Bound), (75, 2, Bound, Bound), (76, 2, Bound, Bound), (77, 2, Bound, Exited(143)), (78, 2, Bound, Nothing)]), @"
     0s g1 up       owes -         says State changed from starting to up
    10s g2 starting owes Start     says -
    11s g2 starting owes Start     says -
    12s g2 starting owes -         says -
    15s g2 up       owes -         says State changed from starting to up
    16s g2 up       owes -         says -
    75s g2 up       owes Terminate g1 says Stopping all processes with SIGTERM
    76s g2 up       owes Terminate g1 says -
    77s g2 up       owes Sweep g1  says Process exited with status 143
    78s g2 up       owes -         says -
    ");
}

#[test]
fn with_preboot_a_release_that_crashes_leaves_the_old_one_serving() {
    use See::*;
    insta::assert_snapshot!(tell_all(Way::Gently, &[(0, 1, Bound, Nothing), (10, 2, Bound, Nothing), (11, 2, Exited(1), Bound), (12, 2, Nothing, Bound), (13, 2, Exited(1), Bound), (14, 2, Nothing, Bound), (20, 3, Nothing, Bound), (22, 3, Bound, Bound)]), @"
     0s g1 up       owes -         says State changed from starting to up
    10s g2 starting owes Start     says -
    11s g2 crashed  owes Sweep     says Process exited with status 1 | State changed from starting to crashed
    12s g3 starting owes Start     says State changed from crashed to starting
    13s g3 crashed  owes Sweep     says Process exited with status 1 | State changed from starting to crashed
    14s g3 crashed  owes -         says -
    20s g4 starting owes Start     says State changed from crashed to starting
    22s g4 up       owes -         says State changed from starting to up
    ");
}

#[test]
fn with_preboot_the_next_release_waits_for_the_last_predecessor() {
    use See::*;
    insta::assert_snapshot!(tell_all(Way::Gently, &[(0, 1, Bound, Nothing), (10, 2, Bound, Nothing), (12, 2, Bound, Bound), (13, 2, Bound, Bound), (20, 3, Bound, Bound), (73, 3, Bound, Bound), (74, 3, Bound, Exited(0)), (75, 3, Bound, Nothing), (76, 3, Nothing, Bound)]), @"
     0s g1 up       owes -         says State changed from starting to up
    10s g2 starting owes Start     says -
    12s g2 up       owes -         says State changed from starting to up
    13s g2 up       owes -         says -
    20s g2 up       owes -         says -
    73s g2 up       owes Terminate g1 says Stopping all processes with SIGTERM
    74s g2 up       owes Sweep g1  says Process exited with status 0
    75s g3 starting owes Start     says -
    76s g3 starting owes Start     says -
    ");
}

#[test]
fn with_preboot_a_dyno_that_is_scaled_away_has_time_to_answer() {
    use See::*;
    insta::assert_snapshot!(tell_all(Way::Gently, &[(0, 1, Bound, Nothing), (10, 0, Bound, Nothing), (69, 0, Bound, Nothing), (70, 0, Bound, Nothing), (71, 0, Exited(143), Nothing)]), @"
     0s g1 up       owes -         says State changed from starting to up
    10s g1 down     owes -         says State changed from up to down
    69s g1 down     owes -         says -
    70s g1 down     owes Terminate says -
    71s g1 down     owes Sweep     says Process exited with status 143
    ");
}

#[test]
fn nobody_asks_for_it_and_it_sleeps() {
    use See::*;
    insta::assert_snapshot!(tell(&[(0, 1, Bound), (1800, ASLEEP, Bound), (1801, ASLEEP, Exited(143)), (1802, ASLEEP, Nothing), (9000, 1, Nothing), (9001, 1, Bound)]), @"
       0s g1 up       owes -         says State changed from starting to up
    1800s g1 down     owes Terminate says Idling | State changed from up to down | Stopping all processes with SIGTERM
    1801s g1 idle     owes Sweep     says Process exited with status 143
    1802s g1 idle     owes -         says -
    9000s g2 starting owes Start     says Unidling | State changed from down to starting
    9001s g2 up       owes -         says State changed from starting to up
    ");
}

#[test]
fn at_twice_its_memory_it_is_killed() {
    use See::*;
    insta::assert_snapshot!(tell(&[(0, 1, Bound), (700, 1, Exhausted(1029)), (701, 1, Exited(137)), (702, 1, Nothing)]), @"
      0s g1 up       owes -         says State changed from starting to up
    700s g1 crashed  owes Kill      says Process running mem=1029M(200.9%) | Error R15 (Memory quota vastly exceeded) | Stopping process with SIGKILL | Process exited with status 137 | State changed from up to crashed
    701s g2 starting owes Start     says State changed from crashed to starting
    702s g2 starting owes Start     says -
    ");
}
