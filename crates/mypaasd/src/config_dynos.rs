//! Settings of dynos and of what may be asked: `[dynos]`, `[[dyno_size]]`, `[api]`.

use anyhow::{Context, ensure};
use domain::{DynoSize, dyno::Policy, dyno_size::Limits};
use engine::Quota;
use jiff::SignedDuration;
use serde::Deserialize;

/// `[dynos]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Dynos {
    /// Most dynos of one app, all types together.
    pub(crate) most_per_app: u32,
    /// Most memory of one app's dynos together; whatever the machine has if not given.
    pub(crate) memory_mib_per_app: Option<u64>,
    /// With preboot: how long a web dyno that has been replaced may still answer.
    pub(crate) drain_seconds: u32,
    /// Web dynos of a size that sleeps do so after so long without a request.
    pub(crate) sleep_after_seconds: u32,
    /// A one-off dyno is ended after so long.
    pub(crate) one_off_hours: u32,
}

impl Default for Dynos {
    fn default() -> Self {
        Self { most_per_app: 100, memory_mib_per_app: None, drain_seconds: 60, sleep_after_seconds: 30 * 60, one_off_hours: 24 }
    }
}

/// `[api]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Requests {
    /// What one account may ask in an hour.
    pub(crate) requests_per_hour: u32,
}

impl Default for Requests {
    fn default() -> Self {
        Self { requests_per_hour: Quota::default().requests_per_hour }
    }
}

impl Dynos {
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            drain: SignedDuration::from_secs(self.drain_seconds.into()),
            idle_after: SignedDuration::from_secs(self.sleep_after_seconds.into()),
            one_off_limit: SignedDuration::from_hours(self.one_off_hours.into()),
            ..Policy::default()
        }
    }

    pub(crate) const fn quota(&self, requests_per_hour: u32) -> Quota {
        Quota { dynos: self.most_per_app, memory_mib: self.memory_mib_per_app, requests_per_hour }
    }
}

/// `[[dyno_size]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Size {
    pub(crate) name: String,
    pub(crate) memory_mib: u64,
    /// Relative to other dynos: Standard-1X has 512.
    pub(crate) cpu_shares: u32,
    /// Most processes and threads.
    pub(crate) processes: u32,
    /// Whether web dynos of this size sleep when nobody asks for them.
    #[serde(default)]
    pub(crate) sleeps: bool,
}

impl Size {
    pub(crate) fn read(&self) -> anyhow::Result<(DynoSize, Limits)> {
        let size: DynoSize = self.name.parse().with_context(|| format!("dyno_size {:?}", self.name))?;
        ensure!((4..=16 * 1024 * 1024).contains(&self.memory_mib), "dyno_size {}: memory_mib is between 4 and 16777216: {}", self.name, self.memory_mib);
        ensure!((2..=262_144).contains(&self.cpu_shares), "dyno_size {}: cpu_shares is between 2 and 262144: {}", self.name, self.cpu_shares);
        ensure!(self.processes >= 2, "dyno_size {}: processes is at least 2: {}", self.name, self.processes);
        Ok((size, Limits { memory_mib: self.memory_mib, cpu_shares: self.cpu_shares.into(), pids: self.processes.into(), sleeps: self.sleeps }))
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn an_admin_s_size_is_a_size_and_a_bad_one_is_named() {
        let config: Config = toml::from_str("[[dyno_size]]\nname = \"Huge\"\nmemory_mib = 65536\ncpu_shares = 2048\nprocesses = 4096").unwrap();
        let sizes = config.sizes().unwrap();
        assert_eq!(sizes.limits(&sizes.find("huge").unwrap()).memory_mib, 65536);
        let config: Config = toml::from_str("[[dyno_size]]\nname = \"Huge\"\nmemory_mib = 1\ncpu_shares = 2048\nprocesses = 4096").unwrap();
        assert_eq!(config.sizes().unwrap_err().to_string(), "dyno_size Huge: memory_mib is between 4 and 16777216: 1");
        assert!(toml::from_str::<Config>("[dynos]\ndrain = 5").is_err());
    }
}
