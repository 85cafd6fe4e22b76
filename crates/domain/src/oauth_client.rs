//! OAuth clients: programs of others that people may one day log in to with their account here.

use jiff::Timestamp;

use crate::{account::AccountId, ids::Id, webhook::Confidential};

/// A program's registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OauthClient {
    pub id: OauthClientId,
    /// Who registered it.
    pub account: AccountId,
    pub name: String,
    pub redirect_uri: String,
    pub secret: Confidential,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
pub type OauthClientId = Id<OauthClient>;

/// Clients an account may have.
pub const MOST_CLIENTS: usize = 50;
/// Of a name, in characters.
const LONGEST_NAME: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOauthClient {
    #[error("Name is invalid. It has 1 to {LONGEST_NAME} characters, none of them a control character.")]
    Name,
    #[error("Redirect uri is invalid. It must be https://HOST/… or http://HOST/…, in ASCII, without user, password or fragment.")]
    RedirectUri,
}

pub fn client_name(text: &str) -> Result<String, InvalidOauthClient> {
    let fits = (1..=LONGEST_NAME).contains(&text.chars().count()) && !text.chars().any(char::is_control) && !text.trim().is_empty();
    if fits { Ok(text.to_owned()) } else { Err(InvalidOauthClient::Name) }
}

/// RFC 6749, 3.1.2: absolute, and without a fragment.
pub fn redirect_uri(text: &str) -> Result<String, InvalidOauthClient> {
    let url = crate::webhook::webhook_url(text).map_err(|_| InvalidOauthClient::RedirectUri)?;
    if url.credentials().is_some() || text.contains('#') { Err(InvalidOauthClient::RedirectUri) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_may_be_called_and_lead_to() {
        assert!(client_name("My app ⬢").is_ok() && redirect_uri("http://localhost:3000/back?x=1").is_ok());
        for name in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert_eq!(client_name(name), Err(InvalidOauthClient::Name), "{name:?}");
        }
        for uri in ["", "/back", "javascript:alert(1)", "https://ann:pass@example.com/", "https://example.com/#x", "https://a b/"] {
            assert_eq!(redirect_uri(uri), Err(InvalidOauthClient::RedirectUri), "{uri}");
        }
    }
}
