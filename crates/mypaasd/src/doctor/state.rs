//! What would be lost: the database, the keys, and how old the last backup is.

use std::{fs, io::ErrorKind, os::unix::fs::PermissionsExt, path::Path};

use jiff::Timestamp;
use ports::{Clock, clock::SystemClock};
use store::{Look, StoreError};

use super::Finding;
use crate::{backup, config::Config, keys};

/// Older backups are told of, in days.
const OLD: i64 = 7;

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let home = &config.home;
    let there = config.database_url().is_there().unwrap_or(false);
    let looked = if there { Some(config.database_url().look().await) } else { None };
    let apps = matches!(&looked, Some(Ok(look)) if look.schema > 0);
    vec![database(&config.database_url().to_string(), looked.as_ref()), unfinished(home), secrets(home, apps), last_backup(home, apps, SystemClock.now())]
}

fn database(named: &str, looked: Option<&Result<Look, StoreError>>) -> Finding {
    match looked {
        None => Finding::good("database", format!("{named}: made at the first start")),
        Some(Err(error @ StoreError::Damaged(_))) => {
            Finding::wrong("database", format!("{named}: {error}"), "`mypaasd restore` gives a backup back to an empty data folder")
        }
        Some(Err(error)) => Finding::wrong("database", format!("{named}: {error}"), "is it there, does it answer, and is database.url right?"),
        Some(Ok(look)) if look.schema > look.known => {
            let said = format!("{named}: written by a newer mypaas (schema {}; this one knows {})", look.schema, look.known);
            Finding::wrong("database", said, "run that version or a later one; this one refuses to start")
        }
        Some(Ok(look)) => {
            let leader = look.leader.as_ref().map(|(address, term)| format!(", led by {address} (term {term})")).unwrap_or_default();
            let said = format!("{named}: {}, schema {}, {} apps{leader}", look.program, look.schema, look.apps);
            if look.schema < look.known {
                Finding::warning("database", said, "the next start brings it up to date; have a backup first")
            } else {
                Finding::good("database", said)
            }
        }
    }
}

fn unfinished(home: &Path) -> Finding {
    match backup::unfinished(home) {
        Ok(()) => Finding::good("restore", "none is unfinished"),
        Err(error) => Finding::wrong("restore", error.to_string(), "mypaasd does not start before that"),
    }
}

/// `used`: there is something in the database.
fn secrets(home: &Path, used: bool) -> Finding {
    let folder = home.join("keys");
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound && !used => return Finding::good("keys", "made at the first start"),
        Err(error) => return Finding::wrong("keys", format!("{}: {error}", folder.display()), "restore keys/: without them no config var can be read"),
        Ok(entries) => entries,
    };
    let mut open: Vec<String> = Vec::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())).chain([folder.clone(), home.to_owned()]) {
        if fs::metadata(&path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0) {
            open.push(path.display().to_string());
        }
    }
    if used && !keys::has_seal_key(home) {
        return Finding::wrong("keys", "keys/seal.key is missing", "restore it: without it no config var can be read; mypaasd does not start");
    }
    open.sort();
    if open.is_empty() {
        Finding::good("keys", "only their owner can read them")
    } else {
        Finding::wrong("keys", format!("others can read {}", open.join(", ")), format!("run: chmod -R go= {}", home.display()))
    }
}

fn last_backup(home: &Path, used: bool, now: Timestamp) -> Finding {
    const TODO: &str = "`mypaasd backup FILE`, from a timer, to another machine";
    let made = fs::read_to_string(home.join(backup::LAST)).ok().and_then(|text| text.trim().parse::<Timestamp>().ok());
    match made.map(|at| (now.as_second() - at.as_second()) / 86_400) {
        None if !used => Finding::good("backup", "there is nothing to back up yet"),
        None => Finding::warning("backup", "none was made", TODO),
        Some(days) if days >= OLD => Finding::warning("backup", format!("the last one is {days} days old"), TODO),
        Some(days) => Finding::good("backup", format!("the last one is {days} days old")),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Status, *};

    #[test]
    fn keys_that_others_can_read_or_that_are_gone_are_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let home = crate::keys::private_folder(&folder.path().join("data")).unwrap();
        assert_eq!(secrets(&home, false).status, Status::Good);
        assert_eq!(secrets(&home, true).status, Status::Wrong);
        let key = home.join("keys/seal.key");
        crate::keys::private_folder(&home.join("keys")).unwrap();
        assert_eq!(secrets(&home, true).found, "keys/seal.key is missing");
        crate::keys::write_once(&key, b"x").unwrap();
        assert_eq!(secrets(&home, true).status, Status::Good);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        let open = secrets(&home, true);
        assert!(open.status == Status::Wrong && open.found.ends_with("keys/seal.key"), "{open}");
    }

    #[test]
    fn a_backup_grows_old() {
        let home = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-01-20T00:00:00Z".parse().unwrap();
        assert_eq!((last_backup(home.path(), false, now).status, last_backup(home.path(), true, now).status), (Status::Good, Status::Warning));
        crate::keys::private_folder(&home.path().join("run")).unwrap();
        for (made, status) in [("2026-01-19T00:00:00Z", Status::Good), ("2026-01-10T00:00:00Z", Status::Warning)] {
            crate::keys::write_once(&home.path().join(backup::LAST), made.as_bytes()).unwrap();
            assert_eq!(last_backup(home.path(), true, now).status, status);
        }
    }

    #[test]
    fn a_database_is_judged_before_anything_is_opened() {
        let look = Look { program: "SQLite 3".into(), schema: 13, known: 13, apps: 2, leader: None };
        assert_eq!(database("it", Some(&Ok(look.clone()))).status, Status::Good);
        assert_eq!(database("it", Some(&Ok(Look { known: 14, ..look.clone() }))).status, Status::Warning);
        assert_eq!(database("it", Some(&Ok(Look { known: 12, ..look }))).status, Status::Wrong);
        assert_eq!(database("it", Some(&Err(StoreError::Damaged("page 3".into())))).status, Status::Wrong);
        assert_eq!(database("it", None).status, Status::Good);
    }
}
