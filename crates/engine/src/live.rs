//! Builds and release commands under way: what they say is kept and told to whoever listens, and builds can be cancelled.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use builder::BuildError;
use bytes::Bytes;
use domain::{AppId, Id};
use futures_util::{Stream, stream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::platform::{Platform, lock};

/// As much is kept of the beginning of an output, and as much of its end. In bytes.
const KEEP: usize = 512 * 1024;
/// Handed to a listener at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// The beginning and the end of what a build says, and how much was lost between them.
#[derive(Default)]
struct Transcript {
    head: Vec<u8>,
    lost: u64,
    tail: VecDeque<u8>,
}

impl Transcript {
    fn push(&mut self, bytes: &[u8]) {
        let (head, tail) = bytes.split_at(bytes.len().min(KEEP - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(tail);
        let over = self.tail.len().saturating_sub(KEEP);
        self.tail.drain(..over);
        self.lost += over as u64;
    }

    /// What comes at this place, and the place after it.
    fn read(&self, at: u64) -> (Vec<u8>, u64) {
        let head = self.head.len() as u64;
        let tail = head + self.lost;
        if at < head {
            let rest = self.head.get(usize::try_from(at).unwrap_or(usize::MAX)..).unwrap_or_default();
            let chunk = &rest[..rest.len().min(CHUNK)];
            return (chunk.to_vec(), at + chunk.len() as u64);
        }
        if at < tail {
            return (format!("\n[{} bytes are left out]\n", tail - at).into_bytes(), tail);
        }
        let chunk: Vec<u8> = self.tail.iter().skip(usize::try_from(at - tail).unwrap_or(usize::MAX)).take(CHUNK).copied().collect();
        let next = at + chunk.len() as u64;
        (chunk, next)
    }

    /// All that is kept. A NUL is no text to a database.
    fn text(&self) -> String {
        let (mut bytes, mut at) = (Vec::new(), 0);
        loop {
            let (chunk, next) = self.read(at);
            if chunk.is_empty() {
                return String::from_utf8_lossy(&bytes).replace('\0', "");
            }
            bytes.extend(chunk);
            at = next;
        }
    }
}

/// How far a build is, as far as cancelling goes.
enum Stage {
    Building,
    Cancelled {
        by: String,
    },
    /// The slug is there and a release is on its way: too late.
    Launching,
}

/// One build or release command under way.
pub(crate) struct Live {
    app: AppId,
    transcript: Mutex<Transcript>,
    stage: Mutex<Stage>,
    cancel: CancellationToken,
    /// Changes with every word; true at the end.
    news: watch::Sender<bool>,
}

impl Live {
    pub(crate) fn say(&self, bytes: &[u8]) {
        lock(&self.transcript).push(bytes);
        self.news.send_modify(|_| {});
    }

    pub(crate) fn text(&self) -> String {
        lock(&self.transcript).text()
    }

    /// Stops the build, unless it is too late.
    pub(crate) fn cancel(&self, by: &str) -> bool {
        let mut stage = lock(&self.stage);
        match *stage {
            Stage::Building => *stage = Stage::Cancelled { by: by.to_owned() },
            Stage::Cancelled { .. } => {}
            Stage::Launching => return false,
        }
        self.cancel.cancel();
        true
    }

    /// Waits until it is cancelled; gives who did it.
    pub(crate) async fn cancelled(&self) -> BuildError {
        self.cancel.cancelled().await;
        match &*lock(&self.stage) {
            Stage::Cancelled { by } => BuildError::Cancelled { by: by.clone() },
            Stage::Building | Stage::Launching => BuildError::Cancelled { by: "the platform".to_owned() },
        }
    }

    /// From here on it cannot be cancelled; an error if it was.
    pub(crate) fn launch(&self) -> Result<(), BuildError> {
        let mut stage = lock(&self.stage);
        if let Stage::Cancelled { by } = &*stage {
            return Err(BuildError::Cancelled { by: by.clone() });
        }
        *stage = Stage::Launching;
        Ok(())
    }

    /// Waits until it has ended and is saved.
    pub(crate) async fn ended(&self) {
        let _ = self.news.subscribe().wait_for(|ended| *ended).await;
    }

    /// Everything it has said and will say.
    pub(crate) fn follow(self: Arc<Self>) -> impl Stream<Item = Bytes> + Send + 'static {
        let news = self.news.subscribe();
        stream::unfold((self, news, 0), |(live, mut news, at)| async move {
            loop {
                // Marked as seen before reading: a word between the two is news again.
                let ended = *news.borrow_and_update();
                let (bytes, next) = lock(&live.transcript).read(at);
                if !bytes.is_empty() {
                    return Some((Bytes::from(bytes), (live, news, next)));
                }
                if ended || news.changed().await.is_err() {
                    return None;
                }
            }
        })
    }
}

/// A place among those under way. Dropping it is the end for whoever listens.
pub(crate) struct UnderWay<'a> {
    platform: &'a Platform,
    id: Uuid,
    pub(crate) live: Arc<Live>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        lock(&self.platform.under_way).remove(&self.id);
        self.live.news.send_replace(true);
    }
}

impl Platform {
    /// Makes one known before it begins, so that it can be followed from its first word.
    pub(crate) fn set_out<Of>(&self, app: AppId, id: Id<Of>) {
        let live =
            Live { app, transcript: Mutex::default(), stage: Mutex::new(Stage::Building), cancel: CancellationToken::new(), news: watch::Sender::new(false) };
        lock(&self.under_way).insert(id.uuid(), Arc::new(live));
    }

    /// The place of one that was made known.
    pub(crate) fn under_way<Of>(&self, app: AppId, id: Id<Of>) -> UnderWay<'_> {
        let known = self.live(id);
        let live = known.unwrap_or_else(|| {
            self.set_out(app, id);
            self.live(id).expect("it was made known a line ago, and only its own place takes it away")
        });
        UnderWay { platform: self, id: id.uuid(), live }
    }

    pub(crate) fn live<Of>(&self, id: Id<Of>) -> Option<Arc<Live>> {
        lock(&self.under_way).get(&id.uuid()).cloned()
    }

    /// Stops what is being built of an app.
    pub(crate) fn cancel_builds_of(&self, app: AppId, by: &str) {
        let lives: Vec<_> = lock(&self.under_way).values().filter(|live| live.app == app).cloned().collect();
        for live in lives {
            live.cancel(by);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    fn live() -> Arc<Live> {
        Arc::new(Live {
            app: AppId::new(jiff::Timestamp::UNIX_EPOCH, [1; 10]),
            transcript: Mutex::default(),
            stage: Mutex::new(Stage::Building),
            cancel: CancellationToken::new(),
            news: watch::Sender::new(false),
        })
    }

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        let mut transcript = Transcript::default();
        transcript.push(b"first line\n");
        for _ in 0..40 {
            transcript.push(&[b'x'; 60_000]);
        }
        transcript.push(b"\nlast line\n\0");
        let text = transcript.text();
        assert!(text.starts_with("first line\nxxx") && text.ends_with("xxx\nlast line\n"), "{}", text.len());
        assert!(text.contains(" bytes are left out]\n") && text.len() < 2 * KEEP + 100);
    }

    #[tokio::test]
    async fn who_comes_late_hears_everything_and_who_listens_hears_the_end() {
        let live = live();
        live.say(b"one ");
        let early = tokio::spawn(live.clone().follow().collect::<Vec<_>>());
        tokio::task::yield_now().await;
        live.say(b"two ");
        tokio::task::yield_now().await;
        let late = tokio::spawn(live.clone().follow().collect::<Vec<_>>());
        live.say(b"three");
        live.news.send_replace(true);
        for heard in [early, late] {
            assert_eq!(heard.await.expect("it ends").concat(), b"one two three");
        }
    }

    #[tokio::test]
    async fn it_can_be_cancelled_until_it_is_launched() {
        let (first, second) = (live(), live());
        assert!(first.cancel("ann") && first.cancel("bob"));
        assert_eq!(first.launch().expect_err("it was cancelled").to_string(), "Build cancelled by ann.");
        assert_eq!(first.cancelled().await.to_string(), "Build cancelled by ann.");
        second.launch().expect("nobody objects");
        assert!(!second.cancel("ann"));
    }
}
