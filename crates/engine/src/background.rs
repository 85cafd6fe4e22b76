//! Loops that are woken by news, by the clock, or by nothing at all for too long.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Something that brings the world closer to what the store says, from whatever state both are in.
///
/// `run` takes no argument saying what changed: it looks. That way it does the same after a restart as after an edit.
pub trait Task: Send {
    const NAME: &'static str;
    /// A round comes at least this often, so that lost news costs no more.
    const SWEEP: Duration = Duration::from_secs(30);
    fn run(&mut self) -> impl Future<Output = Round> + Send;
}

/// How a round ended, and when the next one is due even if nobody asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Round {
    pub done: usize,
    pub failed: usize,
    pub waiting_for: Vec<String>,
    pub again_in: Option<Duration>,
}

/// Wakes a task. News while a round runs makes one more round.
#[derive(Clone, Default)]
pub struct Wake(pub Arc<Notify>);

impl Wake {
    pub fn up(&self) {
        self.0.notify_one();
    }
}

/// Runs a task until told to stop; a round under way is finished first.
pub async fn drive<T: Task>(mut task: T, wake: Wake, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let round = task.run().await;
        if round.failed > 0 || !round.waiting_for.is_empty() {
            tracing::debug!(task = T::NAME, ?round, "round");
        }
        let due = round.again_in.unwrap_or(T::SWEEP).min(T::SWEEP);
        tokio::select! {
            () = wake.0.notified() => {}
            () = tokio::time::sleep(due) => {}
            () = stop.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Count(Arc<Mutex<Vec<u64>>>, tokio::time::Instant);
    impl Task for Count {
        const NAME: &'static str = "count";
        async fn run(&mut self) -> Round {
            self.0.lock().unwrap().push(self.1.elapsed().as_secs());
            Round::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn sweeps_even_when_nobody_asks() {
        let (seen, wake, stop) = (Arc::new(Mutex::new(vec![])), Wake::default(), CancellationToken::new());
        let task = tokio::spawn(drive(Count(seen.clone(), tokio::time::Instant::now()), wake.clone(), stop.clone()));
        tokio::time::sleep(Duration::from_secs(70)).await;
        wake.up();
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.cancel();
        task.await.unwrap();
        assert_eq!(*seen.lock().unwrap(), [0, 30, 60, 70]);
    }
}
