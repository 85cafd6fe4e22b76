//! `app.json`: what an app says of itself for whoever sets it up.
//!
//! Heroku reads it when an app is created (a button, a review app, CI) and not when one is pushed. Of what it can say only
//! `buildpacks` means something before there is an app to set up; everything else is looked at for its form and left alone.

use std::{collections::BTreeSet, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::buildpack::{BuildpackRef, InvalidBuildpack, replaced};

/// What is taken from an `app.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppJson {
    /// In order; none if it says nothing of them.
    pub buildpacks: Vec<BuildpackRef>,
}

/// Why a file is no `app.json`. `Display` is a sentence without its full stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAppJson {
    #[error("app.json is larger than 1 MB")]
    TooLarge,
    #[error("app.json cannot be read: {0}")]
    Unreadable(String),
    #[error("app.json must hold an object: {{ … }}")]
    NoObject,
    #[error("app.json's buildpacks must read [{{\"url\": \"heroku/nodejs\"}}]")]
    Buildpacks,
    #[error("app.json names a buildpack in its buildpacks that cannot be used. {0}")]
    Buildpack(InvalidBuildpack),
}

/// Largest file, in bytes.
const LARGEST: usize = 1 << 20;
/// Most lists and objects inside each other.
const DEEPEST: usize = 32;

impl AppJson {
    /// Reads a file. Fields nobody knows are tolerated; a key that stands twice in an object is not, for two readers would
    /// read it differently.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidAppJson> {
        if bytes.len() > LARGEST {
            return Err(InvalidAppJson::TooLarge);
        }
        let mut reader = serde_json::Deserializer::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
        let read = Strict { levels: DEEPEST }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
        let Value::Object(mut fields) = read.map_err(|error| InvalidAppJson::Unreadable(error.to_string()))? else { return Err(InvalidAppJson::NoObject) };
        let buildpacks = fields.remove("buildpacks").map(|buildpacks| urls(&buildpacks)).transpose()?.unwrap_or_default();
        Ok(Self { buildpacks: replaced(&[], &buildpacks).map_err(InvalidAppJson::Buildpack)? })
    }
}

fn urls(buildpacks: &Value) -> Result<Vec<String>, InvalidAppJson> {
    let url = |buildpack: &Value| buildpack.get("url").and_then(Value::as_str).map(str::to_owned).ok_or(InvalidAppJson::Buildpacks);
    buildpacks.as_array().ok_or(InvalidAppJson::Buildpacks)?.iter().map(url).collect()
}

/// The buildpacks that a `.buildpacks` file names: one in a line, blank lines and `#` comments aside.
pub fn buildpacks_file(bytes: &[u8]) -> Result<Vec<BuildpackRef>, InvalidBuildpack> {
    let text = std::str::from_utf8(bytes).map_err(|_| InvalidBuildpack::Characters)?;
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    replaced(&[], &lines.map(str::to_owned).collect::<Vec<_>>())
}

/// Reads any JSON, but no key twice in one object and nothing deeper than so many levels.
#[derive(Clone, Copy)]
struct Strict {
    levels: usize,
}

impl Strict {
    fn inside<E: Error>(self) -> Result<Self, E> {
        let levels = self.levels.checked_sub(1).ok_or_else(|| E::custom(format!("it is nested more than {DEEPEST} levels deep")))?;
        Ok(Self { levels })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let (inside, mut list) = (self.inside()?, Vec::new());
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let (inside, mut seen, mut object) = (self.inside()?, BTreeSet::new(), Map::new());
        while let Some(key) = fields.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                let key: String = key.escape_debug().take(60).collect();
                return Err(A::Error::custom(format!("the key \"{key}\" stands twice in one object")));
            }
            object.insert(key, fields.next_value_seed(inside)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(text: &str) -> String {
        match AppJson::parse(text.as_bytes()) {
            Ok(read) => read.buildpacks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            Err(why) => why.to_string(),
        }
    }

    #[test]
    fn buildpacks_are_read_in_order_and_what_else_there_is_is_tolerated() {
        let text = r#"{"name": "Shop", "env": {"KEY": {"generator": "secret"}, "N": 1.5e3}, "formation": {"web": {"quantity": -1}},
            "buildpacks": [{"url": "urn:buildpack:heroku/nodejs"}, {"url": "https://example.com/b.git#v1", "since": null}], "zest": [true]}"#;
        assert_eq!(said(text), "heroku/nodejs https://example.com/b.git#v1");
        assert_eq!(AppJson::parse(b"\xef\xbb\xbf{}"), Ok(AppJson::default()));
        assert_eq!(said(r#"{"buildpacks": []}"#), "");
    }

    /// Hostile inputs 27.
    #[test]
    fn what_is_wrong_is_a_sentence() {
        let shape = "app.json's buildpacks must read [{\"url\": \"heroku/nodejs\"}]";
        for (text, sentence) in [
            ("", "app.json cannot be read: EOF while parsing a value at line 1 column 0"),
            ("{\"a\": 1,}", "app.json cannot be read: trailing comma at line 1 column 9"),
            ("{} {}", "app.json cannot be read: trailing characters at line 1 column 4"),
            ("[]", "app.json must hold an object: { … }"),
            ("{\"buildpacks\": \"heroku/go\"}", shape),
            ("{\"buildpacks\": [\"heroku/go\"]}", shape),
            ("{\"buildpacks\": [{\"url\": 1}]}", shape),
            ("{\"env\": 1, \"env\": 2}", "app.json cannot be read: the key \"env\" stands twice in one object at line 1 column 16"),
            ("{\"a\": [{\"b\\n\": 1, \"b\\u000a\": 2}]}", "app.json cannot be read: the key \"b\\n\" stands twice in one object at line 1 column 27"),
        ] {
            assert_eq!(said(text), sentence, "{text}");
        }
        let evil = said(r#"{"buildpacks": [{"url": "ext::sh -c touch% /tmp/c"}]}"#);
        assert_eq!(evil, "app.json names a buildpack in its buildpacks that cannot be used. A buildpack URL must begin with https://, http:// or git://.");
        assert!(said(r#"{"buildpacks": [{"url": "heroku/go"}, {"url": "heroku/go"}]}"#).contains("listed only once"));
    }

    /// Hostile inputs 27.
    #[test]
    fn size_and_depth_are_bounded() {
        let deep = |levels: usize| format!("{{\"a\": {}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(said(&deep(DEEPEST - 1)), "");
        for levels in [DEEPEST, 10_000] {
            assert!(said(&deep(levels)).contains("it is nested more than 32 levels deep"));
        }
        assert_eq!(said(&format!("{{\"scripts\": {{\"postdeploy\": \"{}\"}}}}", "x".repeat(LARGEST))), "app.json is larger than 1 MB");
    }

    #[test]
    fn a_file_of_buildpacks_has_one_in_a_line() {
        let read = buildpacks_file(b"# first this\r\nheroku/nodejs\r\n\r\n  https://example.com/b.git#v1\n")
            .map(|list| list.iter().map(ToString::to_string).collect());
        assert_eq!(read, Ok(vec!["heroku/nodejs".to_owned(), "https://example.com/b.git#v1".to_owned()]));
        assert_eq!(buildpacks_file(b"# nothing\n"), Ok(Vec::new()));
        assert_eq!(buildpacks_file(b"file:///etc/passwd"), Err(InvalidBuildpack::Scheme));
        assert_eq!(buildpacks_file(b"heroku/\xff"), Err(InvalidBuildpack::Characters));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (AppJson::parse(&bytes), buildpacks_file(&bytes));
        }
    }
}
