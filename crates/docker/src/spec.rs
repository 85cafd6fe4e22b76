//! What a dyno's container is made of.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, ResourcesUlimits};
use domain::Sha256;
use ports::runtime::ContainerSpec;
use sha2::Digest;

use crate::{connect::Engine, stack_image::DYNO_INIT};

const MIB: i64 = 1024 * 1024;

/// Open files per process (Heroku: "Dynos": 10,000).
const OPEN_FILES: i64 = 10_000;

/// Where the app is, and its processes' home.
pub(crate) const HOME: &str = "/app";
pub(crate) const USER: &str = "1000:1000";

/// Whether someone is to be connected to the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Streams {
    /// Output is kept for the log.
    Logged,
    /// Someone reads and writes; nothing is kept. A terminal of (columns, rows), or pipes.
    Attached(Option<(u16, u16)>),
}

impl Engine {
    pub(crate) fn dyno(&self, spec: &ContainerSpec, image: String, network: String, streams: Streams) -> ContainerCreateBody {
        let attached = streams != Streams::Logged;
        let terminal = matches!(streams, Streams::Attached(Some(_)));
        // R15: a dyno is killed at twice its quota, without swap.
        let memory = i64::try_from(spec.limits.memory_mib).unwrap_or(i64::MAX / MIB / 2) * 2 * MIB;
        let log = match streams {
            Streams::Logged => HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                config: Some(HashMap::from([("max-size".to_owned(), "10m".to_owned()), ("max-file".to_owned(), "2".to_owned())])),
            },
            Streams::Attached(_) => HostConfigLogConfig { typ: Some("none".to_owned()), config: None },
        };
        ContainerCreateBody {
            image: Some(image),
            hostname: Some(hostname(spec)),
            user: Some(USER.to_owned()),
            working_dir: Some(HOME.to_owned()),
            entrypoint: Some(vec![DYNO_INIT.to_owned()]),
            cmd: Some(vec!["--profile".to_owned(), "--".to_owned(), spec.command.clone()]),
            env: Some(self.env(spec).into_iter().map(|(key, value)| format!("{key}={value}")).collect()),
            labels: Some(self.instance.dyno_labels(spec, attached)),
            tty: Some(terminal),
            open_stdin: Some(attached),
            stdin_once: Some(attached),
            attach_stdin: Some(attached),
            attach_stdout: Some(attached),
            attach_stderr: Some(attached),
            host_config: Some(HostConfig {
                memory: Some(memory),
                memory_swap: Some(memory),
                pids_limit: Some(spec.limits.pids),
                cpu_shares: Some(spec.limits.cpu_shares),
                log_config: Some(log),
                network_mode: Some(network),
                ..confined()
            }),
            ..Default::default()
        }
    }

    fn env(&self, spec: &ContainerSpec) -> Vec<(String, String)> {
        let mut env: Vec<_> = spec.env.iter().filter(|(key, _)| key != "HOME").cloned().collect();
        env.push(("HOME".to_owned(), HOME.to_owned()));
        if !env.iter().any(|(key, _)| key == "DYNO_RAM") {
            env.push(("DYNO_RAM".to_owned(), spec.limits.memory_mib.to_string()));
        }
        self.with_trust(env)
    }
}

/// What no container of an app may do, whatever it runs.
pub(crate) fn confined() -> HostConfig {
    HostConfig {
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        ulimits: Some(vec![ResourcesUlimits { name: Some("nofile".to_owned()), soft: Some(OPEN_FILES), hard: Some(OPEN_FILES) }]),
        ..Default::default()
    }
}

/// A UUID, as a dyno's hostname is on Heroku; always the same for the same container.
fn hostname(spec: &ContainerSpec) -> String {
    let digest = sha2::Sha256::digest(format!("{} {} {}", spec.key.app, spec.key.dyno, spec.generation));
    let hex = Sha256(digest.into()).to_string();
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}
