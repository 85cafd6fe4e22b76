//! Clients of a simulation: they come in bursts, upload in pieces, stall, and leave.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{
    COURSE, Sim,
    pieces::{read_body, send_body, trickle},
};
use crate::{
    Router,
    tests::harness::{SETTINGS, values},
    worker::Worker,
};

/// What a client did and saw.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) came: Instant,
    pub(super) upload: Vec<u8>,
    /// What a dyno answered with.
    pub(super) answer: Vec<u8>,
    /// It left before it had its answer.
    pub(super) left: bool,
    /// It stopped in the middle of its upload.
    pub(super) stalls: bool,
    /// The answer's status, if there was one.
    pub(super) status: Option<u16>,
    /// The answer's body, if it was complete.
    pub(super) body: Option<Vec<u8>>,
    pub(super) took: Duration,
}

/// Longer than anything may take: an upload, a wait for a dyno, an answer that trickles.
const FOR_EVER: Duration = Duration::from_secs(600);

/// All clients, now and then a crowd.
pub(super) fn all(sim: &Arc<Sim>, router: &Arc<Router>, worker: &Arc<Worker>) -> Vec<JoinHandle<()>> {
    let mut clients = Vec::new();
    let course = u64::try_from(COURSE.as_millis()).unwrap_or(u64::MAX);
    let mut come = |after: Duration, simple: bool| {
        let id = format!("client-{:020}", clients.len());
        clients.push(tokio::spawn(client(sim.clone(), router.clone(), worker.clone(), id, after, simple)));
    };
    for _ in 0..60 + sim.chance.below(60) {
        come(sim.between(0, course), false);
    }
    if sim.rarely(3) {
        let (at, crowd) = (sim.between(0, course), 150 + sim.chance.below(400));
        (0..crowd).for_each(|_| come(at + sim.between(0, 300), true));
    }
    clients
}

async fn client(sim: Arc<Sim>, router: Arc<Router>, worker: Arc<Worker>, id: String, after: Duration, simple: bool) {
    sleep(after).await;
    let uploads = !simple && sim.rarely(2);
    let upload: Vec<u8> = if uploads { (0..sim.chance.below(20_000)).map(|at| at as u8).collect() } else { Vec::new() };
    let stalls = uploads && sim.rarely(8);
    let leaves = (!simple && sim.rarely(6)).then(|| sim.between(0, 30_000));
    let came = Instant::now();
    let seen = Seen { came, upload: upload.clone(), answer: Vec::new(), left: false, stalls, status: None, body: None, took: Duration::ZERO };
    sim.state().clients.insert(id.clone(), seen);

    let (io, theirs) = duplex(200 + sim.chance.below(20_000));
    router.tasks.spawn(worker.serve_connection(theirs, SETTINGS.peer([192, 0, 2, 7].into())));
    let (mut reader, mut writer) = tokio::io::split(io);
    let head = format!("{} / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\nX-Request-Id: {id}", if uploads { "POST" } else { "GET" });
    let send = async {
        if stalls {
            let _ = trickle(&sim, &mut writer, format!("{head}\r\nContent-Length: {}\r\n\r\nx", upload.len() + 1).as_bytes()).await;
            return std::future::pending::<()>().await;
        }
        // A router that has answered already may take no more.
        let _ = if uploads {
            send_body(&sim, &mut writer, &head, &upload, false).await.map(drop)
        } else {
            writer.write_all(format!("{head}\r\n\r\n").as_bytes()).await
        };
        std::future::pending::<()>().await;
    };
    let read = async {
        let Some(head) = answer_head(&mut reader).await else { return };
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        sim.state().clients.entry(id.clone()).and_modify(|seen| seen.status = status);
        // A body until the end is complete for whoever believes that end.
        let cut = values(&head, "Content-Length").is_empty() && values(&head, "Transfer-Encoding").is_empty();
        let body = read_body(&head, &mut reader).await.ok();
        sim.state().clients.entry(id.clone()).and_modify(|seen| seen.body = body.filter(|body| !cut || *body == seen.answer));
        // The router closes, as it was asked to.
        let _ = reader.read(&mut [0]).await;
    };
    let left = tokio::select! {
        () = send => false,
        ended = timeout(FOR_EVER, read) => {
            if ended.is_err() {
                sim.wrong(&format!("{id} has waited for {FOR_EVER:?}"));
            }
            false
        }
        () = sleep(leaves.unwrap_or(FOR_EVER * 2)) => true,
    };
    let now = Instant::now();
    sim.state().clients.entry(id).and_modify(|seen| (seen.left, seen.took) = (left, now - seen.came));
}

/// The head of an answer, if one comes.
async fn answer_head(io: &mut (impl tokio::io::AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(io.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}
