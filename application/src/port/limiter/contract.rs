//! What every store of buckets does. To run it against one, write an async function that gives an `Arc<dyn RateLimiter>` nobody else uses,
//! and whatever must live as long as it, and call [`rate_limiter_contract!`](crate::rate_limiter_contract) with its name.
//!
//! That buckets fill with time is for each adapter to show, with a clock or a store it can look into.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::{Rate, RateLimiter, Take, Taken};

/// One `#[tokio::test]` for each behaviour. `$fresh` is an `async fn(&'static str) -> (Arc<dyn RateLimiter>, impl Sized)` that is told the
/// name of the test.
#[macro_export]
macro_rules! rate_limiter_contract {
    ($fresh:path) => {
        $crate::rate_limiter_contract! { $fresh =>
            a_bucket_gives_what_it_holds_and_says_what_is_left
            whoever_finds_it_empty_is_told_how_long_to_wait
            of_several_buckets_all_give_or_none
            a_hundred_at_once_take_no_more_than_there_is
            what_is_given_back_can_be_taken_again_and_no_more
            buckets_do_not_touch_each_other
            nothing_asked_is_allowed
        }
    };
    ($fresh:path => $($behaviour:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $behaviour() {
            let (limiter, _kept) = $fresh(stringify!($behaviour)).await;
            let behaviour = $crate::port::limiter::contract::$behaviour(limiter);
            let finished = tokio::time::timeout(std::time::Duration::from_secs(60), behaviour).await;
            assert!(finished.is_ok(), "still waiting for the buckets after 60 s");
        }
    )+};
}

/// So slow that nothing fills while a test runs.
const HOUR: Duration = Duration::from_secs(3_600);

fn take(key: &str, burst: u32) -> Take {
    Take { key: key.to_owned(), rate: Rate { burst: NonZeroU32::new(burst).expect("some"), every: HOUR } }
}

async fn taken(limiter: &dyn RateLimiter, takes: &[Take]) -> Taken {
    let taken = limiter.take(takes).await.expect("the store answers");
    assert_eq!(taken.levels.len(), takes.len());
    taken
}

/// The last token is given, the next is not.
pub async fn a_bucket_gives_what_it_holds_and_says_what_is_left(limiter: Arc<dyn RateLimiter>) {
    for left in (0..5).rev() {
        let taken = taken(&*limiter, &[take("a", 5)]).await;
        assert!(taken.allowed, "{taken:?}");
        assert_eq!((taken.levels[0].remaining, taken.levels[0].retry_after), (left, Duration::ZERO));
        let full = HOUR * (5 - left);
        assert!(taken.levels[0].reset <= full && taken.levels[0].reset > full - HOUR, "{taken:?}");
    }
    assert!(!taken(&*limiter, &[take("a", 5)]).await.allowed);
}

/// And asking again does not make it longer.
pub async fn whoever_finds_it_empty_is_told_how_long_to_wait(limiter: Arc<dyn RateLimiter>) {
    assert!(taken(&*limiter, &[take("a", 1)]).await.allowed);
    for _ in 0..10 {
        let taken = taken(&*limiter, &[take("a", 1)]).await;
        let level = taken.levels[0];
        assert!(!taken.allowed && level.remaining == 0, "{taken:?}");
        assert!(level.retry_after <= HOUR && level.retry_after > HOUR / 2, "{taken:?}");
    }
}

/// A refusal costs nothing of those that had some.
pub async fn of_several_buckets_all_give_or_none(limiter: Arc<dyn RateLimiter>) {
    let both = [take("small", 1), take("large", 3)];
    assert!(taken(&*limiter, &both).await.allowed);
    for _ in 0..5 {
        let taken = taken(&*limiter, &both).await;
        assert!(!taken.allowed, "{taken:?}");
        assert_eq!((taken.levels[0].remaining, taken.levels[1].remaining), (0, 2));
        // Only the one that was empty asks to wait.
        assert!(taken.levels[0].retry_after > Duration::ZERO && taken.levels[1].retry_after == Duration::ZERO, "{taken:?}");
    }
    for expected in [true, true, false] {
        assert_eq!(taken(&*limiter, &[take("large", 3)]).await.allowed, expected);
    }
}

/// However they race.
pub async fn a_hundred_at_once_take_no_more_than_there_is(limiter: Arc<dyn RateLimiter>) {
    let takes = [take("shared", 30), take("wide", 1_000)];
    let all = join_all((0..100).map(|_| taken(&*limiter, &takes))).await;
    assert_eq!(all.iter().filter(|taken| taken.allowed).count(), 30);
    assert_eq!(taken(&*limiter, &takes[1..]).await.levels[0].remaining, 1_000 - 31);
}

/// A full bucket stays full.
pub async fn what_is_given_back_can_be_taken_again_and_no_more(limiter: Arc<dyn RateLimiter>) {
    let two = [take("a", 2)];
    limiter.give_back(&two).await.expect("the store answers");
    for expected in [true, true, false] {
        assert_eq!(taken(&*limiter, &two).await.allowed, expected);
    }
    limiter.give_back(&two).await.expect("the store answers");
    for expected in [true, false] {
        assert_eq!(taken(&*limiter, &two).await.allowed, expected);
    }
    for _ in 0..5 {
        limiter.give_back(&two).await.expect("the store answers");
    }
    for expected in [true, true, false] {
        assert_eq!(taken(&*limiter, &two).await.allowed, expected);
    }
}

/// Whatever they are called.
pub async fn buckets_do_not_touch_each_other(limiter: Arc<dyn RateLimiter>) {
    let keys = ["a", "a:", "a:b", "A", "ä", "a b\n", ""];
    for key in keys {
        assert!(taken(&*limiter, &[take(key, 1)]).await.allowed, "{key:?}");
    }
    for key in keys {
        assert!(!taken(&*limiter, &[take(key, 1)]).await.allowed, "{key:?}");
    }
}

/// There is nothing that could be empty.
pub async fn nothing_asked_is_allowed(limiter: Arc<dyn RateLimiter>) {
    assert!(taken(&*limiter, &[]).await.allowed);
    limiter.give_back(&[]).await.expect("the store answers");
}
