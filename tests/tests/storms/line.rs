//! The line before the handshake.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::future::{join_all, try_join_all};
use posthaste_tests::actor::Incoming;
use posthaste_tests::{Profile, Stage};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use crate::crowd::{Installation, next, users};
use crate::{PATIENCE, alone};

async fn whoever_waits_longer_than_a_hello_may_take_is_served_all_the_same(profile: Profile) -> anyhow::Result<()> {
    // So long that a busy machine gets a hello through once its turn has come.
    let slow =
        |settings: posthaste_tests::NodeSettings| settings.with("GATEWAY__CONNECTS_PER_S", "2").with("GATEWAY__HELLO_TIMEOUT_S", "3");
    let stage = Stage::start(profile, slow).await?;
    let user = &users(&stage.base(), "alice", 1).await?[0];
    let begun = Instant::now();
    let welcomed = (0..11).map(|_| async {
        let mut socket = Installation::new(user).hello(&stage.base(), Value::Null).await?;
        let first = next(&mut socket).await?;
        ensure!(first["t"] == "welcome", "{first}");
        anyhow::Ok(socket)
    });
    try_join_all(welcomed).await?;
    // Ten turns are between the first and the last, less what the doors may catch up with.
    ensure!(begun.elapsed() >= Duration::from_millis(4_900), "eleven within {:?}, two a second", begun.elapsed());
    Ok(())
}

async fn when_the_line_is_too_long_the_others_are_told_when_to_come_back(profile: Profile) -> anyhow::Result<()> {
    let short =
        |settings: posthaste_tests::NodeSettings| settings.with("GATEWAY__CONNECTS_PER_S", "1").with("GATEWAY__CONNECTS_WAITING", "2");
    let stage = Stage::start(profile, short).await?;
    let user = &users(&stage.base(), "alice", 1).await?[0];
    let ended = join_all((0..8).map(|_| async {
        let mut socket = Installation::new(user).hello(&stage.base(), Value::Null).await?;
        let first = next(&mut socket).await?;
        if first["t"] == "welcome" {
            return Ok(None);
        }
        ensure!(first["t"] == "err" && first["code"] == "rate_limited" && first["retry"] == "after", "{first}");
        let wait = first["retry_after_ms"].as_u64().with_context(|| format!("how long? {first}"))?;
        let ended = timeout(PATIENCE, socket.next()).await??;
        ensure!(ended == Incoming::Closed(4004, "rate_limited".to_owned()), "{ended:?}");
        Ok(Some(wait))
    }))
    .await;
    let waits = ended.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let told: Vec<_> = waits.iter().flatten().collect();
    // Opening eight sockets may take longer than a turn.
    ensure!(!told.is_empty() && told.len() <= 5, "{waits:?}");
    ensure!(told.iter().all(|wait| (1..=3_000).contains(*wait)), "{waits:?}");
    Ok(())
}

#[tokio::test]
async fn whoever_waits_longer_than_a_hello_may_take_is_served_all_the_same_embedded() -> anyhow::Result<()> {
    let _alone = alone().await;
    whoever_waits_longer_than_a_hello_may_take_is_served_all_the_same(Profile::Embedded).await
}

#[tokio::test]
async fn when_the_line_is_too_long_the_others_are_told_when_to_come_back_on_both_profiles() -> anyhow::Result<()> {
    let _alone = alone().await;
    when_the_line_is_too_long_the_others_are_told_when_to_come_back(Profile::Embedded).await?;
    when_the_line_is_too_long_the_others_are_told_when_to_come_back(Profile::Distributed).await
}
