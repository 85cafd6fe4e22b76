//! Gzip on several processors at once: the input is cut into blocks that are compressed apart, each knowing the end of the
//! one before it as its dictionary, and joined into one gzip member that every reader takes.

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

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Input of one block, in bytes.
const BLOCK: usize = 256 * 1024;
/// As far back as deflate looks, in bytes.
const WINDOW: usize = 32 * 1024;
/// No machine's disk keeps up with more.
const MOST_THREADS: usize = 16;

/// Compresses what is written. Only [`ParallelGzip::finish`] makes it whole.
pub(crate) struct ParallelGzip<W: Write> {
    out: W,
    input: Vec<u8>,
    dictionary: Arc<[u8]>,
    jobs: mpsc::Sender<Job>,
    /// Blocks being compressed, in order.
    under_way: VecDeque<Receiver<io::Result<Block>>>,
    most_under_way: usize,
    crc: Crc,
}

struct Job {
    input: Vec<u8>,
    dictionary: Arc<[u8]>,
    last: bool,
    done: SyncSender<io::Result<Block>>,
}

/// A compressed block, ending at a byte's end.
struct Block {
    bytes: Vec<u8>,
    crc: Crc,
}

impl<W: Write> ParallelGzip<W> {
    /// Starts as many threads as there are processors. They end when this is dropped.
    pub(crate) fn new(mut out: W, level: Compression) -> io::Result<Self> {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let queue = queue.clone();
            thread::Builder::new().name("gzip".to_owned()).spawn(move || work(&queue, level))?;
        }
        // Deflate, no flags, no time (the same input makes the same bytes), no hint, no operating system.
        out.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])?;
        let input = Vec::with_capacity(BLOCK);
        Ok(Self { out, input, dictionary: Arc::default(), jobs, under_way: VecDeque::new(), most_under_way: threads * 2, crc: Crc::new() })
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.hand_out(true)?;
        while !self.under_way.is_empty() {
            self.take_back()?;
        }
        self.out.write_all(&self.crc.sum().to_le_bytes())?;
        self.out.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(self.out)
    }

    fn hand_out(&mut self, last: bool) -> io::Result<()> {
        let input = mem::replace(&mut self.input, Vec::with_capacity(BLOCK));
        let next: Arc<[u8]> = input[input.len().saturating_sub(WINDOW)..].into();
        let (done, block) = mpsc::sync_channel(1);
        let dictionary = mem::replace(&mut self.dictionary, next);
        self.jobs.send(Job { input, dictionary, last, done }).map_err(|_| io::Error::other("the compressing threads have ended"))?;
        self.under_way.push_back(block);
        if self.under_way.len() > self.most_under_way { self.take_back() } else { Ok(()) }
    }

    fn take_back(&mut self) -> io::Result<()> {
        let Some(block) = self.under_way.pop_front() else { return Ok(()) };
        let block = block.recv().map_err(|_| io::Error::other("a compressing thread has ended"))??;
        self.crc.combine(&block.crc);
        self.out.write_all(&block.bytes)
    }
}

impl<W: Write> Write for ParallelGzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(BLOCK - self.input.len());
        self.input.extend_from_slice(&bytes[..count]);
        if self.input.len() == BLOCK {
            self.hand_out(false)?;
        }
        Ok(count)
    }

    /// Nothing is hurried: a block is compressed when it is full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn work(queue: &Mutex<Receiver<Job>>, level: Compression) {
    let mut deflate = Compress::new(level, false);
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { input, dictionary, last, done }) = job else { return };
        // Whoever wanted it may have given up.
        let _ = done.send(compress(&mut deflate, &input, &dictionary, last));
    }
}

fn compress(deflate: &mut Compress, input: &[u8], dictionary: &[u8], last: bool) -> io::Result<Block> {
    deflate.reset();
    if !dictionary.is_empty() {
        deflate.set_dictionary(dictionary).map_err(io::Error::other)?;
    }
    let flush = if last { FlushCompress::Finish } else { FlushCompress::Sync };
    // What does not compress grows by a few bytes.
    let mut bytes = Vec::with_capacity(input.len() + input.len() / 16 + 256);
    loop {
        let read = usize::try_from(deflate.total_in()).unwrap_or(usize::MAX);
        let status = deflate.compress_vec(&input[read..], &mut bytes, flush).map_err(io::Error::other)?;
        // With room left over, everything is out.
        if status == Status::StreamEnd || (!last && bytes.len() < bytes.capacity()) {
            break;
        }
        bytes.reserve(BLOCK);
    }
    let mut crc = Crc::new();
    crc.update(input);
    Ok(Block { bytes, crc })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::{bufread::GzDecoder, write::GzEncoder};

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

    fn packed(input: &[u8]) -> Vec<u8> {
        let mut gzip = ParallelGzip::new(Vec::new(), Compression::new(2)).unwrap();
        // In pieces that have nothing to do with blocks.
        input.chunks(10_007).for_each(|piece| gzip.write_all(piece).unwrap());
        gzip.finish().unwrap()
    }

    #[test]
    fn one_member_comes_out_that_unpacks_to_what_went_in() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 9 * BLOCK + 12_345] {
            let input = sample(length);
            let gzipped = packed(&input);
            let mut rest = gzipped.as_slice();
            let mut output = Vec::new();
            // This decoder stops after the first member.
            GzDecoder::new(&mut rest).read_to_end(&mut output).unwrap();
            assert!(output == input && rest.is_empty(), "{length}");
        }
    }

    #[test]
    fn the_same_input_makes_the_same_bytes() {
        let input = sample(5 * BLOCK);
        assert!(packed(&input) == packed(&input));
    }

    #[test]
    fn cutting_costs_next_to_nothing_in_size() {
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
        let mut gzip = ParallelGzip::new(Full(100_000), Compression::new(2)).unwrap();
        let failed = gzip.write_all(&sample(16 * BLOCK)).and_then(|()| gzip.finish().map(drop));
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
