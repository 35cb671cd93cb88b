//! What somebody may send over a socket.

use anyhow::{bail, ensure};
use posthaste_tests::actor::{Incoming, Socket, User, new_id};
use posthaste_tests::{Profile, Stage};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::raw::PATIENCE;

/// The next frame of this kind.
pub(crate) async fn next(socket: &mut Socket, kind: &str) -> anyhow::Result<Value> {
    loop {
        match timeout(PATIENCE, socket.next()).await?? {
            Incoming::Frame(frame) if frame["t"] == kind => return Ok(frame),
            Incoming::Frame(_) => {}
            ended @ (Incoming::Closed(..) | Incoming::Cut) => bail!("{ended:?} while waiting for {kind}"),
        }
    }
}

fn nonsense(id: u64) -> Value {
    json!({ "t": "cmd", "id": id, "key": new_id(), "op": "no_such_thing", "body": {} })
}

/// How the first so many commands were answered: how many were let through, and what the others were told.
async fn commands(socket: &mut Socket, from: u64, count: u64) -> anyhow::Result<(usize, Vec<Value>)> {
    for id in from..from + count {
        socket.send_text(nonsense(id).to_string()).await?;
    }
    let (mut through, mut refused) = (0, Vec::new());
    for _ in 0..count {
        let answer = loop {
            match timeout(PATIENCE, socket.next()).await?? {
                Incoming::Frame(frame) if !frame["re"].is_null() => break frame,
                Incoming::Frame(_) => {}
                ended @ (Incoming::Closed(..) | Incoming::Cut) => bail!("{ended:?} after {through} and {refused:?}"),
            }
        };
        if answer["code"] == "rate_limited" { refused.push(answer) } else { through += 1 }
    }
    Ok((through, refused))
}

#[tokio::test]
async fn commands_beyond_the_limit_are_refused_for_all_sockets_of_a_user_and_for_nobody_else() -> anyhow::Result<()> {
    let slow = |settings: posthaste_tests::NodeSettings| {
        // Scaled like everything else, to one command in two hours.
        settings.with("LIMITS__SCALE", "1").with("LIMITS__FRAMES__CMD__BURST", "5").with("LIMITS__FRAMES__CMD__PER_MINUTE", "1")
    };
    let stage = Stage::start(Profile::Embedded, slow).await?;
    let base = stage.base();
    let (alice, bob) = (User::register(&base, "alice").await?, User::register(&base, "bob").await?);
    let mut phone = Socket::hello(&base, &alice, new_id(), json!({})).await?;
    let (through, refused) = commands(&mut phone, 1, 8).await?;
    ensure!(through == 5 && refused.len() == 3, "{through}, {refused:?}");
    for answer in &refused {
        ensure!((1..=60_000).contains(&answer["retry_after_ms"].as_u64().unwrap_or_default()) && answer["retry"] == "after", "{answer}");
    }
    // Other kinds have budgets of their own.
    phone.send(&json!({ "t": "ping", "n": 1 })).await?;
    next(&mut phone, "pong").await?;
    // Neither another device nor another connection makes anything new.
    for device in [new_id(), new_id()] {
        let mut again = Socket::hello(&base, &alice, device, json!({})).await?;
        ensure!(commands(&mut again, 1, 3).await?.0 == 0);
    }
    let mut other = Socket::hello(&base, &bob, new_id(), json!({})).await?;
    ensure!(commands(&mut other, 1, 3).await?.0 == 3);
    Ok(())
}

#[tokio::test]
async fn whoever_does_not_listen_is_closed_and_told_when_to_come_again() -> anyhow::Result<()> {
    let deaf = |settings: posthaste_tests::NodeSettings| {
        let settings =
            settings.with("LIMITS__SCALE", "1").with("LIMITS__FRAMES__OTHER__BURST", "2").with("LIMITS__FRAMES__OTHER__PER_MINUTE", "1");
        settings.with("LIMITS__FRAMES__REFUSED__BURST", "10").with("LIMITS__FRAMES__REFUSED__PER_MINUTE", "1")
    };
    let stage = Stage::start(Profile::Embedded, deaf).await?;
    let base = stage.base();
    let alice = User::register(&base, "alice").await?;
    let mut socket = Socket::hello(&base, &alice, new_id(), json!({})).await?;
    for n in 0..50 {
        if socket.send_text(json!({ "t": "ping", "n": n }).to_string()).await.is_err() {
            break;
        }
    }
    let (mut pongs, mut refused, mut last) = (0, 0, Value::Null);
    let until_closed = async {
        loop {
            match socket.next().await? {
                Incoming::Frame(frame) => {
                    pongs += usize::from(frame["t"] == "pong");
                    refused += usize::from(frame["code"] == "rate_limited");
                    last = frame;
                }
                Incoming::Closed(code, reason) => break Ok((code, reason)),
                Incoming::Cut => bail!("cut after {pongs} pongs and {refused} refusals"),
            }
        }
    };
    // Of the whole: heartbeats come to a socket that is never closed.
    let (code, reason) = timeout(PATIENCE, until_closed).await??;
    ensure!((pongs, code, reason.as_str()) == (2, 4004, "rate_limited"), "{pongs}, {code}, {reason}");
    // Ten that were only refused, the one that was too much, and why it was closed.
    ensure!(refused == 12 && last["retry_after_ms"].as_u64().is_some(), "{refused}, {last}");
    Ok(())
}
