//! `/apps/:app/config-vars`. The values are secrets: debug prints show the keys only.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// All config vars of an app; the answer to `GET` and `PATCH`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConfigVars(pub BTreeMap<String, String>);

/// `PATCH`: a value sets, null deletes, what is not named stays.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConfigVarsUpdate(pub BTreeMap<String, Option<String>>);

impl fmt::Debug for ConfigVars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl fmt::Debug for ConfigVarsUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_deletes_and_values_are_not_printed() {
        let update: ConfigVarsUpdate = serde_json::from_str(r#"{"KEEP":"s3cret","GONE":null}"#).unwrap();
        assert_eq!(update.0["GONE"], None);
        assert_eq!(format!("{update:?}"), r#"{"GONE", "KEEP"}"#);
        assert_eq!(serde_json::to_string(&update).unwrap(), r#"{"GONE":null,"KEEP":"s3cret"}"#);
    }
}
