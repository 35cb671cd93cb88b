//! Admins and auditors, at the console and over REST, beside servers that run: what they do is done within seconds, on every node, and is in
//! the log with who did it.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use posthaste_tests::actor::{Incoming, Socket, User, new_id};
use posthaste_tests::node::{make_admin, migrate, posthaste_with, run_posthaste};
use posthaste_tests::services::Scratch;
use posthaste_tests::{Node, NodeSettings, Profile, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, timeout};

use super::{PATIENCE, until};

/// How long a socket of somebody who was suspended may stay open.
const SOON: Duration = Duration::from_secs(5);

/// A deployment: one server, or two over the same services.
pub(super) struct Deployment {
    nodes: Vec<Node>,
    settings: NodeSettings,
    pub(super) sandbox: Option<Sandbox>,
    pub(super) data: Scratch,
}

impl Deployment {
    pub(super) async fn start(profile: Profile) -> anyhow::Result<Self> {
        let data = Scratch::new()?;
        let (settings, sandbox) = match profile {
            Profile::Embedded => (NodeSettings::embedded(&data.path().join("data")), None),
            Profile::Distributed => {
                let sandbox = Sandbox::new("admins").await?;
                migrate(&sandbox).await?;
                (NodeSettings::distributed(&sandbox), Some(sandbox))
            }
        };
        let nodes = match profile {
            Profile::Embedded => vec![Node::start("the node", settings.clone()).await?],
            Profile::Distributed => {
                let (one, other) = tokio::try_join!(Node::start("one", settings.clone()), Node::start("other", settings.clone()))?;
                vec![one, other]
            }
        };
        Ok(Self { nodes, settings, sandbox, data })
    }

    pub(super) fn first(&self) -> String {
        self.nodes[0].base()
    }

    fn last(&self) -> String {
        self.nodes[self.nodes.len() - 1].base()
    }

    /// What `posthaste users … --json` says: a line each.
    pub(super) async fn users(&self, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
        let ran = run_posthaste(&self.settings, &[&["users"], arguments, &["--json"]].concat()).await?;
        ensure!(ran.status.success(), "{arguments:?}: {ran:?}");
        Ok(String::from_utf8(ran.stdout)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
    }
}

/// A socket of somebody, and where it is.
async fn open(base: &str, user: &User) -> anyhow::Result<Socket> {
    let mut socket = Socket::hello(base, user, new_id(), json!({})).await?;
    until_frame(&mut socket, "live").await?;
    Ok(socket)
}

async fn until_frame(socket: &mut Socket, t: &str) -> anyhow::Result<Value> {
    loop {
        match timeout(PATIENCE, socket.next()).await.with_context(|| format!("no {t}"))?? {
            Incoming::Frame(frame) if frame["t"] == t => return Ok(frame),
            Incoming::Frame(_) => {}
            ended @ (Incoming::Closed(..) | Incoming::Cut) => anyhow::bail!("instead of {t} there came {ended:?}"),
        }
    }
}

/// The socket is closed with this code and name, soon after `since`, and without being told of anything at or above `position`.
async fn is_let_go(socket: &mut Socket, (code, name): (u16, &str), position: u64, since: Instant) -> anyhow::Result<()> {
    let mut last = Value::Null;
    loop {
        match timeout(PATIENCE, socket.next()).await.context("the socket stays open")?? {
            Incoming::Frame(frame) => {
                ensure!(frame["t"] != "ev" || frame["position"].as_u64() < Some(position), "it was told of {frame}");
                last = frame;
            }
            Incoming::Closed(closed, reason) => {
                ensure!((closed, &*reason) == (code, name) && last["code"] == name, "{closed} {reason} after {last}");
                ensure!(since.elapsed() < SOON, "it took {:?}", since.elapsed());
                return Ok(());
            }
            Incoming::Cut => anyhow::bail!("it was cut after {last}"),
        }
    }
}

fn position(answer: &Value) -> anyhow::Result<u64> {
    answer["position"].as_u64().with_context(|| format!("no position in {answer}"))
}

/// Nothing of theirs is taken, anywhere.
async fn is_kept_out(base: &str, user: &User, ticket: Option<String>) -> anyhow::Result<()> {
    for (method, path) in [(Method::GET, "/v1/me"), (Method::POST, "/v1/ws/tickets"), (Method::GET, "/v1/admin/counts")] {
        let (status, problem) = user.answer(base, method, path, None).await?;
        ensure!(status == 403 && problem["code"] == "account_suspended" && problem["retry"] == "never", "{path}: {status} {problem}");
    }
    let ticket = ticket.map(|ticket| json!({ "ticket": ticket }));
    for pass in [json!({ "token": user.token() })].into_iter().chain(ticket) {
        let mut hello = json!({ "t": "hello", "device": new_id() });
        hello.as_object_mut().into_iter().for_each(|hello| hello.extend(pass.as_object().cloned().unwrap_or_default()));
        let mut socket = Socket::open(base).await?;
        socket.send(&hello).await?;
        is_let_go(&mut socket, (4203, "account_suspended"), 0, Instant::now()).await?;
    }
    // Who knows the password is told; who does not learns nothing.
    let refused = user.another_login(base).await.map(drop).unwrap_err().to_string();
    ensure!(refused.contains("/v1/sessions"), "{refused}");
    let http = posthaste_tests::http::client();
    for (password, status, code) in [(user.password(), 403, "account_suspended"), ("not the password", 401, "unauthorized")] {
        let login = json!({ "login": user.username(), "password": password });
        let response = http.post(format!("{base}/v1/sessions")).json(&login).send().await?;
        let (found, problem): (_, Value) = (response.status().as_u16(), response.json().await?);
        ensure!(found == status && problem["code"] == code, "{found} {problem}");
    }
    Ok(())
}

/// Suspended over REST and at the console, and back again each time: the logins are what they were.
async fn whoever_is_suspended_is_let_go_everywhere_and_comes_back(profile: Profile) -> anyhow::Result<()> {
    let deployment = Deployment::start(profile).await?;
    let (first, last) = (deployment.first(), deployment.last());
    let (admin, alice, bob) =
        tokio::try_join!(User::register(&first, "operator"), User::register(&first, "alice"), User::register(&first, "bob"))?;
    make_admin(&deployment.settings, &admin).await?;
    let of = |what: &str| format!("/v1/admin/users/{}/{what}", alice.id());
    for at_the_console in [false, true] {
        let (mut one, mut other, mut bobs) = tokio::try_join!(open(&first, &alice), open(&last, &alice), open(&last, &bob))?;
        let ticket = alice.ticket(&last).await?;
        let since = Instant::now();
        let suspended = if at_the_console {
            deployment.users(&["suspend", alice.username(), "--reason", "spam"]).await?.remove(0)
        } else {
            admin.call(&first, Method::POST, &of("suspend"), Some(json!({ "reason": "spam" }))).await?
        };
        let suspended = position(&suspended)?;
        let why = (4203, "account_suspended");
        tokio::try_join!(is_let_go(&mut one, why, suspended, since), is_let_go(&mut other, why, suspended, since))?;
        is_kept_out(&first, &alice, None).await?;
        is_kept_out(&last, &alice, Some(ticket)).await?;
        // Nobody else notices.
        bobs.send(&json!({ "t": "ping", "n": 1 })).await?;
        until_frame(&mut bobs, "pong").await?;

        if at_the_console {
            deployment.users(&["reinstate", &alice.id().to_string()]).await?;
        } else {
            admin.call(&last, Method::POST, &of("reinstate"), Some(json!({}))).await?;
        }
        alice.call(&last, Method::GET, "/v1/me", None).await?;
        // What they were not told then, they are told now.
        let mut back = Socket::hello(&last, &alice, new_id(), json!({ "cursor": suspended - 1 })).await?;
        let told = [until_frame(&mut back, "ev").await?, until_frame(&mut back, "ev").await?];
        let types = told.each_ref().map(|event| event["type"].clone());
        ensure!(types == ["user.suspended", "user.reinstated"], "{told:?}");
        let by = if at_the_console { Value::Null } else { json!(admin.id()) };
        ensure!(told[0]["actor"] == by && told[0]["body"]["reason"] == "spam", "{told:?}");
    }
    Ok(())
}

/// What admins do is done, seen by auditors, and in the log with who did it.
async fn what_admins_do_is_seen_and_is_in_the_log(profile: Profile) -> anyhow::Result<()> {
    let deployment = Deployment::start(profile).await?;
    let (first, last) = (deployment.first(), deployment.last());
    let (admin, auditor, alice) =
        tokio::try_join!(User::register(&first, "operator"), User::register(&first, "auditor"), User::register(&first, "alice"))?;
    make_admin(&deployment.settings, &admin).await?;
    let of = |user: &User, what: &str| format!("/v1/admin/users/{}/{what}", user.id());
    admin.call(&first, Method::PUT, &of(&auditor, "roles/auditor"), None).await?;

    // A login on a device: it is shown, and ended.
    let login = alice.another_login(&first).await?;
    let mut socket = Socket::open(&last).await?;
    socket.send(&json!({ "t": "hello", "token": login.token, "device": new_id() })).await?;
    until_frame(&mut socket, "live").await?;
    for path in [of(&alice, "sessions"), "/v1/admin/sessions".to_owned()] {
        let ask = async || auditor.call(&first, Method::GET, &path, None).await;
        let listed = until(&path, ask, |listed| listed["items"][0]["connected"] == true).await?;
        let device = &listed["items"][0];
        ensure!(device["session"] == json!(login.session) && device["user"] == json!(alice.id()), "{listed}");
        ensure!(listed["items"].as_array().is_some_and(|items| items.len() == 1), "{listed}");
    }
    let listed = deployment.users(&["sessions", alice.username()]).await?;
    ensure!(listed[0]["session"] == json!(login.session) && listed[0]["revoked"] == false, "{listed:?}");
    let since = Instant::now();
    let ended = admin.call(&first, Method::DELETE, &of(&alice, &format!("sessions/{}", login.session)), None).await?;
    is_let_go(&mut socket, (4202, "session_revoked"), position(&ended)?, since).await?;
    let listed = deployment.users(&["sessions", alice.username()]).await?;
    ensure!(listed[0]["revoked"] == true, "{listed:?}");

    // An admin is never rid of themselves; another one is.
    let (status, problem) = admin.answer(&first, Method::DELETE, &of(&admin, "roles/admin"), None).await?;
    ensure!(status == 409 && problem["code"] == "conflict", "{status} {problem}");
    let (status, problem) = admin.answer(&first, Method::POST, &of(&admin, "suspend"), Some(json!({}))).await?;
    ensure!(status == 409 && problem["code"] == "conflict", "{status} {problem}");
    let suspended = admin.call(&first, Method::POST, &of(&alice, "suspend"), Some(json!({ "reason": "legal" }))).await?;

    // Everybody who may sees it, in the views and in the log.
    let path = format!("/v1/admin/users?suspended=true&q=alice&after={}", position(&suspended)?);
    let listed = auditor.call(&last, Method::GET, &path, None).await?;
    ensure!(listed["items"][0]["user"]["id"] == json!(alice.id()) && listed["items"][0]["suspended"] == true, "{listed}");
    let auditors = deployment.users(&["list", "--role", "auditor"]).await?;
    ensure!(auditors.len() == 1 && auditors[0]["user"] == json!(auditor.id()), "{auditors:?}");
    let account = auditor.call(&last, Method::GET, &format!("/v1/admin/users/{}", alice.id()), None).await?;
    let act = &account["acts"][0];
    ensure!(act["what"] == "user.suspended" && act["by"] == json!(admin.id()) && act["reason"] == "legal", "{account}");
    let counts = auditor.call(&last, Method::GET, "/v1/admin/counts", None).await?;
    ensure!(counts["users"] == 3 && counts["suspended"] == 1 && counts["admins"] == 1 && counts["devices"] == 1, "{counts}");
    let lag = auditor.call(&last, Method::GET, "/v1/admin/lag", None).await?;
    ensure!(lag["head"] == counts["events"] && lag["views"].as_array().is_some_and(|views| views.len() == 3), "{lag}");

    let acts = auditor.call(&last, Method::GET, &format!("/v1/admin/events?actor={}", admin.id()), None).await?;
    let types: Vec<_> = acts["items"].as_array().context("events")?.iter().filter_map(|event| event["type"].as_str()).collect();
    ensure!(types[..3] == ["user.suspended", "user.session_revoked", "user.role_granted"], "{types:?}");
    let consoles = auditor.call(&last, Method::GET, &format!("/v1/admin/events?stream=user-{}", admin.id()), None).await?;
    ensure!(consoles["items"][0]["type"] == "user.role_granted" && consoles["items"][0]["actor"].is_null(), "{consoles}");
    // At the console: who is suspended, and who is called so.
    let suspended = deployment.users(&["list", "--suspended"]).await?;
    ensure!(suspended.len() == 1 && suspended[0]["user"] == json!(alice.id()) && suspended[0]["suspended"] == true, "{suspended:?}");
    let found = deployment.users(&["list", "--search", &alice.username().to_uppercase()]).await?;
    ensure!(found.len() == 1 && found[0]["username"] == alice.username(), "{found:?}");
    ensure!(deployment.users(&["list", "--search", "nobody.at.all"]).await?.is_empty(), "nobody is called so");
    deployment.users(&["reinstate", alice.username()]).await?;
    ensure!(deployment.users(&["list", "--suspended"]).await?.is_empty(), "nobody is suspended");

    // One login is ended, and then all of them; the others' are not.
    let logins = [alice.another_login(&first).await?, alice.another_login(&first).await?];
    let mut sockets = Vec::new();
    for login in &logins {
        let mut socket = Socket::open(&last).await?;
        socket.send(&json!({ "t": "hello", "token": login.token, "device": new_id() })).await?;
        until_frame(&mut socket, "live").await?;
        sockets.push(socket);
    }
    let one = logins[0].session.to_string();
    let (since, ended) = (Instant::now(), deployment.users(&["revoke", alice.username(), &one]).await?);
    ensure!(ended.len() == 1 && ended[0]["session"] == one.as_str() && ended[0]["changed"] == true, "{ended:?}");
    is_let_go(&mut sockets[0], (4202, "session_revoked"), position(&ended[0])?, since).await?;
    let known = async || deployment.users(&["sessions", alice.username()]).await;
    let all = until("a device of each login", known, |known| known.len() == 3).await?;
    ensure!(all.iter().filter(|device| device["revoked"] == true).count() == 2, "{all:?}");
    let (since, ended) = (Instant::now(), deployment.users(&["revoke", alice.username(), "--all"]).await?);
    // The one of registering as well, which no device ever used.
    let mut changed = ended.iter().filter(|ended| ended["changed"] == true);
    ensure!(ended.len() == 4 && changed.clone().count() == 2, "{ended:?}");
    let last_login = changed.find(|ended| ended["session"] == json!(logins[1].session)).with_context(|| format!("{ended:?}"))?;
    is_let_go(&mut sockets[1], (4202, "session_revoked"), position(last_login)?, since).await?;

    // A role is taken back.
    let withdrawn = deployment.users(&["withdraw", admin.username(), "admin"]).await?;
    ensure!(withdrawn[0]["now"] == "not admin" && withdrawn[0]["changed"] == true, "{withdrawn:?}");
    let (status, _) = admin.answer(&first, Method::GET, "/v1/admin/counts", None).await?;
    ensure!(status == 403 || status == 404, "{status}: an admin no more");
    ensure!(deployment.users(&["list", "--role", "admin"]).await?.is_empty(), "nobody is");

    // An auditor looks on.
    let (status, problem) = auditor.answer(&first, Method::POST, &of(&alice, "reinstate"), Some(json!({}))).await?;
    ensure!(status == 403 && problem["code"] == "forbidden", "{status} {problem}");
    Ok(())
}

/// Somebody new is registered at the console, and is an admin who logs in.
async fn an_admin_is_made_at_the_console(profile: Profile) -> anyhow::Result<()> {
    let deployment = Deployment::start(profile).await?;
    let base = deployment.first();
    let create = async |name: &str, more: &[&str], password: &str| {
        let arguments = [&["users", "create-admin", name, "--json"], more].concat();
        let mut command = tokio::process::Command::from(posthaste_with(&deployment.settings, &arguments));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
        let mut stdin = child.stdin.take().context("standard input")?;
        // Who does not ask for one does not read it.
        let _ = stdin.write_all(format!("{password}\n").as_bytes()).await;
        drop(stdin);
        anyhow::Ok(timeout(PATIENCE, child.wait_with_output()).await??)
    };
    let email = ["--email", "root@example.invalid"];
    for (more, password, said) in [(&[][..], "a password of mine", "--email"), (&email, "short", "8 to 128 characters")] {
        let ran = create("the.root", more, password).await?;
        ensure!(ran.status.code() == Some(1) && String::from_utf8_lossy(&ran.stderr).contains(said), "{ran:?}");
    }
    let ran = create("the.root", &email, "a password of mine").await?;
    ensure!(ran.status.success(), "{ran:?}");
    ensure!(!format!("{ran:?}").contains("a password of mine"), "{ran:?}");
    let login = json!({ "login": "the.root", "password": "a password of mine" });
    let session: Value = posthaste_tests::http::client().post(format!("{base}/v1/sessions")).json(&login).send().await?.json().await?;
    let token = session["access_token"].as_str().with_context(|| format!("{session}"))?;
    let counts = posthaste_tests::http::client().get(format!("{base}/v1/admin/counts")).bearer_auth(token).send().await?;
    ensure!(counts.status().as_u16() == 200, "{counts:?}");
    // Once more is nothing new.
    let again: Value = serde_json::from_slice(&create("the.root", &[], "").await?.stdout)?;
    ensure!(again["changed"] == false && again["now"] == "admin", "{again}");
    let ran = run_posthaste(&deployment.settings, &["users", "suspend", "nobody.at.all"]).await?;
    ensure!(ran.status.code() == Some(1) && String::from_utf8_lossy(&ran.stderr).contains("there is no user nobody.at.all"), "{ran:?}");
    Ok(())
}

macro_rules! on_both_profiles {
    ($($case:ident,)+) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() -> anyhow::Result<()> {
                    super::$case(posthaste_tests::Profile::Embedded).await
                }
            )+
        }

        mod distributed {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() -> anyhow::Result<()> {
                    super::$case(posthaste_tests::Profile::Distributed).await
                }
            )+
        }
    };
}

on_both_profiles! {
    whoever_is_suspended_is_let_go_everywhere_and_comes_back,
    what_admins_do_is_seen_and_is_in_the_log,
    an_admin_is_made_at_the_console,
}
