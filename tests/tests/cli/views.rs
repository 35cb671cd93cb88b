//! `posthaste views` where the views are in the server's memory; `views_rebuild.rs` has the rest.

use anyhow::{Context as _, ensure};
use posthaste_tests::services::Scratch;
use posthaste_tests::{Node, NodeSettings};
use serde_json::Value;

use super::run_in;

fn lines(said: &str) -> anyhow::Result<Vec<Value>> {
    Ok(said.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

#[tokio::test]
async fn views_in_memory_are_told_of_as_what_they_are_also_beside_a_server() -> anyhow::Result<()> {
    let folder = Scratch::new()?;
    run_in(folder.path(), &["demo", "--json", "--data", "data"], &[]).await?.ok()?;
    let _server = Node::start("a server", NodeSettings::embedded(&folder.path().join("data"))).await?;
    let views = async |arguments: &[&str]| {
        let arguments = [&["views"], arguments, &["--data", "data", "--json"]].concat();
        lines(&run_in(folder.path(), &arguments, &[]).await?.ok()?)
    };
    let listed = views(&["list"]).await?;
    let names: Vec<_> = listed.iter().filter_map(|view| view["view"].as_str()).collect();
    ensure!(names == ["threads", "timeline", "people"] && listed[0]["kept"] == "memory of the server", "{listed:?}");
    for view in views(&["status", "--over", "0.1"]).await? {
        ensure!(view["checkpoint"].is_null() && view["head"].as_u64().is_some_and(|head| head >= 19), "{view}");
    }
    for view in views(&["rebuild", "all"]).await? {
        ensure!(view["rebuilt"] == false && view["reason"].as_str().is_some_and(|reason| reason.contains("restart")), "{view}");
    }
    for view in views(&["verify", "all"]).await? {
        ensure!(view["verdict"] == "verified" && view["position"].as_u64().is_some_and(|head| head >= 19), "{view}");
    }
    views(&["diff", "people"]).await.map(drop)
}

#[tokio::test]
async fn a_log_that_cannot_be_folded_is_refused_with_the_reason() -> anyhow::Result<()> {
    let folder = Scratch::new()?;
    run_in(folder.path(), &["demo", "--json", "--data", "data"], &[]).await?.ok()?;
    super::log::tamper(folder.path(), "DELETE FROM events WHERE position = 11").context("tampering")?;
    let ran = run_in(folder.path(), &["views", "verify", "timeline", "--data", "data"], &[]).await?;
    ran.refused(&["timeline cannot be folded", "position 11 is missing"])?;
    let ran = run_in(folder.path(), &["views", "verify", "all", "--data", "nowhere"], &[]).await?;
    ran.refused(&["nowhere"])
}
