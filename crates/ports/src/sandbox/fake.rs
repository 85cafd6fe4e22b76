//! A sandbox whose programs are functions a test hands in.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use domain::AppId;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Finished, OutputSink, Program, Sandbox, SandboxSpec, Sandboxes};
use crate::{ByteStream, RuntimeError};

/// What a program does: sees the archives put in so far (by path) and its own argv, writes output, ends with a status.
pub type Act = Arc<dyn Fn(&Program, &BTreeMap<String, Bytes>, &mut dyn OutputSink) -> i32 + Send + Sync>;

/// Sandboxes in which every program is `act`, and out of which `take` gives the archives in `files`.
#[derive(Clone)]
pub struct FakeSandboxes {
    pub act: Act,
    /// By path: what `take` answers. A path that was `put` but is not here is answered with what was put.
    pub files: BTreeMap<String, Bytes>,
}

#[async_trait]
impl Sandboxes for FakeSandboxes {
    async fn open(&self, _spec: &SandboxSpec) -> Result<Box<dyn Sandbox>, RuntimeError> {
        Ok(Box::new(FakeSandbox { made_of: self.clone(), inside: Mutex::default() }))
    }

    async fn purge_cache(&self, _app: AppId) -> Result<(), RuntimeError> {
        Ok(())
    }
}

struct FakeSandbox {
    made_of: FakeSandboxes,
    inside: Mutex<BTreeMap<String, Bytes>>,
}

#[async_trait]
impl Sandbox for FakeSandbox {
    async fn put(&self, path: &str, tar: ByteStream) -> Result<(), RuntimeError> {
        let chunks: Vec<Bytes> = tar.try_collect().await.map_err(|error| RuntimeError::Refused(error.to_string()))?;
        self.inside.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), chunks.concat().into());
        Ok(())
    }

    async fn run(&self, program: &Program, output: &mut dyn OutputSink) -> Result<Finished, RuntimeError> {
        let inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Finished { status: (self.made_of.act)(program, &inside, output), out_of_memory: false })
    }

    async fn take(&self, path: &str) -> Result<ByteStream, RuntimeError> {
        let inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        let bytes = self.made_of.files.get(path).cloned().or(inside).ok_or_else(|| RuntimeError::Refused(format!("no such path: {path}")))?;
        Ok(stream::iter([Ok(bytes)]).boxed())
    }

    async fn close(&self) -> Result<(), RuntimeError> {
        Ok(())
    }
}
