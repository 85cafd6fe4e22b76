//! Keeps secrets out of a stream of bytes, also when they come in pieces.
//!
//! An Aho-Corasick automaton over all secrets: linear in the output whatever the secrets are, and exactly those bytes are
//! held back that may still turn out to be the beginning of one; everything else goes on at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use domain::{BuildpackRef, ConfigVars, buildpack::OVERRIDES};

/// What stands in a secret's place.
const INSTEAD: &[u8] = b"[redacted]";

/// Values shorter than this (`true`, `3000`) are part of everything, and are left alone. In bytes.
const SHORTEST: usize = 8;

/// What must not be shown.
#[derive(Default)]
pub(crate) struct Secrets {
    /// The first one is the root: nothing matched yet.
    nodes: Vec<Node>,
}

#[derive(Default)]
struct Node {
    next: BTreeMap<u8, usize>,
    /// The longest proper suffix of this node's text that is a node too.
    fail: usize,
    /// Length of this node's text: how many bytes may be the beginning of a secret.
    depth: usize,
    /// Length of the longest secret that ends here; 0 for none.
    secret: usize,
}

impl Secrets {
    /// Every value of at least 8 bytes, every such line of a value with several, and the credentials of buildpacks' URLs.
    pub(crate) fn of(config: &ConfigVars, buildpacks: &[BuildpackRef]) -> Self {
        // A buildpack's URL is no secret, only its credentials are.
        let values = config.iter().filter(|(key, _)| !OVERRIDES.contains(&key.as_str())).map(|(_, value)| value.expose());
        let values = values.flat_map(|value| value.lines().map(str::trim_end).chain([value])).map(str::to_owned);
        let credentials = buildpacks.iter().filter_map(BuildpackRef::url).flat_map(|url| url.secrets());
        // Where they stand in a URL they are hidden however short they are.
        let credentials = credentials.flat_map(|secret| [secret.to_owned(), format!("{secret}@"), format!("//{secret}@")]);
        let all: Vec<String> = values.chain(credentials).collect();
        Self::new(all.iter().map(String::as_bytes))
    }

    fn new<'a>(secrets: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut all = Self { nodes: vec![Node::default()] };
        for secret in secrets.filter(|secret| secret.len() >= SHORTEST).collect::<BTreeSet<_>>() {
            let end = secret.iter().enumerate().fold(0, |node, (depth, &byte)| all.child(node, byte, depth + 1));
            all.nodes[end].secret = secret.len();
        }
        all.link();
        all
    }

    fn child(&mut self, node: usize, byte: u8, depth: usize) -> usize {
        let new = self.nodes.len();
        let child = *self.nodes[node].next.entry(byte).or_insert(new);
        if child == new {
            self.nodes.push(Node { depth, ..Node::default() });
        }
        child
    }

    fn link(&mut self) {
        let mut queue: VecDeque<usize> = self.nodes[0].next.values().copied().collect();
        while let Some(node) = queue.pop_front() {
            for (byte, child) in self.nodes[node].next.clone() {
                let fail = self.step(self.nodes[node].fail, byte);
                self.nodes[child].fail = fail;
                self.nodes[child].secret = self.nodes[child].secret.max(self.nodes[fail].secret);
                queue.push_back(child);
            }
        }
    }

    fn step(&self, mut node: usize, byte: u8) -> usize {
        loop {
            match self.nodes[node].next.get(&byte) {
                Some(&child) => return child,
                None if node == 0 => return 0,
                None => node = self.nodes[node].fail,
            }
        }
    }
}

/// One stream on its way through.
#[derive(Default)]
pub(crate) struct Redactor {
    node: usize,
    /// Bytes that may be the beginning of a secret, each with whether it is already known to be in one.
    held: VecDeque<(u8, bool)>,
    /// The last byte let out was in a secret: its neighbours share one `[redacted]`.
    inside: bool,
}

impl Redactor {
    /// Takes the next bytes, and gives those that can be shown by now.
    pub(crate) fn pass(&mut self, secrets: &Secrets, bytes: &[u8]) -> Vec<u8> {
        let mut shown = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            self.held.push_back((byte, false));
            self.node = secrets.step(self.node, byte);
            let ended = secrets.nodes[self.node].secret;
            let start = self.held.len() - ended;
            self.held.range_mut(start..).for_each(|(_, hidden)| *hidden = true);
            if secrets.nodes[self.node].next.is_empty() {
                // Nothing goes on from here, so nothing need be held for it.
                self.node = secrets.nodes[self.node].fail;
            }
            self.release(secrets.nodes[self.node].depth, &mut shown);
        }
        shown
    }

    /// Nothing more comes: what was held back was no secret.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let mut shown = Vec::new();
        self.release(0, &mut shown);
        *self = Self::default();
        shown
    }

    fn release(&mut self, keep: usize, shown: &mut Vec<u8>) {
        while self.held.len() > keep
            && let Some((byte, hidden)) = self.held.pop_front()
        {
            match hidden {
                false => shown.push(byte),
                true if !self.inside => shown.extend_from_slice(INSTEAD),
                true => {}
            }
            self.inside = hidden;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(texts: &[&str]) -> Secrets {
        Secrets::new(texts.iter().map(|text| text.as_bytes()))
    }

    fn check(texts: &[&str], output: &str, shown: &str) {
        let secrets = secrets(texts);
        for size in 1..=output.len().max(1) {
            let mut redactor = Redactor::default();
            let mut seen: Vec<u8> = output.as_bytes().chunks(size).flat_map(|chunk| redactor.pass(&secrets, chunk)).collect();
            seen.extend(redactor.finish());
            assert_eq!(String::from_utf8(seen).unwrap(), shown, "in chunks of {size}");
        }
    }

    /// Hostile inputs 82.
    #[test]
    fn a_secret_is_hidden_however_it_is_cut() {
        check(&["hunter2hunter2"], "password=hunter2hunter2\n", "password=[redacted]\n");
        check(&["hunter2hunter2"], "hunter2hunter3 hunter2", "hunter2hunter3 hunter2");
        check(&["abcdefgh", "cdefghijkl"], "xabcdefghijkly", "x[redacted]y");
        check(&["abcdefgh", "abcdefghijklmnop"], "abcdefghijklmn abcdefghijklmnop", "[redacted]ijklmn [redacted]");
        check(&["xxabcdefghyy", "abcdefgh"], "xxabcdefghyy xxabcdefghzz", "[redacted] xx[redacted]zz");
        check(&["aaaaaaaab"], "aaaaaaaaaaaab", "aaaa[redacted]");
        check(&["short"], "short", "short");
        check(&[], "anything", "anything");
    }

    #[test]
    fn only_what_may_become_a_secret_waits() {
        let secrets = secrets(&["password1"]);
        let mut redactor = Redactor::default();
        assert_eq!(redactor.pass(&secrets, b"Continue? [y/N] "), b"Continue? [y/N] ");
        assert_eq!(redactor.pass(&secrets, b"step"), b"ste");
        assert_eq!(redactor.pass(&secrets, b" 1"), b"p 1");
        assert_eq!(redactor.pass(&secrets, b"password1"), b"[redacted]");
    }

    #[test]
    fn a_value_of_several_lines_is_hidden_line_by_line_too() {
        let config = ConfigVars::default().changed(&[("KEY".to_owned(), Some("-----BEGIN-----\r\nMIIEowIBAAKC\n".to_owned()))].into()).unwrap();
        let secrets = Secrets::of(&config, &[]);
        assert_eq!(Redactor::default().pass(&secrets, b"       MIIEowIBAAKC "), b"       [redacted] ");
    }
}
