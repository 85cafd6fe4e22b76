//! Sandboxes in which one buildpack works, fails or hangs, as a test says.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;
use domain::AppId;
use futures_util::{StreamExt, TryStreamExt, stream};
use ports::{
    ByteStream, RuntimeError, Sandbox, Sandboxes,
    sandbox::{Finished, OutputSink, Program, SandboxSpec},
};
use tokio::sync::Semaphore;

/// An archive of nothing.
pub(super) const EMPTY_TAR: &[u8] = &[0; 1024];

#[derive(Default)]
pub(super) struct Workshop {
    /// `bin/compile` fails.
    pub(super) fails: AtomicBool,
    /// `bin/compile` waits for a permit.
    pub(super) waits: AtomicBool,
    pub(super) opened: AtomicUsize,
    pub(super) closed: AtomicUsize,
    pub(super) purged: AtomicUsize,
}

/// What a [`Workshop`] that waits waits for.
pub(super) struct Bench {
    pub(super) shop: Arc<Workshop>,
    pub(super) gate: Arc<Semaphore>,
}

impl Default for Bench {
    fn default() -> Self {
        Self { shop: Arc::default(), gate: Arc::new(Semaphore::new(0)) }
    }
}

#[async_trait]
impl Sandboxes for Bench {
    async fn open(&self, _: &SandboxSpec) -> Result<Box<dyn Sandbox>, RuntimeError> {
        self.shop.opened.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Self { shop: self.shop.clone(), gate: self.gate.clone() }))
    }

    async fn purge_cache(&self, _: AppId) -> Result<(), RuntimeError> {
        self.shop.purged.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[async_trait]
impl Sandbox for Bench {
    async fn put(&self, _: &str, tar: ByteStream) -> Result<(), RuntimeError> {
        tar.try_for_each(|_| async { Ok(()) }).await.map_err(|error| RuntimeError::Refused(error.to_string()))
    }

    async fn run(&self, program: &Program, output: &mut dyn OutputSink) -> Result<Finished, RuntimeError> {
        let mut status = 0;
        match program.argv[0].rsplit('/').next() {
            Some("detect") => output.stdout(b"Node.js\n"),
            Some("compile") => {
                output.stdout(b"       compiling\n");
                output.stderr(b"       warned\n");
                output.stdout(b"       fetching ..");
                if self.shop.waits.load(Ordering::SeqCst) {
                    self.gate.acquire().await.unwrap().forget();
                }
                output.stdout(b". done\n");
                status = i32::from(self.shop.fails.load(Ordering::SeqCst));
            }
            // There is no Procfile.
            Some("cat") => status = 1,
            _ => output.stdout(b"default_process_types:\n  web: node web.js\n"),
        }
        Ok(Finished { status, out_of_memory: false })
    }

    async fn take(&self, _: &str) -> Result<ByteStream, RuntimeError> {
        Ok(stream::iter([Ok(Bytes::from_static(EMPTY_TAR))]).boxed())
    }

    async fn close(&self) -> Result<(), RuntimeError> {
        self.shop.closed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}
