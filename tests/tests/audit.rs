//! What auditors ask of the log, on both profiles: taken away and put back it is the same to the byte, and how things stood is told later as
//! it was seen then.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "audit/replays.rs"]
mod replays;

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use posthaste_application::audit;
use posthaste_application::audit::export::{Export, Format, header};
use posthaste_application::audit::filter::Filter;
use posthaste_application::audit::import::Import;
use posthaste_application::port::import::ImportRefused;
use posthaste_application::port::{Clock, EventLog, LogImport, PortError, RelayLease as _};
use posthaste_application::recorded::{Head, Position};
use posthaste_infrastructure::embedded::{Database as File, SqliteCursors, SqliteImport, SqliteLog};
use posthaste_infrastructure::postgres::{PgImport, PgLease, PgLog};
use posthaste_tests::Database;
use posthaste_tests::histories::{History, USERS, user, wishes};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use tempfile::TempDir;
use uuid::Uuid;

/// A second passes whenever somebody looks.
#[derive(Debug, Default)]
struct Seconds(AtomicI64);

impl Clock for Seconds {
    fn now(&self) -> DateTime<Utc> {
        let second = self.0.fetch_add(1, Ordering::Relaxed);
        DateTime::from_timestamp(1_750_000_000 + second, 0).unwrap()
    }
}

/// A log in a file.
struct Embedded {
    log: SqliteLog,
    cursors: SqliteCursors,
    clock: Arc<Seconds>,
    file: Arc<File>,
    _directory: TempDir,
}

impl Embedded {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let (file, clock) = (File::open(directory.path()).unwrap(), Arc::new(Seconds::default()));
        let log = SqliteLog::new(Arc::clone(&file), Arc::clone(&clock) as Arc<dyn Clock>);
        Self { log, cursors: SqliteCursors::new(Arc::clone(&file)), clock, file, _directory: directory }
    }
}

/// The same histories in every run.
fn histories(count: usize, length: usize) -> Vec<History> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| History::of(&wishes(length).new_tree(&mut runner).unwrap().current())).collect()
}

async fn exported(log: &dyn EventLog, gzip: bool) -> Vec<u8> {
    let header = header(log, Position::START, None, Filter::default(), true).await.unwrap();
    let mut export = Export::new(log, header, Format::Lines, gzip).in_batches(100);
    let mut bytes = Vec::new();
    while let Some(chunk) = export.next().await.unwrap() {
        bytes.extend(chunk.bytes);
    }
    bytes
}

async fn import(into: &dyn LogImport, bytes: Vec<u8>) -> Head {
    let mut import = Import::begin(audit::open(Cursor::new(bytes)).unwrap()).unwrap();
    let mut session = into.begin().await.unwrap_or_else(|refused| panic!("{refused}"));
    loop {
        let batch = import.next(64).unwrap();
        if batch.is_empty() {
            break;
        }
        session.record(batch).await.unwrap();
    }
    session.commit(import.head()).await.unwrap();
    import.head()
}

/// Everybody is owed the same, and was in the same threads at the same time.
async fn same_for_everybody(one: &dyn EventLog, other: &dyn EventLog, head: Position) {
    for who in (0..USERS).map(user) {
        let owed = one.read_for_user(who, Position::START, head, 10_000).await.unwrap();
        assert_eq!(other.read_for_user(who, Position::START, head, 10_000).await.unwrap(), owed, "what {who} is owed");
        assert_eq!(other.memberships(who).await.unwrap(), one.memberships(who).await.unwrap(), "where {who} is");
    }
}

#[tokio::test]
async fn a_log_that_is_exported_and_imported_is_the_same_to_the_byte_on_both_profiles() {
    let mut events = 0;
    for history in histories(3, 500) {
        let here = Embedded::new();
        for batch in history.appends.chunks(7) {
            here.log.append(batch).await.unwrap();
        }
        let head = here.log.head().await.unwrap();
        assert_eq!(head.position, history.head());
        events += head.position.0;
        let bytes = exported(&here.log, false).await;

        let database = Database::new("audit").await.unwrap();
        let owner = PgImport::new(&database.sandbox.postgres_owner_url()).unwrap();
        assert_eq!(import(&owner, bytes.clone()).await, head);
        let there = PgLog::new(database.postgres.clone());
        assert_eq!(there.head().await.unwrap(), head);
        assert!(exported(&there, false).await == bytes, "what PostgreSQL exports is not what it imported");
        same_for_everybody(&here.log, &there, head.position).await;

        let back = Embedded::new();
        let packed = exported(&there, true).await;
        assert!(packed.len() < bytes.len() / 2, "{} of {}", packed.len(), bytes.len());
        assert_eq!(import(&SqliteImport::new(Arc::clone(&back.file)), packed).await, head);
        assert!(exported(&back.log, false).await == bytes, "what SQLite exports is not what it imported");
        same_for_everybody(&here.log, &back.log, head.position).await;
    }
    assert!(events > 250, "only {events} events went around");
}

#[tokio::test]
async fn the_role_of_the_server_may_not_import() {
    let database = Database::new("audit_role").await.unwrap();
    let server = PgImport::new(&database.sandbox.postgres_server_url()).unwrap();
    let refused = server.begin().await.err();
    assert!(matches!(refused, Some(ImportRefused::Port(PortError::Rejected { .. }))), "{refused:?}");
}

#[tokio::test]
async fn nothing_is_imported_while_a_relay_is_at_work() {
    let database = Database::new("audit_relay").await.unwrap();
    let relay = PgLease::new(database.postgres.clone());
    let (lease, _) = relay.acquire(Uuid::from_u128(1), Duration::from_secs(600)).await.unwrap().unwrap();
    let owner = PgImport::new(&database.sandbox.postgres_owner_url()).unwrap();
    let refused = owner.begin().await.err();
    assert!(matches!(refused, Some(ImportRefused::InUse)), "{refused:?}");
    relay.release(lease).await.unwrap();
    assert!(owner.begin().await.is_ok());
}
