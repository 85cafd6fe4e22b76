//! The time, and how to say it.

use jiff::Timestamp;

/// The time now.
#[expect(clippy::disallowed_methods, reason = "this is the command line's one clock; what decides is handed the time")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// `2012/01/01 12:00:00 +0000 (~ 5m ago)`, as Heroku's command line writes it. What is not a time is shown as it is.
pub(crate) fn since(time: &str, now: Timestamp) -> String {
    let Ok(time) = time.parse::<Timestamp>() else { return time.to_owned() };
    let written = time.strftime("%Y/%m/%d %H:%M:%S +0000");
    match now.as_second() - time.as_second() {
        seconds @ ..=60 => format!("{written} (~ {}s ago)", seconds.max(0)),
        seconds @ 61..=3_600 => format!("{written} (~ {}m ago)", seconds / 60),
        seconds @ 3_601..=90_000 => format!("{written} (~ {}h ago)", seconds / 3_600),
        _ => written.to_string(),
    }
}

/// Seconds as a person says them: `30 days`.
pub(crate) fn length(seconds: u64) -> String {
    let (amount, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7_199 => (seconds / 60, "minute"),
        7_200..=172_799 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{amount} {unit}{}", if amount == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_said_up_to_a_day() {
        let now = "2012-01-03T12:00:00Z".parse().unwrap();
        for (time, said) in [
            ("2012-01-03T11:59:58Z", "2012/01/03 11:59:58 +0000 (~ 2s ago)"),
            ("2012-01-03T12:00:09Z", "2012/01/03 12:00:09 +0000 (~ 0s ago)"),
            ("2012-01-03T11:55:00Z", "2012/01/03 11:55:00 +0000 (~ 5m ago)"),
            ("2012-01-02T12:00:00Z", "2012/01/02 12:00:00 +0000 (~ 24h ago)"),
            ("2012-01-01T12:00:00Z", "2012/01/01 12:00:00 +0000"),
            ("soon", "soon"),
        ] {
            assert_eq!(since(time, now), said);
        }
    }
}
