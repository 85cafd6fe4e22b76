//! Dyno sizes: how much memory, processor and how many processes a dyno gets.

use std::{fmt, str::FromStr, sync::Arc};

/// A size by name. What it gives is in the catalogue, [`DynoSizes`]; a name stays a name when an admin takes the size away.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DynoSize(Arc<str>);

/// Longest name of a size.
const MAX_NAME: usize = 40;

/// A text that cannot be a size's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("A dyno size is named by 1 to {MAX_NAME} letters, digits and dashes")]
pub struct InvalidDynoSize;

/// A text that names no size there is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("No such dyno size: {asked}. Sizes are {known}.")]
pub struct UnknownDynoSize {
    pub asked: String,
    pub known: String,
}

/// What a dyno of some size gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limits {
    /// The memory quota in MiB: over it is R14, twice it is R15.
    pub memory_mib: u64,
    /// Processor shares relative to other dynos; 1024 is one ordinary container.
    pub cpu_shares: i64,
    /// How many processes and threads it may have.
    pub pids: i64,
    /// Whether web dynos sleep when nobody asks for them.
    pub sleeps: bool,
}

/// The sizes of an installation.
#[derive(Debug, Clone)]
pub struct DynoSizes(Vec<(DynoSize, Limits)>);

/// Heroku's sizes (Heroku: "Dyno Types", "Dynos: process/thread limits"): name, MiB, shares, processes, whether it sleeps.
const HEROKU: [(&str, u64, i64, i64, bool); 6] = [
    ("Eco", 512, 512, 256, true),
    ("Basic", 512, 512, 256, false),
    ("Standard-1X", 512, 512, 256, false),
    ("Standard-2X", 1024, 1024, 512, false),
    ("Performance-M", 2560, 6144, 16384, false),
    ("Performance-L", 14336, 24576, 32768, false),
];

impl DynoSize {
    /// As Heroku writes it.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Default for DynoSize {
    fn default() -> Self {
        Self("Standard-1X".into())
    }
}

impl FromStr for DynoSize {
    type Err = InvalidDynoSize;

    fn from_str(text: &str) -> Result<Self, InvalidDynoSize> {
        let fits = (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && !text.starts_with('-');
        if fits { Ok(Self(text.into())) } else { Err(InvalidDynoSize) }
    }
}

impl fmt::Display for DynoSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl DynoSizes {
    /// Heroku's, and those an admin has added; one of the same name replaces Heroku's.
    pub fn with(own: impl IntoIterator<Item = (DynoSize, Limits)>) -> Self {
        let heroku = |&(name, memory_mib, cpu_shares, pids, sleeps): &(&str, u64, i64, i64, bool)| {
            (DynoSize(name.into()), Limits { memory_mib, cpu_shares, pids, sleeps })
        };
        let mut sizes: Vec<_> = HEROKU.iter().map(heroku).collect();
        for (size, limits) in own {
            sizes.retain(|(known, _)| !known.0.eq_ignore_ascii_case(&size.0));
            sizes.push((size, limits));
        }
        Self(sizes)
    }

    /// The size of this name, upper and lower case alike, as the API takes it.
    pub fn find(&self, text: &str) -> Result<DynoSize, UnknownDynoSize> {
        let found = self.0.iter().find(|(size, _)| size.0.eq_ignore_ascii_case(text));
        found.map(|(size, _)| size.clone()).ok_or_else(|| UnknownDynoSize {
            asked: text.escape_debug().take(MAX_NAME).collect(),
            known: listed(self.0.iter().map(|(size, _)| size.name()).collect()),
        })
    }

    /// What a size gives; one that was taken away, what the ordinary size gives.
    pub fn limits(&self, size: &DynoSize) -> Limits {
        let of = |name: &str| self.0.iter().find(|(size, _)| size.name() == name).map(|(_, limits)| *limits);
        of(size.name()).or_else(|| of(DynoSize::default().name())).unwrap_or(Limits { memory_mib: 512, cpu_shares: 512, pids: 256, sleeps: false })
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&DynoSize, Limits)> {
        self.0.iter().map(|(size, limits)| (size, *limits))
    }
}

/// `a, b and c`
fn listed(mut names: Vec<&str>) -> String {
    match names.pop() {
        Some(last) if !names.is_empty() => format!("{} and {last}", names.join(", ")),
        last => last.unwrap_or_default().to_owned(),
    }
}

impl Default for DynoSizes {
    fn default() -> Self {
        Self::with([])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_adds_sizes_and_replaces_heroku_s() {
        let huge = Limits { memory_mib: 65_536, cpu_shares: 1, pids: 9, sleeps: false };
        let sizes = DynoSizes::with([("Huge".parse().unwrap(), huge), ("eco".parse().unwrap(), Limits { memory_mib: 256, ..huge })]);
        assert_eq!(sizes.limits(&sizes.find("HUGE").unwrap()), huge);
        assert_eq!(sizes.limits(&sizes.find("Eco").unwrap()).memory_mib, 256);
        assert_eq!(
            sizes.find("tiny").unwrap_err().to_string(),
            "No such dyno size: tiny. Sizes are Basic, Standard-1X, Standard-2X, Performance-M, Performance-L, Huge and eco."
        );
        let gone: DynoSize = "Gone".parse().unwrap();
        assert_eq!(sizes.limits(&gone).memory_mib, 512, "a size that was taken away");
        assert!("-x".parse::<DynoSize>().is_err() && "a b".parse::<DynoSize>().is_err());
    }
}
