//! The suite of runtimes, against the fake.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use std::sync::Arc;

use async_trait::async_trait;
use domain::{AppId, DynoSizes};
use jiff::Timestamp;
use ports::{
    Runtime,
    clock::HandClock,
    runtime::{
        ContainerKey, ContainerSpec, Image,
        contract::{self, Play, Subject},
        fake::FakeRuntime,
    },
};

struct Fake(Arc<FakeRuntime>);

#[async_trait]
impl Subject for Fake {
    fn runtime(&self) -> Arc<dyn Runtime> {
        self.0.clone()
    }

    fn spec(&self, dyno: &str, generation: u64, play: Play) -> ContainerSpec {
        ContainerSpec {
            key: ContainerKey { app: AppId::new(Timestamp::UNIX_EPOCH, [7; 10]), dyno: dyno.parse().unwrap() },
            generation,
            app_name: "shop".parse().unwrap(),
            release: 1,
            image: Image { stack: "heroku-24".parse().unwrap(), slug: None },
            command: String::new(),
            env: Vec::new(),
            limits: DynoSizes::default().limits(&"Basic".parse().unwrap()),
            port: (play == Play::Web).then_some(5000),
            beside: None,
        }
    }

    async fn play(&self, spec: &ContainerSpec, play: Play) {
        match play {
            Play::Sleep => {}
            Play::Exit(status) => self.0.crash(&spec.key, status),
            Play::Web => self.0.bind(&spec.key),
            Play::Stubborn => self.0.ignore_sigterm(&spec.key),
            Play::Keep(mib) => self.0.use_memory(&spec.key, mib << 20, 0),
            Play::Devour => self.0.run_out_of_memory(&spec.key),
        }
    }

    async fn reconnect(&mut self) {}
}

#[tokio::test]
async fn the_fake_keeps_the_contract() {
    let fake = Arc::new(FakeRuntime::new(Arc::new(HandClock::at(Timestamp::UNIX_EPOCH))));
    fake.bind_at_once(false);
    contract::all(&mut Fake(fake)).await;
}
