//! Bad input on an open connection: a stable code, and everything else goes on.

use anyhow::{Context as _, ensure};
use posthaste_domain::ThreadId;
use posthaste_tests::actor::{Refused, User, new_id};
use serde_json::{Value, json};

use crate::wire::{Friends, Wire, nothing_lost};

/// What of a text is refused with `code` while the connection goes on before and after.
async fn refused_in_passing(base: &str, bad: &[&str], code: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    alice.works(&friends, "before").await?;
    for bad in bad {
        alice.send_text(*bad).await?;
        let shown: String = bad.chars().take(80).collect();
        alice.refused(code).await.with_context(|| shown)?;
    }
    alice.works(&friends, "after").await?;
    nothing_lost(base, &friends, &["before", "after"]).await
}

pub(crate) async fn a_frame_that_is_too_large_is_refused_and_the_connection_goes_on(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    let padded = |bytes: usize| {
        let frame = json!({ "t": "ping", "n": 7, "pad": "" }).to_string();
        frame.replace("\"\"", &format!("\"{}\"", "x".repeat(bytes - frame.len())))
    };
    // To the byte.
    alice.send_text(padded(65_536)).await?;
    alice.expect("pong").await?;
    alice.send_text(padded(65_537)).await?;
    alice.refused("too_large").await?;
    // A command is told which one it was.
    let id = alice.send_post(new_id(), friends.thread, &"x".repeat(100_000)).await?;
    let err = alice.refused("too_large").await?;
    ensure!(err["re"] == id, "which one? {err}");
    alice.works(&friends, "after").await?;
    nothing_lost(base, &friends, &["after"]).await
}

pub(crate) async fn a_frame_that_is_far_too_large_ends_the_connection_and_loses_nothing(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    alice.works(&friends, "before").await?;
    let mut other = Wire::fresh(base, &friends.alice).await?;
    // The server may hang up while it is still being sent.
    let _ = alice.send_text("x".repeat(8 * 1024 * 1024)).await;
    let ended = alice.expect("nothing").await.unwrap_err().to_string();
    ensure!(ended.contains("the connection ended"), "{ended}");
    other.works(&friends, "after").await?;
    nothing_lost(base, &friends, &["before", "after"]).await
}

pub(crate) async fn malformed_json_is_refused_and_the_connection_goes_on(base: &str) -> anyhow::Result<()> {
    let nested = "[".repeat(10_000);
    let bad = [
        "",
        "{",
        "nonsense",
        "[]",
        "null",
        "{\"n\":1}",
        "{\"t\":1}",
        "{\"t\":\"ping\"}",
        "{\"t\":\"ping\",\"n\":-1}",
        "{\"t\":\"ack\",\"position\":\"1\"}",
        "{\"t\":\"cmd\",\"id\":1}",
        &nested,
    ];
    refused_in_passing(base, &bad, "validation").await
}

pub(crate) async fn an_unknown_frame_is_refused_and_the_connection_goes_on(base: &str) -> anyhow::Result<()> {
    refused_in_passing(base, &["{\"t\":\"dance\"}", "{\"t\":\"welcome\"}", "{\"t\":\"\"}"], "unsupported_op").await
}

pub(crate) async fn an_unknown_operation_is_refused_and_the_connection_goes_on(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    for op in ["message.explode", "", "user.registered", "user.register", "subscription.read", "PostMessage"] {
        let id = alice.send_bad_cmd(new_id(), op, json!({})).await?;
        let err = alice.refused("unsupported_op").await?;
        ensure!(err["re"] == id, "which one? {err}");
    }
    alice.works(&friends, "after").await?;
    nothing_lost(base, &friends, &["after"]).await
}

pub(crate) async fn bytes_are_refused_and_the_connection_goes_on(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    alice.send_bytes(b"{\"t\":\"ping\",\"n\":1}".to_vec()).await?;
    alice.refused("validation").await?;
    alice.works(&friends, "after").await.map(drop)
}

pub(crate) async fn a_second_hello_is_refused_and_the_connection_goes_on(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    alice.send(&json!({ "t": "hello", "token": friends.bob.token(), "device": new_id() })).await?;
    alice.refused("validation").await?;
    alice.works(&friends, "still alice").await?;
    ensure!(alice.events.last().is_some_and(|event| event["actor"] == json!(friends.alice.id())), "{:?}", alice.events.last());
    Ok(())
}

pub(crate) async fn a_message_to_a_thread_one_is_not_in_is_refused(base: &str) -> anyhow::Result<()> {
    let (friends, others) = tokio::try_join!(Friends::meet(base), Friends::meet(base))?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    // An outsider cannot tell a thread from none.
    for thread in [others.thread, ThreadId::new(new_id())] {
        let id = alice.send_post(new_id(), thread, "let me in").await?;
        let err = alice.refused("not_found").await?;
        ensure!(err["re"] == id && err["retry"] == "never", "{err}");
    }
    alice.works(&friends, "after").await?;
    nothing_lost(base, &others, &[]).await?;
    nothing_lost(base, &friends, &["after"]).await
}

pub(crate) async fn a_direct_thread_with_somebody_who_is_no_friend_is_refused(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let stranger = User::register(base, "mallory").await?;
    let refused = |opened: anyhow::Result<ThreadId>| {
        let error = opened.err().context("the thread was opened")?;
        let Refused { status, problem } = error.downcast::<Refused>()?;
        ensure!((status, &problem["code"]) == (403, &json!("not_friends")), "{status}: {problem}");
        anyhow::Ok(())
    };
    refused(stranger.open_direct(base, &friends.alice).await)?;
    // A request that nobody has accepted is no friendship.
    stranger.call(base, reqwest::Method::POST, "/v1/friend-requests", Some(json!({ "user": friends.alice.id() }))).await?;
    refused(stranger.open_direct(base, &friends.alice).await)?;
    refused(friends.alice.open_direct(base, &stranger).await)?;
    nothing_lost(base, &friends, &[]).await
}

pub(crate) async fn an_empty_or_over_long_message_is_refused_and_the_longest_is_taken(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    for bad in [String::new(), " \n\t ".to_owned(), "é".repeat(8_001), "a\0b".to_owned()] {
        let key = new_id();
        let id = alice.send_post(key, friends.thread, &bad).await?;
        let err = alice.refused("validation").await?;
        ensure!(err["re"] == id && err["retry"] == "never", "{err}");
        // A refused id was not used up.
        alice.post(key, friends.thread, "in its place").await?;
    }
    let longest = "é".repeat(8_000);
    alice.works(&friends, &longest).await?;
    let four = ["in its place"; 4];
    nothing_lost(base, &friends, &[&four[..], &[longest.as_str()]].concat()).await
}

pub(crate) async fn unknown_fields_of_a_command_body_are_refused(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    let content = json!({ "kind": "text", "text": "hello" });
    let bodies: [Value; 5] = [
        json!({ "thread": friends.thread, "content": content, "silent": true }),
        json!({ "thread": friends.thread, "content": { "kind": "text", "text": "hello", "bold": true } }),
        json!({ "thread": friends.thread, "content": { "kind": "hologram" } }),
        json!({ "thread": "kitchen", "content": content }),
        json!(7),
    ];
    for body in bodies {
        let id = alice.send_bad_cmd(new_id(), "message.post", body.clone()).await?;
        let err = alice.refused("validation").await.with_context(|| body.to_string())?;
        ensure!(err["re"] == id, "{err}");
    }
    alice.works(&friends, "after").await?;
    nothing_lost(base, &friends, &["after"]).await
}

pub(crate) async fn an_ack_beyond_what_was_pushed_is_refused_and_moves_nothing(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let device = new_id();
    let mut bob = Wire::connect(base, &friends.bob, device, json!({ "window": 2 })).await?;
    bob.events(2).await?;
    let second = bob.prev;
    // The third event exists, but is not his to ack.
    bob.ack(second + 1_000_000).await?;
    bob.refused("ack_ahead").await?;
    bob.ack(second + 1).await?;
    bob.refused("ack_ahead").await?;
    // A refused ack opens no window.
    bob.ping().await?;
    ensure!(bob.events.len() == 2, "{:?}", bob.events);
    bob.ack(second).await?;
    bob.events(4).await?;
    bob.cut();
    let mut again = Wire::connect(base, &friends.bob, device, json!({})).await?;
    ensure!(again.welcome["cursor"].as_u64() <= Some(second), "{} and {second} was the last ack", again.welcome);
    again.works(&friends, "after").await.map(drop)
}

pub(crate) async fn twenty_bad_frames_end_the_connection(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    for number in 1..20 {
        alice.send_text("nonsense").await?;
        alice.refused("validation").await.with_context(|| format!("bad frame {number}"))?;
    }
    // Nineteen are too few.
    alice.works(&friends, "before").await?;
    // A refused command is no bad frame.
    alice.send_post(new_id(), ThreadId::new(new_id()), "nowhere").await?;
    alice.refused("not_found").await?;
    alice.send_text("nonsense").await?;
    let errs = alice.closed(4201, "protocol_violation").await?;
    ensure!(errs == ["validation", "protocol_violation"], "{errs:?}");
    nothing_lost(base, &friends, &["before"]).await
}
