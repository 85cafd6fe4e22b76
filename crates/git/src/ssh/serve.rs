//! A command at work.

use std::{convert::Infallible, error::Error, io, net::IpAddr, sync::Arc};

use bytes::Bytes;
use domain::KeyFingerprint;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, server::Msg};
use tokio::time::timeout;

use crate::{
    access::{self, Denied},
    feed::Encoding,
    git::Git,
    ssh::{command::Command, visit::Busy},
    tickets::Ticket,
    transfer::{Manner, Transfer, transfer},
};

/// Data that comes on side channels means standard error (RFC 4254 section 5.2).
const STDERR: u32 = 1;

const NOTHING_ELSE: &str = "Only `git push`, `git fetch` and `git clone` are answered here. There is no shell, and no other command.";

/// By which key somebody came in, and from where.
pub(super) type Who = (KeyFingerprint, Option<IpAddr>);

/// Says that this is not served.
pub(super) async fn refuse(channel: Channel<Msg>, busy: Busy) {
    let (reader, writer) = channel.split();
    // Whatever else the client sends is thrown away.
    drop(reader);
    let _ = close(&writer, Some(NOTHING_ELSE), 1).await;
    drop(busy);
}

/// Pushes or fetches.
pub(super) async fn serve(git: Arc<Git>, who: Who, command: Command, protocol: Option<&'static str>, channel: Channel<Msg>, busy: Busy) {
    let (reader, writer) = channel.split();
    let request_id = git.platform.chance.id::<Git>(git.platform.clock.now()).to_string();
    let said = match begin(&git, &who, &command, protocol, &request_id, reader).await {
        Ok(transfer) => {
            let success = relay(&git, transfer, &writer).await;
            close(&writer, None, u32::from(!success)).await
        }
        Err(denied) => {
            if let Denied::Platform(error) = &denied {
                tracing::error!(request_id, error = error.as_ref() as &dyn Error, "a git command over SSH failed");
            }
            close(&writer, Some(&denied.to_string()), 1).await
        }
    };
    if let Err(error) = said {
        tracing::debug!(request_id, error = &error as &dyn Error, "an SSH client went away");
    }
    drop(busy);
}

async fn begin(
    git: &Arc<Git>,
    (key, from): &Who,
    asked: &Command,
    protocol: Option<&'static str>,
    request_id: &str,
    reader: ChannelReadHalf,
) -> Result<Transfer, Denied> {
    // Looked up again: the connection may be older than the key's end.
    let actor = git.platform.actor_of_key(key).await.map_err(|error| Denied::Platform(error.into()))?.ok_or(Denied::WrongKey)?;
    let (app, place) = access::admit(git, &actor, &asked.app, asked.service).await?;
    let repository = git.repositories.ensure(app.id).await?;
    let mut command = git.repositories.program().git(asked.service.name());
    if let Some(version) = protocol {
        command.env("GIT_PROTOCOL", version);
    }
    command.arg("--").arg(&repository);
    let ticket = Ticket::new(actor, app.id, request_id.to_owned(), *from);
    let body = StreamBody::new(stream::unfold(reader, next));
    Ok(transfer(git.clone(), place, command, asked.service, ticket, Manner::Conversation, (Box::pin(body), Encoding::Plain))?)
}

/// What the client sends next. A client that is gone and one that has said all are the same to git: half a pack is an error.
async fn next(mut reader: ChannelReadHalf) -> Option<(Result<Frame<Bytes>, Infallible>, ChannelReadHalf)> {
    loop {
        match reader.wait().await? {
            ChannelMsg::Data { data } => return Some((Ok(Frame::data(data)), reader)),
            ChannelMsg::Eof | ChannelMsg::Close => return None,
            _ => {}
        }
    }
}

/// Passes on what git answers; whether all went well.
async fn relay(git: &Git, mut transfer: Transfer, writer: &ChannelWriteHalf<Msg>) -> bool {
    while let Some(bytes) = transfer.answer.recv().await {
        let sent = timeout(git.limits.silence, writer.data_bytes(bytes)).await;
        if !matches!(sent, Ok(Ok(()))) {
            // Nobody reads. Closing this tells git, which ends a fetch and goes on with a build.
            transfer.answer.close();
            break;
        }
    }
    transfer.success.await.unwrap_or(false)
}

/// Says the last words and how it ended.
async fn close(writer: &ChannelWriteHalf<Msg>, sentence: Option<&str>, status: u32) -> Result<(), russh::Error> {
    let said = async {
        if let Some(sentence) = sentence {
            writer.extended_data_bytes(STDERR, format!(" !     {sentence}\n")).await?;
        }
        writer.exit_status(status).await?;
        writer.eof().await?;
        writer.close().await
    };
    timeout(std::time::Duration::from_secs(10), said).await.map_err(|_| russh::Error::from(io::Error::from(io::ErrorKind::TimedOut)))?
}
