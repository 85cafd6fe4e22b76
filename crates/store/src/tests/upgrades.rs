//! From every earlier schema to the newest, with rows in it.

use std::{path::PathBuf, sync::Arc};

use databases::Database;
use domain::{AppId, Id};
use ports::Chance;
use uuid::Uuid;

use super::support::{key, rows, vars};
use crate::{Db, StoreError, config_vars, seal::Sealer};

databases::on_both!(every_earlier_schema_comes_up_to_date_with_all_its_rows, an_older_platform_refuses_a_newer_schema_and_changes_nothing);

/// The schemas there are.
fn schemas() -> Vec<i64> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../migrations/sqlite");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut numbers: Vec<i64> = files.map(|name| name.split('_').next().unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

/// What an installation has written by the time it is at this schema, in the columns of that time. `#n` is an id.
const fn written_at(schema: i64) -> &'static [&'static str] {
    match schema {
        1 => &[
            "INSERT INTO accounts (id, email, password_hash, created_at_ms) VALUES (#1, 'ada@example.com', 'x', 1000), (#2, 'bob@example.com', NULL, 2000)",
            "INSERT INTO authorizations (id, account_id, description, token_hash, created_at_ms, expires_at_ms) VALUES (#3, #1, 'CLI', #hash, 1000, NULL)",
            "INSERT INTO apps (id, name, owner_id, stack, maintenance, created_at_ms, updated_at_ms) VALUES (#4, 'shop', #1, 'heroku-24', TRUE, 1000, 2000)",
            "INSERT INTO config_vars (app_id, sealed) VALUES (#4, #sealed)",
            "INSERT INTO slugs (id, app_id, sha256, diff_id, bytes, stack, process_types, commit_hash, language, created_at_ms) \
             VALUES (#5, #4, #digest, #digest, 7, 'heroku-24', '{\"web\":\"x\"}', NULL, 'Go', 1000)",
            "INSERT INTO builds (id, app_id, user_id, status, source_version, stack, slug_id, output, created_at_ms, updated_at_ms) \
             VALUES (#6, #4, #1, 'succeeded', 'abc', 'heroku-24', #5, 'hello', 1000, 2000), (#7, #4, #1, 'failed', NULL, 'heroku-24', NULL, '', 1000, 2000)",
            "INSERT INTO releases (id, app_id, version, slug_id, description, user_id, status, is_current, sealed, created_at_ms) \
             VALUES (#8, #4, 1, NULL, 'Initial release', #1, 'succeeded', FALSE, #sealed, 1000), (#9, #4, 2, #5, 'Deploy', #2, 'succeeded', TRUE, #sealed, 1000)",
            "INSERT INTO formations (app_id, process_type, quantity, size) VALUES (#4, 'web', 2, 'Basic')",
            "INSERT INTO dynos (id, app_id, process_type, number, generation, release_version, crashes_in_a_row, state, since_ms, until_ms, after_word, killed) \
             VALUES (#10, #4, 'web', 1, 3, 2, 0, 'up', 1000, 9000, NULL, NULL), (#11, #4, 'web', 2, 3, 2, 1, 'stopping', 1000, 9000, 'restart', FALSE)",
            "INSERT INTO one_offs (id, app_id, process_type, number, release_version, command, size, attached, started, created_at_ms) \
             VALUES (#12, #4, 'run', 1234, 2, 'bash', 'Basic', TRUE, TRUE, 1000)",
        ],
        2 => &["INSERT INTO buildpack_installations (app_id, ordinal, sealed) VALUES (#4, 0, #sealed)"],
        3 => &[
            "UPDATE builds SET failure = 'compile', failure_message = 'It did not work' WHERE id = #7",
            "INSERT INTO source_blobs (id, account_id, sha256, created_at_ms) VALUES (#13, #1, NULL, 1000)",
        ],
        4 => &["INSERT INTO ssh_keys (id, account_id, fingerprint, public_key, created_at_ms) VALUES (#14, #1, 'SHA256:x', 'ssh-ed25519 x', 1000)"],
        5 => &["UPDATE builds SET buildpacks = '[\"heroku/go\"]' WHERE id = #6"],
        6 => &["UPDATE accounts SET is_admin = TRUE WHERE id = #2"],
        7 => &["INSERT INTO app_features (app_id, feature, enabled_at_ms) VALUES (#4, 'preboot', 1000)"],
        11 => &[
            "UPDATE authorizations SET scope = 'read' WHERE id = #3",
            "INSERT INTO collaborators (id, app_id, account_id, created_at_ms) VALUES (#15, #4, #2, 1000)",
            "INSERT INTO app_transfers (id, app_id, owner_id, recipient_id, state, created_at_ms, updated_at_ms) VALUES (#16, #4, #1, #2, 'pending', 1000, 1000)",
            "INSERT INTO audit_events (id, at_ms, actor, action, request_id) VALUES (#17, 1000, 'ada@example.com', 'POST /apps', 'x')",
        ],
        13 => &[
            "INSERT INTO webhooks (id, app_id, include, level, sealed, created_at_ms, updated_at_ms) \
             VALUES (#18, #4, 'api:release', 'sync', #sealed, 1000, 1000)",
            "INSERT INTO webhook_events (id, app_id, topic, payload, created_at_ms) VALUES (#19, #4, 'api:release', '{}', 1000)",
            "INSERT INTO webhook_deliveries (id, webhook_id, event_id, status, attempts, next_attempt_at_ms, created_at_ms, updated_at_ms) \
             VALUES (#20, #18, #19, 'pending', 0, 1000, 1000, 1000)",
            "INSERT INTO oauth_clients (id, account_id, name, redirect_uri, sealed, created_at_ms, updated_at_ms) \
             VALUES (#21, #1, 'mine', 'https://example.com/', #sealed, 1000, 1000)",
        ],
        14 => &["INSERT INTO leadership (id, term, beat, holder, address, keys) VALUES (1, 3, 40, 'mypaasd 1', 'http://localhost:5001', 'x')"],
        15 => &[
            "INSERT INTO second_factors (account_id, sealed, enabled_at_ms, used_step) VALUES (#1, #sealed, 1000, 7)",
            "INSERT INTO recovery_codes (account_id, hash) VALUES (#1, #hash)",
        ],
        16 => &[
            "INSERT INTO slug_uploads (id, app_id, stack, process_types, created_at_ms) VALUES (#22, #4, 'heroku-24', '{}', 1000)",
            "UPDATE slugs SET uploaded_sha256 = #digest WHERE id = #5",
        ],
        _ => &[],
    }
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128((0x0190_0000_0000_7000_8000 << 48) + n)
}

fn shop() -> AppId {
    Id::from_uuid(id(4))
}

fn bytes(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if databases::database() == Database::Sqlite { format!("x'{hex}'") } else { format!("'\\x{hex}'::bytea") }
}

/// The statement with its values, as this database writes them.
fn filled(statement: &str) -> String {
    let sealed = config_vars::seal(&Sealer::new(key(), Arc::new(Chance::seeded(3))), shop(), "config vars", &vars(&[("KEY", "value")]));
    let mut text = statement.replace("#sealed", &bytes(&sealed)).replace("#hash", &bytes(&[5; 32])).replace("#digest", &format!("'{}'", "ab".repeat(32)));
    for n in (1..=22).rev() {
        let written = if databases::database() == Database::Sqlite { bytes(id(n).as_bytes()) } else { format!("'{}'", id(n)) };
        text = text.replace(&format!("#{n}"), &written);
    }
    text
}

async fn open_at(folder: &tempfile::TempDir, schema: i64) -> Result<Db, StoreError> {
    Db::open_at(&databases::url(folder.path()).await, schema, key(), Arc::new(Chance::seeded(2))).await
}

/// A database that came to this schema one after the other, and was used at each.
async fn lived_until(folder: &tempfile::TempDir, schema: i64) {
    for at in schemas().into_iter().filter(|at| *at <= schema) {
        let db = open_at(folder, at).await.unwrap();
        let mut tx = db.write().await.unwrap();
        for statement in written_at(at) {
            tx.made_sql(filled(statement)).execute().await.unwrap();
        }
        assert_eq!(tx.schema().await.unwrap(), at);
        tx.commit().await.unwrap();
        db.close().await;
    }
}

async fn every_earlier_schema_comes_up_to_date_with_all_its_rows() {
    let newest = *schemas().last().unwrap();
    for schema in schemas() {
        let folder = tempfile::tempdir().unwrap();
        lived_until(&folder, schema).await;
        let db = open_at(&folder, i64::MAX).await.unwrap();
        let mut tx = db.write().await.unwrap();
        assert_eq!(tx.schema().await.unwrap(), newest);
        let mut counts = Vec::new();
        for table in ["accounts", "authorizations", "apps", "config_vars", "slugs", "builds", "releases", "formations", "dynos", "one_offs"] {
            counts.push(rows(&mut tx, table).await);
        }
        assert_eq!(counts, [2, 1, 1, 1, 1, 2, 2, 1, 2, 1], "from {schema}");
        for (table, since) in [
            ("buildpack_installations", 2),
            ("source_blobs", 3),
            ("ssh_keys", 4),
            ("app_features", 7),
            ("collaborators", 11),
            ("app_transfers", 11),
            ("audit_events", 11),
            ("webhooks", 13),
            ("webhook_events", 13),
            ("webhook_deliveries", 13),
            ("oauth_clients", 13),
            ("leadership", 14),
            ("second_factors", 15),
            ("recovery_codes", 15),
            ("slug_uploads", 16),
        ] {
            assert_eq!(rows(&mut tx, table).await, i64::from(schema >= since), "{table} from {schema}");
        }
        // It is not only there, it can be used.
        let worlds = tx.worlds().await.unwrap();
        let [world] = worlds.as_slice() else { panic!("one app: {worlds:?}") };
        assert!(world.app.maintenance && world.current.as_ref().unwrap().version.0 == 2 && world.slug.is_some(), "{world:?}");
        assert_eq!((world.dynos.len(), world.formation.len()), (2, 1));
        assert_eq!(tx.config_vars(shop()).await.unwrap(), vars(&[("KEY", "value")]));
        assert_eq!((tx.builds(shop()).await.unwrap().len(), tx.releases(shop()).await.unwrap().len(), tx.all_one_offs().await.unwrap().len()), (2, 2, 1));
        assert_eq!(tx.authorization_by_token([5; 32]).await.unwrap().unwrap().1.email.to_string(), "ada@example.com");
        assert!(tx.is_admin(Id::from_uuid(id(1))).await.unwrap(), "who came first is an admin");
        tx.delete_app(shop()).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
    }
}

async fn an_older_platform_refuses_a_newer_schema_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let schemas = schemas();
    let [.., older, newest] = schemas.as_slice() else { panic!("there are two schemas") };
    lived_until(&folder, *newest).await;
    let Err(error) = open_at(&folder, *older).await else { panic!("it must not open") };
    assert!(matches!(error, StoreError::NewerSchema { found, known } if (found, known) == (*newest, *older)), "{error:?}");
    let db = open_at(&folder, i64::MAX).await.unwrap();
    assert_eq!(db.read().await.unwrap().schema().await.unwrap(), *newest);
}
