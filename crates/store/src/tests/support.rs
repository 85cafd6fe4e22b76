//! A database in a directory of its own, and one of each thing to put into it.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    Account, App, AppId, Authorization, Build, BuildStatus, ConfigVars, CustomDomain, Drain, Dyno, DynoName, Id, Procfile, Release, ReleaseVersion, Sha256,
    Slug, SlugId, SlugUpload,
    dyno::State,
    feature::Feature,
    formation::Scale,
    one_off::OneOff,
    release::ReleaseStatus,
    sharing::{AppTransfer, Collaborator, TransferState},
    webhook::{Confidential, Delivery, DeliveryStatus, Level, Target, Topic, Webhook, WebhookEvent},
};
use jiff::{SignedDuration, Timestamp};
use ports::Chance;
use tempfile::TempDir;

use crate::{Db, DynoRecord, SealKey, StoreError, Tx};

/// A database that goes when this goes.
pub(super) struct Fixture {
    pub(super) dir: TempDir,
    pub(super) db: Db,
    pub(super) chance: Arc<Chance>,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let chance = Arc::new(Chance::seeded(1));
        let db = open(&dir, key()).await.unwrap();
        Self { dir, db, chance }
    }

    pub(super) async fn write(&self) -> Tx {
        self.db.write().await.unwrap()
    }

    pub(super) async fn read(&self) -> Tx {
        self.db.read().await.unwrap()
    }

    pub(super) fn id<Of>(&self) -> Id<Of> {
        self.chance.id(now())
    }

    /// Saves an account.
    pub(super) async fn account(&self, email: &str) -> Account {
        let account = Account { id: self.id(), email: email.parse().unwrap(), created_at: now() };
        let mut tx = self.write().await;
        tx.insert_account(&account, None).await.unwrap();
        tx.commit().await.unwrap();
        account
    }

    /// Saves an app of this account.
    pub(super) async fn app(&self, name: &str, owner: &Account) -> App {
        let app = app(self.id(), name, owner);
        let mut tx = self.write().await;
        tx.insert_app(&app).await.unwrap();
        tx.commit().await.unwrap();
        app
    }

    pub(super) fn slug(&self, app: AppId) -> Slug {
        Slug {
            id: self.id(),
            app,
            sha256: Sha256([0xab; 32]),
            diff_id: Sha256([0xcd; 32]),
            bytes: 34 << 20,
            stack: "heroku-24".parse().unwrap(),
            process_types: Procfile::parse("web: node \"é\" && true\nworker: x".as_bytes()).unwrap(),
            commit: Some("1a2b3c4d".to_owned()),
            language: Some("Node.js".to_owned()),
            created_at: now(),
        }
    }

    pub(super) fn slug_upload(&self, app: AppId) -> SlugUpload {
        let Slug { stack, process_types, .. } = self.slug(app);
        SlugUpload {
            id: self.id(),
            app,
            stack,
            process_types,
            commit: Some("v1.2".to_owned()),
            commit_description: Some("The first\n\nthat works".to_owned()),
            language: Some("Elsewhere".to_owned()),
            checksum: Some(Sha256([8; 32])),
            created_at: now(),
        }
    }

    pub(super) fn build(&self, app: &App) -> Build {
        Build {
            id: self.id(),
            app: app.id,
            user: app.owner,
            status: BuildStatus::Pending,
            source_version: Some("1a2b3c4d".to_owned()),
            stack: "heroku-24".parse().unwrap(),
            buildpacks: None,
            slug: None,
            failure: None,
            output: "-----> Node.js\n".to_owned(),
            created_at: now(),
            updated_at: now(),
        }
    }

    pub(super) fn one_off(&self, app: AppId, name: &str) -> OneOff {
        OneOff {
            id: self.id(),
            app,
            name: dyno_name(name),
            release: ReleaseVersion(1),
            command: "bash -c 'echo \"$HOME\"'".to_owned(),
            size: "Standard-2X".parse().unwrap(),
            attached: true,
            started: false,
            created_at: now(),
        }
    }

    pub(super) fn dyno(&self, name: &str, state: State) -> DynoRecord {
        let dyno = Dyno { state, generation: 7, release: ReleaseVersion(3), crashes_in_a_row: 2, predecessor: None };
        DynoRecord { id: self.id(), name: dyno_name(name), dyno }
    }

    pub(super) fn webhook(&self, app: AppId) -> Webhook {
        let secret = |text| Confidential::new(text).unwrap();
        Webhook {
            id: self.id(),
            app,
            topics: vec![Topic::Build, Topic::Release],
            level: Level::Sync,
            target: Target { url: "https://hooks.example.com/x".parse().unwrap(), secret: secret("planted-secret"), authorization: Some(secret("Bearer x")) },
            created_at: now(),
            updated_at: now(),
        }
    }

    pub(super) fn webhook_event(&self, app: AppId) -> WebhookEvent {
        WebhookEvent { id: self.id(), app, topic: Topic::Release, payload: r#"{"action":"create"}"#.to_owned(), created_at: now() }
    }

    pub(super) fn delivery(&self, webhook: &Webhook, event: &WebhookEvent) -> Delivery {
        Delivery {
            id: self.id(),
            webhook: webhook.id,
            level: webhook.level,
            event: event.id,
            topic: event.topic,
            status: DeliveryStatus::Pending,
            attempts: 0,
            next_attempt_at: Some(now()),
            last: None,
            created_at: now(),
            updated_at: now(),
        }
    }

    pub(super) fn authorization(&self, account: &Account, expires_at: Option<Timestamp>) -> Authorization {
        Authorization {
            id: self.id(),
            account: account.id,
            description: "Long-lived".to_owned(),
            scopes: domain::Scopes::global(),
            created_at: now(),
            expires_at,
        }
    }

    /// Saves one of everything that an app can have.
    pub(super) async fn furnish(&self, app: &App) -> Slug {
        let slug = self.slug(app.id);
        let build = Build { slug: Some(slug.id), ..self.build(app) };
        let mut tx = self.write().await;
        tx.insert_slug(&slug).await.unwrap();
        tx.insert_slug_upload(&self.slug_upload(app.id)).await.unwrap();
        tx.insert_build(&build).await.unwrap();
        tx.set_config_vars(app.id, &vars(&[("KEY", "value")])).await.unwrap();
        tx.set_buildpacks(app.id, &["heroku/nodejs".parse().unwrap()]).await.unwrap();
        self.release(&mut tx, app, Some(slug.id), true).await;
        tx.set_formation(app.id, &formation(&[("web", 2), ("worker", 0)])).await.unwrap();
        tx.save_dynos(app.id, &[self.dyno("web.1", State::Starting { since: now() })]).await.unwrap();
        tx.insert_one_off(&self.one_off(app.id, "run.1234")).await.unwrap();
        tx.enable_feature(app.id, Feature::Preboot, now()).await.unwrap();
        let domain = CustomDomain { id: self.id(), app: app.id, name: format!("www.{}.example.com", app.name).parse().unwrap(), created_at: now() };
        tx.insert_domain(&domain).await.unwrap();
        let url = "https://logs.example.com/".parse().unwrap();
        tx.insert_drain(&Drain { id: self.id(), app: app.id, token: format!("d.{}", app.name), url, created_at: now() }).await.unwrap();
        let (owner, at) = (app.owner, now());
        tx.insert_collaborator(&Collaborator { id: self.id(), app: app.id, account: owner, created_at: at }).await.unwrap();
        let state = TransferState::Pending;
        let transfer = AppTransfer { id: self.id(), app: app.id, owner, recipient: owner, state, created_at: at, updated_at: at };
        tx.insert_transfer(&transfer).await.unwrap();
        let (webhook, event) = (self.webhook(app.id), self.webhook_event(app.id));
        tx.insert_webhook(&webhook).await.unwrap();
        tx.insert_webhook_event(&event).await.unwrap();
        tx.insert_delivery(&self.delivery(&webhook, &event)).await.unwrap();
        tx.commit().await.unwrap();
        slug
    }

    /// Adds a release that succeeded.
    pub(super) async fn release(&self, tx: &mut Tx, app: &App, slug: Option<SlugId>, current: bool) -> Release {
        tx.insert_release(self.id(), app.id, slug, "Deploy 1a2b3c4d", app.owner, &vars(&[("KEY", "value")]), now(), ReleaseStatus::Succeeded, current)
            .await
            .unwrap()
    }
}

pub(super) async fn open(dir: &TempDir, key: SealKey) -> Result<Db, StoreError> {
    Db::open(&databases::url(dir.path()).await, key, Arc::new(Chance::seeded(2))).await
}

pub(super) fn key() -> SealKey {
    SealKey::new(1, [7; 32])
}

/// A whole millisecond, as the store keeps times.
pub(super) fn now() -> Timestamp {
    "2026-01-01T00:00:00.123Z".parse().unwrap()
}

pub(super) fn later(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

pub(super) fn app(id: AppId, name: &str, owner: &Account) -> App {
    App { id, name: name.parse().unwrap(), owner: owner.id, stack: "heroku-24".parse().unwrap(), maintenance: false, created_at: now(), updated_at: now() }
}

pub(super) fn dyno_name(name: &str) -> DynoName {
    name.parse().unwrap()
}

pub(super) fn vars(pairs: &[(&str, &str)]) -> ConfigVars {
    let changes: BTreeMap<_, _> = pairs.iter().map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned()))).collect();
    ConfigVars::default().changed(&changes).unwrap()
}

pub(super) fn formation(scales: &[(&str, u32)]) -> BTreeMap<domain::ProcessType, Scale> {
    scales.iter().map(|(name, quantity)| (name.parse().unwrap(), Scale { quantity: *quantity, size: "Performance-M".parse().unwrap() })).collect()
}

/// How many rows a table has.
pub(super) async fn rows(tx: &mut Tx, table: &str) -> i64 {
    let sql: &'static str = format!("SELECT COUNT(*) AS n FROM {table}").leak();
    tx.sql(sql).optional(|row| row.get("n")).await.unwrap().unwrap()
}
