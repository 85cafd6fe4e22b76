//! Logins that take a code besides the password.

use std::sync::Arc;

use domain::two_factor::{Step, TotpSecret};
use jiff::SignedDuration;
use ports::clock::HandClock;
use secrecy::SecretString;

use super::{Answer, World, basic};

const PASSWORD: &str = r#"{"password":"correct horse"}"#;
const NEEDED: &str = "403 two_factor: A second authentication factor or pre-authorization is required for this request.";
const WRONG: &str = "403 two_factor: The two-factor code is wrong, or was used before.";
const TOO_MANY: &str = "429 rate_limit: Too many wrong passwords were given.\nPlease wait a few minutes before you try again.";

/// Eve, with a password and perhaps an authenticator app.
struct Eve {
    world: World,
    clock: Arc<HandClock>,
    token: String,
}

impl Eve {
    async fn new() -> Self {
        let clock = Arc::new(HandClock::at("2026-05-01T10:00:10Z".parse().unwrap()));
        let world = World::at_hand(clock.clone()).await;
        let password = SecretString::from("correct horse");
        world.api.platform.create_account("eve@example.com".parse().unwrap(), &password).await.unwrap();
        let mut it = Self { world, clock, token: String::new() };
        let made = it.log_in("correct horse", None).await;
        it.token = made.json()["access_token"]["token"].as_str().unwrap().to_owned();
        it
    }

    async fn log_in(&self, password: &str, code: Option<&str>) -> Answer {
        self.clock.advance(SignedDuration::from_millis(1));
        let basic = basic("eve@example.com", password);
        let mut headers = vec![("authorization", basic.as_str())];
        headers.extend(code.map(|code| ("heroku-two-factor-code", code)));
        self.world.ask("POST", "/oauth/authorizations", &headers, "{}").await
    }

    async fn ask(&self, method: &str, path: &str, code: &str, body: &str) -> Answer {
        self.clock.advance(SignedDuration::from_millis(1));
        let bearer = format!("Bearer {}", self.token);
        self.world.ask(method, path, &[("authorization", &bearer), ("heroku-two-factor-code", code)], body).await
    }

    /// What her app shows, so many steps from now.
    fn code(&self, app: &TotpSecret, steps: i64) -> String {
        format!("{:06}", app.code(Step(Step::at(self.world.api.platform.clock.now()).0 + steps)))
    }

    /// Puts a secret into her app.
    async fn app(&self) -> TotpSecret {
        let begun = self.ask("POST", "/account/two-factor/url", "", PASSWORD).await;
        assert_eq!(begun.verdict(), "201");
        let secret = begun.json()["secret"].as_str().unwrap().to_owned();
        assert_eq!(
            begun.json()["url"],
            format!(
                "otpauth://totp/mypaas%20%28localhost%29:eve%40example.com?secret={secret}&issuer=mypaas%20%28localhost%29&algorithm=SHA1&digits=6&period=30"
            )
        );
        let padded: Vec<u8> = secret.bytes().map(|c| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".bytes().position(|it| it == c).unwrap() as u8).collect();
        let bits = padded.iter().flat_map(|five| (0..5).rev().map(move |bit| five >> bit & 1)).collect::<Vec<_>>();
        let bytes: Vec<u8> = bits.chunks(8).map(|eight| eight.iter().fold(0, |byte, bit| byte << 1 | bit)).collect();
        TotpSecret::new(bytes.try_into().unwrap())
    }

    /// With two-factor authentication on, by the code of the step before this one; and her recovery codes.
    async fn enabled() -> (Self, TotpSecret, Vec<String>) {
        let eve = Self::new().await;
        let app = eve.app().await;
        let answer = eve.ask("PUT", "/account/two-factor", &eve.code(&app, -1), PASSWORD).await;
        assert_eq!(answer.verdict(), "200");
        let codes = answer.json()["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect();
        (eve, app, codes)
    }

    /// `GET /account/two-factor`, as `true 10`, with what `/account` says of it.
    async fn state(&self) -> String {
        let (own, account) = (self.ask("GET", "/account/two-factor", "", "").await.json(), self.ask("GET", "/account", "", "").await.json());
        assert_eq!(own["enabled"], account["two_factor_authentication"]);
        format!("{} {}", own["enabled"], own["recovery_codes"])
    }
}

#[tokio::test]
async fn turning_it_on_takes_the_password_and_a_good_code() {
    let eve = Eve::new().await;
    assert_eq!(eve.state().await, "false 0");
    let put = async |code: &str, body: &str| eve.ask("PUT", "/account/two-factor", code, body).await.verdict();
    assert_eq!(put("123456", PASSWORD).await, "422 invalid_params: Ask for a secret first: POST /account/two-factor/url.");
    assert_eq!(eve.ask("POST", "/account/two-factor/url", "", "{}").await.verdict(), "422 invalid_params: Give the current password as password.");
    assert_eq!(eve.ask("POST", "/account/two-factor/url", "", r#"{"password":"wrong"}"#).await.verdict(), "422 invalid_params: Current password is wrong");
    let first = eve.app().await;
    let app = eve.app().await;
    assert!(first != app, "each is another one");
    // Begun is not enabled: a login takes no code.
    assert_eq!(eve.log_in("correct horse", None).await.verdict(), "201");
    assert_eq!(put("", PASSWORD).await, NEEDED);
    assert_eq!(put(&eve.code(&first, 0), PASSWORD).await, WRONG);
    assert_eq!(put(&eve.code(&app, 2), PASSWORD).await, WRONG);
    assert_eq!(put(&eve.code(&app, 0), r#"{"password":"wrong"}"#).await, "422 invalid_params: Current password is wrong");
    assert_eq!(put(&eve.code(&app, 0), "{}").await, "422 invalid_params: Give the current password as password.");
    assert_eq!(eve.state().await, "false 0");
    assert_eq!(put(&eve.code(&app, 0), PASSWORD).await, "200");
    assert_eq!(eve.state().await, "true 10");
    for (method, path) in [("POST", "/account/two-factor/url"), ("PUT", "/account/two-factor")] {
        let again = eve.ask(method, path, &eve.code(&app, 1), PASSWORD).await.verdict();
        assert_eq!(again, "422 invalid_params: Two-factor authentication is enabled already.", "{method}");
    }
}

/// Hostile inputs 60.
#[tokio::test]
async fn a_login_takes_a_code_and_each_only_once() {
    let (eve, app, recovery) = Eve::enabled().await;
    assert_eq!(eve.log_in("correct horse", None).await.verdict(), NEEDED);
    assert_eq!(eve.log_in("correct horse", Some(" ")).await.verdict(), NEEDED);
    // Who has no password learns nothing of it.
    for code in [None, Some("123456"), Some(eve.code(&app, 0).as_str())] {
        assert_eq!(eve.log_in("wrong", code).await.verdict(), "401 unauthorized: Invalid credentials provided.");
    }
    // The code that enabled it, and one of too far ahead.
    for code in [eve.code(&app, -1), eve.code(&app, 2), "nonsense".to_owned()] {
        assert_eq!(eve.log_in("correct horse", Some(&code)).await.verdict(), WRONG);
    }
    let code = eve.code(&app, 0);
    assert_eq!(eve.log_in("correct horse", Some(&code)).await.verdict(), "201");
    assert_eq!(eve.log_in("correct horse", Some(&code)).await.verdict(), WRONG);
    assert_eq!(eve.log_in("correct horse", Some(&eve.code(&app, 1))).await.verdict(), "201", "a clock that is ahead");
    assert_eq!(eve.log_in("correct horse", Some(&eve.code(&app, 0))).await.verdict(), WRONG, "an earlier one after it");
    eve.clock.advance(SignedDuration::from_secs(90));
    assert_eq!(eve.log_in("correct horse", Some(&eve.code(&app, -1))).await.verdict(), "201", "a clock that is behind");

    assert_eq!((recovery.len(), eve.state().await.as_str()), (10, "true 10"));
    assert_eq!(eve.log_in("correct horse", Some(&recovery[3].to_ascii_uppercase().replace('-', ""))).await.verdict(), "201");
    assert_eq!(eve.log_in("correct horse", Some(&recovery[3])).await.verdict(), WRONG);
    assert_eq!(eve.state().await, "true 9");
    // The token from before opens everything it opened.
    assert_eq!(eve.ask("GET", "/apps", "", "").await.verdict(), "200");
    assert_eq!(eve.ask("POST", "/oauth/authorizations", "", "{}").await.verdict(), "201");
}

#[tokio::test]
async fn turning_it_off_takes_the_password_and_a_code() {
    let (eve, app, recovery) = Eve::enabled().await;
    let off = async |code: &str, password: &str| {
        let body = format!(r#"{{"password":"{password}","two_factor_authentication":false}}"#);
        eve.ask("PATCH", "/account", code, &body).await.verdict()
    };
    assert_eq!(off("", "correct horse").await, NEEDED);
    assert_eq!(off("123456", "correct horse").await, WRONG);
    assert_eq!(off(&eve.code(&app, 0), "wrong").await, "422 invalid_params: Current password is wrong");
    let said = eve.ask("PATCH", "/account", "", r#"{"two_factor_authentication":false}"#).await.verdict();
    assert_eq!(said, "422 invalid_params: Give the current password as password.");
    let new = async |code: &str| eve.ask("POST", "/account/two-factor/recovery-codes", code, PASSWORD).await;
    assert_eq!(new("").await.verdict(), NEEDED);
    let others = new(&recovery[0]).await;
    assert_eq!((others.verdict().as_str(), eve.state().await.as_str()), ("201", "true 10"));
    assert_eq!(off(&recovery[1], "correct horse").await, WRONG, "others took their place");
    assert_eq!(off(&eve.code(&app, 0), "correct horse").await, "200");
    assert_eq!(eve.state().await, "false 0");
    assert_eq!(eve.log_in("correct horse", None).await.verdict(), "201");
    assert_eq!(off("123456", "correct horse").await, "422 invalid_params: Two-factor authentication is not enabled.");
    assert_eq!(new("123456").await.verdict(), "422 invalid_params: Two-factor authentication is not enabled.");
    // The old secret is worth nothing when it is turned on again.
    let another = eve.app().await;
    assert_eq!(eve.ask("PUT", "/account/two-factor", &eve.code(&app, 1), PASSWORD).await.verdict(), WRONG);
    assert_eq!(eve.ask("PUT", "/account/two-factor", &eve.code(&another, 1), PASSWORD).await.verdict(), "200");
}

/// Hostile inputs 62.
#[tokio::test]
async fn codes_cannot_be_guessed_for_long() {
    let (eve, app, _) = Eve::enabled().await;
    for n in 0..10 {
        assert_eq!(eve.log_in("correct horse", Some("nonsense")).await.verdict(), WRONG, "{n}");
        // That a code is missing is no guess.
        if n < 9 {
            assert_eq!(eve.log_in("correct horse", None).await.verdict(), NEEDED, "{n}");
        }
    }
    for code in [None, Some(eve.code(&app, 0))] {
        assert_eq!(eve.log_in("correct horse", code.as_deref()).await.verdict(), TOO_MANY);
    }
    eve.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(eve.log_in("correct horse", Some(&eve.code(&app, 0))).await.verdict(), "201");
}

#[tokio::test]
async fn every_change_of_it_is_written_down_and_no_code() {
    let (eve, app, recovery) = Eve::enabled().await;
    eve.log_in("correct horse", Some("123123")).await;
    eve.log_in("correct horse", Some(&recovery[0])).await;
    eve.ask("POST", "/account/two-factor/recovery-codes", &eve.code(&app, 0), PASSWORD).await;
    eve.ask("PATCH", "/account", &eve.code(&app, 1), r#"{"password":"correct horse","two_factor_authentication":false}"#).await;
    eve.app().await;
    let events = eve.world.ann("GET", "/mypaas/audit-events", "").await;
    let told: Vec<String> = events.json().as_array().unwrap().iter().map(|it| format!("{} {} {}", it["action"], it["detail"], it["status"])).collect();
    assert_eq!(
        told,
        [
            r#""POST /oauth/authorizations" "scope global, by password" 201"#,
            r#""POST /account/two-factor/url" null 201"#,
            r#""PUT /account/two-factor" "two-factor authentication enabled" 200"#,
            r#""POST /oauth/authorizations" null 403"#,
            r#""POST /oauth/authorizations" "scope global, by password and recovery code" 201"#,
            r#""POST /account/two-factor/recovery-codes" "recovery codes" 201"#,
            r#""PATCH /account" "two-factor authentication disabled" 200"#,
            r#""POST /account/two-factor/url" null 201"#,
        ]
    );
    assert!(!events.body.contains("123123") && recovery.iter().all(|code| !events.body.contains(code)), "{}", events.body);
}

#[tokio::test]
async fn who_has_lost_everything_is_helped_on_the_server() {
    let (eve, ..) = Eve::enabled().await;
    assert_eq!(eve.log_in("correct horse", None).await.verdict(), NEEDED);
    assert_eq!(eve.world.api.platform.reset_two_factor(&"eve@example.com".parse().unwrap()).await.unwrap(), Some(true));
    assert_eq!(eve.log_in("correct horse", None).await.verdict(), "201");
    assert_eq!(eve.state().await, "false 0");
}
