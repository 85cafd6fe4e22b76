//! `webhooks` and its kin: who is told what happens to an app, and how that went.

use api_types::{Webhook, WebhookDelivery, WebhookEvent, WebhookUpdate};
use clap::Args;

use crate::context::Context;
use crate::error::Error;
use crate::output::{self, Action};

pub(crate) use super::listing::List;

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// What to tell of: api:app, api:build, api:collaborator, api:domain, api:formation, api:release; again, or after a comma, for another
    #[arg(short, long, required = true, value_delimiter = ',', value_name = "ENTITY")]
    include: Vec<String>,
    /// sync tries again for 41 hours, notify once
    #[arg(short, long, default_value = "notify")]
    level: String,
    /// Where to post it
    #[arg(short, long)]
    url: String,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Id of the webhook
    id: String,
    /// What to tell of
    #[arg(short, long, value_delimiter = ',', value_name = "ENTITY")]
    include: Option<Vec<String>>,
    /// sync or notify
    #[arg(short, long)]
    level: Option<String>,
    /// Where to post it
    #[arg(short, long)]
    url: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// Id of the webhook
    id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// Its id
    id: String,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Deliveries {
    /// Only those: pending, retrying, succeeded, failed
    #[arg(short, long)]
    status: Option<String>,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

/// The header in which the server says, once, what a webhook is signed with.
const SECRET: &str = "heroku-webhook-secret";

/// Lists the webhooks.
pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let app = context.app()?;
    let webhooks: Vec<Webhook> = app.client.list(&app.path(&["webhooks"]))?;
    if args.json {
        return output::json(&webhooks);
    }
    if webhooks.is_empty() {
        output::talk(&format!("⬢ {} has no webhooks\nUse mypaas webhooks:add to add one.", app.name));
        return Ok(());
    }
    let mut rows = vec![["Webhook ID", "URL", "Include", "Level"].map(str::to_owned).to_vec()];
    rows.extend(webhooks.iter().map(|one| vec![one.id.clone(), one.url.expose().to_owned(), one.include.join(","), one.level.clone()]));
    output::table(&rows)
}

/// Adds a webhook. What its requests are signed with is the data; nothing shows it again.
pub(crate) fn add(context: &Context, args: Add) -> Result<(), Error> {
    let app = context.app()?;
    let asked = WebhookUpdate { include: Some(args.include), level: Some(args.level), url: Some(args.url.as_str().into()), ..WebhookUpdate::default() };
    let action = Action::start(&format!("Adding a webhook to ⬢ {}", app.name));
    let (webhook, secret): (Webhook, _) = app.client.post_for_header(&app.path(&["webhooks"]), &asked, SECRET)?;
    action.finish(&format!("done, {}", webhook.id));
    let Some(secret) = secret else { return Ok(()) };
    output::talk("Its requests are signed with this secret, which is not shown again:");
    output::line(secret.expose())
}

/// Shows a webhook.
pub(crate) fn info(context: &Context, args: &Info) -> Result<(), Error> {
    let app = context.app()?;
    let webhook: Webhook = app.client.get(&app.path(&["webhooks", &args.id]))?;
    if args.json {
        return output::json(&webhook);
    }
    shown(&[
        ("Webhook ID", webhook.id.clone()),
        ("URL", webhook.url.expose().to_owned()),
        ("Include", webhook.include.join(",")),
        ("Level", webhook.level.clone()),
    ])
}

/// Changes what is given of a webhook.
pub(crate) fn update(context: &Context, args: Update) -> Result<(), Error> {
    if args.include.is_none() && args.level.is_none() && args.url.is_none() {
        return Err(Error::Usage("Say what to change, with -i, -l or -u.".into()));
    }
    let app = context.app()?;
    let asked = WebhookUpdate { include: args.include, level: args.level, url: args.url.map(|url| url.as_str().into()), ..WebhookUpdate::default() };
    let action = Action::start(&format!("Updating webhook {} of ⬢ {}", args.id, app.name));
    let _: Webhook = app.client.patch(&app.path(&["webhooks", &args.id]), &asked)?;
    action.done();
    Ok(())
}

/// Removes a webhook.
pub(crate) fn remove(context: &Context, args: &One) -> Result<(), Error> {
    let app = context.app()?;
    let action = Action::start(&format!("Removing webhook {} from ⬢ {}", args.id, app.name));
    app.client.delete(&app.path(&["webhooks", &args.id]))?;
    action.done();
    Ok(())
}

/// Lists what was told to whom, and how that went; newest first.
pub(crate) fn deliveries(context: &Context, args: &Deliveries) -> Result<(), Error> {
    let app = context.app()?;
    let mut deliveries: Vec<WebhookDelivery> = app.client.list(&app.path(&["webhook-deliveries"]))?;
    deliveries.retain(|one| args.status.as_ref().is_none_or(|status| *status == one.status));
    deliveries.sort_by(|one, other| other.created_at.cmp(&one.created_at));
    if args.json {
        return output::json(&deliveries);
    }
    if deliveries.is_empty() {
        output::talk(&format!("⬢ {} has no deliveries", app.name));
        return Ok(());
    }
    let mut rows = vec![["Delivery ID", "Created", "Status", "Include", "Level", "Attempts", "Code", "Error", "Next attempt"].map(str::to_owned).to_vec()];
    rows.extend(deliveries.iter().map(|one| {
        vec![
            one.id.clone(),
            one.created_at.clone(),
            one.status.clone(),
            one.event.include.clone(),
            one.webhook.level.clone(),
            one.num_attempts.to_string(),
            code(one),
            trouble(one),
            one.next_attempt_at.clone().unwrap_or_default(),
        ]
    }));
    output::table(&rows)
}

/// Shows a delivery with what it tells.
pub(crate) fn delivery(context: &Context, args: &Info) -> Result<(), Error> {
    let app = context.app()?;
    let delivery: WebhookDelivery = app.client.get(&app.path(&["webhook-deliveries", &args.id]))?;
    if args.json {
        return output::json(&delivery);
    }
    shown(&[
        ("Delivery ID", delivery.id.clone()),
        ("Created", delivery.created_at.clone()),
        ("Event", delivery.event.id.clone()),
        ("Webhook", delivery.webhook.id.clone()),
        ("Status", delivery.status.clone()),
        ("Include", delivery.event.include.clone()),
        ("Level", delivery.webhook.level.clone()),
        ("Attempts", delivery.num_attempts.to_string()),
        ("Code", code(&delivery)),
        ("Error", trouble(&delivery)),
        ("Next attempt", delivery.next_attempt_at.clone().unwrap_or_default()),
    ])?;
    let event: WebhookEvent = app.client.get(&app.path(&["webhook-events", &delivery.event.id]))?;
    output::line("")?;
    output::heading("Event Payload")?;
    output::json(&event.payload)
}

/// Lists what has happened that a webhook was to be told of.
pub(crate) fn events(context: &Context, args: &List) -> Result<(), Error> {
    let app = context.app()?;
    let events: Vec<WebhookEvent> = app.client.list(&app.path(&["webhook-events"]))?;
    if args.json {
        return output::json(&events);
    }
    if events.is_empty() {
        output::talk(&format!("⬢ {} has no events", app.name));
        return Ok(());
    }
    let mut rows = vec![["Event ID", "Resource", "Action", "Published At"].map(str::to_owned).to_vec()];
    rows.extend(events.iter().map(|one| vec![one.id.clone(), one.payload.resource.clone(), one.payload.action.clone(), one.created_at.clone()]));
    output::table(&rows)
}

/// Shows what happened; it is JSON in any case.
pub(crate) fn event(context: &Context, args: &Info) -> Result<(), Error> {
    let app = context.app()?;
    let event: WebhookEvent = app.client.get(&app.path(&["webhook-events", &args.id]))?;
    if args.json { output::json(&event) } else { output::json(&event.payload) }
}

/// The status that was answered last, if there was an answer.
fn code(delivery: &WebhookDelivery) -> String {
    delivery.last_attempt.as_ref().and_then(|attempt| attempt.code).map(|code| code.to_string()).unwrap_or_default()
}

/// Why there was no answer, in a word.
fn trouble(delivery: &WebhookDelivery) -> String {
    delivery.last_attempt.as_ref().and_then(|attempt| attempt.error_class.clone()).unwrap_or_default()
}

fn shown(rows: &[(&str, String)]) -> Result<(), Error> {
    let there = rows.iter().filter(|(_, value)| !value.is_empty());
    output::table(&there.map(|(name, value)| vec![format!("{name}:"), value.clone()]).collect::<Vec<_>>())
}
