//! `mypaasd account:…`: the first account and the admins, named by whoever can read the database.

use std::io::BufRead;

use anyhow::Context;
use domain::Email;
use engine::{Password, Platform};

use crate::{config::Config, wire};

pub(crate) async fn create(config: &Config, email: &str) -> anyhow::Result<()> {
    let email: Email = email.parse().with_context(|| format!("{email:?}"))?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("no password could be read from standard input")?;
    let password = Password::from(line.trim_end_matches(['\r', '\n']).to_owned());
    let platform = wire::offline(config).await?;
    let created = written_down(&platform, "account:create", &email, async { Ok(platform.create_account(email.clone(), &password).await?) });
    eprintln!("Created account {}", created.await?.email);
    Ok(())
}

pub(crate) async fn admin(config: &Config, email: &str, admin: bool) -> anyhow::Result<()> {
    let email: Email = email.parse().with_context(|| format!("{email:?}"))?;
    let platform = wire::offline(config).await?;
    let command = if admin { "account:admin" } else { "account:admin --revoke" };
    written_down(&platform, command, &email, async {
        anyhow::ensure!(platform.set_admin(&email, admin).await?, "there is no account {email}");
        Ok(())
    })
    .await?;
    eprintln!("{email} is {} an admin", if admin { "now" } else { "no longer" });
    Ok(())
}

pub(crate) async fn reset_two_factor(config: &Config, email: &str) -> anyhow::Result<()> {
    let email: Email = email.parse().with_context(|| format!("{email:?}"))?;
    let platform = wire::offline(config).await?;
    let was = written_down(&platform, "account:2fa-reset", &email, async {
        platform.reset_two_factor(&email).await?.with_context(|| format!("there is no account {email}"))
    });
    match was.await? {
        true => eprintln!("{email} logs in with the password alone now"),
        false => eprintln!("{email} had no two-factor authentication"),
    }
    Ok(())
}

/// Does something to an account, with its event before and how it went after, in the API's words: 200 or 422.
async fn written_down<T>(platform: &Platform, command: &str, email: &Email, act: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let event = platform.begin_command_audit(command, email).await?;
    let done = act.await;
    platform.end_audit(event, if done.is_ok() { 200 } else { 422 }, Some(email.to_string())).await?;
    done
}
