//! One-off dynos: `run`, attached or detached.
//!
//! A row is written before the container is made, so that a crash leaves nothing unknown. An attached dyno lives as long as
//! its session; a detached one until its command ends.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{
    App, AppId, DynoName,
    one_off::{OneOff, OneOffId, typed},
};
use jiff::{SignedDuration, Timestamp};
use ports::runtime::{Attached, Condition, ContainerKey, ContainerSpec, Image, OneOffSpec, SeenContainer};
use sha2::{Digest, Sha256};
use store::StoreError;

use crate::{
    accounts::Actor,
    authority::Permission,
    environment,
    platform::{Platform, lock},
    refusal::Refusal,
    releases::slug_of,
};

/// What somebody wants to run once. Has no `Debug`: the environment may be secret.
pub struct NewOneOff {
    pub command: String,
    /// On top of the config vars.
    pub env: Vec<(String, String)>,
    pub size: Option<String>,
    /// The dyno's type: `run` if not given.
    pub process_type: Option<String>,
    pub attach: bool,
    /// Columns and rows of the terminal at the other end; `None`: plain pipes.
    pub terminal: Option<(u16, u16)>,
}

/// Longest command taken.
const MAX_COMMAND: usize = 64 * 1024;
/// How long an attached dyno waits for its client.
const CLIENT_WITHIN: SignedDuration = SignedDuration::from_secs(60);
/// What was killed ends at once; the engine may need a moment to say so.
const KILL_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Attached dynos: those whose client has not come yet, by the hash of the secret it will show, and those in session.
#[derive(Default)]
pub(crate) struct PendingAttachments {
    waiting: Mutex<HashMap<[u8; 32], Pending>>,
    live: Mutex<HashSet<OneOffId>>,
}

impl PendingAttachments {
    /// Every attached dyno that has, or may still get, a client.
    fn held(&self, now: Timestamp) -> HashSet<OneOffId> {
        let mut waiting = lock(&self.waiting);
        waiting.retain(|_, pending| pending.until > now);
        let awaited = waiting.values().map(|pending| pending.one_off.id);
        awaited.chain(lock(&self.live).iter().copied()).collect()
    }
}

struct Pending {
    one_off: OneOff,
    terminal: Option<(u16, u16)>,
    env: Vec<(String, String)>,
    until: Timestamp,
}

/// An attached dyno that runs. [`Platform::end_session`] must follow.
pub struct Session {
    pub attached: Attached,
    pub one_off: OneOff,
    /// Whether a terminal is between; if not, a trailing EOT means the end of input.
    pub terminal: bool,
}

impl Platform {
    /// Makes a one-off dyno of the current release. Attached, it starts when its client comes with the secret.
    pub async fn run_one_off(self: &Arc<Self>, actor: &Actor, app: &str, new: NewOneOff) -> Result<(App, OneOff, Option<String>), Refusal> {
        if new.command.trim().is_empty() || new.command.contains('\0') {
            return Err(Refusal::Invalid("Command is empty or contains a NUL byte".to_owned()));
        }
        if new.command.len() > MAX_COMMAND {
            return Err(Refusal::Invalid(format!("Command is too long (maximum is {MAX_COMMAND} bytes)")));
        }
        let size = new.size.as_deref().map(|size| self.settings.sizes.find(size)).transpose()?.unwrap_or_default();
        let process_type = new.process_type.as_deref().unwrap_or("run").parse()?;
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        let release = tx.current_release(app.id).await?.filter(|release| release.slug.is_some());
        let release = release.ok_or_else(|| Refusal::Invalid("Nothing was deployed yet: push some code first.".to_owned()))?;
        let mut name = DynoName { process_type, index: 0 };
        // Four digits, as Heroku numbers them; a free one.
        while name.index == 0 || tx.one_off(app.id, &name).await?.is_some() {
            name.index = 1000 + self.chance.below(9000) as u32;
        }
        let now = self.clock.now();
        let one_off = OneOff {
            id: self.chance.id(now),
            app: app.id,
            name,
            release: release.version,
            command: new.command,
            size,
            attached: new.attach,
            started: false,
            created_at: now,
        };
        let secret = new.attach.then(|| self.chance.secret());
        if let Some(secret) = &secret {
            let pending = Pending { one_off: one_off.clone(), terminal: new.terminal, env: new.env.clone(), until: now + CLIENT_WITHIN };
            lock(&self.attachments.waiting).insert(fingerprint(secret), pending);
        }
        tx.insert_one_off(&one_off).await?;
        tx.commit().await?;
        self.tell_api(app.id, format!("Starting process with command `{}` by user {}", typed(&one_off.command), actor.account.email));
        if secret.is_none() {
            self.start_detached(one_off.clone(), new.env);
        }
        Ok((app, one_off, secret))
    }

    /// Starts the attached dyno that waits for this secret. `None`: nobody waits for it (any more).
    pub async fn attach(&self, secret: &str) -> Result<Option<Session>, Refusal> {
        let Some(Pending { one_off, terminal, env, .. }) = self.claim(secret) else { return Ok(None) };
        let attached = self.start_attached(&one_off, env, terminal).await?;
        Ok(Some(Session { attached, one_off, terminal: terminal.is_some() }))
    }

    /// From waiting to live in one step: a round between the two would take the dyno for a left-over.
    fn claim(&self, secret: &str) -> Option<Pending> {
        let mut waiting = lock(&self.attachments.waiting);
        let pending = waiting.remove(&fingerprint(secret))?;
        self.hold_session(&pending.one_off);
        Some(pending)
    }

    /// Counts a session as live before its row is written, so that no round takes it for a left-over.
    pub(crate) fn hold_session(&self, one_off: &OneOff) {
        lock(&self.attachments.live).insert(one_off.id);
    }

    /// Starts a one-off dyno and counts its session as live.
    pub(crate) async fn start_attached(&self, one_off: &OneOff, env: Vec<(String, String)>, terminal: Option<(u16, u16)>) -> Result<Attached, Refusal> {
        self.hold_session(one_off);
        let started = async {
            let container = self.container(one_off, env).await?;
            self.tell(one_off.app, &one_off.name.to_string(), format!("Starting process with command `{}`", typed(&one_off.command)));
            let attached = self.runtime.run_attached(&OneOffSpec { container, terminal }).await?;
            let mut tx = self.store.write().await?;
            tx.set_one_off_started(one_off.id).await?;
            tx.commit().await?;
            self.tell(one_off.app, &one_off.name.to_string(), "State changed from starting to up");
            Ok(attached)
        };
        let started: Result<Attached, Refusal> = started.await;
        if started.is_err() {
            self.end_session(one_off).await?;
        }
        started
    }

    /// Ends a session: whatever still runs is killed, and the dyno is gone. Answers how its command ended.
    pub async fn end_session(&self, one_off: &OneOff) -> Result<Option<i32>, Refusal> {
        // First: should the engine be away, the next round ends it, and no late client can start it.
        lock(&self.attachments.waiting).retain(|_, pending| pending.one_off.id != one_off.id);
        lock(&self.attachments.live).remove(&one_off.id);
        let key = key(one_off);
        let status = loop {
            self.runtime.kill(&key, 1).await?;
            // One that came to life between the two is killed the next time.
            if let Ok(ended) = tokio::time::timeout(KILL_AGAIN_AFTER, self.runtime.wait(&key)).await {
                break ended?;
            }
        };
        self.runtime.ensure_gone(&key, 1).await?;
        let mut tx = self.store.write().await?;
        tx.delete_one_off(one_off.id).await?;
        tx.commit().await?;
        if let Some(status) = status {
            self.tell_end(one_off, status);
        }
        Ok(status)
    }

    /// Gives the terminal of an attached dyno another size: columns, rows.
    pub async fn resize(&self, actor: &Actor, app: &str, dyno: &str, size: (u16, u16)) -> Result<(), Refusal> {
        let mut tx = self.store.read().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        if size.0 == 0 || size.1 == 0 {
            return Err(Refusal::Invalid("A terminal has at least one column and one line".to_owned()));
        }
        let name: Option<DynoName> = dyno.parse().ok();
        let meant = |one_off: &OneOff| one_off.attached && (Some(&one_off.name) == name.as_ref() || Ok(one_off.id) == dyno.parse());
        let one_off = tx.one_offs(app.id).await?.into_iter().find(meant).ok_or(Refusal::NotFound("dyno"))?;
        drop(tx);
        Ok(self.runtime.resize(&key(&one_off), size).await?)
    }

    /// How an attached dyno's command ended by itself.
    pub async fn ended(&self, one_off: &OneOff) -> Result<Option<i32>, Refusal> {
        Ok(self.runtime.wait(&key(one_off)).await?)
    }

    /// Starts a detached dyno in the background; one that cannot be started is gone, and its log says why.
    fn start_detached(self: &Arc<Self>, one_off: OneOff, env: Vec<(String, String)>) {
        self.hold_session(&one_off);
        let platform = self.clone();
        tokio::spawn(async move {
            if let Err(error) = platform.start_in_background(&one_off, env).await {
                let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                tracing::warn!(dyno = %one_off.name, error = cause, "a detached dyno could not be started");
                platform.tell(one_off.app, &one_off.name.to_string(), format!("The process could not be started: {cause}"));
            }
            lock(&platform.attachments.live).remove(&one_off.id);
            platform.formation.up();
        });
    }

    async fn start_in_background(&self, one_off: &OneOff, env: Vec<(String, String)>) -> Result<(), Refusal> {
        let container = self.container(one_off, env).await?;
        self.tell(one_off.app, &one_off.name.to_string(), format!("Starting process with command `{}`", typed(&one_off.command)));
        self.runtime.ensure_running(&container).await?;
        let mut tx = self.store.write().await?;
        tx.set_one_off_started(one_off.id).await?;
        tx.commit().await?;
        self.tell(one_off.app, &one_off.name.to_string(), "State changed from starting to up");
        Ok(())
    }

    async fn container(&self, one_off: &OneOff, env: Vec<(String, String)>) -> Result<ContainerSpec, Refusal> {
        let mut tx = self.store.read().await?;
        let app = tx.app(one_off.app).await?.ok_or(Refusal::NotFound("app"))?;
        let release = tx.release_version(app.id, one_off.release).await?.ok_or(Refusal::NotFound("release"))?;
        let slug = slug_of(&mut tx, release.slug).await?.ok_or(Refusal::NotFound("slug"))?;
        let config = tx.release_config_vars(release.id).await?;
        drop(tx);
        let image = Image { stack: slug.stack.clone(), slug: Some(slug.sha256) };
        self.runtime.ensure_image(&image).await?;
        let mut all = environment::of_dyno(&app, &release, Some(&slug), &config, &one_off.name, None);
        all.retain(|(key, _)| !env.iter().any(|(own, _)| own == key));
        all.extend(env);
        Ok(ContainerSpec {
            key: key(one_off),
            generation: 1,
            app_name: app.name,
            release: release.version.0,
            image,
            command: one_off.command.clone(),
            env: all,
            limits: self.settings.sizes.limits(&one_off.size),
            port: None,
            beside: None,
        })
    }

    fn tell_end(&self, one_off: &OneOff, status: i32) {
        let name = one_off.name.to_string();
        self.tell(one_off.app, &name, format!("Process exited with status {status}"));
        self.tell(one_off.app, &name, "State changed from up to complete");
    }
}

/// Looks after one-off dynos: ends those whose command or client is gone, and removes what nobody knows.
pub(crate) async fn round(platform: &Arc<Platform>, seen: &[SeenContainer]) -> Result<(), StoreError> {
    let now = platform.clock.now();
    // Rows first: whoever claims or begins a session after this is in the sets below.
    let one_offs = platform.store.read().await?.all_one_offs().await?;
    let held = platform.attachments.held(now);
    for one_off in &one_offs {
        let container = seen.iter().find(|container| container.key == key(one_off)).map(|container| container.condition);
        let over = match container {
            _ if one_off.created_at + platform.settings.policy.one_off_limit <= now => true,
            _ if one_off.attached => !held.contains(&one_off.id),
            Some(Condition::Exited { .. }) => true,
            None => one_off.started || !held.contains(&one_off.id),
            Some(Condition::Created | Condition::Running { .. }) => false,
        };
        if over && let Err(error) = platform.end_session(one_off).await {
            tracing::warn!(dyno = %one_off.name, error = &error as &dyn std::error::Error, "a one-off dyno could not be ended; it is tried again");
        }
    }
    let known: HashSet<ContainerKey> = one_offs.iter().map(key).collect();
    for stranger in seen.iter().filter(|container| container.one_off && !known.contains(&container.key)) {
        // A row is written before its container: one without a row has been given up.
        let still = platform.store.read().await?.one_off(stranger.key.app, &stranger.key.dyno).await?;
        if still.is_none()
            && let Err(error) = platform.runtime.ensure_gone(&stranger.key, stranger.generation).await
        {
            tracing::warn!(dyno = %stranger.key.dyno, error = &error as &dyn std::error::Error, "a left-over one-off dyno could not be removed; it is tried again");
        }
    }
    Ok(())
}

fn key(one_off: &OneOff) -> ContainerKey {
    let app: AppId = one_off.app;
    ContainerKey { app, dyno: one_off.name.clone() }
}

fn fingerprint(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}
