//! What the platform needs from outside, as small traits; an honest fake beside each.

pub mod blobs;
pub mod chance;
pub mod clock;
pub mod downloads;
pub mod log_sink;
pub mod pipe;
pub mod posts;
pub mod repositories;
pub mod runtime;
pub mod sandbox;

pub use blobs::{BlobError, Blobs};
pub use chance::Chance;
pub use clock::Clock;
pub use downloads::{DownloadError, Downloads};
pub use log_sink::LogSink;
pub use posts::{Post, PostError, Posts};
pub use repositories::Repositories;
pub use runtime::{Runtime, RuntimeError};
pub use sandbox::{Sandbox, Sandboxes};

/// A stream of bytes that may break off.
pub type ByteStream = futures_util::stream::BoxStream<'static, std::io::Result<bytes::Bytes>>;
