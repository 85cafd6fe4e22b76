//! What the engine says of itself, for whoever looks after the machine. Nothing is changed by asking.

use std::path::PathBuf;

use ports::{RuntimeError, runtime::Machine};

use crate::{
    connect::{self, Engine},
    error::{found, refused},
};

/// The engine, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// `28.1.0`.
    pub version: String,
    /// `1.49`.
    pub api_version: String,
    /// `overlay2`.
    pub storage: String,
    /// `2`, where the kernel's cgroups are unified.
    pub cgroups: String,
    /// Limits that its kernel cannot keep.
    pub warnings: Vec<String>,
    /// Those of the images asked about that are not there.
    pub missing: Vec<String>,
}

/// Asks the engine at this socket (`None`: the usual place) about itself and these images.
pub async fn about(socket: Option<PathBuf>, images: &[String]) -> Result<About, RuntimeError> {
    let api = connect::engine(&socket.unwrap_or_else(|| connect::USUAL_SOCKET.into())).await?;
    let (version, info) = (api.version().await.map_err(refused)?, api.info().await.map_err(refused)?);
    let mut missing = Vec::new();
    for image in images {
        if found(api.inspect_image(image).await)?.is_none() {
            missing.push(image.clone());
        }
    }
    Ok(About {
        version: version.version.unwrap_or_default(),
        api_version: version.api_version.unwrap_or_default(),
        storage: info.driver.unwrap_or_default(),
        cgroups: info.cgroup_version.map(|version| version.to_string()).unwrap_or_default(),
        warnings: info.warnings.unwrap_or_default(),
        missing,
    })
}

/// The machine that the engine runs on.
pub(crate) async fn machine(engine: &Engine) -> Result<Machine, RuntimeError> {
    let info = engine.api.info().await.map_err(refused)?;
    let count = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default();
    Ok(Machine {
        name: info.name.unwrap_or_default(),
        engine: format!("Docker {}", info.server_version.unwrap_or_default()),
        processors: count(info.ncpu),
        memory: count(info.mem_total),
    })
}
