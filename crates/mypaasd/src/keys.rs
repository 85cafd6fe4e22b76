//! What is made at first start and kept in files only the owner can read.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use ports::Chance;
use store::SealKey;

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

/// A secret kept in a file, made by `make` if there is none. A file others can read is refused.
pub(crate) fn kept(path: &Path, make: impl FnOnce() -> String) -> anyhow::Result<String> {
    if !path.try_exists()? {
        write_once(path, make().as_bytes())?;
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

/// The key that config vars are sealed with.
pub(crate) fn seal_key(home: &Path, chance: &Chance) -> anyhow::Result<SealKey> {
    let path = home.join("keys/seal.key");
    let text = kept(&path, || chance.secret())?;
    let key: domain::Sha256 =
        text.parse().ok().with_context(|| format!("{} is not a key of 64 hex digits; without the right key no config var can be read", path.display()))?;
    Ok(SealKey::new(1, key.0))
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
    let path = home.join("run/mypaasd.lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => bail!("another mypaasd is running on {}", home.display()),
    }
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
}
