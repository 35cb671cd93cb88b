//! The event log in SQLite, and the file it lives in.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::ensure;
use posthaste_application::chain::{Broken, Verifier};
use posthaste_application::log_contract;
use posthaste_application::port::{EventLog, PortError};
use posthaste_application::recorded::{Append, Appended, Check, Expected, NewEvent, Position, StreamId};
use posthaste_domain::{Addressee, Category, CommandId, MembershipChange, ThreadId, UserId};
use posthaste_infrastructure::embedded::{Database, OpenError, SqliteLog};
use posthaste_infrastructure::system::SystemClock;
use posthaste_tests::bulk;
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

log_contract!(fresh);

async fn fresh(_test: &str) -> (Arc<dyn EventLog>, TempDir) {
    let directory = TempDir::new().expect("a directory");
    (Arc::new(open(directory.path()).expect("a log")), directory)
}

#[tokio::test]
async fn what_was_recorded_is_there_after_closing_and_opening() -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    let log = open(directory.path())?;
    record(&log, 1..=5).await?;
    let (events, head) = (log.read(Position::START, 10).await?, log.head().await?);
    assert_eq!(events.len(), 5);
    drop(log);

    let log = open(directory.path())?;
    assert_eq!(log.read(Position::START, 10).await?, events);
    assert_eq!(log.head().await?, head);
    assert_eq!(log.append(&[append(3)]).await?, [Ok(Appended { first: Position(3), last: Position(3), repeated: true })]);
    assert_eq!(log.append(&[append(6)]).await?, [Ok(Appended { first: Position(6), last: Position(6), repeated: false })]);
    verify(&log).await??;
    Ok(())
}

/// What is in a thread is sorted in by the thousand: what was sorted in, and what was not yet, is one sequence.
#[tokio::test]
async fn a_member_reads_their_thread_over_everything_that_was_sorted_in_and_recorded_since() -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    let log = open(directory.path())?;
    let opened = bulk::threads();
    let (member, thread) = (opened[0].actor.expect("who opened it"), opened[0].events[0].thread);
    log.append(&opened).await?;
    for from in (0..5_000).step_by(500) {
        log.append(&bulk::messages(from, 500)).await?;
    }
    let (head, all) = (log.head().await?.position, log.read(Position::START, 10_000).await?);
    let expected: Vec<_> = all.iter().filter(|event| event.thread == thread).map(|event| event.position).collect();
    assert!(head.0 == 5_200 && expected.len() == 26, "{head}: {expected:?}");
    let file = Connection::open(directory.path().join("posthaste.db"))?;
    let unsorted: i64 = file.query_row("SELECT count(*) FROM thread_events_recent", (), |row| row.get(0))?;
    assert!((1..2_048).contains(&unsorted), "{unsorted}");
    // As the programs before schema 18 ask, which take this file as well.
    let asked = "SELECT position FROM thread_events WHERE thread_id = ?1
                 UNION ALL SELECT position FROM thread_events_recent WHERE thread_id = ?1 ORDER BY position";
    let mut asked = file.prepare(asked)?;
    let found = asked.query_map([thread.expect("it has one").uuid().as_bytes()], |row| row.get::<_, i64>(0))?;
    assert_eq!(found.map(|position| Ok(Position(position?.unsigned_abs()))).collect::<anyhow::Result<Vec<_>>>()?, expected);
    for limit in [1, 7, 100] {
        let mut read: Vec<Position> = Vec::new();
        loop {
            let page = log.read_for_user(member, read.last().copied().unwrap_or_default(), head, limit).await?;
            if page.is_empty() {
                break;
            }
            read.extend(page.iter().map(|event| event.position));
        }
        assert_eq!(read, expected, "{limit} at a time");
    }
    Ok(())
}

#[tokio::test]
async fn a_data_directory_serves_one_writer_at_a_time() -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    let first = open(directory.path())?;
    let second = Database::open(directory.path());
    ensure!(matches!(second, Err(OpenError::InUse { .. })), "{second:?}");
    record(&first, 1..=1).await?;

    drop(first);
    record(&open(directory.path())?, 2..=2).await
}

/// What is being started from a process has all of its files open for a moment, the lock on the directory too.
#[test]
fn a_directory_that_was_let_go_of_is_free_also_while_processes_are_started() -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert!(Command::new("true").status().is_ok_and(|status| status.success()));
                }
            });
        }
        let opened = (0..100).try_for_each(|_| Database::open(directory.path()).map(drop));
        done.store(true, Ordering::Relaxed);
        Ok(opened?)
    })
}

#[tokio::test]
async fn a_log_can_be_read_beside_the_server_that_writes_it() -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    let writing = open(directory.path())?;
    record(&writing, 1..=3).await?;
    let reading = open_read_only(directory.path())?;
    assert_eq!(reading.head().await?, writing.head().await?);
    record(&writing, 4..=5).await?;
    assert_eq!(reading.read(Position(3), 10).await?, writing.read(Position(3), 10).await?);
    assert_eq!(reading.head().await?.position, Position(5));

    let refused = reading.append(&[append(6)]).await;
    ensure!(matches!(refused, Err(PortError::Rejected { .. })), "{refused:?}");
    drop(writing);
    verify(&reading).await??;
    Ok(())
}

#[tokio::test]
async fn a_log_can_be_read_when_no_server_runs() -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    record(&open(directory.path())?, 1..=3).await?;
    let reading = open_read_only(directory.path())?;
    assert_eq!(reading.head().await?.position, Position(3));
    // Nor does a reader keep a server from starting.
    record(&open(directory.path())?, 4..=4).await?;
    assert_eq!(reading.head().await?.position, Position(4));
    Ok(())
}

#[test]
fn there_is_nothing_to_read_where_no_server_ever_ran() {
    let directory = TempDir::new().unwrap();
    let missing = directory.path().join("missing");
    for directory in [directory.path(), &missing] {
        let opened = Database::open_read_only(directory);
        assert!(matches!(opened, Err(OpenError::Missing { .. })), "{opened:?}");
    }
    assert!(!missing.exists(), "reading creates nothing");
}

#[test]
fn a_file_of_an_unknown_version_is_left_alone() -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    drop(Database::open(directory.path())?);
    let known: i64 =
        rusqlite::Connection::open(directory.path().join("posthaste.db"))?.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    for version in [0, known + 1, -1, 1_000] {
        let directory = TempDir::new()?;
        drop(Database::open(directory.path())?);
        tamper(directory.path(), &format!("PRAGMA user_version = {version}; UPDATE schema_compat SET oldest = {known} + 1"))?;
        for opened in [Database::open(directory.path()), Database::open_read_only(directory.path())] {
            let error = opened.err().map(|error| error.to_string()).unwrap_or_default();
            ensure!(error.ends_with(&format!("has schema version {version}, and this version of posthaste knows {known}")), "{error:?}");
        }
    }
    Ok(())
}

#[test]
fn a_file_of_another_program_is_left_alone() -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    tamper(directory.path(), "CREATE TABLE notes (text TEXT); PRAGMA user_version = 1")?;
    for opened in [Database::open(directory.path()), Database::open_read_only(directory.path())] {
        ensure!(matches!(opened, Err(OpenError::Foreign { .. })), "{opened:?}");
    }

    let directory = TempDir::new()?;
    std::fs::write(directory.path().join("posthaste.db"), "Dear diary, ".repeat(1_000))?;
    for opened in [Database::open(directory.path()), Database::open_read_only(directory.path())] {
        ensure!(matches!(opened, Err(OpenError::Sqlite { .. })), "{opened:?}");
    }
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_new_data_directory_is_for_its_owner_alone() -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = TempDir::new()?;
    let data = directory.path().join("some/where");
    drop(Database::open(&data)?);
    assert_eq!(std::fs::metadata(data)?.permissions().mode() & 0o777, 0o700);
    Ok(())
}

#[tokio::test]
async fn the_file_itself_refuses_to_change_or_forget_the_log() -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    record(&open(directory.path())?, 1..=3).await?;
    for (statement, grows) in [
        ("UPDATE events SET facts = '{}' WHERE position = 2", "the log only grows"),
        ("DELETE FROM events WHERE position = 3", "the log only grows"),
        ("DELETE FROM events", "the log only grows"),
        ("UPDATE event_users SET change = NULL", "the log only grows"),
        ("DELETE FROM event_users", "the log only grows"),
    ] {
        let refused = tamper(directory.path(), statement);
        ensure!(refused.as_ref().is_err_and(|error| error.to_string().contains(grows)), "{statement}: {refused:?}");
    }
    verify(&open_read_only(directory.path())?).await??;
    Ok(())
}

#[tokio::test]
async fn whoever_gets_around_that_is_found_out() -> anyhow::Result<()> {
    const FREE: &str = "DROP TRIGGER events_are_not_changed; DROP TRIGGER events_are_not_deleted;";
    let altered = |position| Broken::Altered { position: Position(position) };
    let gap = |expected, found| Broken::Gap { expected: Position(expected), found: Position(found) };
    for (tampering, broken) in [
        ("UPDATE events SET facts = '{\"number\":20}' WHERE position = 2", altered(2)),
        ("UPDATE events SET facts = facts || ' ' WHERE position = 2", altered(2)),
        ("UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 3", altered(3)),
        ("UPDATE events SET actor = x'00000000000000000000000000000009' WHERE position = 4", altered(4)),
        ("UPDATE events SET content = NULL WHERE position = 4", altered(4)),
        ("DELETE FROM events WHERE position = 2", gap(2, 3)),
        ("UPDATE events SET position = 9 WHERE position = 3", gap(3, 4)),
        ("DELETE FROM events WHERE position = 5", Broken::Cut { end: Position(4), head: Position(5) }),
        ("UPDATE log_head SET position = 4", Broken::Cut { end: Position(5), head: Position(4) }),
        ("UPDATE log_head SET hash = zeroblob(32)", altered(5)),
    ] {
        let directory = TempDir::new()?;
        record(&open(directory.path())?, 1..=5).await?;
        tamper(directory.path(), &format!("{FREE} {tampering}"))?;
        assert_eq!(verify(&open_read_only(directory.path())?).await?, Err(broken), "{tampering}");
    }
    Ok(())
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_named() -> anyhow::Result<()> {
    for tampering in ["category = 'No category'", "stream_id = x'00'", "hash = x''", "facts = CAST(x'ff' AS TEXT)", "version = -1"] {
        let directory = TempDir::new()?;
        record(&open(directory.path())?, 1..=3).await?;
        tamper(directory.path(), &format!("DROP TRIGGER events_are_not_changed; UPDATE events SET {tampering} WHERE position = 2"))?;
        let read = open_read_only(directory.path())?.read(Position::START, 10).await;
        let Err(PortError::Corrupt { place, .. }) = &read else { anyhow::bail!("{tampering}: {read:?}") };
        assert_eq!(place, "the event at position 2", "{tampering}");
    }
    Ok(())
}

#[tokio::test]
async fn an_append_nobody_waits_for_any_more_is_recorded_whole() -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    let log = Arc::new(open(directory.path())?);
    for number in 1..=50 {
        let appending = tokio::spawn({
            let log = Arc::clone(&log);
            async move { log.append(&[append(number)]).await }
        });
        tokio::task::yield_now().await;
        appending.abort();
        let _ = appending.await;
    }
    let answers = log.append(&(1..=50).map(append).collect::<Vec<_>>()).await?;
    ensure!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(log.head().await?.position, Position(50), "each once");
    verify(&log).await??;
    Ok(())
}

fn open(directory: &Path) -> Result<SqliteLog, OpenError> {
    Ok(SqliteLog::new(Database::open(directory)?, Arc::new(SystemClock)))
}

fn open_read_only(directory: &Path) -> Result<SqliteLog, OpenError> {
    Ok(SqliteLog::new(Database::open_read_only(directory)?, Arc::new(SystemClock)))
}

fn tamper(directory: &Path, statements: &str) -> rusqlite::Result<()> {
    Connection::open(directory.join("posthaste.db"))?.execute_batch(statements)
}

async fn record(log: &SqliteLog, numbers: std::ops::RangeInclusive<u64>) -> anyhow::Result<()> {
    for answer in log.append(&numbers.map(append).collect::<Vec<_>>()).await? {
        answer?;
    }
    Ok(())
}

/// Walks the log in small steps, as `log verify` does.
async fn verify(log: &SqliteLog) -> Result<Result<(), Broken>, PortError> {
    let mut verifier = Verifier::default();
    loop {
        let events = log.read(verifier.position(), 2).await?;
        if events.is_empty() {
            return Ok(verifier.finish(log.head().await?));
        }
        for event in &events {
            if let Err(broken) = verifier.check(event) {
                return Ok(Err(broken));
            }
        }
    }
}

/// One event in a stream of its own, with every column filled.
fn append(number: u64) -> Append {
    let id = |kind| Uuid::from_u64_pair(kind, number);
    let stream = StreamId { category: Category::Message, id: id(1) };
    let joined = Addressee { user: UserId::new(id(2)), change: Some(MembershipChange::Joined) };
    Append {
        command: CommandId::new(id(3)),
        fingerprint: [4; 32],
        actor: Some(UserId::new(id(2))),
        correlation: id(5),
        causation: Some(id(6)),
        checks: vec![Check { stream, expected: Expected::NoStream }],
        events: vec![NewEvent {
            stream,
            version: 1,
            event_type: "message.posted".to_owned(),
            schema: 1,
            facts: format!("{{\"number\":{number}}}"),
            content: Some(b"\"content\"".to_vec()),
            owner: None,
            thread: Some(ThreadId::new(id(7))),
            addressees: vec![joined],
        }],
        unsealed: None,
    }
}
