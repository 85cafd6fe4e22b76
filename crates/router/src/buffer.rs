//! Bytes in flight. A buffer has memory only while there is something in it: whoever is idle costs none.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http1::{body::Body, chunked::BadChunk};

/// One read of an ordinary message.
pub(crate) const SMALL: usize = 16 * 1024;
/// One read of a large body.
pub(crate) const LARGE: usize = 128 * 1024;
/// Kept for later, of each size.
const KEPT: usize = 128;

/// Memory that no buffer uses at the moment. One per worker, so that nobody waits for the lock.
#[derive(Default)]
pub(crate) struct Pool {
    small: Mutex<Vec<Vec<u8>>>,
    large: Mutex<Vec<Vec<u8>>>,
}

impl Pool {
    fn take(&self, size: usize) -> Vec<u8> {
        let (shelf, size) = if size > SMALL { (&self.large, LARGE) } else { (&self.small, SMALL) };
        let kept = shelf.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| vec![0; size])
    }

    fn give(&self, memory: Vec<u8>) {
        let shelf = match memory.len() {
            SMALL => &self.small,
            LARGE => &self.large,
            _ => return,
        };
        let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.len() < KEPT {
            shelf.push(memory);
        }
    }
}

/// Bytes that were read: first those that are ready to be passed on, then those that nobody has looked at.
pub(crate) struct Buffer {
    memory: Vec<u8>,
    start: usize,
    ready: usize,
    end: usize,
}

impl Buffer {
    pub(crate) const fn new() -> Self {
        Self { memory: Vec::new(), start: 0, ready: 0, end: 0 }
    }

    /// What is to be passed on.
    pub(crate) fn ready(&self) -> &[u8] {
        &self.memory[self.start..self.ready]
    }

    /// What nobody has looked at.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.memory[self.ready..self.end]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// So many bytes were passed on.
    pub(crate) fn sent(&mut self, count: usize) {
        self.start += count;
    }

    /// So many bytes were used up where they are. Only while nothing is ready.
    pub(crate) fn used(&mut self, count: usize) {
        self.start += count;
        self.ready = self.start;
    }

    /// All that came is to be passed on as it is.
    pub(crate) fn pass_all(&mut self) {
        self.ready = self.end;
    }

    /// So many bytes of what came are to be passed on.
    pub(crate) fn pass(&mut self, count: usize) {
        self.ready += count;
    }

    /// Nobody wants what came.
    pub(crate) fn drop_raw(&mut self) {
        self.end = self.ready;
    }

    /// Lets a body take what is its own. Gives how much of it was data.
    pub(crate) fn advance(&mut self, body: &mut Body) -> Result<usize, BadChunk> {
        let from = self.ready;
        let step = body.advance(&mut self.memory[from..self.end])?;
        let gap = step.consumed - step.kept;
        if gap > 0 {
            self.memory.copy_within(from + step.consumed..self.end, from + step.kept);
            self.end -= gap;
        }
        self.ready += step.kept;
        Ok(step.data)
    }

    /// Whether more may be read, if at most `limit` bytes may wait.
    pub(crate) fn has_room(&self, limit: usize) -> bool {
        self.end - self.start < limit
    }

    /// Reads once, into memory of about `size` bytes. 0 is the end. Without memory again if nothing came.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>, io: &mut (impl AsyncRead + Unpin), pool: &Pool, size: usize) -> Poll<io::Result<usize>> {
        self.make_room(pool, size);
        let mut target = ReadBuf::new(&mut self.memory[self.end..]);
        let read = Pin::new(io).poll_read(cx, &mut target);
        let count = target.filled().len();
        self.end += count;
        if !matches!(read, Poll::Ready(Ok(()))) {
            self.rest(pool);
        }
        ready!(read)?;
        Poll::Ready(Ok(count))
    }

    fn make_room(&mut self, pool: &Pool, size: usize) {
        if self.is_empty() {
            (self.start, self.ready, self.end) = (0, 0, 0);
            if size > SMALL && self.memory.len() < LARGE {
                pool.give(std::mem::take(&mut self.memory));
            }
            if self.memory.is_empty() {
                self.memory = pool.take(size);
            }
        }
        if self.end < self.memory.len() {
            return;
        }
        if self.start > 0 {
            self.memory.copy_within(self.start..self.end, 0);
            self.ready -= self.start;
            self.end -= self.start;
            self.start = 0;
        } else {
            self.memory.resize(self.memory.len() * 2, 0);
        }
    }

    /// Nobody wants what is in it.
    pub(crate) fn discard(&mut self, pool: &Pool) {
        self.start = self.end;
        self.rest(pool);
    }

    /// Gives the memory back if there is nothing in it.
    pub(crate) fn rest(&mut self, pool: &Pool) {
        if self.is_empty() && !self.memory.is_empty() {
            pool.give(std::mem::take(&mut self.memory));
            (self.start, self.ready, self.end) = (0, 0, 0);
        }
    }
}

/// A head on its way out.
#[derive(Default)]
pub(crate) struct Outbox {
    pub(crate) bytes: Vec<u8>,
    sent: usize,
}

impl Outbox {
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sent == self.bytes.len()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
    }

    /// All of it again.
    pub(crate) fn rewind(&mut self) {
        self.sent = 0;
    }
}

/// Writes a head and what is ready behind it, in one go. Gives how many bytes went.
pub(crate) fn poll_pass(cx: &mut Context<'_>, io: &mut (impl AsyncWrite + Unpin), head: &mut Outbox, body: &mut Buffer) -> Poll<io::Result<usize>> {
    let io = Pin::new(io);
    let count = if head.is_empty() {
        ready!(io.poll_write(cx, body.ready()))?
    } else if body.ready().is_empty() {
        ready!(io.poll_write(cx, head.rest()))?
    } else {
        ready!(io.poll_write_vectored(cx, &[IoSlice::new(head.rest()), IoSlice::new(body.ready())]))?
    };
    if count == 0 {
        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
    }
    let of_head = count.min(head.rest().len());
    head.sent += of_head;
    body.sent(count - of_head);
    Poll::Ready(Ok(count))
}
