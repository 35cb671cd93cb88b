//! `posthaste log`: what was recorded, and whether it is what was recorded.

use std::path::Path;

use anyhow::{Context as _, ensure};
use posthaste_tests::services::Scratch;
use posthaste_tests::{Node, NodeSettings};
use serde_json::Value;

use super::run_in;

/// A data folder with the log of a demo in it.
async fn recorded() -> anyhow::Result<Scratch> {
    let folder = Scratch::new()?;
    run_in(folder.path(), &["demo", "--json", "--data", "data"], &[]).await?.ok()?;
    Ok(folder)
}

/// Does to the file what only somebody can who means harm.
pub(super) fn tamper(folder: &Path, statements: &str) -> anyhow::Result<()> {
    let database = rusqlite::Connection::open(folder.join("data/posthaste.db"))?;
    let mut triggers = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")?;
    let triggers = triggers.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    for trigger in triggers {
        database.execute(&format!("DROP TRIGGER {trigger}"), [])?;
    }
    database.pragma_update(None, "ignore_check_constraints", true)?;
    database.execute_batch(statements)?;
    Ok(())
}

#[tokio::test]
async fn a_log_that_was_not_touched_is_verified_also_while_it_is_written() -> anyhow::Result<()> {
    let folder = recorded().await?;
    let said = run_in(folder.path(), &["log", "verify", "--data", "data"], &[]).await?.ok()?;
    ensure!(said.starts_with("verified: ") && said.contains(" events"), "{said}");
    let said = run_in(folder.path(), &["log", "verify", "--data", "data", "--json"], &[]).await?.ok()?;
    let report: Value = serde_json::from_str(&said)?;
    ensure!(report["log"] == "verified" && report["head"].as_u64().is_some_and(|head| head > 10), "{report}");

    let _server = Node::start("a server", NodeSettings::embedded(&folder.path().join("data"))).await?;
    run_in(folder.path(), &["log", "verify", "--data", "data"], &[]).await?.ok().map(drop)
}

#[tokio::test]
async fn tampering_is_found_and_the_first_bad_position_named() -> anyhow::Result<()> {
    // What is done, and the first position that is bad; the demo's log has 19 events, its messages are the last ten.
    let cases = [
        ("UPDATE events SET content = zeroblob(length(content)) WHERE position = 12", 12),
        ("UPDATE events SET content = NULL WHERE position = 13", 13),
        ("UPDATE events SET facts = replace(facts, '{', '{ ') WHERE position = 4", 4),
        ("UPDATE events SET actor = NULL WHERE position IN (9, 14)", 9),
        ("UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 1", 1),
        ("UPDATE events SET hash = randomblob(32) WHERE position = 15", 15),
        ("UPDATE events SET hash = x'00' WHERE position = 15", 15),
        ("UPDATE events SET facts = 'nonsense' WHERE position = 6", 6),
        ("UPDATE events SET category = 'nonsense' WHERE position = 6", 6),
        ("DELETE FROM events WHERE position = 11", 11),
        ("DELETE FROM events WHERE position = 1", 1),
        ("DELETE FROM events WHERE position > 16", 17),
        (
            "UPDATE events SET position = 99 WHERE position = 12; UPDATE events SET position = 12 WHERE position = 13; UPDATE events SET position = 13 WHERE position = 99",
            12,
        ),
        ("DELETE FROM events WHERE position = 19; UPDATE log_head SET position = 18", 18),
        ("UPDATE log_head SET position = 18", 19),
        ("UPDATE log_head SET position = 25", 20),
        ("UPDATE log_head SET hash = randomblob(32)", 19),
        (
            "INSERT INTO events SELECT 20, category, randomblob(16), 1, event_type, schema, facts, content, thread_id, actor, randomblob(16), ordinal, fingerprint, correlation, causation, recorded_at, hash FROM events WHERE position = 19",
            20,
        ),
    ];
    let untouched = recorded().await?;
    for (statements, position) in cases {
        let folder = Scratch::new()?;
        copy(&untouched.path().join("data"), &folder.path().join("data"))?;
        tamper(folder.path(), statements).with_context(|| statements)?;
        let ran = run_in(folder.path(), &["log", "verify", "--data", "data"], &[]).await?;
        ran.refused(&[&format!("first bad position {position}:")]).with_context(|| statements)?;
        let ran = run_in(folder.path(), &["log", "verify", "--data", "data", "--json"], &[]).await?;
        ensure!(ran.code == Some(1), "{statements}: {ran:?}");
        let report: Value = serde_json::from_str(&ran.said).with_context(|| format!("{statements}: {ran:?}"))?;
        ensure!(report["log"] == "broken" && report["position"] == position, "{statements}: {report}");
    }
    Ok(())
}

#[tokio::test]
async fn a_message_that_was_altered_is_followed_as_one_that_does_not_fit() -> anyhow::Result<()> {
    let folder = recorded().await?;
    let said = run_in(folder.path(), &["log", "show", "15", "--data", "data", "--json"], &[]).await?.ok()?;
    let message = serde_json::from_str::<Value>(&said)?["command"].as_str().context("a message has a command")?.to_owned();
    let trace = async |more: &[&str]| run_in(folder.path(), &[&["trace", &message, "--data", "data"], more].concat(), &[]).await?.ok();
    ensure!(trace(&[]).await?.contains(", which fits"), "nobody has touched it");
    tamper(folder.path(), "UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 15")?;
    let traced: Value = serde_json::from_str(&trace(&["--json"]).await?)?;
    ensure!(traced["commit"]["position"] == 15 && traced["commit"]["linked"] == false, "{traced}");
    ensure!(trace(&[]).await?.contains("DOES NOT FIT"), "it is not said in words");
    Ok(())
}

#[tokio::test]
async fn the_newest_events_are_shown_in_order() -> anyhow::Result<()> {
    let folder = recorded().await?;
    let said = run_in(folder.path(), &["log", "tail", "--data", "data", "--json", "-n", "3"], &[]).await?.ok()?;
    let events = said.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    let positions: Vec<_> = events.iter().filter_map(|event| event["position"].as_u64()).collect();
    ensure!(positions.len() == 3 && positions.is_sorted() && positions[2] - positions[0] == 2, "{said}");
    let last = &events[2];
    ensure!(last["type"] == "message.posted" && last["body"]["content"]["text"] == "message 10 of 10", "{last}");
    for field in ["id", "stream", "command", "correlation", "at", "hash"] {
        ensure!(last[field].is_string(), "no {field} in {last}");
    }
    let said = run_in(folder.path(), &["log", "tail", "--data", "data"], &[]).await?.ok()?;
    ensure!(said.lines().count() == 10, "{said}");
    let said = run_in(folder.path(), &["log", "tail", "--data", "data", "-n", "1000"], &[]).await?.ok()?;
    ensure!(said.lines().count() == 19 && said.contains("user.registered"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_folder_without_a_log_is_refused() -> anyhow::Result<()> {
    let folder = Scratch::new()?;
    for command in ["verify", "tail"] {
        run_in(folder.path(), &["log", command, "--data", "nowhere"], &[]).await?.refused(&["nowhere"])?;
    }
    Ok(())
}

pub(super) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let copied = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            // Mails, if there was time to write some.
            copy(&entry.path(), &copied)?;
        } else {
            std::fs::copy(entry.path(), copied)?;
        }
    }
    Ok(())
}
