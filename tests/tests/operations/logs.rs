//! One request, from its acceptance to the last push, found by one field of the logs, which hold nothing that was said and nothing secret.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use posthaste_application::recorded::Position;
use posthaste_tests::actor::{Device, User};
use posthaste_tests::history::History;
use posthaste_tests::{Profile, Stage};
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{PATIENCE, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_found_in_the_logs_by_its_id_embedded() -> anyhow::Result<()> {
    a_request_is_found_in_the_logs_by_its_id(Profile::Embedded).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_found_in_the_logs_by_its_id_distributed() -> anyhow::Result<()> {
    a_request_is_found_in_the_logs_by_its_id(Profile::Distributed).await
}

async fn a_request_is_found_in_the_logs_by_its_id(profile: Profile) -> anyhow::Result<()> {
    let stage = Stage::start(profile, |settings| settings.with("LOG", "debug")).await?;
    let base = stage.base();
    let (alice, bob) = (User::register(&base, "alice").await?, Arc::new(User::register(&base, "bob").await?));
    alice.befriend(&base, &bob).await?;
    let thread = alice.open_direct(&base, &bob).await?;
    let laptop = Device::connect(&bob, std::slice::from_ref(&base), Position::START, &History::default());
    laptop.live_on(&base, PATIENCE).await?;

    let (request, text) = (Uuid::from_u128(rand::random()), "the weather on the moon");
    let post = posthaste_tests::http::client().post(format!("{base}/v1/threads/{thread}/messages"));
    let post = post.header(AUTHORIZATION, format!("Bearer {}", alice.token())).header("X-Request-Id", request.to_string());
    let posted: Value = post.json(&json!({ "content": { "kind": "text", "text": text } })).send().await?.error_for_status()?.json().await?;
    let position = posted["position"].as_u64().with_context(|| posted.to_string())?;
    laptop.stored(Position(position), PATIENCE).await?;

    let wanted = ["command accepted", "command recorded", "pushed", "request answered"].map(str::to_owned);
    let said = async || {
        let lines = stage.node().logs().lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        let ours = lines
            .iter()
            .filter(|line| line["fields"]["correlation"] == request.to_string() || line["span"]["correlation"] == request.to_string());
        anyhow::Ok(ours.cloned().collect::<Vec<_>>())
    };
    let messages =
        |lines: &Vec<Value>| lines.iter().filter_map(|line| line["fields"]["message"].as_str().map(str::to_owned)).collect::<BTreeSet<_>>();
    let lines = until("it is logged", said, |lines| wanted.iter().all(|wanted| messages(lines).contains(wanted))).await?;
    for line in lines.iter().filter(|line| ["command recorded", "pushed"].contains(&line["fields"]["message"].as_str().unwrap_or_default()))
    {
        ensure!(line["fields"]["position"] == position, "{line}");
    }
    let pushed = lines.iter().find(|line| line["fields"]["message"] == "pushed").context("it was pushed")?;
    ensure!(pushed["fields"]["user"] == bob.id().to_string() && pushed["fields"]["device"].is_string(), "{pushed}");

    let logs = stage.node().logs();
    for (what, secret) in
        [("what was said", text), ("a token", &alice.token()), ("a password", "the password of"), ("an address", "@example")]
    {
        let shown = logs.lines().find(|line| line.contains(secret));
        ensure!(shown.is_none(), "{what} is in the logs: {shown:?}");
    }
    // Its driver logs the parameters of statements, which are what was said, in bytes.
    let driver = logs.lines().find(|line| line.contains("\"target\":\"tokio_postgres") && line.contains("DEBUG"));
    ensure!(driver.is_none(), "{driver:?}");
    Ok(())
}
