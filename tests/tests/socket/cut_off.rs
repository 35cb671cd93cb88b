//! A gateway that is cut off from where its events come from, while everything else works: a socket that answers pings and gets no events
//! must not exist.

use anyhow::{Context as _, bail, ensure};
use posthaste_tests::actor::{Incoming, new_id};
use posthaste_tests::node::migrate;
use posthaste_tests::proxy::Proxy;
use posthaste_tests::{Node, NodeSettings, Sandbox};
use serde_json::json;
use tokio::time::Instant;

use crate::sessions::{connect, end, is_closed};
use crate::wire::{Friends, PATIENCE, Wire};

/// A gateway behind two proxies, and a node beside it that nothing happens to.
struct World {
    cut_off: Node,
    well: Node,
    rabbitmq: Proxy,
    postgres: Proxy,
    _sandbox: Sandbox,
}

impl World {
    async fn start() -> anyhow::Result<Self> {
        let sandbox = Sandbox::new("cut_off").await?;
        migrate(&sandbox).await?;
        let (rabbitmq, postgres) = (Proxy::before(&sandbox.rabbitmq_url()).await?, Proxy::before(&sandbox.postgres_server_url()).await?);
        let well = NodeSettings::distributed(&sandbox);
        let cut_off = well
            .clone()
            .with("RABBITMQ__URL", rabbitmq.url())
            .with("POSTGRES__URL", postgres.url())
            .with("GATEWAY__FEED_TIMEOUT_S", "4")
            .roles("gateway");
        let (well, cut_off) = tokio::try_join!(Node::start("the other node", well), Node::start("the gateway", cut_off))?;
        Ok(Self { cut_off, well, rabbitmq, postgres, _sandbox: sandbox })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_brokers_feed_the_events_arrive_from_the_log_and_logins_end() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (well, cut_off) = (world.well.base(), world.cut_off.base());
    let friends = Friends::meet(&well).await?;
    let login = friends.bob.another_login(&well).await?;
    let mut alice = Wire::fresh(&well, &friends.alice).await?;
    let (mut bob, mut lost) = tokio::try_join!(fresh(&world, &friends), connect(&cut_off, &login, json!({})))?;
    bob.expect("live").await?;
    lost.expect("live").await?;
    let position = alice.works(&friends, "by the feed").await?;
    bob.events_upto(position).await?;

    world.rabbitmq.stall();
    for number in 0..3 {
        let position = alice.works(&friends, &format!("by the log {number}")).await?;
        bob.ping().await?;
        bob.events_upto(position).await?;
        bob.ack(bob.prev).await?;
    }
    let since = Instant::now();
    let position = end(&well, &friends.bob, &login).await?;
    is_closed(&mut lost, position, since).await?;
    bob.events_upto(position).await?;

    world.rabbitmq.pass();
    let position = alice.works(&friends, "by the feed again").await?;
    bob.events_upto(position).await?;
    ensure!(bob.texts() == ["by the feed", "by the log 0", "by the log 1", "by the log 2", "by the feed again"], "{:?}", bob.texts());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_feed_and_the_log_the_socket_is_closed_although_pings_are_answered() -> anyhow::Result<()> {
    let world = World::start().await?;
    let well = world.well.base();
    let friends = Friends::meet(&well).await?;
    let mut alice = Wire::fresh(&well, &friends.alice).await?;
    let mut bob = fresh(&world, &friends).await?;
    bob.expect("live").await?;
    world.rabbitmq.stall();
    world.postgres.stall();
    let position = alice.works(&friends, "into the silence").await?;
    let (mut pongs, deadline) = (0, Instant::now() + PATIENCE);
    let err = loop {
        bob.send(&json!({ "t": "ping", "n": pongs })).await?;
        match bob.raw().await? {
            Incoming::Frame(frame) if frame["t"] == "err" => break frame,
            Incoming::Frame(frame) if frame["t"] == "ev" => bail!("how did {frame} come here?"),
            Incoming::Frame(frame) => pongs += u64::from(frame["t"] == "pong"),
            ended @ (Incoming::Closed(..) | Incoming::Cut) => bail!("{ended:?} without a reason"),
        }
        ensure!(Instant::now() < deadline, "{pongs} pings were answered, and the socket stays open");
    };
    ensure!(err["code"] == "feed_stalled" && err["retry"] == "after", "{err}");
    ensure!(pongs > 0, "no ping was answered, so the socket was not only cut off from its events");
    let (_, ended) = bob.end().await?;
    ensure!(ended == Incoming::Closed(4003, "feed_stalled".to_owned()), "{ended:?}");
    // Elsewhere it resumes, and misses nothing.
    let mut again = Wire::connect(&well, &friends.bob, new_id(), json!({ "cursor": bob.prev })).await?;
    again.events_upto(position).await?;
    // And once it is back, the gateway serves again.
    world.postgres.pass();
    world.rabbitmq.pass();
    let mut back = fresh(&world, &friends).await?;
    back.events_upto(position).await?;
    let position = alice.works(&friends, "back again").await.context("by the feed")?;
    back.events_upto(position).await
}

/// A new device of Bob's at the gateway, with a login of its own, which takes the other node.
async fn fresh(world: &World, friends: &Friends) -> anyhow::Result<Wire> {
    connect(&world.cut_off.base(), &friends.bob.another_login(&world.well.base()).await?, json!({})).await
}
