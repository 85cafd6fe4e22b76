//! Puts the packet rules in place, looks whether they still are, and takes them away.
//!
//! A restarted firewall forgets rules of others. Nobody is told the network's id, so nothing starts on it, while the rules
//! are not known to be there.

use std::{
    collections::BTreeSet,
    net::Ipv4Addr,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bollard::{
    models::Network,
    query_parameters::{ListContainersOptions, ListNetworksOptions},
};
use ports::RuntimeError;
use tokio::{io::AsyncWriteExt, process::Command, sync::Mutex};

use crate::{
    connect::{self, Engine, USUAL_SOCKET},
    error::{found, refused},
    labels::{Instance, Kind},
    rules::{self, Facts, Family},
    subnet::{Destination, Subnet},
};

/// What an admin decides about where apps and builds may connect to.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Reachable in spite of `deny` and of the platform's own rules; another app's dyno never is.
    pub allow: Vec<Destination>,
    /// Not reachable.
    pub deny: Vec<Destination>,
}

/// How often the rules are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Another program that changes rules is waited for so long, in seconds.
const WAIT_SECS: &str = "5";

#[derive(Default)]
pub(crate) struct Wall {
    reach: Reach,
    /// One change at a time.
    turn: Mutex<()>,
    /// What was there when somebody looked last, if all of it was.
    stands: RwLock<Option<Stands>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stands {
    facts: Facts,
    tables: Vec<Table>,
}

/// The rules of one family, as the machine repeats them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Table {
    program: String,
    family: Family,
    looks: Vec<String>,
}

impl Wall {
    pub(crate) fn new(reach: Reach) -> Self {
        Self { reach, ..Self::default() }
    }

    pub(crate) fn stands(&self) -> bool {
        self.stands.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl Engine {
    /// Makes sure that the rules around the network are in place.
    pub(crate) async fn raise_wall(&self, network: &str) -> Result<(), RuntimeError> {
        let _turn = self.wall.turn.lock().await;
        let before = self.wall.stands.read().unwrap_or_else(PoisonError::into_inner).clone();
        let now = self.put_up(network, before).await;
        let (stands, outcome) = match now {
            Ok(stands) => (Some(stands), Ok(())),
            Err(error) => (None, Err(error)),
        };
        *self.wall.stands.write().unwrap_or_else(PoisonError::into_inner) = stands;
        outcome
    }

    async fn put_up(&self, network: &str, before: Option<Stands>) -> Result<Stands, RuntimeError> {
        bridged_packets_are_looked_at().await?;
        let facts = self.facts(network).await?;
        if let Some(before) = before.filter(|before| before.facts == facts)
            && self.still(&before).await?
        {
            return Ok(before);
        }
        let program = find_program().await?;
        let mut tables = Vec::new();
        for (program, family) in programs(&program) {
            let chains = rules::wanted(&self.instance, &facts, family);
            let dump = list(&program).await?;
            restore(&program, &rules::change(&self.instance, &chains, &dump)).await?;
            let after = list(&program).await?;
            let looks = rules::own_lines(&self.instance, &after);
            if looks.len() != rules::count(&chains) || !rules::called_first(&chains, &after) {
                return Err(unwalled(format!("{program} took the rules, but does not show them afterwards; is another firewall changing them?")));
            }
            tables.push(Table { program, family, looks });
        }
        tracing::info!(bridge = facts.bridge, "packet rules keep containers from this machine and from each other");
        Ok(Stands { facts, tables })
    }

    async fn still(&self, before: &Stands) -> Result<bool, RuntimeError> {
        for Table { program, family, looks } in &before.tables {
            let dump = list(program).await?;
            let chains = rules::wanted(&self.instance, &before.facts, *family);
            if rules::own_lines(&self.instance, &dump) != *looks || !rules::called_first(&chains, &dump) {
                tracing::warn!(program, "somebody has changed or removed the packet rules; they are put back");
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn facts(&self, network: &str) -> Result<Facts, RuntimeError> {
        let networks = self.api.list_networks(None::<ListNetworksOptions>).await.map_err(refused)?;
        let own = networks.iter().find(|other| other.id.as_deref() == Some(network));
        let others: BTreeSet<_> = networks.iter().filter(|other| other.id.as_deref() != Some(network)).flat_map(subnets).collect();
        let user = tokio::fs::metadata("/proc/self").await.map_err(|error| unwalled(format!("/proc cannot be read: {error}")))?.uid();
        Ok(Facts {
            bridge: own.map(bridge).ok_or_else(|| RuntimeError::Refused("the network has just been removed".to_owned()))?,
            user,
            nameservers: nameservers().await,
            others: others.into_iter().collect(),
            allow: self.wall.reach.allow.clone(),
            deny: self.wall.reach.deny.clone(),
        })
    }

    /// Looks now and then, for ever.
    pub(crate) async fn keep_wall(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Err(error) = self.look_at_wall().await {
                tracing::error!(%error, "containers are not kept from this machine and from each other; nothing is started until they are");
            }
        }
    }

    /// Puts the rules back if they are gone. Without a network there is nothing to keep apart.
    pub(crate) async fn look_at_wall(&self) -> Result<(), RuntimeError> {
        match self.find_network().await {
            Ok(Some(network)) => self.raise_wall(&network).await,
            // An engine that is away starts nothing, and what runs has its rules.
            Ok(None) | Err(_) => Ok(()),
        }
    }
}

/// Takes an installation's network away, and the rules around it; refused while there are containers that need it.
pub async fn remove_network(socket: Option<PathBuf>, instance: &str) -> Result<(), RuntimeError> {
    let api = connect::engine(&socket.unwrap_or_else(|| USUAL_SOCKET.into())).await?;
    let instance = Instance(instance.to_owned());
    let every = ListContainersOptions { all: true, filters: Some(instance.filter_all()), ..Default::default() };
    let containers = api.list_containers(Some(every)).await.map_err(refused)?.len();
    if containers > 0 {
        return Err(RuntimeError::Refused(format!("the network still has {containers} containers")));
    }
    for network in api.list_networks(Some(ListNetworksOptions { filters: Some(instance.filter(Kind::Network)) })).await.map_err(refused)? {
        found(api.remove_network(&network.id.unwrap_or_default()).await)?;
    }
    remove_rules(&instance.0).await
}

/// Takes an installation's rules away; for when its network is gone.
pub async fn remove_rules(instance: &str) -> Result<(), RuntimeError> {
    let instance = Instance(instance.to_owned());
    for (program, _) in programs(&find_program().await?) {
        if let Some(text) = rules::removal(&instance, &list(&program).await?) {
            restore(&program, &text).await?;
        }
    }
    Ok(())
}

fn unwalled(why: String) -> RuntimeError {
    RuntimeError::Unwalled(why)
}

/// Which interface a network has on this machine.
fn bridge(network: &Network) -> String {
    let named = network.options.as_ref().and_then(|options| options.get("com.docker.network.bridge.name")).filter(|name| !name.is_empty());
    named.cloned().unwrap_or_else(|| format!("br-{}", network.id.as_deref().unwrap_or_default().chars().take(12).collect::<String>()))
}

fn subnets(network: &Network) -> Vec<Subnet> {
    let configs = network.ipam.iter().filter_map(|ipam| ipam.config.as_ref()).flatten();
    configs.filter_map(|config| config.subnet.as_ref()?.parse::<Destination>().ok()).map(|destination| destination.net).collect()
}

/// Whom the engine asks for names: these files' addresses, unless they are this machine's loopback, where it asks itself.
async fn nameservers() -> Vec<Ipv4Addr> {
    let mut found = BTreeSet::new();
    for file in ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"] {
        found.extend(read_nameservers(&tokio::fs::read_to_string(file).await.unwrap_or_default()));
    }
    found.into_iter().collect()
}

fn read_nameservers(text: &str) -> impl Iterator<Item = Ipv4Addr> {
    let address = |line: &str| line.strip_prefix("nameserver")?.split_whitespace().next()?.parse::<Ipv4Addr>().ok();
    text.lines().filter_map(address).filter(|address| !address.is_loopback() && !address.is_unspecified())
}

/// Packets from one container to another on one bridge are only looked at if the kernel is told so; the engine does at
/// its start, other programs undo it.
async fn bridged_packets_are_looked_at() -> Result<(), RuntimeError> {
    const SWITCH: &str = "/proc/sys/net/bridge/bridge-nf-call-iptables";
    match tokio::fs::read_to_string(SWITCH).await {
        Ok(text) if text.trim() == "1" => Ok(()),
        // Without the switch the engine itself refuses networks whose containers are to be kept apart.
        Ok(_) | Err(_) => tokio::fs::write(SWITCH, "1")
            .await
            .map_err(|error| unwalled(format!("{SWITCH} has to be 1, or dynos reach each other, and cannot be set: {error}"))),
    }
}

/// The program that has the engine's own rules. A machine can have two, one for each of the kernel's rule books.
const PROGRAMS: [&str; 6] = ["iptables", "/usr/sbin/iptables", "iptables-nft", "/usr/sbin/iptables-nft", "iptables-legacy", "/usr/sbin/iptables-legacy"];

const NO_CHAIN: &str = "the Docker engine keeps no packet rules of its own (no chain DOCKER-USER); it has to run with iptables enabled";

async fn find_program() -> Result<String, RuntimeError> {
    let mut why = None;
    for program in PROGRAMS {
        match list(program).await {
            Ok(dump) if dump.lines().any(|line| line == format!("-N {}", rules::forwarded(Family::V4))) => return Ok(program.to_owned()),
            Ok(_) => why = Some(unwalled(NO_CHAIN.to_owned())),
            Err(error) => why = why.or(Some(error)),
        }
    }
    Err(why.unwrap_or_else(|| unwalled("there is no iptables".to_owned())))
}

/// The same program for each family there is on this machine.
fn programs(program: &str) -> Vec<(String, Family)> {
    let mut programs = vec![(program.to_owned(), Family::V4)];
    if Path::new("/proc/net/if_inet6").exists() {
        programs.push((program.replace("iptables", "ip6tables"), Family::V6));
    }
    programs
}

async fn list(program: &str) -> Result<String, RuntimeError> {
    run(program, &["-w", WAIT_SECS, "-t", "filter", "-S"], "").await
}

async fn restore(program: &str, text: &str) -> Result<(), RuntimeError> {
    run(&restore_name(program), &["-w", WAIT_SECS, "--noflush"], text).await.map(drop)
}

fn restore_name(program: &str) -> String {
    format!("{program}-restore")
}

async fn run(program: &str, arguments: &[&str], input: &str) -> Result<String, RuntimeError> {
    let failed = |error: std::io::Error| unwalled(format!("{program} cannot be run ({error}); install iptables where mypaasd finds it"));
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // Our text is smaller than a pipe. One that goes away without reading says why.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = child.wait_with_output().await.map_err(failed)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or("no reason given");
    Err(unwalled(format!("{program} failed ({said}); mypaasd needs to be root or to have CAP_NET_ADMIN")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nameservers_are_those_that_containers_ask_themselves() {
        let text = "# nameserver 9.9.9.9\nsearch lan\nnameserver 127.0.0.53\nnameserver 10.0.0.53\nnameserver fd00::53\nnameserver\t1.1.1.1 # spare\n";
        assert_eq!(read_nameservers(text).collect::<Vec<_>>(), [Ipv4Addr::new(10, 0, 0, 53), Ipv4Addr::new(1, 1, 1, 1)]);
    }

    #[test]
    fn every_program_has_its_companions() {
        assert_eq!(restore_name("iptables"), "iptables-restore");
        assert_eq!(restore_name("/usr/sbin/ip6tables-legacy"), "/usr/sbin/ip6tables-legacy-restore");
    }

    #[tokio::test]
    async fn a_program_that_is_missing_or_refuses_is_one_sentence() {
        let missing = run("/nowhere/iptables", &[], "").await.unwrap_err().to_string();
        assert_eq!(
            missing,
            "apps cannot be kept apart: /nowhere/iptables cannot be run (No such file or directory (os error 2)); install iptables where mypaasd finds it"
        );
        let refuses = run("ls", &["--no-such-option"], "").await.unwrap_err().to_string();
        assert!(refuses.starts_with("apps cannot be kept apart: ls failed (ls: unrecognized option") && refuses.ends_with("CAP_NET_ADMIN"), "{refuses}");
    }
}
