//! Cursors, lease, credentials and passcodes in SQLite.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, TimeDelta};
use posthaste_application::port::accounts::Credentials;
use posthaste_application::port::cursors::{Connect, Connected, CursorMove, Device, SentMark};
use posthaste_application::port::desk::{Answer, Ask, Slip};
use posthaste_application::port::lease::RelayStatus;
use posthaste_application::port::{
    Accounts, Clock, ContentKeys, Cursors, Desk as _, EventLog, Factors, Identities, MailQueue, OneTimeTokens, Passcodes, Passkeys,
    RelayLease, Sessions,
};
use posthaste_application::recorded::Position;
use posthaste_application::view::ViewName;
use posthaste_domain::text::Email;
use posthaste_domain::{DeviceId, SessionId, UserId};
use posthaste_infrastructure::embedded::{
    Database, OpenError, SqliteAccounts, SqliteCursors, SqliteDesk, SqliteFactors, SqliteIdentities, SqliteImport, SqliteKeys, SqliteLease,
    SqliteLog, SqliteMailQueue, SqliteOneTimeTokens, SqlitePasscodes, SqlitePasskeys, SqliteSessions, SqliteWebhooks,
};
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

mod sessions {
    use super::{Arc, Database, Sessions, SqliteSessions, TempDir};

    posthaste_application::sessions_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn Sessions>, TempDir) {
        let directory = TempDir::new().expect("a directory");
        (Arc::new(SqliteSessions::new(Database::open(directory.path()).expect("a database"))), directory)
    }
}

/// What tests of logins stand on does the same.
mod sessions_in_memory {
    use posthaste_application::port::sessions::memory::MemorySessions;

    use super::{Arc, Sessions};

    posthaste_application::sessions_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn Sessions>, ()) {
        (Arc::new(MemorySessions::default()), ())
    }
}

mod keys {
    use super::{Arc, ContentKeys, Database, SqliteKeys, TempDir};

    posthaste_application::content_keys_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn ContentKeys>, TempDir) {
        let directory = TempDir::new().expect("a directory");
        (Arc::new(SqliteKeys::new(Database::open(directory.path()).expect("a database"))), directory)
    }
}

mod keys_in_memory {
    use posthaste_application::port::keys::memory::MemoryKeys;

    use super::{Arc, ContentKeys};

    posthaste_application::content_keys_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn ContentKeys>, ()) {
        (Arc::new(MemoryKeys::default()), ())
    }
}

mod one_time {
    use super::{Arc, Database, OneTimeTokens, SqliteOneTimeTokens, TempDir};

    posthaste_application::one_time_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn OneTimeTokens>, TempDir) {
        let directory = TempDir::new().expect("a directory");
        (Arc::new(SqliteOneTimeTokens::new(Database::open(directory.path()).expect("a database"))), directory)
    }
}

/// What tests of mail stand on does the same.
mod one_time_in_memory {
    use posthaste_application::port::one_time::memory::MemoryOneTimeTokens;

    use super::{Arc, OneTimeTokens};

    posthaste_application::one_time_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn OneTimeTokens>, ()) {
        (Arc::new(MemoryOneTimeTokens::default()), ())
    }
}

mod mail_queue {
    use super::{Arc, Database, MailQueue, SqliteMailQueue, TempDir};

    posthaste_application::mail_queue_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn MailQueue>, TempDir) {
        let directory = TempDir::new().expect("a directory");
        (Arc::new(SqliteMailQueue::new(Database::open(directory.path()).expect("a database"))), directory)
    }
}

mod mail_queue_in_memory {
    use posthaste_application::port::mail_queue::memory::MemoryMailQueue;

    use super::{Arc, MailQueue};

    posthaste_application::mail_queue_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn MailQueue>, ()) {
        (Arc::new(MemoryMailQueue::default()), ())
    }
}

mod factors {
    use super::{Arc, Database, Factors, SqliteFactors, TempDir};

    posthaste_application::factors_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn Factors>, TempDir) {
        let directory = TempDir::new().expect("a directory");
        (Arc::new(SqliteFactors::new(Database::open(directory.path()).expect("a database"))), directory)
    }
}

mod passkeys {
    use super::{Arc, Database, Passkeys, SqlitePasskeys, TempDir};

    posthaste_application::passkeys_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn Passkeys>, TempDir) {
        let directory = TempDir::new().expect("a directory");
        (Arc::new(SqlitePasskeys::new(Database::open(directory.path()).expect("a database"))), directory)
    }
}

/// What tests of passkeys stand on does the same.
mod passkeys_in_memory {
    use posthaste_application::port::passkeys::memory::MemoryPasskeys;

    use super::{Arc, Passkeys};

    posthaste_application::passkeys_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn Passkeys>, ()) {
        (Arc::new(MemoryPasskeys::default()), ())
    }
}

mod identities {
    use super::{Arc, Database, Identities, SqliteIdentities, TempDir};

    posthaste_application::identities_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn Identities>, TempDir) {
        let directory = TempDir::new().expect("a directory");
        (Arc::new(SqliteIdentities::new(Database::open(directory.path()).expect("a database"))), directory)
    }
}

/// What tests of REST stand on does the same.
mod identities_in_memory {
    use posthaste_application::port::identities::memory::MemoryIdentities;

    use super::{Arc, Identities};

    posthaste_application::identities_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn Identities>, ()) {
        (Arc::new(MemoryIdentities::default()), ())
    }
}

/// What tests of second factors stand on does the same.
mod factors_in_memory {
    use posthaste_application::port::factors::memory::MemoryFactors;

    use super::{Arc, Factors};

    posthaste_application::factors_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn Factors>, ()) {
        (Arc::new(MemoryFactors::default()), ())
    }
}

mod passcodes {
    use super::{Arc, Database, Passcodes, SqlitePasscodes, TempDir};

    posthaste_application::passcodes_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn Passcodes>, TempDir) {
        let directory = TempDir::new().expect("a directory");
        (Arc::new(SqlitePasscodes::new(Database::open(directory.path()).expect("a database"))), directory)
    }
}

mod cursors {
    use super::{Arc, Cursors, Database, EventLog, SqliteCursors, SqliteLog, SystemClock, TempDir};

    posthaste_application::cursors_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn Cursors>, Arc<dyn EventLog>, TempDir) {
        let directory = TempDir::new().expect("a directory");
        let database = Database::open(directory.path()).expect("a database");
        (Arc::new(SqliteCursors::new(Arc::clone(&database))), Arc::new(SqliteLog::new(database, Arc::new(SystemClock))), directory)
    }
}

mod import {
    use posthaste_application::port::import::contract::Store;

    use super::{Arc, Database, SqliteImport, SqliteLease, SqliteLog, SqliteWebhooks, SystemClock, TempDir};

    posthaste_application::import_contract!(fresh);

    async fn fresh(_test: &str) -> (Store, TempDir) {
        let directory = TempDir::new().expect("a directory");
        let database = Database::open(directory.path()).expect("a database");
        let clock = Arc::new(SystemClock);
        let store = Store {
            import: Arc::new(SqliteImport::new(Arc::clone(&database))),
            log: Arc::new(SqliteLog::new(Arc::clone(&database), Arc::clone(&clock) as _)),
            relay: Arc::new(SqliteLease::new(Arc::clone(&database), Arc::clone(&clock) as _)),
            webhooks: Arc::new(SqliteWebhooks::new(database, clock)),
        };
        (store, directory)
    }
}

mod dead {
    use posthaste_application::port::dead::contract::Store;
    use posthaste_infrastructure::embedded::{MemoryViews, SqliteDeadLetters};

    use super::{Arc, Database, SqliteLog, SqliteWebhooks, SystemClock, TempDir};

    posthaste_application::dead_contract!(fresh);

    async fn fresh(_test: &str) -> (Store, TempDir) {
        let directory = TempDir::new().expect("a directory");
        let database = Database::open(directory.path()).expect("a database");
        let clock = Arc::new(SystemClock);
        let letters = Arc::new(SqliteDeadLetters::new(Arc::clone(&database), Arc::clone(&clock) as _));
        let views = MemoryViews::new(&letters);
        let store = Store {
            dead: letters,
            log: Arc::new(SqliteLog::new(Arc::clone(&database), Arc::clone(&clock) as _)),
            webhooks: Arc::new(SqliteWebhooks::new(database, clock)),
            projections: views.projections(),
            rebuilds: Arc::new(views.rebuilds()),
        };
        (store, directory)
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

mod webhooks {
    use super::{Arc, Database, SqliteWebhooks, SystemClock, TempDir};
    use posthaste_application::port::Webhooks;

    posthaste_application::webhooks_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn Webhooks>, TempDir) {
        let directory = TempDir::new().expect("a directory");
        let database = Database::open(directory.path()).expect("a database");
        (Arc::new(SqliteWebhooks::new(database, Arc::new(SystemClock))), directory)
    }
}

mod queue {
    use posthaste_application::port::queue::contract;
    use posthaste_application::port::{EventLog, EventQueue};
    use posthaste_infrastructure::embedded::{SqliteLog, SqliteQueue};
    use posthaste_tests::drafts::{message, one_event};

    use super::{Arc, Connection, Database, Position, SystemClock, TempDir, Uuid};

    posthaste_application::queue_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn EventQueue>, Told, TempDir) {
        let directory = TempDir::new().expect("a directory");
        let (queue, told) = open(&directory).await;
        (queue, told, directory)
    }

    async fn open(directory: &TempDir) -> (Arc<dyn EventQueue>, Told) {
        let database = Database::open(directory.path()).expect("a database");
        let log: Arc<dyn EventLog> = Arc::new(SqliteLog::new(Arc::clone(&database), Arc::new(SystemClock)));
        let queue = SqliteQueue::declare(Arc::clone(&log), database, contract::consumer()).await.expect("a queue");
        (Arc::new(queue), Told(log))
    }

    struct Told(Arc<dyn EventLog>);

    #[async_trait::async_trait]
    impl contract::Teller for Told {
        async fn tell(&mut self, types: &[&str]) -> Vec<Position> {
            let mut told = Vec::new();
            for event_type in types {
                let mut append = one_event(Uuid::from_u128(rand::random()), message(Uuid::from_u128(rand::random())), 0);
                append.events[0].event_type = (*event_type).to_owned();
                let appended = self.0.append(&[append]).await.expect("appended").remove(0).expect("appended");
                told.push(appended.first);
            }
            told
        }
    }

    #[tokio::test]
    async fn what_was_rejected_too_often_is_kept_and_stays_given_up_after_closing_and_opening() {
        let directory = TempDir::new().expect("a directory");
        let (queue, mut told) = open(&directory).await;
        contract::what_is_rejected_too_often_is_given_up(Arc::clone(&queue), &mut told).await;
        drop((queue, told));
        let file = Connection::open(directory.path().join("posthaste.db")).expect("the file");
        let dead: i64 = file.query_row("SELECT count(*) FROM consumer_dead", (), |row| row.get(0)).expect("a count");
        assert_eq!(dead, 1);
        drop(file);
        let (queue, mut told) = open(&directory).await;
        let mut consumption = queue.consume().await.expect("it can be consumed");
        let second = consumption.next(10).await.expect("what was not accepted");
        assert_eq!(second.iter().map(|delivery| delivery.event.position.0).collect::<Vec<_>>(), [2]);
        contract::Teller::tell(&mut told, &["message.posted"]).await;
        assert_eq!(consumption.next(10).await.expect("more")[0].event.position, Position(3));
    }
}

#[tokio::test]
async fn cursors_and_their_history_are_there_after_closing_and_opening() -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    let device = Device { user: UserId::new(Uuid::from_u128(1)), device: DeviceId::new(Uuid::from_u128(2)) };
    let at = DateTime::from_timestamp(2_000_000_000, 0).context("a time")?;
    let cursors = SqliteCursors::new(Database::open(directory.path())?);
    open(&cursors, device).await?;
    cursors.advance(&[CursorMove { device, to: Position(9), at }]).await?;
    cursors.mark_sent(&[SentMark { device, to: Position(12), at }]).await?;
    drop(cursors);

    let cursors = SqliteCursors::new(Database::open(directory.path())?);
    assert_eq!(open(&cursors, device).await?, Position(9));
    assert_eq!(cursors.receipts(&[device.user], Position(5)).await?.len(), 1);
    assert_eq!(cursors.sends(&[device.user], Position(11)).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn the_history_of_the_cursors_cannot_be_changed() -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    let device = Device { user: UserId::new(Uuid::from_u128(1)), device: DeviceId::new(Uuid::from_u128(2)) };
    let cursors = SqliteCursors::new(Database::open(directory.path())?);
    open(&cursors, device).await?;
    cursors.advance(&[CursorMove { device, to: Position(9), at: DateTime::UNIX_EPOCH }]).await?;
    cursors.mark_sent(&[SentMark { device, to: Position(12), at: DateTime::UNIX_EPOCH }]).await?;
    let changes = [
        "UPDATE cursor_moves SET moved_at = 1",
        "DELETE FROM cursor_moves",
        "UPDATE cursor_sends SET sent_at = 1",
        "DELETE FROM cursor_sends",
    ];
    for statement in changes {
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
    let credentials = Credentials { user, email: Email::parse("ann@example.org")?, password_hash: Some("$argon2id$".to_owned()) };
    SqliteAccounts::new(Database::open(directory.path())?).create(&credentials).await?;
    assert_eq!(SqliteAccounts::new(Database::open(directory.path())?).find(user).await?, Some(credentials));
    Ok(())
}

async fn open(cursors: &SqliteCursors, device: Device) -> anyhow::Result<Position> {
    let ask = Connect { device, session: SessionId::new(Uuid::nil()), cursor: None, at: DateTime::UNIX_EPOCH };
    match cursors.connect(ask).await? {
        Connected::Welcome(welcome) => Ok(welcome.cursor),
        other @ (Connected::Revoked | Connected::Suspended | Connected::BeyondHead { .. }) => bail!("{other:?}"),
    }
}

fn open_lease(directory: &Path) -> Result<SqliteLease, OpenError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ok(SqliteLease::new(Database::open(directory)?, clock))
}

#[tokio::test]
async fn what_is_asked_beside_a_server_is_found_in_its_order_answered_and_taken_back() -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    let server = SqliteDesk::new(Database::open(directory.path())?);
    let beside = SqliteDesk::new(Database::open_beside(directory.path())?);
    let now = SystemClock.now();
    let (verify, rebuild) = (Ask::Verify { view: ViewName::People, most: 3 }, Ask::Rebuild { view: ViewName::Timeline });
    let (first, second) = (beside.ask(verify, now).await?, beside.ask(rebuild, now).await?);
    let third = beside.ask(Ask::Status, now).await?;
    assert_eq!(server.open().await?, [(first, verify), (second, rebuild), (third, Ask::Status)]);
    assert_eq!(beside.slip(first).await?, Some(Slip::Waits));
    assert!(server.tell(first, Position(4), Position(9)).await?);
    assert_eq!(beside.slip(first).await?, Some(Slip::UnderWay { position: Position(4), goal: Position(9) }));

    let answer = Answer::Failed { reason: "it is tired".to_owned() };
    server.answer(first, &answer).await?;
    assert_eq!(beside.slip(first).await?, Some(Slip::Done(answer.clone())));
    assert_eq!(server.open().await?, [(second, rebuild), (third, Ask::Status)]);
    let status =
        Answer::Status { at: now, views: vec![(ViewName::Threads, Position(7), None), (ViewName::People, Position(7), Some(Position(2)))] };
    server.answer(third, &status).await?;
    assert_eq!(beside.slip(third).await?, Some(Slip::Done(status)));

    beside.withdraw(second).await?;
    assert_eq!((beside.slip(second).await?, server.tell(second, Position(1), Position(9)).await?), (None, false));
    server.answer(second, &answer).await?;
    assert_eq!((beside.slip(second).await?, server.open().await?), (None, vec![]));
    // Whoever went without a word is forgotten when somebody asks again much later.
    let later = beside.ask(rebuild, now + TimeDelta::days(2)).await?;
    assert_eq!((beside.slip(first).await?, server.open().await?), (None, vec![(later, rebuild)]));
    Ok(())
}

#[test]
fn a_data_folder_is_in_use_while_somebody_has_it_and_to_look_keeps_nobody_out() -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    assert!(!Database::is_in_use(directory.path()));
    let database = Database::open(directory.path())?;
    assert!(Database::is_in_use(directory.path()));
    assert!(matches!(Database::open(directory.path()), Err(OpenError::InUse { .. })));
    drop(database);
    // One looks as often as it can while another opens.
    let going = Arc::new(AtomicBool::new(true));
    let looks = {
        let (going, path) = (Arc::clone(&going), directory.path().to_owned());
        std::thread::spawn(move || {
            while going.load(Ordering::Relaxed) {
                let _ = Database::is_in_use(&path);
                std::thread::yield_now();
            }
        })
    };
    for _ in 0..20 {
        drop(Database::open(directory.path())?);
    }
    going.store(false, Ordering::Relaxed);
    looks.join().unwrap();
    Ok(())
}
