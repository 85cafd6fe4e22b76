//! Dynos: what has become of each, saved before anything is done about it, so that a restart of the platform owes the
//! world exactly what it owed before.
//!
//! A state's own fields are columns that are NULL in every other state; no other mixture is read.

use domain::{
    AppId, Dyno, DynoName, Id, ReleaseVersion,
    dyno::{After, Leaving, Predecessor, State},
};
use jiff::Timestamp;

use crate::{
    Tx,
    error::{R, StoreError},
    statement::Row,
};

/// A dyno with its name and the id that people see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DynoRecord {
    pub id: Id<Dyno>,
    pub name: DynoName,
    pub dyno: Dyno,
}

macro_rules! select_dyno {
    ($rest:literal) => {
        concat!(
            "SELECT app_id, id, process_type, number, generation, release_version, crashes_in_a_row, \
             state, since_ms, until_ms, after_word, killed, term_ms, asleep, before_generation, before_state, before_until_ms FROM dynos ",
            $rest
        )
    };
}

fn record(row: &Row) -> R<DynoRecord> {
    Ok(DynoRecord {
        id: row.id("id")?,
        name: DynoName { process_type: row.parsed("process_type")?, index: row.count("number")? },
        dyno: Dyno {
            state: Flat::read(row)?.state()?,
            generation: row.count("generation")?,
            release: ReleaseVersion(row.count("release_version")?),
            crashes_in_a_row: row.count("crashes_in_a_row")?,
            predecessor: predecessor(row)?,
        },
    })
}

impl Tx {
    /// An app's dynos, by name.
    pub async fn dynos(&mut self, app: AppId) -> R<Vec<DynoRecord>> {
        self.sql(select_dyno!("WHERE app_id = $1 ORDER BY process_type, number")).id(app).all(record).await
    }

    /// Saves dynos, new ones and known ones alike; others of the app stay as they are.
    pub async fn save_dynos(&mut self, app: AppId, dynos: &[DynoRecord]) -> R<()> {
        for DynoRecord { id, name, dyno } in dynos {
            let flat = Flat::of(dyno.state);
            self.sql(
                "INSERT INTO dynos (id, app_id, process_type, number, generation, release_version, crashes_in_a_row, \
                 state, since_ms, until_ms, after_word, killed, term_ms, asleep, before_generation, before_state, before_until_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
                 ON CONFLICT (app_id, process_type, number) DO UPDATE SET id = excluded.id, generation = excluded.generation, \
                 release_version = excluded.release_version, crashes_in_a_row = excluded.crashes_in_a_row, state = excluded.state, \
                 since_ms = excluded.since_ms, until_ms = excluded.until_ms, after_word = excluded.after_word, killed = excluded.killed, \
                 term_ms = excluded.term_ms, asleep = excluded.asleep, before_generation = excluded.before_generation, \
                 before_state = excluded.before_state, before_until_ms = excluded.before_until_ms",
            )
            .id(*id)
            .id(app)
            .text(&name.process_type)
            .count(name.index)
            .count(dyno.generation)
            .count(dyno.release.0)
            .count(dyno.crashes_in_a_row)
            .text(&flat.word)
            .time(flat.since)
            .time_or_null(flat.until)
            .bind(flat.after)
            .bind(flat.killed)
            .time_or_null(flat.term)
            .bind(flat.asleep)
            .bind(dyno.predecessor.map(|before| i64::try_from(before.generation).unwrap_or(i64::MAX)))
            .bind(dyno.predecessor.map(|before| leaving_word(before.leaving).to_owned()))
            .time_or_null(dyno.predecessor.and_then(|before| leaving_until(before.leaving)))
            .execute()
            .await?;
        }
        Ok(())
    }

    /// Forgets a dyno that is gone for good.
    pub async fn delete_dyno(&mut self, app: AppId, name: &DynoName) -> R<()> {
        self.sql("DELETE FROM dynos WHERE app_id = $1 AND process_type = $2 AND number = $3")
            .id(app)
            .text(&name.process_type)
            .count(name.index)
            .execute()
            .await
            .map(drop)
    }

    /// Every app's dynos, by name within the app.
    pub(crate) async fn all_dynos(&mut self) -> R<Vec<(AppId, DynoRecord)>> {
        self.sql(select_dyno!("ORDER BY app_id, process_type, number")).all(|row| Ok((row.id("app_id")?, record(row)?))).await
    }
}

/// A state as columns.
struct Flat {
    word: String,
    since: Timestamp,
    /// When to cycle, kill or restart.
    until: Option<Timestamp>,
    after: Option<String>,
    killed: Option<bool>,
    /// When SIGTERM is due, if not at once.
    term: Option<Timestamp>,
    asleep: bool,
}

impl Flat {
    fn of(state: State) -> Self {
        let plain = |word: &str, since, until| Self { word: word.to_owned(), since, until, after: None, killed: None, term: None, asleep: false };
        match state {
            State::Starting { since } => plain("starting", since, None),
            State::Up { since, cycle_at } => plain("up", since, Some(cycle_at)),
            State::Stopping { since, term_at, kill_at, then, killed } => Self {
                after: Some(if then == After::Restart { "restart" } else { "remove" }.to_owned()),
                asleep: then == After::Sleep,
                killed: Some(killed),
                term: (term_at != since).then_some(term_at),
                ..plain("stopping", since, Some(kill_at))
            },
            State::Crashed { since, restart_at } => plain("crashed", since, Some(restart_at)),
            State::Idle { since } => Self { asleep: true, ..plain("down", since, None) },
            State::Down { since } => plain("down", since, None),
        }
    }

    fn read(row: &Row) -> R<Self> {
        Ok(Self {
            word: row.get("state")?,
            since: row.time("since_ms")?,
            until: row.time_or_null("until_ms")?,
            after: row.get("after_word")?,
            killed: row.get("killed")?,
            term: row.time_or_null("term_ms")?,
            asleep: row.get("asleep")?,
        })
    }

    fn state(self) -> R<State> {
        let (since, term_at) = (self.since, self.term.unwrap_or(self.since));
        match (self.word.as_str(), self.until, self.after.as_deref(), self.killed, self.asleep) {
            ("starting", None, None, None, false) => Ok(State::Starting { since }),
            ("up", Some(cycle_at), None, None, false) => Ok(State::Up { since, cycle_at }),
            ("stopping", Some(kill_at), Some(after), Some(killed), asleep) => {
                let then = match (after, asleep) {
                    ("restart", false) => After::Restart,
                    ("remove", false) => After::Remove,
                    ("remove", true) => After::Sleep,
                    (word, _) => return Err(StoreError::Corrupt(format!("nothing comes after a stop that is called {word:?}"))),
                };
                Ok(State::Stopping { since, term_at, kill_at, then, killed })
            }
            ("crashed", Some(restart_at), None, None, false) => Ok(State::Crashed { since, restart_at }),
            ("down", None, None, None, true) => Ok(State::Idle { since }),
            ("down", None, None, None, false) => Ok(State::Down { since }),
            (word, ..) => Err(StoreError::Corrupt(format!("no dyno is {word:?} with these columns"))),
        }
    }
}

fn predecessor(row: &Row) -> R<Option<Predecessor>> {
    let (word, until): (Option<String>, _) = (row.get("before_state")?, row.time_or_null("before_until_ms")?);
    let Some(word) = word else { return Ok(None) };
    let leaving = match (word.as_str(), until) {
        ("serving", None) => Leaving::Serving,
        ("draining", Some(until)) => Leaving::Draining { until },
        ("stopping", Some(kill_at)) => Leaving::Stopping { kill_at, killed: false },
        ("killed", Some(kill_at)) => Leaving::Stopping { kill_at, killed: true },
        ("ended", None) => Leaving::Ended,
        (word, _) => return Err(StoreError::Corrupt(format!("no dyno's predecessor is {word:?} with these columns"))),
    };
    Ok(Some(Predecessor { generation: row.count("before_generation")?, leaving }))
}

const fn leaving_word(leaving: Leaving) -> &'static str {
    match leaving {
        Leaving::Serving => "serving",
        Leaving::Draining { .. } => "draining",
        Leaving::Stopping { killed: false, .. } => "stopping",
        Leaving::Stopping { killed: true, .. } => "killed",
        Leaving::Ended => "ended",
    }
}

const fn leaving_until(leaving: Leaving) -> Option<Timestamp> {
    match leaving {
        Leaving::Serving | Leaving::Ended => None,
        Leaving::Draining { until } => Some(until),
        Leaving::Stopping { kill_at, .. } => Some(kill_at),
    }
}
