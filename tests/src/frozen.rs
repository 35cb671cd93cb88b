//! Databases as a release leaves them, kept under `fixtures/databases`, for every later release to open.
//!
//! `freeze-database` makes those of this release, which is part of releasing it:
//!
//! ```text
//! cargo build --workspace --all-targets
//! POSTHASTE_BIN=target/debug/posthaste target/debug/with-services -- target/debug/freeze-database
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use posthaste_application::port::EventLog;
use posthaste_application::recorded::Position;
use posthaste_domain::{CommandId, DeviceId, ThreadId, UserId};
use posthaste_infrastructure::embedded::{Database, SqliteLog};
use posthaste_infrastructure::postgres::{PgLog, Postgres, PostgresConfig};
use posthaste_infrastructure::system::SystemClock;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::actor::{Device, User};
use crate::history::{Answer, History};
use crate::node::{migrate, run, run_posthaste};
use crate::receiver::{Manner, Receiver};
use crate::services::{Scratch, connect, postgres_program};
use crate::{Node, NodeSettings, Profile, Sandbox};

/// How long a step may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the endpoint and the server know.
pub const SECRET: &str = "a secret of the endpoint";
/// The name of the dump.
const DUMP: &str = "dump.sql";
/// The name of SQLite's file, as in a data directory.
const FILE: &str = "posthaste.db";
/// What is to be known of a database to go on with it.
const STORY: &str = "story.json";

/// Who and what is in a frozen database, and what is still owed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Story {
    /// The direct thread of Alice and Bob.
    pub direct: ThreadId,
    /// A group of Alice, Bob and Carol, from which Carol was removed.
    pub group: ThreadId,
    /// The end of the log.
    pub head: u64,
    /// Alice, Bob and Carol.
    pub people: Vec<Person>,
    /// The events that the endpoint has not taken, in order.
    pub inbox: Vec<u64>,
}

/// Somebody, and one of their devices.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Person {
    /// The name to log in with.
    pub username: String,
    /// The password.
    pub password: String,
    /// Who they are.
    pub id: UserId,
    /// Their device.
    pub device: DeviceId,
    /// How far it has come.
    pub cursor: u64,
    /// What it missed since, in order.
    pub missed: Vec<u64>,
}

/// Every frozen database, in the order of their names, which begin with `embedded-` or `postgres-`.
///
/// # Errors
/// The folder cannot be read.
pub fn all() -> anyhow::Result<Vec<PathBuf>> {
    let mut folders: Vec<_> = fs::read_dir(folder())?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    Ok(folders)
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/databases")
}

/// What there is to know of a frozen database.
///
/// # Errors
/// It cannot be read.
pub fn story(frozen: &Path) -> anyhow::Result<Story> {
    Ok(serde_json::from_slice(&fs::read(frozen.join(STORY))?)?)
}

/// A deployment of either profile, one of whose endpoints is told of every message.
#[derive(Debug)]
pub struct Deployment {
    /// How its nodes are started.
    pub settings: NodeSettings,
    /// Of the distributed profile.
    pub sandbox: Option<Sandbox>,
    scratch: Scratch,
}

impl Deployment {
    /// One without anything in it.
    ///
    /// # Errors
    /// Those of the services.
    pub async fn empty(profile: Profile, endpoint: &Receiver) -> anyhow::Result<Self> {
        let scratch = Scratch::new()?;
        let file = scratch.path().join("posthaste.toml");
        let url = endpoint.url();
        fs::write(&file, format!("[[webhooks]]\nname = \"crm\"\nurl = {url:?}\nsecret = {SECRET:?}\ntypes = [\"message.posted\"]\n"))?;
        let (settings, sandbox) = match profile {
            Profile::Embedded => (NodeSettings::embedded(&scratch.path().join("data")), None),
            Profile::Distributed => {
                let sandbox = Sandbox::new("frozen").await?;
                (NodeSettings::distributed(&sandbox), Some(sandbox))
            }
        };
        Ok(Self { settings: settings.with("CONFIG", file.to_string_lossy()), sandbox, scratch })
    }

    /// One with the schema of this release.
    ///
    /// # Errors
    /// Those of the services.
    pub async fn new(profile: Profile, endpoint: &Receiver) -> anyhow::Result<Self> {
        let deployment = Self::empty(profile, endpoint).await?;
        if let Some(sandbox) = &deployment.sandbox {
            migrate(sandbox).await?;
        }
        Ok(deployment)
    }

    /// One that goes on from a frozen database, whose schema was brought up to date.
    ///
    /// # Errors
    /// It cannot be restored, or not be migrated.
    pub async fn restored(frozen: &Path, endpoint: &Receiver) -> anyhow::Result<Self> {
        let deployment = Self::empty(profile_of(frozen)?, endpoint).await?;
        match &deployment.sandbox {
            None => {
                let data = deployment.data();
                fs::create_dir(&data)?;
                fs::copy(frozen.join(FILE), data.join(FILE))?;
            }
            Some(sandbox) => {
                let mut psql = postgres_program("psql")?;
                psql.args(["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--dbname", &sandbox.postgres_owner_url(), "--file"]);
                psql.arg(frozen.join(DUMP));
                let output = run(psql, PATIENCE).await?;
                ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
                migrate(sandbox).await?;
            }
        }
        Ok(deployment)
    }

    /// The log, to be written beside the node that runs, as another node would.
    ///
    /// # Errors
    /// It cannot be opened.
    pub async fn log(&self) -> anyhow::Result<Arc<dyn EventLog>> {
        Ok(match &self.sandbox {
            None => Arc::new(SqliteLog::new(Database::open_beside(&self.data())?, Arc::new(SystemClock))),
            Some(sandbox) => Arc::new(PgLog::new(Postgres::connect(PostgresConfig::new(sandbox.postgres_server_url())).await?)),
        })
    }

    /// Starts a node.
    ///
    /// # Errors
    /// Those of the node.
    pub async fn start(&self) -> anyhow::Result<Node> {
        Node::start("a node", self.settings.clone()).await
    }

    /// What one of the binary's other commands says; it must succeed.
    ///
    /// # Errors
    /// It fails.
    pub async fn says(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let data = self.data();
        let data = self.sandbox.is_none().then(|| ["--data".to_owned(), data.to_string_lossy().into_owned()]);
        let arguments: Vec<_> = arguments.iter().copied().chain(data.iter().flatten().map(String::as_str)).collect();
        let output = run_posthaste(&self.settings, &arguments).await?;
        let (said, complained) = (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "{arguments:?}, {}: {said}{complained}", output.status);
        Ok(said)
    }

    /// The data directory of the embedded profile.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// Keeps the database as it is, which nobody may be using, under the version of its schema.
    async fn keep(&self, story: &Story) -> anyhow::Result<PathBuf> {
        let frozen = match &self.sandbox {
            None => {
                let database = rusqlite::Connection::open(self.data().join(FILE))?;
                let version: i64 = database.query_row("PRAGMA user_version", (), |row| row.get(0))?;
                let frozen = emptied(&format!("embedded-{version}"))?;
                database.execute("VACUUM INTO ?1", [frozen.join(FILE).to_string_lossy()])?;
                frozen
            }
            Some(sandbox) => {
                let url = sandbox.postgres_owner_url();
                let version = "SELECT max(version) FROM refinery_schema_history";
                let version: i32 = connect(&url).await?.query_one(version, &[]).await?.get(0);
                let frozen = emptied(&format!("postgres-{version}"))?;
                let mut dump = postgres_program("pg_dump")?;
                dump.args(["--no-owner", "--dbname", &url, "--file"]).arg(frozen.join(DUMP));
                let output = run(dump, PATIENCE).await?;
                ensure!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
                // Not every psql that may restore it knows these.
                let dumped = fs::read_to_string(frozen.join(DUMP))?;
                let plain = dumped.lines().filter(|line| !line.starts_with("\\restrict ") && !line.starts_with("\\unrestrict "));
                fs::write(frozen.join(DUMP), plain.map(|line| format!("{line}\n")).collect::<String>())?;
                frozen
            }
        };
        fs::write(frozen.join(STORY), format!("{}\n", serde_json::to_string_pretty(story)?))?;
        Ok(frozen)
    }
}

/// Of which profile a frozen database is.
///
/// # Errors
/// Its name does not say so.
pub fn profile_of(frozen: &Path) -> anyhow::Result<Profile> {
    let name = frozen.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match name.split_once('-') {
        Some(("embedded", _)) => Ok(Profile::Embedded),
        Some(("postgres", _)) => Ok(Profile::Distributed),
        _ => bail!("{name} is neither embedded-<version> nor postgres-<version>"),
    }
}

fn emptied(name: &str) -> anyhow::Result<PathBuf> {
    let frozen = folder().join(name);
    if frozen.exists() {
        bail!("{} is frozen already: what was released is never frozen again", frozen.display());
    }
    fs::create_dir_all(&frozen)?;
    Ok(frozen)
}

/// Has three people live through a bit of everything on a new deployment, and keeps what that leaves behind.
///
/// # Errors
/// Those of the deployment, and that this version was frozen already.
pub async fn freeze(profile: Profile) -> anyhow::Result<PathBuf> {
    let endpoint = Receiver::start(Manner::Answer(503)).await?;
    let mut deployment = Deployment::new(profile, &endpoint).await?;
    deployment.settings = deployment.settings.with("WEBHOOK_DELIVERY__FIRST_RETRY_MS", "60000");
    let mut node = deployment.start().await?;
    let mut story = live(&node.base()).await?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status: Value = serde_json::from_str(deployment.says(&["webhooks", "status", "--json"]).await?.trim())?;
        if status["waiting"] == story.inbox.len() {
            break;
        }
        ensure!(Instant::now() < deadline, "the inbox never had {}: {status}", story.inbox.len());
        sleep(Duration::from_millis(50)).await;
    }
    ensure!(node.terminate().await?.success(), "{}", node.logs());
    let audit: Value = serde_json::from_str(deployment.says(&["log", "verify", "--json"]).await?.trim())?;
    story.head = audit["head"].as_u64().with_context(|| audit.to_string())?;
    deployment.keep(&story).await
}

/// Alice and Bob write to each other and in a group; Bob's and Carol's devices go away in the middle of it.
async fn live(base: &str) -> anyhow::Result<Story> {
    let (nodes, history) = ([base.to_owned()], History::default());
    let mut users = Vec::new();
    for name in ["alice", "bob", "carol"] {
        users.push(Arc::new(User::register(base, name).await?));
    }
    let [alice, bob, carol] = users.as_slice() else { bail!("there are three") };
    alice.befriend(base, bob).await?;
    let direct = alice.open_direct(base, bob).await?;
    let group = json!({ "kind": "group", "title": "The three of us", "members": [bob.id(), carol.id()] });
    let group: ThreadId = alice.call(base, Method::POST, "/v1/threads", Some(group)).await?["id"].as_str().context("an id")?.parse()?;

    // Those who stay tell what those who leave have missed.
    let connected = |user| Device::connect(user, &nodes, Position::START, &history);
    let devices = [connected(alice), connected(bob), connected(carol)];
    let witnesses = [connected(alice), connected(bob), connected(carol)];
    let mut inbox = Vec::new();
    let mut messages = Vec::new();
    for number in 0..12 {
        let (device, thread) = (&devices[number % 2], if number % 3 == 0 { group } else { direct });
        let (message, position) = post(device, thread, format!("before, number {number}")).await?;
        messages.push(message);
        inbox.push(position.0);
    }
    let read = json!({ "upto": inbox[5] });
    bob.call(base, Method::PUT, &format!("/v1/threads/{direct}/read"), Some(read)).await?;
    let last = Position(*inbox.last().context("messages")?);
    devices[0].stored(last, PATIENCE).await?;
    devices[1].stored(last, PATIENCE).await?;
    let [phone, laptop, tablet] = devices;
    let mut away = Vec::new();
    for device in [laptop, tablet] {
        let name = device.name();
        away.push((name, device.leave().await?.cursor));
    }
    for number in 0..12 {
        let (message, position) = post(&phone, if number % 3 == 0 { group } else { direct }, format!("while away, {number}")).await?;
        messages.push(message);
        inbox.push(position.0);
    }
    let change = json!({ "content": { "kind": "text", "text": "changed since" } });
    alice.call(base, Method::PATCH, &format!("/v1/messages/{}", messages[16]), Some(change)).await?;
    alice.call(base, Method::DELETE, &format!("/v1/messages/{}", messages[17]), None).await?;
    bob.call(base, Method::PUT, &format!("/v1/messages/{}/reactions/👍", messages[16]), None).await?;
    alice.call(base, Method::PUT, &format!("/v1/threads/{group}/pins/{}", messages[15]), None).await?;
    bob.call(base, Method::PUT, &format!("/v1/threads/{direct}/archive"), None).await?;
    alice.call(base, Method::DELETE, &format!("/v1/threads/{group}/members/{}", carol.id()), None).await?;
    let (_, last) = post(&phone, group, "only the two of us".to_owned()).await?;
    inbox.push(last.0);

    phone.stored(last, PATIENCE).await?;
    witnesses[0].stored(last, PATIENCE).await?;
    witnesses[1].stored(last, PATIENCE).await?;
    // Carol's last event is that she was removed, right before that message.
    witnesses[2].stored(Position(last.0 - 1), PATIENCE).await?;
    let phone = (phone.name(), phone.leave().await?.cursor);
    let mut people = Vec::new();
    for (((name, cursor), user), witness) in [phone].into_iter().chain(away).zip(&users).zip(witnesses) {
        let seen = witness.leave().await?.events;
        let missed = seen.iter().map(|event| event.position).filter(|position| *position > cursor).map(|position| position.0).collect();
        let (username, password) = (user.username().to_owned(), user.password().to_owned());
        people.push(Person { username, password, id: user.id(), device: name.device, cursor: cursor.0, missed });
    }
    Ok(Story { direct, group, head: last.0, people, inbox })
}

/// Posts a message; gives its id and position.
///
/// # Errors
/// It was refused, or never answered.
pub async fn post(device: &Device, thread: ThreadId, text: String) -> anyhow::Result<(CommandId, Position)> {
    let sending = device.post(thread, text);
    let command = sending.command;
    match sending.await? {
        Answer::Ok { position, .. } => Ok((command, position)),
        refused @ Answer::Err { .. } => bail!("{refused:?}"),
    }
}
