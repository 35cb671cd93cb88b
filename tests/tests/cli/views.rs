//! `posthaste views` where the views are in the server's memory; `views_rebuild.rs` has the rest.

use anyhow::{Context as _, ensure};
use posthaste_tests::patience::until;
use posthaste_tests::services::Scratch;
use posthaste_tests::{Node, NodeSettings};
use serde_json::{Value, json};

use super::run_in;

fn lines(said: &str) -> anyhow::Result<Vec<Value>> {
    Ok(said.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_looks_after_the_views_in_its_memory_for_whoever_asks_beside_it() -> anyhow::Result<()> {
    let folder = Scratch::new()?;
    let here = folder.path();
    run_in(here, &["demo", "--json", "--data", "data"], &[]).await?.ok()?;
    let ask = async |arguments: &[&str]| run_in(here, &[&["views"], arguments, &["--data", "data", "--json"]].concat(), &[]).await;
    let views = async |arguments: &[&str]| lines(&ask(arguments).await?.ok()?);
    let listed = views(&["list"]).await?;
    let names: Vec<_> = listed.iter().filter_map(|view| view["view"].as_str()).collect();
    ensure!(names == ["threads", "timeline", "people"] && listed[0]["kept"] == "memory of the server", "{listed:?}");

    // While none runs.
    for view in views(&["status", "--over", "0.1"]).await? {
        let says = |note: &str| note.contains("no server runs");
        ensure!(view["checkpoint"].is_null() && view["head"] == 19 && view["note"].as_str().is_some_and(says), "{view}");
    }
    for view in views(&["rebuild", "all"]).await? {
        ensure!(
            view["rebuilt"] == false && view["reason"].as_str().is_some_and(|reason| reason.contains("a start is the rebuild")),
            "{view}"
        );
    }
    for view in views(&["verify", "all"]).await? {
        ensure!(view["verdict"] == "verified" && view["position"] == 19 && view["note"].is_string(), "{view}");
    }

    let mut server = Node::start("a server", NodeSettings::embedded(&here.join("data"))).await?;
    let level = |all: &Vec<Value>| all.iter().all(|view| view["lag"] == 0);
    for view in until("views that have come as far", async || views(&["status", "--over", "0.1"]).await, level).await? {
        ensure!(view["checkpoint"] == view["head"] && view["events_per_second"].is_number() && view["rebuild"].is_null(), "{view}");
    }
    for view in views(&["rebuild", "all"]).await? {
        ensure!(view["rebuilt"] == true && view["exchanged"] == json!([]) && view["position"] == view["live"], "{view}");
    }
    for view in views(&["verify", "all"]).await? {
        ensure!(view["verdict"] == "verified" && view["position"].as_u64() >= Some(19) && view["note"].is_null(), "{view}");
        ensure!(view["tables"].as_array().is_some_and(|parts| parts.iter().any(|part| part["rows"].as_u64() > Some(0))), "{view}");
    }
    ensure!(run_in(here, &["views", "status", "--over", "0.1", "--data", "data"], &[]).await?.ok()?.contains("timeline: at "));

    // What is in the memory is not what the log says: the one or the other was changed.
    let silence = "UPDATE events SET content = NULL WHERE position = 12";
    super::log::tamper(here, silence)?;
    let ran = ask(&["verify", "timeline"]).await?;
    let wrong = &lines(&ran.said)?[0];
    ensure!(wrong["verdict"] == "wrong" && wrong["first"].as_array().is_some_and(|first| !first.is_empty()), "{wrong}");
    let entry = |row: &Value| {
        row["table"] == "entries" && row["is"] == "different" && row["key"].as_str().is_some_and(|key| key.ends_with("00000012"))
    };
    ensure!(wrong["first"].as_array().is_some_and(|first| first.iter().any(entry)), "{wrong}");
    ran.refused(&["timeline", "views rebuild"])?;
    let ran = ask(&["diff", "timeline"]).await?;
    ensure!(ran.said.contains("entries"), "{ran:?}");
    ran.refused(&["timeline"])?;
    views(&["verify", "people"]).await?;
    // It was compared, and nothing else.
    ask(&["verify", "timeline"]).await?.refused(&["timeline"])?;
    let rebuilt = &views(&["rebuild", "timeline"]).await?[0];
    let exchanged = rebuilt["exchanged"].as_array().and_then(|parts| parts.iter().find(|part| part["table"] == "entries"));
    ensure!(exchanged.is_some_and(|part| part["removed"] == 1 && part["added"] == 1), "{rebuilt}");
    views(&["verify", "timeline"]).await?;

    // Whoever asks a server that dies is told so.
    server.pause();
    let asking = run_in(here, &["views", "rebuild", "threads", "--data", "data"], &[]);
    let killed = async {
        let file = rusqlite::Connection::open(here.join("data/posthaste.db"))?;
        let asked = async || anyhow::Ok(file.query_row("SELECT count(*) FROM desk", (), |row| row.get::<_, i64>(0))?);
        until("it is asked", asked, |asked| *asked == 1).await?;
        server.kill9()
    };
    let (ran, killed) = tokio::join!(asking, killed);
    killed?;
    ran?.refused(&["the server has ended"])?;
    // And leaves nothing to be done.
    let left = rusqlite::Connection::open(here.join("data/posthaste.db"))?;
    ensure!(left.query_row("SELECT count(*) FROM desk", (), |row| row.get::<_, i64>(0))? == 0, "it is asked still");
    Ok(())
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
