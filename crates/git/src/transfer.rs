//! One push or fetch, from the client's bytes to git and back.

use std::{error::Error, io, sync::Arc};

use bytes::Bytes;
use hyper::body::Body;
use tokio::{process::Command, sync::mpsc, task::JoinHandle};

use crate::{
    call::Service,
    feed::{Bounds, Encoding, feed},
    git::Git,
    hook,
    places::Place,
    rpc::{self, Terms},
    tickets::Ticket,
};

/// Most bytes of a fetch's request, and of a push's list of refs: neither has a pack in it.
const TALK: u64 = 32 * 1024 * 1024;

/// How the two sides talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// The client says all it has to say, then hears the answer (HTTP).
    Request,
    /// Both talk as they like until git is done (SSH).
    Conversation,
}

/// What one side sends the other.
pub(crate) struct Transfer {
    /// What git answers, as it comes; ends when everything is done.
    pub(crate) answer: mpsc::Receiver<Bytes>,
    /// Whether git was content.
    pub(crate) success: JoinHandle<bool>,
}

/// Lets git work on what the client sends. Goes on by itself; a push that has begun to build is not stopped by a client
/// that goes away.
pub(crate) fn transfer<B>(
    git: Arc<Git>,
    place: Place,
    mut command: Command,
    service: Service,
    ticket: Ticket,
    manner: Manner,
    (body, encoding): (B, Encoding),
) -> io::Result<Transfer>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (ticket, secret) = (Arc::new(ticket), git.platform.chance.secret());
    let pushing = service == Service::ReceivePack;
    if pushing {
        command.env(hook::PUSH, &secret).env(hook::SOCKET, &git.socket);
        git.tickets.issue(secret.clone(), ticket.clone());
    }
    let started = rpc::start(command, true).and_then(|mut running| {
        let (stdin, answer) = running.stdin().zip(running.answer()).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok((running, stdin, answer))
    });
    let (running, stdin, answer) = started.inspect_err(|_| drop(git.tickets.claim(&secret)))?;
    let success = tokio::spawn(async move {
        let bytes = if pushing { git.limits.pack_bytes.saturating_add(TALK) } else { TALK };
        let silence = match manner {
            Manner::Request => git.limits.silence,
            Manner::Conversation => git.limits.thinking,
        };
        let bounds = Bounds { bytes, silence, refs_before_pack: pushing };
        let unless = pushing.then(|| ticket.begun.clone());
        let terms = Terms { limit: git.limits.transfer, unless, silence: git.limits.silence, hears_all: manner == Manner::Request };
        let (end, success) = running.finish(feed(body, encoding, bounds, stdin), terms).await;
        git.tickets.claim(&secret);
        if ticket.begun.is_cancelled() {
            if let Err(error) = git.repositories.settle_head(ticket.app).await {
                tracing::warn!(app = %ticket.app, error = &error as &dyn Error, "a repository's HEAD could not be set");
            }
            git.maintain(ticket.app);
        }
        ticket.end_turn();
        drop((end, place));
        success
    });
    Ok(Transfer { answer, success })
}
