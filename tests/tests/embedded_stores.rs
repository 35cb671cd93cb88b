//! Cursors, lease and credentials in SQLite.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::DateTime;
use posthaste_application::port::accounts::Credentials;
use posthaste_application::port::cursors::{CursorMove, Device};
use posthaste_application::port::lease::RelayStatus;
use posthaste_application::port::{Accounts, Clock, Cursors, RelayLease};
use posthaste_application::recorded::Position;
use posthaste_domain::text::Email;
use posthaste_domain::{DeviceId, UserId};
use posthaste_infrastructure::embedded::{Database, OpenError, SqliteAccounts, SqliteCursors, SqliteLease};
use posthaste_infrastructure::system::SystemClock;
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

mod accounts {
    use super::{Accounts, Arc, Database, SqliteAccounts, TempDir};

    posthaste_application::accounts_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn Accounts>, TempDir) {
        let directory = TempDir::new().expect("a directory");
        (Arc::new(SqliteAccounts::new(Database::open(directory.path()).expect("a database"))), directory)
    }
}

mod cursors {
    use super::{Arc, Cursors, Database, SqliteCursors, TempDir};

    posthaste_application::cursors_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn Cursors>, TempDir) {
        let directory = TempDir::new().expect("a directory");
        (Arc::new(SqliteCursors::new(Database::open(directory.path()).expect("a database"))), directory)
    }
}

mod lease {
    use super::{Arc, RelayLease, TempDir, open_lease};

    posthaste_application::lease_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn RelayLease>, TempDir) {
        let directory = TempDir::new().expect("a directory");
        (Arc::new(open_lease(directory.path()).expect("a database")), directory)
    }
}

#[tokio::test]
async fn cursors_and_their_history_are_there_after_closing_and_opening() -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    let device = Device { user: UserId::new(Uuid::from_u128(1)), device: DeviceId::new(Uuid::from_u128(2)) };
    let at = DateTime::from_timestamp(2_000_000_000, 0).context("a time")?;
    let cursors = SqliteCursors::new(Database::open(directory.path())?);
    cursors.open(device, Position(3), at).await?;
    cursors.advance(&[CursorMove { device, to: Position(9), at }]).await?;
    drop(cursors);

    let cursors = SqliteCursors::new(Database::open(directory.path())?);
    assert_eq!(cursors.open(device, Position(20), at).await?, Position(9));
    assert_eq!(cursors.receipts(&[device.user], Position(5)).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn the_history_of_the_cursors_cannot_be_changed() -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    let device = Device { user: UserId::new(Uuid::from_u128(1)), device: DeviceId::new(Uuid::from_u128(2)) };
    let cursors = SqliteCursors::new(Database::open(directory.path())?);
    cursors.open(device, Position::START, DateTime::UNIX_EPOCH).await?;
    cursors.advance(&[CursorMove { device, to: Position(9), at: DateTime::UNIX_EPOCH }]).await?;
    for statement in ["UPDATE cursor_moves SET moved_at = 1", "DELETE FROM cursor_moves"] {
        let refused = Connection::open(directory.path().join("posthaste.db"))?.execute_batch(statement);
        ensure!(refused.as_ref().is_err_and(|error| error.to_string().contains("history only grows")), "{statement}: {refused:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_new_process_relays_at_once_from_the_checkpoint_of_the_one_before() -> anyhow::Result<()> {
    const LONG: Duration = Duration::from_secs(3_600);
    let directory = TempDir::new()?;
    let (before, after) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let lease = open_lease(directory.path())?;
    let (held, _) = lease.acquire(before, LONG).await?.context("the lease is free")?;
    lease.checkpoint(held, Position(7), LONG).await??;
    drop(lease);

    // It ended without releasing anything, long before its time ran out.
    let lease = open_lease(directory.path())?;
    assert_eq!(lease.status().await?, RelayStatus { epoch: held.epoch, holder: None, checkpoint: Position(7) });
    let (taken, from) = lease.acquire(after, LONG).await?.context("the lease is free")?;
    assert_eq!(from, Position(7));
    ensure!(taken.epoch > held.epoch, "{taken:?} after {held:?}");
    Ok(())
}

#[tokio::test]
async fn credentials_are_there_after_closing_and_opening() -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    let user = UserId::new(Uuid::from_u128(1));
    let credentials = Credentials { user, email: Email::parse("ann@example.org")?, password_hash: "$argon2id$".to_owned() };
    SqliteAccounts::new(Database::open(directory.path())?).create(&credentials).await?;
    assert_eq!(SqliteAccounts::new(Database::open(directory.path())?).find(user).await?, Some(credentials));
    Ok(())
}

fn open_lease(directory: &Path) -> Result<SqliteLease, OpenError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ok(SqliteLease::new(Database::open(directory)?, clock))
}
