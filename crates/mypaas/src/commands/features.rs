//! `features`, `features:enable`, `features:disable`, and the same for `labs`.

use api_types::{AppFeature, AppFeatureUpdate};
use clap::Args;

use crate::context::Context;
use crate::error::Error;
use crate::output::{self, Action};

pub(crate) use super::listing::List;

#[derive(Debug, Args)]
pub(crate) struct One {
    /// The feature's name, as `features` or `labs` lists it
    #[arg(value_name = "FEATURE")]
    feature: String,
}

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// The feature's name, as `features` or `labs` lists it
    #[arg(value_name = "FEATURE")]
    feature: String,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

/// Lists what an app can have switched on: the general features or those of labs.
pub(crate) fn list(context: &Context, args: &List, labs: bool) -> Result<(), Error> {
    let app = context.app()?;
    let mut features: Vec<AppFeature> = app.client.list(&app.path(&["features"]))?;
    features.retain(|feature| (feature.state == "general") != labs);
    if args.json {
        return output::json(&features);
    }
    output::heading(&format!("{} ⬢ {}", if labs { "Labs features of" } else { "App features of" }, app.name))?;
    for feature in features {
        output::line(&format!("[{}] {}  {}", if feature.enabled { "+" } else { " " }, feature.name, feature.description))?;
    }
    Ok(())
}

/// Shows one.
pub(crate) fn info(context: &Context, args: &Info) -> Result<(), Error> {
    let app = context.app()?;
    let feature: AppFeature = app.client.get(&app.path(&["features", &args.feature]))?;
    if args.json {
        return output::json(&feature);
    }
    output::heading(&feature.name)?;
    output::line(&format!("Description: {}", feature.description))?;
    output::line(&format!("Enabled:     {}", feature.enabled))
}

/// Switches one on or off.
pub(crate) fn switch(context: &Context, args: &One, enabled: bool) -> Result<(), Error> {
    let app = context.app()?;
    let verb = if enabled { "Enabling" } else { "Disabling" };
    let action = Action::start(&format!("{verb} {} for ⬢ {}", args.feature, app.name));
    let _: AppFeature = app.client.patch(&app.path(&["features", &args.feature]), &AppFeatureUpdate { enabled })?;
    action.done();
    Ok(())
}
