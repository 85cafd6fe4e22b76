//! Sources of builds that are not pushes: where they lie, how they come, and whether they are what was promised.

use std::{io, sync::Arc};

use builder::BuildError;
use bytes::Bytes;
use domain::{Sha256, SourceBlob, slug::human_bytes};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::SignedDuration;
use ports::{ByteStream, Downloads};
use sha2::{Digest, Sha256 as Hasher};

use crate::{accounts::Actor, links::Link, platform::Platform, refusal::Refusal};

/// The largest archive taken, in bytes.
pub const MOST: u64 = 1 << 30;
/// Longer than any link to it lasts.
const FORGET_AFTER: SignedDuration = SignedDuration::from_hours(2);
/// Longest name of a source's version, in bytes.
const LONGEST_VERSION: usize = 255;

/// Where a source lies.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// With us.
    Stored(Sha256),
    /// An archive, over HTTP.
    Elsewhere(String),
    Git {
        url: String,
        reference: Option<String>,
    },
}

impl Platform {
    /// A place to upload a source to: where to put it, and where to get it.
    pub async fn create_source(&self, actor: &Actor) -> Result<(String, String), Refusal> {
        let now = self.clock.now();
        let place = SourceBlob { id: self.chance.id(now), account: actor.account.id, sha256: None, created_at: now };
        let mut tx = self.store.write().await?;
        tx.forget_source_blobs(now - FORGET_AFTER).await?;
        tx.insert_source_blob(&place).await?;
        tx.commit().await?;
        Ok((self.link(Link::Upload(place.id)), self.link(Link::Source(place.id))))
    }

    /// Whether there is such a place, and room for what comes.
    pub async fn expect_source(&self, secret: &str) -> Result<(), Refusal> {
        self.upload_link(secret).ok_or(Refusal::NotFound("source"))?;
        self.builder.check_room().await.map_err(crate::builds::no_room)
    }

    /// Stores what is uploaded. What breaks off leaves nothing.
    pub async fn store_source(&self, secret: &str, mut body: ByteStream) -> Result<(), Refusal> {
        let place = self.upload_link(secret).ok_or(Refusal::NotFound("source"))?;
        let platform = |error: ports::BlobError| Refusal::Platform(Box::new(error));
        let mut blob = self.builder.blobs().create().await.map_err(platform)?;
        let mut bytes = 0;
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|_| Refusal::Invalid("The upload broke off.".to_owned()))?;
            bytes += chunk.len() as u64;
            if bytes > MOST {
                return Err(Refusal::Invalid(format!("The source is larger than {}.", human_bytes(MOST))));
            }
            blob.write(&chunk).await.map_err(platform)?;
        }
        let (digest, _) = blob.finish().await.map_err(platform)?;
        let mut tx = self.store.write().await?;
        tx.fill_source_blob(place, digest).await?;
        Ok(tx.commit().await?)
    }

    /// What was uploaded, for whoever has its link.
    pub async fn read_source(&self, secret: &str) -> Result<ByteStream, Refusal> {
        let digest = self.uploaded(secret).await?.ok_or(Refusal::NotFound("source"))?;
        self.builder.blobs().open(digest).await.map_err(|error| Refusal::Platform(Box::new(error)))
    }

    async fn uploaded(&self, secret: &str) -> Result<Option<Sha256>, Refusal> {
        let place = self.source_link(secret).ok_or(Refusal::NotFound("source"))?;
        Ok(self.store.read().await?.source_blob(place).await?.and_then(|place| place.sha256))
    }

    /// Where the source at this URL lies. Our own places are never asked over HTTP.
    pub(crate) async fn locate(&self, url: &str, checksum: Option<Sha256>) -> Result<Wanted, Refusal> {
        if let Some(secret) = url.strip_prefix(&self.settings.api_url).and_then(|path| path.strip_prefix("/sources/")) {
            let expired = |_| Refusal::Invalid("The link to the source is not valid, or not any more.".to_owned());
            let uploaded = self.uploaded(secret).await.map_err(expired)?;
            let nothing = || Refusal::Invalid("Nothing was uploaded to that source yet: PUT the archive to its put_url first.".to_owned());
            return Ok(Wanted::Stored(uploaded.ok_or_else(nothing)?));
        }
        elsewhere(url, checksum, |host| self.downloads.trusts(host))
    }
}

/// What a URL that is not ours means. `trusts`: whether a host is one of the admin's own.
fn elsewhere(url: &str, checksum: Option<Sha256>, trusts: impl Fn(&str) -> bool) -> Result<Wanted, Refusal> {
    let invalid = |why: &str| Err(Refusal::Invalid(why.to_owned()));
    if url.len() > 4096 || url.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return invalid("The source URL is not a URL.");
    }
    let (place, reference) = url.split_once('#').map_or((url, None), |(place, reference)| (place, Some(reference)));
    if !place.starts_with("https://") && !place.starts_with("http://") {
        return invalid("The source URL must begin with https:// or http://.");
    }
    // Nothing that a program could take for an option.
    if place.split_once("://").is_none_or(|(_, host)| host.is_empty() || host.starts_with(['-', '/', '?'])) {
        return invalid("The source URL is not a URL.");
    }
    if !place.ends_with(".git") {
        return Ok(Wanted::Elsewhere(place.to_owned()));
    }
    let their_own = place.strip_prefix("http://").and_then(|rest| rest.split('/').next()).is_some_and(trusts);
    if !place.starts_with("https://") && !their_own || place.contains('@') {
        return invalid("A git source must be public and begin with https://.");
    }
    if checksum.is_some() {
        return invalid("A git source has no checksum; name the commit after # instead.");
    }
    if reference.is_some_and(|reference| reference.is_empty() || reference.starts_with('-') || reference.contains([':', '+', '*', '^', '~'])) {
        return invalid("The name after # must be a branch, a tag or a commit.");
    }
    Ok(Wanted::Git { url: place.to_owned(), reference: reference.map(str::to_owned) })
}

/// `SHA256:` and 64 hex digits.
pub(crate) fn checksum(text: &str) -> Result<Sha256, Refusal> {
    let digits = text.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("sha256")).map(|(_, digits)| digits.to_ascii_lowercase());
    digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| Refusal::Invalid("The checksum must be SHA256: and 64 hex digits.".to_owned()))
}

pub(crate) fn check_version(version: &str) -> Result<(), Refusal> {
    if version.is_empty() || version.len() > LONGEST_VERSION || version.chars().any(char::is_control) {
        return Err(Refusal::Invalid(format!("The version must be 1 to {LONGEST_VERSION} bytes of plain text.")));
    }
    Ok(())
}

/// Comes when it is asked for, and says in the person's words why it does not.
pub(crate) fn fetched(downloads: Arc<dyn Downloads>, url: String) -> ByteStream {
    let opened = async move { downloads.get(&url).await.map_err(|error| invalid(format!("the source {error}."))) };
    stream::once(opened).try_flatten().boxed()
}

/// Breaks off with a sentence when there is too much, or when at its end it is not what was promised.
pub(crate) fn checked(source: ByteStream, promised: Option<Sha256>) -> ByteStream {
    weighed(source, "source", MOST, promised, drop)
}

/// The same of anything that comes, with its name for the sentence and its limit in bytes; `ended` is told what it was.
pub(crate) fn weighed(source: ByteStream, what: &'static str, most: u64, promised: Option<Sha256>, ended: impl FnOnce(Sha256) + Send + 'static) -> ByteStream {
    let state = Some((source, Hasher::new(), 0, ended));
    stream::unfold(state, move |state| async move {
        let (mut source, mut hasher, mut bytes, ended) = state?;
        let chunk: Bytes = match source.next().await {
            Some(Ok(chunk)) => chunk,
            Some(Err(error)) => return Some((Err(error), None)),
            None => {
                let digest = Sha256(hasher.finalize().into());
                if promised.is_some_and(|promised| promised != digest) {
                    return Some((Err(invalid(format!("the {what} is not the one that was promised: its SHA-256 is {digest}."))), None));
                }
                ended(digest);
                return None;
            }
        };
        bytes += chunk.len() as u64;
        if bytes > most {
            return Some((Err(invalid(format!("the {what} is larger than {}.", human_bytes(most)))), None));
        }
        hasher.update(&chunk);
        Some((Ok(chunk), Some((source, hasher, bytes, ended))))
    })
    .boxed()
}

pub(crate) fn invalid(sentence: String) -> io::Error {
    io::Error::other(BuildError::SourceInvalid(sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hostile inputs 15–19.
    #[test]
    fn urls_lead_to_archives_or_repositories() {
        let said = |url: &str| match elsewhere(url, None, |host| host == "git.internal:3000") {
            Ok(Wanted::Git { url, reference }) => format!("git {url} {reference:?}"),
            Ok(Wanted::Elsewhere(url)) => format!("archive {url}"),
            Ok(Wanted::Stored(_)) => "stored".to_owned(),
            Err(refusal) => refusal.to_string(),
        };
        assert_eq!(said("https://example.com/a.tgz?x=1#f"), "archive https://example.com/a.tgz?x=1");
        assert_eq!(said("https://example.com/a.git#v1.2"), "git https://example.com/a.git Some(\"v1.2\")");
        assert_eq!(said("http://git.internal:3000/a.git#main"), "git http://git.internal:3000/a.git Some(\"main\")");
        assert_eq!(said("https://example.com/a.git"), "git https://example.com/a.git None");
        for url in ["file:///etc/passwd", "ftp://x/y", "gopher://x", "", "//example.com/x", "/etc/passwd"] {
            assert_eq!(said(url), "The source URL must begin with https:// or http://.", "{url}");
        }
        assert_eq!(said("https://example.com/a\r\nhost: b"), "The source URL is not a URL.");
        for url in ["http://example.com/a.git", "https://me:token@example.com/a.git", "http://git.internal/a.git", "http://git.internal:3000@example.com/a.git"]
        {
            assert_eq!(said(url), "A git source must be public and begin with https://.");
        }
        for url in ["https://h/a.git#--upload-pack=x", "https://h/a.git#", "https://h/a.git#a:b"] {
            assert_eq!(said(url), "The name after # must be a branch, a tag or a commit.");
        }
    }

    /// A URL leads to where its letters say, or nowhere.
    fn source_url(bytes: &[u8]) -> String {
        let Ok(text) = std::str::from_utf8(bytes) else { return "no text".to_owned() };
        assert!(check_version(text).is_err() || text.len() <= LONGEST_VERSION && !text.contains(char::is_control));
        assert!(checksum(text).is_err() || text.len() == 71);
        match elsewhere(text, None, |_| false) {
            Ok(Wanted::Git { url, reference }) => {
                assert!(url.starts_with("https://") && !url.contains('@') && !url[8..].starts_with('-'), "{url}");
                let plain = |name: &String| !name.is_empty() && !name.starts_with('-') && name.bytes().all(|byte| byte > b' ' && byte != 0x7f && byte != b':');
                assert!(reference.as_ref().is_none_or(plain), "{reference:?}");
                format!("git {}", reference.is_some())
            }
            Ok(Wanted::Elsewhere(url)) => {
                assert!((url.starts_with("https://") || url.starts_with("http://")) && text.starts_with(&url), "{url}");
                "archive".to_owned()
            }
            Ok(Wanted::Stored(_)) => panic!("nothing was stored"),
            Err(refusal) => refusal.to_string(),
        }
    }

    #[test]
    fn fuzz_source_url() {
        fuzz::check(&fuzz::Target {
            name: "source_url",
            words: &[b"https://", b"http://", b".git", b"#", b"@", b"file:///etc", b"ext::sh -c x", b"--upload-pack=x", b"SHA256:", b"\r\n", b"://-x/", b".."],
            longest: 6_000,
            run: source_url,
        });
    }

    /// Hostile inputs 42.
    #[tokio::test]
    async fn a_source_is_what_was_promised() {
        let source = || stream::iter([Ok(Bytes::from_static(b"hello ")), Ok(Bytes::from_static(b"world"))]).boxed();
        let read = async |promised| checked(source(), promised).try_collect::<Vec<_>>().await.map(|chunks| chunks.concat());
        let right = checksum("sha256:B94D27B9934D3E08A52E52D7DA7DABFAC484EFE37A5380EE9088F7ACE2EFCDE9").expect("it is one");
        assert_eq!(read(Some(right)).await.expect("it is right"), b"hello world");
        assert_eq!(read(None).await.expect("nothing was promised"), b"hello world");
        let wrong = read(Some(Sha256([1; 32]))).await.expect_err("it is another");
        assert!(BuildError::from(wrong).to_string().starts_with("Push rejected, the source is not the one that was promised: its SHA-256 is b94d27b9"));
        assert!(checksum("MD5:1").is_err() && checksum("SHA256:12").is_err());
    }
}
