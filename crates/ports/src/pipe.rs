//! Between streams, which are asynchronous, and archives, which are not: bounded channels of chunks.

use std::io::{self, BufWriter, Read, Write};

use crate::ByteStream;
use bytes::{Buf, Bytes};
use futures_util::{StreamExt, stream};
use tokio::sync::{mpsc, oneshot};

/// Size of the chunks written, in bytes.
const CHUNK: usize = 64 * 1024;
/// Chunks on their way at once.
const IN_FLIGHT: usize = 8;

/// What `produce` writes, as a stream; and what it returns, once it is through.
///
/// It runs on a thread of its own and stops (its writes fail) when the stream is dropped.
pub fn pipe<T: Send + 'static>(produce: impl FnOnce(&mut BufWriter<ChunkWriter>) -> io::Result<T> + Send + 'static) -> (ByteStream, oneshot::Receiver<T>) {
    let (chunks, received) = mpsc::channel(IN_FLIGHT);
    let (returns, returned) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        let mut out = BufWriter::with_capacity(CHUNK, ChunkWriter(chunks.clone()));
        match produce(&mut out).and_then(|value| out.flush().map(|()| value)) {
            // Nobody may be waiting any more, for either.
            Ok(value) => drop(returns.send(value)),
            Err(error) => drop(chunks.blocking_send(Err(error))),
        }
        // A buffer that was not flushed belongs to a failure: dropping it must not send it after all.
        drop(out.into_parts());
    });
    let stream = stream::unfold(received, |mut received| async { received.recv().await.map(|chunk| (chunk, received)) });
    (stream.boxed(), returned)
}

/// Sends what is written as chunks.
pub struct ChunkWriter(mpsc::Sender<io::Result<Bytes>>);

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream to read from on a thread; what is to be awaited on the side feeds it.
pub fn feed(mut stream: ByteStream) -> (ChunkReader, impl Future<Output = ()> + Send) {
    let (chunks, received) = mpsc::channel(IN_FLIGHT);
    let feeding = async move {
        while let Some(chunk) = stream.next().await {
            let broken = chunk.is_err();
            // A reader that went away has its reasons, and tells them itself.
            if chunks.send(Some(chunk)).await.is_err() || broken {
                return;
            }
        }
        let _ = chunks.send(None).await;
    };
    (ChunkReader { received, chunk: Bytes::new(), ended: false }, feeding)
}

/// Reads chunks. A feeder that stops without saying that this was all is an error, not an end.
pub struct ChunkReader {
    received: mpsc::Receiver<Option<io::Result<Bytes>>>,
    chunk: Bytes,
    ended: bool,
}

impl Read for ChunkReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() && !self.ended {
            match self.received.blocking_recv() {
                Some(Some(chunk)) => self.chunk = chunk?,
                Some(None) => self.ended = true,
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let count = self.chunk.len().min(into.len());
        self.chunk.copy_to_slice(&mut into[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn what_is_written_comes_out_and_then_what_was_returned() {
        let (stream, returned) = pipe(|out| {
            out.write_all(&vec![7; 3 * CHUNK + 1])?;
            Ok("done")
        });
        let chunks: Vec<Bytes> = stream.try_collect().await.unwrap();
        assert_eq!(chunks.iter().map(Bytes::len).sum::<usize>(), 3 * CHUNK + 1);
        assert_eq!(returned.await, Ok("done"));
    }

    #[tokio::test]
    async fn a_failure_breaks_the_stream_off() {
        let (stream, returned) = pipe::<()>(|out| {
            out.write_all(b"half")?;
            Err(io::Error::other("no more"))
        });
        assert_eq!(stream.try_collect::<Vec<_>>().await.unwrap_err().to_string(), "no more");
        assert!(returned.await.is_err());
    }

    #[tokio::test]
    async fn a_feeder_that_was_dropped_is_no_end_of_file() {
        let (mut reader, feeding) = feed(stream::iter([Ok(Bytes::from_static(b"half"))]).chain(stream::pending()).boxed());
        let read = tokio::task::spawn_blocking(move || io::copy(&mut reader, &mut io::sink()));
        tokio::select! { () = feeding => {} () = tokio::task::yield_now() => {} }
        assert_eq!(read.await.unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
