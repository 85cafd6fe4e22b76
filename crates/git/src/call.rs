//! What an HTTP request asks of git. The only place that looks at paths.

use domain::AppName;
use http::Method;

/// One request of the smart protocol (gitprotocol-http(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) app: AppName,
    pub(crate) service: Service,
    pub(crate) step: Step,
}

/// Which way the objects go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// A push.
    ReceivePack,
    /// A clone or fetch.
    UploadPack,
}

/// Both services begin by telling which refs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Advertise,
    Transfer,
}

impl Service {
    /// As git calls it, without `git-` in front.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ReceivePack => "receive-pack",
            Self::UploadPack => "upload-pack",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "git-receive-pack" => Some(Self::ReceivePack),
            "git-upload-pack" => Some(Self::UploadPack),
            _ => None,
        }
    }
}

/// Whether the first segment of a path is a repository's: `/shop.git/info/refs`. Such paths are all ours to answer.
pub fn is_git_path(path: &str) -> bool {
    path.strip_prefix('/').and_then(|path| path.split('/').next()).is_some_and(|first| first.ends_with(".git"))
}

impl Call {
    /// Exactly the three forms there are; nothing is decoded or tidied up, so nothing can be smuggled past.
    pub(crate) fn parse(method: &Method, path: &str, query: Option<&str>) -> Option<Self> {
        let (app, rest) = path.strip_prefix('/')?.split_once('/')?;
        let app = app.strip_suffix(".git")?.parse().ok()?;
        let (service, step) = match (method, rest) {
            (&Method::GET, "info/refs") => (Service::named(query?.strip_prefix("service=")?)?, Step::Advertise),
            (&Method::POST, service) => (Service::named(service)?, Step::Transfer),
            _ => return None,
        };
        Some(Self { app, service, step })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: &Method, target: &str) -> Option<Call> {
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        Call::parse(method, path, query)
    }

    #[test]
    fn the_three_forms_are_understood() {
        let call = |service, step| Some(Call { app: "shop".parse().unwrap(), service, step });
        assert_eq!(parse(&Method::GET, "/shop.git/info/refs?service=git-receive-pack"), call(Service::ReceivePack, Step::Advertise));
        assert_eq!(parse(&Method::GET, "/shop.git/info/refs?service=git-upload-pack"), call(Service::UploadPack, Step::Advertise));
        assert_eq!(parse(&Method::POST, "/shop.git/git-receive-pack"), call(Service::ReceivePack, Step::Transfer));
        assert_eq!(parse(&Method::POST, "/shop.git/git-upload-pack"), call(Service::UploadPack, Step::Transfer));
    }

    /// Hostile inputs 44, 45.
    #[test]
    fn nothing_else_is() {
        for target in [
            "/shop.git/info/refs",
            "/shop.git/info/refs?service=git-upload-archive",
            "/shop.git/info/refs?service=git-receive-pack&x=1",
            "/shop.git/../other.git/info/refs?service=git-receive-pack",
            "/shop.git//info/refs?service=git-receive-pack",
            "//shop.git/info/refs?service=git-receive-pack",
            "/..git/info/refs?service=git-receive-pack",
            "/../shop.git/info/refs?service=git-receive-pack",
            "/%2e%2e.git/info/refs?service=git-receive-pack",
            "/sh%6fp.git/info/refs?service=git-receive-pack",
            "/a%2fb.git/info/refs?service=git-receive-pack",
            "/shop.git%2f..%2fother.git/info/refs?service=git-receive-pack",
            "/shop%252egit/info/refs?service=git-receive-pack",
            "/.git/info/refs?service=git-receive-pack",
            "/-rf.git/info/refs?service=git-receive-pack",
            "/shop.git/config",
            "/shop.git/HEAD",
            "/shop.git/hooks/pre-receive",
            "/shop.git/objects/../..",
            "/shop.git/git-receive-pack",
            "/shop.git",
            "/",
        ] {
            assert_eq!(parse(&Method::GET, target), None, "{target}");
        }
        assert_eq!(parse(&Method::POST, "/shop.git/info/refs?service=git-receive-pack"), None);
        assert_eq!(parse(&Method::PUT, "/shop.git/git-receive-pack"), None);
        assert_eq!(parse(&Method::POST, "/shop.git/git-upload-archive"), None);
    }

    #[test]
    fn a_git_path_is_told_by_its_first_segment() {
        for path in ["/shop.git", "/shop.git/", "/shop.git/info/refs", "/shop.git/../x", "/..git/x"] {
            assert!(is_git_path(path), "{path}");
        }
        for path in ["/", "/apps/shop", "/apps/shop.git", "//shop.git/info/refs", "/shop%2egit", "shop.git"] {
            assert!(!is_git_path(path), "{path}");
        }
    }
}
