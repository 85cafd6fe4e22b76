//! Logs over a restart: one file per app, of the lines the log keeps, appended to twice a second and now and then written anew.
//!
//! A file is a copy and never waited for. What a crash cuts off or damages is one line's length, and is skipped; dynos' lines
//! of the last half second are in the container engine's own files, from where they are read again after the last one here.

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{AppId, LogLine, Source, log_line::MAX_LINE};
use jiff::Timestamp;

use crate::{
    logplex::{Channel, Logplex, lock},
    ring::{Bounds, Numbered, Ring},
};

/// Between two looks at what is new.
pub const EVERY: Duration = Duration::from_millis(500);
/// A file below this is not worth writing anew.
const SMALL: u64 = 256 * 1024;

/// The folder of the files, and what is in them already.
#[derive(Debug)]
pub(crate) struct Kept {
    folder: PathBuf,
    /// Held while writing, too: one save at a time.
    saved: Mutex<HashMap<AppId, Saved>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Saved {
    /// The first line that is not in the file.
    next: u64,
    /// The file's length.
    bytes: u64,
}

impl Logplex {
    /// Takes up what this folder keeps of these apps, and keeps lines there from now on, whenever [`Self::save`] is called.
    /// Files of other apps are removed.
    pub fn kept_in(self, folder: &Path, apps: &[AppId]) -> io::Result<Self> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let of = entry.file_name().to_str().and_then(|name| name.strip_suffix(".log")?.parse().ok());
            if !of.is_some_and(|app| apps.contains(&app)) {
                fs::remove_file(entry.path())?;
            }
        }
        let kept = Kept { folder: folder.to_owned(), saved: Mutex::default() };
        for &app in apps {
            let bytes = match fs::read(kept.file(app)) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let ring = Ring::restored(lines(&bytes), self.bounds());
            // Its end may be damaged: the first save writes it anew.
            lock(&kept.saved).insert(app, Saved { next: ring.next(), bytes: u64::MAX });
            self.restore(app, ring);
        }
        Ok(self.with_kept(kept))
    }

    /// Writes down what is new. Blocks on the disk.
    pub fn save(&self) {
        let Some(kept) = self.kept() else { return };
        let mut saved = lock(&kept.saved);
        let channels = self.channels();
        saved.retain(|app, _| channels.contains_key(app) || remove(&kept.file(*app)).is_err());
        for (app, channel) in channels {
            let state = saved.entry(app).or_default();
            if let Err(error) = kept.save(app, &channel, state) {
                // Nothing is known of the file any more.
                state.bytes = u64::MAX;
                tracing::warn!(%app, %error, "lines of an app's log could not be written down");
            }
        }
    }
}

impl Kept {
    fn file(&self, app: AppId) -> PathBuf {
        self.folder.join(format!("{app}.log"))
    }

    fn save(&self, app: AppId, channel: &Arc<Channel>, state: &mut Saved) -> io::Result<()> {
        let (new, whole) = {
            let ring = lock(&channel.ring);
            if ring.next() == state.next {
                return Ok(());
            }
            // Twice what is kept, at most; what was overtaken before it was written down is not kept any more either.
            let anew = state.bytes > (2 * ring.bytes() as u64).max(SMALL);
            (ring.since(if anew { 0 } else { state.next }), anew)
        };
        let text = new.iter().fold(String::new(), |mut text, numbered| {
            record(&mut text, numbered);
            text
        });
        let path = self.file(app);
        if whole {
            let beside = path.with_extension("new");
            open(&beside, OpenOptions::new().write(true).create(true).truncate(true))?.write_all(text.as_bytes())?;
            fs::rename(&beside, &path)?;
            state.bytes = 0;
        } else {
            open(&path, OpenOptions::new().append(true).create(true))?.write_all(text.as_bytes())?;
        }
        state.bytes += text.len() as u64;
        state.next = new.last().map_or(state.next, |last| last.seq + 1);
        Ok(())
    }
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.mode(0o600).open(path)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// `number nanoseconds source process text`. A line's text has no line end.
fn record(text: &mut String, Numbered { seq, line }: &Numbered) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{seq} {} {} {} {}", line.at.as_nanosecond(), line.source.word(), line.process, line.text);
}

/// The lines that can be read. What follows the last line end was cut off.
fn lines(bytes: &[u8]) -> Vec<Numbered> {
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(&[][..], |end| &bytes[..end]);
    whole.split(|&byte| byte == b'\n').filter_map(|line| read(str::from_utf8(line).ok()?)).collect()
}

fn read(record: &str) -> Option<Numbered> {
    let mut parts = record.splitn(5, ' ');
    let seq = parts.next()?.parse().ok()?;
    let at = Timestamp::from_nanosecond(parts.next()?.parse().ok()?).ok()?;
    let word = parts.next()?;
    let source = [Source::App, Source::Heroku].into_iter().find(|source| source.word() == word)?;
    let process = parts.next().filter(|process| !process.is_empty())?.to_owned();
    let text = parts.next().filter(|text| text.len() <= MAX_LINE && !text.contains(|c: char| c.is_control() && c != '\t' && c != '\u{1b}'))?.to_owned();
    Some(Numbered { seq, line: LogLine { at, source, process, text } })
}

impl Ring {
    /// Numbers stay without gaps, whatever could not be read, and go on after the last one.
    fn restored(lines: Vec<Numbered>, bounds: Bounds) -> Self {
        let mut ring = Self::default();
        let Some(last) = lines.last().map(|numbered| numbered.seq) else { return ring };
        ring.start_at(last.saturating_sub(lines.len() as u64 - 1).max(1));
        for numbered in lines {
            ring.push(numbered.line, bounds);
        }
        ring
    }
}

#[cfg(test)]
mod tests;
