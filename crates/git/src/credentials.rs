//! The token git sends along.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};

/// A token on its way to be checked. Does not print itself.
pub(crate) struct Token(String);

impl Token {
    /// The password of Basic authentication (RFC 7617); the user name may be anything, as with Heroku.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (_, password) = decoded.split_once(':')?;
        (!password.is_empty()).then(|| Self(password.to_owned()))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str) -> Option<String> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, header.parse().unwrap())]);
        Token::from_headers(&headers).map(|token| token.0)
    }

    #[test]
    fn the_password_is_the_token() {
        let basic = |text: &str| token(&format!("Basic {}", STANDARD.encode(text)));
        assert_eq!(basic("heroku:MPS-1").as_deref(), Some("MPS-1"));
        assert_eq!(basic(":a:b").as_deref(), Some("a:b"));
        assert_eq!(token(&format!("basic {}", STANDARD.encode("x:t"))).as_deref(), Some("t"));
        assert_eq!(basic("heroku:"), None);
        assert_eq!(basic("heroku"), None);
        assert_eq!(token("Bearer MPS-1"), None);
        assert_eq!(token("Basic !!"), None);
        assert!(Token::from_headers(&HeaderMap::new()).is_none());
    }
}
