//! Tickets in Redis.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use chrono::DateTime;
use posthaste_application::port::secrets::Access;
use posthaste_application::port::tickets::{Pass, TICKET_TTL};
use posthaste_application::port::{PortError, Tickets};
use posthaste_application::tickets_contract;
use posthaste_domain::{SessionId, UserId};
use posthaste_infrastructure::redis::{RedisTickets, connect};
use posthaste_tests::services::{Redis, Scratch};
use posthaste_tests::{Endpoints, Sandbox};
use uuid::Uuid;

tickets_contract!(in_a_sandbox);

async fn in_a_sandbox(test: &str) -> (Arc<dyn Tickets>, Sandbox) {
    let sandbox = Sandbox::new(test).await.expect("a sandbox");
    let connection = connect(&sandbox.redis_url()).await.expect("a connection");
    (Arc::new(RedisTickets::new(connection, sandbox.redis_prefix())), sandbox)
}

#[tokio::test]
async fn a_ticket_runs_out_by_itself() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("run out").await?;
    let tickets: Arc<dyn Tickets> = Arc::new(RedisTickets::new(connect(&sandbox.redis_url()).await?, sandbox.redis_prefix()));
    tickets.store("ticket", &pass()).await?;

    let mut connection = redis::Client::open(sandbox.redis_url())?.get_multiplexed_async_connection().await?;
    let key = format!("{}ticket:ticket", sandbox.redis_prefix());
    let left: i64 = redis::cmd("TTL").arg(&key).query_async(&mut connection).await?;
    ensure!((1..=i64::try_from(TICKET_TTL.as_secs())?).contains(&left), "{left} s");

    // What time would do.
    ensure!(redis::cmd("PEXPIRE").arg(&key).arg(0).query_async::<bool>(&mut connection).await?, "no such key");
    assert_eq!(tickets.redeem::<Pass>("ticket").await?, None);
    Ok(())
}

#[tokio::test]
async fn two_prefixes_share_a_server_but_no_tickets() -> anyhow::Result<()> {
    let (one, other) = tokio::try_join!(Sandbox::new("prefix"), Sandbox::new("prefix"))?;
    let connection = connect(&one.redis_url()).await?;
    let ours: Arc<dyn Tickets> = Arc::new(RedisTickets::new(connection.clone(), one.redis_prefix()));
    let theirs: Arc<dyn Tickets> = Arc::new(RedisTickets::new(connection, other.redis_prefix()));
    ours.store("ticket", &pass()).await?;
    assert_eq!(theirs.redeem::<Pass>("ticket").await?, None);
    assert_eq!(ours.redeem("ticket").await?, Some(pass()));
    Ok(())
}

#[tokio::test]
async fn something_else_under_the_key_is_an_error_that_does_not_show_the_ticket() -> anyhow::Result<()> {
    let sandbox = Sandbox::new("corrupt").await?;
    let tickets: Arc<dyn Tickets> = Arc::new(RedisTickets::new(connect(&sandbox.redis_url()).await?, sandbox.redis_prefix()));
    let mut connection = redis::Client::open(sandbox.redis_url())?.get_multiplexed_async_connection().await?;
    let key = format!("{}ticket:s3cret", sandbox.redis_prefix());
    redis::cmd("SET").arg(&key).arg("{\"user\":1}").query_async::<()>(&mut connection).await?;
    let error = tickets.redeem::<Pass>("s3cret").await.err().context("it was read")?;
    ensure!(matches!(error, PortError::Corrupt { .. }), "{error}");
    ensure!(!format!("{:#}", anyhow::Error::from(error)).contains("s3cret"), "the ticket shows");
    Ok(())
}

#[tokio::test]
async fn without_redis_tickets_fail_and_with_it_they_work_again() -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let mut server = Redis::start(scratch.path().join("redis")).await?;
    let tickets: Arc<dyn Tickets> = Arc::new(RedisTickets::new(connect(&server.url()).await?, "gone:"));
    tickets.store("before", &pass()).await?;

    server.kill().await?;
    for attempt in [tickets.store("during", &pass()).await.err(), tickets.redeem::<Pass>("before").await.err()] {
        let error = attempt.context("it worked without a server")?;
        ensure!(matches!(error, PortError::Unavailable { service: "redis", .. }), "{error}");
    }

    server.restart().await?;
    // The first request may find the old connection broken; nobody is told twice.
    let mut last = None;
    for _ in 0..5 {
        last = tickets.store("after", &pass()).await.err();
        if last.is_none() {
            break;
        }
    }
    ensure!(last.is_none(), "{last:?}");
    assert_eq!(tickets.redeem("after").await?, Some(pass()));
    assert_eq!(tickets.redeem::<Pass>("before").await?, None);
    Ok(())
}

#[tokio::test]
async fn whoever_cannot_connect_learns_where_and_why_but_not_the_password() -> anyhow::Result<()> {
    let with_password = Endpoints::from_env()?.redis.replacen("redis://", "redis://posthaste:s3cret@", 1);
    for (url, said) in [
        (with_password.as_str(), "cannot connect to 127.0.0.1:"),
        ("redis://:s3cret@127.0.0.1:1", "cannot connect to 127.0.0.1:1"),
        ("http://:s3cret@127.0.0.1", "redis://user:password@host:6379/0"),
    ] {
        let error = connect(url).await.err().context("it connected")?;
        let told = format!("{:#}", anyhow::Error::from(error));
        ensure!(told.contains(said) && !told.contains("s3cret"), "{told}");
    }
    Ok(())
}

fn pass() -> Pass {
    let expires_at = DateTime::from_timestamp(4_000_000_000, 123_456_789).expect("a time");
    Pass { access: Access { user: UserId::new(Uuid::from_u128(1)), session: SessionId::new(Uuid::from_u128(2)), expires_at }, device: None }
}
