//! Who asks: a token as `Bearer`, or as the password of any user (Heroku's clients write the user in five different ways).

use axum::extract::FromRequestParts;
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::App;
use engine::{Actor, Permission, Refusal};
use http::{HeaderMap, header, request::Parts};
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

/// Somebody who has shown a valid token. A handler that takes one is reached by nobody else.
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    pub(crate) token: SecretString,
}

impl FromRequestParts<Api> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let presented = Presented::of(&parts.headers).ok_or(Refusal::Unauthorized)?;
        let actor = api.platform.actor(presented.token().expose_secret()).await?.ok_or(Refusal::Unauthorized)?;
        let about = parts.extensions.get::<About>().cloned().unwrap_or_default();
        about.know(&actor);
        // Asking how much is left is free (Heroku).
        if parts.uri.path() != "/account/rate-limits" && api.platform.spend_request(actor.account.id).is_none() {
            return Err(Refusal::TooMany("Your account reached the API rate limit\nPlease wait a few minutes before making new requests").into());
        }
        Ok(Self { actor, token: presented.token().clone() })
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
