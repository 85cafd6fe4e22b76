//! The server: reads its config, wires everything together, starts it and stops it.

mod account;
mod backup;
mod config;
mod config_dynos;
mod database;
mod doctor;
mod front;
mod handover;
mod house;
mod keys;
mod leading;
mod lifecycle;
mod listen;
mod notify;
mod router_alone;
mod signals;
mod standby;
mod tls;
mod wire;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};

/// A self-hosted mini-PaaS in Heroku's model.
#[derive(Parser)]
#[command(name = "mypaasd", version, about)]
struct Arguments {
    /// The config file. Without one, defaults and environment variables hold.
    #[arg(long, short, env = "MYPAAS_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs everything in one process: API, git, builds, dynos, router, logs.
    All,
    /// Runs everything but the router: `mypaasd router --control` in a process of its own takes the requests.
    Control,
    /// Runs the router alone, with the routes of a file that it reads again when it changes, or with those of a control plane.
    #[command(group(clap::ArgGroup::new("from").required(true)))]
    Router {
        /// TOML: `listen`, then `[[app]]` with name, hosts, dynos, maintenance, features.
        #[arg(long, value_name = "FILE", group = "from")]
        routes: Option<PathBuf>,
        /// The control plane's API, as `https://paas.example.com:5001`; once for each of several on one database. When none
        /// answers, the last routes hold.
        #[arg(long, value_name = "URL", group = "from")]
        control: Vec<String>,
        /// The file with the secret that routers show: a copy of the control plane's `keys/router`. That one, if not given.
        #[arg(long, value_name = "FILE", requires = "control")]
        pass: Option<PathBuf>,
    },
    /// Brings the database's tables up to date, as every start does, and says at which schema it is.
    Migrate,
    /// Copies everything from one database to another, empty one, and reads it back to see that it is the same. The platform
    /// has to be stopped; its dynos keep running.
    #[command(name = "store:copy")]
    StoreCopy {
        /// `sqlite:///path`, `postgres://user@host/database`, or `configured`.
        from: String,
        /// Likewise.
        to: String,
    },
    /// Looks at the engine, the kernel, disk, clock, ports, names, certificates, database, keys and backups, and says what to
    /// do. Fails if something is wrong. Changes nothing.
    Doctor {
        #[arg(long)]
        json: bool,
    },
    /// Writes everything that cannot be made again into one file that a passphrase opens, while the platform runs, and reads
    /// it back.
    Backup {
        file: PathBuf,
        /// The first line of a file that only you can read. Asked for at the terminal, if not given.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Gives a backup back to an empty data folder and an empty database.
    Restore {
        file: PathBuf,
        /// As for `backup`.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Makes a new key and seals everything with it, while the platform runs. Run again, it goes on where it was stopped.
    #[command(name = "keys:rotate")]
    KeysRotate {
        /// Removes the older keys when nothing is sealed with them.
        #[arg(long)]
        forget: bool,
    },
    /// Creates an account. The password is read from standard input, one line.
    #[command(name = "account:create")]
    AccountCreate { email: String },
    /// Makes an account an admin of the platform, or with --revoke no longer one. The first account is one.
    #[command(name = "account:admin")]
    AccountAdmin {
        email: String,
        #[arg(long)]
        revoke: bool,
    },
    /// Ends two-factor authentication of somebody who has lost app and recovery codes: the password alone opens again.
    #[command(name = "account:2fa-reset")]
    AccountTwoFactorReset { email: String },
    /// Removes the containers' network and the packet rules around it. For an installation that is to go; its containers first.
    #[command(name = "network:remove")]
    NetworkRemove,
    /// Checks the config file and prints what holds.
    #[command(name = "config:check")]
    ConfigCheck,
}

fn main() -> ExitCode {
    // Git runs this same program as its hook, under the hook's name.
    if std::env::args_os().next().is_some_and(|name| PathBuf::from(name).file_name().is_some_and(|name| name == "pre-receive")) {
        return git::hook::main();
    }
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mypaasd: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let config = config::Config::read(arguments.config.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the async runtime could not be started")?;
    match arguments.command {
        Command::All => lifecycle::run(&config, true),
        Command::Control => lifecycle::run(&config, false),
        Command::Router { routes: Some(file), .. } => runtime.block_on(router_alone::run(config, &file)),
        Command::Router { routes: None, control, pass } => runtime.block_on(router_alone::controlled::run(config, &control, pass.as_deref())),
        Command::Migrate => runtime.block_on(database::migrate(&config)),
        Command::StoreCopy { from, to } => runtime.block_on(database::copy(&config, &from, &to)),
        Command::Doctor { json } => match runtime.block_on(doctor::run(&config, json))? {
            true => Ok(()),
            false => anyhow::bail!("something is wrong; see above"),
        },
        Command::Backup { file, passphrase_file } => runtime.block_on(backup::make(&config, &file, passphrase_file.as_deref())),
        Command::Restore { file, passphrase_file } => runtime.block_on(backup::restore(&config, &file, passphrase_file.as_deref())),
        Command::KeysRotate { forget } => runtime.block_on(keys::rotate(&config, forget)),
        Command::AccountCreate { email } => runtime.block_on(account::create(&config, &email)),
        Command::AccountAdmin { email, revoke } => runtime.block_on(account::admin(&config, &email, !revoke)),
        Command::AccountTwoFactorReset { email } => runtime.block_on(account::reset_two_factor(&config, &email)),
        Command::NetworkRemove => runtime.block_on(async {
            // An installation that never ran has none.
            let Some(instance) = keys::known_instance(&config.home)? else { return Ok(()) };
            docker::remove_network(config.docker.socket.clone(), &instance).await.context("the network was not removed")
        }),
        Command::ConfigCheck => {
            eprintln!("{}", config.describe());
            Ok(())
        }
    }
}
