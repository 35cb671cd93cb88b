//! What every ticket store does. To run it against one, write an async function that gives an `Arc<dyn Tickets>` nobody else
//! uses, and whatever must live as long as it, and call [`tickets_contract!`](crate::tickets_contract) with its name.
//!
//! That a ticket runs out after its [`super::Kind::ttl`] is for each adapter to show, with a clock or a store it can look into.

use std::sync::Arc;

use chrono::DateTime;
use futures::future::join_all;
use posthaste_domain::{DeviceId, SessionId, UserId};
use uuid::Uuid;

use super::{Kind, Pass, Tickets};
use crate::port::secrets::Access;

/// One `#[tokio::test]` for each behaviour of a ticket store. `$fresh` is an
/// `async fn(&'static str) -> (Arc<dyn Tickets>, impl Sized)` that is told the name of the test.
#[macro_export]
macro_rules! tickets_contract {
    ($fresh:path) => {
        $crate::tickets_contract! { $fresh =>
            a_ticket_gives_the_pass_it_was_stored_with
            a_ticket_is_good_once
            of_fifty_redemptions_at_once_one_succeeds
            an_unknown_ticket_gives_nothing
            redeeming_one_ticket_leaves_the_others
            a_ticket_is_good_for_what_it_is_for_and_nothing_else
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $behaviour() {
            let (tickets, _kept) = $fresh(stringify!($behaviour)).await;
            let behaviour = $crate::port::tickets::contract::$behaviour(tickets);
            let finished = tokio::time::timeout(std::time::Duration::from_secs(60), behaviour).await;
            assert!(finished.is_ok(), "still waiting for the tickets after 60 s");
        }
    )+};
}

/// User, session and end of the access are what they were, and so is the device, if there is one.
pub async fn a_ticket_gives_the_pass_it_was_stored_with(tickets: Arc<dyn Tickets>) {
    for number in [1, 2] {
        tickets.store("ticket", &pass(number)).await.expect("stored");
        assert_eq!(tickets.redeem::<Pass>("ticket").await.expect("redeemed"), Some(pass(number)));
    }
}

/// The second time it gives nothing.
pub async fn a_ticket_is_good_once(tickets: Arc<dyn Tickets>) {
    tickets.store("ticket", &pass(1)).await.expect("stored");
    assert_eq!(tickets.redeem::<Pass>("ticket").await.expect("redeemed"), Some(pass(1)));
    assert_eq!(tickets.redeem::<Pass>("ticket").await.expect("redeemed"), None);
}

/// However many race for it, one gets in.
pub async fn of_fifty_redemptions_at_once_one_succeeds(tickets: Arc<dyn Tickets>) {
    for round in 0..20 {
        let ticket = format!("ticket-{round}");
        tickets.store(&ticket, &pass(round)).await.expect("stored");
        let redeemed = join_all((0..50).map(|_| tickets.redeem::<Pass>(&ticket))).await;
        let succeeded: Vec<_> = redeemed.into_iter().filter_map(|pass| pass.expect("redeemed")).collect();
        assert_eq!(succeeded, [pass(round)], "round {round}");
    }
}

/// A ticket that was never stored is no error, and gives nothing.
pub async fn an_unknown_ticket_gives_nothing(tickets: Arc<dyn Tickets>) {
    tickets.store("ticket", &pass(1)).await.expect("stored");
    for unknown in ["", "other", "ticket ", "*", "tick"] {
        assert_eq!(tickets.redeem::<Pass>(unknown).await.expect("redeemed"), None, "{unknown:?}");
    }
}

/// Each ticket stands for its own pass.
pub async fn redeeming_one_ticket_leaves_the_others(tickets: Arc<dyn Tickets>) {
    for number in 0..10 {
        tickets.store(&format!("ticket-{number}"), &pass(number)).await.expect("stored");
    }
    for number in (0..10).rev() {
        assert_eq!(tickets.redeem::<Pass>(&format!("ticket-{number}")).await.expect("redeemed"), Some(pass(number)));
    }
}

/// Kinds do not meet, under the same ticket either.
pub async fn a_ticket_is_good_for_what_it_is_for_and_nothing_else(tickets: Arc<dyn Tickets>) {
    for kind in Kind::ALL {
        tickets.keep(kind, "ticket", kind.as_str().to_owned()).await.expect("kept");
    }
    for kind in Kind::ALL.into_iter().rev() {
        assert_eq!(tickets.take(kind, "ticket").await.expect("taken").as_deref(), Some(kind.as_str()));
        assert_eq!(tickets.take(kind, "ticket").await.expect("taken"), None, "{kind:?}");
    }
}

fn pass(number: u8) -> Pass {
    let id = |kind: u128| Uuid::from_u128(kind << 64 | u128::from(number));
    // Far from now in either direction: whoever redeems a ticket judges the access itself.
    let expires_at = DateTime::from_timestamp(4_000_000_000 + i64::from(number), 0).expect("a time");
    let access = Access { user: UserId::new(id(1)), session: SessionId::new(id(2)), expires_at };
    // Every other one is for any device.
    Pass { access, device: (number % 2 == 1).then(|| DeviceId::new(id(3))) }
}
