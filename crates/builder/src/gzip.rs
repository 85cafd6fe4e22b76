//! Gzip on several processors at once: the input is cut into blocks, each becomes a gzip member of its own, and members one
//! after the other are a gzip file as well (RFC 1952, 2.2).

use std::{
    collections::VecDeque,
    io::{self, Write},
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
};

use libdeflater::{CompressionLvl, Compressor};

/// Input of one block, in bytes: sixteen times as far as deflate looks back, so that beginning anew costs next to nothing.
const BLOCK: usize = 512 * 1024;
/// No machine's disk keeps up with more.
const MOST_THREADS: usize = 16;

/// Compresses what is written. Only [`ParallelGzip::finish`] makes it whole.
pub(crate) struct ParallelGzip<W: Write> {
    out: W,
    input: Vec<u8>,
    jobs: mpsc::Sender<Job>,
    /// Blocks being compressed, in order.
    under_way: VecDeque<Receiver<io::Result<Vec<u8>>>>,
    most_under_way: usize,
    begun: bool,
}

struct Job {
    input: Vec<u8>,
    done: SyncSender<io::Result<Vec<u8>>>,
}

impl<W: Write> ParallelGzip<W> {
    /// Starts as many threads as there are processors. They end when this is dropped.
    pub(crate) fn new(out: W, level: CompressionLvl) -> io::Result<Self> {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let queue = queue.clone();
            thread::Builder::new().name("gzip".to_owned()).spawn(move || work(&queue, level))?;
        }
        Ok(Self { out, input: Vec::with_capacity(BLOCK), jobs, under_way: VecDeque::new(), most_under_way: threads * 2, begun: false })
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        // Nothing at all is a member too, of nothing.
        if !self.input.is_empty() || !self.begun {
            self.hand_out()?;
        }
        while !self.under_way.is_empty() {
            self.take_back()?;
        }
        Ok(self.out)
    }

    fn hand_out(&mut self) -> io::Result<()> {
        self.begun = true;
        let input = mem::replace(&mut self.input, Vec::with_capacity(BLOCK));
        let (done, block) = mpsc::sync_channel(1);
        self.jobs.send(Job { input, done }).map_err(|_| io::Error::other("the compressing threads have ended"))?;
        self.under_way.push_back(block);
        if self.under_way.len() > self.most_under_way { self.take_back() } else { Ok(()) }
    }

    fn take_back(&mut self) -> io::Result<()> {
        let Some(block) = self.under_way.pop_front() else { return Ok(()) };
        let block = block.recv().map_err(|_| io::Error::other("a compressing thread has ended"))??;
        self.out.write_all(&block)
    }
}

impl<W: Write> Write for ParallelGzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(BLOCK - self.input.len());
        self.input.extend_from_slice(&bytes[..count]);
        if self.input.len() == BLOCK {
            self.hand_out()?;
        }
        Ok(count)
    }

    /// Nothing is hurried: a block is compressed when it is full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn work(queue: &Mutex<Receiver<Job>>, level: CompressionLvl) {
    let mut deflate = Compressor::new(level);
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { input, done }) = job else { return };
        // Whoever wanted it may have given up.
        let _ = done.send(compress(&mut deflate, &input));
    }
}

fn compress(deflate: &mut Compressor, input: &[u8]) -> io::Result<Vec<u8>> {
    let mut member = vec![0; deflate.gzip_compress_bound(input.len())];
    let length = deflate.gzip_compress(input, &mut member).map_err(io::Error::other)?;
    member.truncate(length);
    Ok(member)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::{Compression, bufread::MultiGzDecoder, write::GzEncoder};

    use super::*;

    /// Digits and noise, the same each time.
    fn sample(length: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_u32;
        let mut bytes = Vec::with_capacity(length + 16);
        while bytes.len() < length {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            if state.is_multiple_of(3) {
                bytes.extend_from_slice(&state.to_le_bytes());
            } else {
                bytes.extend_from_slice(format!("{}", state % 1000).as_bytes());
            }
        }
        bytes.truncate(length);
        bytes
    }

    fn level() -> CompressionLvl {
        CompressionLvl::new(1).unwrap()
    }

    fn packed(input: &[u8]) -> Vec<u8> {
        let mut gzip = ParallelGzip::new(Vec::new(), level()).unwrap();
        // In pieces that have nothing to do with blocks.
        input.chunks(10_007).for_each(|piece| gzip.write_all(piece).unwrap());
        gzip.finish().unwrap()
    }

    #[test]
    fn what_comes_out_unpacks_to_what_went_in() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 9 * BLOCK + 12_345] {
            let input = sample(length);
            let gzipped = packed(&input);
            let mut rest = gzipped.as_slice();
            let mut output = Vec::new();
            MultiGzDecoder::new(&mut rest).read_to_end(&mut output).unwrap();
            assert!(output == input && rest.is_empty(), "{length}");
        }
    }

    #[test]
    fn the_same_input_makes_the_same_bytes() {
        let input = sample(5 * BLOCK);
        assert!(packed(&input) == packed(&input));
    }

    #[test]
    fn it_is_no_larger_than_the_usual_fast_level() {
        let input = sample(8 * BLOCK);
        let mut whole = GzEncoder::new(Vec::new(), Compression::new(2));
        whole.write_all(&input).unwrap();
        let (whole, cut) = (whole.finish().unwrap().len(), packed(&input).len());
        assert!(cut <= whole + whole / 100, "{cut} instead of {whole}");
    }

    #[test]
    fn an_output_that_fails_is_a_failure() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut gzip = ParallelGzip::new(Full(100_000), level()).unwrap();
        let failed = gzip.write_all(&sample(16 * BLOCK)).and_then(|()| gzip.finish().map(drop));
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
