//! Without a terminal, the engine sends output and errors on one connection, in frames; this takes the frames off.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, ReadBuf};

/// A frame's head: the stream (one byte), three zeros, the length (big-endian).
const HEAD: usize = 8;

/// Reads what the frames carry, one after the other.
pub(crate) struct Demux<R> {
    inner: R,
    head: [u8; HEAD],
    have: usize,
    /// Of the current frame, still to come.
    left: usize,
}

impl<R> Demux<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, head: [0; HEAD], have: 0, left: 0 }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Demux<R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if out.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        while this.left == 0 {
            let mut head = ReadBuf::new(&mut this.head[this.have..]);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut head))?;
            match head.filled().len() {
                0 if this.have == 0 => return Poll::Ready(Ok(())),
                0 => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                read => this.have += read,
            }
            if this.have == HEAD {
                let [_, _, _, _, length @ ..] = this.head;
                this.left = u32::from_be_bytes(length) as usize;
                this.have = 0;
            }
        }
        let most = this.left.min(out.remaining());
        let mut part = ReadBuf::new(out.initialize_unfilled_to(most));
        ready!(Pin::new(&mut this.inner).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        if read == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        this.left -= read;
        out.advance(read);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn frame(stream: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [&[stream, 0, 0, 0], &length[..], bytes].concat()
    }

    /// Sends the bytes in pieces of every size there can be.
    async fn through(wire: &[u8], pieces: usize) -> io::Result<Vec<u8>> {
        let (mut sender, receiver) = duplex(64);
        let wire = wire.to_vec();
        let sending = tokio::spawn(async move {
            for piece in wire.chunks(pieces) {
                sender.write_all(piece).await.unwrap();
            }
        });
        let mut out = Vec::new();
        Demux::new(receiver).read_to_end(&mut out).await?;
        sending.await.unwrap();
        Ok(out)
    }

    #[tokio::test]
    async fn frames_cut_anywhere_give_the_same_bytes() {
        let wire = [frame(1, b"out\0\x01\x02"), frame(2, b""), frame(2, b"error\n"), frame(1, &[7; 300])].concat();
        let expected = [&b"out\0\x01\x02error\n"[..], &[7; 300]].concat();
        for pieces in 1..=wire.len() {
            assert_eq!(through(&wire, pieces).await.unwrap(), expected, "{pieces}");
        }
        assert_eq!(through(b"", 1).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn a_connection_that_breaks_inside_a_frame_is_an_error() {
        for end in [3, 9] {
            let error = through(&frame(1, b"hello")[..end], 64).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
