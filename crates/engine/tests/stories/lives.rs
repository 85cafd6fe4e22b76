//! How dynos live: replaced, measured, put to sleep, ended.

use domain::{App, Feature};
use engine::{Task, memory::MemoryWatch, one_off::NewOneOff, scaling::ScaleChange};

use crate::Story;

databases::on_both!(
    with_preboot_a_deploy_never_leaves_the_app_without_a_dyno,
    with_preboot_a_restart_of_the_platform_halfway_loses_neither_generation,
    with_preboot_a_restart_right_after_a_deploy_waits_for_its_turn,
    another_size_is_another_container,
    an_engine_that_is_away_is_what_dynos_wait_for,
    a_dyno_over_its_memory_is_told_and_at_twice_of_it_killed,
    runtime_metrics_are_written_when_asked_for,
    an_eco_dyno_sleeps_when_nobody_asks_and_wakes_when_somebody_does,
    nobody_scales_over_the_quota,
    a_one_off_dyno_ends_after_a_day
);

impl Story {
    /// Where requests go.
    fn up(&self) -> Vec<std::net::SocketAddr> {
        let table = self.platform.routes().borrow().clone();
        let web = &table.hosts["shop.localhost"].web;
        web.iter().filter(|backend| backend.condition == domain::route::Condition::Up).filter_map(|backend| backend.address).collect()
    }

    /// What `heroku[web.1]` has said.
    fn lines(&self, dyno: &str) -> Vec<String> {
        let start = format!("heroku[{dyno}]: ");
        self.logs.texts().iter().filter_map(|line| line.strip_prefix(&start).map(str::to_owned)).collect()
    }
}

async fn with_preboot_a_deploy_never_leaves_the_app_without_a_dyno() {
    let mut story = Story::begin().await;
    story.deploy("web: x\nworker: y").await;
    story.scale("worker", "1").await;
    story.settle().await;
    story.platform.set_feature(&story.actor, "shop", Feature::Preboot, true).await.unwrap();
    story.runtime.bind_at_once(false);
    story.set("COLOUR", "blue").await;
    story.settle().await;
    assert_eq!(story.picture(), ["web.1 v3 bound", "web.1 v4 booting", "worker.1 v4 bound"], "a worker is replaced as ever");
    let old = story.up();
    story.runtime.bind(&story.key("web.1"));
    story.settle().await;
    assert_eq!(story.picture(), ["web.1 v3 bound", "web.1 v4 bound", "worker.1 v4 bound"], "the old one answers what it was asked");
    let new = story.up();
    assert!(old.len() == 1 && new.len() == 1 && old != new, "{old:?} {new:?}");
    story.pass(61).await;
    assert_eq!(story.picture(), ["web.1 v4 bound", "worker.1 v4 bound"]);
    assert_eq!(story.up(), new);
}

async fn with_preboot_a_restart_of_the_platform_halfway_loses_neither_generation() {
    let mut story = Story::begin().await;
    story.deploy("web: x").await;
    story.settle().await;
    story.platform.set_feature(&story.actor, "shop", Feature::Preboot, true).await.unwrap();
    story.runtime.bind_at_once(false);
    story.set("COLOUR", "blue").await;
    story.settle().await;
    story.restart_platform().await;
    assert_eq!(story.picture(), ["web.1 v3 bound", "web.1 v4 booting"]);
    assert_eq!(story.up().len(), 1);
}

async fn with_preboot_a_restart_right_after_a_deploy_waits_for_its_turn() {
    let mut story = Story::begin().await;
    story.deploy("web: x").await;
    story.settle().await;
    story.platform.set_feature(&story.actor, "shop", Feature::Preboot, true).await.unwrap();
    story.set("COLOUR", "blue").await;
    story.settle().await;
    assert_eq!(story.picture(), ["web.1 v3 bound", "web.1 v4 bound"]);
    let up = story.up();
    story.platform.restart(&story.actor, "shop", &engine::dynos::Which::All).await.unwrap();
    story.settle().await;
    assert_eq!((story.up(), story.picture().len()), (up.clone(), 2), "it serves on while the one before it drains");
    story.pass(61).await;
    story.pass(2).await;
    assert_eq!(story.picture(), ["web.1 v4 bound", "web.1 v4 bound"]);
    assert!(story.up().len() == 1 && story.up() != up);
}

async fn another_size_is_another_container() {
    let mut story = Story::begin().await;
    story.deploy("web: x\nworker: y").await;
    story.scale("worker", "1").await;
    story.settle().await;
    let starts = story.runtime.starts();
    let size = |size: &str| ScaleChange { process_type: "web".into(), quantity: None, size: Some(size.into()) };
    story.platform.scale(&story.actor, "shop", &[size("Standard-2X")]).await.unwrap();
    story.settle().await;
    assert_eq!((story.runtime.starts(), story.picture()), (starts + 1, vec!["web.1 v3 bound".to_owned(), "worker.1 v3 bound".to_owned()]));
    story.platform.scale(&story.actor, "shop", &[size("standard-2x")]).await.unwrap();
    story.settle().await;
    assert_eq!(story.runtime.starts(), starts + 1, "the same size is no change");
}

async fn an_engine_that_is_away_is_what_dynos_wait_for() {
    let mut story = Story::begin().await;
    story.deploy("web: x").await;
    story.runtime.break_down();
    story.formations.run().await;
    story.runtime.recover();
    story.settle().await;
    story.scale("web", "2").await;
    story.formations.run().await;
    story.formations.settle().await;
    story.runtime.break_down();
    story.platform.restart(&story.actor, "shop", &engine::dynos::Which::All).await.unwrap();
    story.formations.run().await;
    let waits = "starting waits for the container engine: the container engine did not answer";
    assert_eq!(story.states().await, [format!("web.1 {waits}"), format!("web.2 {waits}")]);
    story.runtime.recover();
    story.settle().await;
    assert_eq!(story.states().await, ["web.1 up", "web.2 up"]);
}

async fn a_dyno_over_its_memory_is_told_and_at_twice_of_it_killed() {
    let mut story = Story::begin().await;
    story.deploy("web: x").await;
    story.settle().await;
    let mut watch = MemoryWatch::new(story.platform.clone());
    story.runtime.use_memory(&story.key("web.1"), 590 << 20, 0);
    watch.run().await;
    watch.run().await;
    assert_eq!(story.states().await, ["web.1 up"]);
    story.runtime.use_memory(&story.key("web.1"), 1029 << 20, 0);
    watch.run().await;
    story.formations.run().await;
    assert_eq!(story.states().await, ["web.1 crashed crashed, starting again"]);
    let lines = story.lines("web.1");
    let said = |text: &str| lines.iter().filter(|line| line.as_str() == text).count();
    assert_eq!((said("Process running mem=590M(115.2%)"), said("Error R14 (Memory quota exceeded)")), (2, 2), "{lines:?}");
    assert_eq!((said("Process running mem=1029M(200.9%)"), said("Error R15 (Memory quota vastly exceeded)")), (1, 1));
    story.formations.settle().await;
    story.settle().await;
    assert_eq!(story.states().await, ["web.1 up"]);
    // A process of it was killed by the kernel, between two looks.
    story.runtime.use_memory(&story.key("web.1"), 20 << 20, 1);
    watch.run().await;
    story.formations.run().await;
    assert!(story.states().await[0].starts_with("web.1 crashed"));
}

async fn runtime_metrics_are_written_when_asked_for() {
    let mut story = Story::begin().await;
    story.deploy("web: x").await;
    story.settle().await;
    story.platform.set_feature(&story.actor, "shop", Feature::LogRuntimeMetrics, true).await.unwrap();
    story.runtime.use_memory(&story.key("web.1"), 21 << 20, 0);
    MemoryWatch::new(story.platform.clone()).run().await;
    let lines = story.lines("web.1");
    let memory = lines.iter().find(|line| line.contains("sample#memory_total=")).unwrap();
    assert!(memory.starts_with("source=web.1 dyno=heroku.") && memory.ends_with(" sample#memory_total=21.00MB sample#memory_rss=21.00MB sample#memory_cache=0.00MB sample#memory_swap=0.00MB sample#memory_pgpgin=0pages sample#memory_pgpgout=0pages sample#memory_quota=512.00MB"), "{memory}");
    assert!(lines.iter().any(|line| line.ends_with(" sample#load_avg_1m=0.28 sample#load_avg_5m=0.06 sample#load_avg_15m=0.02")), "{lines:?}");
}

async fn an_eco_dyno_sleeps_when_nobody_asks_and_wakes_when_somebody_does() {
    let mut story = Story::begin().await;
    story.deploy("web: x\nworker: y").await;
    let eco = ScaleChange { process_type: "web".into(), quantity: None, size: Some("eco".into()) };
    story.platform.scale(&story.actor, "shop", &[eco]).await.unwrap();
    story.scale("worker", "1").await;
    story.settle().await;
    story.pass(29 * 60).await;
    story.platform.asked_for(story.app.id);
    story.pass(29 * 60).await;
    assert_eq!(story.states().await, ["web.1 up", "worker.1 up"]);
    story.pass(2 * 60).await;
    assert_eq!(story.states().await, ["web.1 idle asleep until the next request", "worker.1 up"]);
    assert_eq!(story.picture(), ["worker.1 v3 bound"]);
    assert_eq!(story.platform.routes().borrow().hosts["shop.localhost"].web[0].condition, domain::route::Condition::Asleep);
    story.pass(24 * 3600).await;
    assert!(story.states().await[0].starts_with("web.1 idle"));
    story.restart_platform().await;
    assert!(story.states().await[0].starts_with("web.1 idle"), "a restart of the platform is no request");
    story.platform.asked_for(story.app.id);
    story.settle().await;
    assert_eq!(story.states().await[0], "web.1 up");
    let lines = story.lines("web.1");
    assert!(
        ["Idling", "State changed from up to down", "Unidling", "State changed from down to starting"].iter().all(|text| lines.iter().any(|line| line == text)),
        "{lines:?}"
    );
    // A release wakes it as a request does.
    story.pass(31 * 60).await;
    assert!(story.states().await[0].starts_with("web.1 idle"));
    story.set("COLOUR", "blue").await;
    story.settle().await;
    assert_eq!(story.states().await[0], "web.1 up");
}

async fn nobody_scales_over_the_quota() {
    let mut story = Story::begin().await;
    story.deploy("web: x\nworker: y").await;
    story.scale("web", "60").await;
    let change =
        |quantity: &str, size: Option<&str>| ScaleChange { process_type: "worker".into(), quantity: Some(quantity.into()), size: size.map(Into::into) };
    let refused = |result: Result<_, engine::Refusal>| result.map(|_: (App, _)| ()).unwrap_err().to_string();
    assert_eq!(refused(story.platform.scale(&story.actor, "shop", &[change("41", None)]).await), "Cannot scale to 101 dynos in all (an app may have 100)");
    let unknown = refused(story.platform.scale(&story.actor, "shop", &[change("1", Some("huge"))]).await);
    assert_eq!(unknown, "No such dyno size: huge. Sizes are Eco, Basic, Standard-1X, Standard-2X, Performance-M and Performance-L.");
    let formation = story.platform.store.read().await.unwrap().formation(story.app.id).await.unwrap();
    assert_eq!(formation.values().map(|scale| scale.quantity).collect::<Vec<_>>(), [60, 0], "nothing changed");
}

async fn a_one_off_dyno_ends_after_a_day() {
    let mut story = Story::begin().await;
    story.deploy("web: x").await;
    story.settle().await;
    let new = NewOneOff { command: "sleep 9999999".into(), env: vec![], size: None, process_type: None, attach: false, terminal: None };
    story.platform.run_one_off(&story.actor, "shop", new).await.unwrap();
    for _ in 0..50 {
        tokio::task::yield_now().await;
        if story.states().await.iter().any(|state| state.starts_with("run.") && state.ends_with("up")) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    story.pass(24 * 3600 - 1).await;
    assert_eq!(story.states().await.len(), 2);
    story.pass(2).await;
    assert_eq!(story.states().await, ["web.1 up"]);
}
