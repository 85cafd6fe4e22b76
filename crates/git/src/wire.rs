//! A terminal at the other end of the hook's connection.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use builder::Terminal;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};

use crate::frame::{self, Kind};

/// Most output that waits for a slow reader, in bytes; what comes on top of that is left out.
const WAITING: usize = 8 * 1024 * 1024;
const LEFT_OUT: &[u8] = b"\n !     Some output is left out here: it came faster than it could be sent.\n";

/// Frames what is said and never waits.
pub(crate) struct Wire {
    frames: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
    leaving_out: bool,
}

/// The frames, on their way.
pub(crate) struct Frames {
    frames: mpsc::UnboundedReceiver<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

pub(crate) fn wire() -> (Wire, Frames) {
    let (sender, frames) = mpsc::unbounded_channel();
    let waiting = Arc::<AtomicUsize>::default();
    (Wire { frames: sender, waiting: waiting.clone(), leaving_out: false }, Frames { frames, waiting })
}

impl Wire {
    /// The last word.
    pub(crate) fn exit(self, status: u8) {
        self.frame(Kind::Exit, &[status]);
    }

    fn send(&mut self, bytes: &[u8]) {
        if self.waiting.load(Ordering::Relaxed) + bytes.len() > WAITING {
            self.leaving_out = true;
            return;
        }
        if std::mem::take(&mut self.leaving_out) {
            self.send(LEFT_OUT);
        }
        for part in bytes.chunks(frame::LONGEST) {
            self.frame(Kind::Output, part);
        }
    }

    fn frame(&self, kind: Kind, payload: &[u8]) {
        let frame = frame::encode(kind, payload);
        self.waiting.fetch_add(frame.len(), Ordering::Relaxed);
        // A hook that is gone hears nothing; the build goes on.
        let _ = self.frames.send(frame);
    }
}

impl Terminal for Wire {
    fn line(&mut self, text: &str) {
        self.send(format!("{text}\n").as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.send(bytes);
    }
}

impl Frames {
    /// Writes frames as they come until the last one is written or nobody reads any more.
    pub(crate) async fn write_to(mut self, mut writer: impl AsyncWrite + Unpin) {
        while let Some(frame) = self.frames.recv().await {
            self.waiting.fetch_sub(frame.len(), Ordering::Relaxed);
            if writer.write_all(&frame).await.is_err() {
                // Nothing waits for a reader any more.
                self.frames.close();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_and_bytes_arrive_in_order_and_the_status_last() {
        let (mut terminal, frames) = wire();
        terminal.line("-----> Node.js app detected");
        terminal.bytes(&vec![b'x'; frame::LONGEST + 1]);
        terminal.exit(1);
        let mut written = Vec::new();
        frames.write_to(&mut written).await;
        let mut rest = &written[..];
        let mut lengths = Vec::new();
        while let Ok(frame) = frame::read(&mut rest) {
            lengths.push((frame.kind, frame.payload.len()));
        }
        assert_eq!(lengths, [(Kind::Output, 28), (Kind::Output, frame::LONGEST), (Kind::Output, 1), (Kind::Exit, 1)]);
    }

    #[tokio::test]
    async fn a_reader_that_stalls_costs_some_output_but_not_the_memory() {
        let (mut terminal, frames) = wire();
        for _ in 0..20 {
            terminal.bytes(&vec![b'x'; 1024 * 1024]);
        }
        assert!(frames.waiting.load(Ordering::Relaxed) <= WAITING + frame::LONGEST);
        let mut written = Vec::new();
        let writing = frames.write_to(&mut written);
        tokio::join!(writing, async {
            tokio::task::yield_now().await;
            terminal.line("done");
            terminal.exit(0);
        });
        let text = String::from_utf8_lossy(&written);
        assert!(text.contains("Some output is left out here") && text.contains("done\n"));
    }
}
