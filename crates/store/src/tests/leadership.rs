//! Several control planes on one PostgreSQL, and what becomes of the one that led.

use std::{future::Future, sync::Arc, time::Duration};

use databases::Database;
use domain::Account;
use ports::Chance;
use tempfile::TempDir;

use super::support::{key, now};
use crate::{Candidate, Db, Leader, Seated, StoreError};

/// A control plane: its database, and what it would lead by.
struct Plane {
    db: Db,
    chance: Chance,
    candidate: Candidate,
}

async fn plane(folder: &TempDir, seed: u64) -> Plane {
    with_keys(folder, seed, "theirs").await
}

async fn with_keys(folder: &TempDir, seed: u64, keys: &str) -> Plane {
    let chance = Arc::new(Chance::seeded(seed));
    let db = Db::open(&databases::postgres_url(folder.path()).await, key(), chance).await.unwrap();
    let candidate = db.candidate(format!("http://plane-{seed}:5001"), keys.to_owned()).unwrap().unwrap();
    Plane { db, chance: Chance::seeded(seed), candidate }
}

impl Plane {
    async fn writes(&self, email: &str) -> Result<(), StoreError> {
        let mut tx = self.db.write().await?;
        tx.insert_account(&self.account(email), None).await?;
        tx.commit().await
    }

    fn account(&self, email: &str) -> Account {
        Account { id: self.chance.id(now()), email: email.parse().unwrap(), created_at: now() }
    }

    async fn knows(&self, email: &str) -> bool {
        self.db.read().await.unwrap().account_by_email(&email.parse().unwrap()).await.unwrap().is_some()
    }

    /// Looks on until it leads; how often it had to.
    async fn leads(&mut self) -> (Leader, usize) {
        for looks in 1..1000 {
            if let Some(leader) = self.candidate.look().await.unwrap() {
                return (leader, looks);
            }
            // Connections that are ended end a little later.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it never leads");
    }
}

fn refused<T>(done: Result<T, StoreError>) {
    assert!(matches!(done.as_ref().err(), Some(StoreError::NotLeading)), "{:?}", done.err());
}

async fn on_postgres(test: impl Future<Output = ()>) {
    databases::run(Database::Postgres, test).await;
}

#[tokio::test]
async fn one_leads_and_the_next_begins_a_term_when_its_connection_ends() {
    on_postgres(async {
        let folder = tempfile::tempdir().unwrap();
        let (mut one, mut other) = (plane(&folder, 1).await, plane(&folder, 2).await);
        refused(one.writes("early@example.com").await);
        let mut leader = one.candidate.look().await.unwrap().expect("nobody else would");
        assert_eq!(leader.term(), 1);
        one.writes("one@example.com").await.unwrap();
        for _ in 0..20 {
            assert!(other.candidate.look().await.unwrap().is_none());
            assert_eq!(leader.beat().await.unwrap(), Seated::Leads);
        }
        assert_eq!(other.db.leader().as_deref(), Some("http://plane-1:5001"));
        refused(other.writes("other@example.com").await);
        assert!(other.knows("one@example.com").await, "it reads");
        drop(leader);
        let (next, _) = other.leads().await;
        assert_eq!(next.term(), 2);
        other.writes("other@example.com").await.unwrap();
        refused(one.writes("late@example.com").await);
        assert!(!one.knows("late@example.com").await && one.knows("other@example.com").await);
    })
    .await;
}

/// As when its process is stopped: its connections are there, and nothing comes from them.
#[tokio::test]
async fn a_frozen_leader_is_taken_the_place_of_and_what_it_was_writing_never_happens() {
    on_postgres(async {
        let folder = tempfile::tempdir().unwrap();
        let (mut one, mut other) = (plane(&folder, 1).await, plane(&folder, 2).await);
        let mut leader = one.candidate.look().await.unwrap().unwrap();
        let mut tx = one.db.write().await.unwrap();
        tx.insert_account(&one.account("frozen@example.com"), None).await.unwrap();

        let (next, looks) = other.leads().await;
        assert!(looks > 5, "not at once: {looks}");
        assert_eq!(next.term(), 2);
        other.writes("other@example.com").await.unwrap();

        tx.commit().await.unwrap_err();
        refused(one.writes("late@example.com").await);
        assert_eq!(leader.beat().await.unwrap(), Seated::Deposed);
        refused(one.writes("later@example.com").await);
        for email in ["frozen@example.com", "late@example.com", "later@example.com"] {
            assert!(!other.knows(email).await, "{email}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_leader_whose_connection_was_cut_leads_on_if_nobody_did_meanwhile() {
    on_postgres(async {
        let folder = tempfile::tempdir().unwrap();
        let (mut one, other) = (plane(&folder, 1).await, plane(&folder, 2).await);
        let mut leader = one.candidate.look().await.unwrap().unwrap();
        let mut tx = other.db.read().await.unwrap();
        let ended = "SELECT count(pg_terminate_backend(pid)) AS n FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND granted \
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        // The lower half of the number.
        let ended: Option<i64> = tx.sql(ended).bind((120_368_343_900_532_i64 & 0xffff_ffff) as i32).optional(|row| row.get("n")).await.unwrap();
        assert_eq!(ended, Some(1));
        drop(tx);
        let mut seated = leader.beat().await;
        while seated.is_err() {
            seated = leader.beat().await;
        }
        assert_eq!((seated.unwrap(), leader.term()), (Seated::Leads, 1));
        one.writes("one@example.com").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn one_with_other_keys_neither_leads_nor_stands_by() {
    on_postgres(async {
        let folder = tempfile::tempdir().unwrap();
        let mut one = plane(&folder, 1).await;
        let leader = one.candidate.look().await.unwrap().unwrap();
        let mut stranger = with_keys(&folder, 2, "its own").await;
        for _ in 0..2 {
            let Err(StoreError::OtherKeys { address }) = stranger.candidate.look().await else { panic!("it has other keys") };
            assert_eq!(address, "http://plane-1:5001");
        }
        drop(leader);
        assert!(stranger.candidate.look().await.is_err());
    })
    .await;
}

#[tokio::test]
async fn on_sqlite_there_is_nothing_to_lead() {
    let it = super::support::Fixture::new().await;
    assert!(it.db.candidate("http://localhost:5001".to_owned(), "keys".to_owned()).unwrap().is_none());
    it.write().await.commit().await.unwrap();
}
