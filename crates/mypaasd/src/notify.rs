//! What systemd is told: that the server is ready, what it does, and that it lives. Without systemd, nobody is told.

use std::time::Duration;

use sd_notify::NotifyState;

/// Ready to be asked things: leading, or standing by.
pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Another process is the one to look at from now on. Said by the one that was.
pub(crate) fn main_process(process: u32) {
    tell(&[NotifyState::MainPid(process)]);
}

pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Tells without end that this runtime still does what it is given: three times in the time after which systemd would start
/// the server anew. Ends at once where nobody watches.
pub(crate) async fn signs_of_life() {
    let Some(every) = sd_notify::watchdog_enabled().map(|limit| limit / 3).filter(|every| *every > Duration::ZERO) else { return };
    loop {
        tell(&[NotifyState::Watchdog]);
        tokio::time::sleep(every).await;
    }
}

fn tell(what: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(what) {
        tracing::debug!(%error, "systemd could not be told");
    }
}
