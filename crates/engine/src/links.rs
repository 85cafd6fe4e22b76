//! Secret links: who has one needs no token, until it expires. Nothing is remembered of them: a link carries what it leads
//! to and until when, sealed, so that it outlives a restart and only the platform can make one.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{BuildId, Id, ReleaseId, SlugId, SourceBlobId};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::platform::Platform;

/// For transfers: whoever asked begins at once.
const TRANSFER: SignedDuration = SignedDuration::from_hours(1);
/// For reading what a build says: it may be waiting for its turn.
const READING: SignedDuration = SignedDuration::from_hours(24);

/// What a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// A place to `PUT` a source.
    Upload(SourceBlobId),
    /// The source that was put there.
    Source(SourceBlobId),
    /// What a build says.
    Output(BuildId),
    /// What a release's command says.
    ReleaseOutput(ReleaseId),
    /// A slug's archive.
    Slug(SlugId),
    /// A place to `PUT` it.
    SlugUpload(SlugId),
}

impl Platform {
    /// A fresh link.
    pub fn link(&self, to: Link) -> String {
        let (kind, id, lasts) = match to {
            Link::Upload(id) => ("upload", id.uuid(), TRANSFER),
            Link::Source(id) => ("source", id.uuid(), TRANSFER),
            Link::Output(id) => ("output", id.uuid(), READING),
            Link::ReleaseOutput(id) => ("release", id.uuid(), READING),
            Link::Slug(id) => ("slug", id.uuid(), TRANSFER),
            Link::SlugUpload(id) => ("slug upload", id.uuid(), TRANSFER),
        };
        let until = (self.clock.now() + lasts).as_millisecond().to_be_bytes();
        let secret = URL_SAFE_NO_PAD.encode(self.store.seal_link(kind, &[id.as_bytes().as_slice(), &until].concat()));
        let path = match to {
            Link::Upload(_) | Link::Source(_) => "/sources/",
            Link::Output(build) => &format!("/builds/{build}/output/"),
            Link::ReleaseOutput(release) => &format!("/releases/{release}/output/"),
            Link::Slug(_) | Link::SlugUpload(_) => "/slugs/",
        };
        format!("{}{path}{secret}", self.settings.api_url)
    }

    pub(crate) fn upload_link(&self, secret: &str) -> Option<SourceBlobId> {
        self.opened("upload", secret)
    }

    pub(crate) fn source_link(&self, secret: &str) -> Option<SourceBlobId> {
        self.opened("source", secret)
    }

    pub(crate) fn output_link(&self, secret: &str) -> Option<BuildId> {
        self.opened("output", secret)
    }

    pub(crate) fn release_link(&self, secret: &str) -> Option<ReleaseId> {
        self.opened("release", secret)
    }

    pub(crate) fn slug_link(&self, secret: &str) -> Option<SlugId> {
        self.opened("slug", secret)
    }

    pub(crate) fn slug_upload_link(&self, secret: &str) -> Option<SlugId> {
        self.opened("slug upload", secret)
    }

    /// What a link's secret leads to, if we made it for this and it has not expired.
    fn opened<Of>(&self, kind: &str, secret: &str) -> Option<Id<Of>> {
        let plain = self.store.open_link(kind, &URL_SAFE_NO_PAD.decode(secret).ok()?)?;
        let (id, until) = plain.split_first_chunk::<16>()?;
        let until = Timestamp::from_millisecond(i64::from_be_bytes(until.try_into().ok()?)).ok()?;
        (self.clock.now() < until).then(|| Id::from_uuid(Uuid::from_bytes(*id)))
    }
}
