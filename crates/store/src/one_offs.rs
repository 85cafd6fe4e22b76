//! One-off dynos: commands that run once. Stored while they run, so that a restart of the platform knows which
//! containers are theirs, and which were never started and never will be.

use domain::{
    AppId, DynoName, ReleaseVersion,
    one_off::{OneOff, OneOffId},
};

use crate::{Tx, error::R, statement::Row};

macro_rules! select_one_off {
    ($rest:literal) => {
        concat!("SELECT id, app_id, process_type, number, release_version, command, size, attached, started, created_at_ms FROM one_offs ", $rest)
    };
}

fn one_off(row: &Row) -> R<OneOff> {
    Ok(OneOff {
        id: row.id("id")?,
        app: row.id("app_id")?,
        name: DynoName { process_type: row.parsed("process_type")?, index: row.count("number")? },
        release: ReleaseVersion(row.count("release_version")?),
        command: row.get("command")?,
        size: row.parsed("size")?,
        attached: row.get("attached")?,
        started: row.get("started")?,
        created_at: row.time("created_at_ms")?,
    })
}

impl Tx {
    /// Adds a one-off dyno; its name may be taken (`one_offs.app_id, one_offs.process_type, one_offs.number`).
    pub async fn insert_one_off(&mut self, one_off: &OneOff) -> R<()> {
        self.sql(
            "INSERT INTO one_offs (id, app_id, process_type, number, release_version, command, size, attached, started, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .id(one_off.id)
        .id(one_off.app)
        .text(&one_off.name.process_type)
        .count(one_off.name.index)
        .count(one_off.release.0)
        .text(&one_off.command)
        .text(&one_off.size)
        .bind(one_off.attached)
        .bind(one_off.started)
        .time(one_off.created_at)
        .execute()
        .await
        .map(drop)
    }

    pub async fn one_off(&mut self, app: AppId, name: &DynoName) -> R<Option<OneOff>> {
        self.sql(select_one_off!("WHERE app_id = $1 AND process_type = $2 AND number = $3"))
            .id(app)
            .text(&name.process_type)
            .count(name.index)
            .optional(one_off)
            .await
    }

    /// An app's one-off dynos, oldest first.
    pub async fn one_offs(&mut self, app: AppId) -> R<Vec<OneOff>> {
        self.sql(select_one_off!("WHERE app_id = $1 ORDER BY created_at_ms, id")).id(app).all(one_off).await
    }

    /// Every app's one-off dynos, oldest first.
    pub async fn all_one_offs(&mut self) -> R<Vec<OneOff>> {
        self.sql(select_one_off!("ORDER BY created_at_ms, id")).all(one_off).await
    }

    /// Remembers that its container has been started: it will not be started a second time.
    pub async fn set_one_off_started(&mut self, id: OneOffId) -> R<()> {
        self.sql("UPDATE one_offs SET started = TRUE WHERE id = $1").id(id).execute().await.map(drop)
    }

    /// Forgets a one-off dyno that has ended.
    pub async fn delete_one_off(&mut self, id: OneOffId) -> R<()> {
        self.sql("DELETE FROM one_offs WHERE id = $1").id(id).execute().await.map(drop)
    }
}
