//! What a client may ask to be run. There is no shell that would read it: it is one of two words, a blank and a repository.

use domain::AppName;

use crate::call::Service;

/// `git-receive-pack 'shop.git'`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) service: Service,
    pub(super) app: AppName,
}

impl Command {
    /// With or without quotes, with or without a slash before the name; nothing else.
    pub(super) fn parse(asked: &[u8]) -> Option<Self> {
        let (program, repository) = std::str::from_utf8(asked).ok()?.split_once(' ')?;
        let service = Service::named(program)?;
        let quoted = repository.strip_prefix('\'').map(|rest| rest.strip_suffix('\''));
        let path = quoted.unwrap_or(Some(repository))?;
        let app = path.strip_prefix('/').unwrap_or(path).strip_suffix(".git")?.parse().ok()?;
        Some(Self { service, app })
    }
}

/// `version=2`: what git asks for in the environment.
pub(crate) fn protocol(asked: &str) -> Option<&'static str> {
    ["version=0", "version=1", "version=2"].into_iter().find(|version| *version == asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_commands_are_understood() {
        let shop = |service| Some(Command { service, app: "shop".parse().unwrap() });
        for repository in ["'shop.git'", "shop.git", "'/shop.git'", "/shop.git"] {
            assert_eq!(Command::parse(format!("git-receive-pack {repository}").as_bytes()), shop(Service::ReceivePack), "{repository}");
            assert_eq!(Command::parse(format!("git-upload-pack {repository}").as_bytes()), shop(Service::UploadPack), "{repository}");
        }
    }

    /// Hostile inputs 53.
    #[test]
    fn nothing_else_is() {
        for asked in [
            "",
            "git-receive-pack",
            "git-receive-pack ",
            "git-receive-pack ''",
            "git-receive-pack '.git'",
            "git-receive-pack 'shop'",
            "git-receive-pack 'a';id",
            "git-receive-pack 'a.git';id",
            "git-receive-pack 'a.git' ; id",
            "git-receive-pack 'shop.git",
            "git-receive-pack shop.git'",
            "git-receive-pack ''shop.git''",
            "git-receive-pack \"shop.git\"",
            "git-receive-pack  'shop.git'",
            "git-receive-pack 'shop.git' 'two.git'",
            "git-receive-pack '//shop.git'",
            "git-receive-pack '/../shop.git'",
            "git-receive-pack '../shop.git'",
            "git-receive-pack '~/shop.git'",
            "git-receive-pack '/srv/shop.git'",
            "git-receive-pack 'shop.git/'",
            "git-receive-pack '-rf.git'",
            "git-receive-pack --help",
            "git-receive-pack $(id).git",
            "git-receive-pack `id`.git",
            "git-receive-pack 'sh\u{202e}op.git'",
            "git-receive-pack 'shop.git'\n",
            "git-receive-pack 'shop.git'\0",
            "git receive-pack 'shop.git'",
            "/usr/bin/git-receive-pack 'shop.git'",
            "git-upload-archive 'shop.git'",
            "git-shell -c id",
            "scp -t /tmp",
            "sh -c id",
            "id",
        ] {
            assert_eq!(Command::parse(asked.as_bytes()), None, "{asked:?}");
        }
        assert_eq!(Command::parse(b"git-receive-pack '\xff.git'"), None);
    }

    #[test]
    fn only_versions_are_taken_from_the_environment() {
        assert_eq!(protocol("version=2"), Some("version=2"));
        for asked in ["", "version=3", "version=2:x", "version=2\n", "2"] {
            assert_eq!(protocol(asked), None, "{asked:?}");
        }
    }
}
