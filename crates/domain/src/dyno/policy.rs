//! The rules of the dyno manager, in Heroku's numbers.

use jiff::SignedDuration;

/// See the module's text.
#[derive(Debug, Clone)]
pub struct Policy {
    /// R10: a web dyno binds its port within 60 s of launch.
    pub boot_limit: SignedDuration,
    /// R12: all processes exit within 30 s of SIGTERM.
    pub stop_grace: SignedDuration,
    /// Dynos are restarted every 24 h …
    pub cycle_every: SignedDuration,
    /// … plus up to 216 minutes, drawn per dyno.
    pub cycle_spread: SignedDuration,
    /// After so long without a crash, crashes are counted from zero again.
    pub steady_after: SignedDuration,
    /// Waits before the first, second, … restart in a row; the last one repeats. Never empty.
    pub restart_waits: Vec<SignedDuration>,
    /// With preboot: how long a web dyno that gets no more requests may still answer those it has, before its SIGTERM
    /// (Heroku: "up to three minutes"). Longer than the router lets the first byte of an answer take, by default.
    pub drain: SignedDuration,
    /// Web dynos of a size that idles are put to sleep after so long without a request (Heroku: Eco, 30 minutes).
    pub idle_after: SignedDuration,
    /// A one-off dyno is ended after so long (Heroku: 24 h).
    pub one_off_limit: SignedDuration,
}

impl Default for Policy {
    fn default() -> Self {
        let minutes = SignedDuration::from_mins;
        Self {
            boot_limit: SignedDuration::from_secs(60),
            stop_grace: SignedDuration::from_secs(30),
            cycle_every: SignedDuration::from_hours(24),
            cycle_spread: minutes(216),
            steady_after: minutes(10),
            restart_waits: vec![SignedDuration::ZERO, minutes(1), minutes(5), minutes(20)],
            drain: minutes(1),
            idle_after: minutes(30),
            one_off_limit: SignedDuration::from_hours(24),
        }
    }
}
