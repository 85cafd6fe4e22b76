//! What a dyno's container is made of.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountBindOptions, MountBindOptionsPropagationEnum, MountType, ResourcesUlimits,
};
use domain::{Sha256, dyno_size::Limits};
use ports::runtime::ContainerSpec;
use sha2::Digest;

use crate::{
    connect::Engine,
    labels::{Labels, PLACE},
    pool::spare_command,
    stack_image::DYNO_INIT,
};

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
    pub(crate) fn dyno(&self, spec: &ContainerSpec, image: String, network: String, streams: Streams, place: Option<&str>) -> ContainerCreateBody {
        let attached = streams != Streams::Logged;
        let log = match streams {
            Streams::Logged => kept_log(),
            Streams::Attached(_) => HostConfigLogConfig { typ: Some("none".to_owned()), config: None },
        };
        let gate = if attached { Vec::new() } else { self.gate() };
        let mut labels = self.instance.dyno_labels(spec, attached);
        labels.extend(place.map(|place| (PLACE.to_owned(), place.to_owned())));
        let seed = format!("{} {} {}", spec.key.app, spec.key.dyno, spec.generation);
        ContainerCreateBody {
            cmd: Some([gate, vec!["--profile".to_owned(), "--".to_owned(), spec.command.clone()]].concat()),
            env: Some(self.env(spec).into_iter().map(|(key, value)| format!("{key}={value}")).collect()),
            labels: Some(labels),
            tty: Some(matches!(streams, Streams::Attached(Some(_)))),
            open_stdin: Some(attached),
            stdin_once: Some(attached),
            attach_stdin: Some(attached),
            attach_stdout: Some(attached),
            attach_stderr: Some(attached),
            ..self.started_by_us(image, &seed, self.limited(spec.limits, network, log, place))
        }
    }

    /// The same for a dyno that is not known yet.
    pub(crate) fn spare(&self, image: String, network: String, place: &str, limits: Limits, labels: Labels) -> ContainerCreateBody {
        ContainerCreateBody {
            cmd: Some([self.gate(), spare_command()].concat()),
            labels: Some(labels),
            ..self.started_by_us(image, place, self.limited(limits, network, kept_log(), Some(place)))
        }
    }

    /// Makes `dyno-init` drop what is too much for the log.
    fn gate(&self) -> Vec<String> {
        vec!["--log".to_owned(), format!("{},{}", self.log_rate.lines, self.log_rate.bytes)]
    }

    fn started_by_us(&self, image: String, seed: &str, host_config: HostConfig) -> ContainerCreateBody {
        ContainerCreateBody {
            image: Some(image),
            hostname: Some(hostname(&format!("{} {seed}", self.instance.0))),
            user: Some(USER.to_owned()),
            working_dir: Some(HOME.to_owned()),
            entrypoint: Some(vec![DYNO_INIT.to_owned()]),
            host_config: Some(host_config),
            ..Default::default()
        }
    }

    fn limited(&self, limits: Limits, network: String, log: HostConfigLogConfig, place: Option<&str>) -> HostConfig {
        // R15: a dyno is killed at twice its quota, without swap.
        let memory = i64::try_from(limits.memory_mib).unwrap_or(i64::MAX / MIB / 2) * 2 * MIB;
        let files = place.zip(self.mounts.as_ref()).map(|(place, mounts)| Mount {
            typ: Some(MountType::BIND),
            source: Some(mounts.places.app(place).to_string_lossy().into_owned()),
            target: Some(HOME.to_owned()),
            // What is mounted there reaches the container even when it runs already.
            bind_options: Some(MountBindOptions { propagation: Some(MountBindOptionsPropagationEnum::RSLAVE), ..Default::default() }),
            ..Default::default()
        });
        HostConfig {
            memory: Some(memory),
            memory_swap: Some(memory),
            pids_limit: Some(limits.pids),
            cpu_shares: Some(limits.cpu_shares),
            log_config: Some(log),
            network_mode: Some(network),
            mounts: files.map(|files| vec![files]),
            ..confined()
        }
    }

    /// Everything in the dyno's environment that is not the image's.
    pub(crate) fn env(&self, spec: &ContainerSpec) -> Vec<(String, String)> {
        let mut env: Vec<_> = spec.env.iter().filter(|(key, _)| key != "HOME").cloned().collect();
        env.push(("HOME".to_owned(), HOME.to_owned()));
        if !env.iter().any(|(key, _)| key == "DYNO_RAM") {
            env.push(("DYNO_RAM".to_owned(), spec.limits.memory_mib.to_string()));
        }
        self.with_trust(env)
    }
}

/// What no container of an app may do, whatever it runs. The engine adds its seccomp profile and hides parts of /proc.
pub(crate) fn confined() -> HostConfig {
    let limit = |name: &str, most| ResourcesUlimits { name: Some(name.to_owned()), soft: Some(most), hard: Some(most) };
    HostConfig {
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        // Cores would fill the disk.
        ulimits: Some(vec![limit("nofile", OPEN_FILES), limit("core", 0)]),
        // Newer engines give every port to everybody; on Heroku the ones below are nobody's.
        sysctls: Some(HashMap::from([("net.ipv4.ip_unprivileged_port_start".to_owned(), "1024".to_owned())])),
        ..Default::default()
    }
}

/// So that an app that writes more than is read does not fill the disk.
fn kept_log() -> HostConfigLogConfig {
    let config = HashMap::from([("max-size".to_owned(), "10m".to_owned()), ("max-file".to_owned(), "2".to_owned())]);
    HostConfigLogConfig { typ: Some("json-file".to_owned()), config: Some(config) }
}

/// A UUID, as a dyno's hostname is on Heroku; always the same for the same seed.
fn hostname(seed: &str) -> String {
    let digest = sha2::Sha256::digest(seed);
    let hex = Sha256(digest.into()).to_string();
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}
