//! How one gets in, and how not.

use anyhow::ensure;
use posthaste_tests::actor::{Socket, User, new_id};
use reqwest::Method;
use serde_json::{Value, json};

use crate::wire::{Friends, Wire, check_end, nothing_lost, until_the_end};

/// Opens a socket, says this, and gives the codes of the `err`s before it is closed like this.
async fn turned_away(base: &str, first: &str, code: u16, name: &str) -> anyhow::Result<Vec<String>> {
    let mut socket = Socket::open(base).await?;
    socket.send_text(first.to_owned()).await?;
    let (errs, ended) = until_the_end(&mut socket).await?;
    check_end(&errs, &ended, code, name)?;
    Ok(errs)
}

pub(crate) async fn a_welcome_comes_first_and_says_where_the_device_stands(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let me = friends.bob.call(base, Method::GET, "/v1/me", None).await?;
    let device = new_id();
    let cursor = me["head"].as_u64().unwrap();
    let wire = Wire::connect(base, &friends.bob, device, json!({ "cursor": cursor, "window": 7, "client": "test" })).await?;
    let welcome = &wire.welcome;
    assert_eq!((&welcome["device"], &welcome["cursor"], &welcome["window"]), (&json!(device), &json!(cursor), &json!(7)));
    assert!(welcome["head"].as_u64().is_some(), "{welcome}");
    assert_eq!(welcome["heartbeat_ms"], 25_000);
    assert_eq!(welcome["limits"], json!({ "frame_bytes": 65_536, "message_characters": 8_000 }));
    for text in ["session", "now", "expires_at"] {
        assert!(welcome[text].is_string(), "{welcome}");
    }
    // A window cannot be larger than the server's.
    let wire = Wire::connect(base, &friends.bob, new_id(), json!({ "window": 100_000 })).await?;
    assert_eq!(wire.welcome["window"], 256);
    Ok(())
}

pub(crate) async fn live_is_said_even_if_nothing_was_missed(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut wire = Wire::fresh(base, &friends.bob).await?;
    wire.expect("live").await?;
    ensure!(!wire.events.is_empty(), "registering, friendship and thread are events of his");
    let mut again = Wire::connect(base, &friends.bob, new_id(), json!({ "cursor": wire.prev })).await?;
    let live = again.expect("live").await?;
    ensure!(again.events.is_empty(), "nothing was missed, and there came {:?}", again.events);
    ensure!(live["position"].as_u64() >= Some(wire.prev), "{live}");
    // What comes from here on is live.
    again.works(&friends, "hello").await?;
    Ok(())
}

pub(crate) async fn a_wrong_token_is_refused(base: &str) -> anyhow::Result<()> {
    let user = User::register(base, "alice").await?;
    let token = user.token();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mirrored: String = signature.chars().rev().collect();
    for wrong in ["", "nonsense", "a.b.c", &format!("{signed}."), &format!("{signed}.{mirrored}")] {
        let hello = json!({ "t": "hello", "token": wrong, "device": new_id() }).to_string();
        let errs = turned_away(base, &hello, 4100, "unauthorized").await?;
        ensure!(errs.iter().all(|code| code == "unauthorized"), "{wrong:?}: {errs:?}");
    }
    // The right one is let in.
    let mut socket = Socket::open(base).await?;
    socket.send(&json!({ "t": "hello", "token": token, "device": new_id() })).await?;
    Wire::welcomed(socket).await?.ping().await
}

pub(crate) async fn the_document_is_served(base: &str) -> anyhow::Result<()> {
    let answer = posthaste_tests::http::get(format!("{base}/v1/asyncapi.json")).await?.error_for_status()?;
    ensure!(answer.headers()["content-type"] == "application/json", "{:?}", answer.headers());
    ensure!(answer.json::<Value>().await? == *posthaste_tests::contract::document(), "another document is served");
    Ok(())
}

pub(crate) async fn a_wrong_ticket_is_refused(base: &str) -> anyhow::Result<()> {
    let hello = json!({ "t": "hello", "ticket": "no such ticket", "device": new_id() }).to_string();
    turned_away(base, &hello, 4100, "unauthorized").await.map(drop)
}

pub(crate) async fn a_used_ticket_is_refused(base: &str) -> anyhow::Result<()> {
    let user = User::register(base, "alice").await?;
    let hello = json!({ "t": "hello", "ticket": user.ticket(base).await?, "device": new_id() });
    let mut socket = Socket::open(base).await?;
    socket.send(&hello).await?;
    let mut first = Wire::welcomed(socket).await?;
    turned_away(base, &hello.to_string(), 4100, "unauthorized").await?;
    first.ping().await
}

pub(crate) async fn a_ticket_of_another_device_is_refused_and_used_up(base: &str) -> anyhow::Result<()> {
    let user = User::register(base, "alice").await?;
    let device = new_id();
    let ticket = user.call(base, Method::POST, &format!("/v1/ws/tickets?device={device}"), None).await?["ticket"].clone();
    let hello = |device: uuid::Uuid| json!({ "t": "hello", "ticket": ticket, "device": device });
    turned_away(base, &hello(new_id()).to_string(), 4100, "unauthorized").await?;
    // Whoever was wrong once has no second guess, and its device gets another.
    turned_away(base, &hello(device).to_string(), 4100, "unauthorized").await?;
    let ticket = user.call(base, Method::POST, &format!("/v1/ws/tickets?device={device}"), None).await?["ticket"].clone();
    let mut socket = Socket::open(base).await?;
    socket.send(&json!({ "t": "hello", "ticket": ticket, "device": device })).await?;
    Wire::welcomed(socket).await?.ping().await
}

pub(crate) async fn a_hello_without_ticket_or_token_or_with_both_is_refused(base: &str) -> anyhow::Result<()> {
    let user = User::register(base, "alice").await?;
    let neither = json!({ "t": "hello", "device": new_id() });
    let both = json!({ "t": "hello", "ticket": user.ticket(base).await?, "token": user.token(), "device": new_id() });
    for hello in [neither, both] {
        let errs = turned_away(base, &hello.to_string(), 4201, "protocol_violation").await?;
        ensure!(errs[0] == "validation", "{errs:?}");
    }
    Ok(())
}

pub(crate) async fn a_first_frame_that_is_not_hello_is_refused(base: &str) -> anyhow::Result<()> {
    let user = User::register(base, "alice").await?;
    for first in [json!({ "t": "ping", "n": 1 }), json!({ "t": "ack", "position": 1 }), json!({ "t": "auth", "token": user.token() })] {
        let errs = turned_away(base, &first.to_string(), 4201, "protocol_violation").await?;
        ensure!(errs[0] == "validation", "{first}: {errs:?}");
    }
    Ok(())
}

pub(crate) async fn a_hello_that_cannot_be_read_or_is_too_large_is_refused(base: &str) -> anyhow::Result<()> {
    let user = User::register(base, "alice").await?;
    let mut large = json!({ "t": "hello", "ticket": user.ticket(base).await?, "device": new_id() });
    large["client"] = Value::String("x".repeat(4 * 1024));
    let no_device = json!({ "t": "hello", "ticket": "x", "device": "phone" }).to_string();
    for (first, code) in [("{", "validation"), (no_device.as_str(), "validation"), (&large.to_string(), "too_large")] {
        let errs = turned_away(base, first, 4201, "protocol_violation").await?;
        ensure!(errs[0] == code, "{first}: {errs:?}");
    }
    Ok(())
}

pub(crate) async fn a_client_that_says_nothing_is_let_go(base: &str) -> anyhow::Result<()> {
    let mut silent = Socket::open(base).await?;
    let (errs, ended) = until_the_end(&mut silent).await?;
    check_end(&errs, &ended, 4102, "hello_timeout")
}

pub(crate) async fn another_subprotocol_or_none_is_refused(base: &str) -> anyhow::Result<()> {
    for headers in [&[][..], &[("Sec-WebSocket-Protocol", "posthaste.v2")], &[("Sec-WebSocket-Protocol", "graphql-ws, chat")]] {
        let (mut socket, chosen) = Socket::open_with(base, headers).await?;
        ensure!(chosen.is_none(), "the server chose {chosen:?} of {headers:?}");
        let (errs, ended) = until_the_end(&mut socket).await?;
        check_end(&errs, &ended, 4200, "unsupported_version")?;
    }
    // Ours may be one of several.
    let user = User::register(base, "alice").await?;
    let (mut socket, chosen) = Socket::open_with(base, &[("Sec-WebSocket-Protocol", "posthaste.v2, posthaste.v1")]).await?;
    ensure!(chosen.as_deref() == Some("posthaste.v1"), "the server chose {chosen:?}");
    socket.send(&json!({ "t": "hello", "ticket": user.ticket(base).await?, "device": new_id() })).await?;
    Wire::welcomed(socket).await?.ping().await
}

pub(crate) async fn a_page_of_a_foreign_origin_is_refused_and_others_are_let_in(base: &str) -> anyhow::Result<()> {
    let user = User::register(base, "alice").await?;
    let protocol = ("Sec-WebSocket-Protocol", "posthaste.v1");
    for foreign in [
        "https://evil.example",
        "https://chat.example.evil.example",
        "http://chat.example",
        "null",
        &base.replace("127.0.0.1", "localhost"),
    ] {
        let (mut socket, _) = Socket::open_with(base, &[protocol, ("Origin", foreign)]).await?;
        let (errs, ended) = until_the_end(&mut socket).await?;
        check_end(&errs, &ended, 4206, "forbidden_origin")?;
    }
    for welcome in ["https://chat.example", base] {
        let (mut socket, _) = Socket::open_with(base, &[protocol, ("Origin", welcome)]).await?;
        socket.send(&json!({ "t": "hello", "ticket": user.ticket(base).await?, "device": new_id() })).await?;
        Wire::welcomed(socket).await?.ping().await?;
    }
    Ok(())
}

pub(crate) async fn a_cursor_beyond_the_head_is_refused(base: &str) -> anyhow::Result<()> {
    let user = User::register(base, "alice").await?;
    let device = new_id();
    let hello = json!({ "t": "hello", "ticket": user.ticket(base).await?, "device": device, "cursor": 1_000_000_000 });
    let errs = turned_away(base, &hello.to_string(), 4201, "protocol_violation").await?;
    ensure!(errs[0] == "ack_ahead", "{errs:?}");
    // And has moved nothing: the device still gets everything.
    let mut wire = Wire::connect(base, &user, device, json!({})).await?;
    wire.events(1).await
}

pub(crate) async fn the_same_device_again_replaces_its_older_connection(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let device = new_id();
    let mut old = Wire::connect(base, &friends.alice, device, json!({})).await?;
    old.works(&friends, "one").await?;
    let mut new = Wire::connect(base, &friends.alice, device, json!({ "cursor": old.prev })).await?;
    old.closed(4204, "replaced_by_same_device").await?;
    new.works(&friends, "two").await?;
    ensure!(new.texts() == ["two"], "{:?}", new.texts());
    // The same installation under another user is another device.
    let mut bob = Wire::connect(base, &friends.bob, device, json!({})).await?;
    bob.expect("live").await?;
    new.works(&friends, "three").await?;
    nothing_lost(base, &friends, &["one", "two", "three"]).await
}
