//! `/apps/:app/formation`: how many dynos of which type and size.

use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Unexpected, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::NamedRef;

/// A process type with its quantity and size.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Formation {
    pub app: NamedRef,
    pub command: String,
    pub created_at: String,
    pub dyno_size: NamedRef,
    pub id: String,
    pub quantity: u32,
    /// `Standard-1X`.
    pub size: String,
    #[serde(rename = "type")]
    pub process_type: String,
    pub updated_at: String,
}

/// `PATCH /apps/:app/formation`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FormationBatchUpdate {
    pub updates: Vec<FormationUpdate>,
}

/// One process type in a [`FormationBatchUpdate`]. What is left out stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FormationUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dyno_size: Option<SizeName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// The older name of `dyno_size`, which the command line still sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<SizeName>,
    /// A process type, or the id of its formation.
    #[serde(rename = "type")]
    pub process_type: String,
}

/// `PATCH /apps/:app/formation/:type`: the same, the type being in the path.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct FormationTypeUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dyno_size: Option<SizeName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<SizeName>,
}

/// How many, as the client wrote it: `2` sets, `+1` and `-1` change. Whether the text is one of these is for the server to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity(pub String);

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // `+1` would parse as a number too, but it must stay text to mean "one more".
        match self.0.parse::<u64>() {
            Ok(number) if self.0.bytes().all(|byte| byte.is_ascii_digit()) => serializer.serialize_u64(number),
            _ => serializer.serialize_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor)
    }
}

struct QuantityVisitor;

impl Visitor<'_> for QuantityVisitor {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of at least 0, or text such as \"2\", \"+1\" or \"-1\"")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Quantity, E> {
        Ok(Quantity(number.to_string()))
    }

    // The number -1 is a wrong quantity; only the text "-1" means one less.
    fn visit_i64<E: Error>(self, number: i64) -> Result<Quantity, E> {
        u64::try_from(number).map(|number| Quantity(number.to_string())).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Quantity, E> {
        Ok(Quantity(text.to_owned()))
    }
}

/// A dyno size by name or id, in any case. Read from text or from `{"name"}` / `{"id"}`; written as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SizeName(pub String);

impl<'de> Deserialize<'de> for SizeName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeNameVisitor)
    }
}

struct SizeNameVisitor;

impl<'de> Visitor<'de> for SizeNameVisitor {
    type Value = SizeName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a dyno size")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<SizeName, E> {
        Ok(SizeName(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SizeName, A::Error> {
        let (mut name, mut id) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => name = map.next_value::<Option<String>>()?,
                "id" => id = map.next_value::<Option<String>>()?,
                _ => {
                    map.next_value::<serde::de::IgnoredAny>()?;
                }
            }
        }
        name.or(id).map(SizeName).ok_or_else(|| A::Error::missing_field("name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantity_keeps_its_sign_both_ways() {
        for (json, text) in [("2", "2"), ("\"2\"", "2"), ("\"+1\"", "+1"), ("\"-1\"", "-1"), ("0", "0")] {
            assert_eq!(serde_json::from_str::<Quantity>(json).unwrap(), Quantity(text.to_owned()));
        }
        for json in ["-1", "1.5", "null", "[]"] {
            assert!(serde_json::from_str::<Quantity>(json).is_err(), "{json}");
        }
        assert_eq!(serde_json::to_string(&Quantity("2".into())).unwrap(), "2");
        assert_eq!(serde_json::to_string(&Quantity("+1".into())).unwrap(), "\"+1\"");
    }

    #[test]
    fn sizes_and_nulls_as_clients_send_them() {
        let body = r#"{"updates":[{"type":"web","quantity":"2","size":null,"docker_image":null},
                                  {"type":"worker","dyno_size":{"name":"standard-2x"}},{"type":"clock","size":"Basic"}]}"#;
        let batch: FormationBatchUpdate = serde_json::from_str(body).unwrap();
        assert_eq!(batch.updates[0].size, None);
        assert_eq!(batch.updates[1].dyno_size, Some(SizeName("standard-2x".into())));
        assert_eq!(batch.updates[2].size, Some(SizeName("Basic".into())));
        assert!(serde_json::from_str::<FormationBatchUpdate>(r#"{"updates":[{"quantity":1}]}"#).is_err());
    }
}
