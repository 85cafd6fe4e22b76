//! The same test on SQLite and on PostgreSQL.
//!
//! A test is a plain `async fn`; [`on_both!`] at the end of its file makes two tests of it. What it opens is
//! [`url`] of the folder it works in: a file there, or a database of its own on a PostgreSQL that the test process
//! starts for itself and that ends with it. Where PostgreSQL is not installed, its half of the tests says so aloud.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{LazyLock, Mutex, OnceLock, PoisonError},
};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// Which database a test is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

tokio::task_local! {
    static DATABASE: Database;
}

/// Makes of each function two tests: `on_sqlite::name` and `on_postgres::name`. With `threads:` in front, on a runtime of
/// four threads.
#[macro_export]
macro_rules! on_both {
    (threads: $($test:ident),+ $(,)?) => { $crate::on_both!(@ (flavor = "multi_thread", worker_threads = 4) [$($test)+]); };
    ($($test:ident),+ $(,)?) => { $crate::on_both!(@ () [$($test)+]); };
    (@ $runtime:tt [$($test:ident)+]) => {
        mod on_sqlite {
            $( $crate::on_both!(@one Sqlite $test $runtime); )+
        }
        mod on_postgres {
            $( $crate::on_both!(@one Postgres $test $runtime); )+
        }
    };
    (@one $database:ident $test:ident ($($runtime:tt)*)) => {
        #[tokio::test($($runtime)*)]
        async fn $test() {
            $crate::run($crate::Database::$database, super::$test()).await;
        }
    };
}

/// Runs a test about this database, or says that it cannot.
pub async fn run(database: Database, test: impl Future<Output = ()>) {
    if database == Database::Postgres && server().is_none() {
        return;
    }
    DATABASE.scope(database, Box::pin(test)).await;
}

/// Which database this test is about; SQLite, if it is about none.
pub fn database() -> Database {
    DATABASE.try_with(|database| *database).unwrap_or(Database::Sqlite)
}

/// The database of this folder, empty when first asked for.
pub async fn url(folder: &Path) -> String {
    match database() {
        Database::Sqlite => sqlite_url(folder),
        Database::Postgres => postgres_url(folder).await,
    }
}

/// SQLite's of this folder.
pub fn sqlite_url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("mypaas.db").display())
}

/// PostgreSQL's of this folder.
pub async fn postgres_url(folder: &Path) -> String {
    static KNOWN: Mutex<Option<HashMap<PathBuf, String>>> = Mutex::new(None);
    let socket = &server().expect("asked for only where PostgreSQL is installed").socket;
    let address = |name: &str| format!("postgres:///{name}?host={socket}&user=mypaas");
    let (name, is_new) = {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_default();
        let next = format!("test_{}", known.len());
        let is_new = !known.contains_key(folder);
        (known.entry(folder.to_owned()).or_insert(next).clone(), is_new)
    };
    if is_new {
        let mut connection = PgConnection::connect(&address("postgres")).await.expect("the test's own PostgreSQL answers");
        connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a database can be made");
        connection.close().await.expect("a connection ends");
    }
    address(&name)
}

/// Whether PostgreSQL is there; said aloud once if it is not.
pub fn has_postgres() -> bool {
    server().is_some()
}

/// All that a thief of the disk finds of this folder's database: its files, and PostgreSQL's log with every statement and
/// its values.
pub async fn on_disk(folder: &Path) -> String {
    let (files, log) = match database() {
        Database::Sqlite => (folder.to_owned(), None),
        Database::Postgres => {
            let mut connection = PgConnection::connect(&postgres_url(folder).await).await.expect("the test's own PostgreSQL answers");
            connection.execute("CHECKPOINT").await.expect("what is in memory goes to disk");
            let oid: String = sqlx::query_scalar("SELECT oid::text FROM pg_database WHERE datname = current_database()")
                .fetch_one(&mut connection)
                .await
                .expect("a database has a number");
            connection.close().await.expect("a connection ends");
            let home = PathBuf::from(&server().expect("it just answered").socket);
            (home.join("data/base").join(oid), Some(home.join("log")))
        }
    };
    let entries = std::fs::read_dir(files).expect("the folder is there").map(|entry| entry.expect("it can be listed").path());
    let mut bytes = Vec::new();
    for path in entries.filter(|path| path.is_file()).chain(log) {
        // What PostgreSQL removes just then is no longer anybody's to find.
        bytes.extend(std::fs::read(path).unwrap_or_default());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

struct Server {
    socket: String,
    /// It ends when its standard input does, and that ends with this process.
    _program: Mutex<Child>,
}

fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(start).as_ref()
}

/// Where the script lies that starts one.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("server"));

fn start() -> Option<Server> {
    let mut program = Command::new(&*PROGRAM).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("tests/databases/server can be run");
    let mut socket = String::new();
    BufReader::new(program.stdout.take().expect("it is piped")).read_line(&mut socket).expect("it says where it is");
    match socket.trim() {
        "absent" => {
            // Not by a macro: a test's output is kept from the eye unless it fails.
            let _ = writeln!(
                std::io::stderr(),
                "\n*** PostgreSQL is not installed: NOTHING IS TESTED ON POSTGRESQL. (deploy/packages /dev/stderr pg_createcluster:postgresql)\n"
            );
            None
        }
        "" => panic!("the test's own PostgreSQL did not start; what it said is above"),
        socket => Some(Server { socket: socket.to_owned(), _program: Mutex::new(program) }),
    }
}
