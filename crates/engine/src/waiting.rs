//! Why a dyno is not (yet) what was asked for, in a sentence.

use domain::{
    ReleaseVersion,
    dyno::{After, Dyno, Leaving, State},
};
use jiff::{SignedDuration, Timestamp};

/// `trouble`: what keeps the platform from doing something about it, if anything does.
pub(crate) fn why_waiting(dyno: &Dyno, current: Option<ReleaseVersion>, trouble: Option<String>, now: Timestamp) -> Option<String> {
    let behind = current.filter(|current| *current != dyno.release);
    let served = dyno.predecessor.is_some_and(|before| before.leaving == Leaving::Serving);
    match dyno.state {
        State::Crashed { restart_at, .. } => {
            let crashed = crashed(dyno.crashes_in_a_row, restart_at.duration_since(now), trouble);
            Some(if served { format!("{crashed}; the dyno before it serves on") } else { crashed })
        }
        State::Starting { .. } if served => Some(trouble.unwrap_or_else(|| "not up yet".to_owned()) + "; the dyno before it serves on"),
        State::Stopping { then: After::Restart, .. } => Some(trouble.unwrap_or_else(|| "starts when its last process has ended".to_owned())),
        State::Idle { .. } => Some("asleep until the next request".to_owned()),
        State::Up { .. } if dyno.predecessor.is_some() => behind.map(|release| format!("{release} starts when the dyno before this one has ended")),
        State::Starting { .. } | State::Stopping { .. } | State::Down { .. } => trouble,
        State::Up { .. } => None,
    }
}

fn crashed(times: u32, wait: SignedDuration, trouble: Option<String>) -> String {
    let times = match times {
        1 => "crashed".to_owned(),
        2 => "crashed twice".to_owned(),
        n => format!("crashed {n} times in a row"),
    };
    match trouble {
        _ if wait > SignedDuration::ZERO => format!("{times}, next start in {}", in_words(wait)),
        Some(trouble) => format!("{times}, {trouble}"),
        None => format!("{times}, starting again"),
    }
}

fn in_words(wait: SignedDuration) -> String {
    let seconds = wait.as_secs();
    if seconds < 90 { format!("{} s", seconds.max(1)) } else { format!("{} min", (seconds + 30) / 60) }
}

#[cfg(test)]
mod tests {
    use domain::dyno::Predecessor;

    use super::*;

    fn at(secs: i64) -> Timestamp {
        "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(secs)
    }

    fn dyno(state: State) -> Dyno {
        Dyno { state, ..Dyno::born(at(0), ReleaseVersion(3)) }
    }

    fn why(dyno: &Dyno, trouble: Option<&str>) -> Option<String> {
        why_waiting(dyno, Some(ReleaseVersion(4)), trouble.map(str::to_owned), at(0))
    }

    #[test]
    fn says_why_a_crashed_dyno_waits() {
        let crashed = |crashes_in_a_row, secs| Dyno { crashes_in_a_row, ..dyno(State::Crashed { since: at(0), restart_at: at(secs) }) };
        assert_eq!(why(&crashed(2, 240), None).unwrap(), "crashed twice, next start in 4 min");
        assert_eq!(why(&crashed(5, 30), Some("no engine")).unwrap(), "crashed 5 times in a row, next start in 30 s");
        assert_eq!(why(&crashed(1, 0), None).unwrap(), "crashed, starting again");
        assert_eq!(why(&crashed(1, 0), Some("waits for the engine")).unwrap(), "crashed, waits for the engine");
    }

    #[test]
    fn says_why_others_wait() {
        let before = |leaving| Some(Predecessor { generation: 1, leaving });
        let starting = dyno(State::Starting { since: at(0) });
        assert_eq!(why(&starting, None), None);
        assert_eq!(why(&starting, Some("waits for the engine")).unwrap(), "waits for the engine");
        let beside = Dyno { predecessor: before(Leaving::Serving), ..starting };
        assert_eq!(why(&beside, None).unwrap(), "not up yet; the dyno before it serves on");
        let crashed = Dyno { crashes_in_a_row: 1, state: State::Crashed { since: at(0), restart_at: at(60) }, ..beside };
        assert_eq!(why(&crashed, None).unwrap(), "crashed, next start in 60 s; the dyno before it serves on");
        let up = dyno(State::Up { since: at(0), cycle_at: at(9) });
        assert_eq!(why(&up, Some("no engine")), None);
        let draining = Dyno { predecessor: before(Leaving::Draining { until: at(9) }), ..up };
        assert_eq!(why(&draining, None).unwrap(), "v4 starts when the dyno before this one has ended");
        assert_eq!(why(&Dyno { release: ReleaseVersion(4), ..draining }, None), None);
        assert_eq!(why(&dyno(State::Idle { since: at(0) }), None).unwrap(), "asleep until the next request");
        let stopping = dyno(State::Stopping { since: at(0), term_at: at(0), kill_at: at(30), then: After::Restart, killed: false });
        assert_eq!(why(&stopping, None).unwrap(), "starts when its last process has ended");
    }
}
