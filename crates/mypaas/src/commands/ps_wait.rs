//! `ps:wait`: until all dynos run the newest release.

use std::time::Duration;

use api_types::{Dyno, Release};
use clap::Args;

use crate::context::Context;
use crate::error::Error;
use crate::output::{self, Action};

#[derive(Debug, Args)]
pub(crate) struct Wait {
    /// Only dynos of this type
    #[arg(short, long = "type", value_name = "TYPE")]
    process_type: Option<String>,
    /// How often to look, in seconds
    #[arg(short, long, value_name = "SECONDS", default_value_t = 5)]
    wait_interval: u64,
    /// One-off dynos too
    #[arg(short = 'R', long)]
    with_run: bool,
}

/// Waits. A dyno that crashes runs the newest release too: it is counted once it is up again.
pub(crate) fn wait(context: &Context, args: &Wait) -> Result<(), Error> {
    let app = context.app()?;
    let newest: Vec<Release> = app.client.page(&app.path(&["releases"]), "version ..; max=1, order=desc")?;
    let Some(newest) = newest.first().map(|release| release.version) else {
        return Err(Error::failed(format!("App ⬢ {} has no releases.", app.name)));
    };
    let mut action: Option<Action> = None;
    loop {
        let dynos: Vec<Dyno> = app.client.list(&app.path(&["dynos"]))?;
        let counted = |dyno: &&Dyno| {
            args.process_type.as_ref().is_none_or(|asked| dyno.process_type == *asked)
                && (args.with_run || !["run", "release"].contains(&dyno.process_type.as_str()))
        };
        let counted: Vec<&Dyno> = dynos.iter().filter(counted).collect();
        let there = counted.iter().filter(|dyno| dyno.release.version == newest && ["up", "idle"].contains(&dyno.state.as_str())).count();
        if there == counted.len() {
            match action {
                Some(action) => action.finish(&format!("{there} / {}, done", counted.len())),
                None => output::talk(&format!("⬢ {} runs v{newest}.", app.name)),
            }
            return Ok(());
        }
        action.get_or_insert_with(|| Action::start(&format!("Waiting for every dyno to be running v{newest}")));
        std::thread::sleep(Duration::from_secs(args.wait_interval.clamp(1, 3600)));
    }
}
