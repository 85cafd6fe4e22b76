//! Repository chores. The arrows of `docs/ARCHITECTURE.md` are a test.

/// Which crate of the workspace may use which. What is not listed may use nothing of the workspace.
pub const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("ports", &["domain"]),
    ("store", &["domain", "ports"]),
    ("builder", &["domain", "ports"]),
    ("engine", &["domain", "ports", "store", "builder"]),
    ("router", &["domain", "ports"]),
    ("logs", &["domain", "ports"]),
    ("git", &["domain", "ports", "engine", "builder"]),
    ("api-types", &[]),
    ("api", &["domain", "store", "engine", "logs", "api-types"]),
    ("docker", &["domain", "ports"]),
    ("download", &["ports"]),
    ("dyno-init", &[]),
    ("mypaasd", &["api", "api-types", "builder", "docker", "domain", "download", "engine", "git", "logs", "ports", "router", "store"]),
    ("mypaas", &["api-types"]),
    ("xtask", &[]),
    ("e2e", &["api-types"]),
    ("databases", &[]),
    ("fuzz", &[]),
];

/// The arrows of one crate that the table does not allow.
pub fn forbidden(krate: &str, dependencies: &[String]) -> Vec<String> {
    let members = |name: &str| MAY_USE.iter().any(|(member, _)| *member == name);
    let allowed = MAY_USE.iter().find(|(name, _)| *name == krate).map_or(&[][..], |(_, allowed)| allowed);
    dependencies.iter().filter(|name| members(name) && !allowed.contains(&name.as_str())).map(|name| format!("`{krate}` must not use `{name}`")).collect()
}

/// The names under `[dependencies]` of a manifest; what only tests use is not an arrow.
pub fn dependencies(manifest: &str) -> Vec<String> {
    let section = manifest.lines().skip_while(|line| line.trim() != "[dependencies]").skip(1).take_while(|line| !line.starts_with('['));
    section.filter_map(|line| line.split(['.', '=', ' ']).next()).filter(|name| !name.is_empty() && !name.starts_with('#')).map(str::to_owned).collect()
}

#[cfg(test)]
mod hostile;

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn the_arrows_hold() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let folders = fs::read_dir(root.join("crates"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .chain(["tests", "tests/databases", "tests/fuzz"].map(|folder| root.join(folder)));
        let mut seen = 0;
        let mut wrong = Vec::new();
        for folder in folders {
            let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) else { continue };
            let name = manifest.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).unwrap().to_owned();
            assert!(MAY_USE.iter().any(|(member, _)| *member == name), "`{name}` is not in the picture: add it to MAY_USE and docs/ARCHITECTURE.md");
            wrong.extend(forbidden(&name, &dependencies(&manifest)));
            seen += 1;
        }
        assert_eq!(seen, MAY_USE.len(), "the picture names crates that are not there");
        assert_eq!(wrong, Vec::<String>::new());
    }

    #[test]
    fn an_upward_arrow_is_caught() {
        let manifest = "[package]\nname = \"ports\"\n\n[dependencies]\ndomain.workspace = true\nengine = { path = \"../engine\" }\n\n[dev-dependencies]\nstore.workspace = true\n";
        assert_eq!(forbidden("ports", &dependencies(manifest)), ["`ports` must not use `engine`"]);
    }

    /// The host never runs a shell for the platform: programs are started by name with an argument list.
    /// Hostile inputs 25.
    #[test]
    fn no_crate_starts_a_host_shell() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(1).unwrap().to_owned();
        let mut stack = vec![root];
        let mut found = Vec::new();
        while let Some(folder) = stack.pop() {
            for entry in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
                // dyno-init lives inside containers: the app's command line is bash's there.
                if entry.is_dir() && !entry.ends_with("dyno-init") && !entry.ends_with("tests") {
                    stack.push(entry);
                } else if entry.extension().is_some_and(|extension| extension == "rs") {
                    let text = fs::read_to_string(&entry).unwrap();
                    let shells = ["sh", "bash", "/bin/sh", "/bin/bash"].map(|shell| format!("Command::new(\"{shell}\")"));
                    found.extend(shells.iter().filter(|shell| text.contains(*shell)).map(|shell| format!("{}: {shell}", entry.display())));
                }
            }
        }
        assert_eq!(found, Vec::<String>::new());
    }
}
