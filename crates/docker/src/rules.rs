//! The packet rules around this installation's network, as text; nothing here does anything.
//!
//! From the network nobody gets to this machine, to another container, or to addresses that clouds answer themselves;
//! to it nobody gets but this platform. Written as `iptables` prints them.

use std::{fmt::Write, net::Ipv4Addr};

use crate::{
    labels::Instance,
    subnet::{Destination, Subnet},
};

/// Everything the rules depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The network's interface on this machine.
    pub(crate) bridge: String,
    /// The user the platform runs as: the only one of this machine who may connect to dynos.
    pub(crate) user: u32,
    /// Whom the engine asks for names; it does so from inside the containers.
    pub(crate) nameservers: Vec<Ipv4Addr>,
    /// The subnets of the engine's other networks.
    pub(crate) others: Vec<Subnet>,
    pub(crate) allow: Vec<Destination>,
    pub(crate) deny: Vec<Destination>,
}

/// Whose packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    /// The network has no IPv6; that stays so.
    V6,
}

/// One chain of ours, and which packets go through it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chain {
    name: String,
    /// The chain it is called from.
    base: &'static str,
    /// Which of its packets: `-i bridge`.
    which: String,
    rules: Vec<String>,
}

/// What no app has business with: link-local addresses, where clouds tell secrets, and everything addressed to many.
const NEVER: [Subnet; 3] =
    [Subnet { first: Ipv4Addr::new(169, 254, 0, 0), prefix: 16 }, Subnet { first: Ipv4Addr::new(224, 0, 0, 0), prefix: 4 }, Subnet::host(Ipv4Addr::BROADCAST)];

/// Only what answers a connection that the other side opened, and the errors that belong to one.
const REPLIES: [&str; 2] = ["-m conntrack --ctstate ESTABLISHED --ctdir REPLY", "-p icmp -m conntrack --ctstate RELATED"];

/// The app learns at once that there is no way.
const REFUSE: &str = "-j REJECT --reject-with icmp-port-unreachable";

/// The chains that are to be there.
pub(crate) fn wanted(instance: &Instance, facts: &Facts, family: Family) -> Vec<Chain> {
    let bridge = &facts.bridge;
    let from = |base| (base, format!("-i {bridge}"));
    let to = |base| (base, format!("-o {bridge}"));
    let chain = |what: &str, (base, which), rules| Chain { name: format!("{}{what}", prefix(instance)), base, which, rules };
    match family {
        Family::V4 => vec![
            chain("host", from("INPUT"), to_host(facts)),
            chain("here", to("OUTPUT"), vec![format!("-m conntrack --ctstate NEW -m owner ! --uid-owner {} {REFUSE}", facts.user)]),
            chain("from", from(forwarded(family)), outwards(facts)),
            chain("to", to(forwarded(family)), REPLIES.map(|replies| format!("{replies} -j ACCEPT")).into_iter().chain(["-j DROP".to_owned()]).collect()),
        ],
        Family::V6 => [("host", from("INPUT")), ("from", from(forwarded(family))), ("to", to(forwarded(family)))]
            .map(|(what, packets)| chain(what, packets, vec!["-j DROP".to_owned()]))
            .into(),
    }
}

/// Where packets pass that only pass through. The engine keeps a chain for others' rules there, and asks it first.
pub(crate) const fn forwarded(family: Family) -> &'static str {
    match family {
        Family::V4 => "DOCKER-USER",
        Family::V6 => "FORWARD",
    }
}

fn to_host(facts: &Facts) -> Vec<String> {
    let mut rules = REPLIES.map(|replies| format!("{replies} -j RETURN")).to_vec();
    rules.extend(exceptions(facts));
    rules.push(REFUSE.to_owned());
    rules
}

fn outwards(facts: &Facts) -> Vec<String> {
    // First, and without exceptions: from one dyno to another.
    let mut rules = vec![format!("-o {} {REFUSE}", facts.bridge)];
    rules.extend(exceptions(facts));
    rules.extend(facts.deny.iter().flat_map(|destination| matching(*destination)).map(|which| format!("{which} {REFUSE}")));
    rules.extend(NEVER.iter().chain(&facts.others).map(|net| format!("-d {net} {REFUSE}")));
    rules
}

fn exceptions(facts: &Facts) -> Vec<String> {
    let names = facts.nameservers.iter().map(|address| Destination { net: Subnet::host(*address), port: Some(53) });
    names.chain(facts.allow.iter().copied()).flat_map(matching).map(|which| format!("{which} -j ACCEPT")).collect()
}

fn matching(destination: Destination) -> Vec<String> {
    let net = destination.net;
    match destination.port {
        Some(port) => ["tcp", "udp"].map(|protocol| format!("-d {net} -p {protocol} -m {protocol} --dport {port}")).into(),
        None => vec![format!("-d {net}")],
    }
}

fn prefix(instance: &Instance) -> String {
    format!("mypaas-{}-", instance.0)
}

/// What makes `iptables-restore --noflush` put the rules in place in one step, whatever of them is there.
pub(crate) fn change(instance: &Instance, chains: &[Chain], dump: &str) -> String {
    let mut text = String::from("*filter\n");
    let mut line = |words: std::fmt::Arguments<'_>| writeln!(text, "{words}").unwrap_or_default();
    for chain in chains {
        // Empties it, too.
        line(format_args!(":{} - [0:0]", chain.name));
    }
    for jump in jumps(instance, dump) {
        line(format_args!("-D {jump}"));
    }
    for Chain { name, base, which, rules } in chains {
        for rule in rules {
            line(format_args!("-A {name} {rule}"));
        }
        line(format_args!("-I {base} 1 {which} -j {name}"));
    }
    text.push_str("COMMIT\n");
    text
}

/// What makes `iptables-restore --noflush` remove all of it; `None` if nothing is there.
pub(crate) fn removal(instance: &Instance, dump: &str) -> Option<String> {
    let chains: Vec<_> = dump.lines().filter_map(|line| line.strip_prefix("-N ")).filter(|name| name.starts_with(&prefix(instance))).collect();
    if chains.is_empty() {
        return None;
    }
    let mut text = String::from("*filter\n");
    text.extend(chains.iter().map(|name| format!(":{name} - [0:0]\n")));
    text.extend(jumps(instance, dump).map(|jump| format!("-D {jump}\n")));
    text.extend(chains.iter().map(|name| format!("-X {name}\n")));
    text.push_str("COMMIT\n");
    Some(text)
}

/// `INPUT -i bridge -j our chain`: the places from which chains of ours are called.
fn jumps<'a>(instance: &Instance, dump: &'a str) -> impl Iterator<Item = &'a str> {
    let (call, own) = (format!("-j {}", prefix(instance)), format!("-A {}", prefix(instance)));
    dump.lines().filter(move |line| line.contains(&call) && !line.starts_with(&own)).filter_map(|line| line.strip_prefix("-A "))
}

/// What our chains look like in the engine machine's own words.
pub(crate) fn own_lines(instance: &Instance, dump: &str) -> Vec<String> {
    let own = format!("-A {}", prefix(instance));
    dump.lines().filter(|line| line.starts_with(&own)).map(str::to_owned).collect()
}

/// Whether every chain is called, and before anybody else's rules could have let a packet through.
pub(crate) fn called_first(chains: &[Chain], dump: &str) -> bool {
    chains.iter().all(|Chain { name, base, which, .. }| {
        let start = format!("-A {base} ");
        let call = format!("{start}{which} -j {name}");
        // Other installations' calls are about other interfaces.
        dump.lines().filter(|line| line.starts_with(&start)).take_while(|line| **line == call || line.contains(" -j mypaas-")).any(|line| line == call)
    })
}

/// How many rules there are in all.
pub(crate) fn count(chains: &[Chain]) -> usize {
    chains.iter().map(|chain| chain.rules.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance() -> Instance {
        Instance("0a1b2c3d".to_owned())
    }

    fn facts() -> Facts {
        Facts {
            bridge: "br-1".to_owned(),
            user: 7,
            nameservers: vec![Ipv4Addr::new(10, 0, 0, 53)],
            others: vec!["172.17.0.0/16".parse::<Destination>().unwrap().net],
            allow: vec!["10.1.2.3:3128".parse().unwrap()],
            deny: vec!["10.0.0.0/8".parse().unwrap()],
        }
    }

    /// What `iptables -S` says once a change was made to an empty table.
    fn dump(change: &str) -> String {
        let mut lines: Vec<String> = ["-P INPUT ACCEPT", "-N DOCKER-USER"].map(str::to_owned).into();
        lines.extend(change.lines().filter_map(|line| Some(format!("-N {}", line.strip_prefix(':')?.split(' ').next()?))));
        lines.extend(change.lines().filter_map(|line| Some(format!("-A {}", line.strip_prefix("-I ")?.replacen(" 1", "", 1)))));
        lines.extend(change.lines().filter(|line| line.starts_with("-A ")).map(str::to_owned));
        lines.join("\n")
    }

    #[test]
    fn the_host_answers_nobody_but_whom_it_asked() {
        let chains = wanted(&instance(), &facts(), Family::V4);
        assert_eq!(
            chains[0].rules,
            [
                "-m conntrack --ctstate ESTABLISHED --ctdir REPLY -j RETURN",
                "-p icmp -m conntrack --ctstate RELATED -j RETURN",
                "-d 10.0.0.53/32 -p tcp -m tcp --dport 53 -j ACCEPT",
                "-d 10.0.0.53/32 -p udp -m udp --dport 53 -j ACCEPT",
                "-d 10.1.2.3/32 -p tcp -m tcp --dport 3128 -j ACCEPT",
                "-d 10.1.2.3/32 -p udp -m udp --dport 3128 -j ACCEPT",
                "-j REJECT --reject-with icmp-port-unreachable",
            ]
        );
    }

    #[test]
    fn no_exception_comes_before_other_dynos_and_every_one_before_what_is_denied() {
        let rules = &wanted(&instance(), &facts(), Family::V4)[2].rules;
        let place = |text: &str| rules.iter().position(|rule| rule.contains(text)).unwrap_or_else(|| panic!("{text}: {rules:?}"));
        assert_eq!(place("-o br-1"), 0);
        let order = ["--dport 53 ", "--dport 3128 ", "-d 10.0.0.0/8 ", "-d 169.254.0.0/16 ", "-d 172.17.0.0/16 "].map(place);
        assert!(order.is_sorted(), "{rules:?}");
    }

    #[test]
    fn what_was_put_in_place_is_found_so_and_put_there_only_once() {
        for family in [Family::V4, Family::V6] {
            let chains = wanted(&instance(), &facts(), family);
            let first = change(&instance(), &chains, "-P INPUT ACCEPT");
            assert!(!first.contains("-D "));
            let dump = dump(&first);
            assert!(called_first(&chains, &dump));
            assert_eq!(own_lines(&instance(), &dump).len(), count(&chains));
            let again = change(&instance(), &chains, &dump);
            assert_eq!(again.matches("\n-D ").count(), chains.len());
            assert_eq!(again.lines().filter(|line| !line.starts_with("-D ")).collect::<Vec<_>>(), first.lines().collect::<Vec<_>>());
        }
    }

    #[test]
    fn somebodys_rule_in_front_is_noticed_and_another_installations_is_not() {
        let chains = wanted(&instance(), &facts(), Family::V4);
        let good = dump(&change(&instance(), &chains, ""));
        assert!(called_first(&chains, &format!("-A INPUT -i br-2 -j mypaas-ffffffff-host\n{good}")));
        assert!(!called_first(&chains, &format!("-A INPUT -p tcp -j ACCEPT\n{good}")));
        assert!(!called_first(&chains, &good.replace("-A OUTPUT -o br-1", "-A OUTPUT -o br-9")));
    }

    #[test]
    fn only_what_is_ours_is_removed() {
        let other = Instance("ffffffff".to_owned());
        let both = [instance(), other.clone()].map(|instance| dump(&change(&instance, &wanted(&instance, &facts(), Family::V4), ""))).join("\n");
        let text = removal(&instance(), &both).unwrap();
        assert!(!text.contains(&other.0) && text.matches("-X ").count() == 4 && text.matches("-D ").count() == 4, "{text}");
        assert_eq!(removal(&Instance("01234567".to_owned()), &both), None);
    }
}
