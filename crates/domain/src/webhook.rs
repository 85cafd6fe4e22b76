//! Webhooks: whom we tell, by a signed request, when something happens to an app.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::{
    app::AppId,
    drain::{DrainScheme, DrainUrl},
    ids::Id,
    words::words,
};

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    pub app: AppId,
    /// What it is told of; at least one.
    pub topics: Vec<Topic>,
    pub level: Level,
    pub target: Target,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
pub type WebhookId = Id<Webhook>;

/// Webhooks an app may have. Each change is written down once for each of them.
pub const MOST_WEBHOOKS: usize = 20;
/// Of a secret or an `Authorization` header, in bytes.
const LONGEST_SECRET: usize = 2_048;

/// Where requests go, and how they prove themselves. All of it is confidential: URLs carry tokens too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `http` or `https`.
    pub url: DrainUrl,
    /// What requests are signed with.
    pub secret: Confidential,
    /// What they have as `Authorization`, if anything.
    pub authorization: Option<Confidential>,
}

/// Text that does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Confidential(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWebhook {
    #[error("Url is invalid. It must be https://HOST/… or http://HOST/…, in ASCII, at most 2,048 characters long.")]
    Url,
    #[error("Level is invalid. It is `notify` (tried once) or `sync` (tried again until it arrives).")]
    Level,
    #[error("Include is invalid. It names what is told of: {}.", Topic::words())]
    NoTopic,
    /// Heroku tells of it.
    #[error("Include is invalid: {0} is not told of yet. What is: {all}.", all = Topic::words())]
    NotYet(String),
    #[error("Include is invalid: there is no {0:?}. There are: {all}.", all = Topic::words())]
    Unknown(String),
    #[error("Secret and authorization may have 1 to {LONGEST_SECRET} characters, which must be ASCII and no control characters.")]
    Secret,
}

impl Confidential {
    /// What can stand in a header.
    pub fn new(text: &str) -> Result<Self, InvalidWebhook> {
        let fits = (1..=LONGEST_SECRET).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidWebhook::Secret) }
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Confidential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A URL requests can be sent to.
pub fn webhook_url(text: &str) -> Result<DrainUrl, InvalidWebhook> {
    let url: DrainUrl = text.parse().map_err(|_| InvalidWebhook::Url)?;
    if matches!(url.scheme, DrainScheme::Http | DrainScheme::Https) { Ok(url) } else { Err(InvalidWebhook::Url) }
}

/// How hard we try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Once.
    Notify,
    /// Again and again, until it arrives or there is no more hope.
    Sync,
}

words!(Level { Notify = "notify", Sync = "sync" });

impl Level {
    /// When it is tried again after so many attempts that failed. Heroku gives up within three days; we do after ten
    /// attempts, which are 41 hours.
    pub fn again(self, attempts: u32, now: Timestamp) -> Option<Timestamp> {
        if self == Self::Notify || !(1..MOST_ATTEMPTS).contains(&attempts) {
            return None;
        }
        now.checked_add(FIRST_WAIT * 3_i32.pow(attempts - 1)).ok()
    }
}

const MOST_ATTEMPTS: u32 = 10;
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(15);

/// What can be told of, in Heroku's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    App,
    Build,
    Collaborator,
    Domain,
    Formation,
    Release,
}

words!(Topic {
    App = "api:app",
    Build = "api:build",
    Collaborator = "api:collaborator",
    Domain = "api:domain",
    Formation = "api:formation",
    Release = "api:release",
});

/// Heroku tells of these too.
const NOT_YET: &[&str] = &["api:addon", "api:addon-attachment", "api:dyno", "api:sni-endpoint", "dyno"];

impl Topic {
    pub const ALL: [Self; 6] = [Self::App, Self::Build, Self::Collaborator, Self::Domain, Self::Formation, Self::Release];

    /// The kind of thing it is about: `release`.
    pub fn resource(self) -> &'static str {
        self.word().trim_start_matches("api:")
    }

    /// Each once, as they are asked for.
    pub fn of(words: &[String]) -> Result<Vec<Self>, InvalidWebhook> {
        let parse = |word: &String| {
            let unknown = || if NOT_YET.contains(&word.as_str()) { InvalidWebhook::NotYet(word.clone()) } else { InvalidWebhook::Unknown(word.clone()) };
            Self::from_word(word).ok_or_else(unknown)
        };
        let mut topics = words.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        topics.sort_unstable();
        topics.dedup();
        if topics.is_empty() { Err(InvalidWebhook::NoTopic) } else { Ok(topics) }
    }

    fn words() -> String {
        Self::ALL.map(Self::word).join(", ")
    }
}

/// Something that happened to an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEvent {
    pub id: WebhookEventId,
    pub app: AppId,
    pub topic: Topic,
    /// JSON: `action`, `actor`, `data`, `previous_data`, `resource`, `version`.
    pub payload: String,
    pub created_at: Timestamp,
}
pub type WebhookEventId = Id<WebhookEvent>;

/// One event on its way to one webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub webhook: WebhookId,
    pub level: Level,
    pub event: WebhookEventId,
    pub topic: Topic,
    pub status: DeliveryStatus,
    pub attempts: u32,
    /// None: nothing more is tried.
    pub next_attempt_at: Option<Timestamp>,
    pub last: Option<Attempt>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
pub type DeliveryId = Id<Delivery>;

/// How the last attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub at: Timestamp,
    /// What was answered, if anything was.
    pub code: Option<u16>,
    /// Why nothing was, in a word or two.
    pub error: Option<String>,
}

impl Attempt {
    pub fn succeeded(&self) -> bool {
        self.code.is_some_and(|code| (200..300).contains(&code))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// Not tried yet.
    Pending,
    /// Tried, and to be tried again.
    Retrying,
    Succeeded,
    Failed,
}

words!(DeliveryStatus { Pending = "pending", Retrying = "retrying", Succeeded = "succeeded", Failed = "failed" });

impl Delivery {
    /// It is being tried now. Saved before it is: should the platform end meanwhile, it is tried again.
    pub fn begun(self, now: Timestamp) -> Self {
        Self { attempts: self.attempts + 1, next_attempt_at: now.checked_add(FIRST_WAIT * 4).ok(), updated_at: now, ..self }
    }

    /// What has become of it.
    pub fn ended(self, attempt: Attempt) -> Self {
        let now = attempt.at;
        let (status, next_attempt_at) = match self.level.again(self.attempts, now) {
            _ if attempt.succeeded() => (DeliveryStatus::Succeeded, None),
            Some(again) => (DeliveryStatus::Retrying, Some(again)),
            None => (DeliveryStatus::Failed, None),
        };
        Self { status, next_attempt_at, last: Some(attempt), updated_at: now, ..self }
    }
}

/// What a request has as `Heroku-Webhook-Hmac-SHA256`: HMAC-SHA256 of its body (RFC 2104), in Base64.
pub fn signature(secret: &Confidential, body: &[u8]) -> String {
    BASE64_STANDARD.encode(hmac_sha256(secret.expose().as_bytes(), body))
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 4231, cases 2 and 6.
    #[test]
    fn signatures_are_hmac_sha256() {
        let short = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex(&short), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let long = hmac_sha256(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(hex(&long), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
        assert_eq!(signature(&Confidential::new("Jefe").unwrap(), b"what do ya want for nothing?"), "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    }

    #[test]
    fn what_cannot_be_subscribed_to_says_what_can() {
        let of = |words: &[&str]| Topic::of(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()).map_err(|why| why.to_string());
        assert_eq!(of(&["api:release", "api:app", "api:release"]), Ok(vec![Topic::App, Topic::Release]));
        let all = "api:app, api:build, api:collaborator, api:domain, api:formation, api:release.";
        assert_eq!(of(&["dyno"]), Err(format!("Include is invalid: dyno is not told of yet. What is: {all}")));
        assert_eq!(of(&["relese"]), Err(format!("Include is invalid: there is no \"relese\". There are: {all}")));
        assert!(of(&[]).unwrap_err().starts_with("Include is invalid. "));
    }

    #[test]
    fn only_web_servers_are_told() {
        assert!(webhook_url("https://ann:pass@example.com/hook?x=1").is_ok());
        for url in ["", "example.com", "syslog://example.com:514", "ftp://example.com", "https://a b/", "javascript:alert(1)"] {
            assert_eq!(webhook_url(url), Err(InvalidWebhook::Url), "{url}");
        }
        for secret in ["", "a\r\nHost: b", "pässword", &"x".repeat(3_000)] {
            assert_eq!(Confidential::new(secret), Err(InvalidWebhook::Secret), "{secret}");
        }
        assert_eq!(format!("{:?}", Confidential::new("hunter2")), "Ok([redacted])");
    }

    #[test]
    fn a_delivery_that_fails_is_tried_ever_more_seldom_and_then_given_up() {
        let start: Timestamp = "2026-05-01T10:00:00Z".parse().unwrap();
        let delivery = |level| Delivery {
            id: Id::new(start, [1; 10]),
            webhook: Id::new(start, [2; 10]),
            level,
            event: Id::new(start, [3; 10]),
            topic: Topic::Release,
            status: DeliveryStatus::Pending,
            attempts: 0,
            next_attempt_at: Some(start),
            last: None,
            created_at: start,
            updated_at: start,
        };
        let failed = |at| Attempt { at, code: Some(503), error: None };
        let (mut it, mut waits) = (delivery(Level::Sync), Vec::new());
        while let Some(at) = it.next_attempt_at {
            it = it.begun(at).ended(failed(at));
            waits.extend(it.next_attempt_at.map(|next| next.duration_since(at).as_secs()));
        }
        assert_eq!(waits, [15, 45, 135, 405, 1_215, 3_645, 10_935, 32_805, 98_415]);
        assert_eq!((it.status, it.attempts), (DeliveryStatus::Failed, 10));
        let once = delivery(Level::Notify).begun(start).ended(failed(start));
        assert_eq!((once.status, once.attempts, once.next_attempt_at), (DeliveryStatus::Failed, 1, None));
        let arrived = delivery(Level::Sync).begun(start).ended(Attempt { at: start, code: Some(204), error: None });
        assert_eq!((arrived.status, arrived.next_attempt_at), (DeliveryStatus::Succeeded, None));
        let begun = delivery(Level::Notify).begun(start);
        assert!(begun.next_attempt_at.is_some(), "whatever happens to the platform meanwhile");
    }
}
