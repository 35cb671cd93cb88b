//! Three nodes that are stopped and started again, one after the other, while everybody talks on all of them. They begin as the release before,
//! if that is there: `POSTHASTE_BIN_OLD=/path/to/posthaste tests/run --test scenario -- rolling`.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use posthaste_tests::history::{Answer, Entry, Log, check};
use posthaste_tests::node::migrate;
use posthaste_tests::rules::breaches;
use posthaste_tests::{Node, NodeSettings, Sandbox, opened};

use crate::talk::{PATIENCE, Progress, Talk};

/// Messages each way.
const MESSAGES: usize = 700;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_is_refused_while_three_nodes_are_restarted_one_after_the_other() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("rolling").await?;
    migrate(&sandbox).await?;
    let settings = NodeSettings::distributed(&sandbox)
        .with("GATEWAY__HEARTBEAT_S", "2")
        .with("GATEWAY__DRAIN_SPREAD_S", "1")
        .with("RELAY__LEASE_S", "2")
        // Not while some of them cannot read it.
        .with("CONTENT__SEAL", "false")
        .of_the_release_before();
    let (a, b, c) = tokio::try_join!(
        Node::start("node A", settings.clone()),
        Node::start("node B", settings.clone()),
        Node::start("node C", settings),
    )?;
    let mut nodes = [a, b, c];
    let bases = nodes.each_ref().map(Node::base);
    let from = |first: usize| (0..bases.len()).map(|n| bases[(first + n) % bases.len()].clone()).collect::<Vec<_>>();
    let mut talk = Talk::begin(&from(0), &from(1)).await?;
    // Somebody on each of them.
    talk.laptop.prefer(&from(2));
    talk.laptop.cut();
    talk.laptop.live_on(&bases[2], PATIENCE).await?;

    let restarted = async |talk: &Talk, mut progress: Progress| {
        for (node, base) in nodes.iter_mut().zip(&bases) {
            progress.answers(MESSAGES / 10).await?;
            let devices = talk.devices().into_iter().filter(|device| device.connected_to().as_ref() == Some(base)).count();
            ensure!(devices > 0, "nobody is connected to {base}");
            node.still_runs()?;
            let status = node.terminate().await?;
            ensure!(status.success(), "told to stop, it ended with {status}: {}", node.logs());
            node.upgrade();
            node.restart().await?;
            // Everybody is back where they were, so that the next one has somebody as well.
            talk.scatter(&bases).await.with_context(|| format!("after {base} was restarted"))?;
        }
        ensure!(!progress.is_over(), "all was said before all were restarted");
        Ok(())
    };
    talk.during("three nodes are restarted", MESSAGES, Duration::from_millis(60), restarted).await?;
    let moved: usize = talk.devices().iter().map(|device| device.moved()).sum();
    let history = talk.come_to_rest(&bases[0]).await?;
    for node in &mut nodes {
        node.still_runs()?;
        let status = node.terminate().await?;
        ensure!(status.success(), "told to stop, it ended with {status}: {}", node.logs());
        ensure!(!node.logs().contains("panicked"), "{}", node.logs());
    }
    let log = Log::read(&opened::of_sandbox(&sandbox).await?).await?;
    let entries = history.entries();
    let counts = check(&entries, &log).clean()?;
    let breaches = breaches(&log.events);
    ensure!(breaches.is_empty(), "{breaches:#?}");
    println!("{} restarts, {moved} devices moved by themselves: {counts}", nodes.len());
    let expected = 2 * MESSAGES;
    ensure!(counts.sent == expected && counts.ok == expected && counts.devices == 5, "{counts}");
    let refused: Vec<_> = entries.iter().filter(|entry| matches!(entry, Entry::Answered { answer: Answer::Err { .. }, .. })).collect();
    ensure!(refused.is_empty(), "{refused:?}");
    ensure!(moved > 0, "no device ever left a node by itself");
    Ok(())
}
