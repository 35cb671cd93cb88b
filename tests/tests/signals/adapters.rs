//! The adapters of the port.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::StreamExt as _;
use posthaste_application::port::PortError;
use posthaste_application::port::signals::{Signal, Signals, To};
use posthaste_domain::{ThreadId, UserId};
use posthaste_infrastructure::embedded::InProcessSignals;
use posthaste_infrastructure::redis::RedisSignals;
use posthaste_tests::Sandbox;
use posthaste_tests::actor::new_id;
use posthaste_tests::services::{Redis, Scratch};
use tokio::time::timeout;

/// How long anything may take that should happen at once.
const PATIENCE: Duration = Duration::from_secs(30);

mod in_process {
    use super::*;

    posthaste_application::signals_contract!(fresh);

    async fn fresh(_test: &str) -> (Arc<dyn Signals>, ()) {
        (Arc::new(InProcessSignals::default()), ())
    }
}

mod over_redis {
    use super::*;

    posthaste_application::signals_contract!(fresh);

    async fn fresh(test: &str) -> (Arc<dyn Signals>, Sandbox) {
        let sandbox = Sandbox::new(test).await.expect("a sandbox");
        let signals = RedisSignals::connect(&sandbox.redis_url(), &sandbox.redis_prefix()).await.expect("a connection");
        (Arc::new(signals), sandbox)
    }
}

#[tokio::test]
async fn two_nodes_hear_each_other_and_two_prefixes_do_not() -> anyhow::Result<()> {
    let (ours, theirs) = tokio::try_join!(Sandbox::new("nodes"), Sandbox::new("others"))?;
    let (one, other) = (connect(&ours.redis_url(), &ours.redis_prefix()).await?, connect(&ours.redis_url(), &ours.redis_prefix()).await?);
    let stranger = connect(&theirs.redis_url(), &theirs.redis_prefix()).await?;
    let mut subscription = one.subscribe().await?;
    let told = [typing()];
    stranger.publish(&[typing()]).await?;
    other.publish(&told).await?;
    ensure!(timeout(PATIENCE, subscription.next()).await?.context("it goes on")?? == told);
    Ok(())
}

#[tokio::test]
async fn what_another_version_says_is_left_out_and_the_rest_is_heard() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("versions").await?;
    let signals = connect(&sandbox.redis_url(), &sandbox.redis_prefix()).await?;
    let mut subscription = signals.subscribe().await?;
    let known = Signal::Receipt {
        thread: ThreadId::new(new_id()),
        user: UserId::new(new_id()),
        delivered: None,
        read: None,
        to: To::Members,
        hidden_from: vec![],
    };
    let of_tomorrow = format!("[{{\"signal\":\"waving\",\"at\":\"the moon\"}},{}]", serde_json::to_string(&known)?);
    let mut connection = redis::Client::open(sandbox.redis_url())?.get_multiplexed_async_connection().await?;
    for message in ["", "nonsense", "{}", "[]", "[1]", of_tomorrow.as_str()] {
        let channel = format!("{}signals", sandbox.redis_prefix());
        let heard: usize = redis::cmd("PUBLISH").arg(channel).arg(message).query_async(&mut connection).await?;
        ensure!(heard == 1, "{heard} subscribers");
    }
    ensure!(timeout(PATIENCE, subscription.next()).await?.context("it goes on")?? == [known]);
    Ok(())
}

#[tokio::test]
async fn without_redis_signals_fail_and_with_it_they_work_again() -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let mut server = Redis::start(scratch.path().join("redis")).await?;
    let signals = connect(&server.url(), "gone:").await?;
    let mut subscription = signals.subscribe().await?;

    server.kill().await?;
    let ended = timeout(PATIENCE, subscription.next()).await?.context("an error comes first")?.err().context("it goes on")?;
    ensure!(matches!(ended, PortError::Unavailable { service: "redis", .. }), "{ended}");
    ensure!(timeout(PATIENCE, subscription.next()).await?.is_none(), "an error ends the subscription");
    for error in [signals.publish(&[typing()]).await.err(), signals.subscribe().await.err()] {
        let error = error.context("it worked without a server")?;
        ensure!(matches!(error, PortError::Unavailable { service: "redis", .. }), "{error}");
    }

    server.restart().await?;
    let mut subscription = signals.subscribe().await?;
    let told = [typing()];
    // The first attempt may find the old connection broken.
    let mut last = None;
    for _ in 0..5 {
        last = signals.publish(&told).await.err();
        if last.is_none() {
            break;
        }
    }
    ensure!(last.is_none(), "{last:?}");
    ensure!(timeout(PATIENCE, subscription.next()).await?.context("it goes on")?? == told);
    Ok(())
}

#[tokio::test]
async fn a_subscription_to_a_server_that_says_nothing_any_more_ends() -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let server = Redis::start(scratch.path().join("redis")).await?;
    let signals = connect(&server.url(), "silent:").await?;
    let mut subscription = signals.subscribe().await?;
    server.pause()?;
    let ended = timeout(PATIENCE, subscription.next()).await.context("it does not end")?.context("an error comes first")?;
    ensure!(matches!(ended, Err(PortError::Unavailable { service: "redis", .. })), "{ended:?}");
    Ok(())
}

async fn connect(url: &str, prefix: &str) -> anyhow::Result<RedisSignals> {
    Ok(RedisSignals::connect(url, prefix).await?)
}

fn typing() -> Signal {
    Signal::Typing { thread: ThreadId::new(new_id()), user: UserId::new(new_id()), on: true, hidden_from: vec![] }
}
