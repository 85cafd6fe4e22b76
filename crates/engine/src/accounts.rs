//! Who somebody is: accounts, passwords, tokens.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use domain::{Account, AccountId, Authorization, AuthorizationId, Email, Scopes, SshKeyId};
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use store::StoreError;

use crate::{limits::Tried, platform::Platform, refusal::Refusal, two_factor::Login};

/// A password on its way to be checked. Does not print itself.
pub type Password = SecretString;

/// Somebody who has shown a valid token, or holds a key that is theirs.
#[derive(Debug, Clone)]
pub struct Actor {
    pub account: Account,
    pub credential: Credential,
    /// What they may do with it.
    pub scopes: Scopes,
}

/// What somebody has come in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    Token(AuthorizationId),
    Key(SshKeyId),
}

impl Actor {
    /// The record of their token, if they came with one.
    pub const fn authorization(&self) -> Option<AuthorizationId> {
        match self.credential {
            Credential::Token(id) => Some(id),
            Credential::Key(_) => None,
        }
    }
}

/// A token just made; the only time it is known to us in clear.
pub struct NewToken {
    pub authorization: Authorization,
    pub account: Account,
    pub token: SecretString,
}

/// Passwords shorter than this are refused (NIST SP 800-63B: at least 8 characters).
const MIN_PASSWORD: usize = 8;

impl Platform {
    /// Makes an account with a password.
    pub async fn create_account(&self, email: Email, password: &Password) -> Result<Account, Refusal> {
        long_enough(password)?;
        let hash = self.hash(password).await?;
        let now = self.clock.now();
        let account = Account { id: self.chance.id(now), email, created_at: now };
        let mut tx = self.store.write().await?;
        match tx.insert_account(&account, Some(&hash)).await {
            Err(StoreError::Unique { .. }) => return Err(Refusal::Invalid("Email has already been taken".to_owned())),
            other => other?,
        }
        tx.commit().await?;
        Ok(account)
    }

    /// Whose token this is, if it holds.
    pub async fn actor(&self, token: &str) -> Result<Option<Actor>, StoreError> {
        let mut tx = self.store.read().await?;
        let known = tx.authorization_by_token(fingerprint(token)).await?;
        Ok(known.filter(|(authorization, _)| authorization.holds_at(self.clock.now())).map(|(authorization, account)| Actor {
            account,
            credential: Credential::Token(authorization.id),
            scopes: authorization.scopes,
        }))
    }

    /// A token for somebody with the right password, and no second factor.
    pub async fn log_in(&self, email: &str, password: &Password, description: &str, expires_in: Option<SignedDuration>) -> Result<NewToken, Refusal> {
        let (account, _) = self.check_login(Login { email, password, code: None, from: None }).await?;
        self.new_token(account, description, expires_in).await
    }

    /// Whose address and password this is, which is half a login where two-factor authentication is on. A wrong address costs as much time as a wrong password; who was wrong too often
    /// is not heard for a while, right or wrong.
    pub(crate) async fn check_password(&self, email: &str, password: &Password, from: Option<&str>) -> Result<Account, Refusal> {
        let tried = Tried { email, from };
        if !self.limits.may_try(tried, self.clock.now()) {
            return Err(Refusal::TooMany("Too many wrong passwords were given.\nPlease wait a few minutes before you try again."));
        }
        let known = match email.parse::<Email>() {
            Ok(email) => self.store.read().await?.account_by_email(&email).await?,
            Err(_) => None,
        };
        let (account, hash) = known.unzip();
        let fits = self.verify(password, hash.flatten()).await?;
        match account {
            Some(account) if fits => {
                self.limits.was_right(tried, self.clock.now());
                Ok(account)
            }
            _ => Err(Refusal::Unauthorized),
        }
    }

    /// Another password for somebody who knows the one there is. All their other tokens end at once.
    pub async fn change_password(&self, actor: &Actor, password: &Password, new: &Password, from: Option<&str>) -> Result<(), Refusal> {
        long_enough(new)?;
        self.own_password(actor, password, from).await?;
        let hash = self.hash(new).await?;
        let mut tx = self.store.write().await?;
        tx.set_password_hash(actor.account.id, &hash).await?;
        for authorization in tx.authorizations(actor.account.id).await? {
            if actor.authorization() != Some(authorization.id) {
                tx.delete_authorization(authorization.id).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// How somebody wants to be called.
    pub async fn account_name(&self, account: AccountId) -> Result<Option<String>, StoreError> {
        self.store.read().await?.account_name(account).await
    }

    pub async fn rename_account(&self, actor: &Actor, name: &str) -> Result<(), Refusal> {
        let name = plain(name);
        let mut tx = self.store.write().await?;
        tx.set_account_name(actor.account.id, Some(name).filter(|name| !name.is_empty())).await?;
        tx.commit().await?;
        Ok(())
    }

    /// A further token for somebody already known, that may do whatever they may.
    pub async fn new_token(&self, account: Account, description: &str, expires_in: Option<SignedDuration>) -> Result<NewToken, Refusal> {
        self.scoped_token(account, description, expires_in, Scopes::global()).await
    }

    /// A token that is good for some things only.
    pub async fn scoped_token(&self, account: Account, description: &str, expires_in: Option<SignedDuration>, scopes: Scopes) -> Result<NewToken, Refusal> {
        let now = self.clock.now();
        let expires_at = expires_in.map(|wait| now.checked_add(wait)).transpose().map_err(|_| Refusal::Invalid("expires_in is out of range".to_owned()))?;
        let token = self.draw_token();
        let description = plain(description);
        let authorization = Authorization { id: self.chance.id(now), account: account.id, description, scopes, created_at: now, expires_at };
        let mut tx = self.store.write().await?;
        tx.insert_authorization(&authorization, fingerprint(token.expose_secret())).await?;
        tx.commit().await?;
        Ok(NewToken { authorization, account, token })
    }

    /// The tokens of an account; not the tokens themselves.
    pub async fn authorizations(&self, account: AccountId) -> Result<Vec<Authorization>, StoreError> {
        self.store.read().await?.authorizations(account).await
    }

    /// Says anew what a token of this actor is for; without words it stays as it is.
    pub async fn describe_token(&self, actor: &Actor, id: AuthorizationId, description: Option<&str>) -> Result<Authorization, Refusal> {
        let mut tx = self.store.write().await?;
        let found = tx.authorizations(actor.account.id).await?.into_iter().find(|authorization| authorization.id == id);
        let mut authorization = found.ok_or(Refusal::NotFound("authorization"))?;
        authorization.description = description.map_or(authorization.description, plain);
        tx.describe_authorization(id, &authorization.description).await?;
        tx.commit().await?;
        Ok(authorization)
    }

    /// Puts another token in the place of one of this actor, which ends at once. Until when it holds stays.
    pub async fn rotate_token(&self, actor: &Actor, id: AuthorizationId) -> Result<NewToken, Refusal> {
        let now = self.clock.now();
        let token = self.draw_token();
        let mut tx = self.store.write().await?;
        let found = tx.authorizations(actor.account.id).await?.into_iter().find(|authorization| authorization.id == id && authorization.holds_at(now));
        let authorization = found.ok_or(Refusal::NotFound("authorization"))?;
        tx.rotate_authorization(id, fingerprint(token.expose_secret())).await?;
        tx.commit().await?;
        Ok(NewToken { authorization, account: actor.account.clone(), token })
    }

    fn draw_token(&self) -> SecretString {
        SecretString::from(format!("MPS-{}", self.chance.secret()))
    }

    /// Ends a token of this actor at once.
    pub async fn revoke(&self, actor: &Actor, id: AuthorizationId) -> Result<Authorization, Refusal> {
        let mut tx = self.store.write().await?;
        let found = tx.authorizations(actor.account.id).await?.into_iter().find(|authorization| authorization.id == id);
        let authorization = found.ok_or(Refusal::NotFound("authorization"))?;
        tx.delete_authorization(id).await?;
        tx.commit().await?;
        Ok(authorization)
    }

    async fn hash(&self, password: &Password) -> Result<String, Refusal> {
        let (password, salt) = (password.clone(), self.chance.bytes::<16>());
        let hashed = tokio::task::spawn_blocking(move || {
            let hash: Result<PasswordHash, _> = Argon2::default().hash_password_with_salt(password.expose_secret().as_bytes(), &salt);
            hash.map(|hash| hash.to_string())
        });
        hashed.await.map_err(|error| Refusal::Platform(error.into()))?.map_err(|error| Refusal::Platform(error.to_string().into()))
    }

    async fn verify(&self, password: &Password, hash: Option<String>) -> Result<bool, Refusal> {
        // Somebody unknown is checked against a hash that nothing fits. It is made for whoever comes first, known or not, so
        // that nobody can tell one from the other by the time it takes.
        let decoy = self.decoy.get_or_try_init(|| async { self.hash(&SecretString::from(self.chance.secret())).await }).await?;
        let (password, known) = (password.clone(), hash.is_some());
        let hash = hash.unwrap_or_else(|| decoy.clone());
        let checked = tokio::task::spawn_blocking(move || {
            let hash = PasswordHash::new(&hash).ok()?;
            Argon2::default().verify_password(password.expose_secret().as_bytes(), &hash).ok()
        });
        Ok(checked.await.map_err(|error| Refusal::Platform(error.into()))?.is_some() && known)
    }
}

fn long_enough(password: &Password) -> Result<(), Refusal> {
    if password.expose_secret().chars().count() < MIN_PASSWORD {
        return Err(Refusal::Invalid(format!("Password is too short (minimum is {MIN_PASSWORD} characters)")));
    }
    Ok(())
}

/// A description fit for a line.
fn plain(description: &str) -> String {
    description.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// What is stored of a token: it has 256 drawn bits, so one round of SHA-256 hides it well.
fn fingerprint(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
