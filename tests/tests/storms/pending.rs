//! Clients with a million events to come that read nothing: what each of them costs the node.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use posthaste_tests::actor::{Socket, User, new_id};
use posthaste_tests::{Database, Node, NodeSettings};
use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::crowd::{Installation, next, users};
use crate::{PATIENCE, alone};

const USERS: usize = 8;
const DEVICES: usize = 16;
const MEBIBYTE: usize = 1 << 20;

/// As large as can be, and this many.
const LARGE: usize = 1_000;

/// A million messages after those there are, straight into the log, like the first one there is.
const MILLION: [&str; 2] = [
    "INSERT INTO events (position, version, recorded_at, stream_id, command_id, correlation, thread_id, actor, schema, ordinal, category,
         event_type, fingerprint, hash, facts, content)
     WITH pattern AS MATERIALIZED (SELECT * FROM events WHERE event_type = 'message.posted' ORDER BY position LIMIT 1)
     SELECT head.position + n, n + 1, now(), pattern.stream_id, pattern.command_id, pattern.correlation, pattern.thread_id, pattern.actor,
         pattern.schema, 1, pattern.category, pattern.event_type, pattern.fingerprint, pattern.hash, pattern.facts, pattern.content
     FROM log_head head CROSS JOIN generate_series(1, 1000000) n CROSS JOIN pattern",
    "UPDATE log_head SET position = position + 1000000",
];

/// What a process has in memory, once that has come to rest.
async fn resident(process: u32) -> anyhow::Result<usize> {
    let read = || -> anyhow::Result<usize> {
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? * 1024)
    };
    let deadline = Instant::now() + PATIENCE;
    let (mut last, mut since) = (read()?, Instant::now());
    while since.elapsed() < Duration::from_secs(2) {
        ensure!(Instant::now() < deadline, "it does not come to rest");
        sleep(Duration::from_millis(100)).await;
        let now = read()?;
        if now.abs_diff(last) > MEBIBYTE / 2 {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(last)
}

/// Connects devices that read one event and no more.
async fn stall(base: &str, installations: Vec<Installation>) -> anyhow::Result<Vec<Socket>> {
    try_join_all(installations.into_iter().map(|installation| async move {
        let mut socket = installation.hello(base, json!({})).await?;
        for expected in ["welcome", "ev"] {
            let frame = next(&mut socket).await?;
            ensure!(frame["t"] == expected, "{frame}");
        }
        Ok(socket)
    }))
    .await
}

#[tokio::test]
async fn a_client_with_a_million_events_to_come_costs_less_than_a_mebibyte() -> anyhow::Result<()> {
    let _alone = alone().await;
    let database = Database::new("pending").await?;
    let settings = NodeSettings::distributed(&database.sandbox).with("GATEWAY__SOCKETS_PER_USER", "64");
    // Nobody relays and nobody projects: the million is in the log and nowhere else.
    let api = settings.clone().roles("api,gateway");
    // What is sealed is good in its own place only, so what is copied must not be.
    let mut clear = Node::start("an api", api.clone().with("CONTENT__SEAL", "false")).await?;
    let base = clear.base();
    let alice = User::register(&base, "alice").await?;
    let crowd = users(&base, "crowd", USERS).await?;
    let members: Vec<_> = crowd.iter().map(|user| user.id()).collect();
    let group = json!({ "kind": "group", "title": "The group", "members": members });
    let group = alice.call(&base, Method::POST, "/v1/threads", Some(group)).await?;
    let messages = format!("/v1/threads/{}/messages", group["id"].as_str().context("an id")?);
    let post = async |base: &str, text: &str| {
        let message = json!({ "content": { "kind": "text", "text": text } });
        alice.call_with_key(base, Method::POST, &messages, Some(message), new_id()).await
    };
    post(&base, "hi").await?;
    let cursor = alice.call(&base, Method::GET, "/v1/me", None).await?["head"].as_u64().context("a head")?;
    clear.terminate().await?;
    let mut sealing = Node::start("an api that seals", api).await?;
    let text = "x".repeat(8_000);
    for _ in 0..LARGE {
        post(&sealing.base(), &text).await?;
    }
    sealing.terminate().await?;
    let owner = database.owner().await?;
    for statement in MILLION {
        owner.execute(statement, &[]).await?;
    }

    let node = Node::start("a gateway", settings.roles("gateway").with("GATEWAY__HEARTBEAT_S", "1000")).await?;
    let process = node.process_id()?;
    // From the large ones, and from where the small ones begin.
    let at = |from: u64| {
        let mut installations: Vec<_> = crowd.iter().flat_map(|user| (0..DEVICES).map(|_| Installation::new(user))).collect();
        installations.iter_mut().for_each(|installation| installation.cursor = Some(from));
        installations
    };
    for (what, from) in [("small", cursor + LARGE as u64), ("large", cursor)] {
        // The first few warm it up: statements, pools, what an allocator keeps.
        let mut clients = at(from);
        let many = clients.split_off(clients.len() / 4);
        let (few, count) = (clients, many.len());
        let _few = stall(&node.base(), few).await?;
        let before = resident(process).await?;
        let _many = stall(&node.base(), many).await?;
        let after = resident(process).await?;
        let each = after.saturating_sub(before) / count;
        println!("{what}: {} KiB with a few, {} KiB with {count} more: {} KiB each", before / 1024, after / 1024, each / 1024);
        ensure!(each < MEBIBYTE, "a client with a million events to come ({what}) costs {each} bytes");
    }
    Ok(())
}
