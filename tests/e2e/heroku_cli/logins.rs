//! Logging in, as somebody who has a terminal: by password, with a two-factor code, in a browser.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use domain::two_factor::{Step, TotpSecret};
use e2e::Answer;

use crate::driver::{Heroku, Somebody};

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

pub(crate) fn journey(heroku: &mut Heroku<'_>) {
    let bob = heroku.somebody_else();
    let typed = [format!("{}\r", bob.email), format!("{}\r", bob.password)];
    let said = heroku.talks("login -i", &[("Email", &typed[0]), ("Password", &typed[1])], |_| ());
    heroku.check("login -i", &said, Some(0), &["Logged in as", &bob.email]);
    stored(heroku, "whoami", &bob.email);
    let wrong = heroku.talks("auth:login -i", &[("Email", &typed[0]), ("Password", "not that\r")], |_| ());
    heroku.holds("a wrong password is refused", wrong.status != 0 && wrong.stdout.contains("Invalid credentials provided"));

    let (app, recovery) = enable(heroku, &bob);
    heroku.as_somebody(&bob, |theirs| drop(theirs.says("2fa", &["enabled"])));
    // Of the next half minute: the one of this may be used already.
    let code = format!("{:06}\r", app.code(Step(step() + 1)));
    let talk = [("Email", typed[0].as_str()), ("Password", &typed[1]), ("Two-factor code", &code)];
    let said = heroku.talks("login --interactive", &talk, |_| ());
    heroku.check("login --interactive", &said, Some(0), &["Logged in as", &bob.email]);
    let again = heroku.talks("login -i --expires-in 3600", &talk, |_| ());
    heroku.holds("a code is good once", again.status != 0 && again.stdout.contains("wrong, or was used before"));
    let code = format!("{}\r", recovery[0]);
    let said = heroku.talks("login -i -e 3600", &[talk[0], talk[1], ("Two-factor code", &code)], |_| ());
    heroku.check("login -i with a recovery code", &said, Some(0), &["Logged in as", &bob.email]);

    browser(heroku, &bob, &recovery[1]);
    stored(heroku, "auth:whoami", &bob.email);
    let out = heroku.heroku("logout").env_remove("HEROKU_API_KEY").output().unwrap();
    heroku.check("logout", &out.into(), Some(0), &["Logging out... done"]);
}

/// What the command line does with the token that it has put by.
fn stored(heroku: &mut Heroku<'_>, words: &str, email: &str) {
    let answer: Answer = heroku.heroku(words).env_remove("HEROKU_API_KEY").output().unwrap().into();
    heroku.check(words, &answer, Some(0), &[email]);
}

/// Has Bob's logins need a code, as he does it with our own command line: what his app knows, and his recovery codes.
fn enable(heroku: &Heroku<'_>, bob: &Somebody) -> (TotpSecret, Vec<String>) {
    let mut command = heroku.installation.mypaas_command(heroku.home(), &["2fa:enable", "--password-stdin"]);
    let mut child = command.env("MYPAAS_TOKEN", &bob.token).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut keys, screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    writeln!(keys, "{}", bob.password).unwrap();
    let mut lines = BufReader::new(screen).lines().map(Result::unwrap);
    let shown = lines.find_map(|line| line.strip_prefix("Secret:").map(|secret| secret.replace(' ', ""))).unwrap();
    let app = TotpSecret::new(bytes(&shown).try_into().unwrap());
    writeln!(keys, "{:06}", app.code(Step(step()))).unwrap();
    let recovery: Vec<String> = lines.collect();
    assert!(child.wait().unwrap().success() && recovery.len() == 10, "{recovery:?}");
    (app, recovery)
}

/// The stretch of 30 seconds that it is now, by this machine's clock.
fn step() -> i64 {
    let date = Answer::from(Command::new("date").arg("+%s").output().unwrap()).ok().stdout;
    date.trim().parse::<i64>().unwrap() / 30
}

/// Out of base 32 (RFC 4648).
fn bytes(text: &str) -> Vec<u8> {
    let bits = |c: u8| {
        let five = LETTERS.iter().position(|letter| *letter == c).unwrap();
        (0..5).rev().map(move |bit| u8::from(five >> bit & 1 == 1))
    };
    let bits: Vec<u8> = text.bytes().flat_map(bits).collect();
    bits.chunks_exact(8).map(|eight| eight.iter().fold(0, |byte, bit| byte << 1 | bit)).collect()
}

/// A browser that is curl: it reads the page, and sends its form back.
fn browser(heroku: &mut Heroku<'_>, bob: &Somebody, code: &str) {
    let ca = heroku.setting("NODE_EXTRA_CA_CERTS");
    let curl = |args: &[String]| Answer::from(Command::new("curl").args(["-sS", "--cacert", &ca]).args(args).output().unwrap()).ok().stdout;
    let mut answer = String::new();
    let said = heroku.talks("login", &[("Press any key", "x"), ("Waiting for login", "→")], |said| {
        let url = said.split_whitespace().find(|word| word.contains("/auth/browser/")).unwrap().to_owned();
        let (address, words) = url.split_once('#').unwrap();
        let page = curl(&["--".to_owned(), address.to_owned()]);
        assert!(page.contains(words.trim_end()) && page.contains("Heroku CLI login from"), "{page}");
        let form = page.split_once("name=\"form\" value=\"").unwrap().1.split('"').next().unwrap().to_owned();
        let fields = [("form", form.as_str()), ("decision", "approve"), ("email", &bob.email), ("password", bob.password), ("code", code)];
        let fields = fields.map(|(name, value)| ["--data-urlencode".to_owned(), format!("{name}={value}")]);
        answer = curl(&[fields.as_flattened(), &["--".to_owned(), address.to_owned()]].concat());
    });
    heroku.check("login", &said, Some(0), &["Logged in as", &bob.email]);
    heroku.holds("the browser says so", answer.contains("You are logged in as"));
}
