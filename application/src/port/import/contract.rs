//! What every import does, as tests that any adapter runs; see [`crate::import_contract`].
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use posthaste_domain::message::MessageEvent;
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::{CommandId, Event, MessageId, ThreadId, UserId, UserPair};
use uuid::Uuid;

use super::{ImportRefused, Imported, Importing, LogImport};
use crate::chain::{self, GENESIS, Verifier};
use crate::codec;
use crate::port::log::MembershipWindow;
use crate::port::{EventLog, RelayLease, Webhooks};
use crate::recorded::{Append, Check, Decoded, Expected, Head, Position, Recorded, StreamId};

/// A store without a log, seen from every side that an import touches.
pub struct Store {
    /// The way in.
    pub import: Arc<dyn LogImport>,
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// How far the relay has come.
    pub relay: Arc<dyn RelayLease>,
    /// How far the webhooks have come.
    pub webhooks: Arc<dyn Webhooks>,
}

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to a [`Store`]
/// that nothing was recorded in and whatever must live as long as it.
#[macro_export]
macro_rules! import_contract {
    ($fresh:path) => {
        $crate::import_contract! { $fresh =>
            what_is_imported_is_byte_for_byte_what_was_recorded
            whom_an_event_is_owed_to_is_known_again
            an_import_that_is_not_committed_leaves_nothing
            a_log_that_is_not_empty_is_refused
            an_import_that_failed_cannot_be_committed
            the_log_goes_on_after_an_import
            nothing_that_was_imported_is_published_again
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (store, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::import::contract::$behaviour(store).await;
            }
        )+
    };
}

fn user(n: u64) -> UserId {
    UserId::new(Uuid::from_u64_pair(2, n))
}

fn pair() -> UserPair {
    UserPair::new(user(1), user(2)).expect("two users")
}

fn thread() -> ThreadId {
    ThreadId::direct(pair())
}

fn at(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_700_000_000_000_000 + micros).expect("a time")
}

/// A thread of two and a message in it, on which times go back, and whose bytes nobody would write like that.
fn history() -> Vec<Imported> {
    let opened = Event::Thread(ThreadEvent::Opened { thread: thread(), pair: pair(), by: user(1) });
    let message = MessageId::new(Uuid::from_u64_pair(4, 1));
    let posted = MessageEvent::Posted {
        message,
        thread: thread(),
        author: user(1),
        reply_to: None,
        mentions: Vec::new(),
        forwarded: None,
        content: None.into(),
    };
    let mut before = GENESIS;
    let mut recorded = |position: u64, stream, event: &Event, micros, facts: Option<&str>| {
        let new = codec::encode(stream, 1, event);
        let mut event = Recorded {
            position: Position(position),
            stream,
            version: 1,
            event_type: new.event_type,
            schema: new.schema,
            facts: facts.map_or(new.facts, ToOwned::to_owned),
            content: (position == 2).then(|| b"{\"kind\" : \"text\",\n\"text\":\"\xc3\xa4\"}".to_vec()),
            thread: new.thread,
            actor: (position == 2).then(|| user(1)),
            command: CommandId::new(Uuid::from_u64_pair(1, position)),
            ordinal: 0,
            fingerprint: [7; 32],
            correlation: Uuid::from_u64_pair(5, position),
            causation: (position == 2).then(|| Uuid::from_u64_pair(6, position)),
            at: at(micros),
            hash: GENESIS,
            decoded: Decoded::default(),
        };
        event.hash = chain::hash(&before, &event);
        before = event.hash;
        Imported { addressees: codec::addressees(&event).expect("readable"), event }
    };
    let facts = format!("{{ \"author\":\"{}\",\"message\" : \"{message}\", \"thread\":\"{}\" }}", user(1), thread());
    vec![
        recorded(1, StreamId { category: opened.category(), id: thread().uuid() }, &opened, 1_000_001, None),
        recorded(2, StreamId { category: Event::from(posted.clone()).category(), id: message.uuid() }, &posted.into(), 3, Some(&facts)),
    ]
}

fn head(events: &[Imported]) -> Head {
    events.last().map(|last| Head { position: last.event.position, hash: last.event.hash }).expect("events")
}

async fn begin(store: &Store) -> Box<dyn Importing> {
    store.import.begin().await.unwrap_or_else(|refused| panic!("{refused:?}"))
}

async fn imported(store: &Store) -> Vec<Recorded> {
    let events = history();
    let mut import = begin(store).await;
    import.record(events[..1].to_vec()).await.expect("recorded");
    import.record(events[1..].to_vec()).await.expect("recorded");
    import.commit(head(&events)).await.expect("committed");
    events.into_iter().map(|imported| imported.event).collect()
}

/// An append that goes on with the thread of the history, or begins it.
fn append(n: u64, version: u64) -> Append {
    let stream = StreamId { category: posthaste_domain::Category::Thread, id: thread().uuid() };
    let event = Event::Thread(ThreadEvent::Opened { thread: thread(), pair: pair(), by: user(1) });
    Append {
        command: CommandId::new(Uuid::from_u64_pair(1, n)),
        fingerprint: [7; 32],
        actor: None,
        correlation: Uuid::nil(),
        causation: None,
        checks: vec![Check { stream, expected: Expected::of(version) }],
        events: vec![codec::encode(stream, version + 1, &event)],
        unsealed: None,
    }
}

pub async fn what_is_imported_is_byte_for_byte_what_was_recorded(store: Store) {
    let events = imported(&store).await;
    assert_eq!(store.log.read(Position::START, 10).await.expect("readable"), events);
    let mut verifier = Verifier::default();
    for event in &events {
        verifier.check(event).expect("a link");
    }
    verifier.finish(store.log.head().await.expect("a head")).expect("the end");
}

pub async fn whom_an_event_is_owed_to_is_known_again(store: Store) {
    let events = imported(&store).await;
    for who in [user(1), user(2)] {
        let owed = store.log.read_for_user(who, Position::START, Position(9), 10).await.expect("readable");
        assert_eq!(owed, events, "what {who} is owed");
        let window = MembershipWindow { thread: thread(), from: Position(1), until: None };
        assert_eq!(store.log.memberships(who).await.expect("readable").windows, [window]);
    }
    assert_eq!(store.log.read_for_user(user(3), Position::START, Position(9), 10).await.expect("readable"), []);
}

pub async fn an_import_that_is_not_committed_leaves_nothing(store: Store) {
    let mut import = begin(&store).await;
    import.record(history()).await.expect("recorded");
    drop(import);
    // It has ended when the next one is let in.
    drop(begin(&store).await);
    assert_eq!(store.log.read(Position::START, 10).await.expect("readable"), []);
    assert_eq!(store.log.head().await.expect("a head"), Head { position: Position::START, hash: GENESIS });
    assert_eq!(store.log.memberships(user(1)).await.expect("readable").windows, []);
    imported(&store).await;
}

pub async fn a_log_that_is_not_empty_is_refused(store: Store) {
    store.log.append(&[append(1, 0)]).await.expect("appended")[0].clone().expect("recorded");
    let before = store.log.head().await.expect("a head");
    let refused = store.import.begin().await.err();
    assert!(matches!(&refused, Some(ImportRefused::NotEmpty { head }) if *head == before), "{refused:?}");
    assert_eq!(store.log.head().await.expect("a head"), before);
}

pub async fn an_import_that_failed_cannot_be_committed(store: Store) {
    let events = history();
    let mut import = begin(&store).await;
    import.record(events.clone()).await.expect("recorded");
    import.record(events.clone()).await.expect_err("the same positions twice");
    import.commit(head(&events)).await.expect_err("it has failed");
    assert_eq!(store.log.read(Position::START, 10).await.expect("readable"), []);
}

pub async fn the_log_goes_on_after_an_import(store: Store) {
    let events = imported(&store).await;
    let repeated = store.log.append(&[append(1, 0)]).await.expect("appended")[0].clone().expect("known");
    assert!(repeated.repeated && repeated.first == Position(1), "{repeated:?}");
    let stale = store.log.append(&[append(8, 0)]).await.expect("appended")[0].clone();
    assert!(stale.is_err(), "{stale:?}");
    let next = store.log.append(&[append(9, 1)]).await.expect("appended")[0].clone().expect("recorded");
    assert_eq!((next.first, next.repeated), (Position(3), false));
    let after = store.log.read(Position(2), 10).await.expect("readable");
    assert_eq!(after[0].hash, chain::hash(&events[1].hash, &after[0]));
}

pub async fn nothing_that_was_imported_is_published_again(store: Store) {
    store.webhooks.register(&["crm".to_owned()], Position::START).await.expect("registered");
    let events = imported(&store).await;
    let end = events.last().expect("events").position;
    let holder = Uuid::from_u64_pair(8, 1);
    let (_, checkpoint) = store.relay.acquire(holder, Duration::from_secs(9)).await.expect("asked").expect("free");
    assert_eq!(checkpoint, end);
    assert_eq!(store.webhooks.taken().await.expect("readable"), end);
}
