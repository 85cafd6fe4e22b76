//! `logs`.

use std::io::BufRead;
use std::time::Duration;

use api_types::{LogSession, LogSessionCreate, Secret};
use clap::Args;

use crate::client::Client;
use crate::client_error::ClientError;
use crate::context::Context;
use crate::error::Error;
use crate::output;
use crate::sse::Events;

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Stay, and show new lines as they come
    #[arg(short, long)]
    tail: bool,
    /// How many lines to begin with
    #[arg(short, long, value_name = "N")]
    num: Option<u64>,
    /// Only this dyno: web.1
    #[arg(short, long, alias = "dyno-name", value_name = "DYNO")]
    dyno: Option<String>,
    /// Only this process type: web
    #[arg(short, long, alias = "ps", value_name = "TYPE")]
    process_type: Option<String>,
    /// Only lines of the app (app) or of the platform (heroku)
    #[arg(short, long, value_name = "SOURCE")]
    source: Option<String>,
    /// No colours
    #[arg(long)]
    no_color: bool,
}

/// Shows the log.
pub(crate) fn logs(context: &Context, args: Logs) -> Result<(), Error> {
    let app = context.app()?;
    let colour = output::colour(context.environment.no_color || args.no_color);
    let request = LogSessionCreate {
        dyno_name: args.dyno,
        process_type: args.process_type,
        // Heroku's command line asks for 100 lines when it does not stay.
        lines: args.num.or((!args.tail).then_some(100)),
        source: args.source,
        tail: Some(args.tail),
        dyno: None,
    };
    let session: LogSession = app.client.post(&app.path(&["log-sessions"]), &request)?;
    if args.tail { tail(&app.client, &session.logplex_url, colour) } else { show(&app.client, &session.logplex_url, colour) }
}

/// The lines there are.
fn show(client: &Client, url: &Secret, colour: bool) -> Result<(), Error> {
    let mut stream = client.stream(url, "text/plain", None).map_err(ended)?;
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).map_err(|_| Error::failed("The log broke off."))? > 0 {
        print(line.strip_suffix(b"\n").unwrap_or(&line), colour)?;
        line.clear();
    }
    Ok(())
}

/// The lines there are and those to come. When the stream ends or breaks, it goes on behind the last line that was seen.
fn tail(client: &Client, url: &Secret, colour: bool) -> Result<(), Error> {
    let mut events = Events::default();
    let mut begun = false;
    loop {
        match client.stream(url, "text/event-stream", events.last_id()) {
            Ok(mut stream) => {
                begun = true;
                let mut line = Vec::new();
                // A broken stream is one that ended: the next round finds out whether the server is still there.
                while stream.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                    if let Some(data) = events.take(&line) {
                        print(&data, colour)?;
                    }
                    line.clear();
                }
                events.broke_off();
            }
            // The server may be starting again. Before the first line it is more likely that the address is wrong.
            Err(ClientError::Trouble { .. }) if begun => {}
            Err(error) => return Err(ended(error)),
        }
        std::thread::sleep(events.retry().max(Duration::from_millis(100)));
    }
}

fn print(line: &[u8], colour: bool) -> Result<(), Error> {
    if colour {
        return output::line(&output::paint_log_line(&String::from_utf8_lossy(line)));
    }
    output::bytes(&[line, b"\n"].concat())
}

fn ended(error: ClientError) -> Error {
    match error.status() {
        Some(403 | 404) => Error::failed("Log stream timed out. Please try again."),
        _ => error.into(),
    }
}
