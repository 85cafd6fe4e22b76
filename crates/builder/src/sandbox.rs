//! A sandbox that is closed whatever happens to the build.

use std::time::Duration;

use ports::{RuntimeError, Sandbox, Sandboxes, sandbox::SandboxSpec};

/// At most one open sandbox. Dropped with it still open (the build was cancelled), it is closed in the background.
#[derive(Default)]
pub(crate) struct OpenSandbox(Option<Box<dyn Sandbox>>);

/// A build that is done does not wait longer than this for its sandbox to go away; sweeping finds it later.
const CLOSING: Duration = Duration::from_secs(60);

impl OpenSandbox {
    pub(crate) async fn open(&mut self, sandboxes: &dyn Sandboxes, spec: &SandboxSpec) -> Result<&dyn Sandbox, RuntimeError> {
        let opened = sandboxes.open(spec).await?;
        Ok(&**self.0.insert(opened))
    }

    pub(crate) async fn close(mut self) {
        if let Some(sandbox) = &self.0 {
            close(sandbox.as_ref()).await;
        }
        self.0 = None;
    }
}

impl Drop for OpenSandbox {
    fn drop(&mut self) {
        if let (Some(sandbox), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { close(sandbox.as_ref()).await });
        }
    }
}

async fn close(sandbox: &dyn Sandbox) {
    match tokio::time::timeout(CLOSING, sandbox.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "a sandbox could not be closed; sweeping will find it"),
        Err(_) => tracing::warn!("a sandbox took too long to close; sweeping will find it"),
    }
}
