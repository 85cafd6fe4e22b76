//! Two-factor authentication: at the paths of Heroku's old plugin, with bodies of ours.

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// `GET /account/two-factor`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TwoFactor {
    pub enabled: bool,
    /// How many are left.
    pub recovery_codes: usize,
}

/// Whoever changes it says once more who they are; where a code is needed, it comes as `Heroku-Two-Factor-Code`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TwoFactorProof {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
}

/// `POST /account/two-factor/url`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TwoFactorSecret {
    /// To be typed into an authenticator app, in base 32.
    pub secret: Secret,
    /// The same for apps that read it from a picture: `otpauth://…`.
    pub url: Secret,
}

/// `PUT /account/two-factor` and `POST /account/two-factor/recovery-codes`: the only time that the codes are shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecoveryCodes {
    pub recovery_codes: Vec<Secret>,
}
