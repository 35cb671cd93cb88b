//! One process and one file.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use posthaste_tests::deadline::Deadline;
use posthaste_tests::history::{Answer, Entry, History, Log, Violation, check};
use posthaste_tests::rules::breaches;
use posthaste_tests::services::Scratch;
use posthaste_tests::{Node, NodeSettings, opened};

use crate::talk::{LIMIT, Progress, Talk};

/// How often the server is killed, at least.
const KILLS: usize = 5;
/// Messages each way around every kill.
const MESSAGES: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_again_and_again_loses_nothing_it_has_answered() -> anyhow::Result<()> {
    let _deadline = Deadline::new("the embedded scenario", LIMIT);
    let folder = Scratch::new()?;
    let data = folder.path().join("data");
    let mut node = Node::start("the server", NodeSettings::embedded(&data).with("GATEWAY__HEARTBEAT_S", "2")).await?;
    let nodes = [node.base()];
    let mut talk = Talk::begin(&nodes, &nodes).await?;
    let mut kills = 0;
    while kills < KILLS || !talk.was_cut_off() {
        kills += 1;
        let history = talk.history.clone();
        let killed = async |_: &Talk, mut progress: Progress| {
            progress.answers(MESSAGES / 4).await?;
            progress.amid_a_burst().await?;
            node.kill9()?;
            // Before anything else touches the file.
            ok_is_durable(&history, &data).await.with_context(|| format!("after kill {kills}"))?;
            node.restart().await
        };
        talk.during("the server is killed", MESSAGES, Duration::from_millis(5), killed).await?;
    }
    let (phones, laptops) = (talk.phone.connections(), talk.laptop.connections());
    ensure!(phones > kills && laptops > kills, "{phones} and {laptops} connections: were the sockets cut at all?");

    let history = talk.come_to_rest(&nodes[0]).await?;
    node.still_runs()?;
    let status = node.terminate().await?;
    ensure!(status.success(), "told to stop, it ended with {status}");
    ensure!(!node.logs().contains("panicked"), "{}", node.logs());
    let log = read(&data).await?;
    let counts = check(&history.entries(), &log).clean()?;
    let breaches = breaches(&log.events);
    ensure!(breaches.is_empty(), "{breaches:#?}");
    println!("embedded, {kills} kills: {counts}");
    ensure!(counts.sent == 2 * kills * MESSAGES && counts.ok == counts.sent && counts.devices == 5, "{counts}");
    ensure!(counts.retries > 0 && counts.duplicates > 0, "nothing was ever cut off in the middle: {counts}");
    Ok(())
}

/// Whatever was answered is in the file, with nothing running.
async fn ok_is_durable(history: &History, data: &Path) -> anyhow::Result<()> {
    let entries = history.entries();
    let answered = entries.iter().filter(|entry| matches!(entry, Entry::Answered { answer: Answer::Ok { .. }, .. })).count();
    ensure!(answered > 0, "nothing was answered yet");
    let mut violations = check(&entries, &read(data).await?).violations;
    // A server that dies may have pushed what it had committed; nothing it said may be undone.
    violations.retain(|violation| !matches!(violation, Violation::Skipped { .. }));
    ensure!(violations.is_empty(), "{violations:?}");
    Ok(())
}

async fn read(data: &Path) -> anyhow::Result<Log> {
    Log::read(&opened::of_folder(data)?).await
}
