//! What tests of this crate share: archives to build from and to look into, a terminal, sandboxes that misbehave.

use std::{
    io::{Cursor, Read},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{AppId, ConfigVars};
use futures_util::{StreamExt, stream};
use ports::{
    ByteStream, RuntimeError, Sandbox, Sandboxes,
    sandbox::{
        Finished, OutputSink, Program, SandboxSpec,
        fake::{Act, FakeSandboxes},
    },
};
use tar::{Builder, EntryType, Header};

use crate::job::Terminal;

/// An entry to put into an archive, names taken literally.
pub(crate) struct Given<'a> {
    pub(crate) kind: EntryType,
    pub(crate) path: &'a str,
    pub(crate) target: &'a str,
    pub(crate) content: &'a [u8],
    pub(crate) mode: u32,
}

pub(crate) fn file<'a>(path: &'a str, content: &'a str) -> Given<'a> {
    Given { kind: EntryType::Regular, path, target: "", content: content.as_bytes(), mode: 0o664 }
}

pub(crate) fn folder(path: &str) -> Given<'_> {
    Given { kind: EntryType::Directory, mode: 0o775, ..file(path, "") }
}

pub(crate) fn link<'a>(kind: EntryType, path: &'a str, target: &'a str) -> Given<'a> {
    Given { kind, target, mode: 0o777, ..file(path, "") }
}

pub(crate) fn header(given: &Given<'_>) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(given.kind);
    header.set_mode(given.mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_700_000_000);
    header.set_size(given.content.len() as u64);
    let name = &mut header.as_old_mut().name;
    let short = &given.path.as_bytes()[..given.path.len().min(name.len())];
    name[..short.len()].copy_from_slice(short);
    let target = &given.target.as_bytes()[..given.target.len().min(100)];
    header.set_link_name_literal(target).unwrap();
    header.set_cksum();
    header
}

/// Writes entries as they are, however wrong; long names as GNU tar does.
pub(crate) fn tar(entries: &[Given<'_>]) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for given in entries {
        for (kind, text, limit) in [(EntryType::GNULongName, given.path, 100), (EntryType::GNULongLink, given.target, 100)] {
            if text.len() > limit {
                let long = format!("{text}\0");
                let extension = Given { kind, path: "././@LongLink", content: long.as_bytes(), ..file("", "") };
                archive.append(&header(&extension), extension.content).unwrap();
            }
        }
        archive.append(&header(given), given.content).unwrap();
    }
    archive.into_inner().unwrap()
}

/// In chunks that have nothing to do with blocks.
pub(crate) fn stream_of(bytes: &[u8]) -> ByteStream {
    let chunks: Vec<_> = bytes.chunks(1_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    stream::iter(chunks).boxed()
}

/// One line for each entry: kind, mode, owner, path, and what is in it or where it leads.
pub(crate) fn listing(tar: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(Cursor::new(tar));
    let lines = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let header = entry.header().clone();
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let target = entry.link_name_bytes().map(|target| String::from_utf8_lossy(&target).into_owned());
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        let (kind, what) = match header.entry_type() {
            EntryType::Directory => ('d', String::new()),
            EntryType::Symlink => ('l', format!(" -> {}", target.unwrap())),
            EntryType::Link => ('h', format!(" => {}", target.unwrap())),
            EntryType::Regular => ('-', format!(" {content:?}")),
            other => panic!("{other:?}"),
        };
        let (uid, gid) = (header.uid().unwrap(), header.gid().unwrap());
        format!("{kind}{:04o} {uid}:{gid} {}{what}", header.mode().unwrap(), path.trim_end_matches('/'))
    });
    lines.collect()
}

pub(crate) fn config(vars: &[(&str, &str)]) -> ConfigVars {
    ConfigVars::default().changed(&vars.iter().map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned()))).collect()).unwrap()
}

/// Keeps what a person would see.
#[derive(Default)]
pub(crate) struct Screen(pub(crate) String);

impl Terminal for Screen {
    fn line(&mut self, text: &str) {
        self.0 += text;
        self.0.push('\n');
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0 += std::str::from_utf8(bytes).unwrap();
    }
}

/// How a sandbox misbehaves when `bin/compile` runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    Hangs,
    RunsOutOfMemory,
}

/// Fake sandboxes that can be in trouble, and know how many were opened and closed.
#[derive(Clone)]
pub(crate) struct Playground {
    fake: FakeSandboxes,
    trouble: Trouble,
    pub(crate) opened: Arc<AtomicUsize>,
    pub(crate) closed: Arc<AtomicUsize>,
}

impl Playground {
    /// `built` is what the build folder `folder` holds in the end.
    pub(crate) fn new(act: Act, folder: &str, built: Vec<u8>, trouble: Trouble) -> Self {
        let files = [(folder.to_owned(), built.into())].into();
        Self { fake: FakeSandboxes { act, files }, trouble, opened: Arc::default(), closed: Arc::default() }
    }

    /// What its programs do.
    pub(crate) fn act(&self) -> Act {
        self.fake.act.clone()
    }

    /// Another doing, and one more folder that holds something in the end.
    pub(crate) fn replace(&mut self, act: Act, folder: &str, built: Vec<u8>) {
        self.fake.act = act;
        self.fake.files.insert(folder.to_owned(), built.into());
    }
}

#[async_trait]
impl Sandboxes for Playground {
    async fn open(&self, spec: &SandboxSpec) -> Result<Box<dyn Sandbox>, RuntimeError> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Sandpit { inside: self.fake.open(spec).await?, of: self.clone() }))
    }

    async fn purge_cache(&self, app: AppId) -> Result<(), RuntimeError> {
        self.fake.purge_cache(app).await
    }
}

struct Sandpit {
    inside: Box<dyn Sandbox>,
    of: Playground,
}

#[async_trait]
impl Sandbox for Sandpit {
    async fn put(&self, path: &str, tar: ByteStream) -> Result<(), RuntimeError> {
        self.inside.put(path, tar).await
    }

    async fn run(&self, program: &Program, output: &mut dyn OutputSink) -> Result<Finished, RuntimeError> {
        let finished = self.inside.run(program, output).await?;
        match self.of.trouble {
            Trouble::Hangs if program.argv[0].ends_with("/compile") => std::future::pending().await,
            Trouble::RunsOutOfMemory if program.argv[0].ends_with("/compile") => Ok(Finished { status: 137, out_of_memory: true }),
            _ => Ok(finished),
        }
    }

    async fn take(&self, path: &str) -> Result<ByteStream, RuntimeError> {
        self.inside.take(path).await
    }

    async fn close(&self) -> Result<(), RuntimeError> {
        self.of.closed.fetch_add(1, Ordering::SeqCst);
        self.inside.close().await
    }
}
