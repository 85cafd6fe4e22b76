//! What `bin/release` says: the process types of an app that does not say them itself, and what a first release gets.

use std::collections::BTreeMap;

use domain::{ConfigVars, Procfile};
use serde::Deserialize;
use serde_yaml_ng::Value;

use crate::job::FirstRelease;

/// What `bin/release` said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Release {
    pub(crate) process_types: Procfile,
    pub(crate) first: FirstRelease,
}

/// `addons` and the legacy `config_vars` are in many a buildpack, in many a form: what does not read as meant is left out.
#[derive(Deserialize, Default)]
struct Yaml {
    default_process_types: Option<BTreeMap<String, String>>,
    #[serde(default)]
    addons: Value,
    #[serde(default)]
    config_vars: Value,
}

/// Reads the YAML; the error completes the sentence "bin/release of buildpack x …".
pub(crate) fn parse(yaml: &[u8]) -> Result<Release, String> {
    if yaml.trim_ascii().is_empty() {
        return Ok(Release::default());
    }
    let release: Option<Yaml> = serde_yaml_ng::from_slice(yaml).map_err(|error| format!("did not write the YAML expected: {error}"))?;
    let release = release.unwrap_or_default();
    let first = FirstRelease { addons: texts(&release.addons), config_vars: config_vars(&release.config_vars) };
    Ok(Release { process_types: process_types(release.default_process_types.unwrap_or_default())?, first })
}

fn texts(value: &Value) -> Vec<String> {
    let plain = |text: &&str| !text.is_empty() && text.len() <= 200 && text.chars().all(|c| c.is_ascii_graphic());
    value.as_sequence().map(|list| list.iter().filter_map(Value::as_str).filter(plain).take(50).map(str::to_owned).collect()).unwrap_or_default()
}

fn config_vars(value: &Value) -> ConfigVars {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    };
    let pairs = value.as_mapping().into_iter().flatten().filter_map(|(key, value)| Some((key.as_str()?.to_owned(), text(value)?)));
    // One at a time, so that a name no config var can have does not cost the others.
    pairs.fold(ConfigVars::default(), |vars, (key, value)| vars.changed(&[(key, Some(value))].into()).unwrap_or(vars))
}

fn process_types(types: BTreeMap<String, String>) -> Result<Procfile, String> {
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
            assert_eq!(parse(yaml.as_bytes()).unwrap().process_types, Procfile::default(), "{yaml:?}");
        }
        let defaults = parse(b"---\naddons: []\nconfig_vars: {}\ndefault_process_types:\n  web: \"npm start\"\n  rake: bundle exec rake\n").unwrap();
        assert_eq!(defaults.process_types, Procfile::parse(b"web: npm start\nrake: bundle exec rake").unwrap());
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

    #[test]
    fn reads_what_a_first_release_gets() {
        let release =
            parse(b"addons:\n- heroku-postgresql\n- 5\nconfig_vars:\n  PATH: bin:/usr/bin\n  N: 4\n  'no good': x\n  LIST: [a]\n  PORT: 1\n").unwrap();
        assert_eq!(release.first.addons, ["heroku-postgresql"]);
        let vars: Vec<_> = release.first.config_vars.iter().map(|(key, value)| format!("{key}={}", value.expose())).collect();
        assert_eq!(vars, ["N=4", "PATH=bin:/usr/bin"]);
        for odd in ["addons: {}\n", "addons: postgres\nconfig_vars: [a]\n", "addons:\nconfig_vars:\n"] {
            assert_eq!(parse(odd.as_bytes()).unwrap().first, FirstRelease::default(), "{odd}");
        }
    }
}
