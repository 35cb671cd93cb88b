//! Connections that are opened and say nothing, or almost nothing.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use posthaste_tests::actor::{Socket, User, new_id};
use posthaste_tests::{NodeSettings, Profile, Stage};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

use crate::raw::{PATIENCE, address, connect_from, until_closed};

/// What somebody opens who means no good.
const HALF_OPEN: usize = 10_000;

/// A user does everything that users do, so many times, each time on new connections.
async fn is_served(base: &str, user: &User, times: usize) -> anyhow::Result<()> {
    for _ in 0..times {
        let me = posthaste_tests::http::builder().timeout(PATIENCE).build()?.get(format!("{base}/v1/me")).bearer_auth(user.token());
        me.send().await.context("a request")?.error_for_status()?;
        let mut socket = Socket::hello(base, user, new_id(), json!({})).await?;
        crate::frames::next(&mut socket, "welcome").await?;
    }
    Ok(())
}

fn thrifty(settings: NodeSettings) -> NodeSettings {
    settings.with("SERVER__HALF_OPEN", "2000").with("SERVER__CONNECTIONS_PER_IP", "6000").with("GATEWAY__SOCKETS_PER_USER", "1000")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_half_open_connections_starve_nobody() -> anyhow::Result<()> {
    // They stay until they have to make room: no time-out helps here.
    let stage = Stage::start(Profile::Embedded, |settings| thrifty(settings).with("SERVER__HEADER_TIMEOUT_S", "600")).await?;
    let base = stage.base();
    let user = User::register(&base, "alice").await?;
    let mut held = Vec::new();
    for n in 0..HALF_OPEN {
        // From five addresses, and half of them have begun to ask.
        let from = Ipv4Addr::new(127, 0, 1, u8::try_from(n % 5)? + 1);
        let mut stream = connect_from(from, &base).await.with_context(|| format!("after {n}"))?;
        if n % 2 == 0 {
            // It may have been sent away already.
            let _ = stream.write_all(b"GET /v1/me HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
        }
        held.push(stream);
        if n % 1_000 == 999 {
            is_served(&base, &user, 2).await.with_context(|| format!("beside {} connections", held.len()))?;
        }
    }
    // The newest are still there, the oldest had to go.
    let (mut gone, mut there) = (0, 0);
    for stream in &held {
        let mut byte = [0];
        match timeout(Duration::from_millis(1), stream.peek(&mut byte)).await {
            Err(_) => there += 1,
            Ok(_) => gone += 1,
        }
    }
    ensure!((1_900..=2_100).contains(&there), "{there} are there, {gone} are gone");
    is_served(&base, &user, 5).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_has_only_so_many_connections_and_others_have_theirs() -> anyhow::Result<()> {
    let stage = Stage::start(Profile::Embedded, |settings| settings.with("SERVER__CONNECTIONS_PER_IP", "50")).await?;
    let base = stage.base();
    let (greedy, user) = (Ipv4Addr::new(127, 0, 1, 9), User::register(&base, "alice").await?);
    let mut held = Vec::new();
    for _ in 0..50 {
        held.push(connect_from(greedy, &base).await?);
    }
    let mut refused = connect_from(greedy, &base).await?;
    ensure!(until_closed(&mut refused).await?.is_empty());
    is_served(&base, &user, 3).await?;
    // A place that is left can be taken.
    held.truncate(40);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut again = connect_from(greedy, &base).await?;
        let _ = again.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        if until_closed(&mut again).await?.starts_with("HTTP/1.1 200") {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "no place is free again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_slow_is_let_go_and_a_socket_is_not() -> anyhow::Result<()> {
    let stage =
        Stage::start(Profile::Embedded, |settings| settings.with("SERVER__HEADER_TIMEOUT_S", "1").with("SERVER__IDLE_TIMEOUT_S", "2"))
            .await?;
    let base = stage.base();
    let user = User::register(&base, "alice").await?;
    let mut socket = Socket::hello(&base, &user, new_id(), json!({})).await?;
    crate::frames::next(&mut socket, "welcome").await?;

    // One that says nothing, one that has asked and is silent, and two that say a byte now and then: in the first request and the second.
    let open = async || anyhow::Ok(TcpStream::connect(address(&base)?).await?);
    let asks = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let (mut silent, mut asked, mut slow, mut slow_later) = (open().await?, open().await?, open().await?, open().await?);
    asked.write_all(asks).await?;
    slow_later.write_all(asks).await?;
    let begun = Instant::now();
    let trickle = async |stream: &mut TcpStream| {
        let mut every = interval(Duration::from_millis(100));
        stream.write_all(b"GET / HTTP/1.1\r\nX: ").await?;
        while stream.write_all(b"x").await.is_ok() {
            ensure!(begun.elapsed() < PATIENCE, "still listened to");
            every.tick().await;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(trickle(&mut slow), trickle(&mut slow_later))?;
    ensure!(until_closed(&mut silent).await?.is_empty());
    ensure!(until_closed(&mut asked).await?.starts_with("HTTP/1.1 200"));
    // Far longer than all of these, and as alive as ever.
    socket.send(&json!({ "t": "ping", "n": 1 })).await?;
    crate::frames::next(&mut socket, "pong").await?;
    Ok(())
}
