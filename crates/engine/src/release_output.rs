//! What a release's command has said, and says.

use bytes::Bytes;
use domain::ReleaseId;
use futures_util::{Stream, StreamExt, stream};

use crate::{platform::Platform, refusal::Refusal};

impl Platform {
    /// What a release's command has said, and will say while it runs; for whoever has its link.
    pub async fn follow_release(&self, release: &str, secret: &str) -> Result<impl Stream<Item = Bytes> + Send + use<>, Refusal> {
        let gone = || Refusal::NotFound("release");
        let id: ReleaseId = self.release_link(secret).filter(|id| release.parse() == Ok(*id)).ok_or_else(gone)?;
        if let Some(live) = self.live(id) {
            return Ok(live.follow().left_stream());
        }
        let output = self.store.read().await?.release_output(id).await?.ok_or_else(gone)?;
        Ok(stream::iter([Bytes::from(output)]).filter(|text| std::future::ready(!text.is_empty())).right_stream())
    }
}
