//! Two nodes, and a Redis of their own that goes and comes back empty.

use std::time::Duration;

use anyhow::ensure;
use posthaste_tests::actor::User;
use posthaste_tests::node::migrate;
use posthaste_tests::services::{Redis, Scratch};
use posthaste_tests::{Node, NodeSettings, Sandbox};
use reqwest::Method;
use serde_json::json;

use crate::onlooker::Onlooker;

/// Longer than a lease, and what makes a watcher believe that somebody is gone.
const LONG: Duration = Duration::from_secs(4);

#[tokio::test]
async fn presence_crosses_nodes_and_without_redis_only_presence_stands_still() -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let mut redis = Redis::start(scratch.path().join("redis")).await?;
    let sandbox = Sandbox::new("presence").await?;
    migrate(&sandbox).await?;
    let settings = NodeSettings::distributed(&sandbox).with("REDIS__URL", redis.url()).with("GATEWAY__PRESENCE_LEASE_S", "2");
    let (one, other) = tokio::try_join!(Node::start("one node", settings.clone()), Node::start("another node", settings))?;
    let (here, there) = (&one.base(), &other.base());

    let (alice, bob) = tokio::try_join!(User::register(here, "alice"), User::register(there, "bob"))?;
    alice.befriend(here, &bob).await?;
    let thread = alice.open_direct(here, &bob).await?;
    let mut eye = Onlooker::connect(here, &alice).await?;
    eye.watch(&[&bob]).await?;
    eye.sees(&bob, false).await?;
    let device = Onlooker::connect(there, &bob).await?;
    eye.sees(&bob, true).await?;

    redis.kill().await?;
    let before = eye.events.len();
    for n in 0..20 {
        let message = json!({ "content": { "kind": "text", "text": format!("without Redis, {n}") } });
        bob.call(there, Method::POST, &format!("/v1/threads/{thread}/messages"), Some(message)).await?;
    }
    eye.until("messages come", |eye| eye.events.len() >= before + 20).await?;
    let (status, problem) = alice.answer(here, Method::GET, &format!("/v1/presence?users={}", bob.id()), None).await?;
    ensure!(status == 503 && problem["code"] == "unavailable", "{status}: {problem}");
    // Whoever watches somebody now of whom nothing is known hears of them later.
    let mut late = Onlooker::connect(here, &alice).await?;
    late.watch(&[&alice]).await?;
    eye.listen(LONG).await?;
    late.ping().await?;
    ensure!(eye.told(&bob) == [false, true], "nothing is known, so nothing is told: {:?}", eye.presence);
    ensure!(late.told(&alice).is_empty(), "{:?}", late.presence);

    // It knows nobody any more. They are there again before anybody believes it.
    redis.restart().await?;
    late.sees(&alice, true).await?;
    eye.listen(LONG).await?;
    ensure!(eye.told(&bob) == [false, true], "he was there all the time: {:?}", eye.presence);

    device.cut();
    eye.sees(&bob, false).await?;
    let _back = Onlooker::connect(there, &bob).await?;
    eye.sees(&bob, true).await?;
    ensure!(eye.told(&bob) == [false, true, false, true], "{:?}", eye.presence);
    Ok(())
}
