//! What every store of dead letters does, as tests that any profile runs; see [`crate::dead_contract`].
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use posthaste_domain::{Category, CommandId};
use uuid::Uuid;

use super::{Consumer, DeadLetter, DeadLetters};
use crate::port::lease::Fenced;
use crate::port::projection::{Batch, Poison, Standing};
use crate::port::webhooks::{EndpointStatus, Lease, Owed, Settlement};
use crate::port::{EventLog, Projection, Rebuilds, Webhooks};
use crate::rebuild::fold_anew;
use crate::recorded::{Append, Check, Expected, NewEvent, Position, StreamId};
use crate::view::ViewName;

/// A log and everybody who may have dead letters of it.
pub struct Store {
    /// The letters.
    pub dead: Arc<dyn DeadLetters>,
    /// The log, with nothing in it.
    pub log: Arc<dyn EventLog>,
    /// The inboxes.
    pub webhooks: Arc<dyn Webhooks>,
    /// The views.
    pub projections: Vec<Arc<dyn Projection>>,
    /// The views beside them.
    pub rebuilds: Arc<dyn Rebuilds>,
}

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to a [`Store`]
/// and whatever must live as long as it.
#[macro_export]
macro_rules! dead_contract {
    ($fresh:path) => {
        $crate::dead_contract! { $fresh =>
            what_is_given_up_parks_its_stream_and_no_other
            what_is_tried_again_is_in_its_place_again_and_so_is_what_waited_behind_it
            what_is_dropped_is_gone_and_what_waited_behind_it_is_not
            nothing_is_set_aside_behind_a_letter_that_is_none_any_more
            a_stale_holder_sets_nothing_aside
            letters_are_listed_page_by_page_of_all_or_of_one
            a_view_parks_a_stream_and_moves_its_checkpoint_or_does_neither
            what_is_asked_of_a_view_is_noted_until_the_view_was_folded_anew
            what_is_dropped_of_a_view_is_left_out_for_ever
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (store, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::dead::contract::$behaviour(store).await;
            }
        )+
    };
}

const LONG: Duration = Duration::from_secs(3_600);
const REASON: &str = "it answered 400";

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).expect("a time")
}

fn id(kind: u64, n: u64) -> Uuid {
    Uuid::from_u64_pair(kind, n)
}

/// One of the streams A, B, …
fn stream(name: char) -> StreamId {
    StreamId { category: Category::Message, id: id(29, u64::from(u32::from(name))) }
}

fn crm() -> Consumer {
    Consumer::Webhook("crm".to_owned())
}

fn timeline() -> Consumer {
    Consumer::View(ViewName::Timeline)
}

/// A log with an event of each of these streams, in this order, of a kind that views do not know.
async fn record(store: &Store, streams: &str) {
    let mut versions = std::collections::BTreeMap::new();
    for (n, name) in (1..).zip(streams.chars()) {
        let version = versions.entry(name).and_modify(|version| *version += 1).or_insert(1_u64);
        let event = NewEvent {
            stream: stream(name),
            version: *version,
            event_type: "message.sung".to_owned(),
            schema: 1,
            facts: "{\"in\":\"C\"}".to_owned(),
            content: None,
            owner: None,
            thread: None,
            addressees: Vec::new(),
        };
        let append = Append {
            command: CommandId::new(id(30, n)),
            fingerprint: [3; 32],
            actor: None,
            correlation: id(30, n),
            causation: None,
            checks: vec![Check { stream: stream(name), expected: Expected::of(*version - 1) }],
            events: vec![event],
            unsealed: None,
        };
        store.log.append(&[append]).await.expect("appended").remove(0).expect("recorded");
    }
}

/// An endpoint to which all of it is owed, and the right to send.
async fn owed(store: &Store, streams: &str, endpoint: &str) -> Lease {
    let names = [endpoint.to_owned()];
    store.webhooks.register(&names, Position::START).await.expect("registered");
    let head = streams.len() as u64;
    let owed: Vec<_> = (1..=head).map(|position| Owed { endpoint: endpoint.to_owned(), position: Position(position) }).collect();
    let after = store.webhooks.taken().await.expect("a position");
    assert!(store.webhooks.take_in(after, Position(head), &owed).await.expect("taken in"));
    store.webhooks.acquire(endpoint, id(31, 1), LONG).await.expect("asked").expect("it is free")
}

/// What is in the inbox, and whether its stream is parked.
async fn inbox(store: &Store, lease: Lease) -> Vec<(u64, bool)> {
    let work = store.webhooks.work("crm", lease, 100).await.expect("work").expect("held");
    work.waiting.iter().map(|waiting| (waiting.position.0, waiting.parked)).collect()
}

async fn give_up(store: &Store, endpoint: &str, lease: Lease, position: u64) {
    let retry = Settlement::Retry { due_at: at(60), at: at(1) };
    store.webhooks.settle(endpoint, lease, Position(position), &retry).await.expect("settled").expect("held");
    let dead = Settlement::Dead { reason: REASON.to_owned(), at: at(2) };
    store.webhooks.settle(endpoint, lease, Position(position), &dead).await.expect("settled").expect("held");
}

async fn set_aside(store: &Store, lease: Lease, positions: &[u64]) -> Result<(), Fenced> {
    let positions: Vec<_> = positions.iter().copied().map(Position).collect();
    store.webhooks.set_aside("crm", lease, &positions).await.expect("asked")
}

async fn status(store: &Store) -> EndpointStatus {
    store.webhooks.status().await.expect("status").remove(0)
}

async fn list(store: &Store) -> Vec<DeadLetter> {
    store.dead.list(None, None, 100).await.expect("letters")
}

/// The streams A and B, of which the first event of A was given up and everything else of A was set aside.
async fn parked(store: &Store) -> Lease {
    record(store, "ABABA").await;
    let lease = owed(store, "ABABA", "crm").await;
    give_up(store, "crm", lease, 1).await;
    assert_eq!(inbox(store, lease).await, [(2, false), (3, true), (4, false), (5, true)]);
    // As somebody who does not know better.
    assert_eq!(set_aside(store, lease, &[2, 3, 5]).await, Ok(()));
    lease
}

pub async fn what_is_given_up_parks_its_stream_and_no_other(store: Store) {
    let lease = parked(&store).await;
    assert_eq!(inbox(&store, lease).await, [(2, false), (4, false)]);
    let letter = DeadLetter {
        consumer: crm(),
        stream: stream('A'),
        position: Position(1),
        version: 1,
        tries: 2,
        reason: REASON.to_owned(),
        since: at(2),
        asked_at: None,
        waiting: 2,
    };
    assert_eq!(list(&store).await, std::slice::from_ref(&letter));
    assert_eq!(store.dead.one(&crm(), stream('A')).await.expect("asked"), Some(letter));
    assert_eq!(store.dead.one(&crm(), stream('B')).await.expect("asked"), None);
    assert_eq!(store.dead.one(&timeline(), stream('A')).await.expect("asked"), None);
    assert_eq!(store.dead.counts().await.expect("counts"), [(crm(), 1)]);
    let EndpointStatus { waiting, dead, aside, failing_since, .. } = status(&store).await;
    assert_eq!((waiting, dead, aside, failing_since), (2, 1, 2, Some(at(1))));
    assert_eq!(store.dead.asked().await.expect("asked"), [], "nothing was asked, and it is of no view");
}

pub async fn what_is_tried_again_is_in_its_place_again_and_so_is_what_waited_behind_it(store: Store) {
    let lease = parked(&store).await;
    assert!(!store.dead.retry(&crm(), stream('B')).await.expect("asked"));
    assert!(!store.dead.retry(&Consumer::Webhook("nobody".to_owned()), stream('A')).await.expect("asked"));
    assert!(store.dead.retry(&crm(), stream('A')).await.expect("asked"));
    let work = store.webhooks.work("crm", lease, 100).await.expect("work").expect("held");
    assert_eq!(work.waiting.iter().map(|waiting| waiting.position.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert!(work.waiting.iter().all(|waiting| waiting.tries == 0 && !waiting.parked && waiting.due_at <= at(0)), "{work:?}");
    assert_eq!((list(&store).await, status(&store).await.aside), (vec![], 0));
    assert!(!store.dead.retry(&crm(), stream('A')).await.expect("asked"), "once more there is nothing to do");
}

pub async fn what_is_dropped_is_gone_and_what_waited_behind_it_is_not(store: Store) {
    let lease = parked(&store).await;
    assert!(!store.dead.drop_event(&crm(), stream('A'), Position(3)).await.expect("asked"), "it waits, and is not dead");
    assert_eq!(list(&store).await.len(), 1);
    assert!(store.dead.drop_event(&crm(), stream('A'), Position(1)).await.expect("asked"));
    assert_eq!(inbox(&store, lease).await, [(2, false), (3, false), (4, false), (5, false)]);
    assert_eq!((list(&store).await, status(&store).await.aside), (vec![], 0));
    assert!(!store.dead.drop_event(&crm(), stream('A'), Position(1)).await.expect("asked"));
}

pub async fn nothing_is_set_aside_behind_a_letter_that_is_none_any_more(store: Store) {
    record(&store, "ABABA").await;
    let lease = owed(&store, "ABABA", "crm").await;
    give_up(&store, "crm", lease, 1).await;
    // The dispatcher has seen that A is parked; before it says so, somebody has it tried again.
    assert!(store.dead.retry(&crm(), stream('A')).await.expect("asked"));
    assert_eq!(set_aside(&store, lease, &[3, 5]).await, Ok(()));
    assert_eq!(inbox(&store, lease).await, [(1, false), (2, false), (3, false), (4, false), (5, false)]);
}

pub async fn a_stale_holder_sets_nothing_aside(store: Store) {
    record(&store, "AA").await;
    let stale = owed(&store, "AA", "crm").await;
    give_up(&store, "crm", stale, 1).await;
    store.webhooks.release("crm", stale).await.expect("released");
    let current = store.webhooks.acquire("crm", id(31, 2), LONG).await.expect("asked").expect("it is free");
    assert_eq!(set_aside(&store, stale, &[2]).await, Err(Fenced { epoch: stale.epoch }));
    assert_eq!(inbox(&store, current).await, [(2, true)]);
}

pub async fn letters_are_listed_page_by_page_of_all_or_of_one(store: Store) {
    record(&store, "ABC").await;
    let lease = owed(&store, "ABC", "crm").await;
    for position in 1..=3 {
        give_up(&store, "crm", lease, position).await;
    }
    park(&store, 1, 'A').await;
    let everything = list(&store).await;
    let names: Vec<_> = everything.iter().map(|letter| (letter.consumer.clone(), letter.stream)).collect();
    assert_eq!(names, [(timeline(), stream('A')), (crm(), stream('A')), (crm(), stream('B')), (crm(), stream('C'))]);
    let mut paged = Vec::<DeadLetter>::new();
    loop {
        let after = paged.last().map(|letter| (&letter.consumer, letter.stream));
        let page = store.dead.list(None, after, 2).await.expect("letters");
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, everything);
    let of = async |consumer: Consumer, behind: Option<StreamId>| {
        let after = behind.map(|stream| (&consumer, stream));
        let letters = store.dead.list(Some(&consumer), after, 2).await.expect("letters");
        letters.iter().map(|letter| letter.position.0).collect::<Vec<_>>()
    };
    assert_eq!(of(crm(), None).await, [1, 2]);
    assert_eq!(of(crm(), Some(stream('B'))).await, [3]);
    assert_eq!(of(timeline(), None).await, [1]);
    assert_eq!(store.dead.counts().await.expect("counts"), [(timeline(), 1), (crm(), 3)]);
}

fn projection(store: &Store) -> &Arc<dyn Projection> {
    store.projections.iter().find(|projection| projection.name() == "timeline").expect("the timeline")
}

fn poison(position: u64, name: char) -> Poison {
    Poison { stream: stream(name), version: position, position: Position(position), reason: REASON.to_owned() }
}

/// The timeline is right before a position, and parks a stream with what is there.
async fn park(store: &Store, position: u64, name: char) {
    let Standing { position: after, revision, .. } = projection(store).standing().await.expect("standing");
    let batch = Batch { after, upto: Position(position), events: &[], poison: Some(&poison(position, name)) };
    assert!(projection(store).take(revision, batch).await.expect("taken"));
}

pub async fn a_view_parks_a_stream_and_moves_its_checkpoint_or_does_neither(store: Store) {
    record(&store, "ABA").await;
    let begin = projection(&store).standing().await.expect("standing");
    assert_eq!((begin.position, begin.left_out), (Position::START, Default::default()));
    let letter = poison(1, 'A');
    let batch = Batch { after: Position(1), upto: Position(2), events: &[], poison: Some(&letter) };
    assert!(!projection(&store).take(begin.revision, batch).await.expect("asked"), "it is not there");
    let batch = Batch { after: Position::START, upto: Position(1), events: &[], poison: Some(&letter) };
    assert!(!projection(&store).take(begin.revision + 1, batch).await.expect("asked"), "of another revision");
    assert_eq!(list(&store).await, []);
    assert!(projection(&store).take(begin.revision, batch).await.expect("asked"));
    assert!(!projection(&store).take(begin.revision, batch).await.expect("asked"), "once more");

    let after = projection(&store).standing().await.expect("standing");
    assert_eq!((after.position, after.left_out.parked), (Position(1), [(stream('A'), Position(1))].into()));
    let letters = list(&store).await;
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((&letter.consumer, letter.stream, letter.position, letter.waiting), (&timeline(), stream('A'), Position(1), 1));
    assert_eq!((letter.tries, letter.reason.as_str(), letter.asked_at), (1, REASON, None));
    projection(&store).reset().await.expect("reset");
    assert_eq!(projection(&store).standing().await.expect("standing").left_out.parked, [].into());
}

async fn anew(store: &Store) {
    let outcome = fold_anew(Arc::clone(&store.log), Arc::clone(&store.rebuilds), ViewName::Timeline, id(32, 1)).await;
    assert!(outcome.expect("folded anew").is_some(), "nobody else is at it");
}

pub async fn what_is_asked_of_a_view_is_noted_until_the_view_was_folded_anew(store: Store) {
    record(&store, "ABA").await;
    park(&store, 1, 'A').await;
    let before = projection(&store).standing().await.expect("standing");
    assert!(!store.dead.retry(&timeline(), stream('B')).await.expect("asked"), "it is not parked");
    assert_eq!(store.dead.asked().await.expect("asked"), []);
    assert!(store.dead.retry(&timeline(), stream('A')).await.expect("asked"));
    assert_eq!(store.dead.asked().await.expect("asked"), [ViewName::Timeline]);
    assert!(list(&store).await[0].asked_at.is_some());

    anew(&store).await;
    assert_eq!(store.dead.asked().await.expect("asked"), [], "it is done");
    // No view can take it. It is the letter from before, tried once more.
    let letters: Vec<_> =
        list(&store).await.iter().map(|letter| (letter.stream, letter.position.0, letter.tries, letter.waiting)).collect();
    assert_eq!(letters, [(stream('A'), 1, 2, 1)]);
    let after = projection(&store).standing().await.expect("standing");
    assert!(after.revision > before.revision, "whoever goes on from before must find out");
    assert_eq!((after.position, after.left_out.parked), (before.position, before.left_out.parked));
}

pub async fn what_is_dropped_of_a_view_is_left_out_for_ever(store: Store) {
    record(&store, "AB").await;
    park(&store, 1, 'A').await;
    park(&store, 2, 'B').await;
    assert!(!store.dead.drop_event(&timeline(), stream('A'), Position(2)).await.expect("asked"), "that is not its dead letter");
    assert_eq!(store.dead.asked().await.expect("asked"), []);
    for _ in 0..2 {
        assert!(store.dead.drop_event(&timeline(), stream('A'), Position(1)).await.expect("asked"), "as often as somebody likes");
    }
    anew(&store).await;
    let letters = list(&store).await;
    assert_eq!(letters.iter().map(|letter| letter.stream).collect::<Vec<_>>(), [stream('B')]);
    let left_out = projection(&store).standing().await.expect("standing").left_out;
    assert_eq!((left_out.dropped, left_out.parked), ([Position(1)].into(), [(stream('B'), Position(2))].into()));
    anew(&store).await;
    assert_eq!(list(&store).await.len(), 1, "and it stays so");
}
