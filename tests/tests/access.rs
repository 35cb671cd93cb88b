//! Who may do what: every operation of REST, for everybody who could ask, in one table, on both profiles.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "access/scene.rs"]
mod scene;
#[path = "access/table.rs"]
mod table;

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use posthaste_tests::actor::User;
use posthaste_tests::{Profile, Stage};
use serde_json::Value;

use scene::{Cast, Scene, WHO};
use table::{Row, TABLE, code};

/// Scenes that are played at once.
const AT_ONCE: usize = 6;

/// Plays a row for everybody and gives what they were answered.
async fn play(base: &str, operator: &User, row: &Row) -> anyhow::Result<[String; WHO.len()]> {
    let mut answers = Vec::with_capacity(WHO.len());
    let mut cast = Arc::new(Cast::new(base, operator).await?);
    let mut scene = Scene::set(base, Arc::clone(&cast)).await.context("setting the scene")?;
    for (who, name) in WHO.iter().enumerate() {
        let request = (row.request)(&scene);
        let answer = scene.ask(who, &request).await.with_context(|| format!("{} as {name}", row.operation))?;
        // Whoever was refused has changed nothing, so the next one asks in the same scene.
        let changed = answer == "ok";
        answers.push(answer);
        if changed && request.changes_people() {
            cast = Arc::new(Cast::new(base, operator).await?);
        }
        // Looking changes nothing, so all can look at the same scene.
        if changed && !request.only_looks() {
            scene = Scene::set(base, Arc::clone(&cast)).await.context("setting the scene")?;
        }
    }
    Ok(answers.try_into().expect("one for each"))
}

async fn everybody_is_answered_as_the_table_says(profile: Profile) -> anyhow::Result<()> {
    let stage = Stage::shared(profile).await?;
    let (base, operator) = (&stage.base(), stage.admin().await?);
    let played: Vec<_> = futures::stream::iter(TABLE)
        .map(|row| async move {
            let answers = play(base, operator, row).await.with_context(|| format!("playing {}", row.operation))?;
            Ok::<_, anyhow::Error>((row, answers))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut wrong = String::new();
    for (row, answers) in played {
        for ((who, expected), answer) in WHO.iter().zip(row.expected.split_whitespace()).zip(&answers) {
            if code(expected) != answer {
                wrong.push_str(&format!("\n{} as {who}: {answer}, expected {}", row.operation, code(expected)));
            }
        }
    }
    ensure!(wrong.is_empty(), "{wrong}");
    Ok(())
}

#[tokio::test]
async fn everybody_is_answered_as_the_table_says_on_the_embedded_profile() -> anyhow::Result<()> {
    everybody_is_answered_as_the_table_says(Profile::Embedded).await
}

#[tokio::test]
async fn everybody_is_answered_as_the_table_says_on_the_distributed_profile() -> anyhow::Result<()> {
    everybody_is_answered_as_the_table_says(Profile::Distributed).await
}

#[test]
fn every_operation_has_a_row_and_every_row_an_answer_for_everybody() {
    let document: Value = serde_json::from_str(&posthaste_infrastructure::http::document()).unwrap();
    let operations = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let documented: BTreeSet<_> = operations.filter_map(|operation| operation["operationId"].as_str()).collect();
    // What follows a slash tells the rows of one operation apart.
    let in_table: BTreeSet<_> = TABLE.iter().map(|row| row.operation.split('/').next().unwrap()).collect();
    assert_eq!(in_table, documented);
    for row in TABLE {
        assert_eq!(row.expected.split_whitespace().count(), WHO.len(), "{}", row.operation);
    }
}
