//! [`ports::Runtime`], call by call.

use std::sync::Arc;

use async_trait::async_trait;
use bollard::{errors::Error, query_parameters::WaitContainerOptions};
use futures_util::StreamExt;
use ports::{
    Runtime, RuntimeError,
    runtime::{Attached, Base, Condition, ContainerKey, ContainerSpec, Image, Kept, Machine, MemoryUse, OneOffSpec, SeenContainer, Stored},
};

use crate::{
    Docker, about, attach,
    connect::Engine,
    error::{refused, status},
    logs::Since,
    seen,
};

#[async_trait]
impl Runtime for Docker {
    async fn ensure_image(&self, image: &Image) -> Result<(), RuntimeError> {
        self.engine.make_ready(image).await
    }

    async fn ensure_running(&self, spec: &ContainerSpec) -> Result<(), RuntimeError> {
        self.engine.ensure_running(spec).await
    }

    async fn terminate(&self, key: &ContainerKey, generation: u64) -> Result<(), RuntimeError> {
        // `dyno-init` passes it on to every process.
        self.engine.signal(key, generation, "SIGTERM").await
    }

    async fn kill(&self, key: &ContainerKey, generation: u64) -> Result<(), RuntimeError> {
        // The kernel ends every process of a container with its first.
        self.engine.signal(key, generation, "SIGKILL").await
    }

    async fn ensure_gone(&self, key: &ContainerKey, generation: u64) -> Result<(), RuntimeError> {
        self.engine.ensure_gone(key, generation).await
    }

    async fn memory(&self) -> Result<Vec<MemoryUse>, RuntimeError> {
        seen::memory(&self.engine).await
    }

    async fn list(&self) -> Result<Vec<SeenContainer>, RuntimeError> {
        seen::list(&self.engine, Since::Beginning).await
    }

    async fn run_attached(&self, spec: &OneOffSpec) -> Result<Attached, RuntimeError> {
        attach::run(&self.engine, spec).await
    }

    async fn resize(&self, key: &ContainerKey, size: (u16, u16)) -> Result<(), RuntimeError> {
        attach::resize(&self.engine, key, size).await
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
        about::machine(&self.engine).await
    }

    fn changes(&self) -> Arc<tokio::sync::Notify> {
        self.engine.changes.clone()
    }
}

impl Engine {
    async fn wait(self: &Arc<Self>, key: &ContainerKey) -> Result<Option<i32>, RuntimeError> {
        let Some(container) = self.find_named(key, &self.instance.container(key)).await? else { return Ok(None) };
        let options = WaitContainerOptions { condition: "not-running".to_owned() };
        let mut ends = self.api.wait_container(&container.id, Some(options));
        let code = match ends.next().await {
            Some(Ok(ended)) => Some(ended.status_code),
            // How the client library says that a status was not zero.
            Some(Err(Error::DockerContainerWaitError { code, .. })) => Some(code),
            Some(Err(error)) if status(&error) == Some(404) => None,
            Some(Err(error)) => return Err(refused(error)),
            None => None,
        };
        if let Some(code) = code {
            return Ok(i32::try_from(code).ok());
        }
        // The engine hung up without an answer, or the container is gone: look once.
        let seen = seen::list(self, Since::Beginning).await?;
        Ok(seen.into_iter().find(|seen| seen.key == *key && seen.generation == container.tagged.generation).and_then(|seen| match seen.condition {
            Condition::Exited { status, .. } => Some(status),
            Condition::Created | Condition::Running { .. } => None,
        }))
    }
}
