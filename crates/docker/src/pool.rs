//! Spare dynos: containers of the stack that are started, limited and networked, and wait for an app.
//!
//! A spare gets the dyno's name first, which the engine gives only once; then its files; then it is written down what it has
//! become; and only then is it told. A crash anywhere before leaves a spare that became nothing, which the next life sweeps. A
//! spare whose connection ends untold ends itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bollard::query_parameters::{CreateContainerOptions, InspectContainerOptions, RenameContainerOptions};
use domain::{DynoSize, DynoSizes, StackName, dyno_size::Limits};
use ports::{RuntimeError, runtime::ContainerSpec};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    sync::Notify,
    time,
};

use crate::{
    connect::{Engine, STARTS_AT_ONCE},
    error::{refused, status},
    known::Running,
    labels::{Kind, PLACE, SINCE},
    logs::{self, Since},
    places::SOCKET,
    seen,
    spec::HOME,
    stack_image::Variant,
    way::Mounts,
};

/// How long a spare may take to come up, and to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// A burst of starts comes first.
const SETTLE: Duration = Duration::from_millis(500);
const AGAIN_AFTER: Duration = Duration::from_secs(30);

type Sort = (StackName, Limits);

/// What most dynos get.
fn ordinary() -> Limits {
    DynoSizes::default().limits(&DynoSize::default())
}

/// The spares there are.
pub(crate) struct Pool {
    /// How many of each sort that is asked for; 0: none at all.
    of_each: usize,
    spares: Mutex<BTreeMap<Sort, Vec<Spare>>>,
    asked: Mutex<BTreeSet<Sort>>,
    /// No more are to be made.
    dismissed: AtomicBool,
    pub(crate) news: Notify,
}

struct Spare {
    id: String,
    place: String,
    /// The image's name, which changes when the image does.
    image: String,
    pid: u32,
    ip: Option<IpAddr>,
    connection: UnixStream,
}

impl Pool {
    /// The first stack's dynos of the usual size are expected before anybody asks.
    pub(crate) fn new(of_each: usize, first: Option<&StackName>) -> Self {
        let asked = first.map(|stack| (stack.clone(), ordinary())).into_iter().collect();
        Self { of_each, spares: Mutex::default(), asked: Mutex::new(asked), dismissed: AtomicBool::new(false), news: Notify::new() }
    }

    fn take(&self, sort: &Sort) -> Option<Spare> {
        lock(&self.asked).insert(sort.clone());
        lock(&self.spares).get_mut(sort)?.pop()
    }

    fn put(&self, sort: &Sort, spare: Spare) {
        lock(&self.spares).entry(sort.clone()).or_default().push(spare);
    }

    fn missing(&self) -> Option<Sort> {
        if self.dismissed.load(Ordering::Relaxed) {
            return None;
        }
        let spares = lock(&self.spares);
        lock(&self.asked).iter().find(|sort| spares.get(sort).map_or(0, Vec::len) < self.of_each).cloned()
    }

    fn drain(&self, unfit: impl Fn(&Spare) -> bool) -> Vec<Spare> {
        lock(&self.spares).values_mut().flat_map(|spares| spares.extract_if(.., |spare| unfit(spare)).collect::<Vec<_>>()).collect()
    }

    /// Lets go of all: each ends itself.
    pub(crate) fn release(&self) {
        lock(&self.spares).clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps as many spares as are wanted, for ever.
pub(crate) async fn keep(engine: Arc<Engine>) {
    // Found out now, and not while somebody waits for a dyno.
    if let Err(error) = engine.mounting().await {
        tracing::debug!(error = &error as &dyn std::error::Error, "whether slugs can be mounted could not be found out yet");
    }
    loop {
        while let Some(sort) = engine.pool.missing() {
            while engine.starts.available_permits() < STARTS_AT_ONCE {
                time::sleep(SETTLE / 10).await;
            }
            let made = match engine.mounting().await {
                Ok(Some(mounts)) => engine.make_spare(mounts, &sort).await,
                Ok(None) => return,
                Err(error) => Err(error),
            };
            match made {
                Ok(spare) => engine.pool.put(&sort, spare),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a spare dyno could not be made; it is tried again");
                    time::sleep(AGAIN_AFTER).await;
                }
            }
        }
        engine.pool.news.notified().await;
        time::sleep(SETTLE).await;
    }
}

impl Engine {
    async fn make_spare(self: &Arc<Self>, mounts: &Mounts, (stack, limits): &Sort) -> Result<Spare, RuntimeError> {
        let image = self.prepared(stack, Variant::Run).await?.name;
        let place = self.place(mounts)?;
        let mut id = None;
        let made = self.bring_up(mounts, &image, &place, *limits, &mut id).await;
        match (made, id) {
            (Ok((running, connection)), Some(id)) => Ok(Spare { id, place, image, pid: running.pid, ip: running.ip, connection }),
            (made, id) => {
                if let Some(id) = id {
                    self.discard(&id).await;
                }
                self.leave(Some(place)).await;
                Err(made.err().unwrap_or_else(|| RuntimeError::Refused("the spare has no id".to_owned())))
            }
        }
    }

    async fn bring_up(
        &self,
        mounts: &Mounts,
        image: &str,
        place: &str,
        limits: Limits,
        id: &mut Option<String>,
    ) -> Result<(Running, UnixStream), RuntimeError> {
        let failed = |error: io::Error| RuntimeError::Refused(format!("a spare dyno does not answer: {error}"));
        let listener = mounts.places.listen(place).map_err(failed)?;
        let mut labels = self.instance.labels(Kind::Spare);
        labels.insert(PLACE.to_owned(), place.to_owned());
        let body = self.within_quota(Kind::Spare, self.spare(image.to_owned(), self.network().await?, place, limits, labels));
        let options = CreateContainerOptions { name: Some(self.instance.spare(place)), ..Default::default() };
        let made = self.api.create_container(Some(options), body).await.map_err(refused)?.id;
        *id = Some(made.clone());
        self.api.start_container(&made, None).await.map_err(refused)?;
        let (connection, _) = time::timeout(ANSWER, listener.accept()).await.map_err(|_| failed(io::ErrorKind::TimedOut.into()))?.map_err(failed)?;
        mounts.places.unlisten(place).map_err(failed)?;
        let container = self.api.inspect_container(&made, None::<InspectContainerOptions>).await.map_err(refused)?;
        let running = seen::running(&container).ok_or_else(|| RuntimeError::Refused("the spare does not run".to_owned()))?;
        Ok((running, connection))
    }

    /// Whether what is mounted now is seen in a container that runs already: tried with a spare that becomes nothing.
    pub(crate) async fn try_propagation(self: &Arc<Self>, mounts: &Mounts) -> Result<(), RuntimeError> {
        let Some(images) = self.stacks.first() else { return Err(RuntimeError::Refused("there is no stack".to_owned())) };
        let mut spare = self.make_spare(mounts, &(images.name.clone(), ordinary())).await?;
        let seen = match mounts.places.mount(&spare.place, &mounts.places.empty()) {
            Ok(()) => tell(&mut spare.connection, "exit 0", &[]).await,
            Err(error) => Err(error),
        };
        self.discard(&spare.id).await;
        self.leave(Some(spare.place)).await;
        seen.map_err(|error| RuntimeError::Refused(format!("what is mounted does not reach containers: {error}")))
    }

    /// Makes a spare the dyno, if there is one that fits and the dyno has no container yet.
    pub(crate) async fn start_warm(self: &Arc<Self>, spec: &ContainerSpec) -> Result<bool, RuntimeError> {
        let Some(mounts) = self.mounting().await?.filter(|_| self.pool.of_each > 0) else { return Ok(false) };
        let image = self.prepared(&spec.image.stack, Variant::Run).await?.name;
        let files = self.files(mounts, spec.image.slug).await?;
        let sort = (spec.image.stack.clone(), spec.limits);
        while let Some(mut spare) = self.pool.take(&sort) {
            self.pool.news.notify_one();
            if spare.image != image || !waits(&spare.connection) {
                self.throw_away(spare).await;
                continue;
            }
            match self.claim(&spare, spec).await {
                Ok(true) => {}
                // The spare is gone, or not what it was.
                Err(RuntimeError::Refused(_)) => {
                    self.throw_away(spare).await;
                    continue;
                }
                other => {
                    self.pool.put(&sort, spare);
                    return other;
                }
            }
            let since = self.clock.now();
            let mut labels = self.instance.dyno_labels(spec, false);
            labels.insert(SINCE.to_owned(), since.to_string());
            let env = self.env(spec);
            let assigned = async {
                mounts.places.mount(&spare.place, &files)?;
                mounts.places.assign(&spare.place, labels)?;
                tell(&mut spare.connection, &spec.command, &env).await
            };
            if let Err(error) = assigned.await {
                tracing::warn!(dyno = %spec.key.dyno, %error, "a spare could not become a dyno");
                self.throw_away(spare).await;
                continue;
            }
            logs::follow(self, &spare.id, &spec.key, Since::Beginning);
            seen::attend(self, &spare.id, spec.port, Running { since, pid: spare.pid, ip: spare.ip });
            self.changes.notify_one();
            return Ok(true);
        }
        self.pool.news.notify_one();
        Ok(false)
    }

    /// Gives the spare the dyno's name. False: the dyno has a container, which is not an older generation's.
    async fn claim(&self, spare: &Spare, spec: &ContainerSpec) -> Result<bool, RuntimeError> {
        let name = self.name_for(spec).await?;
        loop {
            match self.api.rename_container(&spare.id, RenameContainerOptions { name: name.clone() }).await {
                Ok(()) => return Ok(true),
                Err(error) if status(&error) == Some(409) => match self.find_named(&spec.key, &name).await? {
                    Some(older) if older.tagged.generation < spec.generation => self.remove(&older).await?,
                    // Being removed: the plain way knows how to wait.
                    _ => return Ok(false),
                },
                Err(error) => return Err(refused(error)),
            }
        }
    }

    async fn throw_away(&self, spare: Spare) {
        self.discard(&spare.id).await;
        self.leave(Some(spare.place)).await;
    }

    /// Removes all spares, as nobody will need them any more.
    pub(crate) async fn dismiss_spares(&self) {
        self.pool.dismissed.store(true, Ordering::Relaxed);
        futures_util::future::join_all(self.pool.drain(|_| true).into_iter().map(|spare| self.throw_away(spare))).await;
    }

    /// Replaces spares of a stack that has changed since.
    pub(crate) async fn renew_spares(self: &Arc<Self>) -> Result<(), RuntimeError> {
        // An image that is missing for now is no reason to throw spares away.
        let Some(stacks) = self.current_stacks().await? else { return Ok(()) };
        let current: BTreeSet<String> = stacks.into_iter().map(|stack| stack.name).collect();
        for spare in self.pool.drain(|spare| !current.contains(&spare.image) || !waits(&spare.connection)) {
            self.throw_away(spare).await;
        }
        self.pool.news.notify_one();
        Ok(())
    }
}

/// Whether the spare still holds its end.
fn waits(connection: &UnixStream) -> bool {
    matches!(connection.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// Hands a spare its command and environment; answers when it has taken them.
async fn tell(connection: &mut UnixStream, command: &str, env: &[(String, String)]) -> io::Result<()> {
    let told = async {
        let message = message(command, env)?;
        connection.write_all(&message).await?;
        // The answer; an end instead is an error.
        connection.read_u8().await.map(drop)
    };
    time::timeout(ANSWER, told).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// As `dyno-init` reads it: a length, then fields parted by NUL bytes.
fn message(command: &str, env: &[(String, String)]) -> io::Result<Vec<u8>> {
    let mut body = command.as_bytes().to_vec();
    for (name, value) in env {
        body.extend_from_slice(b"\0");
        body.extend_from_slice(format!("{name}={value}").as_bytes());
    }
    if body.iter().filter(|byte| **byte == 0).count() != env.len() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is a NUL byte in it"));
    }
    let length = u32::try_from(body.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    Ok([&length.to_be_bytes()[..], &body].concat())
}

/// Where a spare finds the platform.
pub(crate) fn spare_command() -> Vec<String> {
    vec!["--spare".to_owned(), format!("{HOME}/{SOCKET}")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_its_length_and_holds_no_nul_of_its_own() {
        let env = [("A".to_owned(), "1=2".to_owned()), ("B".to_owned(), String::new())];
        assert_eq!(message("x y", &env).unwrap(), b"\0\0\0\x0cx y\0A=1=2\0B=");
        assert!(message("x\0y", &[]).is_err());
        assert!(message("x", &[("A".to_owned(), "\0".to_owned())]).is_err());
    }
}
