//! Syslog over TCP or TLS: frames, and never an answer.

use std::{collections::VecDeque, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{connect::Stream, frame::Frame, link::Failure};

/// For the receiver to take anything at all (Logplex's limit).
const STALLED: Duration = Duration::from_secs(4);

pub(super) struct Syslog(pub(super) Box<dyn Stream>);

impl Syslog {
    /// Frames that were handed over whole count as sent: nobody can tell more.
    pub(super) async fn send(&mut self, frames: &mut VecDeque<Frame>) -> Result<(), Failure> {
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.iter().copied()).collect();
        let mut written = 0;
        let result = loop {
            if written == bytes.len() {
                break timeout(STALLED, self.0.flush()).await;
            }
            match timeout(STALLED, self.0.write(&bytes[written..])).await {
                Ok(Ok(0)) => break Ok(Err(std::io::ErrorKind::WriteZero.into())),
                Ok(Ok(count)) => written += count,
                Ok(Err(error)) => break Ok(Err(error)),
                Err(stalled) => break Err(stalled),
            }
        };
        while frames.front().is_some_and(|frame| frame.bytes.len() <= written) {
            written -= frames.pop_front().map_or(0, |frame| frame.bytes.len());
        }
        let why = match result {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took nothing for four seconds".to_owned(),
        };
        let cut = if written > 0 { frames.pop_front().map(|frame| frame.holds) } else { None };
        Err(Failure::Broken(why, cut))
    }

    pub(super) async fn ended(&mut self) {
        let mut ignored = [0; 256];
        while matches!(self.0.read(&mut ignored).await, Ok(count) if count > 0) {}
    }
}
