//! What every keeper of presence does. To run it against one, write an async function that gives an `Arc<dyn Presence>` nobody else
//! uses, and whatever must live as long as it, and call [`presence_contract!`](crate::presence_contract) with its name. Leases run out by
//! the keeper's own clock, which must be one that runs.

use std::sync::Arc;
use std::time::Duration;

use posthaste_domain::{DeviceId, UserId};
use uuid::Uuid;

use super::{Presence, Seen};
use crate::port::contract::eventually;
use crate::port::cursors::Device;

/// Far beyond what a test takes.
const LONG: Duration = Duration::from_secs(600);
/// Soon over.
const SHORT: Duration = Duration::from_millis(200);

/// One `#[tokio::test]` for each behaviour of a keeper of presence. `$fresh` is an
/// `async fn(&'static str) -> (Arc<dyn Presence>, impl Sized)` that is told the name of the test.
#[macro_export]
macro_rules! presence_contract {
    ($fresh:path) => {
        $crate::presence_contract! { $fresh =>
            nobody_is_there_who_never_was
            a_device_that_is_there_has_its_user_online_and_nobody_else
            a_lease_that_is_not_renewed_runs_out_and_when_it_did_is_known
            one_device_that_is_there_is_enough
            a_lease_is_never_cut_short
            whoever_comes_back_is_online_again
            many_are_renewed_and_looked_at_together_and_told_in_the_order_asked
            nobody_to_renew_or_to_look_at_is_nothing
            of_the_devices_of_a_user_those_are_connected_whose_leases_run
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $behaviour() {
            let (presence, _kept) = $fresh(stringify!($behaviour)).await;
            let behaviour = $crate::port::presence::contract::$behaviour(presence);
            let finished = tokio::time::timeout(std::time::Duration::from_secs(60), behaviour).await;
            assert!(finished.is_ok(), "still waiting for the presence after 60 s");
        }
    )+};
}

fn user(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

/// A device of a user.
fn device(n: u128, device: u128) -> Device {
    Device { user: user(n), device: DeviceId::new(Uuid::from_u128(device)) }
}

async fn seen(presence: &dyn Presence, n: u128) -> Seen {
    let seen = presence.look(&[user(n)]).await.expect("looked at");
    assert_eq!((seen.len(), seen[0].user), (1, user(n)));
    seen[0]
}

async fn online(presence: &dyn Presence, n: u128) -> bool {
    let seen = seen(presence, n).await;
    assert!(!(seen.online && seen.last.is_some()), "whoever is there was not there last: {seen:?}");
    seen.online
}

/// Offline, and no time at which they were there.
pub async fn nobody_is_there_who_never_was(presence: Arc<dyn Presence>) {
    assert_eq!(seen(&*presence, 1).await, Seen { user: user(1), online: false, last: None });
}

/// Also when two users have a device of the same name.
pub async fn a_device_that_is_there_has_its_user_online_and_nobody_else(presence: Arc<dyn Presence>) {
    presence.renew(&[device(1, 7)], LONG).await.expect("renewed");
    assert!(online(&*presence, 1).await);
    assert!(!online(&*presence, 2).await);
}

/// From then on it does not change any more.
pub async fn a_lease_that_is_not_renewed_runs_out_and_when_it_did_is_known(presence: Arc<dyn Presence>) {
    presence.renew(&[device(1, 1)], SHORT).await.expect("renewed");
    let last = eventually("the lease runs out", async || seen(&*presence, 1).await.last).await;
    assert_eq!(seen(&*presence, 1).await, Seen { user: user(1), online: false, last: Some(last) });
    presence.renew(&[device(2, 1)], SHORT).await.expect("renewed");
    let later = eventually("another lease runs out", async || seen(&*presence, 2).await.last).await;
    assert!(later > last, "{later} and {last}");
    assert_eq!(seen(&*presence, 1).await.last, Some(last));
}

/// The best of all devices counts.
pub async fn one_device_that_is_there_is_enough(presence: Arc<dyn Presence>) {
    presence.renew(&[device(1, 1), device(2, 1)], SHORT).await.expect("renewed");
    presence.renew(&[device(1, 2)], LONG).await.expect("renewed");
    eventually("a lease as short runs out", async || (!online(&*presence, 2).await).then_some(())).await;
    assert!(online(&*presence, 1).await);
}

/// Whoever renews it for less does not take away what was promised.
pub async fn a_lease_is_never_cut_short(presence: Arc<dyn Presence>) {
    presence.renew(&[device(1, 1)], LONG).await.expect("renewed");
    presence.renew(&[device(1, 1), device(2, 1)], SHORT).await.expect("renewed");
    eventually("a lease as short runs out", async || (!online(&*presence, 2).await).then_some(())).await;
    assert!(online(&*presence, 1).await);
}

/// And goes again, later than before.
pub async fn whoever_comes_back_is_online_again(presence: Arc<dyn Presence>) {
    let mut before = None;
    for _ in 0..3 {
        presence.renew(&[device(1, 1)], SHORT).await.expect("renewed");
        let last = eventually("the lease runs out", async || seen(&*presence, 1).await.last).await;
        assert!(before < Some(last), "{last} after {before:?}");
        before = Some(last);
    }
    presence.renew(&[device(1, 1)], LONG).await.expect("renewed");
    assert!(online(&*presence, 1).await);
}

/// Thousands at once; who is asked about twice is told twice.
pub async fn many_are_renewed_and_looked_at_together_and_told_in_the_order_asked(presence: Arc<dyn Presence>) {
    let devices: Vec<_> = (0..5_000).map(|n| device(n % 2_500, n)).collect();
    presence.renew(&devices, LONG).await.expect("renewed");
    let asked: Vec<_> = (0..5_000).rev().chain([3, 4_000, 3]).map(user).collect();
    let seen = presence.look(&asked).await.expect("looked at");
    assert_eq!(seen.iter().map(|seen| seen.user).collect::<Vec<_>>(), asked);
    for seen in seen {
        assert_eq!(seen, Seen { user: seen.user, online: seen.user < user(2_500), last: None });
    }
}

/// It is no error.
pub async fn nobody_to_renew_or_to_look_at_is_nothing(presence: Arc<dyn Presence>) {
    presence.renew(&[], LONG).await.expect("renewed");
    assert_eq!(presence.look(&[]).await.expect("looked at"), []);
}

/// Each device has a lease of its own.
pub async fn of_the_devices_of_a_user_those_are_connected_whose_leases_run(presence: Arc<dyn Presence>) {
    let all = [device(1, 1), device(1, 2), device(2, 1), device(1, 3)];
    let connected = async || presence.connected(&all).await.expect("looked at");
    assert_eq!(connected().await, [false; 4]);
    presence.renew(&[device(1, 2), device(2, 1)], LONG).await.expect("renewed");
    presence.renew(&[device(1, 3)], SHORT).await.expect("renewed");
    let expired = async || (connected().await == [false, true, true, false]).then_some(());
    eventually("the short lease to run out", expired).await;
    assert!(presence.connected(&[]).await.expect("looked at").is_empty());
}
