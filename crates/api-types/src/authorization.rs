//! `/oauth/authorizations`: how a token comes to be.

use serde::{Deserialize, Serialize};

use crate::{IdRef, Secret, UserRef, lenient};

/// A token with what it may do and whose it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Authorization {
    pub access_token: Option<AccessToken>,
    /// Null: the token was made by the person, not by a third party's client.
    pub client: Option<IdRef>,
    pub created_at: String,
    pub description: Option<String>,
    pub grant: Option<IdRef>,
    pub id: String,
    pub refresh_token: Option<AccessToken>,
    pub scope: Vec<String>,
    pub session: Option<IdRef>,
    pub updated_at: String,
    pub user: UserRef,
}

/// The part of an [`Authorization`] that opens doors.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccessToken {
    /// Seconds until it expires; null when it does not.
    pub expires_in: Option<u64>,
    pub id: String,
    pub token: Secret,
}

/// `POST /oauth/authorizations`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AuthorizationCreate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Seconds. The official command line sends what the person typed after `-e`, so text is read as a number.
    #[serde(default, deserialize_with = "lenient::optional_number", skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Vec<String>>,
}

/// `PATCH /oauth/authorizations/:id`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AuthorizationUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expires_in_may_be_a_number_text_null_or_absent() {
        for (body, seconds) in [
            (r#"{"expires_in":60}"#, Some(60)),
            (r#"{"expires_in":"60"}"#, Some(60)),
            (r#"{"expires_in":null}"#, None),
            (r#"{"scope":["global"],"surprise":1}"#, None),
        ] {
            assert_eq!(serde_json::from_str::<AuthorizationCreate>(body).unwrap().expires_in, seconds, "{body}");
        }
        for body in [r#"{"expires_in":"soon"}"#, r#"{"expires_in":-1}"#, r#"{"expires_in":1.5}"#] {
            assert!(serde_json::from_str::<AuthorizationCreate>(body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_token_is_not_in_the_debug_print() {
        let token = AccessToken { expires_in: None, id: "1".into(), token: Secret::new("opensesame") };
        assert!(!format!("{token:?}").contains("opensesame"));
    }
}
