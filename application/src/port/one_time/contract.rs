//! What every store of one-time tokens does, as tests that any adapter runs; see [`crate::one_time_contract`].
#![allow(missing_docs, reason = "the names of the tests are sentences")]

use std::sync::Arc;

use chrono::{DateTime, Utc};
use posthaste_domain::UserId;
use uuid::Uuid;

use super::{Digest, FORGOTTEN, OneTime, OneTimeTokens, Purpose};

/// One `#[tokio::test]` for each behaviour of the contract. Takes the path of an async function from the name of the test to an empty
/// store of its own (`Arc<dyn OneTimeTokens>`) and whatever must live as long as the store.
#[macro_export]
macro_rules! one_time_contract {
    ($fresh:path) => {
        $crate::one_time_contract! { $fresh =>
            a_token_comes_back_as_it_was
            no_token_is_there_at_first
            the_tokens_of_a_user_come_with_the_newest_first_and_each_purpose_by_itself
            all_tokens_of_a_user_for_a_purpose_go_together_and_the_rest_stays
            those_that_have_run_out_are_forgotten_as_others_are_made
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let (tokens, _alive) = $fresh(stringify!($behaviour)).await;
                $crate::port::one_time::contract::$behaviour(tokens).await;
            }
        )+
    };
}

fn user(n: u64) -> UserId {
    UserId::new(Uuid::from_u64_pair(2, n))
}

fn at(second: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + i64::try_from(second).expect("a few seconds"), 123_456_000).expect("a time")
}

fn digest(kind: u8, n: u64) -> Digest {
    let mut digest = [kind; 32];
    digest[..8].copy_from_slice(&n.to_be_bytes());
    digest
}

fn token(n: u64, whose: u64, purpose: Purpose) -> OneTime {
    let mail = Uuid::from_u64_pair(4, n);
    OneTime { digest: digest(1, n), purpose, user: user(whose), mail, bound: digest(2, n), made_at: at(n), expires_at: at(1_000) }
}

async fn keep(tokens: &dyn OneTimeTokens, token: &OneTime) {
    tokens.keep(token).await.expect("the store takes the token");
}

async fn of_user(tokens: &dyn OneTimeTokens, whose: u64, purpose: Purpose) -> Vec<OneTime> {
    tokens.of_user(user(whose), purpose).await.expect("the store can be read")
}

pub async fn a_token_comes_back_as_it_was(tokens: Arc<dyn OneTimeTokens>) {
    for (n, purpose) in (1..).zip(Purpose::ALL) {
        let token = token(n, n, purpose);
        keep(&*tokens, &token).await;
        assert_eq!(tokens.find(&token.digest).await.expect("read"), Some(token.clone()));
        assert_eq!(of_user(&*tokens, n, purpose).await, [token]);
    }
}

pub async fn no_token_is_there_at_first(tokens: Arc<dyn OneTimeTokens>) {
    assert_eq!(tokens.find(&digest(1, 1)).await.expect("read"), None);
    assert_eq!(of_user(&*tokens, 1, Purpose::PasswordReset).await, []);
    tokens.remove(user(1), Purpose::PasswordReset).await.expect("nothing to remove is no error");
    keep(&*tokens, &token(1, 1, Purpose::PasswordReset)).await;
    // What it is bound to is not what it is.
    assert_eq!(tokens.find(&digest(2, 1)).await.expect("read"), None);
}

pub async fn the_tokens_of_a_user_come_with_the_newest_first_and_each_purpose_by_itself(tokens: Arc<dyn OneTimeTokens>) {
    for n in [2, 3, 1] {
        keep(&*tokens, &token(n, 1, Purpose::PasswordReset)).await;
    }
    keep(&*tokens, &token(4, 1, Purpose::EmailVerification)).await;
    keep(&*tokens, &token(5, 2, Purpose::PasswordReset)).await;
    let order: Vec<_> = of_user(&*tokens, 1, Purpose::PasswordReset).await.into_iter().map(|token| token.made_at).collect();
    assert_eq!(order, [at(3), at(2), at(1)]);
    assert_eq!(of_user(&*tokens, 1, Purpose::EmailVerification).await.len(), 1);
}

pub async fn all_tokens_of_a_user_for_a_purpose_go_together_and_the_rest_stays(tokens: Arc<dyn OneTimeTokens>) {
    for (n, whose, purpose) in
        [(1, 1, Purpose::PasswordReset), (2, 1, Purpose::PasswordReset), (3, 1, Purpose::EmailVerification), (4, 2, Purpose::PasswordReset)]
    {
        keep(&*tokens, &token(n, whose, purpose)).await;
    }
    tokens.remove(user(1), Purpose::PasswordReset).await.expect("removed");
    assert_eq!(of_user(&*tokens, 1, Purpose::PasswordReset).await, []);
    assert_eq!(tokens.find(&digest(1, 1)).await.expect("read"), None);
    assert_eq!(of_user(&*tokens, 1, Purpose::EmailVerification).await.len(), 1);
    assert_eq!(of_user(&*tokens, 2, Purpose::PasswordReset).await.len(), 1, "it is somebody else's");
}

pub async fn those_that_have_run_out_are_forgotten_as_others_are_made(tokens: Arc<dyn OneTimeTokens>) {
    let over = FORGOTTEN as u64 + 3;
    for n in 0..over {
        let run_out = OneTime { made_at: at(0), expires_at: at(100), ..token(n, 1, Purpose::PasswordReset) };
        keep(&*tokens, &run_out).await;
    }
    keep(&*tokens, &OneTime { made_at: at(0), expires_at: at(101), ..token(over, 1, Purpose::PasswordReset) }).await;
    let mut left = Vec::new();
    for n in 0..3 {
        keep(&*tokens, &OneTime { made_at: at(100), ..token(100 + n, 2, Purpose::PasswordReset) }).await;
        left.push(of_user(&*tokens, 1, Purpose::PasswordReset).await.len());
    }
    assert_eq!(left, [4, 1, 1]);
    assert_eq!(of_user(&*tokens, 2, Purpose::PasswordReset).await.len(), 3);
}
