//! Dynos of a simulation: what they do with connections, and what must not be done to them.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use domain::route::Condition;
use futures_util::future::BoxFuture;
use ports::Chance;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    time::{Instant, sleep},
};

use super::{
    super::harness::{read_head, values},
    Sim, index_of,
    pieces::{read_body, send_body, trickle},
};
use crate::{
    connect::{Dial, Stream},
    over::{Over, Reading},
};

/// What a dyno does with connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Serves,
    /// As long as it takes for clients to give up, now and then.
    Slow,
    Refuses,
    /// Takes no connection.
    Deaf,
    /// Takes them, and says nothing.
    Silent,
    HangsUp,
    BreaksOffInHead,
    BreaksOffInBody,
    StallsInBody,
    Babbles,
}

impl Mood {
    pub(super) fn draw(chance: &Chance) -> Self {
        use Mood as M;
        const MOODS: [Mood; 14] = [
            M::Serves,
            M::Serves,
            M::Serves,
            M::Slow,
            M::Slow,
            M::Refuses,
            M::Refuses,
            M::Deaf,
            M::Silent,
            M::HangsUp,
            M::BreaksOffInHead,
            M::BreaksOffInBody,
            M::StallsInBody,
            M::Babbles,
        ];
        MOODS[chance.below(MOODS.len())]
    }
}

pub(super) struct Dyno {
    pub(super) mood: Mood,
    /// None: it is not in the table.
    pub(super) condition: Option<Condition>,
    /// One that was out of the table and comes back is another one.
    life: u32,
    /// When it last did not take a connection, with none taken since.
    failed: Option<Instant>,
    /// Connections that the router holds.
    open: usize,
}

impl Dyno {
    pub(super) fn new(chance: &Chance) -> Self {
        Self { mood: Mood::draw(chance), condition: Some(Condition::Up), life: 0, failed: None, open: 0 }
    }
}

impl Dyno {
    /// It changes, and so does what the table says of it.
    pub(super) fn become_this(&mut self, mood: Mood, condition: Option<Condition>) {
        (self.mood, self.condition) = (mood, condition);
        if condition.is_none() {
            (self.life, self.failed, self.open) = (self.life + 1, None, 0);
        }
    }
}

/// Requests with one dyno at once, at most.
const AT_ONE_DYNO: usize = 150;
const QUARANTINE: Duration = Duration::from_secs(5);
/// Two timers that end at the same time end in any order.
const BLUR: Duration = Duration::from_millis(3);

/// The way to dynos.
pub(super) struct Machine(pub(super) Arc<Sim>);

impl Dial for Machine {
    fn dial(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        let (sim, index) = (self.0.clone(), index_of(address));
        let mut state = sim.state();
        let Some(dyno) = state.dynos.get_mut(&index) else { return Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) }) };
        let (mood, life, now) = (dyno.mood, dyno.life, Instant::now());
        let mut wrongs = Vec::new();
        if dyno.condition != Some(Condition::Up) {
            wrongs.push(format!("web.{index} is {:?} and gets a connection", dyno.condition));
        }
        if let Some(since) = dyno.failed.map(|failed| now - failed)
            && since > BLUR
            && since + BLUR < QUARANTINE
        {
            wrongs.push(format!("web.{index} failed {since:?} ago and gets a connection"));
        }
        if mood != Mood::Refuses && mood != Mood::Deaf {
            (dyno.failed, dyno.open) = (None, dyno.open + 1);
            if dyno.open > AT_ONE_DYNO && !sim.features.keep_alive {
                wrongs.push(format!("web.{index} has {} connections", dyno.open));
            }
        } else if mood == Mood::Refuses {
            dyno.failed = Some(now);
        }
        drop(state);
        wrongs.iter().for_each(|wrong| sim.wrong(wrong));
        match mood {
            Mood::Refuses => Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) }),
            Mood::Deaf => Box::pin(async move {
                sleep(Duration::from_millis(4999)).await;
                if let Some(dyno) = sim.state().dynos.get_mut(&index).filter(|dyno| dyno.life == life) {
                    dyno.failed = Some(Instant::now());
                }
                std::future::pending().await
            }),
            mood => {
                let (ours, theirs) = duplex(200 + sim.chance.below(20_000));
                let counted = Counted { sim: sim.clone(), index, life };
                tokio::spawn(serve(sim, index, mood, theirs));
                Box::pin(async { Ok(Box::new(Over { io: ours, reading: counted }) as Box<dyn Stream>) })
            }
        }
    }
}

/// A connection that the router holds.
struct Counted {
    sim: Arc<Sim>,
    index: u16,
    life: u32,
}

impl Reading for Counted {
    fn poll_read<C: AsyncRead + Unpin>(&mut self, io: &mut C, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        std::pin::Pin::new(io).poll_read(cx, buf)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(dyno) = self.sim.state().dynos.get_mut(&self.index).filter(|dyno| dyno.life == self.life) {
            dyno.open -= 1;
        }
    }
}

/// What a dyno does with one connection, for as many requests as come on it.
async fn serve(sim: Arc<Sim>, index: u16, mood: Mood, mut io: DuplexStream) {
    while one(&sim, index, mood, &mut io).await.is_ok_and(|again| again) {}
}

async fn one(sim: &Sim, index: u16, mood: Mood, io: &mut DuplexStream) -> io::Result<bool> {
    // Between requests the router may close.
    let mut first = [0];
    if io.read(&mut first).await? == 0 {
        return Ok(false);
    }
    let head = String::from_utf8_lossy(&first).into_owned() + &read_head(io).await;
    let id = values(&head, "X-Request-Id").first().map(|id| (*id).to_owned()).unwrap_or_default();
    sim.state().sightings.entry(id.clone()).or_default().push((index, mood));
    if mood == Mood::HangsUp {
        return Ok(false);
    }
    let body = read_body(&head, io).await?;
    let sent = sim.state().clients.get(&id).map(|seen| seen.upload.clone());
    if sent.is_some_and(|sent| sent != body) {
        sim.wrong(&format!("{id}: web.{index} got another body than was sent, {} bytes", body.len()));
    }
    match mood {
        Mood::Serves => sleep(sim.between(0, 2_000)).await,
        Mood::Slow => sleep(sim.between(0, 40_000)).await,
        Mood::Silent => return std::future::pending().await,
        Mood::Babbles => return io.write_all(b"HELO there\r\n\r\n").await.map(|()| false),
        Mood::BreaksOffInHead => return trickle(sim, io, b"HTTP/1.1 200 OK\r\nConte").await.map(|()| false),
        _ => {}
    }
    let answer = vec![b'a' + u8::try_from(id.len() % 20).unwrap_or(0); sim.chance.below(if sim.rarely(5) { 30_000 } else { 500 })];
    if let Some(seen) = sim.state().clients.get_mut(&id) {
        seen.answer.clone_from(&answer);
    }
    if matches!(mood, Mood::BreaksOffInBody | Mood::StallsInBody) {
        trickle(sim, io, format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len() + 1).as_bytes()).await?;
        trickle(sim, io, &answer).await?;
        return if mood == Mood::StallsInBody { std::future::pending().await } else { Ok(false) };
    }
    let until_close = send_body(sim, io, "HTTP/1.1 200 OK", &answer, true).await?;
    let closes = until_close || values(&head, "Connection").contains(&"close") || sim.rarely(4);
    // It may close while it lies idle.
    if closes { Ok(false) } else { Ok(true) }
}
