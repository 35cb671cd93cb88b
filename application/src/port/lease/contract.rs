//! What every relay lease does, as tests that any adapter runs; see [`crate::lease_contract`].
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use uuid::Uuid;

use super::{Fenced, Lease, RelayLease, RelayStatus};
use crate::port::contract::eventually;
use crate::recorded::Position;

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to a lease
/// that was never held (`Arc<dyn RelayLease>`) and whatever must live as long as it.
#[macro_export]
macro_rules! lease_contract {
    ($fresh:path) => {
        $crate::lease_contract! { $fresh =>
            nobody_relays_at_first
            a_free_lease_is_taken_from_the_start_of_the_log
            a_held_lease_is_not_given_to_another
            of_many_who_ask_at_once_one_holds_the_lease
            the_holder_keeps_its_epoch
            a_lease_that_ran_out_goes_to_another_under_a_higher_epoch
            a_lease_that_ran_out_and_nobody_took_is_still_good
            the_checkpoint_moves_forward_and_never_back
            it_is_known_by_when_the_broker_had_confirmed_a_position
            the_next_holder_goes_on_from_the_checkpoint
            a_checkpoint_renews_the_lease
            a_stale_holder_moves_nothing
            a_released_lease_is_free_at_once_and_fenced
            a_stale_holder_releases_nothing
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (lease, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::lease::contract::$behaviour(lease).await;
            }
        )+
    };
}

const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(50);

fn holder(n: u64) -> Uuid {
    Uuid::from_u64_pair(8, n)
}

async fn acquire(relay: &dyn RelayLease, n: u64, ttl: Duration) -> Option<(Lease, Position)> {
    relay.acquire(holder(n), ttl).await.expect("the lease can be asked for")
}

async fn acquired(relay: &dyn RelayLease, n: u64, ttl: Duration) -> Lease {
    acquire(relay, n, ttl).await.expect("the lease is free").0
}

async fn checkpoint(relay: &dyn RelayLease, lease: Lease, position: u64, ttl: Duration) -> Result<(), Fenced> {
    relay.checkpoint(lease, Position(position), ttl).await.expect("the checkpoint can be written")
}

async fn status(relay: &dyn RelayLease) -> RelayStatus {
    relay.status().await.expect("the lease can be read")
}

/// The n-th holder takes the lease as soon as it has run out.
async fn take_over(relay: &dyn RelayLease, n: u64) -> (Lease, Position) {
    eventually("the lease runs out", async || acquire(relay, n, LONG).await).await
}

pub async fn nobody_relays_at_first(relay: Arc<dyn RelayLease>) {
    assert_eq!(status(&*relay).await, RelayStatus { epoch: 0, holder: None, checkpoint: Position::START });
}

pub async fn a_free_lease_is_taken_from_the_start_of_the_log(relay: Arc<dyn RelayLease>) {
    let (lease, from) = acquire(&*relay, 1, LONG).await.expect("the lease is free");
    assert_eq!((lease.holder, from), (holder(1), Position::START));
    assert!(lease.epoch > 0, "0 is the epoch of nobody");
    assert_eq!(status(&*relay).await, RelayStatus { epoch: lease.epoch, holder: Some(holder(1)), checkpoint: Position::START });
}

pub async fn a_held_lease_is_not_given_to_another(relay: Arc<dyn RelayLease>) {
    let lease = acquired(&*relay, 1, LONG).await;
    assert_eq!(acquire(&*relay, 2, LONG).await, None);
    assert_eq!(status(&*relay).await.holder, Some(holder(1)));
    assert_eq!(checkpoint(&*relay, lease, 1, LONG).await, Ok(()), "the attempt changed nothing");
}

pub async fn of_many_who_ask_at_once_one_holds_the_lease(relay: Arc<dyn RelayLease>) {
    let answers = join_all((1..=20).map(|n| acquire(&*relay, n, LONG))).await;
    assert_eq!(answers.iter().flatten().count(), 1, "{answers:?}");
}

pub async fn the_holder_keeps_its_epoch(relay: Arc<dyn RelayLease>) {
    let first = acquired(&*relay, 1, LONG).await;
    checkpoint(&*relay, first, 6, LONG).await.expect("held");
    assert_eq!(acquire(&*relay, 1, LONG).await, Some((first, Position(6))));
}

pub async fn a_lease_that_ran_out_goes_to_another_under_a_higher_epoch(relay: Arc<dyn RelayLease>) {
    let first = acquired(&*relay, 1, SHORT).await;
    eventually("nobody holds it any more", async || status(&*relay).await.holder.is_none().then_some(())).await;
    let (second, _) = take_over(&*relay, 2).await;
    assert!(second.epoch > first.epoch, "{second:?} after {first:?}");
    assert_eq!(status(&*relay).await.holder, Some(holder(2)));
}

pub async fn a_lease_that_ran_out_and_nobody_took_is_still_good(relay: Arc<dyn RelayLease>) {
    let lease = acquired(&*relay, 1, SHORT).await;
    eventually("it runs out", async || status(&*relay).await.holder.is_none().then_some(())).await;
    assert_eq!(checkpoint(&*relay, lease, 4, LONG).await, Ok(()));
    assert_eq!(status(&*relay).await, RelayStatus { epoch: lease.epoch, holder: Some(holder(1)), checkpoint: Position(4) });
}

pub async fn the_checkpoint_moves_forward_and_never_back(relay: Arc<dyn RelayLease>) {
    let lease = acquired(&*relay, 1, LONG).await;
    for (position, expected) in [(5, 5), (3, 5), (5, 5), (8, 8)] {
        assert_eq!(checkpoint(&*relay, lease, position, LONG).await, Ok(()));
        assert_eq!(status(&*relay).await.checkpoint, Position(expected), "after {position}");
    }
}

pub async fn it_is_known_by_when_the_broker_had_confirmed_a_position(relay: Arc<dyn RelayLease>) {
    let at = async |position| relay.confirmed_at(Position(position)).await.expect("it can be asked");
    let lease = acquired(&*relay, 1, LONG).await;
    assert_eq!(at(1).await, None);
    checkpoint(&*relay, lease, 5, LONG).await.expect("it is held");
    let first = at(5).await.expect("it is confirmed");
    assert_eq!([at(1).await, at(6).await], [Some(first), None]);
    // What only renews the lease, and what goes back, says nothing new.
    for position in [5, 3] {
        checkpoint(&*relay, lease, position, LONG).await.expect("it is held");
    }
    checkpoint(&*relay, lease, 9, LONG).await.expect("it is held");
    let second = at(6).await.expect("it is confirmed");
    assert!(second >= first);
    assert_eq!([at(3).await, at(5).await, at(9).await, at(10).await], [Some(first), Some(first), Some(second), None]);
    // Whoever lost the lease confirms nothing.
    relay.release(lease).await.expect("it can be released");
    assert!(checkpoint(&*relay, lease, 20, LONG).await.is_err());
    assert_eq!(at(10).await, None);
}

pub async fn the_next_holder_goes_on_from_the_checkpoint(relay: Arc<dyn RelayLease>) {
    let lease = acquired(&*relay, 1, LONG).await;
    checkpoint(&*relay, lease, 7, SHORT).await.expect("held");
    let (_, from) = take_over(&*relay, 2).await;
    assert_eq!(from, Position(7));
}

pub async fn a_checkpoint_renews_the_lease(relay: Arc<dyn RelayLease>) {
    let lease = acquired(&*relay, 1, SHORT).await;
    checkpoint(&*relay, lease, 0, LONG).await.expect("held");
    assert_eq!(acquire(&*relay, 2, LONG).await, None);
    assert_eq!(status(&*relay).await.holder, Some(holder(1)));
}

pub async fn a_stale_holder_moves_nothing(relay: Arc<dyn RelayLease>) {
    let stale = acquired(&*relay, 1, SHORT).await;
    checkpoint(&*relay, stale, 5, SHORT).await.expect("held");
    let (current, _) = take_over(&*relay, 2).await;
    assert_eq!(checkpoint(&*relay, stale, 9, LONG).await, Err(Fenced { epoch: stale.epoch }));
    let as_it_was = RelayStatus { epoch: current.epoch, holder: Some(holder(2)), checkpoint: Position(5) };
    assert_eq!(status(&*relay).await, as_it_was);
}

pub async fn a_released_lease_is_free_at_once_and_fenced(relay: Arc<dyn RelayLease>) {
    let first = acquired(&*relay, 1, LONG).await;
    checkpoint(&*relay, first, 5, LONG).await.expect("held");
    relay.release(first).await.expect("released");
    assert_eq!(status(&*relay).await.holder, None);
    assert_eq!(checkpoint(&*relay, first, 9, LONG).await, Err(Fenced { epoch: first.epoch }));
    let (second, from) = acquire(&*relay, 2, LONG).await.expect("the lease is free");
    assert!(second.epoch > first.epoch, "{second:?} after {first:?}");
    assert_eq!(from, Position(5));
}

pub async fn a_stale_holder_releases_nothing(relay: Arc<dyn RelayLease>) {
    let stale = acquired(&*relay, 1, SHORT).await;
    take_over(&*relay, 2).await;
    relay.release(stale).await.expect("nothing happens");
    assert_eq!(status(&*relay).await.holder, Some(holder(2)));
    assert_eq!(acquire(&*relay, 3, LONG).await, None);
}
