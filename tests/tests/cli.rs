//! The command line: what is wrong is refused with a word on what to do, and what is asked is done.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "cli/audit.rs"]
mod audit;
#[path = "cli/interrupts.rs"]
mod interrupts;
#[path = "cli/log.rs"]
mod log;
#[path = "cli/refusals.rs"]
mod refusals;
#[path = "cli/sealed.rs"]
mod sealed;
#[path = "cli/seals.rs"]
mod seals;
#[path = "cli/tampering.rs"]
mod tampering;
#[path = "cli/views.rs"]
mod views;

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use posthaste_tests::node::{posthaste, run};
use posthaste_tests::services::Scratch;
use serde_json::{Value, json};

/// Commands are quick. This is for a busy machine; it includes the time they wait for what is not there.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a run of the binary came to.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    said: String,
    complained: String,
}

/// Runs the binary in a folder of its own, without any configuration but this.
async fn run_in(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<Ran> {
    let mut command = posthaste();
    command.current_dir(folder).args(arguments).envs(environment.iter().copied());
    let Output { status, stdout, stderr } = run(command, PATIENCE).await.with_context(|| format!("posthaste {arguments:?}"))?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Ran { code: status.code(), said: text(stdout), complained: text(stderr) })
}

/// The same, in a folder that nobody needs afterwards.
async fn run_with(arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<Ran> {
    run_in(Scratch::new()?.path(), arguments, environment).await
}

impl Ran {
    /// It did what it should, and gives what it said.
    fn ok(self) -> anyhow::Result<String> {
        ensure!(self.code == Some(0), "{self:?}");
        Ok(self.said)
    }

    /// It refused, and said all of this about it.
    fn refused(self, words: &[&str]) -> anyhow::Result<()> {
        ensure!(self.code == Some(1), "{self:?}");
        for word in words {
            ensure!(self.complained.contains(word), "it does not mention {word}: {self:?}");
        }
        Ok(())
    }
}

#[tokio::test]
async fn the_demo_shows_that_every_message_arrives() -> anyhow::Result<()> {
    let folder = Scratch::new()?;
    let said = run_in(folder.path(), &["demo", "--json"], &[]).await?.ok()?;
    let report: Value = serde_json::from_str(said.lines().last().context("nothing was said")?)?;
    let head = report["head"].as_u64().context("a head")?;
    assert_eq!(report, json!({ "sent": 10, "delivered": 10, "duplicates": 0, "holes": 0, "log": "verified", "head": head }));
    assert!(head > 10, "{report}");
    // Nothing is left behind where it was run.
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);

    let told = run_with(&["demo"], &[]).await?.ok()?;
    for word in ["Alice", "Bob", "message 10 of 10", "delivered to device"] {
        ensure!(told.contains(word), "{word}: {told}");
    }
    Ok(())
}

#[tokio::test]
async fn the_configuration_in_force_is_printed_without_its_secrets() -> anyhow::Result<()> {
    let embedded = run_with(&["config", "print"], &[("POSTHASTE_GATEWAY__HEARTBEAT_S", "7")]).await?.ok()?;
    let printed: toml::Table = embedded.parse()?;
    assert_eq!(printed["profile"].as_str(), Some("embedded"));
    assert_eq!(printed["gateway"]["heartbeat_s"].as_integer(), Some(7));

    let secret = "MC4CAQAwBQYDK2VwBCIEILom6DSXToIY3b9//ny6gfzunSZQZSoP2oxQC96XthEs";
    let distributed = [
        ("POSTHASTE_PROFILE", "distributed"),
        ("POSTHASTE_POSTGRES__URL", "postgres://server:hunter2@db/posthaste"),
        ("POSTHASTE_POSTGRES__OWNER_URL", "postgres://owner:hunter3@db/posthaste"),
        ("POSTHASTE_RABBITMQ__URL", "amqp://guest:hunter4@mq"),
        ("POSTHASTE_REDIS__URL", "redis://:hunter5@redis"),
        ("POSTHASTE_AUTH__SIGNING_KEY", secret),
        ("POSTHASTE_AUTH__FACTOR_KEY", "hunter6"),
        ("POSTHASTE_CONTENT__MASTER_KEY", "VGhlIG1hc3RlciBrZXkgdGhhdCB0ZXN0cyB1c2Ugb24="),
    ];
    let ran = run_with(&["config", "print"], &distributed).await?;
    ensure!(!format!("{ran:?}").contains("hunter") && !format!("{ran:?}").contains(secret), "{ran:?}");
    let printed: toml::Table = ran.ok()?.parse()?;
    assert_eq!(printed["profile"].as_str(), Some("distributed"));
    assert_eq!(printed["auth"]["signing_key"].as_str(), Some("(hidden)"));
    assert_eq!(printed["auth"]["factor_key"].as_str(), Some("(hidden)"));
    let in_json: Value = serde_json::from_str(&run_with(&["config", "print", "--json"], &distributed).await?.ok()?)?;
    assert_eq!((&in_json["profile"], &in_json["auth"]["signing_key"]), (&json!("distributed"), &json!("(hidden)")));
    assert_eq!(in_json["gateway"]["heartbeat_s"], printed["gateway"]["heartbeat_s"].as_integer().unwrap());
    Ok(())
}
