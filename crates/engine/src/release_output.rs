//! What a release's command has said. It is a part of what its build said, and is kept there: between the words that begin it
//! and those that say how it ended.

use std::collections::HashSet;

use bytes::Bytes;
use domain::{App, ReleaseId};
use futures_util::{Stream, StreamExt, stream};
use store::{StoreError, Tx};

use crate::{platform::Platform, refusal::Refusal, release_phase};

const BEGINS: &[u8] = b"Verifying deploy... done.\nRunning release command...\n\n";
const ENDS: [&[u8]; 2] = [b"Waiting for release.... done.\n", b"Waiting for release.... failed.\n"];

impl Platform {
    /// An app's releases whose command ran: of each slug that has one, the release that its build made.
    pub async fn releases_with_output(&self, tx: &mut Tx, app: &App) -> Result<HashSet<ReleaseId>, StoreError> {
        let slugs: HashSet<_> =
            tx.slugs_of(app.id).await?.into_iter().filter(|slug| release_phase::command(&slug.process_types).is_some()).map(|slug| slug.id).collect();
        if slugs.is_empty() {
            return Ok(HashSet::new());
        }
        let (mut found, mut seen) = (HashSet::new(), HashSet::new());
        // Newest first.
        for release in tx.releases(app.id).await?.into_iter().rev() {
            found.extend(release.slug.filter(|slug| slugs.contains(slug) && seen.insert(*slug)).map(|_| release.id));
        }
        Ok(found)
    }

    /// What a release's command has said, and will say while it runs; for whoever has its link.
    pub async fn follow_release(&self, release: &str, secret: &str) -> Result<impl Stream<Item = Bytes> + Send + use<>, Refusal> {
        let gone = || Refusal::NotFound("release");
        let id: Option<ReleaseId> = self.release_link(secret).filter(|id| release.parse() == Ok(*id));
        let mut tx = self.store.read().await?;
        let release = tx.release(id.ok_or_else(gone)?).await?.ok_or_else(gone)?;
        let build = tx.builds(release.app).await?.into_iter().find(|build| build.slug.is_some() && build.slug == release.slug).ok_or_else(gone)?;
        drop(tx);
        let said = match self.live(build.id) {
            Some(live) => live.follow().boxed(),
            // Between the two looks it may have ended.
            None => {
                let build = self.store.read().await?.build(build.id).await?.ok_or_else(gone)?;
                stream::iter([Bytes::from(build.output)]).boxed()
            }
        };
        Ok(part(said).filter(|bytes| std::future::ready(!bytes.is_empty())))
    }
}

/// The command's part of what a build says, as it comes.
fn part(said: impl Stream<Item = Bytes> + Send + Unpin + 'static) -> impl Stream<Item = Bytes> + Send + 'static {
    stream::unfold((said, Part::default(), false), |(mut said, mut part, ended)| async move {
        if ended {
            return None;
        }
        match said.next().await {
            Some(bytes) => Some((part.take(&bytes), (said, part, false))),
            None => Some((part.rest(), (said, part, true))),
        }
    })
}

#[derive(Default)]
struct Part {
    begun: bool,
    /// What may yet turn out to be the beginning, or the end.
    held: Vec<u8>,
}

impl Part {
    fn take(&mut self, bytes: &[u8]) -> Bytes {
        self.held.extend_from_slice(bytes);
        if !self.begun {
            let Some(at) = self.held.windows(BEGINS.len()).position(|words| words == BEGINS) else {
                let known = self.held.len().saturating_sub(BEGINS.len());
                self.held.drain(..known);
                return Bytes::new();
            };
            self.begun = true;
            self.held.drain(..at + BEGINS.len());
        }
        let open = |at: &usize| ENDS.iter().any(|end| end.starts_with(&self.held[*at..]));
        let longest = self.held.len().saturating_sub(ENDS[1].len());
        let keep = (longest..self.held.len()).find(open).unwrap_or(self.held.len());
        Bytes::from(self.held.drain(..keep).collect::<Vec<_>>())
    }

    fn rest(&mut self) -> Bytes {
        let rest = std::mem::take(&mut self.held);
        if self.begun && !ENDS.contains(&rest.as_slice()) { Bytes::from(rest) } else { Bytes::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn heard(chunks: &[&'static str]) -> String {
        let said = stream::iter(chunks.iter().map(|chunk| Bytes::from_static(chunk.as_bytes())).collect::<Vec<_>>());
        String::from_utf8(part(said).collect::<Vec<_>>().await.concat()).unwrap()
    }

    #[tokio::test]
    async fn only_what_the_command_said_is_heard_however_it_is_cut() {
        let text = "-----> Launching...\n\nVerifying deploy... done.\nRunning release command...\n\nmigrating\nWaiting for it\nhalf a lineWaiting for release.... failed.\n";
        let command = "migrating\nWaiting for it\nhalf a line";
        assert_eq!(heard(&[text]).await, command);
        for at in 1..text.len() {
            assert_eq!(heard(&[&text[..at], &text[at..]]).await, command, "cut at {at}");
        }
    }

    #[tokio::test]
    async fn nothing_is_heard_of_a_build_without_a_command_and_what_was_interrupted_is_whole() {
        assert_eq!(heard(&["-----> Launching...\nVerifying deploy... done.\n"]).await, "");
        assert_eq!(heard(&["Verifying deploy... done.\nRunning release command...\n\nmigrating\nWaiting for rel"]).await, "migrating\nWaiting for rel");
    }

    #[test]
    fn half_a_line_is_not_held_back() {
        let mut part = Part { begun: true, held: Vec::new() };
        assert_eq!(part.take(b"migrating .."), "migrating ..");
        assert_eq!(part.take(b". Wait"), ". ");
    }
}
