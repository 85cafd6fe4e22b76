//! Syslog over TCP or TLS: frames, and never an answer.

use std::{collections::VecDeque, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{
    connect::Stream,
    frame::{Frame, Holds},
    link::Failure,
};

/// For the receiver to take anything at all (Logplex's limit).
const STALLED: Duration = Duration::from_secs(4);

pub(super) struct Syslog {
    pub(super) stream: Box<dyn Stream>,
    /// What is not handed over whole then is nothing to the receiver: all of it, or none.
    pub(super) tls: bool,
}

/// Of a TLS record, in bytes. A frame is shorter.
const RECORD: usize = 16 * 1024;

impl Syslog {
    /// Frames that were handed over whole count as sent: nobody can tell more.
    pub(super) async fn send(&mut self, frames: &mut VecDeque<Frame>) -> Result<(), Failure> {
        while !frames.is_empty() {
            let (count, bytes) = self.next(frames);
            let Err((written, why)) = self.write(&bytes).await else {
                frames.drain(..count);
                continue;
            };
            let lost = match (self.tls, written) {
                // TLS took all of it, and not all of it went: the receiver can read none.
                (true, 1..) => frames.drain(..count).map(|frame| frame.holds).collect(),
                _ => cut(frames, written),
            };
            return Err(Failure::Broken(why, lost));
        }
        Ok(())
    }

    /// What goes at once.
    fn next(&self, frames: &VecDeque<Frame>) -> (usize, Vec<u8>) {
        let (mut count, mut bytes) = (0, Vec::new());
        for frame in frames {
            if self.tls && count > 0 && bytes.len() + frame.bytes.len() > RECORD {
                break;
            }
            bytes.extend_from_slice(&frame.bytes);
            count += 1;
        }
        (count, bytes)
    }

    /// If not all goes: how many bytes did, and why.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), (usize, String)> {
        let mut written = 0;
        loop {
            let step = async {
                if written == bytes.len() {
                    return self.stream.flush().await.map(|()| 0);
                }
                let count = self.stream.write(&bytes[written..]).await?;
                if count == 0 { Err(std::io::ErrorKind::WriteZero.into()) } else { Ok(count) }
            };
            match timeout(STALLED, step).await {
                Ok(Ok(0)) => return Ok(()),
                Ok(Ok(count)) => written += count,
                Ok(Err(error)) => return Err((written, error.to_string())),
                Err(_) => return Err((written, "it took nothing for four seconds".to_owned())),
            }
        }
    }

    pub(super) async fn ended(&mut self) {
        let mut ignored = [0; 256];
        while matches!(self.stream.read(&mut ignored).await, Ok(count) if count > 0) {}
    }
}

/// Takes out the frames that went, and the one of which only a part did: that one is lost.
fn cut(frames: &mut VecDeque<Frame>, mut written: usize) -> Vec<Holds> {
    while frames.front().is_some_and(|frame| frame.bytes.len() <= written) {
        written -= frames.pop_front().map_or(0, |frame| frame.bytes.len());
    }
    if written > 0 { frames.pop_front().map(|frame| frame.holds).into_iter().collect() } else { Vec::new() }
}
