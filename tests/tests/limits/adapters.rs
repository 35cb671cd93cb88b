//! The buckets: one contract, kept in Redis and within a process.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use posthaste_application::port::limiter::{Rate, Take};
use posthaste_application::port::{Clock, PortError, RateLimiter};
use posthaste_infrastructure::embedded::InProcessRateLimiter;
use posthaste_infrastructure::redis::RedisRateLimiter;
use posthaste_tests::Sandbox;
use posthaste_tests::patience::until;
use posthaste_tests::services::{Redis, Scratch};

mod in_redis {
    use super::*;

    posthaste_application::rate_limiter_contract!(in_a_sandbox);

    async fn in_a_sandbox(test: &str) -> (Arc<dyn RateLimiter>, Sandbox) {
        let sandbox = Sandbox::new(test).await.expect("a sandbox");
        let limiter = RedisRateLimiter::connect(&sandbox.redis_url(), sandbox.redis_prefix()).await.expect("a connection");
        (Arc::new(limiter), sandbox)
    }
}

mod in_process {
    use super::*;

    posthaste_application::rate_limiter_contract!(alone);

    async fn alone(_test: &str) -> (Arc<dyn RateLimiter>, ()) {
        (Arc::new(InProcessRateLimiter::new(Arc::new(ManualClock::default()))), ())
    }
}

#[derive(Default)]
struct ManualClock(Mutex<DateTime<Utc>>);

impl ManualClock {
    fn pass(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

fn take(key: &str, burst: u32, every: Duration) -> [Take; 1] {
    [Take { key: key.to_owned(), rate: Rate { burst: NonZeroU32::new(burst).unwrap(), every } }]
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_bucket_fills_with_time_and_is_forgotten_when_it_is_full_in_process() -> anyhow::Result<()> {
    let clock = Arc::new(ManualClock::default());
    let limiter = InProcessRateLimiter::new(clock.clone());
    let take = take("a", 2, SECOND);
    for expected in [true, true, false] {
        assert_eq!(limiter.take(&take).await?.allowed, expected);
    }
    clock.pass(SECOND - Duration::from_micros(1));
    assert!(!limiter.take(&take).await?.allowed);
    clock.pass(Duration::from_micros(1));
    for expected in [true, false] {
        assert_eq!(limiter.take(&take).await?.allowed, expected);
    }
    limiter.give_back(&take).await?;
    limiter.give_back(&take).await?;
    assert_eq!(limiter.kept(), 0);
    Ok(())
}

#[tokio::test]
async fn whoever_has_many_addresses_does_not_fill_the_memory_nor_wash_away_the_empty_buckets() -> anyhow::Result<()> {
    let limiter = InProcessRateLimiter::new(Arc::new(ManualClock::default()));
    let emptied = take("emptied", 1_000, SECOND);
    while limiter.take(&emptied).await?.allowed {}
    for n in 0..300_000 {
        limiter.take(&take(&n.to_string(), 10, SECOND)).await?;
    }
    assert!(limiter.kept() <= 65_536, "{}", limiter.kept());
    assert!(!limiter.take(&emptied).await?.allowed, "it was forgotten");
    Ok(())
}

#[tokio::test]
async fn what_is_kept_in_redis_runs_out_when_the_bucket_is_full() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("runs out").await?;
    let limiter = RedisRateLimiter::connect(&sandbox.redis_url(), sandbox.redis_prefix()).await?;
    let take = take("a", 5, Duration::from_secs(1_000));
    let reset = limiter.take(&take).await?.levels[0].reset;
    let mut connection = redis::Client::open(sandbox.redis_url())?.get_multiplexed_async_connection().await?;
    let key = format!("{}bucket:a", sandbox.redis_prefix());
    let left: u64 = redis::cmd("PTTL").arg(&key).query_async(&mut connection).await?;
    assert!(u128::from(left) <= reset.as_millis() && left > 900_000, "{left} ms of {reset:?}");
    // A bucket of a moment ago, as time leaves it: nearly full again.
    let (seconds, _): (u64, u64) = redis::cmd("TIME").query_async(&mut connection).await?;
    redis::cmd("SET").arg(&key).arg((seconds + 500) * 1_000_000).query_async::<()>(&mut connection).await?;
    assert_eq!(limiter.take(&take).await?.levels[0].remaining, 3);
    limiter.give_back(&take).await?;
    limiter.give_back(&take).await?;
    assert!(!redis::cmd("EXISTS").arg(&key).query_async::<bool>(&mut connection).await?, "it is full");
    Ok(())
}

#[tokio::test]
async fn without_redis_nobody_waits_for_it_and_with_it_they_count_again() -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let mut server = Redis::start(scratch.path().join("redis")).await?;
    let limiter = RedisRateLimiter::connect(&server.url(), "gone:").await?;
    let take = take("a", 1_000_000, SECOND);
    assert!(limiter.take(&take).await?.allowed);
    // The worst case: it is there and says nothing.
    server.pause()?;
    let begun = std::time::Instant::now();
    for _ in 0..10_000 {
        let error = limiter.take(&take).await.unwrap_err();
        assert!(matches!(error, PortError::Unavailable { service: "redis", .. }), "{error}");
    }
    // Ten thousand times the patience is most of an hour.
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    server.kill().await?;
    assert!(limiter.take(&take).await.is_err());
    server.restart().await?;
    until("it counts again", async || Ok(limiter.take(&take).await.is_ok()), |counts| *counts).await?;
    Ok(())
}
