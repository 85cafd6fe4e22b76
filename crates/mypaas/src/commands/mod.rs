//! One module per topic; each command is a function from what was typed to what is printed.

pub(crate) mod access;
pub(crate) mod admin;
pub(crate) mod apps;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod authorizations;
mod browser_login;
pub(crate) mod build_create;
pub(crate) mod buildpacks;
pub(crate) mod builds;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod config_edit;
pub(crate) mod create;
pub(crate) mod disk;
pub(crate) mod domains;
pub(crate) mod drains;
pub(crate) mod features;
pub(crate) mod git;
pub(crate) mod heroku;
pub(crate) mod keys;
mod listing;
pub(crate) mod local;
pub(crate) mod logs;
pub(crate) mod maintenance;
pub(crate) mod man;
pub(crate) mod ps;
pub(crate) mod ps_wait;
pub(crate) mod regions;
pub(crate) mod releases;
pub(crate) mod run;
pub(crate) mod scale;
pub(crate) mod servers;
pub(crate) mod stacks;
pub(crate) mod state;
pub(crate) mod transfers;
pub(crate) mod two_factor;
pub(crate) mod webhooks;

use crate::cli::{Cli, Command};
use crate::context::Context;
use crate::error::Error;
use crate::help;

/// Does what was typed; the answer is the status to exit with.
pub(crate) fn run(cli: Cli) -> Result<u8, Error> {
    // What needs no server works when the credentials are broken, too.
    match &cli.command {
        Command::Help(args) => return help::help(&args.what).map(|()| 0),
        Command::Commands(args) => return help::commands(args.json).map(|()| 0),
        Command::Completions(args) => return completions::script(args).map(|()| 0),
        Command::Man => return man::page().map(|()| 0),
        _ => {}
    }
    let mut context = Context::read(cli.app, cli.remote, cli.server)?;
    match cli.command {
        Command::Login(args) => auth::login(&mut context, args),
        Command::Logout => auth::logout(&mut context),
        Command::Whoami(args) => auth::whoami(&context, &args),
        Command::AuthToken => auth::token(&context),
        Command::TwoFactor(args) => two_factor::show(&context, &args),
        Command::TwoFactorEnable(args) => two_factor::enable(&context, &args),
        Command::TwoFactorDisable(args) => two_factor::disable(&context, &args),
        Command::TwoFactorRecoveryCodes(args) => two_factor::recovery_codes(&context, &args),
        Command::Apps(args) => apps::list(&context, &args),
        Command::Create(args) => create::create(&mut context, args),
        Command::Info(args) => apps::info(&context, &args),
        Command::Destroy(args) => apps::destroy(&context, &args),
        Command::Open(args) => apps::open(&context, &args),
        Command::GitRemote(args) => git::remote(&mut context, &args),
        Command::GitCredentials(args) => git::credentials(&context, &args),
        Command::Keys(args) => keys::list(&context, &args),
        Command::KeysAdd(args) => keys::add(&context, &args),
        Command::KeysRemove(args) => keys::remove(&context, &args),
        Command::KeysClear => keys::clear(&context),
        Command::Ps(args) => ps::list(&context, &args),
        Command::PsScale(args) => scale::scale(&context, &args),
        Command::PsType(args) => scale::resize(&context, &args),
        Command::PsRestart(args) => ps::restart(&context, &args),
        Command::PsStop(args) => ps::stop(&context, &args),
        Command::Config(args) => config::list(&context, &args),
        Command::ConfigSet(args) => config::set(&context, &args),
        Command::ConfigGet(args) => config::get(&context, &args),
        Command::ConfigUnset(args) => config::unset(&context, &args),
        Command::Releases(args) => releases::list(&context, &args),
        Command::ReleasesOutput(args) => releases::output(&context, &args),
        Command::ReleasesInfo(args) => releases::info(&context, &args),
        Command::Rollback(args) => releases::rollback(&context, &args),
        Command::Logs(args) => logs::logs(&context, args),
        Command::Run(args) => return run::run(&context, args),
        Command::RunDetached(args) => run::detached(&context, args),
        Command::Maintenance(args) => maintenance::show(&context, &args),
        Command::MaintenanceOn => maintenance::switch(&context, true),
        Command::MaintenanceOff => maintenance::switch(&context, false),
        Command::Builds(args) => builds::list(&context, &args),
        Command::BuildsCreate(args) => build_create::create(&context, args),
        Command::BuildsInfo(args) => builds::info(&context, &args),
        Command::BuildsOutput(args) => builds::show_output(&context, &args),
        Command::BuildsCancel(args) => builds::cancel(&context, &args),
        Command::BuildsCachePurge => builds::purge_cache(&context),
        Command::Buildpacks(args) => buildpacks::list(&context, &args),
        Command::BuildpacksAdd(args) => buildpacks::add(&context, &args),
        Command::BuildpacksSet(args) => buildpacks::set(&context, &args),
        Command::BuildpacksRemove(args) => buildpacks::remove(&context, &args),
        Command::BuildpacksClear => buildpacks::clear(&context),
        Command::Drains(args) => drains::list(&context, &args),
        Command::DrainsAdd(args) => drains::add(&context, &args),
        Command::DrainsRemove(args) => drains::remove(&context, &args),
        Command::Features(args) => features::list(&context, &args, false),
        Command::Labs(args) => features::list(&context, &args, true),
        Command::FeaturesInfo(args) | Command::LabsInfo(args) => features::info(&context, &args),
        Command::FeaturesEnable(args) | Command::LabsEnable(args) => features::switch(&context, &args, true),
        Command::FeaturesDisable(args) | Command::LabsDisable(args) => features::switch(&context, &args, false),
        Command::Stacks(args) => stacks::list(&context, &args),
        Command::StacksSet(args) => stacks::set(&context, &args),
        Command::Gc(args) => disk::collect(&context, &args),
        Command::AdminDisk(args) => disk::show(&context, &args),
        Command::AdminApps(args) => admin::apps(&context, &args),
        Command::AdminUsers(args) => admin::users(&context, &args),
        Command::AdminNodes(args) => admin::nodes(&context, &args),
        Command::AdminAudit(args) => audit::show(&context, &args),
        Command::AppsTransfer(args) => transfers::offer(&context, &args),
        Command::AppsTransfers(args) => transfers::list(&context, &args),
        Command::AppsTransfersAccept(args) => transfers::answer(&context, &args, true),
        Command::AppsTransfersDecline(args) => transfers::answer(&context, &args, false),
        Command::AppsTransfersCancel(args) => transfers::cancel(&context, &args),
        Command::Webhooks(args) => webhooks::list(&context, &args),
        Command::WebhooksAdd(args) => webhooks::add(&context, args),
        Command::WebhooksInfo(args) => webhooks::info(&context, &args),
        Command::WebhooksUpdate(args) => webhooks::update(&context, args),
        Command::WebhooksRemove(args) => webhooks::remove(&context, &args),
        Command::WebhooksDeliveries(args) => webhooks::deliveries(&context, &args),
        Command::WebhooksDeliveriesInfo(args) => webhooks::delivery(&context, &args),
        Command::WebhooksEvents(args) => webhooks::events(&context, &args),
        Command::WebhooksEventsInfo(args) => webhooks::event(&context, &args),
        Command::Domains(args) => domains::list(&context, &args),
        Command::DomainsAdd(args) => domains::add(&context, &args),
        Command::DomainsInfo(args) => domains::info(&context, &args),
        Command::DomainsRemove(args) => domains::remove(&context, &args),
        Command::DomainsClear => domains::clear(&context),
        Command::HerokuEnv(args) => heroku::env(&context, &args),
        Command::Authorizations(args) => authorizations::list(&context, &args),
        Command::AuthorizationsCreate(args) => authorizations::create(&context, args),
        Command::AuthorizationsInfo(args) => authorizations::info(&context, &args),
        Command::AuthorizationsRevoke(args) => authorizations::revoke(&context, &args),
        Command::AuthorizationsRotate(args) => authorizations::rotate(&context, &args),
        Command::AuthorizationsUpdate(args) => authorizations::update(&context, &args),
        Command::Servers(args) => servers::list(&context, &args),
        Command::ServersUse(args) => servers::choose(&mut context, &args),
        Command::Access(args) => access::list(&context, &args),
        Command::AccessAdd(args) => access::add(&context, &args),
        Command::AccessRemove(args) => access::remove(&context, &args),
        Command::Rename(args) => apps::rename(&context, &args),
        Command::PsWait(args) => ps_wait::wait(&context, &args),
        Command::ConfigEdit(args) => config_edit::edit(&context, &args),
        Command::ReleasesRetry => releases::retry(&context),
        Command::Regions(args) => regions::list(&context, &args),
        Command::Local(args) => return local::start(&context, &args),
        Command::LocalRun(args) => return local::run(&args),
        Command::Status(args) => state::status(&context, &args),
        Command::UpdateCheck => state::update_check(&context),
        Command::Doctor => state::doctor(&context),
        Command::Complete(args) => completions::complete(&context, &args),
        Command::Help(_) | Command::Commands(_) | Command::Completions(_) | Command::Man => Ok(()),
    }?;
    Ok(0)
}
