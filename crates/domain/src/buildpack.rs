//! Which buildpacks an app is built with: names of a catalogue, git repositories, archives.

use std::{fmt, str::FromStr};

use crate::config_vars::ConfigVars;

/// One buildpack as people name it. Parsed once at the edge; `Display` never shows credentials.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum BuildpackRef {
    /// `heroku/nodejs`, also written `urn:buildpack:heroku/nodejs` and as the public registry's archive.
    Catalogue(CatalogueName),
    Git(GitBuildpack),
    Archive(BuildpackUrl),
}

/// A buildpack's name in a catalogue: a namespace and a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CatalogueName {
    namespace: String,
    name: String,
}

/// A repository, and which branch, tag or commit of it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct GitBuildpack {
    pub url: BuildpackUrl,
    /// The part after `#`; the repository's own default branch if there is none.
    pub reference: Option<String>,
}

/// Where something is fetched from: `http`, `https` or `git`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BuildpackUrl {
    /// `https://`
    scheme: &'static str,
    /// `user:password`, as written.
    credentials: Option<String>,
    /// From the host on.
    rest: String,
}

/// Why a text names no buildpack. No sentence repeats the text: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBuildpack {
    #[error("A buildpack is named by its name (heroku/nodejs), a git URL (https://example.com/buildpack.git#branch) or the URL of a .tgz archive.")]
    Malformed,
    #[error("A buildpack name has a namespace and a name, such as heroku/nodejs, and only letters, digits, '_' and '-'.")]
    Name,
    #[error("A buildpack URL must begin with https://, http:// or git://.")]
    Scheme,
    #[error("A buildpack URL cannot contain spaces, quotes, backslashes, line breaks or other characters that a URL writes as %XX.")]
    Characters,
    #[error("A buildpack URL needs a host that does not begin with '-', such as https://example.com/buildpack.git.")]
    Host,
    #[error("The part of a buildpack URL after '#' must be the name of a branch or tag, or a commit.")]
    Reference,
    #[error("A buildpack URL cannot be longer than 2000 characters.")]
    TooLong,
    #[error("The credentials in a buildpack URL are hidden as '****' and cannot be read back: write them out.")]
    Hidden,
    #[error("A buildpack can be listed only once.")]
    Twice,
    #[error("An app cannot have more than 50 buildpacks.")]
    TooMany,
}

/// What stands where credentials are.
const HIDDEN: &str = "****";
/// Where the public registry keeps its archives; `/<namespace>/<name>.tgz` follows.
const REGISTRY: &str = "https://buildpack-registry.s3.amazonaws.com/buildpacks/";
/// Where Heroku kept its own before there was a registry.
const CODON: &str = "https://codon-buildpacks.s3.amazonaws.com/buildpacks/";
const LONGEST: usize = 2000;
const MOST: usize = 50;

impl BuildpackRef {
    /// As it was given, credentials and all: for the store and for whoever fetches it. Reading it again gives the same.
    pub fn expose(&self) -> String {
        match self {
            Self::Catalogue(name) => name.to_string(),
            Self::Git(git) => git.written(&git.url.expose()),
            Self::Archive(url) => url.expose(),
        }
    }

    /// As the Platform API's `url`: Heroku writes catalogue names as URNs.
    pub fn urn(&self) -> String {
        match self {
            Self::Catalogue(name) => format!("urn:buildpack:{name}"),
            other => other.to_string(),
        }
    }

    /// Where it is fetched from, if it is fetched at all.
    pub const fn url(&self) -> Option<&BuildpackUrl> {
        match self {
            Self::Catalogue(_) => None,
            Self::Git(git) => Some(&git.url),
            Self::Archive(url) => Some(url),
        }
    }

    /// The same with its credentials hidden for good: to be remembered and shown, not to be fetched.
    pub fn hidden(&self) -> Self {
        let hide = |url: &BuildpackUrl| BuildpackUrl { credentials: url.credentials.as_ref().map(|_| HIDDEN.to_owned()), ..url.clone() };
        match self {
            Self::Catalogue(_) => self.clone(),
            Self::Git(git) => Self::Git(GitBuildpack { url: hide(&git.url), reference: git.reference.clone() }),
            Self::Archive(url) => Self::Archive(hide(url)),
        }
    }

    fn is_hidden(&self) -> bool {
        self.url().is_some_and(|url| url.credentials.as_deref() == Some(HIDDEN))
    }
}

impl FromStr for BuildpackRef {
    type Err = InvalidBuildpack;

    fn from_str(text: &str) -> Result<Self, InvalidBuildpack> {
        if text.len() > LONGEST {
            return Err(InvalidBuildpack::TooLong);
        }
        let text = text.trim();
        if let Some(name) = text.strip_prefix("urn:buildpack:") {
            return name.parse().map(Self::Catalogue);
        }
        if let Some(name) = [REGISTRY, CODON].iter().find_map(|base| text.strip_prefix(base)?.strip_suffix(".tgz"))
            && let Ok(name) = name.parse()
        {
            return Ok(Self::Catalogue(name));
        }
        // `ext::sh -c …` and `file:…` are schemes too, of the kind that runs or reads things.
        if !text.contains(':') {
            return if text.is_empty() || text.starts_with('/') { Err(InvalidBuildpack::Malformed) } else { text.parse().map(Self::Catalogue) };
        }
        let (url, reference) = text.split_once('#').map_or((text, None), |(url, reference)| (url, Some(reference)));
        let url: BuildpackUrl = url.parse()?;
        if url.scheme != "git://" && url.is_archive() {
            // What follows `#` means nothing to an archive.
            return Ok(Self::Archive(url));
        }
        Ok(Self::Git(GitBuildpack { url, reference: reference.filter(|name| !name.is_empty()).map(git_reference).transpose()? }))
    }
}

impl fmt::Display for BuildpackRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Catalogue(name) => name.fmt(f),
            Self::Git(git) => f.write_str(&git.written(&git.url.to_string())),
            Self::Archive(url) => url.fmt(f),
        }
    }
}

/// As `Display`: without credentials.
impl fmt::Debug for BuildpackRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl GitBuildpack {
    fn written(&self, url: &str) -> String {
        self.reference.as_ref().map_or_else(|| url.to_owned(), |reference| format!("{url}#{reference}"))
    }
}

impl fmt::Debug for GitBuildpack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(&self.url.to_string()))
    }
}

/// What git accepts as a name, less what it or a shell could take for something else.
fn git_reference(name: &str) -> Result<String, InvalidBuildpack> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./+@".contains(&byte);
    let fits = name.len() <= 255 && !name.starts_with(['-', '/', '.', '@']) && !name.contains("..") && !name.contains("@{") && name.bytes().all(plain);
    if fits { Ok(name.to_owned()) } else { Err(InvalidBuildpack::Reference) }
}

impl CatalogueName {
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the public registry has it.
    pub fn registry_url(&self) -> BuildpackUrl {
        let scheme = "https://";
        BuildpackUrl { scheme, credentials: None, rest: format!("{}{self}.tgz", &REGISTRY[scheme.len()..]) }
    }
}

impl FromStr for CatalogueName {
    type Err = InvalidBuildpack;

    fn from_str(text: &str) -> Result<Self, InvalidBuildpack> {
        let plain = |part: &&str| {
            part.len() <= 100
                && part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        let (namespace, name) = text.split_once('/').filter(|(namespace, name)| plain(namespace) && plain(name)).ok_or(InvalidBuildpack::Name)?;
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for CatalogueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl BuildpackUrl {
    /// With its credentials.
    pub fn expose(&self) -> String {
        self.with(self.credentials.as_deref())
    }

    /// Without them, and without a hint that there are any.
    pub fn plain(&self) -> String {
        self.with(None)
    }

    /// Scheme and host, up to and with the `/`: with credentials and without.
    pub fn bases(&self) -> Option<(String, String)> {
        let credentials = self.credentials.as_deref()?;
        let host = self.rest.split_once('/').map_or(self.rest.as_str(), |(host, _)| host);
        Some((format!("{}{credentials}@{host}/", self.scheme), format!("{}{host}/", self.scheme)))
    }

    /// What must not be shown: `user:password` and the password alone.
    pub fn secrets(&self) -> Vec<&str> {
        let Some(credentials) = self.credentials.as_deref() else { return Vec::new() };
        let password = credentials.split_once(':').map(|(_, password)| password);
        [Some(credentials), password].into_iter().flatten().filter(|secret| !secret.is_empty()).collect()
    }

    fn with(&self, credentials: Option<&str>) -> String {
        let credentials = credentials.map(|credentials| format!("{credentials}@")).unwrap_or_default();
        format!("{}{credentials}{}", self.scheme, self.rest)
    }

    fn is_archive(&self) -> bool {
        let path = self.rest.split('?').next().unwrap_or_default();
        path.contains('/') && (path.ends_with(".tgz") || path.ends_with(".tar.gz"))
    }
}

impl FromStr for BuildpackUrl {
    type Err = InvalidBuildpack;

    fn from_str(text: &str) -> Result<Self, InvalidBuildpack> {
        let scheme = ["https://", "http://", "git://"].into_iter().find(|scheme| text.starts_with(scheme)).ok_or(InvalidBuildpack::Scheme)?;
        let rest = &text[scheme.len()..];
        if !rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'`\\<>^{}|$;()".contains(&byte)) {
            return Err(InvalidBuildpack::Characters);
        }
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let (credentials, host) = authority.rsplit_once('@').map_or((None, authority), |(credentials, host)| (Some(credentials), host));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        if host.is_empty() || !host.bytes().all(plain) || host.starts_with(['-', '.', ':']) || credentials.is_some_and(|credentials| credentials.contains('@'))
        {
            return Err(InvalidBuildpack::Host);
        }
        let rest = &rest[credentials.map_or(0, |credentials| credentials.len() + 1)..];
        Ok(Self { scheme, credentials: credentials.filter(|credentials| !credentials.is_empty()).map(str::to_owned), rest: rest.to_owned() })
    }
}

/// Credentials are hidden.
impl fmt::Display for BuildpackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with(self.credentials.as_ref().map(|_| HIDDEN)))
    }
}

impl fmt::Debug for BuildpackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The list an app is to have. Who reads a list and writes it back changed, as command lines do, sends credentials hidden:
/// those are taken from the list as it was.
pub fn replaced(before: &[BuildpackRef], asked: &[String]) -> Result<Vec<BuildpackRef>, InvalidBuildpack> {
    if asked.len() > MOST {
        return Err(InvalidBuildpack::TooMany);
    }
    let mut list: Vec<BuildpackRef> = Vec::new();
    for text in asked {
        let mut buildpack: BuildpackRef = text.parse()?;
        if buildpack.is_hidden() {
            let shown = buildpack.to_string();
            buildpack = before.iter().find(|known| known.to_string() == shown).cloned().ok_or(InvalidBuildpack::Hidden)?;
        }
        if list.iter().any(|other| other.to_string() == buildpack.to_string()) {
            return Err(InvalidBuildpack::Twice);
        }
        list.push(buildpack);
    }
    Ok(list)
}

/// Config vars that name the one buildpack to use, whatever is set on the app (Heroku: before there were lists of them).
pub const OVERRIDES: [&str; 2] = ["BUILDPACK_URL", "LANGUAGE_PACK_URL"];

/// What a build uses: a config var's buildpack, else the app's own; none means that the source says, or that one is to be detected.
pub fn for_build(config: &ConfigVars, installed: Vec<BuildpackRef>) -> Result<Vec<BuildpackRef>, InvalidBuildpack> {
    let asked = OVERRIDES.iter().find_map(|name| config.get(name)).map(|value| value.expose().trim()).filter(|value| !value.is_empty());
    asked.map_or(Ok(installed), |asked| Ok(vec![asked.parse()?]))
}

#[cfg(test)]
mod tests;
