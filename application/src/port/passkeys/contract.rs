//! What every store of passkeys does, as tests that any adapter runs; see [`crate::passkeys_contract`].
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use posthaste_domain::UserId;
use posthaste_domain::text::SessionName;
use uuid::Uuid;

use super::{Passkey, Passkeys};

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to an empty
/// store of its own (`Arc<dyn Passkeys>`) and whatever must live as long as the store.
#[macro_export]
macro_rules! passkeys_contract {
    ($fresh:path) => {
        $crate::passkeys_contract! { $fresh =>
            a_passkey_comes_back_as_it_was
            nobody_has_a_passkey_at_first
            a_credential_is_registered_once
            the_passkeys_of_a_user_come_oldest_first_and_nobody_elses_with_them
            a_passkey_is_replaced_by_its_next_revision_and_by_no_other
            of_many_changes_at_once_one_is_made
            what_is_removed_is_gone_and_not_brought_back_by_a_change
            all_passkeys_of_a_user_are_removed_and_nobody_elses
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (passkeys, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::passkeys::contract::$behaviour(passkeys).await;
            }
        )+
    };
}

fn user(n: u64) -> UserId {
    UserId::new(Uuid::from_u64_pair(2, n))
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 123_456_000).expect("a time")
}

/// As it is registered.
fn new(n: u64, whose: u64) -> Passkey {
    Passkey {
        id: Uuid::from_u64_pair(3, n),
        user: user(whose),
        credential: [b"credential".as_slice(), &n.to_be_bytes()].concat(),
        key: format!(r#"{{"key":{n}}}"#),
        name: None,
        created_at: noon() + TimeDelta::seconds(n.cast_signed()),
        used_at: None,
        used_ceremony: None,
        revision: 1,
    }
}

/// As it is after it was used.
fn used(n: u64, whose: u64) -> Passkey {
    Passkey {
        key: format!(r#"{{"key":{n},"counter":1}}"#),
        name: Some(SessionName::parse("The key on the ring").expect("a name")),
        used_at: Some(noon()),
        used_ceremony: Some(noon() - TimeDelta::microseconds(1)),
        revision: 2,
        ..new(n, whose)
    }
}

async fn add(passkeys: &dyn Passkeys, passkey: &Passkey) -> bool {
    passkeys.add(passkey).await.expect("answered")
}

async fn replace(passkeys: &dyn Passkeys, passkey: &Passkey) -> bool {
    passkeys.replace(passkey).await.expect("answered")
}

async fn find(passkeys: &dyn Passkeys, n: u64) -> Option<Passkey> {
    passkeys.find(&new(n, 0).credential).await.expect("the store can be read")
}

async fn of_user(passkeys: &dyn Passkeys, whose: u64) -> Vec<Passkey> {
    passkeys.of_user(user(whose)).await.expect("the store can be read")
}

pub async fn a_passkey_comes_back_as_it_was(passkeys: Arc<dyn Passkeys>) {
    assert!(add(&*passkeys, &new(1, 1)).await && add(&*passkeys, &new(2, 2)).await);
    assert_eq!(find(&*passkeys, 1).await, Some(new(1, 1)));
    assert!(replace(&*passkeys, &used(1, 1)).await);
    assert_eq!(find(&*passkeys, 1).await, Some(used(1, 1)));
    assert_eq!(find(&*passkeys, 2).await, Some(new(2, 2)), "it is somebody else's");
}

pub async fn nobody_has_a_passkey_at_first(passkeys: Arc<dyn Passkeys>) {
    assert_eq!((find(&*passkeys, 1).await, of_user(&*passkeys, 1).await), (None, Vec::new()));
    assert!(!replace(&*passkeys, &used(1, 1)).await);
    assert!(!passkeys.remove(user(1), new(1, 1).id).await.expect("answered"));
    passkeys.remove_all(user(1)).await.expect("answered");
    assert_eq!(find(&*passkeys, 1).await, None);
}

pub async fn a_credential_is_registered_once(passkeys: Arc<dyn Passkeys>) {
    assert!(add(&*passkeys, &new(1, 1)).await);
    let again = Passkey { id: Uuid::from_u64_pair(3, 2), user: user(2), ..new(1, 1) };
    assert!(!add(&*passkeys, &again).await, "not by another user either");
    assert_eq!((find(&*passkeys, 1).await, of_user(&*passkeys, 2).await), (Some(new(1, 1)), Vec::new()));
}

pub async fn the_passkeys_of_a_user_come_oldest_first_and_nobody_elses_with_them(passkeys: Arc<dyn Passkeys>) {
    for n in [3, 1, 2] {
        assert!(add(&*passkeys, &new(n, 1)).await);
    }
    assert!(add(&*passkeys, &new(4, 2)).await);
    assert_eq!(of_user(&*passkeys, 1).await, [new(1, 1), new(2, 1), new(3, 1)]);
}

pub async fn a_passkey_is_replaced_by_its_next_revision_and_by_no_other(passkeys: Arc<dyn Passkeys>) {
    assert!(add(&*passkeys, &new(1, 1)).await);
    for wrong in [1, 3] {
        assert!(!replace(&*passkeys, &Passkey { revision: wrong, ..used(1, 1) }).await, "{wrong}");
        assert_eq!(find(&*passkeys, 1).await, Some(new(1, 1)));
    }
    let others = Passkey { user: user(2), credential: b"another".to_vec(), created_at: noon(), ..used(1, 1) };
    assert!(replace(&*passkeys, &others).await);
    assert_eq!(find(&*passkeys, 1).await, Some(used(1, 1)), "whose it is, its credential and its time stay");
    assert!(!replace(&*passkeys, &used(1, 1)).await, "once");
}

pub async fn of_many_changes_at_once_one_is_made(passkeys: Arc<dyn Passkeys>) {
    assert!(add(&*passkeys, &new(1, 1)).await);
    for revision in 2..12 {
        let changes: Vec<_> = (0..20).map(|n| Passkey { revision, key: format!("{{\"{n}\":{revision}}}"), ..used(1, 1) }).collect();
        let made = join_all(changes.iter().map(|change| passkeys.replace(change))).await;
        let made: Vec<_> = made.into_iter().zip(&changes).filter_map(|(made, change)| made.expect("answered").then_some(change)).collect();
        let [made] = made[..] else { panic!("{} were made", made.len()) };
        assert_eq!(find(&*passkeys, 1).await.as_ref(), Some(made));
    }
}

pub async fn what_is_removed_is_gone_and_not_brought_back_by_a_change(passkeys: Arc<dyn Passkeys>) {
    assert!(add(&*passkeys, &new(1, 1)).await && add(&*passkeys, &new(2, 2)).await);
    assert!(!passkeys.remove(user(1), new(2, 2).id).await.expect("answered"), "it is somebody else's");
    assert!(passkeys.remove(user(1), new(1, 1).id).await.expect("answered"));
    assert!(!passkeys.remove(user(1), new(1, 1).id).await.expect("answered"), "once");
    assert!(!replace(&*passkeys, &used(1, 1)).await);
    assert_eq!((find(&*passkeys, 1).await, find(&*passkeys, 2).await), (None, Some(new(2, 2))));
    assert!(add(&*passkeys, &new(1, 2)).await, "and it can be registered again");
}

pub async fn all_passkeys_of_a_user_are_removed_and_nobody_elses(passkeys: Arc<dyn Passkeys>) {
    for (n, whose) in [(1, 1), (2, 1), (3, 2)] {
        assert!(add(&*passkeys, &new(n, whose)).await);
    }
    passkeys.remove_all(user(1)).await.expect("answered");
    assert_eq!((of_user(&*passkeys, 1).await, of_user(&*passkeys, 2).await), (Vec::new(), vec![new(3, 2)]));
}
