//! `2fa` and its kin: logins that take a code besides the password.

use api_types::{Account, AccountUpdate, RecoveryCodes, Secret, TwoFactor, TwoFactorProof, TwoFactorSecret};
use clap::Args;

use super::auth::{ask_password, read_password};
use crate::client::Client;
use crate::context::Context;
use crate::error::Error;
use crate::output;
use crate::prompt;

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

/// Whoever changes it says once more who they are.
#[derive(Debug, Args)]
pub(crate) struct Prove {
    /// Read the password and the code from the first two lines of stdin
    #[arg(long)]
    password_stdin: bool,
}

impl Prove {
    fn password(&self) -> Result<Secret, Error> {
        if self.password_stdin { read_password() } else { ask_password() }
    }

    /// The same server, with the code that is typed now.
    fn with_code(&self, client: Client) -> Result<Client, Error> {
        Ok(client.with_second_factor(code(self.password_stdin)?))
    }
}

/// Says whether it is on.
pub(crate) fn show(context: &Context, args: &Show) -> Result<(), Error> {
    let it: TwoFactor = context.client()?.get("/account/two-factor")?;
    if args.json {
        return output::json(&it);
    }
    match it {
        TwoFactor { enabled: false, .. } => output::line("Two-factor authentication is not enabled"),
        TwoFactor { recovery_codes: left, .. } => output::line(&format!("Two-factor authentication is enabled (recovery codes left: {left})")),
    }
}

/// Puts a secret into an authenticator app, and has logins need its codes.
pub(crate) fn enable(context: &Context, args: &Prove) -> Result<(), Error> {
    let client = context.client()?;
    let proof = TwoFactorProof { password: Some(args.password()?) };
    let drawn: TwoFactorSecret = client.post("/account/two-factor/url", &proof)?;
    output::talk("Add this to your authenticator app, by the address or by typing the secret:\n");
    output::line(&format!("URL:     {}", drawn.url.expose()))?;
    output::line(&format!("Secret:  {}", spaced(drawn.secret.expose())))?;
    output::talk("");
    let enabled: RecoveryCodes = args.with_code(client)?.put("/account/two-factor", &proof)?;
    output::talk("Two-factor authentication is enabled.");
    print(&enabled)
}

/// Has logins need the password alone.
pub(crate) fn disable(context: &Context, args: &Prove) -> Result<(), Error> {
    let client = context.client()?;
    let off = AccountUpdate { password: Some(args.password()?), two_factor_authentication: Some(false), ..AccountUpdate::default() };
    let _: Account = args.with_code(client)?.patch("/account", &off)?;
    output::talk("Two-factor authentication is disabled.");
    Ok(())
}

/// Prints others in the place of all there were.
pub(crate) fn recovery_codes(context: &Context, args: &Prove) -> Result<(), Error> {
    let client = context.client()?;
    let proof = TwoFactorProof { password: Some(args.password()?) };
    print(&args.with_code(client)?.post("/account/two-factor/recovery-codes", &proof)?)
}

/// What the authenticator app shows, or a recovery code: asked for, or the next line of stdin.
pub(super) fn code(from_stdin: bool) -> Result<Secret, Error> {
    let no_terminal = |_| Error::Usage("There is no terminal to ask for the two-factor code: use --password-stdin, with the code as second line.".into());
    let code = if from_stdin { Secret::new(prompt::line()?) } else { rpassword::prompt_password("Two-factor code: ").map(Secret::new).map_err(no_terminal)? };
    if code.expose().is_empty() { Err(Error::Usage("A two-factor code is needed: of your authenticator app, or a recovery code.".into())) } else { Ok(code) }
}

fn print(codes: &RecoveryCodes) -> Result<(), Error> {
    output::talk("Write these recovery codes down. Each is good for one login in the place of a code, and they are not shown again:\n");
    codes.recovery_codes.iter().try_for_each(|code| output::line(code.expose()))
}

/// In groups of four, as apps show it.
fn spaced(secret: &str) -> String {
    secret.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}
