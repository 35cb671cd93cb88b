//! The log in PostgreSQL, where it can go wrong in ways of its own.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use posthaste_application::port::{EventLog, PortError};
use posthaste_application::recorded::Position;
use posthaste_infrastructure::postgres::{PgLog, Postgres, PostgresConfig};
use posthaste_tests::Database;
use posthaste_tests::drafts::{message, one_event, raw_append};
use tokio::time::timeout;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

/// Far beyond what anything here takes.
const DEADLINE: Duration = Duration::from_secs(30);

fn id(n: u64) -> Uuid {
    Uuid::from_u64_pair(1, n)
}

async fn record(log: &PgLog, n: u64) -> anyhow::Result<u64> {
    let answers = log.append(&[one_event(id(n), message(id(n)), 0)]).await?;
    Ok(answers[0].as_ref().map_err(Clone::clone)?.last.0)
}

async fn positions(log: &PgLog) -> anyhow::Result<Vec<u64>> {
    Ok(log.read(Position::START, 1_000).await?.iter().map(|event| event.position.0).collect())
}

async fn kill_backend(owner: &Client, pid: i32) -> anyhow::Result<()> {
    let gone = "SELECT pg_terminate_backend($1, 30000)";
    ensure!(owner.query_one(gone, &[&pid]).await?.get::<_, bool>(0), "backend {pid} does not end");
    Ok(())
}

async fn pid(client: &Client) -> anyhow::Result<i32> {
    Ok(client.query_one("SELECT pg_backend_pid()", &[]).await?.get(0))
}

#[tokio::test]
async fn positions_stay_dense_after_rollbacks_and_killed_backends() -> anyhow::Result<()> {
    let database = Database::new("dense").await?;
    let log = PgLog::new(database.postgres.clone());
    let owner = database.owner().await?;
    assert_eq!(record(&log, 1).await?, 1);

    let mut rolled_back = database.server().await?;
    let transaction = rolled_back.transaction().await?;
    assert_eq!(raw_append(&transaction, id(2)).await?, 2);
    assert_eq!(raw_append(&transaction, id(3)).await?, 3);
    transaction.rollback().await?;
    assert_eq!(record(&log, 4).await?, 2, "nothing is left of what was rolled back");

    let killed = database.server().await?;
    let victim = pid(&killed).await?;
    killed.execute("BEGIN", &[]).await?;
    assert_eq!(raw_append(&killed, id(5)).await?, 3);
    kill_backend(&owner, victim).await?;
    assert_eq!(record(&log, 6).await?, 3, "nothing is left of what was never committed");

    // Killed while it waits for the head that another transaction holds.
    let mut holder = database.server().await?;
    let transaction = holder.transaction().await?;
    raw_append(&transaction, id(7)).await?;
    let waiter = database.server().await?;
    let victim = pid(&waiter).await?;
    let waiting = tokio::spawn(async move { raw_append(&waiter, id(8)).await });
    until_waiting(&owner, victim).await?;
    kill_backend(&owner, victim).await?;
    ensure!(waiting.await?.is_err(), "a killed backend answered");
    transaction.commit().await?;
    assert_eq!(record(&log, 9).await?, 5);
    assert_eq!(positions(&log).await?, [1, 2, 3, 4, 5]);
    Ok(())
}

/// Returns when a backend waits for a lock.
async fn until_waiting(owner: &Client, pid: i32) -> anyhow::Result<()> {
    let state = "SELECT coalesce(wait_event_type, 'none') FROM pg_stat_activity WHERE pid = $1";
    let mut last = String::new();
    timeout(DEADLINE, async {
        loop {
            last = owner.query_one(state, &[&pid]).await?.get(0);
            if last == "Lock" {
                return anyhow::Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .with_context(|| format!("it does not wait for a lock, but for {last}"))?
}

#[tokio::test]
async fn an_append_that_waits_too_long_is_unavailable_and_the_pool_goes_on() -> anyhow::Result<()> {
    let database = Database::new("waits").await?;
    let config =
        PostgresConfig { statement_timeout: Duration::from_millis(200), ..PostgresConfig::new(database.sandbox.postgres_server_url()) };
    let log = PgLog::new(Postgres::connect(config).await?);
    let mut holder = database.server().await?;
    let transaction = holder.transaction().await?;
    raw_append(&transaction, id(1)).await?;
    for n in 2..6 {
        let answer = log.append(&[one_event(id(n), message(id(n)), 0)]).await;
        ensure!(matches!(answer, Err(PortError::Unavailable { .. })), "{answer:?}");
    }
    assert!(positions(&log).await?.is_empty(), "readers do not wait for writers");
    transaction.commit().await?;
    assert_eq!(record(&log, 6).await?, 2);
    Ok(())
}

#[tokio::test]
async fn an_append_retried_after_its_connection_was_cut_is_recorded_once() -> anyhow::Result<()> {
    let database = Database::new("cut").await?;
    let log = PgLog::new(database.postgres.clone());
    let owner = database.owner().await?;
    record(&log, 1).await?;
    let everyone_else = "
        SELECT count(pg_terminate_backend(pid, 30000)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for n in 2..10 {
        ensure!(owner.query_one(everyone_else, &[]).await?.get::<_, i64>(0) > 0, "nobody was connected");
        let position = timeout(DEADLINE, async {
            loop {
                match record(&log, n).await {
                    Ok(position) => return position,
                    Err(error) => eprintln!("again: {error:#}"),
                }
            }
        })
        .await?;
        assert_eq!(position, n);
    }
    assert_eq!(positions(&log).await?, (1..10).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn facts_that_are_not_json_are_rejected() -> anyhow::Result<()> {
    let database = Database::new("not_json").await?;
    let log = PgLog::new(database.postgres.clone());
    for facts in ["{", "", "{\"zero\":\"\0\"}"] {
        let mut append = one_event(id(1), message(id(1)), 0);
        append.events[0].facts = facts.to_owned();
        let answer = log.append(&[one_event(id(2), message(id(2)), 0), append]).await;
        ensure!(matches!(answer, Err(PortError::Rejected { .. })), "{facts:?}: {answer:?}");
    }
    assert!(positions(&log).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_reader_is_woken_by_what_another_process_appends() -> anyhow::Result<()> {
    let database = Database::new("woken").await?;
    let (reader, writer) = (PgLog::new(database.postgres.clone()), PgLog::new(database.postgres.clone()));
    for n in 1..5 {
        let woken = reader.grown(Position(n - 1));
        record(&writer, n).await?;
        timeout(DEADLINE, woken).await.context("not woken")?;
    }
    Ok(())
}

#[tokio::test]
async fn a_lost_listening_connection_is_made_again() -> anyhow::Result<()> {
    let database = Database::new("listening").await?;
    let (reader, writer) = (PgLog::new(database.postgres.clone()), PgLog::new(database.postgres.clone()));
    let owner = database.owner().await?;
    record(&writer, 1).await?;
    timeout(DEADLINE, reader.grown(Position::START)).await.context("not woken at first")?;
    for n in 2..4 {
        let listeners = "
            SELECT count(pg_terminate_backend(pid, 30000)) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'posthaste listener'";
        ensure!(owner.query_one(listeners, &[]).await?.get::<_, i64>(0) > 0, "nobody was listening");
        // Recorded while nobody listens: found by the look at the head that comes with listening again.
        record(&writer, n).await?;
        timeout(DEADLINE, reader.grown(Position(n - 1))).await.context("not woken again")?;
    }
    Ok(())
}

#[tokio::test]
async fn a_batch_that_records_nothing_wakes_nobody() -> anyhow::Result<()> {
    let database = Database::new("quiet").await?;
    let log = PgLog::new(database.postgres.clone());
    record(&log, 1).await?;
    let before = log.head().await?;
    // Refused, and repeated.
    let answers = log.append(&[one_event(id(2), message(id(1)), 0), one_event(id(1), message(id(1)), 0)]).await?;
    ensure!(answers[0].is_err() && answers[1].as_ref().is_ok_and(|appended| appended.repeated), "{answers:?}");
    assert_eq!(log.head().await?, before);
    let written = "SELECT xmin::text FROM log_head";
    let owner = database.owner().await?;
    let version: String = owner.query_one(written, &[]).await?.get(0);
    log.append(&[one_event(id(3), message(id(1)), 0)]).await?;
    assert_eq!(owner.query_one(written, &[]).await?.get::<_, String>(0), version, "the head was not written");
    Ok(())
}

#[tokio::test]
async fn an_open_transaction_elsewhere_does_not_make_the_head_expensive() -> anyhow::Result<()> {
    let database = Database::new("long_transaction").await?;
    let mut owner = database.owner().await?;
    let looking_on = database.owner().await?;
    looking_on.execute("BEGIN ISOLATION LEVEL REPEATABLE READ", &[]).await?;
    looking_on.query_one("SELECT position FROM log_head", &[]).await?;

    // A version of the head for every one of these, and none of them can go while somebody might look at it.
    let transaction = owner.build_transaction().start().await?;
    for n in 0..2_000 {
        raw_append(&transaction, id(n)).await?;
    }
    transaction.commit().await?;
    let head = include_str!("../../infrastructure/src/postgres/sql/log_head.sql");
    let plan = owner.query(&format!("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) {head}"), &[]).await?;
    let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
    let buffers = plan.iter().find_map(|line| line.trim().strip_prefix("Buffers: shared hit=")).context("no buffers")?;
    let buffers: u64 = buffers.split(' ').next().unwrap_or_default().parse()?;
    ensure!(buffers < 8, "{buffers} pages for one row:\n{}", plan.join("\n"));
    drop(looking_on);
    Ok(())
}

#[tokio::test]
async fn a_fresh_log_is_never_scanned() -> anyhow::Result<()> {
    let database = Database::new("never_scanned").await?;
    let mut server = database.server().await?;
    let transaction = server.transaction().await?;
    for n in 0..50 {
        raw_append(&transaction, id(n)).await?;
    }
    let scans =
        "SELECT relname::text, coalesce(seq_scan, 0) FROM pg_stat_xact_user_tables WHERE relname IN ('events', 'log_head') ORDER BY 1";
    let scans: Vec<(String, i64)> = transaction.query(scans, &[]).await?.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(scans, [("events".to_owned(), 0), ("log_head".to_owned(), 0)]);
    Ok(())
}

#[tokio::test]
async fn an_append_under_a_stricter_isolation_fails_when_the_head_has_moved() -> anyhow::Result<()> {
    let database = Database::new("isolation").await?;
    let log = PgLog::new(database.postgres.clone());
    let server = database.server().await?;
    server.execute("BEGIN ISOLATION LEVEL REPEATABLE READ", &[]).await?;
    server.query_one("SELECT position FROM log_head", &[]).await?;
    record(&log, 1).await?;
    let error = raw_append(&server, id(1)).await.expect_err("it cannot see what was recorded");
    assert_eq!(error.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE));
    Ok(())
}
