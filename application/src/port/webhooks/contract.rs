//! What every store of webhooks does, as tests that any adapter runs; see [`crate::webhooks_contract`].
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use uuid::Uuid;

use super::{EndpointStatus, Fenced, Lease, Owed, Settlement, Waiting, Webhooks, Work};
use crate::port::contract::eventually;
use crate::recorded::Position;

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to an empty
/// store (`Arc<dyn Webhooks>`) and whatever must live as long as it.
#[macro_export]
macro_rules! webhooks_contract {
    ($fresh:path) => {
        $crate::webhooks_contract! { $fresh =>
            an_endpoint_is_owed_what_comes_after_it_was_registered_and_only_once
            what_is_owed_is_taken_in_once_and_in_order
            of_many_who_take_in_the_same_one_does
            each_endpoint_has_an_inbox_of_its_own
            one_at_a_time_sends_to_an_endpoint
            what_is_delivered_is_gone
            what_fails_waits_in_its_place_and_the_endpoint_is_failing
            a_disabled_endpoint_keeps_its_inbox_until_it_is_enabled
            a_stale_holder_changes_nothing
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (webhooks, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::webhooks::contract::$behaviour(webhooks).await;
            }
        )+
    };
}

type Store = Arc<dyn Webhooks>;

const LONG: Duration = Duration::from_secs(3_600);
const MOST: usize = 100;
const REASON: &str = "it answered 500";

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).expect("a time")
}

fn holder(n: u64) -> Uuid {
    Uuid::from_u64_pair(27, n)
}

fn owed(endpoint: &str, positions: &[u64]) -> Vec<Owed> {
    positions.iter().map(|position| Owed { endpoint: endpoint.to_owned(), position: Position(*position) }).collect()
}

async fn register(store: &Store, endpoints: &[&str], head: u64) -> Vec<(String, Position)> {
    let names: Vec<_> = endpoints.iter().map(ToString::to_string).collect();
    let mut known = store.register(&names, Position(head)).await.expect("registered");
    known.sort();
    known
}

async fn take_in(store: &Store, after: u64, upto: u64, owed: &[Owed]) -> bool {
    store.take_in(Position(after), Position(upto), owed).await.expect("taken in")
}

/// A store with one endpoint, these positions in its inbox, and the right to send them.
async fn stocked(store: &Store, positions: &[u64]) -> Lease {
    register(store, &["one"], 0).await;
    assert!(take_in(store, 0, 100, &owed("one", positions)).await);
    acquired(store, "one").await
}

async fn acquired(store: &Store, endpoint: &str) -> Lease {
    store.acquire(endpoint, holder(1), LONG).await.expect("it can be asked for").expect("it is free")
}

async fn work(store: &Store, lease: Lease) -> Work {
    store.work("one", lease, MOST).await.expect("work").expect("held")
}

async fn positions(store: &Store, lease: Lease) -> Vec<u64> {
    work(store, lease).await.waiting.iter().map(|waiting| waiting.position.0).collect()
}

async fn settle(store: &Store, lease: Lease, position: u64, came: &Settlement) -> Result<(), Fenced> {
    store.settle("one", lease, Position(position), came).await.expect("settled")
}

async fn status(store: &Store, endpoint: &str) -> EndpointStatus {
    let all = store.status().await.expect("status");
    all.into_iter().find(|status| status.endpoint == endpoint).expect("it is known")
}

pub async fn an_endpoint_is_owed_what_comes_after_it_was_registered_and_only_once(store: Store) {
    assert_eq!(store.taken().await.expect("a position"), Position::START);
    assert_eq!(register(&store, &["one", "two"], 7).await, [("one".to_owned(), Position(7)), ("two".to_owned(), Position(7))]);
    assert_eq!(store.taken().await.expect("a position"), Position(7));
    let again = register(&store, &["one", "three"], 9).await;
    assert_eq!(again, [("one".to_owned(), Position(7)), ("three".to_owned(), Position(9))]);
    assert_eq!(store.taken().await.expect("a position"), Position(7), "what is between is still to be taken in, for those from before");
    assert!(take_in(&store, 7, 20, &[]).await);
    let late = register(&store, &["four"], 12).await;
    assert_eq!(late, [("four".to_owned(), Position(20))], "what was taken in without it is not for it");
    let names: Vec<_> = store.status().await.expect("status").into_iter().map(|status| status.endpoint).collect();
    assert_eq!(names, ["four", "one", "three", "two"]);
}

pub async fn what_is_owed_is_taken_in_once_and_in_order(store: Store) {
    register(&store, &["one"], 0).await;
    assert!(take_in(&store, 0, 5, &owed("one", &[4, 2])).await);
    assert!(!take_in(&store, 0, 5, &owed("one", &[3])).await, "it was taken in");
    assert!(!take_in(&store, 6, 9, &owed("one", &[8])).await, "6 is missing");
    assert!(take_in(&store, 5, 9, &owed("one", &[9])).await);
    assert_eq!(store.taken().await.expect("a position"), Position(9));
    let lease = acquired(&store, "one").await;
    assert_eq!(positions(&store, lease).await, [2, 4, 9]);
    let two = store.work("one", lease, 2).await.expect("work").expect("held");
    assert_eq!(two.waiting.iter().map(|waiting| waiting.position.0).collect::<Vec<_>>(), [2, 4]);
    assert!(two.waiting.iter().all(|waiting| waiting.tries == 0 && waiting.due_at <= at(0)), "{two:?}");
}

pub async fn of_many_who_take_in_the_same_one_does(store: Store) {
    register(&store, &["one"], 0).await;
    let owed = owed("one", &[1, 2, 3]);
    let outcomes = join_all((0..20).map(|_| take_in(&store, 0, 3, &owed))).await;
    assert_eq!(outcomes.iter().filter(|taken| **taken).count(), 1, "{outcomes:?}");
    assert_eq!(status(&store, "one").await.waiting, 3);
}

pub async fn each_endpoint_has_an_inbox_of_its_own(store: Store) {
    register(&store, &["one", "two"], 0).await;
    assert!(take_in(&store, 0, 3, &[owed("one", &[1, 2]), owed("two", &[2, 3])].concat()).await);
    let lease = acquired(&store, "one").await;
    acquired(&store, "two").await;
    assert_eq!(settle(&store, lease, 2, &Settlement::Delivered).await, Ok(()));
    assert_eq!((status(&store, "one").await.waiting, status(&store, "two").await.waiting), (1, 2));
    assert_eq!((status(&store, "one").await.oldest, status(&store, "two").await.oldest), (Some(Position(1)), Some(Position(2))));
}

pub async fn one_at_a_time_sends_to_an_endpoint(store: Store) {
    assert_eq!(store.acquire("one", holder(1), LONG).await.expect("asked"), None, "nobody knows it");
    register(&store, &["one"], 0).await;
    let outcomes = join_all((1..=20).map(|n| store.acquire("one", holder(n), LONG))).await;
    let leases: Vec<_> = outcomes.into_iter().filter_map(|outcome| outcome.expect("asked")).collect();
    let [lease] = leases[..] else { panic!("{leases:?}") };
    assert_eq!(store.acquire("one", lease.holder, LONG).await.expect("asked"), Some(lease), "it keeps its epoch");
    store.release("one", lease).await.expect("released");
    let next = store.acquire("one", holder(21), Duration::from_millis(50)).await.expect("asked").expect("it is free");
    assert!(next.epoch > lease.epoch, "{next:?} after {lease:?}");
    let after = eventually("the lease runs out", async || store.acquire("one", holder(22), LONG).await.expect("asked")).await;
    assert!(after.epoch > next.epoch, "{after:?} after {next:?}");
}

pub async fn what_is_delivered_is_gone(store: Store) {
    let lease = stocked(&store, &[3, 5, 8]).await;
    assert_eq!(settle(&store, lease, 3, &Settlement::Delivered).await, Ok(()));
    assert_eq!(settle(&store, lease, 3, &Settlement::Delivered).await, Ok(()), "once more changes nothing");
    assert_eq!(positions(&store, lease).await, [5, 8]);
    assert_eq!(status(&store, "one").await.dead, 0);
}

pub async fn what_fails_waits_in_its_place_and_the_endpoint_is_failing(store: Store) {
    let lease = stocked(&store, &[3, 5]).await;
    for (tries, second) in [(1, 10), (2, 20)] {
        let retry = Settlement::Retry { due_at: at(second + 60), at: at(second) };
        assert_eq!(settle(&store, lease, 3, &retry).await, Ok(()));
        let work = work(&store, lease).await;
        assert_eq!(work.waiting[0], Waiting { position: Position(3), tries, due_at: at(second + 60), parked: false });
        assert_eq!((work.waiting[1].position, work.waiting[1].tries), (Position(5), 0));
        assert_eq!((work.failing_since, work.disabled_at), (Some(at(10)), None), "since the first failure");
    }
    let status_then = status(&store, "one").await;
    assert_eq!((status_then.tries, status_then.failing_since), (2, Some(at(10))));
    assert_eq!(settle(&store, lease, 3, &Settlement::Delivered).await, Ok(()));
    assert_eq!(work(&store, lease).await.failing_since, None);
}

pub async fn a_disabled_endpoint_keeps_its_inbox_until_it_is_enabled(store: Store) {
    let lease = stocked(&store, &[3, 5]).await;
    assert!(!store.enable("one").await.expect("asked"), "it is not disabled");
    let retry = Settlement::Retry { due_at: at(60), at: at(1) };
    assert_eq!(settle(&store, lease, 3, &retry).await, Ok(()));
    assert_eq!(store.disable("one", lease, at(9)).await.expect("asked"), Ok(()));
    assert!(take_in(&store, 100, 101, &owed("one", &[101])).await);
    assert_eq!((work(&store, lease).await.disabled_at, status(&store, "one").await.disabled_at), (Some(at(9)), Some(at(9))));
    assert_eq!(positions(&store, lease).await, [3, 5, 101]);

    assert!(store.enable("one").await.expect("asked"));
    let work = work(&store, lease).await;
    assert_eq!((work.disabled_at, work.failing_since), (None, None), "its time begins anew");
    assert!(work.waiting[0].due_at <= at(0) && work.waiting[0].tries == 1, "{work:?}");
}

pub async fn a_stale_holder_changes_nothing(store: Store) {
    let stale = stocked(&store, &[3]).await;
    store.release("one", stale).await.expect("released");
    let current = store.acquire("one", holder(2), LONG).await.expect("asked").expect("it is free");
    let fenced = Err(Fenced { epoch: stale.epoch });
    for came in
        [Settlement::Delivered, Settlement::Retry { due_at: at(60), at: at(1) }, Settlement::Dead { reason: REASON.to_owned(), at: at(1) }]
    {
        assert_eq!(settle(&store, stale, 3, &came).await, fenced, "{came:?}");
    }
    assert_eq!(store.disable("one", stale, at(1)).await.expect("asked"), fenced);
    assert_eq!(store.work("one", stale, MOST).await.expect("asked"), Err(Fenced { epoch: stale.epoch }));
    store.release("one", stale).await.expect("nothing happens");
    assert_eq!(store.acquire("one", holder(3), LONG).await.expect("asked"), None, "it is held");
    let work = work(&store, current).await;
    assert_eq!((work.disabled_at, work.failing_since, work.waiting.len(), work.waiting[0].tries), (None, None, 1, 0));
    assert_eq!(status(&store, "one").await.dead, 0);
}
