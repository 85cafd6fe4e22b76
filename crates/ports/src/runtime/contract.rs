//! What every [`Runtime`] owes, as one suite: the same code asks the fake and real engines, however they start dynos.
//!
//! A failed check panics, with what was seen.

use std::{future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{Condition, ContainerKey, ContainerSpec, MemoryUse, Runtime, RuntimeError, SeenContainer};

/// What a dyno of the suite does with its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Play {
    /// Sleeps until it is told to end, and then does.
    Sleep,
    /// Ends at once, with this status.
    Exit(i32),
    /// Listens on the port of its specification.
    Web,
    /// Does not end when it is told to.
    Stubborn,
    /// Keeps so many MiB of memory of its own.
    Keep(u64),
    /// Takes more memory than there may be.
    Devour,
}

/// A runtime under test.
#[async_trait]
pub trait Subject: Send {
    fn runtime(&self) -> Arc<dyn Runtime>;
    fn spec(&self, dyno: &str, generation: u64, play: Play) -> ContainerSpec;
    /// Has what was started play its part, where it does not do so by itself.
    async fn play(&self, spec: &ContainerSpec, play: Play);
    /// Makes another connection in place of this one, as the platform's restart does.
    async fn reconnect(&mut self);
}

/// All of it. Leaves nothing behind.
pub async fn all(subject: &mut impl Subject) {
    one_container_per_generation(subject).await;
    older_acts_are_refused(subject).await;
    two_generations_live_beside_each_other(subject).await;
    ends_are_seen(subject).await;
    a_web_dyno_binds(subject).await;
    memory_is_measured(subject).await;
    the_next_connection_adopts(subject).await;
    assert_eq!(subject.runtime().list().await.expect("a runtime lists"), [], "nothing is left behind");
}

async fn start(subject: &impl Subject, spec: &ContainerSpec, play: Play) {
    subject.runtime().ensure_running(spec).await.unwrap_or_else(|error| panic!("{} g{} does not start: {error}", spec.key.dyno, spec.generation));
    subject.play(spec, play).await;
}

/// `(generation, running)` of a dyno, in order.
async fn generations(subject: &impl Subject, key: &ContainerKey) -> Vec<(u64, bool)> {
    let running = |seen: &SeenContainer| matches!(seen.condition, Condition::Running { .. });
    let mut seen: Vec<_> = listed(subject, key).await.iter().map(|seen| (seen.generation, running(seen))).collect();
    seen.sort_unstable();
    seen
}

async fn listed(subject: &impl Subject, key: &ContainerKey) -> Vec<SeenContainer> {
    let all = subject.runtime().list().await.expect("a runtime lists");
    all.into_iter().filter(|seen| seen.key == *key).collect()
}

/// Long enough for a slow machine; a condition that never comes is the failure.
const TRIES: u32 = 1200;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    for _ in 0..TRIES {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
    panic!("it never came to be: {what}");
}

async fn ended(subject: &impl Subject, key: &ContainerKey, generation: u64) -> (i32, bool) {
    let end = async || {
        listed(subject, key).await.into_iter().find(|seen| seen.generation == generation).and_then(|seen| match seen.condition {
            Condition::Exited { status, oom_killed } => Some((status, oom_killed)),
            Condition::Created | Condition::Running { .. } => None,
        })
    };
    eventually(&format!("the end of {} g{generation}", key.dyno), end).await
}

async fn gone(subject: &impl Subject, key: &ContainerKey, generation: u64) {
    subject.runtime().ensure_gone(key, generation).await.unwrap_or_else(|error| panic!("{} g{generation} cannot be removed: {error}", key.dyno));
}

async fn one_container_per_generation(subject: &impl Subject) {
    let spec = subject.spec("worker.1", 5, Play::Sleep);
    let key = &spec.key;
    // Where there is none, everything is fine.
    let runtime = subject.runtime();
    assert_eq!(runtime.wait(key).await.expect("nothing can be waited for"), None);
    runtime.terminate(key, 5).await.expect("nothing can be terminated");
    runtime.kill(key, 5).await.expect("nothing can be killed");
    gone(subject, key, 5).await;

    start(subject, &spec, Play::Sleep).await;
    let seen = listed(subject, key).await;
    assert!(matches!(&seen[..], [SeenContainer { generation: 5, one_off: false, condition: Condition::Running { bound: true, .. }, .. }]), "{seen:?}");
    start(subject, &spec, Play::Sleep).await;
    assert_eq!(listed(subject, key).await, seen, "done again it is the same as done once");

    // Another dyno is another dyno.
    let other = subject.spec("worker.11", 5, Play::Sleep);
    start(subject, &other, Play::Sleep).await;
    gone(subject, key, 5).await;
    gone(subject, key, 5).await;
    assert_eq!(generations(subject, key).await, []);
    assert_eq!(generations(subject, &other.key).await, [(5, true)]);
    gone(subject, &other.key, 5).await;
}

async fn older_acts_are_refused(subject: &impl Subject) {
    let (older, newer) = (subject.spec("worker.1", 5, Play::Sleep), subject.spec("worker.1", 6, Play::Sleep));
    let (runtime, key) = (subject.runtime(), &newer.key);
    start(subject, &older, Play::Sleep).await;
    start(subject, &newer, Play::Sleep).await;
    assert_eq!(generations(subject, key).await, [(6, true)], "a newer generation takes the place of an older one");
    let refused = runtime.ensure_running(&older).await;
    assert!(matches!(refused, Err(RuntimeError::Stale { asked: 5, current: 6, .. })), "{refused:?}");
    runtime.terminate(key, 5).await.expect("a late act is fine");
    runtime.kill(key, 5).await.expect("a late act is fine");
    gone(subject, key, 5).await;
    // An act for one that is yet to come is no better.
    runtime.kill(key, 7).await.expect("an early act is fine");
    gone(subject, key, 7).await;
    assert_eq!(generations(subject, key).await, [(6, true)]);
    gone(subject, key, 6).await;
}

async fn two_generations_live_beside_each_other(subject: &mut impl Subject) {
    let spec = |subject: &dyn Subject, generation, beside| ContainerSpec { beside, ..subject.spec("web.1", generation, Play::Sleep) };
    let key = subject.spec("web.1", 1, Play::Sleep).key;
    start(subject, &spec(subject, 1, None), Play::Sleep).await;
    start(subject, &spec(subject, 2, Some(1)), Play::Sleep).await;
    assert_eq!(generations(subject, &key).await, [(1, true), (2, true)]);
    start(subject, &spec(subject, 2, Some(1)), Play::Sleep).await;
    assert_eq!(generations(subject, &key).await, [(1, true), (2, true)]);
    let refused = subject.runtime().ensure_running(&spec(subject, 1, None)).await;
    assert!(matches!(refused, Err(RuntimeError::Stale { asked: 1, current: 2, .. })), "{refused:?}");

    // A new one that is not to be leaves the old one alone, and the next one lives beside the same.
    gone(subject, &key, 2).await;
    assert_eq!(generations(subject, &key).await, [(1, true)]);
    start(subject, &spec(subject, 3, Some(1)), Play::Sleep).await;
    start(subject, &spec(subject, 4, Some(1)), Play::Sleep).await;
    assert_eq!(generations(subject, &key).await, [(1, true), (4, true)], "two, and never three");
    let before = sorted(listed(subject, &key).await);
    subject.reconnect().await;
    assert_eq!(sorted(listed(subject, &key).await), before, "the next connection sees both");

    // Each is ended alone, and then the names change sides.
    subject.runtime().terminate(&key, 1).await.expect("one of two is terminated");
    assert_eq!(ended(subject, &key, 1).await, (143, false));
    assert_eq!(generations(subject, &key).await, [(1, false), (4, true)]);
    gone(subject, &key, 1).await;
    start(subject, &spec(subject, 5, Some(4)), Play::Sleep).await;
    assert_eq!(generations(subject, &key).await, [(4, true), (5, true)]);
    subject.runtime().kill(&key, 5).await.expect("one of two is killed");
    assert_eq!(ended(subject, &key, 5).await, (137, false));
    assert_eq!(generations(subject, &key).await, [(4, true), (5, false)]);
    // Beside nobody: everybody else has to go.
    start(subject, &spec(subject, 6, None), Play::Sleep).await;
    assert_eq!(generations(subject, &key).await, [(6, true)]);
    gone(subject, &key, 6).await;
}

fn sorted(mut seen: Vec<SeenContainer>) -> Vec<SeenContainer> {
    seen.sort_by(|one, other| (&one.key, one.generation).cmp(&(&other.key, other.generation)));
    seen
}

async fn ends_are_seen(subject: &impl Subject) {
    let runtime = subject.runtime();
    for (n, status) in [0, 7, 255].into_iter().enumerate() {
        let play = Play::Exit(status);
        let spec = subject.spec(&format!("worker.{}", n + 1), 1, play);
        start(subject, &spec, play).await;
        assert_eq!(ended(subject, &spec.key, 1).await, (status, false));
        assert_eq!(runtime.wait(&spec.key).await.expect("an end is waited for"), Some(status));
        // One that has ended is not started again under the same number.
        runtime.ensure_running(&spec).await.expect("it was started");
        assert_eq!(generations(subject, &spec.key).await, [(1, false)]);
        gone(subject, &spec.key, 1).await;
    }
    let stubborn = subject.spec("worker.1", 2, Play::Stubborn);
    let meek = subject.spec("worker.2", 2, Play::Sleep);
    start(subject, &stubborn, Play::Stubborn).await;
    start(subject, &meek, Play::Sleep).await;
    for spec in [&stubborn, &meek] {
        runtime.terminate(&spec.key, 2).await.expect("it is terminated");
    }
    assert_eq!(ended(subject, &meek.key, 2).await, (143, false));
    assert_eq!(generations(subject, &stubborn.key).await, [(2, true)]);
    runtime.kill(&stubborn.key, 2).await.expect("it is killed");
    assert_eq!(runtime.wait(&stubborn.key).await.expect("an end is waited for"), Some(137));
    assert_eq!(ended(subject, &stubborn.key, 2).await, (137, false));
    let devours = subject.spec("worker.3", 2, Play::Devour);
    start(subject, &devours, Play::Devour).await;
    assert_eq!(ended(subject, &devours.key, 2).await, (137, true));
    for spec in [&stubborn, &meek, &devours] {
        gone(subject, &spec.key, 2).await;
    }
}

async fn a_web_dyno_binds(subject: &impl Subject) {
    let spec = subject.spec("web.1", 1, Play::Web);
    assert!(spec.port.is_some(), "a web dyno has a port");
    start(subject, &spec, Play::Web).await;
    let bound = async || {
        listed(subject, &spec.key).await.into_iter().find_map(|seen| match seen.condition {
            Condition::Running { bound: true, address, .. } => Some(address),
            Condition::Running { .. } | Condition::Created | Condition::Exited { .. } => None,
        })
    };
    let address = eventually("a port is bound", bound).await.expect("what is bound has an address");
    assert_eq!(Some(address.port()), spec.port);
    gone(subject, &spec.key, 1).await;
}

async fn memory_is_measured(subject: &impl Subject) {
    const MIB: u64 = 1024 * 1024;
    let small = subject.spec("worker.1", 1, Play::Sleep);
    let large = ContainerSpec { beside: Some(1), ..subject.spec("worker.1", 2, Play::Keep(100)) };
    start(subject, &small, Play::Sleep).await;
    start(subject, &large, Play::Keep(100)).await;
    let of = |used: &[MemoryUse], generation| used.iter().find(|used| used.key == large.key && used.generation == generation).cloned();
    let measured = async || {
        let used = subject.runtime().memory().await.expect("memory is measured");
        let (one, other) = (of(&used, 1)?, of(&used, 2)?);
        (other.rss >= 100 * MIB).then_some((one, other))
    };
    let (one, other) = eventually("100 MiB are seen", measured).await;
    assert!(one.rss < 50 * MIB && other.rss < 200 * MIB && other.killed == 0, "{one:?} {other:?}");
    subject.runtime().kill(&large.key, 2).await.expect("it is killed");
    ended(subject, &large.key, 2).await;
    let used = subject.runtime().memory().await.expect("memory is measured");
    assert_eq!(of(&used, 2), None, "what does not run uses nothing");
    for generation in [1, 2] {
        gone(subject, &large.key, generation).await;
    }
}

async fn the_next_connection_adopts(subject: &mut impl Subject) {
    let web = subject.spec("web.1", 3, Play::Web);
    let over = subject.spec("worker.1", 4, Play::Exit(9));
    start(subject, &web, Play::Web).await;
    start(subject, &over, Play::Exit(9)).await;
    ended(subject, &over.key, 4).await;
    let bound = async || {
        let seen = listed(subject, &web.key).await;
        matches!(seen.first()?.condition, Condition::Running { bound: true, .. }).then_some(())
    };
    eventually("a port is bound", bound).await;
    let before = sorted(subject.runtime().list().await.expect("a runtime lists"));
    subject.reconnect().await;
    let same = async || (sorted(subject.runtime().list().await.expect("a runtime lists")) == before).then_some(());
    eventually(&format!("the next connection sees {before:?}"), same).await;
    let refused = subject.runtime().ensure_running(&subject.spec("web.1", 2, Play::Web)).await;
    assert!(matches!(refused, Err(RuntimeError::Stale { asked: 2, current: 3, .. })), "{refused:?}");
    gone(subject, &web.key, 3).await;
    gone(subject, &over.key, 4).await;
}
