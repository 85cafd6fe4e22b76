//! Config vars: what an app is told through its environment.

use std::{collections::BTreeMap, fmt, str::FromStr};

/// The name of a config var: what a shell accepts as a variable, at most 256 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConfigKey(String);

/// Why a config var cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfigVar {
    /// The name would not survive a shell.
    #[error("Config var names must start with a letter or underscore and can only contain letters, digits, and underscores")]
    Key,
    /// The platform sets this one itself, in every dyno.
    #[error("{0} is set by the platform in every dyno and cannot be a config var")]
    Reserved(String),
    /// An environment cannot carry NUL bytes.
    #[error("The value of {0} contains a NUL byte, which an environment cannot carry")]
    Nul(String),
    /// One value is larger than an environment entry can be.
    #[error("The value of {0} is too long (maximum is 65536 bytes)")]
    ValueTooLong(String),
    /// All together are larger than Heroku allows.
    #[error("Config vars are too large together (maximum is 65536 bytes)")]
    AllTooLong,
}

/// Heroku's limit for all config vars of an app together: 64 KB.
const MAX_BYTES: usize = 64 * 1024;

/// What the platform itself sets in every dyno; `PORT` and `DYNO` differ between dynos of one release.
const PLATFORM: &[&str] = &["DYNO", "PORT"];

impl ConfigKey {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ConfigKey {
    type Err = InvalidConfigVar;

    fn from_str(text: &str) -> Result<Self, InvalidConfigVar> {
        let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !starts || text.len() > 256 || !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(InvalidConfigVar::Key);
        }
        if PLATFORM.contains(&text) {
            return Err(InvalidConfigVar::Reserved(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ConfigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The value of a config var. A secret: it does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigValue(String);

impl ConfigValue {
    /// Takes what was stored.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The value itself, for the app's environment and its owner's eyes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// All config vars of an app or a release.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigVars(BTreeMap<ConfigKey, ConfigValue>);

impl ConfigVars {
    /// Takes what was stored.
    pub fn stored(vars: impl IntoIterator<Item = (ConfigKey, ConfigValue)>) -> Self {
        Self(vars.into_iter().collect())
    }

    /// These vars with some set (`Some`) and some removed (`None`), if the result is within the limits.
    pub fn changed(&self, changes: &BTreeMap<String, Option<String>>) -> Result<Self, InvalidConfigVar> {
        let mut vars = self.0.clone();
        for (key, value) in changes {
            let key: ConfigKey = key.parse()?;
            match value {
                None => vars.remove(&key),
                Some(text) if text.contains('\0') => return Err(InvalidConfigVar::Nul(key.0)),
                Some(text) if text.len() > MAX_BYTES => return Err(InvalidConfigVar::ValueTooLong(key.0)),
                Some(text) => vars.insert(key, ConfigValue(text.clone())),
            };
        }
        if vars.iter().map(|(key, value)| key.0.len() + value.0.len()).sum::<usize>() > MAX_BYTES {
            return Err(InvalidConfigVar::AllTooLong);
        }
        Ok(Self(vars))
    }

    /// Each name with its value, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&ConfigKey, &ConfigValue)> {
        self.0.iter()
    }

    /// The value under this name.
    pub fn get(&self, key: &str) -> Option<&ConfigValue> {
        self.0.iter().find(|(name, _)| name.0 == key).map(|(_, value)| value)
    }
}

/// Longest list of names in a release's description, in bytes: it is shown as one line.
const MAX_NAMES: usize = 300;

/// What a release says of such a change, in Heroku's words: `Set A, B config vars`, `Remove C config vars`. Of very many names
/// the first are told.
pub fn describe_change(changes: &BTreeMap<String, Option<String>>) -> String {
    let names = |set: bool| names(changes.iter().filter(|(_, value)| value.is_some() == set).map(|(key, _)| key.as_str()));
    match (names(true), names(false)) {
        (set, removed) if removed.is_empty() => format!("Set {set} config vars"),
        (set, removed) if set.is_empty() => format!("Remove {removed} config vars"),
        (set, removed) => format!("Set {set} config vars, remove {removed} config vars"),
    }
}

fn names<'a>(mut all: impl Iterator<Item = &'a str>) -> String {
    let mut told = all.next().unwrap_or_default().to_owned();
    let mut more = 0;
    for name in all {
        if more > 0 || told.len() + name.len() > MAX_NAMES {
            more += 1;
        } else {
            told += ", ";
            told += name;
        }
    }
    if more > 0 { format!("{told} and {more} more") } else { told }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(key: &str, value: Option<&str>) -> BTreeMap<String, Option<String>> {
        [(key.to_owned(), value.map(str::to_owned))].into()
    }

    #[test]
    fn sets_and_removes() {
        let vars = ConfigVars::default().changed(&change("A", Some("1"))).unwrap().changed(&change("B", Some("${A}\n\"x\""))).unwrap();
        assert_eq!(vars.get("B").unwrap().expose(), "${A}\n\"x\"");
        let vars = vars.changed(&change("A", None)).unwrap();
        assert_eq!(vars.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["B"]);
    }

    #[test]
    fn a_change_is_told_in_one_line_however_large_it_is() {
        let changes = |keys: &[String], value: Option<&str>| keys.iter().map(|key| (key.clone(), value.map(str::to_owned))).collect();
        let few: BTreeMap<_, _> = changes(&["A".to_owned(), "B".to_owned()], Some("1"));
        assert_eq!(describe_change(&few), "Set A, B config vars");
        let many: Vec<String> = (0..10_000).map(|number| format!("K{number}")).collect();
        let told = describe_change(&changes(&many, None));
        assert!(told.starts_with("Remove K0, K1, K10, ") && told.ends_with(" more config vars") && told.len() < 400, "{told}");
    }

    /// Hostile inputs 20–22.
    #[test]
    fn refuses_what_an_environment_cannot_carry() {
        for bad in ["A=B", " ", "", "1A", "A\0", "A\n", "$(x)", "A-B"] {
            assert_eq!(ConfigVars::default().changed(&change(bad, Some("x"))), Err(InvalidConfigVar::Key), "{bad:?}");
        }
        assert_eq!(ConfigVars::default().changed(&change("PORT", Some("1"))), Err(InvalidConfigVar::Reserved("PORT".into())));
        assert_eq!(ConfigVars::default().changed(&change("A", Some("a\0b"))), Err(InvalidConfigVar::Nul("A".into())));
        assert_eq!(ConfigVars::default().changed(&change("A", Some(&"x".repeat(MAX_BYTES + 1)))), Err(InvalidConfigVar::ValueTooLong("A".into())));
        assert_eq!(ConfigVars::default().changed(&change("A", Some(&"x".repeat(MAX_BYTES)))), Err(InvalidConfigVar::AllTooLong));
    }

    #[test]
    fn values_do_not_print_themselves() {
        let vars = ConfigVars::default().changed(&change("KEY", Some("hunter2"))).unwrap();
        assert!(!format!("{vars:?}").contains("hunter2"));
    }
}
