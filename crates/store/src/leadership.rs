//! Several control planes on one PostgreSQL: one leads, and only what it writes is kept.
//!
//! Who leads holds an advisory lock on a connection of its own, and counts up a beat in `leadership` once a second. A lock
//! ends with its connection, so that the death of a leader is known at once; a process that is frozen, or cut off behind
//! our back, keeps its connection and is known by a beat that stands still. Whoever takes over ends the connections of the
//! one before, which may hold the writers' lock, and begins the next term, under that lock: every write transaction of a
//! leader looks whether its term still is, behind the same lock, so that nothing of an earlier one is ever written.
//!
//! Nobody's clock is asked: what counts is how often one has looked, and a process that was frozen has not.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use sqlx::{ConnectOptions, Connection, PgConnection, Row, postgres::PgConnectOptions};
use tokio::time::timeout;

use crate::{
    error::{R, StoreError},
    postgres,
};

/// How often a candidate should look, and a leader beat.
pub const BEAT: Duration = Duration::from_secs(1);
/// After so many looks at a beat that stands still, the leader is taken for frozen.
const STILL: u32 = 5;
/// The longest that the database may take to answer one of our questions.
const PATIENCE: Duration = Duration::from_secs(3);
/// The number of the leader's lock, ours alone within the database: the writers' and one more.
const SEAT: i64 = postgres::WRITERS + 1;

/// What a process may write.
pub(crate) struct Role {
    /// `ALONE`, `NONE`, or the term that it leads in.
    term: AtomicI64,
    /// Where the leader answers, as last seen.
    leader: Mutex<Option<String>>,
}

/// A command of an admin's, or the only control plane there can be.
const ALONE: i64 = -1;
/// One of several control planes, which does not lead.
const NONE: i64 = 0;

impl Role {
    pub(crate) fn alone() -> Arc<Self> {
        Arc::new(Self { term: AtomicI64::new(ALONE), leader: Mutex::default() })
    }

    /// The term to hold every write against; `None` if there are no terms for this process.
    pub(crate) fn term(&self) -> R<Option<i64>> {
        match self.term.load(Ordering::SeqCst) {
            ALONE => Ok(None),
            NONE => Err(StoreError::NotLeading),
            term => Ok(Some(term)),
        }
    }

    pub(crate) fn leader(&self) -> Option<String> {
        self.leader.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn become_one_of_several(&self) {
        self.term.store(NONE, Ordering::SeqCst);
    }

    fn sees(&self, address: &str) {
        *self.leader.lock().unwrap_or_else(PoisonError::into_inner) = Some(address.to_owned());
    }
}

/// Who would lead.
pub struct Candidate {
    seat: Seat,
    beats: Beats,
}

/// Who leads. Gone with its connection: dropped, it is anybody's turn.
pub struct Leader {
    seat: Seat,
    term: i64,
    /// The database's process for our connection.
    backend: i32,
}

/// What became of a leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seated {
    Leads,
    /// Another one leads, or did meanwhile. What this process has in mind is of the past.
    Deposed,
}

/// What both are made of.
struct Seat {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    role: Arc<Role>,
    /// What all connections of this process are called.
    name: String,
    address: String,
    keys: String,
}

/// The row there is.
struct Seen {
    term: i64,
    beat: i64,
    holder: String,
    address: String,
    keys: String,
}

impl Candidate {
    /// `address`: where people reach this control plane. `keys`: the same for all that share their keys.
    pub(crate) fn new(options: PgConnectOptions, name: String, role: Arc<Role>, address: String, keys: String) -> Self {
        role.become_one_of_several();
        Self { seat: Seat { options, connection: None, role, name, address, keys }, beats: Beats::default() }
    }

    /// Looks once, and leads if nobody does or who does stands still. To be asked every [`BEAT`].
    pub async fn look(&mut self) -> R<Option<Leader>> {
        let looked = timeout(PATIENCE, self.seat.take_if_free(&mut self.beats)).await.unwrap_or(Err(StoreError::Silent));
        if looked.is_err() {
            // It may be in the middle of anything, with the lock or without.
            self.seat.connection = None;
        }
        let led = looked?;
        Ok(led.map(|(term, backend)| Leader { seat: self.seat.handed_over(), term, backend }))
    }
}

impl Leader {
    pub const fn term(&self) -> i64 {
        self.term
    }

    /// Gives a sign of life; connects again if the connection was lost and nobody has led since. To be asked every [`BEAT`].
    /// An error means that it is not known: the database cannot be reached, so that nothing can be written either.
    pub async fn beat(&mut self) -> R<Seated> {
        let beaten = match self.seat.connection.as_mut() {
            Some(connection) => timeout(PATIENCE, beat(connection, self.term)).await.unwrap_or(Err(StoreError::Silent)),
            None => Err(StoreError::Silent),
        };
        let seated = match beaten {
            Ok(seated) => Ok(seated),
            Err(_) => {
                self.seat.connection = None;
                timeout(PATIENCE, self.regain()).await.unwrap_or(Err(StoreError::Silent))
            }
        };
        if seated.is_err() {
            self.seat.connection = None;
        }
        if matches!(seated, Ok(Seated::Deposed)) {
            self.seat.role.become_one_of_several();
        }
        seated
    }

    async fn regain(&mut self) -> R<Seated> {
        let mut connection = self.seat.options.connect().await?;
        // The database may not have noticed that the one before is gone.
        sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND application_name = $2")
            .bind(self.backend)
            .bind(&self.seat.name)
            .execute(&mut connection)
            .await?;
        let free = try_seat(&mut connection).await?;
        match seen(&mut connection).await? {
            Some(seen) if seen.term == self.term && free => {
                self.backend = backend(&mut connection).await?;
                self.seat.connection = Some(connection);
                Ok(Seated::Leads)
            }
            // Whoever holds the lock now has not begun a term yet, or is the connection before, about to end.
            Some(seen) if seen.term == self.term => Err(StoreError::Silent),
            _ => Ok(Seated::Deposed),
        }
    }
}

impl Seat {
    fn handed_over(&mut self) -> Self {
        let Self { options, role, name, address, keys, .. } = self;
        let connection = self.connection.take();
        Self { options: options.clone(), connection, role: Arc::clone(role), name: name.clone(), address: address.clone(), keys: keys.clone() }
    }

    /// The term that has begun, and the database's process for our connection; `None` while another leads.
    async fn take_if_free(&mut self, beats: &mut Beats) -> R<Option<(i64, i32)>> {
        if self.connection.is_none() {
            // One that is away from the database cannot tell for how long others stood still.
            *beats = Beats::default();
            self.connection = Some(self.options.connect().await?);
        }
        let connection = self.connection.as_mut().ok_or(StoreError::Silent)?;
        let before = seen(connection).await?;
        if let Some(before) = &before {
            if before.keys != self.keys {
                return Err(StoreError::OtherKeys { address: before.address.clone() });
            }
            self.role.sees(&before.address);
        }
        if !try_seat(connection).await? {
            let Some(before) = before else { return Ok(None) };
            if beats.stands_still(before.term, before.beat) {
                end_connections(connection, &before.holder).await?;
            }
            return Ok(None);
        }
        if let Some(before) = before {
            end_connections(connection, &before.holder).await?;
        }
        let mut tx = connection.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(postgres::WRITERS).execute(&mut *tx).await?;
        let term = sqlx::query(
            "INSERT INTO leadership (id, term, beat, holder, address, keys) VALUES (1, 1, 0, $1, $2, $3) ON CONFLICT (id) DO UPDATE \
             SET term = leadership.term + 1, beat = 0, holder = excluded.holder, address = excluded.address, keys = excluded.keys RETURNING term",
        )
        .bind(&self.name)
        .bind(&self.address)
        .bind(&self.keys)
        .fetch_one(&mut *tx)
        .await?
        .try_get("term")?;
        tx.commit().await?;
        let backend = backend(connection).await?;
        self.role.sees(&self.address);
        self.role.term.store(term, Ordering::SeqCst);
        Ok(Some((term, backend)))
    }
}

/// How often in a row the same beat was seen.
#[derive(Debug, Default)]
struct Beats {
    last: Option<(i64, i64)>,
    times: u32,
}

impl Beats {
    fn stands_still(&mut self, term: i64, beat: i64) -> bool {
        if self.last == Some((term, beat)) {
            self.times += 1;
        } else {
            (self.last, self.times) = (Some((term, beat)), 0);
        }
        self.times >= STILL
    }
}

async fn try_seat(connection: &mut PgConnection) -> R<bool> {
    Ok(sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(SEAT).fetch_one(connection).await?)
}

async fn backend(connection: &mut PgConnection) -> R<i32> {
    Ok(sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(connection).await?)
}

async fn beat(connection: &mut PgConnection, term: i64) -> R<Seated> {
    let beaten = sqlx::query("UPDATE leadership SET beat = beat + 1 WHERE id = 1 AND term = $1").bind(term).execute(connection).await?;
    Ok(if beaten.rows_affected() == 1 { Seated::Leads } else { Seated::Deposed })
}

/// All connections of the process of this name, but not this one.
async fn end_connections(connection: &mut PgConnection, name: &str) -> R<()> {
    sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()",
    )
    .bind(name)
    .execute(connection)
    .await?;
    Ok(())
}

async fn seen(connection: &mut PgConnection) -> R<Option<Seen>> {
    let row = sqlx::query("SELECT term, beat, holder, address, keys FROM leadership WHERE id = 1").fetch_optional(connection).await?;
    row.map(|row| {
        Ok(Seen {
            term: row.try_get("term")?,
            beat: row.try_get("beat")?,
            holder: row.try_get("holder")?,
            address: row.try_get("address")?,
            keys: row.try_get("keys")?,
        })
    })
    .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_looking_often_enough_at_the_same_beat_shows_that_it_stands_still() {
        let mut beats = Beats::default();
        let looks: Vec<bool> = [7, 7, 7, 7, 7, 8, 8, 8, 8, 8, 8, 8].into_iter().map(|beat| beats.stands_still(1, beat)).collect();
        assert_eq!(looks.iter().position(|still| *still), Some(10), "five looks after the first: {looks:?}");
        assert!(!beats.stands_still(2, 8), "another term is another leader");
    }
}
