//! Requests to where strangers say.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

/// A `POST` of JSON. URL and headers are confidential: it does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Post {
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// Why nobody answered. `Display` is a word or two, for whoever gave the URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    #[error("UnknownHost")]
    UnknownHost,
    /// An address that a stranger must not make us talk to: loopback, private, link-local, our own.
    #[error("NotAPublicAddress")]
    NotPublic,
    #[error("Timeout")]
    TooSlow,
    /// The connection, or TLS over it.
    #[error("ConnectionFailed")]
    Broken,
}

/// Sends to public addresses only, whatever a URL and its DNS say, and follows nobody elsewhere.
#[async_trait]
pub trait Posts: Send + Sync {
    /// The status that was answered.
    async fn post(&self, post: Post) -> Result<u16, PostError>;
}

/// Answers as it was told to, and remembers what came.
pub struct FakePosts {
    answer: Mutex<Result<u16, PostError>>,
    received: Mutex<Vec<Post>>,
}

impl Default for FakePosts {
    fn default() -> Self {
        Self { answer: Mutex::new(Ok(200)), received: Mutex::default() }
    }
}

impl FakePosts {
    /// From now on.
    pub fn answers(&self, answer: Result<u16, PostError>) {
        *lock(&self.answer) = answer;
    }

    /// What has come since it was last asked for.
    pub fn take(&self) -> Vec<Post> {
        std::mem::take(&mut *lock(&self.received))
    }
}

#[async_trait]
impl Posts for FakePosts {
    async fn post(&self, post: Post) -> Result<u16, PostError> {
        lock(&self.received).push(post);
        lock(&self.answer).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
