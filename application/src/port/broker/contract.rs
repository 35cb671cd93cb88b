//! What every broker does. To run it against one, write an async function that gives an `Arc<dyn Broker>` nobody else uses, and
//! whatever must live as long as it, and call [`broker_contract!`](crate::broker_contract) with its name.

use std::sync::Arc;

use chrono::DateTime;
use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::BoxStream;
use posthaste_domain::{Category, CommandId, ThreadId, UserId};
use uuid::Uuid;

use super::{Broker, Publisher, Run};
use crate::port::PortError;
use crate::recorded::{Decoded, Position, Recorded, StreamId};

/// One `#[tokio::test]` for each behaviour of a broker. `$fresh` is an
/// `async fn(&'static str) -> (Arc<dyn Broker>, impl Sized)` that is told the name of the test.
#[macro_export]
macro_rules! broker_contract {
    ($fresh:path) => {
        $crate::broker_contract! { $fresh =>
            every_subscriber_gets_every_run_in_order
            a_run_arrives_as_it_was_published
            confirmed_runs_reach_subscribers_after_their_publisher_is_gone
            runs_are_confirmed_when_nobody_subscribes
            a_subscriber_gets_only_what_is_published_after_it_subscribed
            each_publishers_runs_keep_their_order_among_those_of_others
            a_subscriber_that_leaves_disturbs_nobody
            a_subscriber_that_does_not_read_holds_nobody_up
            a_subscriber_that_does_not_read_learns_what_it_missed_by_an_error
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $behaviour() {
            let (broker, _kept) = $fresh(stringify!($behaviour)).await;
            let behaviour = $crate::port::broker::contract::$behaviour(broker);
            let finished = tokio::time::timeout(std::time::Duration::from_secs(60), behaviour).await;
            assert!(finished.is_ok(), "still waiting for the broker after 60 s");
        }
    )+};
}

type Subscription = BoxStream<'static, Result<Run, PortError>>;

/// So many runs every broker keeps for a subscriber that is about to read them.
const KEPT: u64 = 60;
/// More runs than a broker need keep for a subscriber that does not read them.
const FLOOD: u64 = 5_000;

/// Every one of several subscribers gets all runs, in the order in which they were published.
pub async fn every_subscriber_gets_every_run_in_order(broker: Arc<dyn Broker>) {
    let mut subscriptions = [subscribe(&broker).await, subscribe(&broker).await, subscribe(&broker).await];
    let runs = runs(1, KEPT, 3);
    let mut publisher = publisher(&broker).await;
    publish(&mut *publisher, &runs).await;
    for subscription in &mut subscriptions {
        assert_eq!(take(subscription, runs.len()).await, runs);
    }
}

/// A run is neither split nor joined with another, and every field of its events survives.
pub async fn a_run_arrives_as_it_was_published(broker: Arc<dyn Broker>) {
    let mut subscription = subscribe(&broker).await;
    let runs = [run(1, 1), run(2, 512), run(514, 1), run(515, 7)];
    let mut publisher = publisher(&broker).await;
    publish(&mut *publisher, &runs).await;
    for expected in &runs {
        let [got] = &take(&mut subscription, 1).await[..] else { unreachable!("one was asked for") };
        assert_eq!(got.len(), expected.len(), "the run from {} on", expected[0].position);
        assert_eq!(got, expected);
    }
}

/// What was confirmed is the broker's to deliver: the publisher is not needed any more.
pub async fn confirmed_runs_reach_subscribers_after_their_publisher_is_gone(broker: Arc<dyn Broker>) {
    let mut subscription = subscribe(&broker).await;
    let runs = runs(1, 20, 1);
    let mut publisher = publisher(&broker).await;
    publish(&mut *publisher, &runs).await;
    drop(publisher);
    assert_eq!(take(&mut subscription, runs.len()).await, runs);
}

/// A relay that nobody listens to still makes progress.
pub async fn runs_are_confirmed_when_nobody_subscribes(broker: Arc<dyn Broker>) {
    let mut publisher = publisher(&broker).await;
    publish(&mut *publisher, &runs(1, 20, 2)).await;
}

/// The first run a subscriber gets is the first one published after it subscribed; from there on it misses none.
pub async fn a_subscriber_gets_only_what_is_published_after_it_subscribed(broker: Arc<dyn Broker>) {
    let mut publisher = publisher(&broker).await;
    publish(&mut *publisher, &runs(1, 10, 1)).await;
    let mut subscription = subscribe(&broker).await;
    let later = runs(11, 10, 1);
    publish(&mut *publisher, &later).await;
    assert_eq!(take(&mut subscription, later.len()).await, later);
}

/// Two publishers at once: what each of them published arrives in its order.
pub async fn each_publishers_runs_keep_their_order_among_those_of_others(broker: Arc<dyn Broker>) {
    let mut subscription = subscribe(&broker).await;
    let (low, high) = (runs(1, KEPT / 2, 1), runs(1_001, KEPT / 2, 1));
    let (mut one, mut other) = (publisher(&broker).await, publisher(&broker).await);
    futures::join!(publish(&mut *one, &low), publish(&mut *other, &high));
    let (got_low, got_high): (Vec<Run>, Vec<Run>) =
        take(&mut subscription, low.len() + high.len()).await.into_iter().partition(|run| run[0].position < Position(1_001));
    assert_eq!(got_low, low);
    assert_eq!(got_high, high);
}

/// A subscription that is dropped, read or unread, changes nothing for the others.
pub async fn a_subscriber_that_leaves_disturbs_nobody(broker: Arc<dyn Broker>) {
    let mut publisher = publisher(&broker).await;
    let (mut leaving, mut staying) = (subscribe(&broker).await, subscribe(&broker).await);
    let (before, after) = (runs(1, 10, 1), runs(11, 10, 1));
    publish(&mut *publisher, &before).await;
    assert_eq!(take(&mut leaving, 3).await, before[..3]);
    drop(leaving);
    publish(&mut *publisher, &after).await;
    assert_eq!(take(&mut staying, 20).await, [before, after].concat());
}

/// Publishing goes on, and others get everything, while one subscriber reads nothing.
pub async fn a_subscriber_that_does_not_read_holds_nobody_up(broker: Arc<dyn Broker>) {
    let idle = subscribe(&broker).await;
    let mut reading = subscribe(&broker).await;
    let mut publisher = publisher(&broker).await;
    // In parts that are read before the next: the point is the idle one, not how much may be on its way.
    for part in runs(1, FLOOD, 1).chunks(KEPT as usize) {
        publish(&mut *publisher, part).await;
        assert_eq!(take(&mut reading, part.len()).await, part);
    }
    drop(idle);
}

/// Whoever reads too late gets everything in order, or an error in the place of what is missing; never a silent hole.
pub async fn a_subscriber_that_does_not_read_learns_what_it_missed_by_an_error(broker: Arc<dyn Broker>) {
    let mut subscription = subscribe(&broker).await;
    let mut publisher = publisher(&broker).await;
    let runs = runs(1, FLOOD, 1);
    for part in runs.chunks(500) {
        publish(&mut *publisher, part).await;
    }
    for expected in &runs {
        match subscription.next().await {
            Some(Ok(run)) => assert_eq!(run[0].position, expected[0].position),
            Some(Err(_)) => {
                assert!(subscription.next().await.is_none(), "an error ends the subscription");
                return;
            }
            None => panic!("the subscription ended before {} without an error", expected[0].position),
        }
    }
}

async fn subscribe(broker: &Arc<dyn Broker>) -> Subscription {
    broker.subscribe().await.expect("a subscription")
}

async fn publisher(broker: &Arc<dyn Broker>) -> Box<dyn Publisher> {
    broker.publisher().await.expect("a publisher")
}

/// Publishes in order, and waits for every confirmation only then, as the relay does.
async fn publish(publisher: &mut dyn Publisher, runs: &[Run]) {
    let mut confirms = Vec::with_capacity(runs.len());
    for run in runs {
        confirms.push(publisher.publish(Arc::clone(run)).await.expect("published"));
    }
    for (confirmed, run) in join_all(confirms).await.into_iter().zip(runs) {
        confirmed.unwrap_or_else(|error| panic!("the run from {} on was not confirmed: {error}", run[0].position));
    }
}

async fn take(subscription: &mut Subscription, count: usize) -> Vec<Run> {
    let mut runs = Vec::with_capacity(count);
    while runs.len() < count {
        match subscription.next().await {
            Some(Ok(run)) => runs.push(run),
            Some(Err(error)) => panic!("the subscription failed after {} of {count} runs: {error}", runs.len()),
            None => panic!("the subscription ended after {} of {count} runs", runs.len()),
        }
    }
    runs
}

/// So many consecutive runs of so many events each.
fn runs(first: u64, count: u64, events: u64) -> Vec<Run> {
    (0..count).map(|index| run(first + index * events, events)).collect()
}

fn run(first: u64, events: u64) -> Run {
    (first..first + events).map(event).map(Arc::new).collect()
}

/// An event that is different at every position, with and without each field that can be missing.
fn event(position: u64) -> Recorded {
    let id = Uuid::from_u128(u128::from(position) << 64 | 0x7000);
    Recorded {
        position: Position(position),
        stream: StreamId { category: Category::ALL[position as usize % Category::ALL.len()], id },
        version: position % 7 + 1,
        event_type: format!("message.event_{position}"),
        schema: u16::try_from(position % 3 + 1).expect("small"),
        facts: format!("{{\"number\": {position}.50, \"text\":\"\u{1f4ee} \\\"quoted\\\"\"}}"),
        content: position.is_multiple_of(2).then(|| position.to_be_bytes().repeat(position as usize % 50)),
        thread: (!position.is_multiple_of(3)).then(|| ThreadId::new(id)),
        actor: (!position.is_multiple_of(5)).then(|| UserId::new(id)),
        command: CommandId::new(id),
        ordinal: u16::try_from(position % 4).expect("small"),
        fingerprint: [position.to_be_bytes()[7]; 32],
        correlation: id,
        causation: position.is_multiple_of(4).then_some(id),
        at: DateTime::from_timestamp_micros(1_790_000_000_123_456 + i64::try_from(position).expect("small")).expect("a time"),
        hash: [position.to_be_bytes()[7] ^ 0x55; 32],
        decoded: Decoded::default(),
    }
}
