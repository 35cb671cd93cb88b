//! What depends on time or on limits that the other cases must not meet.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use posthaste_tests::actor::{Refused, Socket, User, new_id};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::wire::{Friends, PATIENCE, Wire, check_end, until_the_end};

pub(crate) async fn an_expired_token_is_refused(base: &str) -> anyhow::Result<()> {
    let user = User::register(base, "alice").await?;
    let ticket = user.ticket(base).await?;
    let deadline = Instant::now() + PATIENCE;
    let Refused { status, problem } = loop {
        match user.call(base, Method::GET, "/v1/me", None).await {
            Ok(_) => ensure!(Instant::now() < deadline, "the token does not expire"),
            Err(error) => break error.downcast::<Refused>()?,
        }
    };
    ensure!((status, &problem["code"]) == (401, &json!("token_expired")), "{status}: {problem}");
    // Neither the token lets anybody in, nor a ticket that was bought with it.
    for pass in [json!({ "token": user.token() }), json!({ "ticket": ticket })] {
        let mut hello = json!({ "t": "hello", "device": new_id() });
        hello.as_object_mut().unwrap().extend(pass.as_object().unwrap().clone());
        let mut socket = Socket::open(base).await?;
        socket.send(&hello).await?;
        let (errs, ended) = until_the_end(&mut socket).await?;
        check_end(&errs, &ended, 4100, "token_expired")?;
    }
    // A new one does.
    user.log_in(base).await?;
    Wire::fresh(base, &user).await?.ping().await
}

pub(crate) async fn a_connection_ends_with_its_token_unless_the_token_is_renewed(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let user = &friends.alice;
    user.log_in(base).await?;
    let old = user.token();
    let (mut kept, mut forgotten) = tokio::try_join!(connect(base, &old), connect(base, &old))?;
    // Nobody else's token is taken, and the connection goes on.
    kept.send(&json!({ "t": "auth", "token": friends.bob.token() })).await?;
    kept.refused("forbidden").await?;
    kept.send(&json!({ "t": "auth", "token": "nonsense" })).await?;
    kept.refused("unauthorized").await?;

    let over = Cell::new(false);
    let ended = async {
        let errs = forgotten.closed(4100, "token_expired").await?;
        over.set(true);
        anyhow::Ok(errs)
    };
    let renewed = async {
        let deadline = Instant::now() + PATIENCE * 2;
        // A heartbeat after that shows that the connection was looked at, and left open.
        let mut heartbeats = None;
        while heartbeats.is_none_or(|before| kept.count("hb") <= before) {
            user.log_in(base).await?;
            kept.send(&json!({ "t": "auth", "token": user.token() })).await?;
            let ok = kept.expect("ok").await?;
            ensure!(ok["dup"] == false && ok["result"] == Value::Null, "{ok}");
            if over.get() && heartbeats.is_none() {
                heartbeats = Some(kept.count("hb"));
            }
            ensure!(Instant::now() < deadline, "the other has ended: {}; no heartbeat comes", over.get());
            sleep(Duration::from_millis(100)).await;
        }
        kept.works(&friends, "still here").await
    };
    let (errs, _) = tokio::try_join!(ended, renewed)?;
    ensure!(errs == ["token_expired"], "{errs:?}");
    Ok(())
}

async fn connect(base: &str, token: &str) -> anyhow::Result<Wire> {
    let mut socket = Socket::open(base).await?;
    socket.send(&json!({ "t": "hello", "token": token, "device": new_id() })).await?;
    Wire::welcomed(socket).await
}

pub(crate) async fn a_heartbeat_carries_the_head_of_the_log(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let mut idle = Wire::fresh(base, &User::register(base, "carol").await?).await?;
    ensure!(idle.welcome["heartbeat_ms"] == 1_000, "{}", idle.welcome);
    idle.expect("live").await?;
    let first = idle.expect("hb").await?;
    let position = Wire::fresh(base, &friends.alice).await?.works(&friends, "not for carol").await?;
    // She is owed nothing of it, and still hears how far the log is.
    let deadline = Instant::now() + PATIENCE;
    let mut before = first;
    loop {
        let hb = idle.expect("hb").await?;
        ensure!(hb["n"].as_u64() == before["n"].as_u64().map(|n| n + 1), "{before} and then {hb}");
        if hb["head"].as_u64().context("a heartbeat has the head")? >= position {
            break;
        }
        ensure!(Instant::now() < deadline, "position {position} was committed, and the last heartbeat is {hb}");
        before = hb;
    }
    ensure!(idle.texts().is_empty(), "{:?}", idle.texts());
    Ok(())
}

pub(crate) async fn one_device_too_many_is_refused(base: &str) -> anyhow::Result<()> {
    let user = User::register(base, "alice").await?;
    let device = new_id();
    let mut one = Wire::connect(base, &user, device, json!({})).await?;
    let mut two = Wire::fresh(base, &user).await?;
    let mut three = Socket::hello(base, &user, new_id(), json!({})).await?;
    let (errs, ended) = until_the_end(&mut three).await?;
    check_end(&errs, &ended, 4205, "too_many_connections")?;
    two.ping().await?;
    // A device that comes back takes its own place.
    let mut again = Wire::connect(base, &user, device, json!({})).await?;
    one.closed(4204, "replaced_by_same_device").await?;
    again.ping().await
}
