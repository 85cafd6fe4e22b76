//! Watches a container until something in it listens on its port. Looking into the kernel's tables does not disturb the
//! app, which a connection would.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bollard::query_parameters::InspectContainerOptions;
use tokio::{net::TcpStream, time};

use crate::{connect::Engine, known::Running, listening::listens};

const LOOK_EVERY: Duration = Duration::from_millis(25);

/// A program that listens as soon as it runs is not to wait for us.
const AT_FIRST: Duration = Duration::from_secs(1);
const AT_FIRST_EVERY: Duration = Duration::from_millis(5);

/// Where the process is not on this machine, the port is tried instead, and less often.
const TRY_EVERY: Duration = Duration::from_millis(250);
const TRIES_PER_INSPECTION: u32 = 8;

/// Watches, unless someone does already.
pub(crate) fn watch(engine: &Arc<Engine>, id: &str, running: Running, port: u16) {
    if !engine.known.begin_watch(id) {
        return;
    }
    let (watching, id) = (engine.clone(), id.to_owned());
    engine.spawn(async move {
        let bound = if is_here(&id, running.pid) { look(&id, running.pid, port).await } else { try_to_connect(&watching, &id, running, port).await };
        if bound {
            watching.known.learn_bound(&id);
            watching.changes.notify_one();
        }
    });
}

/// Whether this is the container's process and not another machine's number for something else here.
fn is_here(id: &str, pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|groups| groups.contains(id))
}

/// False when the process ends without having listened.
async fn look(id: &str, pid: u32, port: u16) -> bool {
    let began = time::Instant::now();
    let table = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default();
    while is_here(id, pid) {
        if listens(&table("tcp"), port) || listens(&table("tcp6"), port) {
            return true;
        }
        time::sleep(if began.elapsed() < AT_FIRST { AT_FIRST_EVERY } else { LOOK_EVERY }).await;
    }
    false
}

async fn try_to_connect(engine: &Engine, id: &str, running: Running, port: u16) -> bool {
    let Some(ip) = running.ip else { return false };
    let mut tries = 0;
    loop {
        if matches!(time::timeout(TRY_EVERY, TcpStream::connect(SocketAddr::new(ip, port))).await, Ok(Ok(_))) {
            return true;
        }
        tries += 1;
        if tries % TRIES_PER_INSPECTION == 0 {
            let container = engine.api.inspect_container(id, None::<InspectContainerOptions>).await;
            if container.is_ok_and(|container| container.state.and_then(|state| state.running) != Some(true)) {
                return false;
            }
        }
        time::sleep(TRY_EVERY).await;
    }
}
