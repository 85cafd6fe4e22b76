//! Slugs that were made elsewhere (Heroku: creating slugs from scratch): asked for, uploaded, then like any other.
//!
//! A slug is asked for first and its archive comes later, or never: until then there is a row that says what it will be.

use std::sync::{Arc, OnceLock};

use builder::BuildError;
use domain::{App, Procfile, Sha256, Slug, SlugId, SlugUpload};
use futures_util::{StreamExt, TryStreamExt};
use jiff::SignedDuration;
use ports::ByteStream;
use store::Tx;

use crate::{
    accounts::Actor,
    authority::Permission,
    builds::no_room,
    platform::Platform,
    refusal::Refusal,
    source::{check_version, checksum, invalid, weighed},
};

/// What nobody has uploaded for so long is forgotten.
const FORGET_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// Longest description of a commit, in bytes.
const LONGEST_DESCRIPTION: usize = 4096;

/// A slug somebody asks for.
pub struct NewSlug {
    /// Process type to command.
    pub process_types: Option<Vec<(String, String)>>,
    /// `SHA256:` and the digest of what will be uploaded, in hex.
    pub checksum: Option<String>,
    pub commit: Option<String>,
    pub commit_description: Option<String>,
    /// What its maker calls the app.
    pub language: Option<String>,
    /// None: the app's.
    pub stack: Option<String>,
}

impl Platform {
    /// A place for a slug that will be uploaded.
    pub async fn create_slug(&self, actor: &Actor, app: &str, asked: NewSlug) -> Result<SlugUpload, Refusal> {
        let app = self.authorize(actor, app, Permission::Deploy).await?;
        let process_types =
            asked.process_types.ok_or_else(|| Refusal::Invalid("Give the commands of the slug's process types as process_types.".to_owned()))?;
        let process_types = Procfile::of(process_types).map_err(|why| Refusal::Invalid(format!("{why}.")))?;
        for name in asked.commit.iter().chain(&asked.language) {
            check_version(name).map_err(|_| Refusal::Invalid("A commit and a buildpack's description are 1 to 255 bytes of plain text.".to_owned()))?;
        }
        if asked.commit_description.as_ref().is_some_and(|text| text.len() > LONGEST_DESCRIPTION || text.contains('\0')) {
            return Err(Refusal::Invalid(format!("The description of a commit is at most {LONGEST_DESCRIPTION} bytes of text.")));
        }
        let stack = match &asked.stack {
            Some(stack) => self.stack(Some(stack))?,
            None => app.stack,
        };
        let checksum = asked.checksum.as_deref().map(checksum).transpose()?;
        let now = self.clock.now();
        let upload = SlugUpload {
            id: self.chance.id(now),
            app: app.id,
            stack,
            process_types,
            commit: asked.commit,
            commit_description: asked.commit_description,
            language: asked.language,
            checksum,
            created_at: now,
        };
        let mut tx = self.store.write().await?;
        // Nobody destroyed the app meanwhile.
        self.authorize_in(&mut tx, actor, &app.id.to_string(), Permission::Deploy).await?;
        tx.forget_slug_uploads(now - FORGET_AFTER).await?;
        tx.insert_slug_upload(&upload).await?;
        tx.commit().await?;
        Ok(upload)
    }

    /// Whether a slug is awaited there, and room for it; and how large it may be, in bytes.
    pub async fn expect_slug(&self, secret: &str) -> Result<u64, Refusal> {
        let id = self.slug_upload_link(secret).ok_or(Refusal::NotFound("slug"))?;
        let mut tx = self.store.read().await?;
        if tx.slug_upload(id).await?.is_none() && tx.slug(id).await?.is_none() {
            return Err(Refusal::NotFound("slug"));
        }
        self.builder.check_room().await.map_err(no_room)?;
        Ok(self.builder.largest_slug())
    }

    /// Takes a slug's archive. What is refused or breaks off leaves nothing, and can be tried again; the same once more, of
    /// somebody who did not hear the answer, is fine.
    pub async fn store_slug(&self, secret: &str, body: ByteStream) -> Result<(), Refusal> {
        let id = self.slug_upload_link(secret).ok_or(Refusal::NotFound("slug"))?;
        let mut tx = self.store.read().await?;
        let (pending, there) = (tx.slug_upload(id).await?, tx.slug_origin(id).await?.uploaded);
        drop(tx);
        let promised = match (&pending, there) {
            (Some(upload), _) => upload.checksum,
            (None, Some(there)) => Some(there),
            (None, None) => return Err(Refusal::NotFound("slug")),
        };
        let came: Arc<OnceLock<Sha256>> = Arc::default();
        let (body, told) = (body.map_err(|_| invalid("the upload broke off.".to_owned())).boxed(), came.clone());
        let archive = weighed(body, "archive", self.builder.largest_slug(), promised, move |digest| {
            // Nobody else tells.
            let _ = told.set(digest);
        });
        let Some(upload) = pending else {
            return archive.try_for_each(|_| async { Ok(()) }).await.map_err(|_| uploaded_already());
        };
        let imported = self.builder.import(archive).await.map_err(not_taken)?;
        let came = *came.get().ok_or_else(|| not_taken(BuildError::SourceInvalid("the archive does not end where it should.".to_owned())))?;
        let slug = Slug {
            id,
            app: upload.app,
            sha256: imported.sha256,
            diff_id: imported.diff_id,
            bytes: imported.bytes,
            stack: upload.stack.clone(),
            process_types: upload.process_types.clone(),
            commit: upload.commit.clone(),
            language: upload.language.clone(),
            created_at: self.clock.now(),
        };
        let mut tx = self.store.write().await?;
        // Somebody may have uploaded it meanwhile, or destroyed the app.
        match (tx.slug_upload(id).await?, tx.slug_origin(id).await?.uploaded) {
            (Some(_), _) => tx.finish_slug_upload(&upload, &slug, came).await?,
            (None, Some(there)) if there == came => {}
            (None, Some(_)) => return Err(uploaded_already()),
            (None, None) => return Err(Refusal::NotFound("slug")),
        }
        Ok(tx.commit().await?)
    }

    /// An app's slug that is not uploaded yet.
    pub async fn awaited_slug(&self, tx: &mut Tx, app: &App, id: SlugId) -> Result<Option<SlugUpload>, Refusal> {
        Ok(tx.slug_upload(id).await?.filter(|upload| upload.app == app.id))
    }

    /// A slug's archive, for whoever has its link.
    pub async fn read_slug(&self, secret: &str) -> Result<(Slug, ByteStream), Refusal> {
        let id = self.slug_link(secret).ok_or(Refusal::NotFound("slug"))?;
        let slug = self.store.read().await?.slug(id).await?.ok_or(Refusal::NotFound("slug"))?;
        let archive = self.builder.blobs().open(slug.sha256).await.map_err(|error| match error {
            ports::BlobError::Missing(_) => Refusal::NotFound("slug"),
            error => Refusal::Platform(Box::new(error)),
        })?;
        Ok((slug, archive))
    }
}

fn uploaded_already() -> Refusal {
    Refusal::Conflict("Something else was uploaded to this slug already, and slugs do not change: create another.".to_owned())
}

fn not_taken(error: BuildError) -> Refusal {
    match error {
        BuildError::SourceInvalid(why) => Refusal::Invalid(format!("The slug was not taken: {why}")),
        error @ BuildError::SlugTooLarge { .. } => Refusal::Invalid(error.to_string()),
        error => no_room(error),
    }
}
