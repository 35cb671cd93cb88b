//! What every store of second factors does, as tests that any adapter runs; see [`crate::factors_contract`].
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use posthaste_domain::{FactorId, UserId};
use uuid::Uuid;

use super::{Factor, Factors};

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to an empty
/// store of its own (`Arc<dyn Factors>`) and whatever must live as long as the store.
#[macro_export]
macro_rules! factors_contract {
    ($fresh:path) => {
        $crate::factors_contract! { $fresh =>
            a_factor_comes_back_as_it_was
            nobody_has_a_factor_at_first
            what_is_offered_takes_the_place_of_what_was_only_offered
            what_is_on_is_not_replaced_by_an_offer
            a_factor_is_replaced_by_its_next_revision_and_by_no_other
            a_factor_that_was_set_up_anew_takes_no_change_of_the_former
            of_many_changes_at_once_one_is_made
            what_is_removed_is_gone_and_not_brought_back_by_a_change
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (factors, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::factors::contract::$behaviour(factors).await;
            }
        )+
    };
}

fn user(n: u64) -> UserId {
    UserId::new(Uuid::from_u64_pair(2, n))
}

fn id(n: u64) -> FactorId {
    FactorId::new(Uuid::from_u64_pair(3, n))
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 123_456_000).expect("a time")
}

/// As it is offered.
fn offered(n: u64, whose: u64) -> Factor {
    let sealed = [b"sealed".as_slice(), &n.to_be_bytes()].concat();
    Factor { id: id(n), user: user(whose), sealed, enabled_at: None, used_step: None, recovery: Vec::new(), revision: 1 }
}

/// As it is after it was switched on.
fn enabled(n: u64, whose: u64) -> Factor {
    let recovery = (0..10).map(|code| [code; 32]).collect();
    Factor { enabled_at: Some(noon()), used_step: Some(59_666_666), recovery, revision: 2, ..offered(n, whose) }
}

async fn offer(factors: &dyn Factors, factor: &Factor) -> bool {
    factors.offer(factor).await.expect("answered")
}

async fn replace(factors: &dyn Factors, factor: &Factor) -> bool {
    factors.replace(factor).await.expect("answered")
}

async fn find(factors: &dyn Factors, whose: u64) -> Option<Factor> {
    factors.find(user(whose)).await.expect("the store can be read")
}

pub async fn a_factor_comes_back_as_it_was(factors: Arc<dyn Factors>) {
    assert!(offer(&*factors, &offered(1, 1)).await && offer(&*factors, &offered(2, 2)).await);
    assert_eq!(find(&*factors, 1).await, Some(offered(1, 1)));
    assert!(replace(&*factors, &enabled(1, 1)).await);
    assert_eq!(find(&*factors, 1).await, Some(enabled(1, 1)));
    assert_eq!(find(&*factors, 2).await, Some(offered(2, 2)), "it is somebody else's");
    let used_up = Factor { used_step: Some(u64::from(u32::MAX)), recovery: Vec::new(), revision: 3, ..enabled(1, 1) };
    assert!(replace(&*factors, &used_up).await);
    assert_eq!(find(&*factors, 1).await, Some(used_up));
}

pub async fn nobody_has_a_factor_at_first(factors: Arc<dyn Factors>) {
    assert_eq!(find(&*factors, 1).await, None);
    assert!(!replace(&*factors, &enabled(1, 1)).await);
    assert!(!factors.remove(user(1), id(1)).await.expect("answered"));
    assert_eq!(find(&*factors, 1).await, None);
}

pub async fn what_is_offered_takes_the_place_of_what_was_only_offered(factors: Arc<dyn Factors>) {
    for n in 1..4 {
        assert!(offer(&*factors, &offered(n, 1)).await);
        assert_eq!(find(&*factors, 1).await, Some(offered(n, 1)));
    }
}

pub async fn what_is_on_is_not_replaced_by_an_offer(factors: Arc<dyn Factors>) {
    assert!(offer(&*factors, &offered(1, 1)).await && replace(&*factors, &enabled(1, 1)).await);
    assert!(!offer(&*factors, &offered(2, 1)).await);
    assert_eq!(find(&*factors, 1).await, Some(enabled(1, 1)));
}

pub async fn a_factor_is_replaced_by_its_next_revision_and_by_no_other(factors: Arc<dyn Factors>) {
    assert!(offer(&*factors, &offered(1, 1)).await);
    for wrong in [1, 3] {
        assert!(!replace(&*factors, &Factor { revision: wrong, ..enabled(1, 1) }).await, "{wrong}");
        assert_eq!(find(&*factors, 1).await, Some(offered(1, 1)));
    }
    let other_secret = Factor { sealed: b"another".to_vec(), ..enabled(1, 1) };
    assert!(replace(&*factors, &other_secret).await);
    assert_eq!(find(&*factors, 1).await, Some(enabled(1, 1)), "the secret stays");
    assert!(!replace(&*factors, &enabled(1, 1)).await, "once");
}

pub async fn a_factor_that_was_set_up_anew_takes_no_change_of_the_former(factors: Arc<dyn Factors>) {
    assert!(offer(&*factors, &offered(1, 1)).await && offer(&*factors, &offered(2, 1)).await);
    assert!(!replace(&*factors, &enabled(1, 1)).await);
    assert!(!factors.remove(user(1), id(1)).await.expect("answered"));
    assert_eq!(find(&*factors, 1).await, Some(offered(2, 1)));
}

pub async fn of_many_changes_at_once_one_is_made(factors: Arc<dyn Factors>) {
    assert!(offer(&*factors, &offered(1, 1)).await && replace(&*factors, &enabled(1, 1)).await);
    for revision in 3..13 {
        let changes: Vec<_> = (0..20).map(|n| Factor { revision, used_step: Some(revision * 100 + n), ..enabled(1, 1) }).collect();
        let made = join_all(changes.iter().map(|change| factors.replace(change))).await;
        let made: Vec<_> = made.into_iter().zip(&changes).filter_map(|(made, change)| made.expect("answered").then_some(change)).collect();
        let [made] = made[..] else { panic!("{} were made", made.len()) };
        assert_eq!(find(&*factors, 1).await.as_ref(), Some(made));
    }
}

pub async fn what_is_removed_is_gone_and_not_brought_back_by_a_change(factors: Arc<dyn Factors>) {
    for whose in 1..=2 {
        assert!(offer(&*factors, &offered(whose, whose)).await && replace(&*factors, &enabled(whose, whose)).await);
    }
    assert!(!factors.remove(user(1), id(2)).await.expect("answered"), "it is somebody else's");
    assert!(factors.remove(user(1), id(1)).await.expect("answered"));
    assert!(!factors.remove(user(1), id(1)).await.expect("answered"), "once");
    assert!(!replace(&*factors, &Factor { revision: 3, ..enabled(1, 1) }).await);
    assert_eq!((find(&*factors, 1).await, find(&*factors, 2).await), (None, Some(enabled(2, 2))));
    assert!(offer(&*factors, &offered(3, 1)).await, "and another can be set up");
}
