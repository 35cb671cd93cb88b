//! A login that is ended: its sockets are closed within five seconds, and nothing of it is taken any more.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use posthaste_tests::actor::{Incoming, Login, Socket, User, new_id};
use posthaste_tests::{NodeSettings, Profile, Stage};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::liveness::{TELLING, is_let_go};
use crate::wire::{Friends, PATIENCE, Wire, check_end, until_the_end};

/// How long a socket of a login that was ended may stay open.
const SOON: Duration = Duration::from_secs(5);

pub(crate) async fn connect(base: &str, login: &Login, more: Value) -> anyhow::Result<Wire> {
    let mut hello = json!({ "t": "hello", "token": login.token, "device": new_id() });
    hello.as_object_mut().into_iter().for_each(|hello| hello.extend(more.as_object().cloned().unwrap_or_default()));
    let mut socket = Socket::open(base).await?;
    socket.send(&hello).await?;
    Wire::welcomed(socket).await
}

/// Ends a login of a user by another one of theirs, and gives the position.
pub(crate) async fn end(base: &str, user: &User, login: &Login) -> anyhow::Result<u64> {
    let ended = user.call(base, Method::DELETE, &format!("/v1/sessions/{}", login.session), None).await?;
    ensure!(ended["id"] == json!(login.session), "{ended}");
    ended["position"].as_u64().context("a position")
}

/// The socket ends, with one reason and nothing after it, and without anything from `position` on.
pub(crate) async fn is_closed(wire: &mut Wire, position: u64, since: Instant) -> anyhow::Result<()> {
    let (mut last, mut pushed) = (Value::Null, 0);
    // Heartbeats must not keep this waiting.
    let deadline = since + PATIENCE;
    let ended = loop {
        match timeout_at(deadline, wire.raw()).await.context("the socket stays open")?? {
            Incoming::Frame(frame) => {
                ensure!(last["t"] != "err", "after {last} there came {frame}");
                if frame["t"] == "ev" {
                    pushed = frame["position"].as_u64().context("a position")?;
                }
                last = frame;
            }
            ended @ (Incoming::Closed(..) | Incoming::Cut) => break ended,
        }
    };
    let took = since.elapsed();
    check_end(&[last["code"].as_str().unwrap_or_default().to_owned()], &ended, 4202, "session_revoked")?;
    ensure!(last["retry"] == "never", "{last}");
    ensure!(pushed < position, "the login was ended at {position}, and the socket was told of {pushed}");
    ensure!(took < SOON, "it took {took:?}");
    Ok(())
}

pub(crate) async fn every_socket_of_a_login_that_is_ended_is_closed_and_no_other(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let alice = &friends.alice;
    let (lost, kept) = tokio::try_join!(alice.another_login(base), alice.another_login(base))?;
    alice.take_up(&kept);
    let mut bob = Wire::fresh(base, &friends.bob).await?;
    let full = json!({ "window": 1 });
    let (mut live, mut stuck, mut other) =
        tokio::try_join!(connect(base, &lost, json!({})), connect(base, &lost, full), connect(base, &kept, json!({})))?;
    live.expect("live").await?;
    stuck.events(1).await?;
    other.expect("live").await?;

    // Somebody talks to her all the while.
    let mut said = Vec::new();
    let mut ended = None;
    for number in 0..30 {
        let text = number.to_string();
        bob.post(new_id(), friends.thread, &text).await?;
        said.push(text);
        if number == 10 {
            let since = Instant::now();
            ended = Some((end(base, alice, &lost).await?, since));
        }
    }
    let (position, since) = ended.context("it was ended")?;
    tokio::try_join!(is_closed(&mut live, position, since), is_closed(&mut stuck, position, since))?;
    // Her other login goes on, and is told.
    while other.texts().len() < said.len() {
        other.events(other.events.len() + 1).await?;
    }
    ensure!(other.texts() == said, "{:?}", other.texts());
    let told = other.events.iter().find(|event| event["position"] == position).context("it was told")?;
    ensure!(told["type"] == "user.session_revoked" && told["body"]["session"] == json!(lost.session), "{told}");
    other.works(&friends, "still here").await?;
    // Ending it again changes nothing.
    ensure!(end(base, alice, &lost).await? == position, "it was ended twice");
    Ok(())
}

/// On a node that lets nobody go for taking nothing before the test is over.
pub(crate) async fn a_socket_that_takes_nothing_is_closed_with_its_login_all_the_same(profile: Profile) -> anyhow::Result<()> {
    let patient = |settings: NodeSettings| settings.with("GATEWAY__WRITE_TIMEOUT_S", "600").with(TELLING.0, TELLING.1);
    let stage = Stage::start(profile, patient).await?;
    let base = &stage.base();
    let user = User::register(base, "alice").await?;
    let lost = user.another_login(base).await?;
    let mut deaf = connect(base, &lost, json!({})).await?;
    deaf.expect("live").await?;
    deaf.stall().await;
    end(base, &user, &lost).await?;
    is_let_go(&stage, &deaf, "session_revoked", SOON).await
}

pub(crate) async fn nothing_of_a_login_that_was_ended_is_taken(base: &str) -> anyhow::Result<()> {
    let user = User::register(base, "alice").await?;
    let (lost, kept) = tokio::try_join!(user.another_login(base), user.another_login(base))?;
    user.take_up(&lost);
    let ticket = user.ticket(base).await?;
    let mut open = connect(base, &kept, json!({})).await?;
    // By itself: it is logged out.
    let out = user.call(base, Method::DELETE, "/v1/sessions/current", None).await?;
    ensure!(out["id"] == json!(lost.session), "{out}");
    for (method, path) in [(Method::GET, "/v1/me"), (Method::POST, "/v1/ws/tickets"), (Method::DELETE, "/v1/sessions/current")] {
        let (status, problem) = user.answer(base, method.clone(), path, None).await?;
        ensure!(
            status == 401 && problem["code"] == "session_revoked" && problem["retry"] == "reauth",
            "{method} {path}: {status} {problem}"
        );
    }
    let device = new_id();
    let mut old = Socket::open(base).await?;
    old.send(&json!({ "t": "hello", "token": kept.token, "device": device })).await?;
    let mut old = Wire::welcomed(old).await?;
    for pass in [json!({ "token": lost.token }), json!({ "ticket": ticket })] {
        let mut hello = json!({ "t": "hello", "device": device });
        hello.as_object_mut().into_iter().for_each(|hello| hello.extend(pass.as_object().cloned().unwrap_or_default()));
        let mut socket = Socket::open(base).await?;
        socket.send(&hello).await?;
        let (errs, ended) = until_the_end(&mut socket).await?;
        check_end(&errs, &ended, 4202, "session_revoked")?;
    }
    // Nor does it put anything in the place of what is there.
    old.ping().await?;
    // An open socket that is given it ends with it.
    open.ping().await?;
    open.send(&json!({ "t": "auth", "token": lost.token })).await?;
    let errs = open.closed(4202, "session_revoked").await?;
    ensure!(errs == ["session_revoked"], "{errs:?}");
    Ok(())
}

pub(crate) async fn a_socket_ends_with_the_login_it_was_given_last(base: &str) -> anyhow::Result<()> {
    let friends = Friends::meet(base).await?;
    let alice = &friends.alice;
    let (first, second, third) = tokio::try_join!(alice.another_login(base), alice.another_login(base), alice.another_login(base))?;
    alice.take_up(&third);
    let mut socket = connect(base, &first, json!({})).await?;
    socket.expect("live").await?;
    socket.send(&json!({ "t": "auth", "token": second.token })).await?;
    socket.expect("ok").await?;
    let position = end(base, alice, &first).await?;
    socket.events_upto(position).await?;
    socket.works(&friends, "it is of the second now").await?;
    let since = Instant::now();
    let position = end(base, alice, &second).await?;
    is_closed(&mut socket, position, since).await
}

pub(crate) async fn a_socket_that_ends_its_own_login_is_closed(base: &str) -> anyhow::Result<()> {
    let user = User::register(base, "alice").await?;
    let login = user.another_login(base).await?;
    let mut socket = connect(base, &login, json!({})).await?;
    socket.expect("live").await?;
    let since = Instant::now();
    socket.send_cmd(new_id(), "user.revoke_session", json!({ "session": login.session })).await?;
    is_closed(&mut socket, u64::MAX, since).await?;
    user.take_up(&login);
    // Over a socket nothing but the event is written, and that is enough.
    let refresh = json!({ "refresh_token": login.refresh });
    for (method, path, body) in [(Method::GET, "/v1/me", None), (Method::POST, "/v1/sessions/refresh", Some(refresh))] {
        let (status, problem) = user.answer(base, method, path, body).await?;
        ensure!(status == 401 && problem["code"] == "session_revoked", "{path}: {status} {problem}");
    }
    Ok(())
}
