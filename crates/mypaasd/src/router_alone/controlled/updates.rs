//! The tables that the control plane sends, one after the other, and the last of them in a file.

use std::{
    convert::Infallible,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use api_types::RouterUpdate;
use bytes::BytesMut;
use domain::route::RouteTable;
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    call::{CallError, Control},
    table::{self, BadTable},
    unless_told,
};
use crate::keys;

/// The control plane gives a sign of life every ten seconds.
const DEAD: Duration = Duration::from_secs(30);
/// With routes of last time at hand, it gets so long for its own.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between attempts to reach it; doubled each time, up to the second.
const AGAIN: Duration = Duration::from_millis(100);
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const AGAIN_AT_MOST: Duration = Duration::from_secs(5);
/// A table of a hundred thousand apps is some 30 MB.
const LONGEST: usize = 512 << 20;

/// Why there is no next table.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the stream of routes ended")]
    Ended,
    #[error("a line of {0} bytes is no table")]
    TooLong(usize),
    #[error("what it sent is no JSON of ours: {0}")]
    NoJson(#[from] serde_json::Error),
    #[error(transparent)]
    NoTable(#[from] BadTable),
}

/// The control plane's tables over time.
pub(crate) struct Updates {
    control: Arc<Control>,
    kept: PathBuf,
    first: Arc<RouteTable>,
    stream: Option<Lines>,
}

impl Updates {
    /// Begins with the control plane's table or, if that is away, with the last one there was. Without either, waits.
    /// Gives nothing if told to stop meanwhile.
    pub(super) async fn begin(control: Arc<Control>, kept: PathBuf, told: impl Future<Output = ()>) -> anyhow::Result<Option<Self>> {
        let before = last(&kept);
        let work = async {
            let mut said = false;
            loop {
                // It may live and know no routes yet, while we do.
                let patience = if before.is_some() { PATIENCE } else { Duration::MAX };
                let opened = timeout(patience, open(&control, &kept)).await;
                match opened.unwrap_or(Err(StreamError::Call(CallError::Silent))) {
                    Ok((stream, first)) => return Ok((first, Some(stream))),
                    Err(StreamError::Call(error @ CallError::Refused)) => bail!("the control plane: {error}"),
                    Err(error) => {
                        if let Some(table) = &before {
                            tracing::warn!("the control plane: {error}; the routes of last time hold");
                            return Ok((table.clone(), None));
                        }
                        if !std::mem::replace(&mut said, true) {
                            tracing::warn!("the control plane: {error}; there are no routes of last time, so this waits for it");
                        }
                    }
                }
                sleep(LOOK_AGAIN).await;
            }
        };
        let begun = unless_told(told, work).await?;
        Ok(begun.map(|(first, stream)| Self { control, kept, first, stream }))
    }

    /// Of a router that has its table, and takes what comes.
    pub(crate) fn next(control: Arc<Control>, kept: PathBuf) -> Self {
        Self { control, kept, first: Arc::default(), stream: None }
    }

    pub(super) fn first(&self) -> Arc<RouteTable> {
        self.first.clone()
    }

    /// Publishes each table as it comes. While none comes, the last one stays.
    pub(crate) async fn follow(&mut self, routes: &watch::Sender<Arc<RouteTable>>) -> Infallible {
        let mut wait = AGAIN;
        loop {
            let error = match self.stream.take() {
                Some(mut stream) => loop {
                    match stream.next_table(&self.kept).await {
                        Ok(table) => drop(routes.send_replace(table)),
                        Err(error) => break error,
                    }
                },
                None => match open(&self.control, &self.kept).await {
                    Ok((stream, table)) => {
                        tracing::info!("the control plane is back");
                        routes.send_replace(table);
                        self.stream = Some(stream);
                        wait = AGAIN;
                        continue;
                    }
                    Err(error) => error,
                },
            };
            if wait == AGAIN {
                tracing::warn!("the control plane: {error}; the last routes hold");
            }
            sleep(wait).await;
            wait = (wait * 2).min(AGAIN_AT_MOST);
        }
    }
}

/// The stream, once its first table has come.
async fn open(control: &Control, kept: &Path) -> Result<(Lines, Arc<RouteTable>), StreamError> {
    let answer = control.call(Method::GET, "/mypaas/router/routes", Vec::new()).await?;
    let mut lines = Lines { body: answer.into_body(), came: BytesMut::new(), searched: 0 };
    let table = lines.next_table(kept).await?;
    Ok((lines, table))
}

/// The table of last time, if there is one that still means something.
fn last(kept: &Path) -> Option<Arc<RouteTable>> {
    let read = || -> anyhow::Result<Option<RouteTable>> {
        match fs::read(kept) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            bytes => parse(&bytes?).context("it is of another version, or damaged"),
        }
    };
    read()
        .unwrap_or_else(|error| {
            tracing::warn!("the routes of last time, {}, are not used: {error:#}", kept.display());
            None
        })
        .map(Arc::new)
}

fn parse(line: &[u8]) -> Result<Option<RouteTable>, StreamError> {
    let update: RouterUpdate = serde_json::from_slice(line)?;
    Ok(update.routes.map(table::read).transpose()?)
}

/// The answer's lines.
struct Lines {
    body: Incoming,
    came: BytesMut,
    /// So many bytes hold no line end.
    searched: usize,
}

impl Lines {
    /// The next table; it is in the file then.
    async fn next_table(&mut self, kept: &Path) -> Result<Arc<RouteTable>, StreamError> {
        loop {
            let line = self.next().await?;
            // A large table takes a while; the other threads go on serving.
            let table = tokio::task::block_in_place(|| {
                let table = parse(&line)?;
                if table.is_some()
                    && let Err(error) = keys::write_once(kept, &line)
                {
                    tracing::warn!("a restart of the router would not know these routes: {error:#}");
                }
                Ok::<_, StreamError>(table)
            })?;
            if let Some(table) = table {
                tracing::debug!(hosts = table.hosts.len(), "a new route table");
                return Ok(Arc::new(table));
            }
        }
    }

    async fn next(&mut self) -> Result<BytesMut, StreamError> {
        loop {
            if let Some(end) = self.came[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.came.split_to(self.searched + end + 1);
                self.searched = 0;
                return Ok(line);
            }
            self.searched = self.came.len();
            if self.searched > LONGEST {
                return Err(StreamError::TooLong(self.searched));
            }
            let frame = timeout(DEAD, self.body.frame()).await.map_err(|_| CallError::Silent)?;
            let frame = frame.ok_or(StreamError::Ended)?.map_err(CallError::Broken)?;
            if let Ok(data) = frame.into_data() {
                self.came.extend_from_slice(&data);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_of_last_time_are_used_if_they_mean_something() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("routes.json");
        assert_eq!(last(&kept), None);
        fs::write(&kept, r#"{"routes":[]}"#).unwrap();
        assert_eq!(last(&kept), Some(Arc::default()));
        for damaged in ["", "{", r#"{"routes":null}"#, r#"{"routes":[{}]}"#] {
            fs::write(&kept, damaged).unwrap();
            assert_eq!(last(&kept), None, "{damaged}");
        }
    }
}
