//! What `bin/release` says: the process types of an app that does not say them itself.

use std::collections::BTreeMap;

use domain::Procfile;
use serde::Deserialize;

/// `addons:` and the legacy `config_vars:` may be there too, and are not ours to act on.
#[derive(Deserialize, Default)]
struct Release {
    default_process_types: Option<BTreeMap<String, String>>,
}

/// Reads the YAML; the error completes the sentence "bin/release of buildpack x …".
pub(crate) fn parse(yaml: &[u8]) -> Result<Procfile, String> {
    if yaml.trim_ascii().is_empty() {
        return Ok(Procfile::default());
    }
    let release: Option<Release> = serde_yaml_ng::from_slice(yaml).map_err(|error| format!("did not write the YAML expected: {error}"))?;
    let types = release.and_then(|release| release.default_process_types).unwrap_or_default();
    if types.len() > 100 {
        return Err("names more than 100 process types".to_owned());
    }
    let mut defaults = Procfile::default();
    for (name, command) in types {
        let (shown, command): (String, _) = (name.escape_debug().take(60).collect(), command.trim());
        let name = name.parse().map_err(|_| format!("names a process type `{shown}`, which is none"))?;
        if command.is_empty() || command.contains('\0') {
            return Err(format!("gives no command for process type `{shown}`"));
        }
        defaults.0.insert(name, command.to_owned());
    }
    Ok(defaults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_process_types() {
        for yaml in ["", "---\n", "--- {}\n", "default_process_types:\n", "default_process_types: {}\naddons: []\n", "addons:\n- heroku-postgresql\n"] {
            assert_eq!(parse(yaml.as_bytes()), Ok(Procfile::default()), "{yaml:?}");
        }
        let defaults = parse(b"---\naddons: []\nconfig_vars: {}\ndefault_process_types:\n  web: \"npm start\"\n  rake: bundle exec rake\n").unwrap();
        assert_eq!(defaults, Procfile::parse(b"web: npm start\nrake: bundle exec rake").unwrap());
    }

    #[test]
    fn says_what_is_wrong() {
        for (yaml, why) in [
            ("default_process_types:\n  web:\n    - a\n", "did not write the YAML expected"),
            ("just words", "did not write the YAML expected"),
            ("default_process_types: [web]", "did not write the YAML expected"),
            ("default_process_types:\n  'a b': c\n", "names a process type `a b`, which is none"),
            ("default_process_types:\n  web: ''\n", "gives no command for process type `web`"),
            ("a: &a [x,x,x,x,x,x,x,x,x]\ndefault_process_types: *a\n", "did not write the YAML expected"),
        ] {
            assert!(parse(yaml.as_bytes()).unwrap_err().starts_with(why), "{yaml}");
        }
    }
}
