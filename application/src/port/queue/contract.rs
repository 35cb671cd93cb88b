//! What the queue of every durable consumer does, as tests that any adapter runs; see [`crate::queue_contract`].
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt as _;

use super::{Consumer, Consumption, Delivery, EventQueue, TRIES};
use crate::port::contract::within;
use crate::recorded::Position;

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to the queue of
/// [`consumer`], a teller of events, and whatever must live as long as they.
#[macro_export]
macro_rules! queue_contract {
    ($fresh:path) => {
        $crate::queue_contract! { $fresh =>
            what_it_wants_is_delivered_in_order_and_says_what_it_follows
            what_nobody_consumed_yet_waits
            what_is_accepted_is_not_delivered_again
            what_was_not_accepted_is_delivered_again
            what_is_rejected_is_delivered_again_and_counted
            what_is_rejected_too_often_is_given_up
            waiting_can_be_given_up_without_losing_anything
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                let (queue, mut teller, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::queue::contract::$behaviour(queue, &mut teller).await;
            }
        )+
    };
}

/// Makes events happen, and has them told to the queue.
#[async_trait]
pub trait Teller: Send {
    /// One event of each of these types, in this order, at the next positions, which it gives. Returns when they are told.
    async fn tell(&mut self, types: &[&str]) -> Vec<Position>;
}

const WANTED: &str = "message.posted";
const UNWANTED: &str = "thread.opened";

/// The consumer whose queue it is.
#[must_use]
pub fn consumer() -> Consumer {
    Consumer { name: "contract".to_owned(), types: [WANTED, "friendship.accepted"].map(ToOwned::to_owned).into() }
}

async fn consume(queue: &Arc<dyn EventQueue>) -> Box<dyn Consumption> {
    within("consuming", queue.consume()).await.expect("it can be consumed")
}

/// The next deliveries, so many of them.
async fn take(consumption: &mut dyn Consumption, count: usize) -> Vec<Delivery> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let more = within("a delivery", consumption.next(count - taken.len())).await.expect("deliveries");
        assert!(!more.is_empty() && more.len() <= count - taken.len(), "{} after {}", more.len(), taken.len());
        taken.extend(more);
    }
    taken
}

fn positions(deliveries: &[Delivery]) -> Vec<Position> {
    deliveries.iter().map(|delivery| delivery.event.position).collect()
}

fn set(positions: impl IntoIterator<Item = Position>) -> BTreeSet<Position> {
    positions.into_iter().collect()
}

pub async fn what_it_wants_is_delivered_in_order_and_says_what_it_follows(queue: Arc<dyn EventQueue>, teller: &mut dyn Teller) {
    let mut consumption = consume(&queue).await;
    let first = teller.tell(&[UNWANTED, WANTED, UNWANTED, UNWANTED, "friendship.accepted", WANTED]).await;
    let second = teller.tell(&[UNWANTED, "friendship.cancelled", WANTED]).await;
    let wanted = [first[1], first[4], first[5], second[2]];
    let deliveries = take(&mut *consumption, 4).await;
    assert_eq!(positions(&deliveries), wanted);
    assert!(deliveries.is_sorted_by(|one, next| one.tag < next.tag), "{deliveries:?}");
    for (n, delivery) in deliveries.iter().enumerate() {
        let follows = delivery.follows.expect("it is new");
        let before = n.checked_sub(1).map_or(Position::START, |before| wanted[before]);
        assert!(follows >= before && follows < delivery.event.position, "{follows} of {delivery:?}");
        assert_eq!(delivery.rejected, 0);
    }
}

pub async fn what_nobody_consumed_yet_waits(queue: Arc<dyn EventQueue>, teller: &mut dyn Teller) {
    let told = teller.tell(&[WANTED; 3]).await;
    assert_eq!(positions(&take(&mut *consume(&queue).await, 3).await), told);
}

pub async fn what_is_accepted_is_not_delivered_again(queue: Arc<dyn EventQueue>, teller: &mut dyn Teller) {
    let told = teller.tell(&[WANTED; 5]).await;
    let mut consumption = consume(&queue).await;
    let deliveries = take(&mut *consumption, 5).await;
    consumption.accept(deliveries[4].tag).await.expect("accepted");
    drop(consumption);
    let mut again = consume(&queue).await;
    let later = teller.tell(&[WANTED]).await;
    let deliveries = take(&mut *again, 1).await;
    assert_eq!(positions(&deliveries), later, "after {told:?}");
}

pub async fn what_was_not_accepted_is_delivered_again(queue: Arc<dyn EventQueue>, teller: &mut dyn Teller) {
    let told = teller.tell(&[WANTED; 5]).await;
    let mut consumption = consume(&queue).await;
    let deliveries = take(&mut *consumption, 5).await;
    consumption.accept(deliveries[1].tag).await.expect("accepted");
    drop(consumption);
    let mut again = consume(&queue).await;
    let more = teller.tell(&[WANTED]).await;
    let deliveries = take(&mut *again, 4).await;
    assert_eq!(set(positions(&deliveries)), set(told[2..].iter().chain(&more).copied()));
}

pub async fn what_is_rejected_is_delivered_again_and_counted(queue: Arc<dyn EventQueue>, teller: &mut dyn Teller) {
    let told = teller.tell(&[WANTED; 2]).await;
    let mut consumption = consume(&queue).await;
    let deliveries = take(&mut *consumption, 2).await;
    consumption.reject(deliveries[0].tag).await.expect("rejected");
    consumption.accept(deliveries[1].tag).await.expect("accepted");
    let again = take(&mut *consumption, 1).await;
    assert_eq!((positions(&again), again[0].rejected), (vec![told[0]], 1));
    consumption.accept(again[0].tag).await.expect("accepted");
    let more = teller.tell(&[WANTED]).await;
    assert_eq!(positions(&take(&mut *consumption, 1).await), more);
}

pub async fn what_is_rejected_too_often_is_given_up(queue: Arc<dyn EventQueue>, teller: &mut dyn Teller) {
    let told = teller.tell(&[WANTED]).await;
    let mut consumption = consume(&queue).await;
    for rejected in 0..TRIES {
        let delivery = take(&mut *consumption, 1).await.remove(0);
        assert_eq!((delivery.event.position, delivery.rejected), (told[0], rejected));
        consumption.reject(delivery.tag).await.expect("rejected");
    }
    let more = teller.tell(&[WANTED]).await;
    assert_eq!(positions(&take(&mut *consumption, 1).await), more, "it was rejected often enough");
}

pub async fn waiting_can_be_given_up_without_losing_anything(queue: Arc<dyn EventQueue>, teller: &mut dyn Teller) {
    let mut consumption = consume(&queue).await;
    for _ in 0..20 {
        assert!(consumption.next(10).now_or_never().is_none(), "nothing was told");
    }
    let told = teller.tell(&[WANTED; 3]).await;
    assert_eq!(positions(&take(&mut *consumption, 3).await), told);
}
