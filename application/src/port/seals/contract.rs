//! What every store of seals does, as tests that any adapter runs; see [`crate::seals_contract`].
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::sync::Arc;

use chrono::DateTime;
use futures::future::join_all;

use super::{Overtaken, SealStore};
use crate::recorded::Position;
use crate::verify::key::SealKey;
use crate::verify::merkle::Frontier;
use crate::verify::seal::{Seal, Sealable};

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to a store
/// that holds no seal (`Arc<dyn SealStore>`) and whatever must live as long as it.
#[macro_export]
macro_rules! seals_contract {
    ($fresh:path) => {
        $crate::seals_contract! { $fresh =>
            there_is_no_seal_at_first
            the_last_seal_is_the_one_that_was_added_last
            a_seal_that_does_not_follow_on_the_last_is_not_added
            of_many_who_seal_at_once_one_does
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (store, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::seals::contract::$behaviour(store).await;
            }
        )+
    };
}

fn seal(position: u64, last: Option<&Seal>) -> Seal {
    let mut tree = Frontier::default();
    (0..position).for_each(|_| tree.push([3; 32]));
    let sealable = Sealable { log: [1; 32], position: Position(position), hash: [2; 32], tree };
    Seal::new(&sealable, last, DateTime::UNIX_EPOCH, &SealKey::from_random(&[4; 32]))
}

async fn last(store: &dyn SealStore) -> Option<Seal> {
    store.last().await.expect("it can be read")
}

async fn append(store: &dyn SealStore, seal: &Seal) -> Result<(), Overtaken> {
    store.append(seal).await.expect("it can be written")
}

pub async fn there_is_no_seal_at_first(store: Arc<dyn SealStore>) {
    assert_eq!(last(&*store).await, None);
}

pub async fn the_last_seal_is_the_one_that_was_added_last(store: Arc<dyn SealStore>) {
    let mut before = None;
    for position in [1, 5, 5, 300] {
        let next = seal(position, before.as_ref());
        append(&*store, &next).await.expect("it follows");
        assert_eq!(last(&*store).await, Some(next.clone()));
        before = Some(next);
    }
}

pub async fn a_seal_that_does_not_follow_on_the_last_is_not_added(store: Arc<dyn SealStore>) {
    let first = seal(1, None);
    let second = seal(2, Some(&first));
    assert_eq!(append(&*store, &second).await, Err(Overtaken));
    append(&*store, &first).await.expect("nothing is before it");
    assert_eq!(append(&*store, &first).await, Err(Overtaken));
    append(&*store, &second).await.expect("it follows");
    assert_eq!(append(&*store, &seal(3, Some(&first))).await, Err(Overtaken));
    assert_eq!(last(&*store).await, Some(second));
}

pub async fn of_many_who_seal_at_once_one_does(store: Arc<dyn SealStore>) {
    let seals: Vec<_> = (1..=20).map(|position| seal(position, None)).collect();
    let done = join_all(seals.iter().map(|seal| append(&*store, seal))).await;
    let won: Vec<_> = seals.iter().zip(done).filter(|(_, done)| done.is_ok()).map(|(seal, _)| seal.clone()).collect();
    assert_eq!(won.len(), 1);
    assert_eq!(last(&*store).await, won.into_iter().next());
}
