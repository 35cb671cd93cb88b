//! Sockets that are let go, and those that only look as if they should be. All on a node with short times: see `IMPATIENT`.

use anyhow::{Context as _, ensure};
use posthaste_tests::actor::{Incoming, Socket, User, new_id};
use posthaste_tests::proxy::{Proxy, Way};
use posthaste_tests::{NodeSettings, Profile, Stage};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::{Duration, Instant, sleep};

use crate::wire::{Friends, PATIENCE, Wire, check_end, until_the_end};

/// What is closed, and why, is in the log of the node.
pub(crate) const TELLING: (&str, &str) = ("LOG", "info,lapin=error,posthaste_infrastructure::ws=debug");

/// A heartbeat each second, and three for an ack.
const IMPATIENT: &[(&str, &str)] = &[
    ("GATEWAY__HEARTBEAT_S", "1"),
    ("GATEWAY__HELLO_TIMEOUT_S", "1"),
    ("GATEWAY__ACK_TIMEOUT_S", "3"),
    ("GATEWAY__WRITE_TIMEOUT_S", "2"),
    ("GATEWAY__SOCKETS_PER_USER", "3"),
    TELLING,
];

/// The node with these settings that all cases share.
pub(crate) async fn stage(profile: Profile) -> anyhow::Result<&'static Stage> {
    static EMBEDDED: OnceCell<Stage> = OnceCell::const_new();
    static DISTRIBUTED: OnceCell<Stage> = OnceCell::const_new();
    let stage = match profile {
        Profile::Embedded => &EMBEDDED,
        Profile::Distributed => &DISTRIBUTED,
    };
    let impatient = |settings: NodeSettings| IMPATIENT.iter().fold(settings, |settings, (key, value)| settings.with(key, *value));
    stage.get_or_try_init(|| Stage::start(profile, impatient)).await
}

/// Waits until the node has let go of a connection for this reason, and says so in its log: a socket that takes nothing takes no reason either.
pub(crate) async fn is_let_go(stage: &Stage, connection: &Wire, reason: &str, within: Duration) -> anyhow::Result<()> {
    let this = format!("\"connection\":\"{}\"", connection.welcome["session"].as_str().context("a session")?);
    let deadline = Instant::now() + within;
    while !stage.node().logs().lines().any(|line| line.contains(&this) && line.contains(reason)) {
        ensure!(Instant::now() < deadline, "after {within:?} the socket is still open, or was closed for something else than {reason}");
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

pub(crate) async fn a_client_that_says_nothing_is_let_go(stage: &Stage) -> anyhow::Result<()> {
    let mut socket = Socket::open(&stage.base()).await?;
    let (errs, ended) = until_the_end(&mut socket).await?;
    check_end(&errs, &ended, 4102, "hello_timeout")
}

pub(crate) async fn a_client_that_is_not_heard_for_two_heartbeats_is_let_go_and_a_quiet_one_is_kept(stage: &Stage) -> anyhow::Result<()> {
    let base = &stage.base();
    let friends = Friends::meet(base).await?;
    // It says nothing but what WebSocket says by itself.
    let mut quiet = Wire::fresh(base, &friends.alice).await?;
    let proxy = Proxy::before(base).await?;
    let mut cut_off = Wire::fresh(proxy.url(), &friends.bob).await?;
    cut_off.expect("live").await?;
    proxy.stall_only(Way::ToServer);
    let let_go = async {
        // It hears the server all the while.
        cut_off.expect("hb").await?;
        let (errs, ended) = cut_off.end().await?;
        check_end(&errs, &ended, 4001, "heartbeat_timeout")
    };
    let kept = async {
        for _ in 0..5 {
            quiet.expect("hb").await?;
        }
        quiet.works(&friends, "still here").await
    };
    tokio::try_join!(let_go, kept)?;
    Ok(())
}

pub(crate) async fn a_full_window_without_an_ack_ends_the_connection_and_one_ack_in_time_keeps_it(stage: &Stage) -> anyhow::Result<()> {
    let base = &stage.base();
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    let mut live = Wire::fresh(base, &friends.bob).await?;
    live.expect("live").await?;
    let from_here = |window: usize| json!({ "cursor": live.prev, "window": window });
    let mut stuck = Wire::connect(base, &friends.bob, new_id(), from_here(3)).await?;
    let mut slow = Wire::connect(base, &friends.bob, new_id(), from_here(3)).await?;
    let before = slow.prev;
    for number in 0..20 {
        alice.works(&friends, &number.to_string()).await?;
    }
    // One ack for each heartbeat, and never more than one event at a time: the window is full all the while.
    let kept = async {
        slow.events(3).await?;
        for oldest in 0..6 {
            slow.expect("hb").await?;
            let position = slow.events[oldest]["position"].as_u64().context("a position")?;
            ensure!(position > before, "{position}");
            slow.ack(position).await?;
            slow.events(oldest + 4).await?;
        }
        slow.ping().await
    };
    let ended = async {
        stuck.events(3).await?;
        let errs = stuck.closed(4002, "ack_stalled").await?;
        ensure!(errs == ["ack_stalled"], "{errs:?}");
        Ok(())
    };
    tokio::try_join!(kept, ended)?;
    // It resumes where it stood, and gets the same again.
    let mut again = Wire::connect(base, &friends.bob, new_id(), json!({ "cursor": before, "window": 3 })).await?;
    again.events(3).await?;
    ensure!(again.events.iter().zip(&stuck.events).all(|(one, other)| one["position"] == other["position"]), "{:?}", again.events);
    Ok(())
}

pub(crate) async fn a_window_that_fills_after_a_long_silence_has_its_time_for_the_ack(stage: &Stage) -> anyhow::Result<()> {
    let base = &stage.base();
    let friends = Friends::meet(base).await?;
    let mut bob = Wire::fresh(base, &friends.bob).await?;
    bob.expect("live").await?;
    let mut bob = Wire::connect(base, &friends.bob, new_id(), json!({ "cursor": bob.prev, "window": 3 })).await?;
    // Longer than a full window may stay full.
    for _ in 0..5 {
        bob.expect("hb").await?;
    }
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    for number in 0..6 {
        alice.post(new_id(), friends.thread, &number.to_string()).await?;
    }
    bob.events(3).await?;
    // It was looked at since, with the window full.
    bob.expect("hb").await?;
    bob.ack(bob.prev).await?;
    bob.events(6).await?;
    bob.ping().await
}

pub(crate) async fn a_socket_that_takes_nothing_is_let_go_and_loses_nothing(stage: &Stage) -> anyhow::Result<()> {
    let base = &stage.base();
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    alice.works(&friends, "before").await?;
    let device = new_id();
    let mut deaf = Wire::connect(base, &friends.bob, device, json!({})).await?;
    deaf.expect("live").await?;
    deaf.stall().await;
    is_let_go(stage, &deaf, "write_timeout", PATIENCE).await?;
    // What the device is owed waits for it.
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    alice.works(&friends, "meanwhile").await?;
    let mut again = Wire::connect(base, &friends.bob, device, json!({})).await?;
    again.expect("live").await?;
    ensure!(again.texts() == ["before", "meanwhile"], "{:?}", again.texts());
    Ok(())
}

pub(crate) async fn of_many_devices_at_once_as_many_are_let_in_as_there_may_be(stage: &Stage) -> anyhow::Result<()> {
    let base = &stage.base();
    let user = User::register(base, "alice").await?;
    let sockets = futures::future::try_join_all((0..8).map(|_| Socket::open(base))).await?;
    let hellos = sockets.into_iter().map(|mut socket| {
        let hello = json!({ "t": "hello", "token": user.token(), "device": new_id() });
        async move {
            socket.send(&hello).await?;
            let first = socket.next().await?;
            anyhow::Ok((socket, first))
        }
    });
    let answered = futures::future::try_join_all(hellos).await?;
    let (welcomed, refused): (Vec<_>, Vec<_>) =
        answered.into_iter().partition(|(_, first)| matches!(first, Incoming::Frame(frame) if frame["t"] == "welcome"));
    ensure!(welcomed.len() == 3, "{} were welcomed, and there may be 3", welcomed.len());
    for (mut socket, first) in refused {
        ensure!(matches!(&first, Incoming::Frame(frame) if frame["code"] == "too_many_connections"), "{first:?}");
        let (_, ended) = until_the_end(&mut socket).await?;
        ensure!(ended == Incoming::Closed(4205, "too_many_connections".to_owned()), "{ended:?}");
    }
    // Whoever leaves makes room.
    let (socket, _) = welcomed.into_iter().next().context("three are there")?;
    socket.cut();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut socket = Socket::hello(base, &user, new_id(), json!({})).await?;
        match socket.next().await? {
            Incoming::Frame(frame) if frame["t"] == "welcome" => return Ok(()),
            other @ (Incoming::Frame(_) | Incoming::Closed(..) | Incoming::Cut) => {
                ensure!(Instant::now() < deadline, "there is room, and still {other:?}");
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// With a window of 20,000 bytes.
pub(crate) async fn a_window_is_full_of_bytes_as_well(base: &str) -> anyhow::Result<()> {
    const BYTES: usize = 20_000;
    let friends = Friends::meet(base).await?;
    let mut alice = Wire::fresh(base, &friends.alice).await?;
    let mut slow = Wire::fresh(base, &friends.bob).await?;
    slow.expect("live").await?;
    let mut bob = Wire::connect(base, &friends.bob, new_id(), json!({ "cursor": slow.prev })).await?;
    let text = "long ".repeat(800);
    let long = text.trim();
    for _ in 0..20 {
        alice.post(new_id(), friends.thread, long).await?;
    }
    let size = |event: &Value| event.to_string().len();
    let mut acked = 0;
    while bob.events.len() < 20 {
        // The window is filled to the brim: with the next one it would have been beyond it before the last.
        loop {
            let unacked: usize = bob.events[acked..].iter().map(size).sum();
            if unacked >= BYTES || bob.events.len() == 20 {
                break;
            }
            bob.events(bob.events.len() + 1).await.with_context(|| format!("{unacked} bytes are un-acked"))?;
        }
        bob.ping().await?;
        let unacked: Vec<_> = bob.events[acked..].iter().map(size).collect();
        let (total, last) = (unacked.iter().sum::<usize>(), unacked.last().copied().unwrap_or_default());
        ensure!(total - last < BYTES, "{unacked:?} is more than {BYTES} bytes");
        acked = bob.events.len();
        bob.ack(bob.prev).await?;
    }
    ensure!(bob.texts().len() == 20 && bob.texts().iter().all(|text| *text == long), "{}", bob.events.len());
    Ok(())
}
