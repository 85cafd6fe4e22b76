//! Two-factor authentication: a login takes the password and a code. Tokens made before go on working.

use domain::{
    Account, AccountId, Email,
    two_factor::{GivenCode, RecoveryCode, SecondFactor, Step, TotpSecret},
};
use secrecy::{ExposeSecret, SecretString};
use store::{StoreError, Tx};

use crate::{
    accounts::{Actor, Password},
    limits::Tried,
    platform::Platform,
    refusal::Refusal,
};

/// What somebody shows who logs in, or says once more who they are.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    pub email: &'a str,
    pub password: &'a Password,
    /// Six digits of an authenticator app, or a recovery code.
    pub code: Option<&'a SecretString>,
    /// The client's address, if known.
    pub from: Option<&'a str>,
}

/// By what somebody has proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    Password,
    PasswordAndCode,
    PasswordAndRecoveryCode,
}

impl Proof {
    /// As the record of changes has it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PasswordAndCode => "password and code",
            Self::PasswordAndRecoveryCode => "password and recovery code",
        }
    }
}

/// Whether logins of an account need a code, and what there is for the day the app is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TwoFactor {
    pub enabled: bool,
    /// How many are left.
    pub recovery_codes: usize,
}

/// A secret just drawn, as the person's app takes it: text to type, and the same as a URI.
pub struct NewSecret {
    pub base32: SecretString,
    pub uri: SecretString,
}

const NEEDED: Refusal = Refusal::SecondFactor("A second authentication factor or pre-authorization is required for this request.");
const WRONG: Refusal = Refusal::SecondFactor("The two-factor code is wrong, or was used before.");

impl Platform {
    /// Who somebody is by password and, where two-factor authentication is on, by a code. That one is needed is told only to
    /// whoever has the right password; wrong codes cost what wrong passwords cost.
    pub async fn check_login(&self, login: Login<'_>) -> Result<(Account, Proof), Refusal> {
        let Login { email, password, code, from } = login;
        let account = self.check_password(email, password, from).await?;
        let Some(factor) = self.store.read().await?.second_factor(account.id).await?.filter(|factor| factor.enabled_at.is_some()) else {
            return Ok((account, Proof::Password));
        };
        let code = code.ok_or(NEEDED)?;
        let tried = Tried { email, from };
        if !self.limits.may_try(tried, self.clock.now()) {
            return Err(Refusal::TooMany("Too many wrong passwords were given.\nPlease wait a few minutes before you try again."));
        }
        let proof = self.use_code(account.id, &factor, code).await?.ok_or(WRONG)?;
        self.limits.was_right(tried, self.clock.now());
        Ok((account, proof))
    }

    /// Uses up a code, if it is a good one.
    async fn use_code(&self, account: AccountId, factor: &SecondFactor, code: &SecretString) -> Result<Option<Proof>, StoreError> {
        let mut tx = self.store.write().await?;
        let proof = match GivenCode::read(code.expose_secret()) {
            Some(GivenCode::Totp(code)) => match factor.secret.accepts(code, self.clock.now(), factor.used) {
                // Whoever came with the same code in the meantime was first.
                Some(step) => tx.use_step(account, step).await?.then_some(Proof::PasswordAndCode),
                None => None,
            },
            Some(GivenCode::Recovery(code)) => tx.use_recovery_code(account, code.hash(account)).await?.then_some(Proof::PasswordAndRecoveryCode),
            None => None,
        };
        tx.commit().await?;
        Ok(proof)
    }

    pub async fn two_factor(&self, account: AccountId) -> Result<TwoFactor, StoreError> {
        let mut tx = self.store.read().await?;
        let enabled = tx.second_factor_enabled_at(account).await?.is_some();
        Ok(TwoFactor { enabled, recovery_codes: tx.count_recovery_codes(account).await? })
    }

    /// Draws a secret for somebody's authenticator app. Logins need no code before one was given to [`Self::enable_two_factor`].
    pub async fn begin_two_factor(&self, actor: &Actor, password: &Password, from: Option<&str>) -> Result<NewSecret, Refusal> {
        self.own_password(actor, password, from).await?;
        let secret = TotpSecret::new(self.chance.bytes());
        let mut tx = self.store.write().await?;
        is_off(&mut tx, actor).await?;
        // Any step is later than this one.
        tx.set_second_factor(actor.account.id, &SecondFactor { secret: secret.clone(), enabled_at: None, used: Step(i64::MIN) }).await?;
        tx.commit().await?;
        let uri = secret.uri(&format!("mypaas ({})", self.settings.api_host()), &actor.account.email);
        Ok(NewSecret { base32: secret.base32().into(), uri: uri.into() })
    }

    /// Has logins need a code from now on, once a first good one shows that the app has the secret. The answer is the
    /// recovery codes: the only time that they are known in clear.
    pub async fn enable_two_factor(
        &self,
        actor: &Actor,
        password: &Password,
        code: Option<&SecretString>,
        from: Option<&str>,
    ) -> Result<Vec<SecretString>, Refusal> {
        self.own_password(actor, password, from).await?;
        let code = code.ok_or(NEEDED)?;
        let tried = Tried { email: actor.account.email.as_str(), from };
        if !self.limits.may_try(tried, self.clock.now()) {
            return Err(Refusal::TooMany("Too many wrong codes were given.\nPlease wait a few minutes before you try again."));
        }
        let (id, now) = (actor.account.id, self.clock.now());
        let mut tx = self.store.write().await?;
        is_off(&mut tx, actor).await?;
        let begun = tx.second_factor(id).await?.ok_or_else(|| Refusal::Invalid("Ask for a secret first: POST /account/two-factor/url.".to_owned()))?;
        // Not a recovery code: there are none yet.
        let Some(GivenCode::Totp(given)) = GivenCode::read(code.expose_secret()) else { return Err(WRONG) };
        let used = begun.secret.accepts(given, now, begun.used).ok_or(WRONG)?;
        tx.set_second_factor(id, &SecondFactor { enabled_at: Some(now), used, ..begun }).await?;
        let codes = self.draw_recovery_codes(&mut tx, id).await?;
        tx.commit().await?;
        self.limits.was_right(tried, now);
        Ok(codes)
    }

    /// Has logins need the password alone again, for somebody who has password and code.
    pub async fn disable_two_factor(&self, actor: &Actor, password: &Password, code: Option<&SecretString>, from: Option<&str>) -> Result<(), Refusal> {
        self.own_login(actor, password, code, from).await?;
        let mut tx = self.store.write().await?;
        tx.delete_second_factor(actor.account.id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Other recovery codes in the place of all there were.
    pub async fn new_recovery_codes(
        &self,
        actor: &Actor,
        password: &Password,
        code: Option<&SecretString>,
        from: Option<&str>,
    ) -> Result<Vec<SecretString>, Refusal> {
        self.own_login(actor, password, code, from).await?;
        let mut tx = self.store.write().await?;
        let codes = self.draw_recovery_codes(&mut tx, actor.account.id).await?;
        tx.commit().await?;
        Ok(codes)
    }

    /// For somebody who has lost app and codes: logins need the password alone again. Asked for on the server itself; whether
    /// there was anything to end, `None` if there is no such account.
    pub async fn reset_two_factor(&self, email: &Email) -> Result<Option<bool>, StoreError> {
        let mut tx = self.store.write().await?;
        let Some((account, _)) = tx.account_by_email(email).await? else { return Ok(None) };
        let was = tx.delete_second_factor(account.id).await?;
        tx.commit().await?;
        Ok(Some(was))
    }

    async fn draw_recovery_codes(&self, tx: &mut Tx, account: AccountId) -> Result<Vec<SecretString>, StoreError> {
        let codes: Vec<_> = (0..RecoveryCode::COUNT).map(|_| RecoveryCode::new(self.chance.bytes())).collect();
        tx.set_recovery_codes(account, &codes.iter().map(|code| code.hash(account)).collect::<Vec<_>>()).await?;
        Ok(codes.iter().map(|code| code.text().into()).collect())
    }

    /// Both factors of somebody who has them.
    async fn own_login(&self, actor: &Actor, password: &Password, code: Option<&SecretString>, from: Option<&str>) -> Result<(), Refusal> {
        match self.check_login(Login { email: actor.account.email.as_str(), password, code, from }).await.map_err(wrong_password)? {
            (_, Proof::Password) => Err(Refusal::Invalid("Two-factor authentication is not enabled.".to_owned())),
            _ => Ok(()),
        }
    }

    pub(crate) async fn own_password(&self, actor: &Actor, password: &Password, from: Option<&str>) -> Result<(), Refusal> {
        self.check_password(actor.account.email.as_str(), password, from).await.map(drop).map_err(wrong_password)
    }
}

/// 401 would say that the token is not good, which clients would throw away.
fn wrong_password(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Unauthorized => Refusal::Invalid("Current password is wrong".to_owned()),
        other => other,
    }
}

async fn is_off(tx: &mut Tx, actor: &Actor) -> Result<(), Refusal> {
    match tx.second_factor_enabled_at(actor.account.id).await? {
        Some(_) => Err(Refusal::Invalid("Two-factor authentication is enabled already.".to_owned())),
        None => Ok(()),
    }
}
