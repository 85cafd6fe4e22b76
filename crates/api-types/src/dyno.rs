//! `/apps/:app/dynos` and `/dyno-sizes`.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

use crate::{NamedRef, ReleaseRef, Secret, lenient};

/// A dyno.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dyno {
    pub app: NamedRef,
    /// `rendezvous://host:port/secret` for a dyno someone attaches to; null otherwise, and in lists.
    pub attach_url: Option<Secret>,
    pub command: String,
    pub created_at: String,
    pub id: String,
    /// `web.1`, `run.4821`.
    pub name: String,
    pub release: ReleaseRef,
    /// `Standard-1X`.
    pub size: String,
    /// `starting`, `up`, `idle`, `crashed`, `down`.
    pub state: String,
    #[serde(rename = "type")]
    pub process_type: String,
    pub updated_at: String,
    /// Why it is not yet where it should be, as a sentence. Ours, not Heroku's; other clients ignore it.
    #[serde(default)]
    pub waiting_for: Option<String>,
}

/// `POST /apps/:app/dynos`: a one-off dyno.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DynoCreate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attach: Option<bool>,
    pub command: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<DynoEnv>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_no_tty: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// Seconds until it is stopped.
    #[serde(default, deserialize_with = "lenient::optional_number", skip_serializing_if = "Option::is_none")]
    pub time_to_live: Option<u64>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub process_type: Option<String>,
}

/// Environment for one dyno. Clients send `COLUMNS` and `LINES` as numbers; they are kept as text. Debug prints show the keys only.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DynoEnv(#[serde(deserialize_with = "env_values")] pub BTreeMap<String, String>);

impl fmt::Debug for DynoEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn env_values<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let values = BTreeMap::<String, EnvValue>::deserialize(deserializer)?;
    Ok(values.into_iter().map(|(key, value)| (key, value.0)).collect())
}

struct EnvValue(String);

impl<'de> Deserialize<'de> for EnvValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EnvValueVisitor).map(Self)
    }
}

struct EnvValueVisitor;

impl Visitor<'_> for EnvValueVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a whole number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

/// A size dynos can have.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DynoSize {
    pub architecture: String,
    /// Relative share of processor time.
    pub compute: u32,
    /// Always null: whoever runs the machine knows what it costs.
    pub cost: Option<u64>,
    pub dedicated: bool,
    pub generation: NamedRef,
    pub id: String,
    /// Gigabytes.
    pub memory: f64,
    pub name: String,
    pub precise_dyno_units: f64,
    pub private_space_only: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn env_takes_numbers_and_hides_values() {
        let body = r#"{"attach":true,"command":"bash","env":{"TERM":"xterm","COLUMNS":111,"LINES":33},"size":null,"new":[]}"#;
        let create: DynoCreate = serde_json::from_str(body).unwrap();
        let env = create.env.clone().unwrap();
        assert_eq!(env.0["COLUMNS"], "111");
        assert_eq!(env.0["TERM"], "xterm");
        assert!(!format!("{create:?}").contains("111"));
        assert!(serde_json::from_str::<DynoCreate>(r#"{"command":"x","env":{"A":["b"]}}"#).is_err());
    }
}

/// `POST /apps/:app/dynos/:dyno/actions/resize`, which is not Heroku's: how large the window is that an attached one-off dyno is
/// seen in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSize {
    pub columns: u16,
    pub lines: u16,
}
