//! What is made at first start and kept in files only the owner can read.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use ports::Chance;
use sha2::{Digest, Sha256};
use store::{Keys, SealKey};

use crate::config::Config;

/// Makes a folder that only its owner can enter, and its parents as they come.
pub(crate) fn private_folder(path: &Path) -> anyhow::Result<PathBuf> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("folder {} could not be made", parent.display()))?;
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(path.to_owned()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(path.to_owned()),
        Err(error) => Err(error).with_context(|| format!("folder {} could not be made", path.display())),
    }
}

/// Writes a file that only its owner can read, whole or not at all, in place of one that exists.
pub(crate) fn write_once(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let said = || format!("file {} could not be written", path.display());
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft).with_context(said)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(said)?;
    fs::rename(&draft, path).with_context(said)
}

/// The only one to make files in this folder, until it goes. Of several control planes that start for the first time, each would
/// otherwise have keys of its own, and all but the last would be lost.
pub(crate) fn turn_in(folder: &Path) -> anyhow::Result<File> {
    let open = || {
        let folder = File::open(folder)?;
        folder.lock()?;
        std::io::Result::Ok(folder)
    };
    open().with_context(|| format!("folder {} could not be locked", folder.display()))
}

/// A secret kept in a file, made by `make` if there is none. A file others can read is refused.
pub(crate) fn kept(path: &Path, make: impl FnOnce() -> String) -> anyhow::Result<String> {
    if !path.try_exists()? {
        let _turn = turn_in(path.parent().unwrap_or(Path::new("/")))?;
        if !path.try_exists()? {
            write_once(path, make().as_bytes())?;
        }
    }
    secret_in(path)
}

/// A secret that somebody has put into a file. A file others can read is refused.
pub(crate) fn secret_in(path: &Path) -> anyhow::Result<String> {
    let mode = fs::metadata(path).with_context(|| format!("file {} could not be read", path.display()))?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("{} can be read by others (mode {:o}); run: chmod 600 {}", path.display(), mode & 0o777, path.display());
    }
    Ok(fs::read_to_string(path).with_context(|| format!("file {} could not be read", path.display()))?.trim().to_owned())
}

pub(crate) fn has_seal_key(home: &Path) -> bool {
    seal_key_ids(home).is_ok_and(|ids| !ids.is_empty())
}

/// The same for all that share these keys, telling nothing of them. Rotation does not change it.
pub(crate) fn fingerprint(home: &Path, chance: &Chance) -> anyhow::Result<String> {
    let shared = [instance(home, chance)?, kept(&router_pass_file(home), || chance.secret())?].join("\n");
    Ok(domain::Sha256(Sha256::new().chain_update("mypaas keys\n").chain_update(shared).finalize().into()).to_string())
}

/// The keys that config vars are sealed with: `seal.key` is the first, `seal-2.key` the next. The newest seals; one that appears
/// while the platform runs is taken up. The first is made if there is none.
pub(crate) fn seal_keys(home: &Path, chance: &Chance) -> anyhow::Result<Keys> {
    if seal_key_ids(home)?.is_empty() {
        kept(&seal_key_file(home, FIRST), || chance.secret())?;
    }
    let keys = read_seal_keys(home)?;
    let home = home.to_owned();
    let more = move |known: &[u8]| match seal_key_ids(&home) {
        Ok(ids) if ids != known => read_seal_keys(&home).inspect_err(|error| tracing::error!("the keys were changed, and cannot be read: {error:#}")).ok(),
        _ => None,
    };
    Keys::new(keys, more).context("there is no key to seal with")
}

const FIRST: u8 = 1;

pub(crate) fn seal_key_file(home: &Path, id: u8) -> PathBuf {
    home.join("keys").join(if id == FIRST { "seal.key".to_owned() } else { format!("seal-{id}.key") })
}

/// The ids of the keys there are, the newest last.
pub(crate) fn seal_key_ids(home: &Path) -> anyhow::Result<Vec<u8>> {
    let entries = match fs::read_dir(home.join("keys")) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("{} could not be read", home.join("keys").display()))?,
    };
    let id = |name: &str| match name {
        "seal.key" => Some(FIRST),
        name => name.strip_prefix("seal-")?.strip_suffix(".key")?.parse().ok().filter(|id| *id > FIRST),
    };
    let mut ids: Vec<u8> = entries.filter_map(|entry| id(entry.ok()?.file_name().to_str()?)).collect();
    ids.sort_unstable();
    Ok(ids)
}

fn read_seal_keys(home: &Path) -> anyhow::Result<Vec<SealKey>> {
    let read = |id: u8| {
        let path = seal_key_file(home, id);
        let text = secret_in(&path)?;
        let key: domain::Sha256 =
            text.parse().ok().with_context(|| format!("{} is not a key of 64 hex digits; without the right key no config var can be read", path.display()))?;
        Ok(SealKey::new(id, key.0))
    };
    seal_key_ids(home)?.into_iter().map(read).collect()
}

/// `mypaasd keys:rotate`: a new key, and everything sealed with it, while the platform runs.
pub(crate) async fn rotate(config: &Config, forget: bool) -> anyhow::Result<()> {
    let home = &config.home;
    let ids = seal_key_ids(home)?;
    let Some(newest) = ids.last() else { bail!("there is no key in {} yet: the first start makes one", home.display()) };
    let _lock = locked_file(&home.join("run/rotation.lock")).context("keys are being rotated already")?;
    let chance = Arc::new(Chance::from_os());
    let last = match newest.checked_add(1) {
        // What an earlier rotation has not finished, or has finished and was asked to forget.
        _ if ids.len() > 1 => *newest,
        Some(next) => {
            write_once(&seal_key_file(home, next), chance.secret().as_bytes())?;
            File::open(home.join("keys"))?.sync_all()?;
            next
        }
        None => bail!("there were 255 keys already"),
    };
    let store = crate::wire::open_store(config, &chance).await?;
    let mut sealed = 0;
    loop {
        match store.reseal_some().await? {
            0 => break,
            some => sealed += some,
        }
    }
    store.close().await;
    eprintln!("{sealed} values were sealed anew; everything is sealed with {}.", seal_key_file(home, last).display());
    let older: Vec<u8> = seal_key_ids(home)?.into_iter().filter(|id| *id < last).collect();
    for id in older {
        let path = seal_key_file(home, id);
        if forget {
            fs::remove_file(&path)?;
            eprintln!("{} is removed.", path.display());
        } else {
            eprintln!("{} opens links that were given out before, nothing else. `mypaasd keys:rotate --forget`, an hour later, removes it.", path.display());
        }
    }
    Ok(())
}

/// Where the secret lies that the platform shares with routers in processes of their own.
pub(crate) fn router_pass_file(home: &Path) -> PathBuf {
    home.join("keys/router")
}

pub(crate) fn router_pass(home: &Path, chance: &Chance) -> anyhow::Result<engine::RouterPass> {
    Ok(engine::RouterPass::new(kept(&router_pass_file(home), || chance.secret())?))
}

/// What tells this installation's containers from another's on the same engine.
pub(crate) fn instance(home: &Path, chance: &Chance) -> anyhow::Result<String> {
    let path = home.join("keys/instance");
    let instance = kept(&path, || chance.secret()[..8].to_owned())?;
    eight_hex_digits(instance, &path)
}

/// The same, if it was ever made.
pub(crate) fn known_instance(home: &Path) -> anyhow::Result<Option<String>> {
    let path = home.join("keys/instance");
    match std::fs::read_to_string(&path) {
        Ok(text) => eight_hex_digits(text.trim().to_owned(), &path).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} could not be read", path.display())),
    }
}

fn eight_hex_digits(instance: String, path: &Path) -> anyhow::Result<String> {
    if instance.len() != 8 || !instance.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        bail!("{} does not hold 8 hex digits", path.display());
    }
    Ok(instance)
}

/// The key by which SSH clients know this server again.
pub(crate) fn ssh_host_key(home: &Path, chance: &Chance) -> anyhow::Result<git::ssh::HostKey> {
    let path = home.join("keys/ssh_host_ed25519");
    let text = kept(&path, || git::ssh::HostKey::generate(chance.bytes()))?;
    git::ssh::HostKey::parse(&text).with_context(|| format!("file {}", path.display()))
}

/// Held as long as this process lives: two platforms on one home would fight over its dynos.
pub(crate) fn lock(home: &Path) -> anyhow::Result<File> {
    locked(home, File::try_lock)
}

/// Held by each of several control planes, of which the database says who leads: apart from them, nobody works on this home.
pub(crate) fn lock_with_others(home: &Path) -> anyhow::Result<File> {
    locked(home, File::try_lock_shared)
}

/// The only holder of a file's lock, until it goes.
pub(crate) fn locked_file(path: &Path) -> anyhow::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    file.try_lock()?;
    Ok(file)
}

/// How often a lock is tried, and how long apart.
const LOOKS: u32 = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

fn locked(home: &Path, lock: impl Fn(&File) -> Result<(), TryLockError>) -> anyhow::Result<File> {
    let path = home.join("run/mypaasd.lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path)?;
    for _ in 0..LOOKS {
        if lock(&file).is_ok() {
            return Ok(file);
        }
        // Whoever held it may be gone, and a program that it was just starting not yet.
        std::thread::sleep(BETWEEN_LOOKS);
    }
    bail!("another mypaasd is running on {}", home.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_read_by_its_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("key");
        assert_eq!(kept(&path, || "first".into()).unwrap(), "first");
        assert_eq!(kept(&path, || "second".into()).unwrap(), "first");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(kept(&path, || "third".into()).unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn of_many_who_make_it_at_once_one_does() {
        for _ in 0..50 {
            let home = tempfile::tempdir().unwrap();
            let (path, together) = (home.path().join("key"), std::sync::Barrier::new(8));
            let one = |number: u32| {
                together.wait();
                kept(&path, || number.to_string()).unwrap()
            };
            let made: Vec<String> = std::thread::scope(|scope| {
                let all = [0, 1, 2, 3, 4, 5, 6, 7].map(|number| {
                    scope.spawn({
                        let one = &one;
                        move || one(number)
                    })
                });
                all.map(|one| one.join().unwrap()).to_vec()
            });
            assert!(made.iter().all(|key| *key == made[0]), "{made:?}");
        }
    }
}
