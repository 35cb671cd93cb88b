//! `posthaste doctor` on deployments that are sound, and on each that is not.

use anyhow::{Context as _, ensure};
use lapin::options::{ExchangeDeclareOptions, ExchangeDeleteOptions, QueueDeleteOptions};
use lapin::{Connection, ConnectionProperties, ExchangeKind};
use posthaste_tests::actor::User;
use posthaste_tests::node::{migrate, run_posthaste};
use posthaste_tests::services::{Port, Scratch};
use posthaste_tests::{Node, NodeSettings, Sandbox};
use serde_json::Value;
use tokio_postgres::NoTls;

/// What a doctor said.
#[derive(Debug)]
struct Diagnosis {
    code: Option<i32>,
    findings: Vec<Value>,
    complained: String,
}

impl Diagnosis {
    async fn of(settings: &NodeSettings, more: &[&str]) -> anyhow::Result<Self> {
        let arguments: Vec<_> = ["doctor", "--json"].into_iter().chain(more.iter().copied()).collect();
        let output = run_posthaste(settings, &arguments).await?;
        let findings = String::from_utf8(output.stdout)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        Ok(Self { code: output.status.code(), findings, complained: String::from_utf8_lossy(&output.stderr).into_owned() })
    }

    fn failing(&self) -> Vec<&str> {
        let failing = self.findings.iter().filter(|finding| finding["verdict"] == "fail");
        failing.filter_map(|finding| finding["check"].as_str()).collect()
    }

    /// Nothing fails, and everything was looked at.
    fn sound(self, checks: &[&str]) -> anyhow::Result<()> {
        ensure!(self.code == Some(0) && self.failing().is_empty(), "{self:#?}");
        for check in checks {
            ensure!(self.findings.iter().any(|finding| finding["check"] == *check), "nobody has looked at {check}: {self:#?}");
        }
        Ok(())
    }

    /// This fails and nothing else, with these words, and it is said what to do.
    fn fails(self, check: &str, words: &[&str]) -> anyhow::Result<()> {
        ensure!(self.code == Some(1) && self.complained.contains("checks failed"), "{self:#?}");
        let failing = self.failing();
        ensure!(!failing.is_empty() && failing.iter().all(|failing| *failing == check), "{check}: {self:#?}");
        let finding = self.findings.iter().find(|finding| finding["verdict"] == "fail").context("one that fails")?;
        ensure!(finding["remedy"].as_str().is_some_and(|remedy| remedy.len() > 10), "{finding}");
        for word in words {
            ensure!(
                self.findings.iter().any(|finding| finding["verdict"] == "fail" && finding.to_string().contains(word)),
                "{word}: {self:#?}"
            );
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_folder_is_sound_until_somebody_touches_its_log() -> anyhow::Result<()> {
    let folder = Scratch::new()?;
    let data = folder.path().join("data");
    let (settings, arguments) = (NodeSettings::default(), ["--data", data.to_str().unwrap()]);
    Diagnosis::of(&settings, &arguments).await?.fails_among("schema", &["posthaste.db", "--data"])?;
    let mut node = Node::start("the node", NodeSettings::embedded(&data)).await?;
    User::enrol(&node.base(), "alice").await?;
    // Beside the server that runs.
    let checks = ["configuration", "schema", "disk", "log", "relay"];
    Diagnosis::of(&settings, &arguments).await?.sound(&checks)?;
    ensure!(node.terminate().await?.success());
    Diagnosis::of(&settings, &arguments).await?.sound(&checks)?;

    let file = rusqlite::Connection::open(data.join("posthaste.db"))?;
    let lease: String =
        file.query_row("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '%lease%'", [], |row| row.get(0))?;
    file.execute(&format!("UPDATE {lease} SET checkpoint = checkpoint + 1000"), [])?;
    Diagnosis::of(&settings, &arguments).await?.fails("relay", &["older log", "OPERATIONS.md"])?;
    file.execute(&format!("UPDATE {lease} SET checkpoint = checkpoint - 1000"), [])?;
    file.pragma_update(None, "user_version", 99)?;
    file.execute("UPDATE schema_compat SET oldest = 99", [])?;
    Diagnosis::of(&settings, &arguments).await?.fails("schema", &["99"])?;
    Ok(())
}

impl Diagnosis {
    /// This is among what fails.
    fn fails_among(self, check: &str, words: &[&str]) -> anyhow::Result<()> {
        ensure!(self.failing().contains(&check), "{self:#?}");
        let findings: Vec<_> = self.findings.iter().filter(|finding| finding["check"] == check).cloned().collect();
        Self { findings, ..self }.fails(check, words)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_deployment_is_named_with_what_to_do() -> anyhow::Result<()> {
    let (sandbox, node_folder) = (Sandbox::new("doctor").await?, Scratch::new()?);
    let settings = NodeSettings::distributed(&sandbox);
    let look = async || Diagnosis::of(&settings, &[]).await;
    look().await?.fails_among("schema", &["posthaste migrate"])?;
    migrate(&sandbox).await?;
    look().await?.fails("broker", &["posthaste.feed", "posthaste.events", "posthaste.dead", "posthaste.given-up", "is not there"])?;
    let node = Node::start("the node", settings.clone()).await?;
    User::enrol(&node.base(), "alice").await?;
    let all =
        ["database", "schema", "durability", "encoding", "rights", "guards", "clock", "log", "relay", "views", "broker", "redis", "disk"];
    let found = look().await?;
    // What is known of room, from here; and what is not.
    let disk = |diagnosis: &Diagnosis| {
        let disk = diagnosis.findings.iter().filter(|finding| finding["check"] == "disk");
        disk.filter_map(|finding| Some(finding["says"].as_str()?.to_owned())).collect::<Vec<_>>()
    };
    let said = disk(&found);
    ensure!(said.len() == 2 && said.iter().all(|says| says.contains("cannot be seen from here")) && said[0].contains("MiB"), "{said:?}");
    found.sound(&all)?;
    let (seals, key) = (node_folder.path().join("seals.jsonl"), node_folder.path().join("seal.key"));
    let sealing = settings.clone().with("SEALS__FILE", seals.to_string_lossy()).with("SEALS__KEY_FILE", key.to_string_lossy());
    let said = disk(&Diagnosis::of(&sealing, &[]).await?);
    ensure!(said.len() == 3 && said[2].contains("where the seals are"), "{said:?}");
    drop(node);

    let (owner, connection) = tokio_postgres::connect(&sandbox.postgres_owner_url(), NoTls).await?;
    tokio::spawn(connection);
    // What is done, what fails by it with which word, and how it is undone.
    for (harm, check, word, undo) in [
        (
            "GRANT UPDATE (actor) ON events TO posthaste_server",
            "rights",
            "UPDATE on events",
            "REVOKE UPDATE (actor) ON events FROM posthaste_server",
        ),
        (
            "GRANT TRUNCATE ON log_head TO posthaste_server",
            "rights",
            "TRUNCATE on log_head",
            "REVOKE TRUNCATE ON log_head FROM posthaste_server",
        ),
        ("GRANT DELETE ON events TO PUBLIC", "rights", "DELETE on events", "REVOKE DELETE ON events FROM PUBLIC"),
        ("REVOKE SELECT ON events FROM posthaste_server", "rights", "lacks SELECT on events", "GRANT SELECT ON events TO posthaste_server"),
        (
            "REVOKE EXECUTE ON FUNCTION append_events FROM posthaste_server",
            "rights",
            "lacks EXECUTE on append_events",
            "GRANT EXECUTE ON FUNCTION append_events TO posthaste_server",
        ),
        (
            "REVOKE UPDATE ON cursors, rebuild.view_pins FROM posthaste_server",
            "rights",
            "UPDATE on cursors, UPDATE on rebuild.view_pins",
            "GRANT UPDATE ON cursors, rebuild.view_pins TO posthaste_server",
        ),
        ("ALTER TABLE events DISABLE TRIGGER append_only", "guards", "events", "ALTER TABLE events ENABLE ALWAYS TRIGGER append_only"),
        (
            "UPDATE relay_lease SET checkpoint = checkpoint + 1000",
            "relay",
            "older log",
            "UPDATE relay_lease SET checkpoint = checkpoint - 1000",
        ),
        (
            "UPDATE view_checkpoints SET position = position + 1000 WHERE view = 'people'",
            "views",
            "people",
            "UPDATE view_checkpoints SET position = position - 1000 WHERE view = 'people'",
        ),
        (
            "CREATE TABLE newest AS SELECT * FROM refinery_schema_history ORDER BY version DESC LIMIT 1; \
             DELETE FROM refinery_schema_history WHERE version IN (SELECT version FROM newest)",
            "schema",
            "pending",
            "INSERT INTO refinery_schema_history SELECT * FROM newest",
        ),
        (
            "ALTER TABLE events DISABLE TRIGGER USER; UPDATE events SET schema = schema + 1 WHERE position = 1; \
             ALTER TABLE events ENABLE ALWAYS TRIGGER append_only",
            "log",
            "log verify",
            "ALTER TABLE events DISABLE TRIGGER USER; UPDATE events SET schema = schema - 1 WHERE position = 1; \
             ALTER TABLE events ENABLE ALWAYS TRIGGER append_only",
        ),
    ] {
        owner.batch_execute(harm).await.context(harm)?;
        look().await?.fails_among(check, &[word]).context(harm)?;
        owner.batch_execute(undo).await.context(undo)?;
    }

    let channel = Connection::connect(&sandbox.rabbitmq_url(), ConnectionProperties::default()).await?.create_channel().await?;
    channel.exchange_delete("posthaste.feed".into(), ExchangeDeleteOptions::default()).await?;
    look().await?.fails("broker", &["the exchange posthaste.feed is not there"])?;
    let (options, arguments) =
        (ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() }, lapin::types::FieldTable::default());
    channel.exchange_declare("posthaste.feed".into(), ExchangeKind::Direct, options, arguments).await?;
    channel.queue_delete("posthaste.given-up".into(), QueueDeleteOptions::default()).await?;
    look().await?.fails("broker", &["the exchange posthaste.feed is of another kind", "the queue posthaste.given-up is not there"])?;

    // Nothing was made by looking.
    channel.exchange_delete("posthaste.feed".into(), ExchangeDeleteOptions::default()).await?;
    let _node = Node::start("the node again", settings.clone()).await?;
    look().await?.sound(&all)?;
    let port = Port::reserve()?;
    let nowhere = format!("redis://:hunter2@127.0.0.1:{}", port.number());
    let diagnosis = Diagnosis::of(&settings.clone().with("REDIS__URL", &nowhere), &[]).await?;
    ensure!(!format!("{diagnosis:?}").contains("hunter2"), "{diagnosis:#?}");
    diagnosis.fails("redis", &[&port.number().to_string()])
}

#[tokio::test]
async fn a_configuration_is_checked_without_connecting_to_anything() -> anyhow::Result<()> {
    let check = async |settings: &NodeSettings| {
        let output = run_posthaste(settings, &["config", "check"]).await?;
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        anyhow::Ok((output.status.code(), said))
    };
    let distributed = NodeSettings::default()
        .with("PROFILE", "distributed")
        .with("POSTGRES__URL", "postgres://server:hunter2@nowhere.invalid/posthaste")
        .with("RABBITMQ__URL", "amqp://server:hunter2@nowhere.invalid")
        .with("REDIS__URL", "redis://:hunter2@nowhere.invalid")
        .with("AUTH__SIGNING_KEY", "MC4CAQAwBQYDK2VwBCIEILom6DSXToIY3b9//ny6gfzunSZQZSoP2oxQC96XthEs")
        .with("AUTH__FACTOR_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
        .with("CONTENT__MASTER_KEY", "VGhlIG1hc3RlciBrZXkgdGhhdCB0ZXN0cyB1c2Ugb24=");
    for settings in [NodeSettings::default(), distributed.clone()] {
        let (code, said) = check(&settings).await?;
        ensure!(code == Some(0) && said.contains("can be used"), "{said}");
        let said: Value = serde_json::from_slice(&run_posthaste(&settings, &["config", "check", "--json"]).await?.stdout)?;
        ensure!(said["usable"] == true && said["reason"].is_null(), "{said}");
    }
    for (key, value, word) in [
        ("GATEWAY__HEARTBEET_S", "7", "heartbeet_s"),
        ("AUTH__SIGNING_KEY", "hunter2", "auth.signing_key"),
        ("AUTH__FACTOR_KEY", "hunter2", "auth.factor_key"),
        ("CONTENT__MASTER_KEY", "hunter2", "content.master_key"),
        ("POSTGRES__URL", "mysql://server:hunter2@nowhere", "postgres.url"),
        ("RABBITMQ__URL", "http://server:hunter2@nowhere", "rabbitmq.url"),
        ("REDIS__URL", "hunter2", "redis.url"),
        ("AUTH__PASSWORD_PASSES", "0", "auth.password_"),
    ] {
        let (code, said) = check(&distributed.clone().with(key, value)).await?;
        ensure!(code == Some(1) && said.contains(word), "{key}: {said}");
        ensure!(!said.contains("hunter2"), "{key}: {said}");
        let ran = run_posthaste(&distributed.clone().with(key, value), &["config", "check", "--json"]).await?;
        let said: Value = serde_json::from_slice(&ran.stdout)?;
        ensure!(!ran.status.success() && said["usable"] == false, "{key}: {said}");
        ensure!(said["reason"].as_str().is_some_and(|reason| reason.contains(word) && !reason.contains("hunter2")), "{key}: {said}");
    }
    Ok(())
}
