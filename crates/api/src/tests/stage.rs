//! A container engine in which attached dynos have programs: functions a test hands in.

use std::{future::Future, pin::Pin, sync::Arc};

use async_trait::async_trait;
use ports::{
    Clock, Runtime, RuntimeError,
    runtime::{Attached, Base, ContainerKey, ContainerSpec, Image, Kept, Machine, MemoryUse, OneOffSpec, SeenContainer, Stored, fake::FakeRuntime},
};
use tokio::{
    io::{DuplexStream, ReadHalf, WriteHalf},
    sync::Notify,
};

/// Given its standard input and output, a program ends with a status.
pub(super) type Program = fn(ReadHalf<DuplexStream>, WriteHalf<DuplexStream>) -> Pin<Box<dyn Future<Output = i32> + Send>>;

pub(super) struct Stage {
    pub(super) engine: Arc<FakeRuntime>,
    program: Program,
}

impl Stage {
    pub(super) fn new(clock: Arc<dyn Clock>, program: Program) -> Self {
        Self { engine: Arc::new(FakeRuntime::new(clock)), program }
    }
}

#[async_trait]
impl Runtime for Stage {
    async fn ensure_image(&self, image: &Image) -> Result<(), RuntimeError> {
        self.engine.ensure_image(image).await
    }

    async fn ensure_running(&self, spec: &ContainerSpec) -> Result<(), RuntimeError> {
        self.engine.ensure_running(spec).await
    }

    async fn terminate(&self, key: &ContainerKey, generation: u64) -> Result<(), RuntimeError> {
        self.engine.terminate(key, generation).await
    }

    async fn kill(&self, key: &ContainerKey, generation: u64) -> Result<(), RuntimeError> {
        self.engine.kill(key, generation).await
    }

    async fn ensure_gone(&self, key: &ContainerKey, generation: u64) -> Result<(), RuntimeError> {
        self.engine.ensure_gone(key, generation).await
    }

    async fn memory(&self) -> Result<Vec<MemoryUse>, RuntimeError> {
        self.engine.memory().await
    }

    async fn list(&self) -> Result<Vec<SeenContainer>, RuntimeError> {
        self.engine.list().await
    }

    async fn run_attached(&self, spec: &OneOffSpec) -> Result<Attached, RuntimeError> {
        self.engine.ensure_running(&spec.container).await?;
        // Two pipes: one in each direction, so that closing the input leaves the output open.
        let (input, stdin) = tokio::io::duplex(1024);
        let (output, stdout) = tokio::io::duplex(1024);
        let ((stdin, _), (_, stdout)) = (tokio::io::split(stdin), tokio::io::split(stdout));
        let (program, engine, key) = ((self.program)(stdin, stdout), self.engine.clone(), spec.container.key.clone());
        tokio::spawn(async move {
            let status = program.await;
            engine.crash(&key, status);
        });
        Ok(Attached { output: Box::new(output), input: Box::new(input) })
    }

    async fn resize(&self, key: &ContainerKey, size: (u16, u16)) -> Result<(), RuntimeError> {
        self.engine.resize(key, size).await
    }

    async fn wait(&self, key: &ContainerKey) -> Result<Option<i32>, RuntimeError> {
        self.engine.wait(key).await
    }

    async fn retain(&self, kept: &Kept) -> Result<(), RuntimeError> {
        self.engine.retain(kept).await
    }

    async fn stored(&self) -> Result<Vec<Stored>, RuntimeError> {
        self.engine.stored().await
    }

    async fn bases(&self) -> Result<Vec<Base>, RuntimeError> {
        self.engine.bases().await
    }

    async fn machine(&self) -> Result<Machine, RuntimeError> {
        self.engine.machine().await
    }

    fn changes(&self) -> Arc<Notify> {
        self.engine.changes()
    }
}
