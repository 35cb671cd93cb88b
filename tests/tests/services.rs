//! The harness itself: sandboxes keep tests apart, and services can be broken and mended.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::StreamExt as _;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use posthaste_tests::{Endpoints, Sandbox, Services};
use tokio_postgres::{Client, NoTls};

#[tokio::test]
async fn a_sandbox_has_its_own_database_virtual_host_and_prefix() -> anyhow::Result<()> {
    let (one, two) = tokio::try_join!(Sandbox::new("isolation"), Sandbox::new("isolation"))?;

    let first = postgres(&one.postgres_owner_url()).await?;
    first.execute("CREATE TABLE mine ()", &[]).await?;
    let second = postgres(&two.postgres_owner_url()).await?;
    second.execute("CREATE TABLE mine ()", &[]).await?;

    declare_queue(&channel(&one.rabbitmq_url()).await?, false).await?;
    let passive = declare_queue(&channel(&two.rabbitmq_url()).await?, true).await;
    ensure!(passive.is_err(), "the queue of one is visible in two");

    assert_ne!(one.redis_prefix(), two.redis_prefix());
    Ok(())
}

#[tokio::test]
async fn a_sandbox_belongs_to_its_owner_and_lets_the_server_in_as_another() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("Roles: owner & server").await?;
    let who = "SELECT current_user::text || ' ' || rolsuper::text FROM pg_roles
               WHERE rolname = current_user";
    for (url, expected) in
        [(sandbox.postgres_owner_url(), "posthaste_owner true"), (sandbox.postgres_server_url(), "posthaste_server false")]
    {
        let row = postgres(&url).await?.query_one(who, &[]).await?;
        assert_eq!(row.get::<_, &str>(0), expected);
    }
    let owner = "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()";
    let server = postgres(&sandbox.postgres_server_url()).await?;
    let row = server.query_one(owner, &[]).await?;
    assert_eq!(row.get::<_, &str>(0), "posthaste_owner");
    Ok(())
}

#[tokio::test]
async fn a_dropped_sandbox_leaves_nothing_behind() -> anyhow::Result<()> {
    let endpoints = Endpoints::from_env()?;
    let sandbox = Sandbox::new("dropped").await?;
    // Still in use: neither may keep the sandbox from going.
    let _session = postgres(&sandbox.postgres_owner_url()).await?;
    let _channel = channel(&sandbox.rabbitmq_url()).await?;
    let name = sandbox.name().to_owned();
    let vhost = format!("{}/api/vhosts/{name}", endpoints.rabbitmq_api);
    let databases = "SELECT count(*) FROM pg_database WHERE datname = $1";
    let administrator = postgres(&endpoints.postgres).await?;

    let row = administrator.query_one(databases, &[&name]).await?;
    assert_eq!(row.get::<_, i64>(0), 1);
    assert_eq!(posthaste_tests::http::get(&vhost).await?.status(), 200);
    drop(sandbox);
    let row = administrator.query_one(databases, &[&name]).await?;
    assert_eq!(row.get::<_, i64>(0), 0);
    assert_eq!(posthaste_tests::http::get(&vhost).await?.status(), 404);
    Ok(())
}

#[tokio::test]
async fn commits_are_synced_to_disk() -> anyhow::Result<()> {
    let client = postgres(&Endpoints::from_env()?.postgres).await?;
    for (setting, expected) in [("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on"), ("max_connections", "300")] {
        let row = client.query_one(&format!("SHOW {setting}"), &[]).await?;
        assert_eq!(row.get::<_, &str>(0), expected, "{setting}");
    }
    Ok(())
}

#[tokio::test]
async fn killed_services_come_back_on_the_same_ports_with_what_they_had_stored() -> anyhow::Result<()> {
    let mut services = Services::start().await?;
    let endpoints = services.endpoints();
    let sandbox = Sandbox::on(endpoints.clone(), "killed").await?;
    store_everywhere(&sandbox).await?;
    // RabbitMQ says that a queue is declared before it is on disk, and confirms what is in it all the same.
    services.rabbitmq.control(&["eval", "mnesia:sync_log()."]).await?;

    // A session in the middle of a statement, whose backend must not outlive the kill either.
    let busy = postgres(&sandbox.postgres_owner_url()).await?;
    let sleeper = tokio::spawn(async move { busy.execute("SELECT pg_sleep(600)", &[]).await });
    tokio::try_join!(services.postgres.kill(), services.rabbitmq.kill(), services.redis.kill())?;
    ensure!(sleeper.await?.is_err(), "a backend survived the kill");
    assert_nobody_listens(&endpoints)?;

    restart_and_find_everything(&mut services, &sandbox).await?;
    assert_eq!(services.endpoints(), endpoints);
    Ok(())
}

#[tokio::test]
async fn stopped_services_come_back_on_the_same_ports_with_what_they_had_stored() -> anyhow::Result<()> {
    let mut services = Services::start().await?;
    let endpoints = services.endpoints();
    let sandbox = Sandbox::on(endpoints.clone(), "stopped").await?;
    store_everywhere(&sandbox).await?;

    services.stop().await?;
    assert_nobody_listens(&endpoints)?;

    restart_and_find_everything(&mut services, &sandbox).await
}

#[tokio::test]
async fn dropped_services_end_and_take_their_files_along() -> anyhow::Result<()> {
    let services = Services::start().await?;
    let endpoints = services.endpoints();
    let client = postgres(&endpoints.postgres).await?;
    let row = client.query_one("SHOW data_directory", &[]).await?;
    let directory = row.get::<_, String>(0);
    ensure!(std::path::Path::new(&directory).exists(), "no {directory}");

    drop(services);

    assert_nobody_listens(&endpoints)?;
    ensure!(!std::path::Path::new(&directory).exists(), "{directory} is still there");
    Ok(())
}

async fn store_everywhere(sandbox: &Sandbox) -> anyhow::Result<()> {
    let client = postgres(&sandbox.postgres_owner_url()).await?;
    client.execute("CREATE TABLE kept AS SELECT 42 AS it", &[]).await?;

    let channel = channel(&sandbox.rabbitmq_url()).await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    declare_queue(&channel, false).await?;
    let options = BasicPublishOptions::default();
    let persistent = BasicProperties::default().with_delivery_mode(2);
    let confirm = channel.basic_publish("".into(), "kept".into(), options, b"it", persistent).await?.await?;
    ensure!(confirm.is_ack(), "not confirmed: {confirm:?}");

    let mut redis = redis(sandbox).await?;
    redis::cmd("SET").arg(format!("{}kept", sandbox.redis_prefix())).arg("it").query_async::<()>(&mut redis).await?;
    Ok(())
}

async fn restart_and_find_everything(services: &mut Services, sandbox: &Sandbox) -> anyhow::Result<()> {
    tokio::try_join!(services.postgres.restart(), services.rabbitmq.restart(), services.redis.restart())?;

    let client = postgres(&sandbox.postgres_owner_url()).await?;
    let row = client.query_one("SELECT it FROM kept", &[]).await?;
    assert_eq!(row.get::<_, i32>(0), 42);

    let channel = channel(&sandbox.rabbitmq_url()).await?;
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let mut consumer = channel.basic_consume("kept".into(), "".into(), options, FieldTable::default()).await?;
    let delivery = tokio::time::timeout(Duration::from_secs(30), consumer.next())
        .await
        .context("the message did not survive")?
        .context("the consumer was cancelled")??;
    assert_eq!(delivery.data, b"it");

    let mut redis = redis(sandbox).await?;
    let kept = redis::cmd("GET").arg(format!("{}kept", sandbox.redis_prefix())).query_async::<Option<String>>(&mut redis).await?;
    assert_eq!(kept, None, "Redis is meant to come back empty");
    Ok(())
}

/// Binding a port is the proof that nobody else has it.
fn assert_nobody_listens(endpoints: &Endpoints) -> anyhow::Result<()> {
    for (variable, url) in endpoints.to_env() {
        let url = reqwest::Url::parse(url)?;
        let port = url.port().context("no port")?;
        TcpListener::bind(("127.0.0.1", port)).with_context(|| format!("{variable} {url}"))?;
    }
    Ok(())
}

async fn postgres(url: &str) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn channel(url: &str) -> anyhow::Result<Channel> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    Ok(connection.create_channel().await?)
}

async fn declare_queue(channel: &Channel, passive: bool) -> anyhow::Result<()> {
    let options = QueueDeclareOptions { durable: true, passive, ..QueueDeclareOptions::default() };
    channel.queue_declare("kept".into(), options, FieldTable::default()).await?;
    Ok(())
}

async fn redis(sandbox: &Sandbox) -> anyhow::Result<redis::aio::MultiplexedConnection> {
    let client = redis::Client::open(sandbox.redis_url())?;
    Ok(client.get_multiplexed_async_connection().await?)
}
