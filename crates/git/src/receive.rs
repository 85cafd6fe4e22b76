//! A push whose objects have arrived: what becomes of it, told to the person as it happens.

use std::{error::Error, io};

use builder::{SourceTree, Terminal};
use domain::{
    App,
    audit::{AuditEvent, AuditEventId},
};
use engine::{
    Credential, Permission, Turn,
    push::{Push, PushError},
};

use crate::{
    git::Git,
    tickets::Ticket,
    tree::Quarantine,
    updates::{Deployment, Plan, RefUpdate, plan},
};

/// Whether receive-pack is to move the refs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accept,
    Reject,
}

/// Why a push is turned away before it is built. `Display` is for the person.
#[derive(Debug, thiserror::Error)]
enum Rejection {
    #[error("Couldn't find that app.")]
    NotTheirs,
    #[error("The token or key of this push was revoked meanwhile.")]
    Revoked,
    #[error("{branch} has moved while this push waited. Fetch it, and push again.")]
    Moved { branch: &'static str },
    #[error("{branch} must lead to a commit.")]
    NotACommit { branch: &'static str },
    #[error("The platform could not read what was pushed. Push again; if it goes on, tell whoever runs this platform.")]
    Platform(#[from] io::Error),
}

/// Takes a push, or turns it away with a sentence. That it was asked for is written down first.
pub(crate) async fn receive(git: &Git, ticket: &Ticket, quarantine: &Quarantine, updates: &[RefUpdate], terminal: &mut dyn Terminal) -> Verdict {
    let written = match begin_audit(git, ticket, updates).await {
        Ok(written) => written,
        Err(error) => return reject(&Rejection::Platform(io::Error::other(error)), terminal),
    };
    let verdict = decide(git, ticket, quarantine, updates, terminal).await;
    // As an HTTP request would have ended that carried it.
    let status = if verdict == Verdict::Accept { 200 } else { 422 };
    if let Err(error) = git.platform.end_audit(written, status, Some(told(updates))).await {
        tracing::error!(request_id = ticket.request_id, error = &error as &dyn Error, "how a push went could not be written down");
    }
    verdict
}

async fn begin_audit(git: &Git, ticket: &Ticket, updates: &[RefUpdate]) -> Result<AuditEventId, engine::Refusal> {
    let app = git.platform.authorize(&ticket.actor, &ticket.app.to_string(), Permission::View).await.ok();
    let (id, at) = (git.platform.chance.id(git.platform.clock.now()), git.platform.clock.now());
    let event = AuditEvent {
        id,
        at,
        actor: ticket.actor.account.email.to_string(),
        credential: Some(match ticket.actor.credential {
            Credential::Token(id) => id.to_string(),
            Credential::Key(id) => id.to_string(),
        }),
        source: ticket.source.map(|address| address.to_canonical().to_string()),
        action: "git push".to_owned(),
        app: Some(app.map_or_else(|| ticket.app.to_string(), |app| app.name.to_string())),
        detail: Some(told(updates)),
        request_id: ticket.request_id.clone(),
        status: None,
    };
    Ok(git.platform.begin_audit(event).await?)
}

/// The first refs of a push, and where they are to lead.
fn told(updates: &[RefUpdate]) -> String {
    const SHOWN: usize = 5;
    let one = |update: &RefUpdate| {
        let name: String = update.name.chars().filter(|c| !c.is_control()).take(100).collect();
        update.new.as_ref().map_or_else(|| format!("{name} deleted"), |new| format!("{name} to {}", &new.as_str()[..8]))
    };
    let mut words: Vec<_> = updates.iter().take(SHOWN).map(one).collect();
    if updates.len() > SHOWN {
        words.push(format!("{} more", updates.len() - SHOWN));
    }
    words.join(", ")
}

async fn decide(git: &Git, ticket: &Ticket, quarantine: &Quarantine, updates: &[RefUpdate], terminal: &mut dyn Terminal) -> Verdict {
    let plan = plan(updates);
    if !matches!(plan, Plan::Refuse(_))
        && let Err(rejection) = still_theirs(git, ticket).await
    {
        return reject(&rejection, terminal);
    }
    match plan {
        Plan::Nothing => Verdict::Accept,
        Plan::Store => {
            terminal.line("Pushed to non-main/master branch, skipping build.");
            terminal.line("To deploy what is checked out: git push mypaas HEAD:main");
            Verdict::Accept
        }
        Plan::Refuse(refused) => reject(&refused, terminal),
        Plan::Deploy(deployment) => deploy(git, ticket, quarantine, &deployment, terminal).await,
    }
}

async fn deploy(git: &Git, ticket: &Ticket, quarantine: &Quarantine, deployment: &Deployment, terminal: &mut dyn Terminal) -> Verdict {
    // Until the branch has moved: of two at once both would be built, and then one of them could not move it any more.
    let turn = git.platform.take_turn(ticket.app, terminal).await;
    ticket.keep_turn(turn.clone());
    let app = match admit(git, ticket, quarantine, deployment).await {
        Ok(app) => app,
        Err(rejection) => return reject(&rejection, terminal),
    };
    let name = app.name.clone();
    match build(git, ticket, quarantine, deployment, (app, turn), terminal).await {
        Ok(Ok(())) => {
            return Verdict::Accept;
        }
        // The build has said all there is to say.
        Ok(Err(PushError::Build(_))) => {}
        Ok(Err(error)) => {
            tracing::error!(app = %ticket.app, request_id = ticket.request_id, error = &error as &dyn Error, "a push was not deployed");
            terminal.line(&format!(" !     {error}"));
        }
        Err(error) => {
            reject(&Rejection::Platform(error), terminal);
        }
    }
    terminal.line("Verifying deploy...");
    terminal.line("");
    terminal.line(&format!("!\tPush rejected to {name}."));
    terminal.line("");
    Verdict::Reject
}

/// A push takes long enough to arrive for its token or key to be revoked, or the app to become somebody else's.
async fn still_theirs(git: &Git, ticket: &Ticket) -> Result<App, Rejection> {
    let platform = |error: Box<dyn Error + Send + Sync>| Rejection::Platform(io::Error::other(error));
    if !git.platform.still_holds(&ticket.actor).await.map_err(|error| platform(error.into()))? {
        return Err(Rejection::Revoked);
    }
    let found = git.platform.authorize(&ticket.actor, &ticket.app.to_string(), Permission::Deploy).await;
    found.map_err(|refusal| match refusal {
        engine::Refusal::Platform(source) => platform(source),
        _ => Rejection::NotTheirs,
    })
}

/// What may have changed while the push waited for its turn is looked at again: the person, the app, the branch.
async fn admit(git: &Git, ticket: &Ticket, quarantine: &Quarantine, deployment: &Deployment) -> Result<App, Rejection> {
    let branch = deployment.branch;
    let app = still_theirs(git, ticket).await?;
    let tip = git.repositories.tip(ticket.app, &format!("refs/heads/{branch}")).await?;
    if tip.as_deref() != deployment.old.as_ref().map(|old| old.as_str()) {
        return Err(Rejection::Moved { branch });
    }
    if !quarantine.is_commit(&deployment.commit).await? {
        return Err(Rejection::NotACommit { branch });
    }
    Ok(app)
}

async fn build(
    git: &Git,
    ticket: &Ticket,
    quarantine: &Quarantine,
    deployment: &Deployment,
    (app, turn): (App, Turn),
    terminal: &mut dyn Terminal,
) -> io::Result<Result<(), PushError>> {
    let submodules = quarantine.submodules(&deployment.commit).await?;
    let source = SourceTree::Tree { tar: quarantine.archive(&deployment.commit)?, submodules };
    terminal.line("Compressing source files... done.");
    terminal.line("Building source:");
    terminal.line("");
    let push = Push { actor: ticket.actor.clone(), app, commit: deployment.commit.to_string(), source, request_id: ticket.request_id.clone(), turn };
    Ok(git.deploy.receive(push, terminal).await)
}

fn reject(why: &dyn Error, terminal: &mut dyn Terminal) -> Verdict {
    if let Some(source) = why.source() {
        tracing::error!(error = source, "a push could not be looked at");
    }
    terminal.line(&format!(" !     {why}"));
    Verdict::Reject
}
