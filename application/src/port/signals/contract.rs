//! What every way of signals does. To run it against one, write an async function that gives an `Arc<dyn Signals>` nobody else uses,
//! and whatever must live as long as it, and call [`signals_contract!`](crate::signals_contract) with its name.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use posthaste_domain::{DeviceId, ThreadId, UserId};
use uuid::Uuid;

use super::{Signal, Signals, To};
use crate::port::PortError;
use crate::port::cursors::{Device, Generation};
use crate::recorded::Position;

/// One `#[tokio::test]` for each behaviour. `$fresh` is an `async fn(&'static str) -> (Arc<dyn Signals>, impl Sized)` that is told the
/// name of the test.
#[macro_export]
macro_rules! signals_contract {
    ($fresh:path) => {
        $crate::signals_contract! { $fresh =>
            every_kind_of_signal_arrives_as_it_was_published
            every_subscriber_gets_everything_in_the_order_of_its_publisher
            a_subscriber_gets_only_what_is_published_after_it_subscribed
            publishing_to_nobody_and_publishing_nothing_is_no_trouble
            a_subscriber_that_leaves_disturbs_nobody
            a_subscriber_that_does_not_read_holds_nobody_up_and_goes_on_with_what_comes
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $behaviour() {
            let (signals, _kept) = $fresh(stringify!($behaviour)).await;
            let behaviour = $crate::port::signals::contract::$behaviour(signals);
            let finished = tokio::time::timeout(std::time::Duration::from_secs(60), behaviour).await;
            assert!(finished.is_ok(), "still waiting for signals after 60 s");
        }
    )+};
}

type Subscription = BoxStream<'static, Result<Vec<Signal>, PortError>>;

/// So many batches every adapter keeps for a subscriber that is about to read them.
const KEPT: u64 = 50;
/// More than an adapter need keep for one that does not.
const FLOOD: u64 = 5_000;

/// No field is lost on the way, and a batch is neither split nor joined with another.
pub async fn every_kind_of_signal_arrives_as_it_was_published(signals: Arc<dyn Signals>) {
    let mut subscription = subscribe(&signals).await;
    let (thread, user, hidden_from) = (ThreadId::new(id(1)), UserId::new(id(2)), vec![UserId::new(id(3)), UserId::new(id(4))]);
    let batch = [
        Signal::Typing { thread, user, on: true, hidden_from: hidden_from.clone() },
        Signal::Typing { thread, user, on: false, hidden_from: vec![] },
        Signal::Receipt {
            thread,
            user,
            delivered: Some(Position(u64::from(u32::MAX) + 1)),
            read: None,
            to: To::Users(hidden_from.clone()),
            hidden_from: hidden_from.clone(),
        },
        Signal::Receipt { thread, user, delivered: None, read: Some(Position(7)), to: To::Members, hidden_from },
        Signal::Replaced { device: Device { user, device: DeviceId::new(id(5)) }, generation: Generation(u64::from(u32::MAX) + 2) },
    ];
    for published in [&batch[..], &batch[..1], &batch[3..]] {
        publish(&signals, published).await;
    }
    for published in [&batch[..], &batch[..1], &batch[3..]] {
        assert_eq!(next(&mut subscription).await, published);
    }
}

/// Also the one that published.
pub async fn every_subscriber_gets_everything_in_the_order_of_its_publisher(signals: Arc<dyn Signals>) {
    let mut subscriptions = [subscribe(&signals).await, subscribe(&signals).await, subscribe(&signals).await];
    for number in 0..KEPT {
        publish(&signals, &[numbered(number), numbered(1_000 + number)]).await;
    }
    for subscription in &mut subscriptions {
        for number in 0..KEPT {
            assert_eq!(next(subscription).await, [numbered(number), numbered(1_000 + number)]);
        }
    }
}

/// Nothing that was before is kept for anybody.
pub async fn a_subscriber_gets_only_what_is_published_after_it_subscribed(signals: Arc<dyn Signals>) {
    let _earlier = subscribe(&signals).await;
    publish(&signals, &[numbered(1)]).await;
    let mut subscription = subscribe(&signals).await;
    publish(&signals, &[numbered(2)]).await;
    assert_eq!(next(&mut subscription).await, [numbered(2)]);
}

/// Neither is an error, and nothing arrives of nothing.
pub async fn publishing_to_nobody_and_publishing_nothing_is_no_trouble(signals: Arc<dyn Signals>) {
    publish(&signals, &[numbered(1)]).await;
    let mut subscription = subscribe(&signals).await;
    publish(&signals, &[]).await;
    publish(&signals, &[numbered(2)]).await;
    assert_eq!(next(&mut subscription).await, [numbered(2)]);
}

/// Read or unread.
pub async fn a_subscriber_that_leaves_disturbs_nobody(signals: Arc<dyn Signals>) {
    let (mut leaving, unread, mut staying) = (subscribe(&signals).await, subscribe(&signals).await, subscribe(&signals).await);
    publish(&signals, &[numbered(1)]).await;
    assert_eq!(next(&mut leaving).await, [numbered(1)]);
    drop((leaving, unread));
    publish(&signals, &[numbered(2)]).await;
    for number in [1, 2] {
        assert_eq!(next(&mut staying).await, [numbered(number)]);
    }
}

/// Publishing goes on, others get everything. What is kept for whoever does not read has a bound; the rest is lost to them, and they get
/// what is published from now on, perhaps over a new subscription.
pub async fn a_subscriber_that_does_not_read_holds_nobody_up_and_goes_on_with_what_comes(signals: Arc<dyn Signals>) {
    let mut idle = subscribe(&signals).await;
    let mut reading = subscribe(&signals).await;
    for number in 1..=FLOOD {
        publish(&signals, &[numbered(number)]).await;
        assert_eq!(next(&mut reading).await, [numbered(number)]);
    }
    let newest = [numbered(FLOOD + 1)];
    publish(&signals, &newest).await;
    let mut kept = 0;
    let mut last = Position::START;
    loop {
        match idle.next().await {
            Some(Ok(batch)) if batch == newest => break,
            Some(Ok(batch)) => {
                let position = position(&batch[0]);
                assert!(position > last, "{position} came after {last}");
                (last, kept) = (position, kept + 1);
            }
            Some(Err(_)) | None => {
                idle = subscribe(&signals).await;
                publish(&signals, &newest).await;
            }
        }
    }
    assert!(kept < FLOOD / 2, "{kept} of {FLOOD} batches were kept for somebody who did not read");
}

fn position(signal: &Signal) -> Position {
    match signal {
        Signal::Receipt { read: Some(read), .. } => *read,
        Signal::Receipt { .. } | Signal::Typing { .. } | Signal::Replaced { .. } => Position::START,
    }
}

async fn subscribe(signals: &Arc<dyn Signals>) -> Subscription {
    signals.subscribe().await.expect("a subscription")
}

async fn publish(signals: &Arc<dyn Signals>, batch: &[Signal]) {
    signals.publish(batch).await.expect("published");
}

async fn next(subscription: &mut Subscription) -> Vec<Signal> {
    subscription.next().await.expect("the subscription goes on").expect("it works")
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number << 64 | 0x7000)
}

fn numbered(number: u64) -> Signal {
    let read = Some(Position(number));
    Signal::Receipt { thread: ThreadId::new(id(1)), user: UserId::new(id(2)), delivered: None, read, to: To::Members, hidden_from: vec![] }
}
