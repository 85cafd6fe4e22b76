//! The suite of runtimes, against a real engine, however dynos get their files.

use std::sync::Arc;

use async_trait::async_trait;
use domain::dyno_size::Limits;
use ports::{
    Runtime,
    runtime::{
        ContainerSpec,
        contract::{self, Play, Subject},
    },
};

use crate::place::{Place, Way};

const PORT: u16 = 5000;

struct Engine(Place);

#[async_trait]
impl Subject for Engine {
    fn runtime(&self) -> Arc<dyn Runtime> {
        self.0.docker.clone()
    }

    fn spec(&self, dyno: &str, generation: u64, play: Play) -> ContainerSpec {
        let command = match play {
            // What a signal finds must be there.
            Play::Sleep => format!("echo ready {generation}; sleep 600"),
            Play::Exit(status) => format!("exit {status}"),
            Play::Web => format!("echo \"import socket, time\ns = socket.create_server(('0.0.0.0', {PORT}))\ntime.sleep(600)\" | python3 -"),
            Play::Stubborn => format!("trap '' TERM; echo deaf {generation}; while :; do sleep 0.1; done"),
            Play::Keep(mib) => format!("exec python3 -c 'import time; kept = bytearray({mib} << 20); time.sleep(600)'"),
            Play::Devour => "exec python3 -c 'kept = bytearray(1 << 30)'".to_owned(),
        };
        let limits = match play {
            Play::Devour => Limits { memory_mib: 64, ..self.0.spec(dyno, generation, "").limits },
            _ => self.0.spec(dyno, generation, "").limits,
        };
        ContainerSpec { limits, port: (play == Play::Web).then_some(PORT), ..self.0.spec(dyno, generation, &command) }
    }

    async fn play(&self, spec: &ContainerSpec, play: Play) {
        let said = match play {
            Play::Sleep => "ready",
            Play::Stubborn => "deaf",
            Play::Exit(_) | Play::Web | Play::Keep(_) | Play::Devour => return,
        };
        self.0.until_logged(&format!("app[{}]: {said} {}", spec.key.dyno, spec.generation)).await;
    }

    async fn reconnect(&mut self) {
        self.0.restart().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_real_engine_keeps_the_contract_whichever_way_dynos_start() {
    for way in [Way::Image, Way::Mounted, Way::Warm] {
        contract::all(&mut Engine(Place::of(way).await)).await;
    }
}
