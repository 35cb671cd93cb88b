//! What every credentials store does, as tests that any adapter runs; see [`crate::accounts_contract`].
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::sync::Arc;

use futures::future::join_all;
use posthaste_domain::UserId;
use posthaste_domain::text::Email;
use uuid::Uuid;

use super::{Accounts, Credentials};

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to an empty
/// store of its own (`Arc<dyn Accounts>`) and whatever must live as long as the store.
#[macro_export]
macro_rules! accounts_contract {
    ($fresh:path) => {
        $crate::accounts_contract! { $fresh =>
            credentials_come_back_as_they_were
            nobody_has_credentials_at_first
            the_first_credentials_of_a_user_stay
            a_hash_is_replaced_only_if_it_is_the_one_that_was_seen
            whoever_has_no_password_can_be_given_one_once
            credentials_created_many_times_at_once_are_those_of_one
            credentials_that_are_removed_are_gone_and_no_others
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (accounts, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::accounts::contract::$behaviour(accounts).await;
            }
        )+
    };
}

fn user(n: u64) -> UserId {
    UserId::new(Uuid::from_u64_pair(2, n))
}

fn credentials(n: u64, email: &str, password_hash: &str) -> Credentials {
    let email = Email::parse(email).expect("an address");
    Credentials { user: user(n), email, password_hash: Some(password_hash.to_owned()) }
}

async fn create(accounts: &dyn Accounts, credentials: &Credentials) {
    accounts.create(credentials).await.expect("the store takes the credentials");
}

async fn find(accounts: &dyn Accounts, n: u64) -> Option<Credentials> {
    accounts.find(user(n)).await.expect("the store can be read")
}

pub async fn credentials_come_back_as_they_were(accounts: Arc<dyn Accounts>) {
    let one = credentials(1, "Ann@Example.org", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA");
    let other = credentials(2, "bob@example.org", "$argon2id$other");
    create(&*accounts, &one).await;
    create(&*accounts, &other).await;
    assert_eq!(find(&*accounts, 1).await, Some(one));
    assert_eq!(find(&*accounts, 2).await, Some(other));
}

pub async fn nobody_has_credentials_at_first(accounts: Arc<dyn Accounts>) {
    assert_eq!(find(&*accounts, 1).await, None);
}

pub async fn the_first_credentials_of_a_user_stay(accounts: Arc<dyn Accounts>) {
    let first = credentials(1, "ann@example.org", "$first");
    create(&*accounts, &first).await;
    create(&*accounts, &credentials(1, "eve@example.org", "$second")).await;
    assert_eq!(find(&*accounts, 1).await, Some(first));
}

pub async fn credentials_created_many_times_at_once_are_those_of_one(accounts: Arc<dyn Accounts>) {
    let offered: Vec<_> = (1..=20).map(|n| credentials(1, &format!("ann{n}@example.org"), &format!("$hash-{n}"))).collect();
    join_all(offered.iter().map(|credentials| create(&*accounts, credentials))).await;
    let kept = find(&*accounts, 1).await.expect("somebody was first");
    assert!(offered.contains(&kept), "{kept:?}");
}

pub async fn credentials_that_are_removed_are_gone_and_no_others(accounts: Arc<dyn Accounts>) {
    let other = credentials(2, "bob@example.org", "$other");
    create(&*accounts, &credentials(1, "ann@example.org", "$first")).await;
    create(&*accounts, &other).await;
    for _ in 0..2 {
        accounts.remove(user(1)).await.expect("the store forgets");
        assert_eq!(find(&*accounts, 1).await, None);
    }
    assert_eq!(find(&*accounts, 2).await, Some(other));
}

pub async fn a_hash_is_replaced_only_if_it_is_the_one_that_was_seen(accounts: Arc<dyn Accounts>) {
    let replace = async |n: u64, before: &str, after: &str| accounts.replace_hash(user(n), Some(before), after).await.expect("answered");
    assert!(!replace(1, "$first", "$second").await, "there is nobody");
    create(&*accounts, &credentials(1, "ann@example.org", "$first")).await;
    create(&*accounts, &credentials(2, "bob@example.org", "$first")).await;
    assert!(!replace(1, "$other", "$second").await);
    assert!(replace(1, "$first", "$second").await);
    assert!(!replace(1, "$first", "$third").await, "it was seen before");
    assert_eq!(find(&*accounts, 1).await, Some(credentials(1, "ann@example.org", "$second")));
    assert_eq!(find(&*accounts, 2).await, Some(credentials(2, "bob@example.org", "$first")), "it is somebody else's");

    let offered: Vec<_> = (0..20).map(|n| format!("$new-{n}")).collect();
    let made = join_all(offered.iter().map(|after| accounts.replace_hash(user(1), Some("$second"), after))).await;
    let made: Vec<_> = made.into_iter().zip(&offered).filter_map(|(made, after)| made.expect("answered").then_some(after)).collect();
    assert_eq!(made.len(), 1);
    assert_eq!(find(&*accounts, 1).await.and_then(|kept| kept.password_hash), Some(made[0].clone()));
}

pub async fn whoever_has_no_password_can_be_given_one_once(accounts: Arc<dyn Accounts>) {
    let without = Credentials { password_hash: None, ..credentials(1, "ann@example.org", "") };
    create(&*accounts, &without).await;
    create(&*accounts, &credentials(2, "bob@example.org", "$first")).await;
    assert_eq!(find(&*accounts, 1).await, Some(without));
    let replace = async |n: u64, before: Option<&str>, after: &str| accounts.replace_hash(user(n), before, after).await.expect("answered");
    assert!(!replace(2, None, "$second").await, "there is one");
    assert!(!replace(1, Some("$first"), "$second").await, "there is none");
    assert!(replace(1, None, "$first").await);
    assert!(!replace(1, None, "$second").await, "there is one by now");
    assert_eq!(find(&*accounts, 1).await, Some(credentials(1, "ann@example.org", "$first")));
}
