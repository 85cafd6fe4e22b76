//! An installation into a file and back, onto the other database.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt};

use domain::{Account, App, ConfigVars, CustomDomain, Procfile, Release, Slug, release::ReleaseStatus};
use sha2::Digest;
use tempfile::TempDir;

use super::*;
use crate::config::Database;

databases::on_both!(everything_comes_back, a_changed_or_shortened_backup_is_refused_and_leaves_nothing, what_is_not_whole_is_not_backed_up);

const SECRET: &str = "planted-config-value";
const ARCHIVE: &[u8] = b"as if it were a slug, and somewhat longer than that, so that it spans some bytes";

/// An installation in a folder, on the database that the test is about; or on the other one of the two.
async fn installation(other: bool) -> (TempDir, Config) {
    let home = tempfile::tempdir().unwrap();
    let url = match databases::database() {
        databases::Database::Sqlite if !other => None,
        databases::Database::Postgres if other => None,
        databases::Database::Sqlite if !databases::has_postgres() => None,
        _ => Some(databases::postgres_url(home.path()).await),
    };
    let database = Database { url: url.map(|url| url.parse().unwrap()) };
    let config = Config { home: home.path().join("data"), database, ..Config::default() };
    (home, config)
}

async fn open(config: &Config) -> Db {
    wire::open_store(config, &Arc::new(Chance::seeded(3))).await.unwrap()
}

/// Puts an app into it with all that a person would miss.
async fn furnish(config: &Config) -> App {
    let (db, chance, at) = (open(config).await, Chance::seeded(4), "2026-01-01T00:00:00Z".parse().unwrap());
    keys::write_once(&config.home.join("keys/router"), b"routers").unwrap();
    let digest = Sha256(sha2::Sha256::digest(ARCHIVE).into());
    let blob = disk::file_of(&config.home.join("blobs"), digest);
    fs::create_dir_all(blob.parent().unwrap()).unwrap();
    fs::write(blob, ARCHIVE).unwrap();

    let account = Account { id: chance.id(at), email: "ada@example.com".parse().unwrap(), created_at: at };
    let stack: domain::StackName = "heroku-24".parse().unwrap();
    let app =
        App { id: chance.id(at), name: "shop".parse().unwrap(), owner: account.id, stack: stack.clone(), maintenance: false, created_at: at, updated_at: at };
    let vars = ConfigVars::default().changed(&BTreeMap::from([("KEY".to_owned(), Some(SECRET.to_owned()))])).unwrap();
    let slug = Slug {
        id: chance.id(at),
        app: app.id,
        sha256: digest,
        diff_id: Sha256([1; 32]),
        bytes: ARCHIVE.len() as u64,
        stack,
        process_types: Procfile::parse(b"web: x").unwrap(),
        commit: None,
        language: None,
        created_at: at,
    };
    let mut tx = db.write().await.unwrap();
    tx.insert_account(&account, None).await.unwrap();
    tx.insert_app(&app).await.unwrap();
    tx.set_config_vars(app.id, &vars).await.unwrap();
    tx.insert_slug(&slug).await.unwrap();
    tx.insert_release(chance.id(at), app.id, Some(slug.id), "Deploy", account.id, &vars, at, ReleaseStatus::Succeeded, true).await.unwrap();
    tx.insert_domain(&CustomDomain { id: chance.id(at), app: app.id, name: "www.example.com".parse().unwrap(), created_at: at }).await.unwrap();
    tx.commit().await.unwrap();
    db.close().await;

    let work = config.home.join("work");
    let git = |words: &[&str]| assert!(std::process::Command::new("git").args(words).current_dir(&work).status().unwrap().success(), "{words:?}");
    fs::create_dir_all(&work).unwrap();
    git(&["init", "-q", "-b", "main"]);
    git(&["-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-q", "--allow-empty", "-m", "x"]);
    git(&["clone", "-q", "--bare", ".", config.home.join(format!("repos/{}.git", app.id)).to_str().unwrap()]);
    fs::remove_dir_all(&work).unwrap();
    app
}

fn passphrase(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("passphrase");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

async fn everything_comes_back() {
    let (folder, config) = installation(false).await;
    let app = furnish(&config).await;
    // As a running platform does.
    let running = open(&config).await;
    let lock = if config.database_url().may_be_shared().unwrap() { keys::lock_with_others(&config.home) } else { keys::lock(&config.home) }.unwrap();
    let (file, passphrase) = (folder.path().join("it.backup"), passphrase(folder.path(), "correct horse battery\n"));
    make(&config, &file, Some(&passphrase)).await.unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
    assert!(!bytes.contains("shop") && !bytes.contains("as if it were"), "it is sealed");
    assert!(!config.home.join("run/backup").exists() && config.home.join(LAST).exists());
    let again = make(&config, &file, Some(&passphrase)).await.unwrap_err().to_string();
    assert!(again.ends_with("is there already"), "{again}");
    drop((running, lock));

    let (_folder, target) = installation(true).await;
    restore(&target, &file, Some(&passphrase)).await.unwrap();
    unfinished(&target.home).unwrap();
    for key in ["keys/seal.key", "keys/router"] {
        assert_eq!(fs::read(target.home.join(key)).unwrap(), fs::read(config.home.join(key)).unwrap(), "{key}");
        assert_eq!(fs::metadata(target.home.join(key)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let db = open(&target).await;
    let mut tx = db.read().await.unwrap();
    assert_eq!(tx.apps().await.unwrap(), std::slice::from_ref(&app));
    let [Release { slug: Some(slug), .. }] = tx.releases(app.id).await.unwrap()[..] else { panic!("its release is there") };
    let slug = tx.slug(slug).await.unwrap().unwrap();
    assert_eq!(fs::read(disk::file_of(&target.home.join("blobs"), slug.sha256)).unwrap(), ARCHIVE);
    assert_eq!(tx.config_vars(app.id).await.unwrap().get("KEY").map(domain::ConfigValue::expose), Some(SECRET));
    assert_eq!(tx.domains(app.id).await.unwrap()[0].name.to_string(), "www.example.com");
    let head = |home: &Path| {
        let folder = home.join(format!("repos/{}.git", app.id));
        String::from_utf8(std::process::Command::new("git").args(["rev-parse", "main"]).env("GIT_DIR", folder).output().unwrap().stdout).unwrap()
    };
    assert_eq!(head(&config.home), head(&target.home));
    assert_eq!(head(&target.home).trim().len(), 40);
    drop(tx);
    db.close().await;

    let again = restore(&target, &file, Some(&passphrase)).await.unwrap_err().to_string();
    assert!(again.starts_with("a backup is restored into an empty data folder only"), "{again}");
}

async fn a_changed_or_shortened_backup_is_refused_and_leaves_nothing() {
    let (folder, config) = installation(false).await;
    furnish(&config).await;
    let (file, right) = (folder.path().join("it.backup"), passphrase(folder.path(), "correct horse battery"));
    make(&config, &file, Some(&right)).await.unwrap();
    let whole = fs::read(&file).unwrap();

    let (elsewhere, target) = installation(true).await;
    let broken = elsewhere.path().join("broken");
    let refused = async |bytes: &[u8], passphrase: &Path| {
        fs::write(&broken, bytes).unwrap();
        let error = format!("{:#}", restore(&target, &broken, Some(passphrase)).await.unwrap_err());
        assert!(error.starts_with("nothing was restored: "), "{error}");
        assert!(!target.home.join("keys").exists() && !target.home.join(DRAFT_FOR_TESTS).exists(), "nothing is left: {error}");
        error
    };
    for at in [0, 40, 200, 1000, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        refused(&bytes, &right).await;
    }
    for length in [0, 100, 1000, whole.len() / 2, whole.len() - 1] {
        refused(&whole[..length], &right).await;
    }
    refused(&[whole.as_slice(), b"x"].concat(), &right).await;
    let wrong = passphrase(elsewhere.path(), "correct horse batter");
    let said = refused(&whole, &wrong).await;
    assert!(said.contains("the passphrase does not open the backup"), "{said}");
    fs::write(&broken, &whole).unwrap();
    restore(&target, &broken, Some(&right)).await.unwrap();
}

const DRAFT_FOR_TESTS: &str = "restore.part";

async fn what_is_not_whole_is_not_backed_up() {
    let (folder, config) = installation(false).await;
    let (file, passphrase) = (folder.path().join("it.backup"), passphrase(folder.path(), "correct horse battery"));
    let nothing = make(&config, &file, Some(&passphrase)).await.unwrap_err().to_string();
    assert!(nothing.starts_with("there is nothing to back up"), "{nothing}");
    furnish(&config).await;
    let blob = disk::file_of(&config.home.join("blobs"), Sha256(sha2::Sha256::digest(ARCHIVE).into()));
    fs::write(&blob, "something else").unwrap();
    let damaged = make(&config, &file, Some(&passphrase)).await.unwrap_err().to_string();
    assert!(damaged.contains("is damaged"), "{damaged}");
    fs::remove_file(&blob).unwrap();
    let missing = make(&config, &file, Some(&passphrase)).await.unwrap_err().to_string();
    assert!(missing.contains("is missing from"), "{missing}");
    let left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).filter(|name| name != "passphrase" && name != "data").collect();
    assert!(left.is_empty() && !config.home.join(LAST).exists(), "no file looks like a backup: {left:?}");
    let short = super::passphrase::Passphrase::chosen(Some(&{
        fs::write(&passphrase, "short").unwrap();
        passphrase
    }));
    assert!(short.err().unwrap().to_string().contains("at least 12 characters"));
}
