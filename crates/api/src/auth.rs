//! Who asks: a token as `Bearer`, or as the password of any user (Heroku's clients write the user in five different ways).

use axum::extract::{FromRequestParts, MatchedPath};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{App, Scope};
use engine::{Actor, Permission, Refusal};
use http::{HeaderMap, Method, header, request::Parts};
use secrecy::{ExposeSecret, SecretString};
use store::Tx;

use crate::{Api, error::ApiError, request_id::About};

/// What a request shows of itself.
pub(crate) enum Presented {
    Token(SecretString),
    Basic { user: String, password: SecretString },
}

impl Presented {
    /// What the `Authorization` header says, if it says anything we understand.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let (scheme, text) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Self::Token(text.trim().into()));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        Some(Self::Basic { user: user.to_owned(), password: password.into() })
    }

    /// The part that may be a token.
    pub(crate) const fn token(&self) -> &SecretString {
        match self {
            Self::Token(token) | Self::Basic { password: token, .. } => token,
        }
    }
}

/// The code that came along with a request, of an authenticator app or of a paper.
pub(crate) fn second_factor(headers: &HeaderMap) -> Option<SecretString> {
    let code = headers.get("heroku-two-factor-code")?.to_str().ok()?.trim();
    (!code.is_empty()).then(|| code.into())
}

/// Somebody who has shown a valid token, good for what they ask. A handler that takes one is reached by nobody else.
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    pub(crate) token: SecretString,
    pub(crate) about: About,
}

impl FromRequestParts<Api> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let presented = Presented::of(&parts.headers).ok_or(Refusal::Unauthorized)?;
        let actor = api.platform.actor(presented.token().expose_secret()).await?.ok_or(Refusal::Unauthorized)?;
        let about = parts.extensions.get::<About>().cloned().unwrap_or_default();
        let path = parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned());
        let needed = needed(&parts.method, path.as_deref().unwrap_or_default());
        about.know(&actor, needed.word());
        // Asking how much is left is free (Heroku).
        if parts.uri.path() != "/account/rate-limits" && api.platform.spend_request(actor.account.id).is_none() {
            return Err(Refusal::TooMany("Your account reached the API rate limit\nPlease wait a few minutes before making new requests").into());
        }
        if parts.method != Method::GET {
            let credential = actor.authorization().map(|id| id.to_string());
            // A path that no route has is not written down: it may hold anything.
            let action = format!("{} {}", parts.method, path.as_deref().unwrap_or("a path that is not built yet"));
            let app = path.filter(|path| path.starts_with("/apps/{app}")).and_then(|_| app_of(parts.uri.path()));
            about.audit(api, actor.account.email.as_str(), credential, action, app).await?;
        }
        actor.must_cover(needed)?;
        Ok(Self { actor, token: presented.token().clone(), about })
    }
}

/// What stands for the app in the path, if it may be a name or an id.
fn app_of(path: &str) -> Option<String> {
    let plain = |text: &&str| text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    path.split('/').nth(2).filter(plain).map(str::to_owned)
}

/// The scope that a request takes, by method and route (Heroku: `read` and `write` leave out config vars, the protected ones do
/// not). What runs code takes as much as reading the config vars, which the code sees.
fn needed(method: &Method, route: &str) -> Scope {
    let read = *method == Method::GET;
    let Some(of_app) = route.strip_prefix("/apps/{app}") else {
        return match route {
            "/account" | "/account/rate-limits" | "/users/{account}" if read => Scope::Identity,
            "/apps" | "/users/{account}/apps" if read => Scope::Read,
            "/apps" => Scope::Write,
            "/sources" => Scope::WriteProtected,
            _ if route.starts_with("/account") || route.starts_with("/oauth") || route.starts_with("/mypaas") => Scope::Global,
            _ if read => Scope::Read,
            _ => Scope::Global,
        };
    };
    let resource = of_app.split('/').nth(1).unwrap_or_default();
    let secret = matches!(resource, "config-vars" | "log-drains" | "webhooks" | "webhook-deliveries" | "webhook-events") || of_app.ends_with("/config-vars");
    let runs = matches!(resource, "dynos" | "builds" | "releases" | "slugs" | "sources" | "buildpack-installations") && *method != Method::DELETE;
    match (resource, read) {
        (_, true) if secret => Scope::ReadProtected,
        (_, true) | ("log-sessions", false) => Scope::Read,
        ("collaborators", false) => Scope::Global,
        (_, false) if secret || (runs && !of_app.ends_with("/actions/stop")) => Scope::WriteProtected,
        (_, false) => Scope::Write,
    }
}

impl Api {
    /// The app of this name or id, if the caller may do this with it, and a transaction to go on reading.
    pub(crate) async fn read_app(&self, caller: &Caller, app: &str, permission: Permission) -> Result<(Tx, App), ApiError> {
        let mut tx = self.platform.store.read().await?;
        let app = self.platform.authorize_in(&mut tx, &caller.actor, app, permission).await?;
        Ok((tx, app))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_requests_take() {
        for (request, scope) in [
            ("GET /account", "identity"),
            ("PATCH /account", "global"),
            ("GET /account/keys", "global"),
            ("GET /oauth/authorizations", "global"),
            ("GET /apps", "read"),
            ("POST /apps", "write"),
            ("DELETE /apps/{app}", "write"),
            ("GET /apps/{app}/config-vars", "read-protected"),
            ("GET /apps/{app}/releases/{release}/config-vars", "read-protected"),
            ("PATCH /apps/{app}/config-vars", "write-protected"),
            ("GET /apps/{app}/releases", "read"),
            ("POST /apps/{app}/releases", "write-protected"),
            ("POST /apps/{app}/dynos", "write-protected"),
            ("DELETE /apps/{app}/dynos", "write"),
            ("POST /apps/{app}/dynos/{dyno}/actions/stop", "write"),
            ("PATCH /apps/{app}/formation", "write"),
            ("POST /apps/{app}/log-sessions", "read"),
            ("GET /apps/{app}/log-drains", "read-protected"),
            ("POST /apps/{app}/collaborators", "global"),
            ("GET /mypaas/disk", "global"),
            ("GET /stacks", "read"),
            ("GET ", "read"),
            ("POST ", "global"),
        ] {
            let (method, route) = request.split_once(' ').unwrap();
            assert_eq!(needed(&method.parse().unwrap(), route).word(), scope, "{request}");
        }
    }

    #[test]
    fn only_a_name_is_written_down() {
        assert_eq!(app_of("/apps/shop/dynos").as_deref(), Some("shop"));
        assert_eq!(app_of("/apps/sh%20op/dynos"), None);
    }
}
