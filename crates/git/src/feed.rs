//! A request's body on its way into a git process.

use std::{
    error::Error,
    io::Write as _,
    pin::{Pin, pin},
    time::Duration,
};

use bytes::{Buf, Bytes};
use flate2::write::GzDecoder;
use http::{HeaderMap, header::CONTENT_ENCODING};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use crate::pkt_line::{List, Progress};

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    Gzip,
}

impl Encoding {
    /// `None`: one that git does not use.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        match headers.get(CONTENT_ENCODING).map(http::HeaderValue::as_bytes) {
            None | Some(b"identity") => Some(Self::Plain),
            Some(b"gzip" | b"x-gzip") => Some(Self::Gzip),
            Some(_) => None,
        }
    }
}

/// What a body may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Most bytes, after unpacking.
    pub(crate) bytes: u64,
    /// Longest silence between two pieces.
    pub(crate) silence: Duration,
    /// Whether it begins with a list of refs, which is bounded by itself: git keeps it in memory.
    pub(crate) refs_before_pack: bool,
}

/// Why a body was not taken to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedError {
    #[error("the client went away")]
    Gone(#[source] Box<dyn Error + Send + Sync>),
    #[error("the client went silent")]
    Silent,
    #[error("the body is larger than {0} bytes")]
    TooLarge(u64),
    #[error("the list of refs is too long or none at all")]
    Refs,
    #[error("the body is not gzip")]
    NotGzip(#[source] std::io::Error),
}

/// gzip makes a thousand bytes out of one at most: so much is unpacked at a time that it fits in memory.
const PACKED: usize = 4096;

/// Writes the whole body. A process that stops reading does not stop the body: a client that is not heard out would not
/// listen to the answer either.
pub(crate) async fn feed<B>(body: B, encoding: Encoding, bounds: Bounds, into: impl AsyncWrite + Unpin) -> Result<(), FeedError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut body = pin!(body);
    let mut gzip = (encoding == Encoding::Gzip).then(|| GzDecoder::new(Vec::new()));
    let list = bounds.refs_before_pack.then(List::default);
    let mut sink = Sink { into: Some(into), left: bounds.bytes, list, bounds };
    while let Some(mut bytes) = next(body.as_mut(), bounds.silence).await? {
        let Some(gzip) = &mut gzip else {
            sink.write(&bytes).await?;
            continue;
        };
        while bytes.has_remaining() {
            let part = bytes.split_to(bytes.len().min(PACKED));
            gzip.write_all(&part).map_err(FeedError::NotGzip)?;
            sink.write(&std::mem::take(gzip.get_mut())).await?;
        }
    }
    if let Some(mut gzip) = gzip {
        gzip.try_finish().map_err(FeedError::NotGzip)?;
        sink.write(&std::mem::take(gzip.get_mut())).await?;
    }
    Ok(())
}

/// The next bytes of the body; `None` at its end.
async fn next<B>(mut body: Pin<&mut B>, silence: Duration) -> Result<Option<Bytes>, FeedError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    loop {
        let Some(frame) = timeout(silence, body.frame()).await.map_err(|_| FeedError::Silent)? else { return Ok(None) };
        // Trailers say nothing to git.
        if let Ok(bytes) = frame.map_err(|error| FeedError::Gone(error.into()))?.into_data() {
            return Ok(Some(bytes));
        }
    }
}

struct Sink<W> {
    into: Option<W>,
    left: u64,
    list: Option<List>,
    bounds: Bounds,
}

impl<W: AsyncWrite + Unpin> Sink<W> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), FeedError> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(FeedError::TooLarge(self.bounds.bytes))?;
        if let Some(list) = &mut self.list {
            match list.take(bytes) {
                Some(Progress::Over) => self.list = None,
                Some(Progress::Within) => {}
                None => return Err(FeedError::Refs),
            }
        }
        if let Some(into) = &mut self.into
            && into.write_all(bytes).await.is_err()
        {
            self.into = None;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use flate2::{Compression, write::GzEncoder};
    use futures_util::stream;
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    async fn fed(body: Vec<u8>, encoding: Encoding, most: u64) -> Result<Vec<u8>, FeedError> {
        let mut into = Vec::new();
        let bounds = Bounds { bytes: most, silence: Duration::from_secs(10), refs_before_pack: false };
        feed(Full::new(Bytes::from(body)), encoding, bounds, &mut into).await.map(|()| into)
    }

    #[tokio::test]
    async fn bodies_arrive_unpacked() {
        let text = b"0032want something\n".repeat(10_000);
        assert_eq!(fed(text.clone(), Encoding::Plain, 1 << 20).await.unwrap(), text);
        assert_eq!(fed(gzip(&text), Encoding::Gzip, 1 << 20).await.unwrap(), text);
    }

    /// Hostile inputs 54.
    #[tokio::test]
    async fn a_bomb_does_not_go_off() {
        let bomb = gzip(&vec![0; 16 << 20]);
        assert!(bomb.len() < 100_000);
        assert!(matches!(fed(bomb, Encoding::Gzip, 1 << 20).await, Err(FeedError::TooLarge(_))));
        assert!(matches!(fed(vec![0; 11], Encoding::Plain, 10).await, Err(FeedError::TooLarge(10))));
    }

    #[tokio::test]
    async fn what_is_no_gzip_or_half_of_one_is_an_error() {
        let whole = gzip(&b"0000".repeat(1000));
        assert!(matches!(fed(b"0000".to_vec(), Encoding::Gzip, 100).await, Err(FeedError::NotGzip(_))));
        assert!(matches!(fed(whole[..whole.len() / 2].to_vec(), Encoding::Gzip, 10_000).await, Err(FeedError::NotGzip(_))));
        assert!(matches!(fed([whole, b"more".to_vec()].concat(), Encoding::Gzip, 10_000).await, Err(FeedError::NotGzip(_))));
    }

    /// Hostile inputs 52.
    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_given_up() {
        let body = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
        let bounds = Bounds { bytes: 10, silence: Duration::from_secs(120), refs_before_pack: false };
        assert!(matches!(feed(body, Encoding::Plain, bounds, &mut Vec::new()).await, Err(FeedError::Silent)));
    }

    #[tokio::test]
    async fn a_process_that_stops_reading_does_not_stop_the_body() {
        let (ours, theirs) = tokio::io::duplex(16);
        drop(theirs);
        let bounds = Bounds { bytes: 1000, silence: Duration::from_secs(10), refs_before_pack: false };
        feed(Full::new(Bytes::from(vec![0; 500])), Encoding::Plain, bounds, ours).await.unwrap();
    }
}
