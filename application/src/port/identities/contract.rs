//! What every store of identities does, as tests that any adapter runs; see [`crate::identities_contract`].
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::sync::Arc;

use chrono::DateTime;
use futures::future::join_all;
use posthaste_domain::{IdentityId, UserId};
use uuid::Uuid;

use super::{Identities, Identity, Leaving};

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to an empty
/// store of its own (`Arc<dyn Identities>`) and whatever must live as long as the store.
#[macro_export]
macro_rules! identities_contract {
    ($fresh:path) => {
        $crate::identities_contract! { $fresh =>
            an_identity_comes_back_as_it_was
            nobody_is_known_at_first
            a_subject_of_an_issuer_is_linked_once_to_whomever
            subjects_and_issuers_are_told_apart_to_the_letter
            of_many_links_at_once_one_is_made
            the_identities_of_a_user_come_in_the_order_they_were_linked
            an_identity_is_unlinked_by_its_owner_alone
            the_last_identity_stays_where_it_must
            of_all_that_are_unlinked_at_once_one_stays_where_it_must
            all_identities_of_a_user_go_together_and_no_others
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (identities, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::identities::contract::$behaviour(identities).await;
            }
        )+
    };
}

const ISSUER: &str = "https://login.example";

fn user(n: u64) -> UserId {
    UserId::new(Uuid::from_u64_pair(2, n))
}

fn identity(n: u64, whose: u64) -> Identity {
    let linked_at = DateTime::from_timestamp(1_790_000_000 + i64::try_from(n).expect("a few"), 123_456_000).expect("a time");
    let id = IdentityId::new(Uuid::from_u64_pair(3, n));
    Identity { id, issuer: ISSUER.to_owned(), subject: format!("subject-{n}"), user: user(whose), linked_at }
}

async fn link(identities: &dyn Identities, identity: &Identity) -> bool {
    identities.link(identity).await.expect("the store takes the identity")
}

async fn of_user(identities: &dyn Identities, n: u64) -> Vec<Identity> {
    identities.of_user(user(n)).await.expect("the store can be read")
}

async fn find(identities: &dyn Identities, issuer: &str, subject: &str) -> Option<Identity> {
    identities.find(issuer, subject).await.expect("the store can be read")
}

async fn unlink(identities: &dyn Identities, whose: u64, n: u64, leaving: Leaving) -> bool {
    identities.unlink(user(whose), identity(n, whose).id, leaving).await.expect("answered")
}

pub async fn an_identity_comes_back_as_it_was(identities: Arc<dyn Identities>) {
    assert!(link(&*identities, &identity(1, 1)).await);
    assert_eq!(find(&*identities, ISSUER, "subject-1").await, Some(identity(1, 1)));
    assert_eq!(of_user(&*identities, 1).await, [identity(1, 1)]);
}

pub async fn nobody_is_known_at_first(identities: Arc<dyn Identities>) {
    assert_eq!(find(&*identities, ISSUER, "subject-1").await, None);
    assert_eq!(of_user(&*identities, 1).await, []);
    assert!(!unlink(&*identities, 1, 1, Leaving::Any).await);
    identities.remove(user(1)).await.expect("nothing to forget is no error");
}

pub async fn a_subject_of_an_issuer_is_linked_once_to_whomever(identities: Arc<dyn Identities>) {
    assert!(link(&*identities, &identity(1, 1)).await);
    for whose in [1, 2] {
        let again = Identity { id: identity(2, whose).id, ..identity(1, whose) };
        assert!(!link(&*identities, &again).await);
    }
    assert_eq!(find(&*identities, ISSUER, "subject-1").await, Some(identity(1, 1)));
    assert_eq!(of_user(&*identities, 2).await, []);
}

pub async fn subjects_and_issuers_are_told_apart_to_the_letter(identities: Arc<dyn Identities>) {
    let others =
        [(ISSUER, "Subject-1"), (ISSUER, "subject-1 "), ("https://login.example/", "subject-1"), ("https://LOGIN.example", "subject-1")];
    assert!(link(&*identities, &identity(1, 1)).await);
    for ((issuer, subject), n) in others.into_iter().zip(2..) {
        assert_eq!(find(&*identities, issuer, subject).await, None, "{issuer} {subject}");
        let other = Identity { issuer: issuer.to_owned(), subject: subject.to_owned(), ..identity(n, n) };
        assert!(link(&*identities, &other).await, "{issuer} {subject}");
        assert_eq!(find(&*identities, issuer, subject).await, Some(other));
    }
    assert_eq!(find(&*identities, ISSUER, "subject-1").await, Some(identity(1, 1)));
}

pub async fn of_many_links_at_once_one_is_made(identities: Arc<dyn Identities>) {
    let offered: Vec<_> = (1..=20).map(|n| Identity { subject: "subject".to_owned(), ..identity(n, n) }).collect();
    let made = join_all(offered.iter().map(|identity| link(&*identities, identity))).await;
    let made: Vec<_> = made.into_iter().zip(offered).filter_map(|(made, identity)| made.then_some(identity)).collect();
    assert_eq!(made.len(), 1);
    assert_eq!(find(&*identities, ISSUER, "subject").await.as_ref(), made.first());
}

pub async fn the_identities_of_a_user_come_in_the_order_they_were_linked(identities: Arc<dyn Identities>) {
    for (n, whose) in [(3, 1), (1, 1), (4, 2), (2, 1)] {
        assert!(link(&*identities, &identity(n, whose)).await);
    }
    assert_eq!(of_user(&*identities, 1).await, [1, 2, 3].map(|n| identity(n, 1)));
}

pub async fn an_identity_is_unlinked_by_its_owner_alone(identities: Arc<dyn Identities>) {
    for (n, whose) in [(1, 1), (2, 1), (3, 2)] {
        assert!(link(&*identities, &identity(n, whose)).await);
    }
    assert!(!unlink(&*identities, 2, 1, Leaving::Any).await, "it is somebody else's");
    assert!(unlink(&*identities, 1, 1, Leaving::Any).await);
    assert!(!unlink(&*identities, 1, 1, Leaving::Any).await, "it is gone");
    assert_eq!(find(&*identities, ISSUER, "subject-1").await, None);
    assert_eq!(of_user(&*identities, 1).await, [identity(2, 1)]);
    assert!(link(&*identities, &identity(1, 2)).await, "whoever is nobody's can be somebody's");
}

pub async fn the_last_identity_stays_where_it_must(identities: Arc<dyn Identities>) {
    for (n, whose) in [(1, 1), (2, 1), (3, 2)] {
        assert!(link(&*identities, &identity(n, whose)).await);
    }
    assert!(unlink(&*identities, 1, 1, Leaving::AnotherIdentity).await);
    assert!(!unlink(&*identities, 1, 2, Leaving::AnotherIdentity).await, "those of others do not count");
    assert_eq!(of_user(&*identities, 1).await, [identity(2, 1)]);
    assert!(unlink(&*identities, 1, 2, Leaving::Any).await);
}

pub async fn of_all_that_are_unlinked_at_once_one_stays_where_it_must(identities: Arc<dyn Identities>) {
    for n in 1..=8 {
        assert!(link(&*identities, &identity(n, 1)).await);
    }
    let made = join_all((1..=8).map(|n| unlink(&*identities, 1, n, Leaving::AnotherIdentity))).await;
    assert_eq!(made.into_iter().filter(|made| *made).count(), 7);
    assert_eq!(of_user(&*identities, 1).await.len(), 1);
}

pub async fn all_identities_of_a_user_go_together_and_no_others(identities: Arc<dyn Identities>) {
    for (n, whose) in [(1, 1), (2, 1), (3, 2)] {
        assert!(link(&*identities, &identity(n, whose)).await);
    }
    identities.remove(user(1)).await.expect("forgotten");
    assert_eq!(of_user(&*identities, 1).await, []);
    assert_eq!(find(&*identities, ISSUER, "subject-2").await, None);
    assert_eq!(of_user(&*identities, 2).await, [identity(3, 2)]);
}
