//! Follows what dynos write. The engine keeps it in files meanwhile, so a reader that is slow or away holds up nothing.

use std::{sync::Arc, time::Duration};

use bollard::{
    container::LogOutput,
    errors::Error,
    query_parameters::{InspectContainerOptions, LogsOptions},
};
use domain::{
    AppId,
    log_line::{LogLine, Source},
};
use futures_util::StreamExt;
use jiff::Timestamp;
use ports::runtime::ContainerKey;
use tokio::time;

use crate::{
    connect::Engine,
    error::status,
    lines::{Lines, stamped},
    resume::{Kept, Read},
};

/// From where a log is read that nobody followed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// The container was started under our eyes.
    Beginning,
    /// It ran before the platform did: what is not kept of it, or as many lines as an app's log keeps.
    Adoption,
}

const KEPT_LINES: &str = "1500";

/// How long a removal waits for the last lines.
const DRAIN_LIMIT: Duration = Duration::from_secs(3);
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Follows a container's log to its end, unless someone does already.
pub(crate) fn follow(engine: &Arc<Engine>, id: &str, key: &ContainerKey, since: Since) {
    let Some(ended) = engine.known.begin_log(id) else { return };
    let reader = Reader { engine: engine.clone(), id: id.to_owned(), app: key.app, process: key.dyno.to_string() };
    engine.spawn(async move {
        reader.read_to_end(since).await;
        ended.send_replace(true);
    });
}

impl Engine {
    /// Waits until everything a container wrote has been read; not for ever, since a removal must come to pass.
    pub(crate) async fn drain(&self, id: &str) {
        if let Some(mut log) = self.known.log(id) {
            // An error means that the reader is gone, which is as good as ended.
            let _ = time::timeout(DRAIN_LIMIT, log.wait_for(|ended| *ended)).await;
        }
    }
}

struct Reader {
    engine: Arc<Engine>,
    id: String,
    app: AppId,
    process: String,
}

/// What was read of a container's log so far.
#[derive(Default)]
struct SoFar {
    /// What is known of it from before this platform was started.
    kept: Option<Kept>,
    /// Output and errors are streams of their own, even when they are written at the same time.
    read: [Option<Read>; 2],
    streams: [Lines; 2],
    /// The newest line that is kept, if it is still to be seen whether the engine has it, too.
    may_miss: Option<Timestamp>,
}

/// Whether to wait for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Follow,
    Rest,
}

enum End {
    /// The engine had no more to say.
    Whole,
    BrokenOff,
    NoContainer,
}

impl Reader {
    async fn read_to_end(&self, since: Since) {
        let kept = if since == Since::Adoption { self.engine.logs.kept_of(self.app, &self.process) } else { None };
        let mut so_far = SoFar { kept: kept.as_ref().map(Kept::new), ..SoFar::default() };
        if let Some(kept) = &so_far.kept {
            // Nothing is missing of what has only begun since.
            so_far.may_miss = self.began().await.is_some_and(|began| began < kept.newest).then_some(kept.newest);
        }
        let mut mode = Mode::Follow;
        loop {
            let end = self.read(since, mode, &mut so_far).await;
            match (end, self.runs().await) {
                (End::NoContainer, _) | (_, None) => break,
                (End::Whole, _) if mode == Mode::Rest => break,
                // Following may end a little before the end of what was written.
                (End::Whole, Some(false)) => mode = Mode::Rest,
                // The engine restarted, or ended the stream a moment before the container.
                (End::Whole | End::BrokenOff, _) => time::sleep(AGAIN_AFTER).await,
            }
        }
        let SoFar { kept, streams, .. } = &mut so_far;
        for lines in streams {
            lines.finish(|at, text| self.write(kept, at, text));
        }
    }

    /// Reads what was not read so far, until the stream ends.
    async fn read(&self, since: Since, mode: Mode, so_far: &mut SoFar) -> End {
        let SoFar { kept, read, streams, may_miss } = so_far;
        let mut before = *read;
        // Each stream is in order by itself; between the two, the engine may be off by a little.
        let earliest = read.iter().flatten().map(|read| read.at).min().or_else(|| kept.as_ref().map(|kept| kept.from));
        let tail = if since == Since::Adoption && earliest.is_none() { KEPT_LINES } else { "all" };
        let options = LogsOptions {
            follow: mode == Mode::Follow,
            stdout: true,
            stderr: true,
            timestamps: true,
            // Whole seconds, and one for the stream that is behind; what was read before is skipped below.
            since: earliest.and_then(|at| i32::try_from(at.as_second() - 1).ok()).unwrap_or(0),
            tail: tail.to_owned(),
            ..Default::default()
        };
        let mut frames = self.engine.api.logs(&self.id, Some(options));
        while let Some(frame) = frames.next().await {
            let (stream, message) = match frame {
                Ok(LogOutput::StdErr { message }) => (1, message),
                Ok(LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message }) => (0, message),
                Err(error) if matches!(status(&error), Some(404 | 409)) => return End::NoContainer,
                Err(error) => {
                    note(&self.id, &error);
                    return End::BrokenOff;
                }
            };
            let Some((at, bytes)) = stamped(&message) else { continue };
            if let Some(newest) = may_miss.take().filter(|newest| at > *newest) {
                self.tell_of_a_gap(newest, at);
            }
            if !Read::again(&mut before[stream], at) {
                Read::on(&mut read[stream], at);
                streams[stream].push(at, bytes, |at, text| self.write(kept, at, text));
            }
        }
        End::Whole
    }

    fn write(&self, kept: &mut Option<Kept>, at: Timestamp, text: String) {
        if !kept.as_mut().is_some_and(|kept| kept.holds(at)) {
            self.engine.logs.write(self.app, LogLine { at, source: Source::App, process: self.process.clone(), text });
        }
    }

    /// The engine keeps less than what was written while nobody read: the line that would be the first is gone.
    fn tell_of_a_gap(&self, newest: Timestamp, at: Timestamp) {
        let since = format!("{newest:.6}");
        let since = since.trim_end_matches('Z');
        let text = format!("Error L13: messages lost since {since}+00:00. They were overwritten while nobody read them; nobody counted them.");
        self.engine.logs.write(self.app, LogLine { at, source: Source::Heroku, process: self.process.clone(), text });
    }

    async fn began(&self) -> Option<Timestamp> {
        let container = self.engine.api.inspect_container(&self.id, None::<InspectContainerOptions>).await.ok()?;
        container.state?.started_at?.parse().ok()
    }

    /// `None`: there is no such container. An engine that does not answer leaves everything open.
    async fn runs(&self) -> Option<bool> {
        match self.engine.api.inspect_container(&self.id, None::<InspectContainerOptions>).await {
            Ok(container) => Some(container.state.and_then(|state| state.running) == Some(true)),
            Err(error) if status(&error) == Some(404) => None,
            Err(_) => Some(true),
        }
    }
}

fn note(container: &str, error: &Error) {
    tracing::debug!(container, %error, "a log stream broke off and is resumed");
}
