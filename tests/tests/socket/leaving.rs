//! A node that is stopped.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures::future::try_join_all;
use posthaste_tests::actor::{Incoming, Socket, User, new_id};
use posthaste_tests::node::migrate;
use posthaste_tests::proxy::{Proxy, Way};
use posthaste_tests::{Node, NodeSettings, Profile, Sandbox, Stage};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::wire::{Friends, PATIENCE, Wire, check_end};

/// Between two things that a device says.
const PACE: Duration = Duration::from_millis(100);
/// How long a socket is watched that must not be closed yet: much less than an answer is waited for.
const WATCHED: Duration = Duration::from_millis(250);
/// Devices of each of two users.
const DEVICES: usize = 5;

async fn crowd(base: &str, friends: &Friends) -> anyhow::Result<Vec<(Uuid, Wire)>> {
    let users = [&friends.alice, &friends.bob].into_iter().flat_map(|user| std::iter::repeat_n(user, DEVICES));
    try_join_all(users.map(|user| async move {
        let device = new_id();
        let mut wire = Wire::connect(base, user, device, json!({})).await?;
        wire.expect("live").await?;
        anyhow::Ok((device, wire))
    }))
    .await
}

/// Says something, which is answered, comes back, and is acked.
async fn says(wire: &mut Wire, friends: &Friends) -> anyhow::Result<()> {
    let ok = wire.post(new_id(), friends.thread, "still here").await?;
    wire.events_upto(ok["result"]["position"].as_u64().context("a position")?).await?;
    wire.ack(wire.prev).await
}

pub(crate) async fn a_node_that_is_stopped_serves_on_and_closes_each_socket_at_a_moment_of_its_own(profile: Profile) -> anyhow::Result<()> {
    const SPREAD: Duration = Duration::from_secs(6);
    let mut stage = Stage::start(profile, |settings| settings.with("GATEWAY__DRAIN_SPREAD_S", "6")).await?;
    let base = stage.base();
    let friends = Friends::meet(&base).await?;
    let crowd = crowd(&base, &friends).await?;
    let began = Instant::now();
    let served = try_join_all(crowd.into_iter().map(|(_, mut wire)| {
        let friends = &friends;
        async move {
            let drain = wire.expect("drain").await?;
            ensure!(drain["spread_ms"] == 6_000 && drain["after_ms"] == 0, "{drain}");
            // Until the end, what it says is answered and comes back.
            let mut served = 0;
            while says(&mut wire, friends).await.is_ok() {
                served += 1;
                sleep(PACE).await;
            }
            let moment = began.elapsed();
            let (errs, ended) = wire.end().await?;
            anyhow::Ok((served, moment, errs, ended))
        }
    }));
    let stopped = async {
        let status = stage.node_mut().terminate().await?;
        ensure!(status.success(), "it ended with {status}");
        Ok(began.elapsed())
    };
    let (served, took) = tokio::try_join!(served, stopped)?;
    for (_, _, errs, ended) in &served {
        check_end(errs, ended, 4000, "draining")?;
    }
    let mut moments: Vec<_> = served.iter().map(|(_, moment, ..)| *moment).collect();
    moments.sort_unstable();
    let (first, last) = (moments[0], moments[moments.len() - 1]);
    let works = served.iter().filter(|(works, ..)| *works > 0).count();
    println!("{profile:?}: closed from {first:?} to {last:?}, ended after {took:?}; {works} of {} were served meanwhile", served.len());
    // Ten of them, each at random within six seconds: within one second once in ten million times.
    ensure!(last - first > Duration::from_secs(1), "all were closed within {:?}", last - first);
    ensure!(works > 0, "nobody was served after it was told to stop");
    ensure!(took < SPREAD + PATIENCE, "it took {took:?}");
    Ok(())
}

pub(crate) async fn a_node_that_everybody_leaves_ends_before_the_spread_is_over(profile: Profile) -> anyhow::Result<()> {
    // Longer than a node is waited for.
    let mut stage = Stage::start(profile, |settings| settings.with("GATEWAY__DRAIN_SPREAD_S", "600")).await?;
    let base = stage.base();
    let friends = Friends::meet(&base).await?;
    let crowd = crowd(&base, &friends).await?;
    let left = try_join_all(crowd.into_iter().map(|(_, mut wire)| async move {
        wire.expect("drain").await?;
        wire.send(&json!({ "t": "bye" })).await
    }));
    let (status, _) = tokio::try_join!(stage.node_mut().terminate(), left)?;
    ensure!(status.success(), "it ended with {status}");
    Ok(())
}

pub(crate) async fn a_node_that_is_stopped_at_once_has_written_every_ack(profile: Profile) -> anyhow::Result<()> {
    let mut stage = Stage::start(profile, |settings| settings.with("GATEWAY__DRAIN_SPREAD_S", "0")).await?;
    let base = stage.base();
    let friends = Friends::meet(&base).await?;
    let mut crowd = crowd(&base, &friends).await?;
    let acked = try_join_all(crowd.iter_mut().map(|(device, wire)| async move {
        wire.ack(wire.prev).await?;
        wire.ping().await?;
        anyhow::Ok((*device, wire.prev))
    }))
    .await?;
    let closed = try_join_all(crowd.iter_mut().map(|(_, wire)| async move {
        let drain = wire.expect("drain").await?;
        ensure!(drain["spread_ms"] == 0, "{drain}");
        wire.closed(4000, "draining").await
    }));
    let (status, closed) = tokio::try_join!(stage.node_mut().terminate(), closed)?;
    ensure!(status.success() && closed.iter().all(|errs| errs == &["draining"]), "{status}: {closed:?}");
    stage.node_mut().restart().await?;
    for (index, (device, position)) in acked.into_iter().enumerate() {
        let user = if index < DEVICES { &friends.alice } else { &friends.bob };
        stands_at(&base, user, device, position).await?;
    }
    Ok(())
}

/// The server knows that a device without a cursor of its own stands here.
async fn stands_at(base: &str, user: &User, device: Uuid, position: u64) -> anyhow::Result<()> {
    let mut socket = Socket::hello(base, user, device, json!({})).await?;
    let welcome = timeout(PATIENCE, socket.next()).await.context("no welcome")??;
    let stands = matches!(&welcome, Incoming::Frame(frame) if frame["cursor"] == position);
    ensure!(stands, "{position} was acked, and there came {welcome:?}");
    Ok(())
}

/// A node behind a proxy that it reaches PostgreSQL by, and that closes its sockets at once when it is stopped.
async fn behind_a_proxy() -> anyhow::Result<(Node, Proxy, Sandbox)> {
    let sandbox = Sandbox::new("leaving").await?;
    migrate(&sandbox).await?;
    let postgres = Proxy::before(&sandbox.postgres_server_url()).await?;
    let settings = NodeSettings::distributed(&sandbox).with("POSTGRES__URL", postgres.url()).with("GATEWAY__DRAIN_SPREAD_S", "0");
    Ok((Node::start("a node", settings).await?, postgres, sandbox))
}

/// The store was away, and nobody tries again so soon, but that the node is stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acks_that_could_not_be_written_before_a_node_is_stopped_are_written_then() -> anyhow::Result<()> {
    // After so many failures, each pause twice as long as the one before, the next one is longer than it takes to stop.
    const FAILURES: usize = 7;
    let (mut node, postgres, _sandbox) = behind_a_proxy().await?;
    let base = node.base();
    let friends = Friends::meet(&base).await?;
    let device = new_id();
    let mut alice = Wire::connect(&base, &friends.alice, device, json!({})).await?;
    alice.expect("live").await?;
    postgres.refuse();
    alice.ack(alice.prev).await?;
    alice.ping().await?;
    let deadline = Instant::now() + PATIENCE;
    let failures = |node: &Node| node.logs().matches("cursors could not be written").count();
    while failures(&node) < FAILURES {
        ensure!(Instant::now() < deadline, "{} failures", failures(&node));
        sleep(PACE).await;
    }
    postgres.pass();
    let status = node.terminate().await?;
    ensure!(status.success(), "{status}: {}", node.logs());
    node.restart().await?;
    stands_at(&base, &friends.alice, device, alice.prev).await
}

/// The store takes its time with the answer, until the moment of the socket has come and passed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_stopped_closes_a_socket_only_after_what_was_asked_is_answered() -> anyhow::Result<()> {
    let (mut node, postgres, _sandbox) = behind_a_proxy().await?;
    let base = node.base();
    let friends = Friends::meet(&base).await?;
    let mut alice = Wire::fresh(&base, &friends.alice).await?;
    // From here on everything it is decided on is in memory.
    alice.works(&friends, "before").await?;
    postgres.stall_only(Way::ToClient);
    let asked = alice.send_post(new_id(), friends.thread, "taken on").await?;
    // Taken on: what comes after it is answered.
    alice.ping().await?;
    let served = async {
        alice.expect("drain").await?;
        if let Ok(early) = timeout(WATCHED, alice.raw()).await {
            bail!("it is not answered yet, and there came {:?}", early?);
        }
        postgres.pass();
        let ok = alice.expect("ok").await?;
        ensure!(ok["re"] == asked, "{ok}");
        alice.closed(4000, "draining").await
    };
    let (status, errs) = tokio::try_join!(node.terminate(), served)?;
    ensure!(status.success() && errs == ["draining"], "{status}: {errs:?}");
    Ok(())
}
