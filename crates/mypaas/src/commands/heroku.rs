//! `heroku:env`: the settings with which Heroku's own command line talks to this server.

use std::path::Path;

use api_types::Secret;
use clap::Args;

use crate::context::Context;
use crate::error::Error;
use crate::origin::Origin;
use crate::output;
use crate::target::TargetError;

#[derive(Debug, Args)]
pub(crate) struct Env {
    /// Leave the token out, for `heroku login`
    #[arg(long)]
    no_token: bool,
}

/// Prints them as `export` lines for a shell's `eval`. The token is among them.
pub(crate) fn env(context: &Context, args: &Env) -> Result<(), Error> {
    let server = context.server()?;
    let token = match args.no_token {
        true => None,
        false => Some(context.token(&server).ok_or_else(|| TargetError::NotLoggedIn(server.clone()))?),
    };
    for (key, value) in settings(&server, token.as_ref(), context.ca(&server).as_deref())? {
        output::line(&format!("export {}", output::shell_assignment(key, &value)))?;
    }
    Ok(())
}

fn settings(server: &Origin, token: Option<&Secret>, ca: Option<&Path>) -> Result<Vec<(&'static str, String)>, Error> {
    let host_and_port = server.host_and_port();
    let host = host_and_port.split(':').next().unwrap_or_default().to_owned();
    // It hands its token to these names and to Heroku's own only, and says nothing when it does not.
    if host != "localhost" && host != "127.0.0.1" {
        return Err(Error::failed_with_hint(
            format!("Heroku's command line gives its token to servers called localhost only, not to {host}."),
            "tunnel the server's API port (`ssh -N -L 5001:localhost:5001 SERVER`), log in with `mypaas login --server https://localhost:5001`, then ask again",
        ));
    }
    // The server's one port speaks both; git's remotes are always https.
    let url = if ca.is_some() { format!("https://{host_and_port}") } else { server.to_string() };
    let mut settings = vec![
        ("HEROKU_HOST", url.clone()),
        ("HEROKU_GIT_HOST", host_and_port),
        ("HEROKU_DATA_HOST", host),
        ("HEROKU_PARTICLEBOARD_URL", url.clone()),
        ("HEROKU_BUILDPACK_REGISTRY_URL", url.clone()),
        ("HEROKU_LOGIN_HOST", url),
    ];
    // With a token from the environment it does not log in.
    settings.extend(token.map(|token| ("HEROKU_API_KEY", token.expose().to_owned())));
    if let Some(ca) = ca {
        let ca = ca.to_string_lossy().into_owned();
        settings.extend([("NODE_EXTRA_CA_CERTS", ca.clone()), ("GIT_SSL_CAINFO", ca)]);
    }
    // Nothing goes to Heroku.
    let quiet = [("DISABLE_TELEMETRY", "true"), ("HEROKU_SKIP_ANALYTICS", "1"), ("HEROKU_DISABLE_AUTOUPDATE", "1"), ("HEROKU_NOTIFICATIONS", "0")];
    settings.extend(quiet.map(|(key, value)| (key, value.to_owned())));
    settings.push(("HEROKU_SKIP_NEW_VERSION_CHECK", "true".to_owned()));
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_official_command_line_is_led_here_or_told_why_not() {
        let token = Secret::new("t0ken");
        let settings = |server: &str, ca: Option<&str>| settings(&server.parse().unwrap(), Some(&token), ca.map(Path::new));
        let local = settings("http://localhost:5001", Some("/h/ca.pem")).unwrap();
        for (key, value) in [
            ("HEROKU_HOST", "https://localhost:5001"),
            ("HEROKU_GIT_HOST", "localhost:5001"),
            ("HEROKU_DATA_HOST", "localhost"),
            ("HEROKU_LOGIN_HOST", "https://localhost:5001"),
            ("HEROKU_API_KEY", "t0ken"),
            ("NODE_EXTRA_CA_CERTS", "/h/ca.pem"),
            ("GIT_SSL_CAINFO", "/h/ca.pem"),
        ] {
            assert!(local.contains(&(key, value.to_owned())), "{key}={value}");
        }
        assert!(settings("http://127.0.0.1:5001", None).unwrap().contains(&("HEROKU_HOST", "http://127.0.0.1:5001".to_owned())));
        let without = super::settings(&"http://localhost:5001".parse().unwrap(), None, None).unwrap();
        assert!(without.iter().all(|(key, _)| *key != "HEROKU_API_KEY"));
        // It would go to the real Heroku, or come without its token.
        for elsewhere in ["https://paas.example.com", "https://localhost.example.com", "https://shop.localhost:5001"] {
            let said = settings(elsewhere, None).unwrap_err().render();
            assert!(said.contains("localhost only") && !said.contains("t0ken"), "{said}");
        }
    }
}
