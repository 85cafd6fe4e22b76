//! What can be typed.

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    access, admin, apps, audit, auth, authorizations, build_create, buildpacks, builds, completions, config, config_edit, create, disk, domains, drains,
    features, git, heroku, keys, local, logs, maintenance, ps, ps_wait, regions, releases, run, scale, servers, stacks, state, transfers, two_factor, webhooks,
};

/// `0.1.0`; the packages' script adds the build: `0.1.0 (build 1a2b3c4d)`.
const VERSION: &str = match option_env!("MYPAAS_BUILD_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// Deploy and run apps on a mypaas server.
#[derive(Debug, Parser)]
#[command(name = "mypaas", version = VERSION, propagate_version = false, disable_help_subcommand = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// App to run the command against
    #[arg(short, long, global = true, value_name = "APP")]
    pub(crate) app: Option<String>,
    /// Git remote of the app to run the command against
    #[arg(short, long, global = true, value_name = "REMOTE")]
    pub(crate) remote: Option<String>,
    /// Server to run the command against
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Log in to a server
    #[command(alias = "auth:login")]
    Login(auth::Login),
    /// Forget the server's token, and have the server forget it
    #[command(alias = "auth:logout")]
    Logout,
    /// Print the email address one is logged in as
    #[command(alias = "auth:whoami")]
    Whoami(auth::Whoami),
    /// Print the token
    #[command(name = "auth:token")]
    AuthToken,
    /// Say whether your logins need a code besides the password
    #[command(name = "2fa", alias = "auth:2fa", alias = "twofactor")]
    TwoFactor(two_factor::Show),
    /// Have your logins need a code of an authenticator app
    #[command(name = "2fa:enable", alias = "auth:2fa:enable", alias = "twofactor:enable")]
    TwoFactorEnable(two_factor::Prove),
    /// Have your logins need the password alone
    #[command(name = "2fa:disable", alias = "auth:2fa:disable", alias = "twofactor:disable")]
    TwoFactorDisable(two_factor::Prove),
    /// Print new recovery codes, in the place of all there were
    #[command(name = "2fa:generate-recovery-codes", alias = "auth:2fa:generate", alias = "twofactor:generate-recovery-codes")]
    TwoFactorRecoveryCodes(two_factor::Prove),
    /// List the tokens of your account
    Authorizations(authorizations::List),
    /// Make a token
    #[command(name = "authorizations:create")]
    AuthorizationsCreate(authorizations::Create),
    /// Show a token's authorization
    #[command(name = "authorizations:info")]
    AuthorizationsInfo(authorizations::One),
    /// End a token
    #[command(name = "authorizations:revoke", alias = "authorizations:destroy")]
    AuthorizationsRevoke(authorizations::Revoke),
    /// Replace a token by a new one
    #[command(name = "authorizations:rotate")]
    AuthorizationsRotate(authorizations::One),
    /// Say what a token is for
    #[command(name = "authorizations:update")]
    AuthorizationsUpdate(authorizations::Update),
    /// List the servers you are logged in to
    #[command(alias = "accounts")]
    Servers(servers::List),
    /// Have commands go to another of them
    #[command(name = "servers:use", alias = "accounts:set")]
    ServersUse(servers::One),
    /// List who may work on an app
    #[command(alias = "sharing")]
    Access(access::List),
    /// Let somebody work on an app
    #[command(name = "access:add", alias = "sharing:add")]
    AccessAdd(access::One),
    /// Let somebody work on an app no more
    #[command(name = "access:remove", alias = "sharing:remove")]
    AccessRemove(access::One),
    /// List your apps
    #[command(alias = "apps:list", alias = "list")]
    Apps(apps::List),
    /// Create an app, and a git remote that leads to it
    #[command(alias = "apps:create")]
    Create(create::Create),
    /// Show an app
    #[command(alias = "apps:info")]
    Info(apps::Info),
    /// Give an app another name
    #[command(alias = "apps:rename")]
    Rename(apps::Rename),
    /// Destroy an app for good
    #[command(alias = "apps:destroy", alias = "apps:delete")]
    Destroy(apps::Destroy),
    /// Print the app's URL, and open it where there is a display
    #[command(alias = "apps:open")]
    Open(apps::Open),
    /// Point a git remote at an app
    #[command(name = "git:remote")]
    GitRemote(git::Remote),
    /// Answer git's question for a password
    #[command(name = "git:credentials")]
    GitCredentials(git::Credentials),
    /// List the SSH keys you push with
    Keys(keys::List),
    /// Add an SSH key to push with
    #[command(name = "keys:add")]
    KeysAdd(keys::Add),
    /// Remove an SSH key
    #[command(name = "keys:remove")]
    KeysRemove(keys::Remove),
    /// Remove all your SSH keys
    #[command(name = "keys:clear")]
    KeysClear,
    /// List the dynos
    Ps(ps::List),
    /// Set how many dynos run, and their size: web=2 worker+1 web=1:standard-2x
    #[command(name = "ps:scale", alias = "scale", alias = "dyno:scale")]
    PsScale(scale::Scale),
    /// Print or set the size of dynos: standard-2x, or web=standard-2x worker=basic
    #[command(name = "ps:type", alias = "ps:resize", alias = "resize", alias = "dyno:type", alias = "dyno:resize")]
    PsType(scale::Type),
    /// Restart all dynos, one (web.1) or all of a type (web)
    #[command(name = "ps:restart", alias = "restart", alias = "dyno:restart")]
    PsRestart(ps::Restart),
    /// Stop a dyno (run.1234) or all of a type (run)
    #[command(name = "ps:stop", alias = "stop", alias = "kill", alias = "ps:kill", alias = "dyno:stop", alias = "dyno:kill")]
    PsStop(ps::Stop),
    /// Wait until all dynos run the newest release
    #[command(name = "ps:wait")]
    PsWait(ps_wait::Wait),
    /// List the config vars
    Config(config::List),
    /// Set config vars: KEY=VALUE ...
    #[command(name = "config:set", alias = "config:add")]
    ConfigSet(config::Set),
    /// Print the value of a config var
    #[command(name = "config:get")]
    ConfigGet(config::Get),
    /// Remove config vars
    #[command(name = "config:unset", alias = "config:remove")]
    ConfigUnset(config::Unset),
    /// Edit the config vars in your editor
    #[command(name = "config:edit")]
    ConfigEdit(config_edit::Edit),
    /// List the releases
    Releases(releases::List),
    /// Show a release
    #[command(name = "releases:info")]
    ReleasesInfo(releases::Info),
    /// Show what a release's command has said, while it goes on and afterwards
    #[command(name = "releases:output")]
    ReleasesOutput(releases::One),
    /// Run the newest release's command again, in a new release
    #[command(name = "releases:retry")]
    ReleasesRetry,
    /// Go back to an earlier release
    #[command(alias = "releases:rollback")]
    Rollback(releases::Rollback),
    /// Show the log
    Logs(logs::Logs),
    /// List where the log is sent
    Drains(drains::List),
    /// Send the log somewhere else too
    #[command(name = "drains:add")]
    DrainsAdd(drains::Add),
    /// Send the log there no more
    #[command(name = "drains:remove")]
    DrainsRemove(drains::Remove),
    /// Run a command in a one-off dyno, attached to it
    Run(run::Run),
    /// Run a command in a one-off dyno that goes on by itself
    #[command(name = "run:detached")]
    RunDetached(run::Detached),
    /// Say whether maintenance mode is on
    Maintenance(maintenance::Show),
    /// Answer all requests with the maintenance page
    #[command(name = "maintenance:on")]
    MaintenanceOn,
    /// Let requests through to the app again
    #[command(name = "maintenance:off")]
    MaintenanceOff,
    /// List the builds
    Builds(builds::List),
    /// Build an archive, a URL or the current folder, without git
    #[command(name = "builds:create")]
    BuildsCreate(build_create::Create),
    /// Show a build
    #[command(name = "builds:info")]
    BuildsInfo(builds::Info),
    /// Show what a build says, while it goes on and afterwards
    #[command(name = "builds:output")]
    BuildsOutput(builds::One),
    /// Stop a build
    #[command(name = "builds:cancel")]
    BuildsCancel(builds::One),
    /// Forget what builds have kept for the next one
    #[command(name = "builds:cache:purge")]
    BuildsCachePurge,
    /// List the buildpacks
    Buildpacks(buildpacks::List),
    /// Add a buildpack
    #[command(name = "buildpacks:add")]
    BuildpacksAdd(buildpacks::Put),
    /// Set the buildpack, or the one in a place
    #[command(name = "buildpacks:set")]
    BuildpacksSet(buildpacks::Put),
    /// Remove a buildpack
    #[command(name = "buildpacks:remove")]
    BuildpacksRemove(buildpacks::Remove),
    /// Remove all buildpacks: the one that fits is found again
    #[command(name = "buildpacks:clear")]
    BuildpacksClear,
    /// List what an app can have switched on
    Features(features::List),
    /// Show a feature
    #[command(name = "features:info")]
    FeaturesInfo(features::Info),
    /// Switch a feature on
    #[command(name = "features:enable")]
    FeaturesEnable(features::One),
    /// Switch a feature off
    #[command(name = "features:disable")]
    FeaturesDisable(features::One),
    /// List features that are being tried out
    #[command(alias = "labs:list")]
    Labs(features::List),
    /// Show one of them
    #[command(name = "labs:info")]
    LabsInfo(features::Info),
    /// Switch one of them on
    #[command(name = "labs:enable")]
    LabsEnable(features::One),
    /// Switch one of them off
    #[command(name = "labs:disable")]
    LabsDisable(features::One),
    /// List where apps can be
    Regions(regions::List),
    /// List the stacks
    #[command(alias = "stack", alias = "apps:stacks")]
    Stacks(stacks::List),
    /// Set the stack the app is built on
    #[command(name = "stacks:set", alias = "stack:set", alias = "apps:stacks:set")]
    StacksSet(stacks::Set),
    /// Remove what no release, build or app on the server needs any more (admins)
    Gc(disk::Collect),
    /// Show how full the server's disk is, and of what (admins)
    #[command(name = "admin:disk")]
    AdminDisk(disk::Show),
    /// List every app on the server with its owner, dynos and size (admins)
    #[command(name = "admin:apps")]
    AdminApps(admin::List),
    /// List everybody who has an account on the server (admins)
    #[command(name = "admin:users", alias = "admin:accounts")]
    AdminUsers(admin::List),
    /// Show the machines that dynos run on (admins)
    #[command(name = "admin:nodes")]
    AdminNodes(admin::List),
    /// List who asked for which change, of one app or of all (admins)
    #[command(name = "admin:audit")]
    AdminAudit(audit::Show),
    /// Offer an app to somebody else
    #[command(name = "apps:transfer", alias = "sharing:transfer")]
    AppsTransfer(transfers::Offer),
    /// List the apps that are offered, by you or to you
    #[command(name = "apps:transfers")]
    AppsTransfers(transfers::List),
    /// Take an app that somebody offers you
    #[command(name = "apps:transfers:accept")]
    AppsTransfersAccept(transfers::One),
    /// Leave an app that somebody offers you to them
    #[command(name = "apps:transfers:decline")]
    AppsTransfersDecline(transfers::One),
    /// Take an offer back
    #[command(name = "apps:transfers:cancel")]
    AppsTransfersCancel(transfers::One),
    /// List the webhooks
    Webhooks(webhooks::List),
    /// Have a URL told of what happens to the app
    #[command(name = "webhooks:add")]
    WebhooksAdd(webhooks::Add),
    /// Show a webhook
    #[command(name = "webhooks:info")]
    WebhooksInfo(webhooks::Info),
    /// Change a webhook
    #[command(name = "webhooks:update")]
    WebhooksUpdate(webhooks::Update),
    /// Remove a webhook
    #[command(name = "webhooks:remove")]
    WebhooksRemove(webhooks::One),
    /// List what webhooks were told, and how that went
    #[command(name = "webhooks:deliveries")]
    WebhooksDeliveries(webhooks::Deliveries),
    /// Show a delivery, with what it tells
    #[command(name = "webhooks:deliveries:info")]
    WebhooksDeliveriesInfo(webhooks::Info),
    /// List what webhooks tell of
    #[command(name = "webhooks:events")]
    WebhooksEvents(webhooks::List),
    /// Show an event
    #[command(name = "webhooks:events:info")]
    WebhooksEventsInfo(webhooks::Info),
    /// List the domains
    Domains(domains::List),
    /// Make a host name lead to the app
    #[command(name = "domains:add")]
    DomainsAdd(domains::One),
    /// Show a domain
    #[command(name = "domains:info")]
    DomainsInfo(domains::Info),
    /// Take a host name from the app
    #[command(name = "domains:remove")]
    DomainsRemove(domains::One),
    /// Take all added host names from the app
    #[command(name = "domains:clear")]
    DomainsClear,
    /// Print the settings with which Heroku's own command line talks to this server, for eval
    #[command(name = "heroku:env")]
    HerokuEnv(heroku::Env),
    /// Run the Procfile's processes here, with .env
    #[command(alias = "local:start")]
    Local(local::Local),
    /// Run a command here, with .env
    #[command(name = "local:run")]
    LocalRun(local::LocalRun),
    /// Say whether the server answers, as what, and who you are there
    Status(state::Status),
    /// Say whether the server is newer than this program; nothing when it is not or cannot be asked
    #[command(name = "update:check")]
    UpdateCheck,
    /// Look for what is wrong on this side, and say how to mend it
    Doctor,
    /// Explain a topic, a command, or an error code as logs have it
    Help(Help),
    /// List all commands
    Commands(Commands),
    /// Print a script that completes commands: source <(mypaas completions bash)
    #[command(alias = "autocomplete")]
    Completions(completions::Completions),
    /// Print the manual page: mypaas man | man -l -
    Man,
    /// What could stand at the cursor
    #[command(name = "__complete", hide = true)]
    Complete(completions::Complete),
}

#[derive(Debug, Args)]
pub(crate) struct Help {
    /// ps, ps:scale, H12; `codes` lists the error codes
    #[arg(value_name = "WHAT")]
    pub(crate) what: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Commands {
    /// Print JSON
    #[arg(short = 'j', long)]
    pub(crate) json: bool,
}
