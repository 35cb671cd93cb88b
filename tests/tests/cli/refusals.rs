//! What is refused at the start. Nothing may come up half configured.

use posthaste_tests::services::{Port, Scratch};
use posthaste_tests::{Node, NodeSettings, Sandbox};
use serde_json::Value;

use super::{run_in, run_with};

/// A distributed profile in which every service can be named; none of them is there.
const DISTRIBUTED: [(&str, &str); 7] = [
    ("POSTHASTE_PROFILE", "distributed"),
    ("POSTHASTE_POSTGRES__URL", "postgres://posthaste_server@127.0.0.1:1/posthaste"),
    ("POSTHASTE_RABBITMQ__URL", "amqp://guest:guest@127.0.0.1:1"),
    ("POSTHASTE_REDIS__URL", "redis://127.0.0.1:1"),
    ("POSTHASTE_AUTH__SIGNING_KEY", "MC4CAQAwBQYDK2VwBCIEILom6DSXToIY3b9//ny6gfzunSZQZSoP2oxQC96XthEs"),
    ("POSTHASTE_AUTH__FACTOR_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
    ("POSTHASTE_CONTENT__MASTER_KEY", "VGhlIG1hc3RlciBrZXkgdGhhdCB0ZXN0cyB1c2Ugb24="),
];

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

/// The profile with another value for a key.
fn distributed_with<'a>(key: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    DISTRIBUTED.into_iter().filter(|(other, _)| *other != key).chain([(key, value)]).collect()
}

#[tokio::test]
async fn an_unknown_key_is_refused_by_name() -> anyhow::Result<()> {
    let folder = Scratch::new()?;
    std::fs::write(folder.path().join("posthaste.toml"), "[gateway]\nheartbeet_s = 7\n")?;
    let ran = run_in(folder.path(), &["serve", "--config", "posthaste.toml", "--listen", "127.0.0.1:0"], &[]).await?;
    ran.refused(&["heartbeet_s", "heartbeat_s", "posthaste config print"])?;
    for (key, value) in [("POSTHASTE_GATEWAY__HEARTBEET_S", "7"), ("POSTHASTE_TYPO", "1"), ("POSTHASTE_POSTGRES__URL", "postgres://db")] {
        run_with(&SERVE, &[(key, value)]).await?.refused(&["posthaste config print"])?;
    }
    Ok(())
}

#[tokio::test]
async fn variables_that_are_no_configuration_are_let_be() -> anyhow::Result<()> {
    let folder = Scratch::new()?;
    std::fs::write(folder.path().join("posthaste.toml"), "[gateway]\nheartbeat_s = 7\n")?;
    let environment = [("POSTHASTE_LOG", "debug"), ("POSTHASTE_CONFIG", "posthaste.toml")];
    let printed: toml::Table = run_in(folder.path(), &["config", "print"], &environment).await?.ok()?.parse()?;
    assert_eq!(printed["gateway"]["heartbeat_s"].as_integer(), Some(7));
    Ok(())
}

#[tokio::test]
async fn a_value_of_the_wrong_kind_is_refused_by_name() -> anyhow::Result<()> {
    run_with(&SERVE, &[("POSTHASTE_GATEWAY__HEARTBEAT_S", "soon")]).await?.refused(&["heartbeat_s", "soon"])?;
    run_with(&SERVE, &[("POSTHASTE_PROFILE", "hybrid")]).await?.refused(&["hybrid", "embedded", "distributed"])
}

#[tokio::test]
async fn a_configuration_file_that_is_not_there_is_refused_by_name() -> anyhow::Result<()> {
    run_with(&["serve", "--config", "nowhere.toml"], &[]).await?.refused(&["nowhere.toml"])
}

#[tokio::test]
async fn the_distributed_profile_needs_every_service_and_its_keys() -> anyhow::Result<()> {
    for (missing, word) in [
        ("POSTHASTE_POSTGRES__URL", "postgres"),
        ("POSTHASTE_RABBITMQ__URL", "rabbitmq"),
        ("POSTHASTE_REDIS__URL", "redis"),
        ("POSTHASTE_AUTH__SIGNING_KEY", "signing_key"),
        ("POSTHASTE_AUTH__FACTOR_KEY", "factor_key"),
        ("POSTHASTE_CONTENT__MASTER_KEY", "master_key"),
    ] {
        let given: Vec<_> = DISTRIBUTED.into_iter().filter(|(key, _)| *key != missing).collect();
        run_with(&SERVE, &given).await?.refused(&[word, "posthaste config print"])?;
    }
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_without_showing_it() -> anyhow::Result<()> {
    for (variable, key, word) in
        [("POSTHASTE_AUTH__SIGNING_KEY", "auth.signing_key", "Ed25519"), ("POSTHASTE_AUTH__FACTOR_KEY", "auth.factor_key", "32 bytes")]
    {
        let ran = run_with(&SERVE, &distributed_with(variable, "hunter2")).await?;
        anyhow::ensure!(!ran.complained.contains("hunter2"), "{ran:?}");
        ran.refused(&[key, word])?;
    }
    Ok(())
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_refused_without_showing_its_password() -> anyhow::Result<()> {
    let port = Port::reserve()?;
    let url = format!("postgres://posthaste_server:hunter2@127.0.0.1:{}/posthaste", port.number());
    let environment = distributed_with("POSTHASTE_POSTGRES__URL", &url);
    for arguments in [&SERVE[..], &["log", "verify"], &["log", "tail"]] {
        let ran = run_with(arguments, &environment).await?;
        anyhow::ensure!(!ran.complained.contains("hunter2"), "{ran:?}");
        ran.refused(&["PostgreSQL", "postgres.url", &port.number().to_string()])?;
    }
    let mut environment = environment.clone();
    environment.push(("POSTHASTE_POSTGRES__OWNER_URL", &url));
    let ran = run_with(&["migrate"], &environment).await?;
    anyhow::ensure!(!ran.complained.contains("hunter2"), "{ran:?}");
    ran.refused(&[&port.number().to_string()])
}

#[tokio::test]
async fn a_database_without_the_schema_is_refused_until_it_is_migrated() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("no_schema").await?;
    let (server, owner) = (sandbox.postgres_server_url(), sandbox.postgres_owner_url());
    let mut environment = distributed_with("POSTHASTE_POSTGRES__URL", &server);
    run_with(&SERVE, &environment).await?.refused(&["posthaste migrate"])?;
    run_with(&["migrate"], &environment).await?.refused(&["postgres.owner_url", "POSTHASTE_POSTGRES__OWNER_URL"])?;
    environment.push(("POSTHASTE_POSTGRES__OWNER_URL", &owner));
    let migrate = async || anyhow::Ok(serde_json::from_str::<Value>(&run_with(&["migrate", "--json"], &environment).await?.ok()?)?);
    let (first, again) = (migrate().await?, migrate().await?);
    let applied = |migrated: &Value| migrated["applied"].as_array().map(Vec::len);
    anyhow::ensure!(applied(&first) >= Some(20) && applied(&again) == Some(0), "{first} {again}");
    anyhow::ensure!(first["schema"].as_u64() >= Some(33) && first["schema"] == again["schema"], "{first} {again}");
    // It goes on to the next thing that is not there.
    run_with(&SERVE, &environment).await?.refused(&["RabbitMQ", "rabbitmq.url"])?;
    let rabbitmq = sandbox.rabbitmq_url();
    environment.retain(|(key, _)| *key != "POSTHASTE_RABBITMQ__URL");
    environment.push(("POSTHASTE_RABBITMQ__URL", &rabbitmq));
    run_with(&SERVE, &environment).await?.refused(&["Redis", "redis.url"])
}

#[tokio::test]
async fn a_server_that_is_not_there_is_not_alive() -> anyhow::Result<()> {
    let port = Port::reserve()?;
    let listen = format!("127.0.0.1:{}", port.number());
    let ran = run_with(&["healthcheck", "--json"], &[("POSTHASTE_SERVER__LISTEN", &listen)]).await?;
    let said: Value = serde_json::from_str(&ran.said)?;
    anyhow::ensure!(said["alive"] == false && said["reason"].is_string(), "{said}");
    ran.refused(&[&listen])?;
    let folder = Scratch::new()?;
    let node = Node::start("a server", NodeSettings::embedded(&folder.path().join("data"))).await?;
    let listen = node.base().replace("http://", "");
    let said = run_with(&["healthcheck", "--json"], &[("POSTHASTE_SERVER__LISTEN", &listen)]).await?.ok()?;
    anyhow::ensure!(serde_json::from_str::<Value>(&said)?["alive"] == true, "{said}");
    run_with(&["healthcheck"], &[("POSTHASTE_SERVER__LISTEN", &listen)]).await?.ok().map(drop)
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused_by_name() -> anyhow::Result<()> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    run_with(&["serve", "--listen", &address], &[]).await?.refused(&[&address])
}

#[tokio::test]
async fn what_does_not_fit_together_is_refused() -> anyhow::Result<()> {
    run_with(&["serve", "--data", "here"], &DISTRIBUTED).await?.refused(&["--data", "embedded"])?;
    run_with(&["migrate"], &[]).await?.refused(&["embedded", "no migration"])?;
    let ran = run_with(&["serve", "--roles", "api,cook"], &[]).await?;
    anyhow::ensure!(ran.code == Some(2) && ran.complained.contains("cook") && ran.complained.contains("gateway"), "{ran:?}");
    Ok(())
}
