//! Lives of dynos, told as what is seen at which second.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use domain::{
    dyno::{Dyno, Policy, Seen, Wanted},
    release::ReleaseVersion,
};
use jiff::{SignedDuration, Timestamp};

enum See {
    Nothing,
    /// Running since this second, port not bound.
    Booting(i64),
    Bound,
    Exited(i32),
}

/// Tells a life: at each second, what is wanted (a release, or 0 for gone) and what is seen of the current generation.
fn tell(story: &[(i64, u32, See)]) -> String {
    let (policy, start) = (Policy::default(), "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
    let at = |second: i64| start + SignedDuration::from_secs(second);
    let mut dyno = Dyno::born(start, ReleaseVersion(1));
    let born = dyno.generation;
    let mut out = String::new();
    for (second, release, see) in story {
        let wanted = if *release == 0 { Wanted::Gone } else { Wanted::Running(ReleaseVersion(*release)) };
        let seen = match see {
            See::Nothing => Seen::Nothing,
            See::Booting(since) => Seen::Booting { since: at(*since) },
            See::Bound => Seen::Bound,
            See::Exited(status) => Seen::Exited { status: *status },
        };
        let (next, notice) = dyno.next(wanted, seen, at(*second), SignedDuration::ZERO, &policy);
        let after = if next.generation == dyno.generation { seen } else { Seen::Nothing };
        dyno = next;
        let owed = dyno.owed(after).map_or("-".to_owned(), |debt| format!("{debt:?}"));
        let says = notice.map_or("-".to_owned(), |notice| notice.lines().join(" | "));
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
       160s g1 crashed  owes Kill      says Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 60 seconds of launch | Stopping process with SIGKILL | State changed from starting to crashed
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
