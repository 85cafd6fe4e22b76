//! Settings: defaults beside names, one TOML file, environment variables over it. An unknown key is an error with its line.

use std::{
    fmt::Write,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, bail};
use domain::{DynoSizes, StackName};
use serde::Deserialize;

use crate::{
    config_dynos::{Dynos, Requests, Size},
    database::DatabaseUrl,
    front::Front,
};

/// Everything an admin can decide.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Where everything lies: database, slugs, repositories, keys. (`MYPAAS_HOME`)
    pub(crate) home: PathBuf,
    /// What is logged: `info`, `debug`, or per module as in `warn,engine=debug`. (`MYPAAS_LOG`)
    pub(crate) log: String,
    pub(crate) listen: Listen,
    pub(crate) router: Front,
    pub(crate) database: Database,
    pub(crate) apps: Apps,
    pub(crate) build: Build,
    pub(crate) keep: Keep,
    pub(crate) docker: Docker,
    pub(crate) network: Network,
    pub(crate) logs: Logs,
    pub(crate) dynos: Dynos,
    pub(crate) api: Requests,
    /// `[[dyno_size]]`: sizes besides Heroku's, or in place of one of the same name.
    pub(crate) dyno_size: Vec<Size>,
    /// `[[stack]]`: the first one is what new apps get.
    pub(crate) stack: Vec<Stack>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Database {
    /// Where everything is remembered; `mypaas.db` in `home` if not given. (`MYPAAS_DATABASE_URL`)
    pub(crate) url: Option<DatabaseUrl>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Listen {
    /// Where ports are opened. (`MYPAAS_LISTEN`)
    pub(crate) address: IpAddr,
    /// Where apps answer; the API and git answer one port above. (`MYPAAS_PORT`)
    pub(crate) port: u16,
    /// Where git answers over SSH; two ports above `port` if not given, 0 for not at all. (`MYPAAS_SSH_PORT`)
    pub(crate) ssh_port: Option<u16>,
    /// The name under which clients reach the API and git. (`MYPAAS_API_HOST`)
    pub(crate) api_host: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Apps {
    /// Apps answer at `<name>.<domain>`. (`MYPAAS_APP_DOMAIN`)
    pub(crate) domain: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Build {
    pub(crate) memory_mib: u64,
    /// Processors, in thousandths.
    pub(crate) cpu_milli: u64,
    pub(crate) pids: i64,
    /// What a build may write, its cache included.
    pub(crate) disk_mib: u64,
    pub(crate) time_minutes: u64,
    pub(crate) slug_mib: u64,
    /// With less free where slugs lie, nothing is built.
    pub(crate) min_free_mib: u64,
    /// The folder of buildpacks. (`MYPAAS_BUILDPACKS`)
    pub(crate) buildpacks: PathBuf,
    /// PEM certificates that builds and dynos trust besides the public ones. (`MYPAAS_EXTRA_CA_FILE`)
    pub(crate) extra_ca_file: Option<PathBuf>,
    /// The admin's own hosts, as `host` or `host:port`, that archives and repositories may come from over plain HTTP and from
    /// private addresses. All others must be public.
    pub(crate) source_hosts: Vec<String>,
}

/// How much of the past is kept; what is older goes by itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Keep {
    /// An app's last so many releases can be gone back to.
    pub(crate) releases: u32,
    /// So can every release younger than so many days.
    pub(crate) release_days: u32,
    /// The build cache of an app goes that was not built for so many days.
    pub(crate) cache_days: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Docker {
    /// The engine's socket; `/var/run/docker.sock` if not given. (`MYPAAS_DOCKER_SOCKET`)
    pub(crate) socket: Option<PathBuf>,
    /// The static PID 1 of dynos; beside this program if not given. (`MYPAAS_DYNO_INIT`)
    pub(crate) dyno_init: Option<PathBuf>,
    /// What a dyno may write.
    pub(crate) dyno_disk_mib: u64,
    /// Whether slugs are mounted where the machine can, and not each unpacked into an image.
    pub(crate) mount_slugs: bool,
    /// Spare dynos kept ready of each stack and size in use; 0: none. They need mounted slugs. (`MYPAAS_SPARES`)
    pub(crate) spares: usize,
}

/// Where apps and builds may connect to, besides the internet: the lists of [`docker::Reach`].
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Network {
    pub(crate) allow: Vec<String>,
    pub(crate) deny: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Logs {
    /// The admin's own hosts, as `host` or `host:port`, that log drains and webhooks may lead to at private addresses. All others
    /// must be public.
    pub(crate) drain_hosts: Vec<String>,
    /// What a dyno may write into the log in a second; lines beyond are dropped and counted (L12). For dynos started from now on.
    pub(crate) dyno_lines_per_second: u32,
    pub(crate) dyno_bytes_per_second: u32,
    /// Lines of an app that are kept while a tail or a drain is still to read them, of at most 4 MiB.
    pub(crate) waiting_lines: usize,
}

impl Network {
    pub(crate) fn reach(&self) -> anyhow::Result<docker::Reach> {
        Ok(docker::Reach { allow: destinations(&self.allow, "network.allow")?, deny: destinations(&self.deny, "network.deny")? })
    }
}

fn destinations(list: &[String], name: &'static str) -> anyhow::Result<Vec<docker::Destination>> {
    list.iter().map(|text| text.parse::<docker::Destination>().context(name)).collect()
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stack {
    pub(crate) name: String,
    pub(crate) run_image: String,
    pub(crate) build_image: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            home: "/var/lib/mypaas".into(),
            log: "info".to_owned(),
            listen: Listen::default(),
            router: Front::default(),
            database: Database::default(),
            apps: Apps::default(),
            build: Build::default(),
            keep: Keep::default(),
            docker: Docker::default(),
            network: Network::default(),
            logs: Logs::default(),
            dynos: Dynos::default(),
            api: Requests::default(),
            dyno_size: Vec::new(),
            stack: vec![Stack { name: "heroku-24".to_owned(), run_image: "mypaas/heroku-24:run".to_owned(), build_image: "mypaas/heroku-24:build".to_owned() }],
        }
    }
}
impl Default for Listen {
    fn default() -> Self {
        Self { address: [127, 0, 0, 1].into(), port: 5000, ssh_port: None, api_host: "localhost".to_owned() }
    }
}
impl Default for Docker {
    fn default() -> Self {
        Self { socket: None, dyno_init: None, mount_slugs: true, spares: 2, dyno_disk_mib: 10 * 1024 }
    }
}
impl Default for Logs {
    fn default() -> Self {
        let docker::LogRate { lines, bytes } = docker::LogRate::default();
        Self { drain_hosts: Vec::new(), dyno_lines_per_second: lines, dyno_bytes_per_second: bytes, waiting_lines: 10_000 }
    }
}
impl Default for Apps {
    fn default() -> Self {
        Self { domain: "localhost".to_owned() }
    }
}
impl Default for Keep {
    fn default() -> Self {
        Self { releases: 20, release_days: 30, cache_days: 60 }
    }
}
impl Default for Build {
    fn default() -> Self {
        Self {
            memory_mib: 4096,
            cpu_milli: 2000,
            pids: 4096,
            disk_mib: 10 * 1024,
            time_minutes: 15,
            slug_mib: 500,
            min_free_mib: 1024,
            buildpacks: "buildpacks".into(),
            extra_ca_file: None,
            source_hosts: Vec::new(),
        }
    }
}

impl Config {
    /// Reads the file, if one is given, then the environment.
    pub(crate) fn read(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut config = match file {
            Some(file) => {
                let text = std::fs::read_to_string(file).with_context(|| format!("config file {} could not be read", file.display()))?;
                Self::parse(&text).with_context(|| format!("config file {}", file.display()))?
            }
            None => Self::default(),
        };
        #[expect(clippy::disallowed_methods, reason = "the one place that reads settings")]
        config.override_from(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))?;
        config.check()?;
        Ok(config)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        Ok(toml::from_str(text)?)
    }

    fn override_from(&mut self, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<()> {
        fn set<T: FromStr<Err: std::fmt::Display>>(target: &mut T, name: &str, value: Option<String>) -> anyhow::Result<()> {
            if let Some(value) = value {
                *target = value.parse().map_err(|error| anyhow::anyhow!("{name}={value}: {error}"))?;
            }
            Ok(())
        }
        set(&mut self.home, "MYPAAS_HOME", variable("MYPAAS_HOME"))?;
        self.database.url = variable("MYPAAS_DATABASE_URL").map(|url| url.parse()).transpose()?.or(self.database.url.take());
        set(&mut self.log, "MYPAAS_LOG", variable("MYPAAS_LOG"))?;
        set(&mut self.listen.address, "MYPAAS_LISTEN", variable("MYPAAS_LISTEN"))?;
        set(&mut self.listen.port, "MYPAAS_PORT", variable("MYPAAS_PORT"))?;
        if let Some(text) = variable("MYPAAS_SSH_PORT") {
            let mut port = 0;
            set(&mut port, "MYPAAS_SSH_PORT", Some(text))?;
            self.listen.ssh_port = Some(port);
        }
        set(&mut self.listen.api_host, "MYPAAS_API_HOST", variable("MYPAAS_API_HOST"))?;
        set(&mut self.apps.domain, "MYPAAS_APP_DOMAIN", variable("MYPAAS_APP_DOMAIN"))?;
        set(&mut self.build.buildpacks, "MYPAAS_BUILDPACKS", variable("MYPAAS_BUILDPACKS"))?;
        set(&mut self.docker.spares, "MYPAAS_SPARES", variable("MYPAAS_SPARES"))?;
        if let Some(list) = variable("MYPAAS_NETWORK_ALLOW") {
            self.network.allow = list.split(',').map(|one| one.trim().to_owned()).collect();
        }
        self.build.extra_ca_file = variable("MYPAAS_EXTRA_CA_FILE").map(PathBuf::from).or(self.build.extra_ca_file.take());
        self.docker.socket = variable("MYPAAS_DOCKER_SOCKET").map(PathBuf::from).or(self.docker.socket.take());
        self.docker.dyno_init = variable("MYPAAS_DYNO_INIT").map(PathBuf::from).or(self.docker.dyno_init.take());
        Ok(())
    }

    fn check(&self) -> anyhow::Result<()> {
        if self.listen.port == 0 || self.listen.port > u16::MAX - 2 {
            bail!("listen.port must leave room for the API's port and for SSH's above it: {}", self.listen.port);
        }
        if let Some(ssh) = self.ssh_port()
            && [self.listen.port, self.api_port()].contains(&ssh)
        {
            bail!("listen.ssh_port is taken by apps or the API already: {ssh}");
        }
        self.database_url().check()?;
        self.network.reach()?;
        if self.stack.is_empty() {
            bail!("there is no [[stack]]: at least one is needed");
        }
        for stack in &self.stack {
            stack.name.parse::<StackName>().with_context(|| format!("stack {:?}", stack.name))?;
        }
        self.sizes()?;
        let plain_host =
            |host: &str| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
        let sources = self.build.source_hosts.iter().map(|host| ("build.source_hosts", host));
        for (list, host) in sources.chain(self.logs.drain_hosts.iter().map(|host| ("logs.drain_hosts", host))) {
            let (name, port) = host.split_once(':').map_or((host.as_str(), None), |(name, port)| (name, Some(port)));
            if !plain_host(name) || port.is_some_and(|port| port.parse::<u16>().is_err()) {
                bail!("{list} must name hosts as `host` or `host:port`: {host}");
            }
        }
        if self.logs.dyno_lines_per_second == 0 || self.logs.dyno_bytes_per_second == 0 {
            bail!("logs.dyno_lines_per_second and logs.dyno_bytes_per_second must be above zero");
        }
        if !plain_host(&self.apps.domain) {
            bail!("apps.domain is no host name: {}", self.apps.domain);
        }
        if !plain_host(&self.listen.api_host) {
            bail!("listen.api_host is no host name: {}", self.listen.api_host);
        }
        Ok(())
    }

    /// The database that is configured.
    pub(crate) fn database_url(&self) -> DatabaseUrl {
        self.database.url.clone().unwrap_or_else(|| DatabaseUrl::in_home(&self.home))
    }

    /// Where the API and git listen.
    pub(crate) const fn api_port(&self) -> u16 {
        self.listen.port + 1
    }

    /// Where people reach the API.
    pub(crate) fn api_url(&self) -> String {
        format!("http://{}:{}", self.listen.api_host, self.api_port())
    }

    /// Where git listens for SSH, if it does.
    pub(crate) fn ssh_port(&self) -> Option<u16> {
        Some(self.listen.ssh_port.unwrap_or(self.listen.port + 2)).filter(|port| *port != 0)
    }

    /// The dyno sizes there are.
    pub(crate) fn sizes(&self) -> anyhow::Result<DynoSizes> {
        let own = self.dyno_size.iter().map(Size::read).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(DynoSizes::with(own))
    }

    /// The stack of new apps.
    pub(crate) fn default_stack(&self) -> anyhow::Result<StackName> {
        Ok(self.stack.first().context("there is no stack")?.name.parse()?)
    }

    /// What holds, in lines for a person.
    pub(crate) fn describe(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &dyn std::fmt::Display| writeln!(text, "{name:<18} {value}").unwrap_or_default();
        line("home", &self.home.display());
        line("database", &self.database_url());
        line("apps at", &format!("http://<app>.{}:{}/", self.apps.domain, self.listen.port));
        line("API and git at", &format!("http://{}:{}", self.listen.api_host, self.api_port()));
        match self.ssh_port() {
            Some(port) => line("git over SSH at", &format!("ssh://git@{}:{port}", self.listen.api_host)),
            None => line("git over SSH at", &"nowhere"),
        }
        let keep = &self.keep;
        line("keeps", &format!("{} releases of each app and all of {} days; build caches for {} days", keep.releases, keep.release_days, keep.cache_days));
        line("buildpacks", &self.build.buildpacks.display());
        for (name, list) in [("apps also reach", &self.network.allow), ("apps never reach", &self.network.deny)] {
            if !list.is_empty() {
                line(name, &list.join(", "));
            }
        }
        for stack in &self.stack {
            line("stack", &format!("{} ({}, {})", stack.name, stack.run_image, stack.build_image));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_an_error_with_its_line() {
        let error = Config::parse("home = \"/srv\"\n\n[listen]\nprot = 8080\n").unwrap_err().to_string();
        assert!(error.contains("line 4") && error.contains("unknown field `prot`"), "{error}");
    }

    #[test]
    fn the_environment_wins_over_the_file_and_a_bad_value_is_named() {
        let mut config = Config::parse("home = \"/srv\"\n[listen]\nport = 8080").unwrap();
        config.override_from(|name| (name == "MYPAAS_PORT").then(|| "9090".to_owned())).unwrap();
        assert_eq!((config.home.to_str(), config.listen.port, config.api_port()), (Some("/srv"), 9090, 9091));
        let error = config.override_from(|name| (name == "MYPAAS_PORT").then(|| "many".to_owned())).unwrap_err().to_string();
        assert_eq!(error, "MYPAAS_PORT=many: invalid digit found in string");
    }

    #[test]
    fn hosts_of_sources_are_hosts() {
        let with = |host: &str| Config { build: Build { source_hosts: vec![host.to_owned()], ..Build::default() }, ..Config::default() };
        for host in ["git.example.internal", "10.0.0.7:3000"] {
            with(host).check().unwrap();
        }
        for host in ["", "https://git", "git/", "git:http", "*", "git:1:2"] {
            assert!(with(host).check().is_err(), "{host}");
        }
    }

    #[test]
    fn a_port_without_room_above_is_refused() {
        let config = Config { listen: Listen { port: u16::MAX, ..Listen::default() }, ..Config::default() };
        assert!(config.check().is_err());
        Config::default().check().unwrap();
    }

    #[test]
    fn where_apps_may_connect_to_is_read_or_named() {
        let config = Config::parse("[network]\nallow = [\"10.1.2.3:3128\"]\ndeny = [\"10.0.0.0/8\"]").unwrap();
        config.check().unwrap();
        assert!(config.describe().contains("10.1.2.3:3128") && config.describe().contains("10.0.0.0/8"));
        let error = Config::parse("[network]\nallow = [\"0.0.0.0/0\"]").unwrap().check().unwrap_err();
        assert!(format!("{error:#}").starts_with("network.allow: \"0.0.0.0/0\" is no IPv4 address"), "{error:#}");
    }

    #[test]
    fn ssh_has_a_port_of_its_own_or_none() {
        let with = |ssh_port| Config { listen: Listen { ssh_port, ..Listen::default() }, ..Config::default() };
        assert_eq!((with(None).ssh_port(), with(Some(22)).ssh_port(), with(Some(0)).ssh_port()), (Some(5002), Some(22), None));
        assert!(with(None).describe().contains("ssh://git@localhost:5002") && with(Some(0)).describe().contains("nowhere"));
        assert!(with(Some(5001)).check().is_err());
        let mut config = Config::default();
        config.override_from(|name| (name == "MYPAAS_SSH_PORT").then(|| "2222".to_owned())).unwrap();
        assert_eq!(config.ssh_port(), Some(2222));
    }
}
