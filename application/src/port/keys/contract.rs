//! What every store of keys does, as tests that any adapter runs; see [`crate::content_keys_contract`].
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::sync::Arc;

use futures::future::join_all;
use posthaste_domain::OwnerId;
use uuid::Uuid;

use super::{ContentKeys, Kept};

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to an empty
/// store of its own (`Arc<dyn ContentKeys>`) and whatever must live as long as the store.
#[macro_export]
macro_rules! content_keys_contract {
    ($fresh:path) => {
        $crate::content_keys_contract! { $fresh =>
            a_key_that_is_kept_is_found_and_stays
            of_many_who_keep_a_key_at_once_one_is_first
            a_key_that_is_destroyed_never_comes_back
            what_never_had_a_key_can_be_barred_from_one
            a_key_is_wrapped_anew_unless_it_has_changed_meanwhile
            keys_are_listed_in_pages
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (keys, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::keys::contract::$behaviour(keys).await;
            }
        )+
    };
}

fn owner(n: u64) -> OwnerId {
    OwnerId::new(Uuid::from_u64_pair(1, n))
}

/// Wrapped keys may have any byte in them.
fn wrapped(n: u8) -> Vec<u8> {
    (0..=255).chain([n]).collect()
}

async fn keep(keys: &dyn ContentKeys, of: u64, n: u8) {
    keys.keep(&[(owner(of), wrapped(n))]).await.expect("the store keeps it");
}

async fn found(keys: &dyn ContentKeys, of: u64) -> Option<Kept> {
    let found = keys.find(&[owner(of)]).await.expect("the store can be read");
    assert!(found.iter().all(|(found, _)| *found == owner(of)), "{found:?}");
    found.into_iter().next().map(|(_, kept)| kept)
}

pub async fn a_key_that_is_kept_is_found_and_stays(keys: Arc<dyn ContentKeys>) {
    assert_eq!(found(&*keys, 1).await, None);
    keys.keep(&[(owner(1), wrapped(1)), (owner(2), wrapped(2))]).await.expect("the store keeps them");
    keys.keep(&[(owner(1), wrapped(3)), (owner(3), wrapped(3))]).await.expect("the store keeps what is new");
    keys.keep(&[]).await.expect("nothing is nothing");
    for (of, n) in [(1, 1), (2, 2), (3, 3)] {
        assert_eq!(found(&*keys, of).await, Some(Kept::Wrapped(wrapped(n))));
    }
    let mut several = keys.find(&[owner(3), owner(9), owner(1)]).await.expect("the store can be read");
    several.sort_unstable_by_key(|(owner, _)| *owner);
    assert_eq!(several, [(owner(1), Kept::Wrapped(wrapped(1))), (owner(3), Kept::Wrapped(wrapped(3)))]);
}

pub async fn of_many_who_keep_a_key_at_once_one_is_first(keys: Arc<dyn ContentKeys>) {
    let seen = join_all((0..20).map(|n| {
        let keys = Arc::clone(&keys);
        async move {
            keep(&*keys, 1, n).await;
            found(&*keys, 1).await
        }
    }));
    let seen = seen.await;
    assert!(seen[0].is_some() && seen.iter().all(|kept| *kept == seen[0]), "{seen:?}");
}

pub async fn a_key_that_is_destroyed_never_comes_back(keys: Arc<dyn ContentKeys>) {
    keep(&*keys, 1, 1).await;
    keep(&*keys, 2, 2).await;
    assert!(keys.destroy(owner(1)).await.expect("the store destroys it"));
    assert!(!keys.destroy(owner(1)).await.expect("it is gone already"));
    keep(&*keys, 1, 1).await;
    assert!(!keys.rewrap(owner(1), &wrapped(1), &wrapped(3)).await.expect("the store looks"));
    assert_eq!(found(&*keys, 1).await, Some(Kept::Destroyed));
    assert_eq!(found(&*keys, 2).await, Some(Kept::Wrapped(wrapped(2))), "nobody else loses theirs");
}

pub async fn what_never_had_a_key_can_be_barred_from_one(keys: Arc<dyn ContentKeys>) {
    assert!(keys.destroy(owner(1)).await.expect("the store takes note"));
    keep(&*keys, 1, 1).await;
    assert_eq!(found(&*keys, 1).await, Some(Kept::Destroyed));
}

pub async fn a_key_is_wrapped_anew_unless_it_has_changed_meanwhile(keys: Arc<dyn ContentKeys>) {
    keep(&*keys, 1, 1).await;
    assert!(keys.rewrap(owner(1), &wrapped(1), &wrapped(2)).await.expect("the store takes it"));
    assert!(!keys.rewrap(owner(1), &wrapped(1), &wrapped(3)).await.expect("the store looks"));
    assert!(!keys.rewrap(owner(2), &wrapped(1), &wrapped(3)).await.expect("the store looks"));
    assert_eq!(found(&*keys, 1).await, Some(Kept::Wrapped(wrapped(2))));
    assert_eq!(found(&*keys, 2).await, None);
}

pub async fn keys_are_listed_in_pages(keys: Arc<dyn ContentKeys>) {
    for (of, n) in [(3, 3), (1, 1), (2, 2), (4, 4)] {
        keep(&*keys, of, n).await;
    }
    keys.destroy(owner(2)).await.expect("the store destroys it");
    let all = [
        (owner(1), Kept::Wrapped(wrapped(1))),
        (owner(2), Kept::Destroyed),
        (owner(3), Kept::Wrapped(wrapped(3))),
        (owner(4), Kept::Wrapped(wrapped(4))),
    ];
    let listed = async |after: Option<u64>, limit| keys.list(after.map(owner), limit).await.expect("the store can be read");
    assert_eq!(listed(None, 9).await, all);
    assert_eq!(listed(None, 2).await, all[..2]);
    assert_eq!(listed(Some(2), 1).await, all[2..3]);
    assert_eq!(listed(Some(4), 9).await, []);
}
