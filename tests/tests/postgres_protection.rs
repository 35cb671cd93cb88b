//! Nobody changes what was recorded: what is refused, and what is found out.

use anyhow::{Context as _, ensure};
use posthaste_application::chain::{Broken, Verifier};
use posthaste_application::port::cursors::{Connect, CursorMove, Device, SentMark};
use posthaste_application::port::{Cursors as _, EventLog};
use posthaste_application::recorded::Position;
use posthaste_domain::{Addressee, DeviceId, SessionId, UserId};
use posthaste_infrastructure::postgres::{PgCursors, PgLog};
use posthaste_tests::Database;
use posthaste_tests::drafts::{message, one_event, raw_append};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

fn id(n: u64) -> Uuid {
    Uuid::from_u64_pair(1, n)
}

/// A log of ten events, each of which names a user, and one moved cursor, beyond which something was sent.
async fn ten_events(test: &str) -> anyhow::Result<(Database, PgLog)> {
    let database = Database::new(test).await?;
    let log = PgLog::new(database.postgres.clone());
    for n in 1..=10 {
        let mut append = one_event(id(n), message(id(n)), 0);
        append.events[0].addressees.push(Addressee { user: UserId::new(id(1)), change: None });
        log.append(&[append]).await?[0].as_ref().map_err(Clone::clone)?;
    }
    let cursors = PgCursors::new(database.postgres.clone());
    let device = Device { user: UserId::new(id(1)), device: DeviceId::new(id(2)) };
    let at = log.read(Position::START, 1).await?[0].at;
    cursors.connect(Connect { device, session: SessionId::new(id(3)), cursor: None, at }).await?;
    cursors.advance(&[CursorMove { device, to: Position(5), at }]).await?;
    cursors.mark_sent(&[SentMark { device, to: Position(7), at }]).await?;
    Ok((database, log))
}

async fn refused(client: &Client, statement: &str) -> anyhow::Result<()> {
    let error = client.execute(statement, &[]).await.err().with_context(|| format!("not refused: {statement}"))?;
    ensure!(error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{statement}: {error:?}");
    Ok(())
}

#[tokio::test]
async fn the_server_can_neither_alter_the_log_nor_write_around_its_function() -> anyhow::Result<()> {
    let (database, _log) = ten_events("server_rights").await?;
    let server = database.server().await?;
    for table in ["events", "event_users", "log_head", "cursor_moves", "cursor_sends"] {
        let column = if table.starts_with("cursor_") { "to_position" } else { "position" };
        refused(&server, &format!("UPDATE {table} SET {column} = {column} + 1")).await?;
        refused(&server, &format!("DELETE FROM {table}")).await?;
        refused(&server, &format!("TRUNCATE {table}")).await?;
        refused(&server, &format!("ALTER TABLE {table} DISABLE TRIGGER ALL")).await?;
        refused(&server, &format!("DROP TABLE {table}")).await?;
    }
    for table in ["events", "event_users", "log_head"] {
        refused(&server, &format!("INSERT INTO {table} SELECT * FROM {table}")).await?;
    }
    refused(&server, "SET session_replication_role = replica").await?;
    refused(&server, "CREATE TABLE public.anything ()").await?;
    refused(&server, "DELETE FROM refinery_schema_history").await?;
    // What it does need.
    raw_append(&server, id(11)).await?;
    Ok(())
}

#[tokio::test]
async fn even_the_owner_cannot_alter_the_log_by_mistake() -> anyhow::Result<()> {
    let (database, log) = ten_events("owner_rights").await?;
    let owner = database.owner().await?;
    // Replication does not run ordinary triggers.
    for role in ["origin", "replica"] {
        owner.execute(&format!("SET session_replication_role = {role}"), &[]).await?;
        for table in ["events", "event_users", "cursor_moves", "cursor_sends"] {
            let column = if table.starts_with("cursor_") { "to_position" } else { "position" };
            refused(&owner, &format!("UPDATE {table} SET {column} = {column} + 1")).await?;
            refused(&owner, &format!("DELETE FROM {table} WHERE false")).await?;
            refused(&owner, &format!("TRUNCATE {table}")).await?;
        }
        refused(&owner, "INSERT INTO log_head SELECT position + 1, hash FROM log_head").await?;
        refused(&owner, "DELETE FROM log_head").await?;
        refused(&owner, "TRUNCATE log_head").await?;
    }
    verify(&log).await?.map_err(anyhow::Error::from)
}

#[tokio::test]
async fn a_table_of_the_caller_does_not_stand_in_for_the_log() -> anyhow::Result<()> {
    let (database, log) = ten_events("shadow").await?;
    let server = database.server().await?;
    server.execute("CREATE TEMPORARY TABLE log_head AS SELECT 1000::bigint AS position, ''::bytea AS hash", &[]).await?;
    server.execute("CREATE TEMPORARY TABLE events (LIKE public.events)", &[]).await?;
    server.execute("SET search_path = pg_temp, public", &[]).await?;
    assert_eq!(raw_append(&server, id(11)).await?, 11);
    assert_eq!(log.head().await?.position, Position(11));
    Ok(())
}

/// Walks the log as an auditor does.
async fn verify(log: &PgLog) -> anyhow::Result<Result<(), Broken>> {
    let mut verifier = Verifier::default();
    for event in log.read(Position::START, 1_000).await? {
        if let Err(broken) = verifier.check(&event) {
            return Ok(Err(broken));
        }
    }
    Ok(verifier.finish(log.head().await?))
}

/// What a verification finds first after somebody has done this with all triggers off.
async fn found_after(test: &str, tampering: &[&str]) -> anyhow::Result<u64> {
    let (database, log) = ten_events(test).await?;
    verify(&log).await?.context("before")?;
    let owner = database.owner().await?;
    for table in ["events", "event_users", "log_head"] {
        owner.execute(&format!("ALTER TABLE {table} DISABLE TRIGGER ALL"), &[]).await?;
    }
    for statement in tampering {
        ensure!(owner.execute(*statement, &[]).await? > 0, "nothing was tampered with: {statement}");
    }
    let broken = verify(&log).await?.err().with_context(|| format!("not found out: {tampering:?}"))?;
    Ok(broken.position().0)
}

#[tokio::test]
async fn an_edited_event_is_found() -> anyhow::Result<()> {
    for edit in [
        "facts = '{\"command\":\"another\"}'",
        // The same JSON in other bytes.
        "facts = (facts::text || ' ')::json",
        "content = 'something else'",
        "content = NULL",
        "actor = gen_random_uuid()",
        "thread_id = gen_random_uuid()",
        "stream_id = gen_random_uuid()",
        "category = 'thread'",
        "version = version + 1",
        "event_type = 'message.deleted'",
        "schema = schema + 1",
        "command_id = gen_random_uuid()",
        "ordinal = 1",
        "fingerprint = decode(repeat('02', 32), 'hex')",
        "correlation = gen_random_uuid()",
        "causation = gen_random_uuid()",
        "recorded_at = recorded_at + interval '1 microsecond'",
        "hash = decode(repeat('02', 32), 'hex')",
    ] {
        let found = found_after("edited", &[&format!("UPDATE events SET {edit} WHERE position = 7")]).await;
        assert_eq!(found.with_context(|| edit.to_owned())?, 7, "{edit}");
    }
    Ok(())
}

#[tokio::test]
async fn a_deleted_event_is_found() -> anyhow::Result<()> {
    assert_eq!(found_after("deleted_first", &["DELETE FROM events WHERE position = 1"]).await?, 1);
    assert_eq!(found_after("deleted", &["DELETE FROM events WHERE position = 7"]).await?, 7);
    let closed_up = ["DELETE FROM events WHERE position = 7", "UPDATE events SET position = position - 1 WHERE position > 7"];
    assert_eq!(found_after("closed_up", &closed_up).await?, 7);
    Ok(())
}

#[tokio::test]
async fn a_cut_tail_is_found() -> anyhow::Result<()> {
    assert_eq!(found_after("cut", &["DELETE FROM events WHERE position > 7"]).await?, 8);
    let head_too = ["DELETE FROM events WHERE position > 7", "UPDATE log_head SET position = 7"];
    assert_eq!(found_after("cut_head", &head_too).await?, 7, "the head has the hash of another event");
    assert_eq!(found_after("emptied", &["DELETE FROM events"]).await?, 1);
    Ok(())
}

#[tokio::test]
async fn reordered_events_are_found() -> anyhow::Result<()> {
    let swap = [
        "UPDATE events SET position = 100 WHERE position = 4",
        "UPDATE events SET position = 4 WHERE position = 7",
        "UPDATE events SET position = 7 WHERE position = 100",
    ];
    assert_eq!(found_after("reordered", &swap).await?, 4);
    Ok(())
}

#[tokio::test]
async fn an_inserted_event_is_found() -> anyhow::Result<()> {
    let columns = "position, version, recorded_at, stream_id, command_id, correlation, schema, ordinal, category, event_type, fingerprint, hash, facts";
    let insert = format!(
        "INSERT INTO events ({columns}) SELECT 11, 1, recorded_at, gen_random_uuid(), gen_random_uuid(), correlation, schema, ordinal,
         category, event_type, fingerprint, hash, facts FROM events WHERE position = 10"
    );
    assert_eq!(found_after("inserted", &[&insert]).await?, 11);
    Ok(())
}
