//! How values of the domain are written in bodies.

use std::collections::BTreeMap;

use api_types::{IdRef, NamedRef, UserRef};
use domain::{Account, AccountId, App, DynoSize, StackName};
use jiff::Timestamp;
use store::{StoreError, Tx};
use uuid::Uuid;

/// `2012-01-01T12:00:00Z`: whole seconds, as Heroku writes them.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// When things that are part of the platform came to be.
pub(crate) const EPOCH: &str = "2026-01-01T00:00:00Z";

/// An id that is always the same for the same words, for things that are no rows: regions, stacks, sizes, formations.
/// Their words never change, so that FNV-1a is enough to tell them apart.
pub(crate) fn fixed_id(words: &[&str]) -> String {
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
    let hash = bytes
        .fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b));
    uuid::Builder::from_custom_bytes(hash.to_be_bytes()).into_uuid().to_string()
}

pub(crate) fn app_ref(app: &App) -> NamedRef {
    NamedRef { id: app.id.to_string(), name: app.name.to_string() }
}

pub(crate) fn id_ref(id: Uuid) -> IdRef {
    IdRef { id: id.to_string() }
}

pub(crate) fn stack_ref(stack: &StackName) -> NamedRef {
    NamedRef { id: fixed_id(&["stack", stack.as_str()]), name: stack.to_string() }
}

pub(crate) fn size_ref(size: &DynoSize) -> NamedRef {
    NamedRef { id: fixed_id(&["dyno-size", size.name()]), name: size.name().to_owned() }
}

/// Heroku's name for its first platform; clients take log sessions of it.
pub(crate) fn generation() -> NamedRef {
    NamedRef { id: fixed_id(&["generation", "cedar"]), name: "cedar".to_owned() }
}

pub(crate) fn user_ref(account: &Account) -> UserRef {
    UserRef { id: account.id.to_string(), email: account.email.to_string() }
}

/// Looks people up once each.
#[derive(Default)]
pub(crate) struct People(BTreeMap<AccountId, UserRef>);

impl People {
    /// Who this is. Somebody whose account is gone has an id only.
    pub(crate) async fn one(&mut self, tx: &mut Tx, id: AccountId) -> Result<UserRef, StoreError> {
        if let Some(known) = self.0.get(&id) {
            return Ok(known.clone());
        }
        let found = tx.account(id).await?;
        let user = found.as_ref().map_or_else(|| UserRef { id: id.to_string(), email: String::new() }, user_ref);
        self.0.insert(id, user.clone());
        Ok(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_ids_stay_and_differ() {
        assert_eq!(fixed_id(&["stack", "heroku-24"]), fixed_id(&["stack", "heroku-24"]));
        assert_ne!(fixed_id(&["stack", "heroku-24"]), fixed_id(&["stack", "heroku-22"]));
        assert_ne!(fixed_id(&["ab", "c"]), fixed_id(&["a", "bc"]));
        assert_eq!(fixed_id(&["x"]).parse::<Uuid>().unwrap().get_version_num(), 8);
    }

    #[test]
    fn times_have_whole_seconds() {
        assert_eq!(time("2012-01-01T12:00:00.987Z".parse().unwrap()), "2012-01-01T12:00:00Z");
    }
}
