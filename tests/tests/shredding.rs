//! Erasing somebody on servers that run: what they said and how they were called is gone at once and everywhere, and nothing else has changed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;

use anyhow::{Context as _, ensure};
use posthaste_domain::UserId;
use posthaste_tests::actor::{Incoming, Socket, User, new_id};
use posthaste_tests::authenticator::Authenticator;
use posthaste_tests::node::{MASTER_KEY, migrate, run_posthaste};
use posthaste_tests::oidc::{Rogue, SignIn, knowing};
use posthaste_tests::passkey::SoftPasskey;
use posthaste_tests::patience::{PATIENCE, until};
use posthaste_tests::services::Scratch;
use posthaste_tests::{Node, NodeSettings, Profile, Sandbox, on_both_profiles};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

/// Stands in whatever is to be erased, and nowhere else.
const SECRET: &str = "Quetzalcoatlus";
/// Stands in what must stay.
const KEPT: &str = "Archaeopteryx";
/// What somebody logs in with.
const LOGIN_TABLES: [&str; 6] = ["credentials", "sessions", "factors", "passkeys", "identities", "one_time_tokens"];
/// Another master key.
const OTHER_KEY: &str = "QW5vdGhlciBtYXN0ZXIga2V5LCBmb3Igcm90YXRpb24=";

/// A deployment: one server, or two over the same services.
struct Deployment {
    nodes: Vec<Node>,
    settings: NodeSettings,
    sandbox: Option<Sandbox>,
    data: Scratch,
    /// Where people have accounts besides.
    rogue: Rogue,
}

impl Deployment {
    async fn start(profile: Profile) -> anyhow::Result<Self> {
        let (data, rogue) = (Scratch::new()?, Rogue::start(json!({ "sub": "of hers" })).await?);
        let (settings, sandbox) = match profile {
            Profile::Embedded => (NodeSettings::embedded(&data.path().join("data")), None),
            Profile::Distributed => {
                let sandbox = Sandbox::new("shredding").await?;
                migrate(&sandbox).await?;
                (NodeSettings::distributed(&sandbox).with("AUTH__PASSKEY_DOMAIN", "localhost"), Some(sandbox))
            }
        };
        let settings = knowing(settings, data.path(), &[("rogue", &rogue.issuer())])?;
        let mut nodes = vec![Node::start("one", settings.clone()).await?];
        if profile == Profile::Distributed {
            nodes.push(Node::start("other", settings.clone()).await?);
        }
        Ok(Self { nodes, settings, sandbox, data, rogue })
    }

    fn bases(&self) -> Vec<String> {
        self.nodes.iter().map(Node::base).collect()
    }

    /// What a command says, a line each.
    async fn ask(&self, settings: &NodeSettings, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
        let ran = run_posthaste(settings, &[arguments, &["--json"]].concat()).await?;
        ensure!(ran.status.success(), "{arguments:?}: {ran:?}");
        Ok(String::from_utf8(ran.stdout)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
    }

    async fn command(&self, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
        self.ask(&self.settings, arguments).await
    }

    /// Every byte of the table of events, as a backup of the log would have it.
    async fn stored(&self) -> anyhow::Result<String> {
        let Some(sandbox) = &self.sandbox else {
            let file = self.data.path().join("data/posthaste.db");
            let database = rusqlite::Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            let mut events = database.prepare("SELECT position, facts, content, hex(hash) FROM events ORDER BY position")?;
            let rows = events.query_map((), |row| {
                let content: Option<Vec<u8>> = row.get(2)?;
                let content = String::from_utf8_lossy(&content.unwrap_or_default()).into_owned();
                Ok(format!("{}|{}|{content:?}|{}\n", row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(3)?))
            })?;
            return Ok(rows.collect::<Result<_, _>>()?);
        };
        let (client, connection) = tokio_postgres::connect(&sandbox.postgres_owner_url(), tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        let rows = client.query("SELECT position, facts::text, content, hash FROM events ORDER BY position", &[]).await?;
        let line = |row: &tokio_postgres::Row| {
            let (content, hash): (Option<Vec<u8>>, Vec<u8>) = (row.get(2), row.get(3));
            let content = String::from_utf8_lossy(&content.unwrap_or_default()).into_owned();
            format!("{}|{}|{content:?}|{hash:02x?}\n", row.get::<_, i64>(0), row.get::<_, String>(1))
        };
        Ok(rows.iter().map(line).collect())
    }

    /// How many rows a user has in each table of what they log in with.
    async fn kept_of(&self, user: UserId) -> anyhow::Result<[i64; LOGIN_TABLES.len()]> {
        let count = |from: &str, is: &str| format!("SELECT count(*) FROM {from} WHERE user_id = {is}");
        let mut kept = [0; LOGIN_TABLES.len()];
        let Some(sandbox) = &self.sandbox else {
            let file = self.data.path().join("data/posthaste.db");
            let database = rusqlite::Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            for (kept, table) in kept.iter_mut().zip(LOGIN_TABLES) {
                *kept = database.query_row(&count(table, "?1"), [user.uuid().as_bytes()], |row| row.get(0))?;
            }
            return Ok(kept);
        };
        let (client, connection) = tokio_postgres::connect(&sandbox.postgres_owner_url(), tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        for (kept, table) in kept.iter_mut().zip(LOGIN_TABLES) {
            *kept = client.query_one(&count(table, "$1"), &[&user.uuid()]).await?.get(0);
        }
        Ok(kept)
    }
}

async fn get(base: &str, user: &User, path: &str) -> anyhow::Result<Value> {
    user.call(base, Method::GET, path, None).await
}

/// Everything that Bob can see of what happened, asked over REST.
async fn seen(base: &str, bob: &User, alice: &User, thread: &str) -> anyhow::Result<Vec<(String, Value)>> {
    let mut seen = Vec::new();
    for path in [
        format!("/v1/threads/{thread}/messages?limit=50"),
        format!("/v1/threads/{thread}/pins"),
        format!("/v1/threads/{thread}/search?q={SECRET}"),
        format!("/v1/search?q={SECRET}"),
        "/v1/threads".to_owned(),
        format!("/v1/threads/{thread}"),
        format!("/v1/threads/{thread}/members"),
        format!("/v1/users/{}", alice.id()),
        format!("/v1/users?q={SECRET}"),
        "/v1/friends".to_owned(),
    ] {
        let answer = get(base, bob, &path).await?;
        seen.push((path, answer));
    }
    Ok(seen)
}

/// What a new device is told from the beginning of the log: each event's body, until it is live.
async fn replayed(base: &str, user: &User) -> anyhow::Result<Vec<Value>> {
    let mut socket = Socket::hello(base, user, new_id(), json!({})).await?;
    let mut told = Vec::new();
    loop {
        match timeout(PATIENCE, socket.next()).await.context("the replay does not end")?? {
            Incoming::Frame(frame) if frame["t"] == "live" => return Ok(told),
            Incoming::Frame(frame) if frame["t"] == "ev" => told.push(frame),
            Incoming::Frame(_) => {}
            ended @ (Incoming::Closed(..) | Incoming::Cut) => anyhow::bail!("{ended:?}"),
        }
    }
}

/// The same without what is personal.
fn facts(told: &[Value]) -> Vec<Value> {
    let without = |event: &Value| {
        let mut event = event.clone();
        event["body"].as_object_mut().map(|body| body.remove("content"));
        event
    };
    told.iter().map(without).collect()
}

async fn somebody_who_is_erased_is_gone_at_once_and_everywhere_and_nothing_else_is(profile: Profile) -> anyhow::Result<()> {
    let deployment = Deployment::start(profile).await?;
    let bases = deployment.bases();
    let (first, last) = (&bases[0], &bases[bases.len() - 1]);
    let (alice, bob) = tokio::try_join!(User::register(first, SECRET), User::register(first, "bob"))?;
    alice.befriend(first, &bob).await?;
    let thread = alice.open_direct(first, &bob).await?.to_string();
    let said = async |user: &User, body: Value| {
        let posted = user.call(first, Method::POST, &format!("/v1/threads/{thread}/messages"), Some(body)).await?;
        posted["message"].as_str().map(str::to_owned).or_else(|| posted["id"].as_str().map(str::to_owned)).context("an id")
    };
    let text = |words: &str| json!({ "content": { "kind": "text", "text": words } });
    let pinned = said(&alice, text(&format!("about the {SECRET}"))).await?;
    let forwards = json!({ "message": pinned });
    bob.call(first, Method::POST, &format!("/v1/threads/{thread}/forwards"), Some(forwards)).await?;
    said(&bob, json!({ "content": { "kind": "text", "text": KEPT }, "reply_to": pinned })).await?;
    bob.call(first, Method::PUT, &format!("/v1/threads/{thread}/pins/{pinned}"), None).await?;
    bob.call(first, Method::PUT, &format!("/v1/messages/{pinned}/reactions/👍"), None).await?;
    let file = json!({ "file": new_id(), "name": format!("{SECRET}.pdf"), "media_type": "application/pdf", "bytes": 7 });
    let latest = said(&alice, json!({ "content": { "kind": "attachments", "attachments": [file] } })).await?;
    let edited = json!({ "content": { "kind": "attachments", "attachments": [file], "text": format!("{SECRET} again") } });
    alice.call(first, Method::PATCH, &format!("/v1/messages/{latest}"), Some(edited)).await?;

    // Before: everything is there to be read, and nothing of it in the log.
    let ask = async || {
        anyhow::Ok(seen(last, &bob, &alice, &thread).await?.into_iter().filter(|(_, said)| said.to_string().contains(SECRET)).count())
    };
    until("everything is seen", ask, |found| *found == 10).await?;
    let before = replayed(last, &bob).await?;
    ensure!(before.iter().filter(|event| event.to_string().contains(SECRET)).count() >= 4, "{before:?}");
    let stored = deployment.stored().await?;
    ensure!(!stored.contains(SECRET) && !stored.contains(KEPT), "somebody's words are in the log");
    let unread = async || anyhow::Ok(get(last, &bob, &format!("/v1/threads/{thread}")).await?["unread"].clone());
    let (unread_before, export) = (unread().await?, deployment.data.path().join("alice.json"));

    // She has a passkey and an account elsewhere, a second factor is offered to her, and she was sent a token by mail.
    let asked = alice.call(first, Method::POST, "/v1/me/passkeys/challenge", None).await?;
    let made = SoftPasskey::new("localhost", "http://localhost").registration(&asked)?;
    alice.call(first, Method::POST, "/v1/me/passkeys", Some(made)).await?;
    let mut sign_in = SignIn::new()?;
    let callback = deployment.rogue.log_in(&sign_in.depart(first, "rogue").await?)?;
    let code = sign_in.code(first, &callback).await?;
    let linked = json!({ "code": code, "verifier": sign_in.verifier });
    alice.call(first, Method::POST, "/v1/me/identities", Some(linked)).await?;
    Authenticator::new(&alice.call(first, Method::POST, "/v1/me/totp", None).await?)?;
    let kept = async || deployment.kept_of(alice.id()).await;
    until("she has all that one logs in with", kept, |kept| kept.iter().all(|rows| *rows > 0)).await?;

    // What she is given before has all of it, and is for nobody else.
    let (id, output) = (alice.id().to_string(), export.to_string_lossy().into_owned());
    deployment.command(&["users", "export", &format!("@{}", alice.username()), "--output", &output]).await?;
    let exported: Value = serde_json::from_slice(&fs::read(&export)?)?;
    ensure!(
        exported["account"]["profile"]["display_name"] == SECRET && exported["account"]["friends"][0]["user"] == json!(bob.id()),
        "{exported}"
    );
    ensure!(exported["messages"].as_array().is_some_and(|messages| messages.len() == 2), "{exported}");
    ensure!(exported["messages"][0]["written"][0]["content"]["text"] == format!("about the {SECRET}"), "{exported}");
    ensure!(exported["messages"][1]["written"].as_array().is_some_and(|written| written.len() == 2), "{exported}");
    ensure!(exported["email"].is_string() && exported["sessions"].as_array().is_some_and(|sessions| !sessions.is_empty()), "{exported}");
    ensure!(!exported.to_string().contains(KEPT), "what Bob said is not hers: {exported}");

    let refused = run_posthaste(&deployment.settings, &["users", "erase", &id]).await?;
    ensure!(refused.status.code() == Some(1) && String::from_utf8_lossy(&refused.stderr).contains("--yes"), "{refused:?}");
    let erased = deployment.command(&["users", "erase", &id, "--yes"]).await?.remove(0);
    let position = erased["position"].as_u64().context("a position")?;
    ensure!(erased["now"] == "erased" && erased["changed"] == true, "{erased}");
    ensure!(deployment.command(&["users", "erase", &id, "--yes"]).await?[0]["changed"] == false, "once more is nothing new");

    ensure!(kept().await? == [0; LOGIN_TABLES.len()], "what she logged in with is kept");

    // After: on every node, and without any rebuild.
    for base in &bases {
        let ask =
            async || anyhow::Ok(seen(base, &bob, &alice, &thread).await?.into_iter().find(|(_, said)| said.to_string().contains(SECRET)));
        until("nothing is seen", ask, Option::is_none).await?;
        let after = replayed(base, &bob).await?;
        ensure!(!format!("{after:?}").contains(SECRET), "{after:?}");
        ensure!(facts(&after)[..before.len()] == facts(&before), "the replay has changed: {after:?}");
        let messages = get(base, &bob, &format!("/v1/threads/{thread}/messages?limit=50")).await?;
        ensure!(messages.to_string().contains(KEPT), "{messages}");
        let (status, problem) = alice.answer(base, Method::GET, "/v1/me", None).await?;
        ensure!((status, problem["code"].as_str()) == (403, Some("account_suspended")), "{status} {problem}");
        ensure!(alice.another_login(base).await.is_err(), "nobody logs in there any more");
    }
    ensure!(unread().await? == unread_before, "counts are what they were");
    let now = deployment.stored().await?;
    ensure!(now.starts_with(&stored), "the log has only grown");
    ensure!(now.lines().count() as u64 == position, "by one event");
    let verified = deployment.command(&["log", "verify"]).await?;
    ensure!(verified.iter().all(|line| !line.to_string().contains("broken")), "{verified:?}");
    let list = deployment.command(&["users", "list"]).await?;
    ensure!(list.iter().any(|user| user["user"] == json!(alice.id()) && user["username"].is_null()), "{list:?}");

    // A view built anew is the same.
    deployment.command(&["views", "verify", "all"]).await?;
    deployment.command(&["views", "rebuild", "all"]).await?;
    let rebuilt = seen(last, &bob, &alice, &thread).await?;
    ensure!(rebuilt.iter().all(|(_, said)| !said.to_string().contains(SECRET)), "{rebuilt:?}");
    Ok(())
}

async fn another_master_key_takes_over_and_what_was_said_can_be_read(profile: Profile) -> anyhow::Result<()> {
    let mut deployment = Deployment::start(profile).await?;
    let base = deployment.bases()[0].clone();
    let (alice, bob) = tokio::try_join!(User::register(&base, "alice"), User::register(&base, "bob"))?;
    alice.befriend(&base, &bob).await?;
    let thread = alice.open_direct(&base, &bob).await?;
    let message = json!({ "content": { "kind": "text", "text": KEPT } });
    alice.call(&base, Method::POST, &format!("/v1/threads/{thread}/messages"), Some(message)).await?;
    for node in &mut deployment.nodes {
        node.terminate().await?;
    }
    let former = match profile {
        Profile::Embedded => fs::read_to_string(deployment.data.path().join("data/content.key"))?,
        Profile::Distributed => MASTER_KEY.to_owned(),
    };
    let both = deployment.settings.clone().with("CONTENT__MASTER_KEY", OTHER_KEY).with("CONTENT__ACCEPTED_KEYS", former);
    let alone = deployment.settings.clone().with("CONTENT__MASTER_KEY", OTHER_KEY);
    let refused = run_posthaste(&alone, &["keys", "status"]).await?;
    ensure!(refused.status.code() == Some(1) && String::from_utf8_lossy(&refused.stderr).contains("content.accepted_keys"), "{refused:?}");
    let rotated = deployment.ask(&both, &["keys", "rotate"]).await?;
    ensure!(rotated[0]["rotated"] == 2, "{rotated:?}");
    ensure!(deployment.ask(&both, &["keys", "rotate"]).await?[0]["rotated"] == 0);
    let status = deployment.ask(&alone, &["keys", "status"]).await?;
    ensure!(status[0]["current"] == true && status[0]["keys"] == 2 && status[1]["destroyed"] == 0, "{status:?}");

    // The log goes elsewhere, and its keys with it; none of them says anything alone.
    let [log, keys] = ["log", "keys"].map(|name| deployment.data.path().join(name).to_string_lossy().into_owned());
    deployment.ask(&alone, &["log", "export", "-o", &log]).await?;
    let exported = deployment.ask(&alone, &["keys", "export", "-o", &keys]).await?;
    ensure!(exported[0]["exported"] == 2 && !fs::read_to_string(&keys)?.contains(OTHER_KEY), "{exported:?}");
    let itself = NodeSettings::embedded(&deployment.data.path().join("elsewhere"));
    let elsewhere = itself.clone().with("CONTENT__ACCEPTED_KEYS", OTHER_KEY);
    deployment.ask(&elsewhere, &["log", "import", &log]).await?;
    ensure!(!fs::read_to_string(&log)?.contains(KEPT), "it is sealed");
    let imported = deployment.ask(&elsewhere, &["keys", "import", &keys]).await?;
    ensure!(imported[0]["kept"] == 2, "{imported:?}");
    ensure!(deployment.ask(&elsewhere, &["keys", "rotate"]).await?[0]["rotated"] == 2);
    let hers = deployment.data.path().join("hers");
    deployment.ask(&itself, &["users", "export", &alice.id().to_string(), "--output", &hers.to_string_lossy()]).await?;
    ensure!(fs::read_to_string(hers)?.contains(KEPT), "it can be read");

    let node = Node::start("with the other key", alone).await?;
    bob.log_in(&node.base()).await?;
    let read = async || get(&node.base(), &bob, &format!("/v1/threads/{thread}/messages")).await;
    until("it is read", read, |read| read.to_string().contains(KEPT)).await?;
    Ok(())
}

on_both_profiles! {
    somebody_who_is_erased_is_gone_at_once_and_everywhere_and_nothing_else_is
    another_master_key_takes_over_and_what_was_said_can_be_read
}
