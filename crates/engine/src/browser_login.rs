//! Logins that begin in a terminal and are agreed to in a browser, as Heroku's command line has them.
//!
//! They are kept in memory, few and for minutes: whoever began one asks until it is decided, with a secret that the browser never
//! sees. The token is made when they come for it, so that none is lying about.

use std::{collections::HashMap, sync::Mutex};

use domain::{Account, Scopes};
use jiff::{SignedDuration, Timestamp};
use ports::clock;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tokio::sync::watch;

use crate::{
    accounts::NewToken,
    platform::{Platform, lock},
    refusal::Refusal,
    two_factor::{Login, Proof},
};

/// So long a login may take (Heroku's command line gives up after ten minutes).
const LASTS: SignedDuration = SignedDuration::from_mins(10);
/// So long the token holds (what Heroku's command line asks for when it logs in by password).
const TOKEN_LASTS: SignedDuration = SignedDuration::from_hours(30 * 24);
/// At once, from everywhere and from one place.
const MOST: usize = 1_000;
const MOST_FROM: usize = 10;
/// Letters of the words that people compare: none that look alike.
const LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";

/// Those that are under way, by what their addresses carry.
pub(crate) type BrowserLogins = Mutex<HashMap<String, Pending>>;

pub(crate) struct Pending {
    asked: Asked,
    /// What whoever began it has to show.
    token: SecretString,
    from: Option<String>,
    ends_at: Timestamp,
    state: watch::Sender<State>,
}

#[derive(Clone)]
enum State {
    Waiting,
    Approved(Account),
    Refused,
    /// The token was made: it is there once.
    Over,
}

/// A login just begun.
pub struct Begun {
    /// Carried by both addresses.
    pub id: SecretString,
    /// Shown by whoever asks how it went.
    pub token: SecretString,
    pub words: String,
}

/// What the person in the browser is asked.
#[derive(Clone)]
pub struct Asked {
    /// In the words of the program that asks: `Heroku CLI login from laptop`.
    pub description: String,
    /// The address it asks from, if known.
    pub from: Option<String>,
    /// What the terminal shows too: `KXTR-BDFG`.
    pub words: String,
    /// Only the page knows it: what does not carry it was not sent by the page.
    pub form: SecretString,
}

/// A login that is waited for.
pub struct Awaited {
    state: watch::Receiver<State>,
    entry: watch::Sender<State>,
    description: String,
    ends_at: Timestamp,
}

/// How a login went.
pub enum Outcome {
    Token(Box<NewToken>),
    /// In a sentence.
    None(&'static str),
}

const TOO_MANY: Refusal = Refusal::TooMany("Too many logins are waiting for somebody.\nPlease wait a few minutes before you try again.");
const OVER: &str = "The login was not approved in time.";

impl Platform {
    /// Begins a login; what it is for is said in the words of whoever begins it.
    pub fn begin_browser_login(&self, description: &str, from: Option<&str>) -> Result<Begun, Refusal> {
        let description: String = description.chars().filter(|c| !c.is_control()).take(100).collect();
        if description.trim().is_empty() {
            return Err(Refusal::Invalid("Say in description who wants to log in.".to_owned()));
        }
        let now = self.clock.now();
        let ends_at = now.checked_add(LASTS).map_err(|error| Refusal::Platform(error.into()))?;
        let mut logins = lock(&self.browser_logins);
        logins.retain(|_, pending| now < pending.ends_at);
        let of_place = logins.values().filter(|pending| pending.from.as_deref() == from).count();
        if logins.len() >= MOST || (from.is_some() && of_place >= MOST_FROM) {
            return Err(TOO_MANY);
        }
        let letter = |_| char::from(LETTERS[self.chance.below(LETTERS.len())]);
        let [one, other]: [String; 2] = [(0..4).map(letter).collect(), (0..4).map(letter).collect()];
        let (id, token, words) = (self.chance.secret(), SecretString::from(self.chance.secret()), format!("{one}-{other}"));
        let from = from.map(str::to_owned);
        let asked = Asked { description, from: from.clone(), words: words.clone(), form: self.chance.secret().into() };
        logins.insert(id.clone(), Pending { asked, token: token.clone(), from, ends_at, state: watch::Sender::new(State::Waiting) });
        Ok(Begun { id: id.into(), token, words })
    }

    /// What is asked in a login that nobody has decided yet.
    pub fn browser_login(&self, id: &str) -> Option<Asked> {
        self.undecided(id).map(|(asked, _)| asked)
    }

    /// Lets whoever began it in, as the person whose password and code these are.
    pub async fn approve_browser_login(&self, id: &str, form: &SecretString, login: Login<'_>) -> Result<(Account, Proof), Refusal> {
        let (_, state) = self.sent_by_the_page(id, form)?;
        let (account, proof) = self.check_login(login).await?;
        match decide(&state, State::Approved(account.clone())) {
            true => Ok((account, proof)),
            false => Err(Refusal::NotFound("login")),
        }
    }

    /// Tells whoever began it that they are not let in.
    pub fn refuse_browser_login(&self, id: &str, form: &SecretString) -> Result<(), Refusal> {
        let (_, state) = self.sent_by_the_page(id, form)?;
        if decide(&state, State::Refused) { Ok(()) } else { Err(Refusal::NotFound("login")) }
    }

    /// A login, for whoever began it.
    pub fn await_browser_login(&self, id: &str, token: &SecretString) -> Result<Awaited, Refusal> {
        let now = self.clock.now();
        let logins = lock(&self.browser_logins);
        let pending = logins.get(id).filter(|pending| now < pending.ends_at && same(&pending.token, token)).ok_or(Refusal::NotFound("login"))?;
        let (state, entry) = (pending.state.subscribe(), pending.state.clone());
        Ok(Awaited { state, entry, description: pending.asked.description.clone(), ends_at: pending.ends_at })
    }

    /// How it went, once it is decided or the time is over. Asked twice at once, one gets the token.
    pub async fn browser_login_outcome(&self, mut awaited: Awaited) -> Result<Outcome, Refusal> {
        tokio::select! {
            decided = awaited.state.wait_for(|state| !matches!(state, State::Waiting)) => { decided.map(drop).ok(); }
            () = clock::sleep_until(&*self.clock, awaited.ends_at) => {}
        }
        let mut taken = State::Over;
        awaited.entry.send_modify(|state| std::mem::swap(state, &mut taken));
        match taken {
            State::Approved(account) => {
                let made = self.scoped_token(account, &awaited.description, Some(TOKEN_LASTS), Scopes::global()).await?;
                Ok(Outcome::Token(Box::new(made)))
            }
            State::Refused => Ok(Outcome::None("The login was refused in the browser.")),
            State::Waiting | State::Over => Ok(Outcome::None(OVER)),
        }
    }

    fn undecided(&self, id: &str) -> Option<(Asked, watch::Sender<State>)> {
        let now = self.clock.now();
        let logins = lock(&self.browser_logins);
        let pending = logins.get(id).filter(|pending| now < pending.ends_at && matches!(*pending.state.borrow(), State::Waiting))?;
        Some((pending.asked.clone(), pending.state.clone()))
    }

    fn sent_by_the_page(&self, id: &str, form: &SecretString) -> Result<(Asked, watch::Sender<State>), Refusal> {
        self.undecided(id).filter(|(asked, _)| same(&asked.form, form)).ok_or(Refusal::NotFound("login"))
    }
}

/// Whether it was not decided before.
fn decide(state: &watch::Sender<State>, decision: State) -> bool {
    state.send_if_modified(|state| {
        let waiting = matches!(state, State::Waiting);
        if waiting {
            *state = decision;
        }
        waiting
    })
}

fn same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret().as_bytes().ct_eq(other.expose_secret().as_bytes()).into()
}
