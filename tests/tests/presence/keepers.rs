//! What keeps the leases, on both profiles.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use posthaste_application::codec;
use posthaste_application::port::cursors::Device;
use posthaste_application::port::presence::{REMEMBERED, Seen};
use posthaste_application::port::{Clock, PortError, Presence};
use posthaste_application::presence::{Look, Lookout, PresenceTiming, Shown};
use posthaste_application::presence_contract;
use posthaste_application::recorded::{Position, StreamId};
use posthaste_domain::friendship::FriendshipEvent;
use posthaste_domain::{Category, DeviceId, FriendshipId, UserId, UserPair};
use posthaste_infrastructure::embedded::{InProcessPresence, MemoryViews};
use posthaste_infrastructure::redis::{RedisPresence, connect};
use posthaste_infrastructure::system::SystemClock;
use posthaste_tests::Sandbox;
use posthaste_tests::drafts::taken;
use posthaste_tests::services::{Redis, Scratch};
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

mod in_process {
    use super::*;

    presence_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn Presence>, ()) {
        (Arc::new(InProcessPresence::new(Arc::new(SystemClock))), ())
    }
}

mod in_redis {
    use super::*;

    presence_contract!(fresh);

    async fn fresh(test: &str) -> (Arc<dyn Presence>, Sandbox) {
        let sandbox = Sandbox::new(test).await.expect("a sandbox");
        let connection = connect(&sandbox.redis_url()).await.expect("a connection");
        (Arc::new(RedisPresence::new(connection, sandbox.redis_prefix())), sandbox)
    }
}

fn alice() -> UserId {
    UserId::new(Uuid::from_u128(1))
}

fn bob() -> UserId {
    UserId::new(Uuid::from_u128(2))
}

fn phone(n: u128) -> Device {
    Device { user: bob(), device: DeviceId::new(Uuid::from_u128(n)) }
}

/// A clock that is told the time.
struct ManualClock(Mutex<DateTime<Utc>>);

impl ManualClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(DateTime::from_timestamp(1_750_000_000, 0).unwrap())))
    }

    fn pass(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

#[tokio::test]
async fn who_was_there_last_is_remembered_for_a_month_in_process() -> anyhow::Result<()> {
    let clock = ManualClock::new();
    let presence = InProcessPresence::new(clock.clone());
    presence.renew(&[phone(1)], Duration::from_secs(30)).await?;
    let end = clock.now() + Duration::from_secs(30);
    clock.pass(Duration::from_secs(29));
    assert_eq!(presence.look(&[bob()]).await?, [Seen { user: bob(), online: true, last: None }]);
    clock.pass(Duration::from_secs(1));
    assert_eq!(presence.look(&[bob()]).await?, [Seen { user: bob(), online: false, last: Some(end) }]);
    clock.pass(REMEMBERED - Duration::from_secs(1));
    let somebody = Device { user: alice(), device: phone(1).device };
    presence.renew(&[somebody], Duration::from_secs(30)).await?;
    assert_eq!(presence.look(&[bob()]).await?[0].last, Some(end));
    clock.pass(Duration::from_secs(1));
    assert_eq!(presence.look(&[bob()]).await?[0].last, None);
    Ok(())
}

#[tokio::test]
async fn in_redis_a_user_is_one_small_key_that_runs_out_by_itself() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("small key").await?;
    let presence = RedisPresence::new(connect(&sandbox.redis_url()).await?, sandbox.redis_prefix());
    let mut connection = redis::Client::open(sandbox.redis_url())?.get_multiplexed_async_connection().await?;
    let key = format!("{}presence:{}", sandbox.redis_prefix(), bob());
    for n in 0..20 {
        presence.renew(&[phone(n)], Duration::from_millis(1)).await?;
        while presence.look(&[bob()]).await?[0].online {}
    }
    let kept: i64 = redis::cmd("ZCARD").arg(&key).query_async(&mut connection).await?;
    ensure!(kept == 1, "{kept} leases are kept, all but one of no use");
    let left: u64 = redis::cmd("TTL").arg(&key).query_async(&mut connection).await?;
    ensure!((REMEMBERED.as_secs() - 60..=REMEMBERED.as_secs() + 1).contains(&left), "{left} s");
    Ok(())
}

#[tokio::test]
async fn without_redis_presence_fails_and_with_it_it_works_again() -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let mut server = Redis::start(scratch.path().join("redis")).await?;
    let presence = RedisPresence::new(connect(&server.url()).await?, "gone:");
    presence.renew(&[phone(1)], REMEMBERED).await?;
    server.kill().await?;
    for attempt in [presence.renew(&[phone(1)], REMEMBERED).await.err(), presence.look(&[bob()]).await.err()] {
        let error = attempt.context("it worked without a server")?;
        ensure!(matches!(error, PortError::Unavailable { service: "redis", .. }), "{error}");
    }
    server.restart().await?;
    // The first requests may find the old connection broken. What was known is gone, and so is the script.
    let mut last = Err(anyhow::anyhow!("never tried"));
    for _ in 0..5 {
        last = presence.look(&[bob()]).await.map_err(Into::into);
        if last.is_ok() {
            break;
        }
    }
    assert_eq!(last?, [Seen { user: bob(), online: false, last: None }]);
    presence.renew(&[phone(1)], REMEMBERED).await?;
    ensure!(presence.look(&[bob()]).await?[0].online);
    Ok(())
}

/// The views of two friends.
async fn friends() -> anyhow::Result<Arc<MemoryViews>> {
    let pair = UserPair::new(alice(), bob())?;
    let stream = StreamId { category: Category::Friendship, id: FriendshipId::between(pair).uuid() };
    let events = [FriendshipEvent::Requested { pair, by: alice() }, FriendshipEvent::Accepted { pair, by: bob() }];
    let recorded: Vec<_> = (1..).zip(events).map(|(n, event)| taken(Position(n), codec::encode(stream, n, &event.into()))).collect();
    let views = MemoryViews::default();
    for projection in views.projections() {
        ensure!(projection.apply(Position::START, &recorded).await?);
    }
    Ok(Arc::new(views))
}

/// Bob comes and goes every second for a minute, and Alice watches. What a second is, is up to the clock.
async fn a_minute_of_flaps(
    presence: Arc<dyn Presence>,
    clock: Arc<dyn Clock>,
    second: Duration,
    mut pass: impl AsyncFnMut(Duration),
) -> anyhow::Result<()> {
    let timing = PresenceTiming { lease: second * 30, calm: second * 5 };
    // As leases are; and so short that they hide nothing, for the lookout does not rely on them.
    for (user, lease) in [(1, timing.lease), (2, second / 3)] {
        let phone = Device { device: phone(user).device, user: bob() };
        let lookout = Arc::new(Lookout::new(Arc::clone(&presence), friends().await?, Arc::clone(&clock), timing));
        let watcher = lookout.watcher(alice());
        watcher.watch([bob()]);
        lookout.step(Look::New).await?;
        ensure!(watcher.changes().await.len() == 1);
        let (mut told, mut flips, mut before) = (Vec::<Shown>::new(), 0, None);
        for half in 0..120 {
            if half % 2 == 0 {
                presence.renew(&[phone], lease).await?;
            }
            let online = presence.look(&[bob()]).await?[0].online;
            flips += usize::from(before.replace(online).is_some_and(|before| before != online));
            lookout.step(Look::All).await?;
            told.extend(watcher.changes().now_or_never().unwrap_or_default());
            pass(second / 2).await;
        }
        ensure!(told.len() <= 2, "{} changes: {told:?}", told.len());
        ensure!(lease > second || flips > 60, "it did not flap: {flips}");
        // Until the leases of this round are over.
        for _ in 0..80 {
            pass(second / 2).await;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_minute_of_flaps_is_at_most_two_changes_in_process() -> anyhow::Result<()> {
    let clock = ManualClock::new();
    let presence = Arc::new(InProcessPresence::new(clock.clone()));
    a_minute_of_flaps(presence, clock.clone(), Duration::from_secs(1), async |time| clock.pass(time)).await
}

#[tokio::test]
async fn a_minute_of_flaps_is_at_most_two_changes_in_redis() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("flaps").await?;
    let presence = Arc::new(RedisPresence::new(connect(&sandbox.redis_url()).await?, sandbox.redis_prefix()));
    // Redis has a clock of its own, so the minute is one of short seconds.
    let second = Duration::from_millis(120);
    let mut ticks = interval(second / 2);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let pass = async |_| {
        ticks.tick().await;
    };
    a_minute_of_flaps(presence, Arc::new(SystemClock), second, pass).await
}
