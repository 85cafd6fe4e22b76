//! Apps: what people push to and scale. Everything else an app has hangs on its row and goes with it.

use domain::{AccountId, App, AppId, AppName};

use crate::{Tx, error::R, statement::Row};

macro_rules! select_app {
    ($rest:literal) => {
        concat!("SELECT id, name, owner_id, stack, maintenance, created_at_ms, updated_at_ms FROM apps ", $rest)
    };
}

pub(crate) fn app(row: &Row) -> R<App> {
    Ok(App {
        id: row.id("id")?,
        name: row.parsed("name")?,
        owner: row.id("owner_id")?,
        stack: row.parsed("stack")?,
        maintenance: row.get("maintenance")?,
        created_at: row.time("created_at_ms")?,
        updated_at: row.time("updated_at_ms")?,
    })
}

impl Tx {
    /// Adds an app; its name may be taken (`apps.name`).
    pub async fn insert_app(&mut self, app: &App) -> R<()> {
        self.sql("INSERT INTO apps (id, name, owner_id, stack, maintenance, created_at_ms, updated_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .id(app.id)
            .text(&app.name)
            .id(app.owner)
            .text(&app.stack)
            .bind(app.maintenance)
            .time(app.created_at)
            .time(app.updated_at)
            .execute()
            .await
            .map(drop)
    }

    pub async fn app(&mut self, id: AppId) -> R<Option<App>> {
        self.sql(select_app!("WHERE id = $1")).id(id).optional(app).await
    }

    pub async fn app_named(&mut self, name: &AppName) -> R<Option<App>> {
        self.sql(select_app!("WHERE name = $1")).text(name).optional(app).await
    }

    /// All apps, by name.
    pub async fn apps(&mut self) -> R<Vec<App>> {
        self.sql(select_app!("ORDER BY name")).all(app).await
    }

    /// An account's own apps, by name.
    pub async fn apps_of(&mut self, owner: AccountId) -> R<Vec<App>> {
        self.sql(select_app!("WHERE owner_id = $1 ORDER BY name")).id(owner).all(app).await
    }

    /// Saves what can change of an app: name (may be taken: `apps.name`), stack, maintenance and when that was.
    pub async fn update_app(&mut self, app: &App) -> R<()> {
        self.sql("UPDATE apps SET name = $1, stack = $2, maintenance = $3, updated_at_ms = $4 WHERE id = $5")
            .text(&app.name)
            .text(&app.stack)
            .bind(app.maintenance)
            .time(app.updated_at)
            .id(app.id)
            .execute()
            .await
            .map(drop)
    }

    /// Forgets the app and everything of it.
    pub async fn delete_app(&mut self, id: AppId) -> R<()> {
        self.sql("DELETE FROM apps WHERE id = $1").id(id).execute().await.map(drop)
    }
}
