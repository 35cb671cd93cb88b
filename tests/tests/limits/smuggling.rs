//! Requests that two readers could understand in two ways, and what is too large or too deep.

use std::time::Instant;

use anyhow::ensure;
use posthaste_tests::actor::{Socket, User, new_id};
use posthaste_tests::{Profile, Stage};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::raw::{PATIENCE, address, say, statuses, until_closed};

async fn base() -> anyhow::Result<String> {
    Ok(Stage::shared(Profile::Embedded).await?.base())
}

/// What is hidden in the body must never be answered as a request.
const HIDDEN: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn a_request_that_can_be_read_in_two_ways_is_refused_and_what_is_hidden_in_it_is_not_asked() -> anyhow::Result<()> {
    let base = base().await?;
    let post = |headers: &str, body: &str| {
        format!("POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{headers}\r\n{body}")
    };
    let length = HIDDEN.len() + 5;
    for (what, request) in [
        (
            "a length and chunks",
            post(&format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"), &format!("0\r\n\r\n{HIDDEN}")),
        ),
        (
            "chunks and a length",
            post(&format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"), &format!("0\r\n\r\n{HIDDEN}")),
        ),
        ("two lengths", post("Content-Length: 2\r\nContent-Length: 42\r\n", &format!("{{}}{HIDDEN}"))),
        ("the same length twice", post("Content-Length: 2\r\nContent-Length: 2\r\n", &format!("{{}}{HIDDEN}"))),
        ("a list of lengths", post("Content-Length: 2, 2\r\n", &format!("{{}}{HIDDEN}"))),
        ("a length with a sign", post("Content-Length: +2\r\n", &format!("{{}}{HIDDEN}"))),
        ("an unknown coding", post("Transfer-Encoding: xchunked\r\n", &format!("0\r\n\r\n{HIDDEN}"))),
        ("two codings", post("Transfer-Encoding: chunked, identity\r\n", &format!("0\r\n\r\n{HIDDEN}"))),
        ("a folded header", post("X: a\r\n Content-Length: 2\r\n", HIDDEN)),
        ("a folded coding", post("Transfer-Encoding:\r\n chunked\r\n", &format!("0\r\n\r\n{HIDDEN}"))),
        ("a space before the colon", post("Content-Length : 2\r\n", &format!("{{}}{HIDDEN}"))),
        ("a bare LF", post("X: a\nContent-Length: 2\r\n", &format!("{{}}{HIDDEN}"))),
        ("nothing but bare LFs", format!("GET /healthz HTTP/1.1\nHost: a\n\n{HIDDEN}")),
        ("a CR within a line", post("X: a\rContent-Length: 2\r\n", &format!("{{}}{HIDDEN}"))),
        ("a NUL", post("X: a\0b\r\n", HIDDEN)),
        ("chunks of HTTP/1.0", format!("POST /v1/sessions HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}")),
        ("HTTP/2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        ("no HTTP at all", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\n\n\r\n\r\n".to_owned()),
    ] {
        let said = say(&base, request.as_bytes()).await?;
        // Of HTTP/2 it says nothing at all.
        ensure!(statuses(&said) == ["400"] || (what.contains("HTTP/2") && said.is_empty()), "{what}: {said:?}");
        // And as slowly as it can be said.
        let mut stream = TcpStream::connect(address(&base)?).await?;
        for byte in request.bytes() {
            if stream.write_all(&[byte]).await.is_err() {
                break;
            }
        }
        let said = until_closed(&mut stream).await?;
        ensure!(statuses(&said).iter().all(|status| *status == "400"), "{what}, byte by byte: {said:?}");
    }
    // The second request of a connection is looked at as closely as the first.
    let good = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    for pause in [false, true] {
        let mut stream = TcpStream::connect(address(&base)?).await?;
        stream.write_all(good.as_bytes()).await?;
        if pause {
            stream.readable().await?;
        }
        stream.write_all(post("Content-Length: 2\r\nContent-Length: 42\r\n", &format!("{{}}{HIDDEN}")).as_bytes()).await?;
        let said = until_closed(&mut stream).await?;
        ensure!(statuses(&said) == ["200", "400"], "{said:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_unusual_and_right_is_understood() -> anyhow::Result<()> {
    let base = base().await?;
    let good = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let last = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    // Several at once, and an empty line between them.
    ensure!(statuses(&say(&base, format!("{good}{good}\r\n{last}").as_bytes()).await?) == ["200"; 3]);
    let body = r#"{"login":"nobody","password":"nothing at all"}"#;
    let with_length = format!(
        "POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}{last}",
        body.len()
    );
    ensure!(statuses(&say(&base, with_length.as_bytes()).await?) == ["401", "200"]);
    // After chunks the connection ends, so nothing can hide behind them.
    let chunks = format!(
        "POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n{HIDDEN}",
        body.len()
    );
    ensure!(statuses(&say(&base, chunks.as_bytes()).await?) == ["401"]);
    Ok(())
}

#[tokio::test]
async fn what_is_too_large_or_too_deep_is_refused_at_once_over_rest() -> anyhow::Result<()> {
    let base = base().await?;
    let user = User::register(&base, "deep").await?;
    let client = posthaste_tests::http::builder().timeout(PATIENCE).build()?;
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let begun = Instant::now();
    for (what, body, expected) in [
        ("arrays", deep(30_000), 400),
        ("objects", objects, 400),
        ("arrays in a field", format!("{{\"kind\":{}}}", deep(30_000)), 400),
        ("a number without end", format!("{{\"kind\":1{}}}", "0".repeat(60_000)), 400),
        ("half an escape", format!("{{\"kind\":\"{}", "\\u".repeat(30_000)), 400),
        ("more than is taken", " ".repeat(70_000), 413),
        ("a hundred times that", " ".repeat(7_000_000), 413),
    ] {
        let post = client.post(format!("{base}/v1/threads")).bearer_auth(user.token()).header("content-type", "application/json");
        let answered = post.body(body).send().await;
        // Whoever is still sending may find the connection closed.
        let Ok(answered) = answered else {
            ensure!(expected == 413, "{what}: {answered:?}");
            continue;
        };
        ensure!(answered.status() == expected, "{what}: {}", answered.status());
    }
    ensure!(begun.elapsed() < PATIENCE);
    Ok(())
}

/// A gigabyte of nothing, in a megabyte that nobody opens.
#[tokio::test]
async fn a_compression_bomb_is_refused_unopened() -> anyhow::Result<()> {
    let base = base().await?;
    let (client, user) = (posthaste_tests::http::client(), User::register(&base, "bomber").await?);
    for encoding in ["gzip", "deflate", "br", "zstd", "identity, gzip"] {
        let bomb = client.post(format!("{base}/v1/threads")).bearer_auth(user.token());
        let bomb = bomb.header("content-type", "application/json").header("content-encoding", encoding).body(vec![0x1f; 1_000]);
        let status = bomb.send().await?.status();
        ensure!(status == 415, "{encoding}: {status}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_too_deep_is_refused_over_a_socket_and_the_connection_goes_on() -> anyhow::Result<()> {
    let base = base().await?;
    let user = User::register(&base, "deep").await?;
    let mut socket = Socket::hello(&base, &user, new_id(), json!({})).await?;
    let deep = format!("{}{}", "[".repeat(15_000), "]".repeat(15_000));
    for frame in [
        deep.clone(),
        format!(r#"{{"t":"cmd","id":7,"key":"{}","op":"message.post","body":{deep}}}"#, new_id()),
        format!(r#"{{"t":"cmd","id":7,"key":"{}","op":"message.post","body":{{"thread":{deep}}}}}"#, new_id()),
        format!(r#"{{"t":"watch","users":{deep}}}"#),
    ] {
        socket.send_text(frame).await?;
        let answered = next(&mut socket, "err").await?;
        ensure!(answered["code"] == "validation", "{answered}");
    }
    socket.send(&json!({ "t": "ping", "n": 1 })).await?;
    next(&mut socket, "pong").await?;
    Ok(())
}

/// The next frame of this kind.
async fn next(socket: &mut Socket, kind: &str) -> anyhow::Result<Value> {
    crate::frames::next(socket, kind).await
}
