//! `mypaasd account:…`: the first account and the admins, named by whoever can read the database.

use std::io::BufRead;

use anyhow::{Context, bail};
use engine::Password;

use crate::{config::Config, wire};

pub(crate) async fn create(config: &Config, email: &str) -> anyhow::Result<()> {
    let email = email.parse().with_context(|| format!("{email:?}"))?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("no password could be read from standard input")?;
    let password = Password::from(line.trim_end_matches(['\r', '\n']).to_owned());
    let platform = wire::offline(config).await?;
    match platform.create_account(email, &password).await {
        Ok(account) => {
            eprintln!("Created account {}", account.email);
            Ok(())
        }
        Err(refusal) => bail!("{refusal}"),
    }
}

pub(crate) async fn admin(config: &Config, email: &str, admin: bool) -> anyhow::Result<()> {
    let email = email.parse().with_context(|| format!("{email:?}"))?;
    let platform = wire::offline(config).await?;
    if !platform.set_admin(&email, admin).await? {
        bail!("there is no account {email}");
    }
    eprintln!("{email} is {} an admin", if admin { "now" } else { "no longer" });
    Ok(())
}
