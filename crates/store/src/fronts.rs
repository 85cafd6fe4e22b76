//! Apps with what their current release says of them, as lists show them: however many there are, in one statement.

use domain::{AccountId, App, AppId, StackName};
use jiff::Timestamp;

use crate::{Tx, apps::app, error::R, statement::Row};

/// An app as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppFront {
    pub app: App,
    /// When its current release was made.
    pub released_at: Option<Timestamp>,
    pub slug: Option<SlugFront>,
}

/// What is shown of the slug that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlugFront {
    pub bytes: u64,
    pub language: Option<String>,
    pub stack: StackName,
}

macro_rules! select_front {
    ($rest:literal) => {
        concat!(
            "SELECT a.id AS id, a.name AS name, a.owner_id AS owner_id, a.stack AS stack, a.maintenance AS maintenance, \
             a.created_at_ms AS created_at_ms, a.updated_at_ms AS updated_at_ms, r.created_at_ms AS released_at_ms, \
             s.bytes AS slug_bytes, s.language AS slug_language, s.stack AS slug_stack \
             FROM apps a LEFT JOIN releases r ON r.app_id = a.id AND r.is_current = TRUE LEFT JOIN slugs s ON s.id = r.slug_id ",
            $rest
        )
    };
}

fn front(row: &Row) -> R<AppFront> {
    let slug = match row.get::<Option<String>>("slug_stack")? {
        Some(_) => Some(SlugFront { bytes: row.count("slug_bytes")?, language: row.get("slug_language")?, stack: row.parsed("slug_stack")? }),
        None => None,
    };
    Ok(AppFront { app: app(row)?, released_at: row.time_or_null("released_at_ms")?, slug })
}

impl Tx {
    pub async fn app_front(&mut self, id: AppId) -> R<Option<AppFront>> {
        self.sql(select_front!("WHERE a.id = $1")).id(id).optional(front).await
    }

    /// The apps an account owns or works on, by name.
    pub async fn app_fronts_open_to(&mut self, account: AccountId) -> R<Vec<AppFront>> {
        let open = self.sql(select_front!("WHERE a.owner_id = $1 OR a.id IN (SELECT app_id FROM collaborators WHERE account_id = $2) ORDER BY a.name"));
        open.id(account).id(account).all(front).await
    }
}
