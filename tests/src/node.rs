//! The server, as a process of its own.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use tokio::time::timeout;

use crate::actor::User;
use crate::services::{Port, Process, Scratch};
use crate::{Sandbox, hygiene};

/// How long a node may take to be ready, on a busy machine.
const START: Duration = Duration::from_secs(60);
/// How long a node may take to leave in order.
const LEAVE: Duration = Duration::from_secs(30);
/// Signs tokens in tests.
const SIGNING_KEY: &str = "MC4CAQAwBQYDK2VwBCIEIGSkdHSmLqmapWU07UoHgsybsZmNc3f4Zbg4Hl7Ty8dp";
/// Seals secrets of second factors in tests.
const FACTOR_KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// Wraps the keys of content in tests.
pub const MASTER_KEY: &str = "VGhlIG1hc3RlciBrZXkgdGhhdCB0ZXN0cyB1c2Ugb24=";

/// Keys that the release before does not have, by how they begin.
const UNKNOWN_BEFORE: [&str; 7] = [
    "POSTHASTE_AUTH__FACTOR_KEY",
    "POSTHASTE_CONTENT__",
    "POSTHASTE_LIMITS__",
    "POSTHASTE_MAIL__",
    "POSTHASTE_SERVER__CONNECTIONS_PER_IP",
    "POSTHASTE_SERVER__DRAIN_GRACE_S",
    "POSTHASTE_SERVER__HALF_OPEN",
];

/// How a node is started.
#[derive(Clone, Debug, Default)]
pub struct NodeSettings {
    /// The program, if it is not this release's.
    binary: Option<PathBuf>,
    /// That program is of the release before.
    former: bool,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
}

impl NodeSettings {
    /// The embedded profile, with its data in this folder.
    #[must_use]
    pub fn embedded(data: &Path) -> Self {
        // Known to every command, and named to `serve`.
        let data = data.to_string_lossy().into_owned();
        Self { arguments: vec!["--data".to_owned(), data.clone()], ..Self::cheap().with("EMBEDDED__DATA", data) }
    }

    /// The distributed profile, over a sandbox.
    #[must_use]
    pub fn distributed(sandbox: &Sandbox) -> Self {
        Self::cheap()
            .with("PROFILE", "distributed")
            .with("POSTGRES__URL", sandbox.postgres_server_url())
            .with("RABBITMQ__URL", sandbox.rabbitmq_url())
            .with("REDIS__URL", sandbox.redis_url())
            .with("REDIS__PREFIX", sandbox.redis_prefix())
            .with("AUTH__SIGNING_KEY", SIGNING_KEY)
            .with("AUTH__FACTOR_KEY", FACTOR_KEY)
            .with("CONTENT__MASTER_KEY", MASTER_KEY)
            // Beside its logs.
            .with("MAIL__TRANSPORT", "outbox")
            .with("MAIL__OUTBOX", "outbox")
            // Nobody balances here.
            .with("SERVER__DRAIN_GRACE_S", "0")
    }

    /// Passwords that cost next to nothing, and limits that nobody comes to: everybody in a test has one address.
    fn cheap() -> Self {
        Self::default()
            .with("AUTH__PASSWORD_MEMORY_KIB", "64")
            .with("AUTH__PASSWORD_PASSES", "1")
            .with("LIMITS__SCALE", "10000")
            .with("SERVER__CONNECTIONS_PER_IP", "0")
            .with("SERVER__HALF_OPEN", "100000")
    }

    /// Sets a configuration key: `GATEWAY__HEARTBEAT_S`.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        let (key, value) = (format!("POSTHASTE_{key}"), value.into());
        if key.ends_with("_KEY") {
            hygiene::remember(&value);
        }
        self.environment.retain(|(other, _)| *other != key);
        self.environment.push((key, value));
        self
    }

    /// By the program of the release before, if `POSTHASTE_BIN_OLD` names one.
    #[must_use]
    pub fn of_the_release_before(self) -> Self {
        let binary = env::var_os("POSTHASTE_BIN_OLD").map(PathBuf::from);
        Self { former: binary.is_some(), binary, ..self }
    }

    /// Runs this binary instead of the usual one.
    #[must_use]
    pub fn binary(self, binary: &Path) -> Self {
        Self { binary: Some(binary.to_owned()), ..self }
    }

    /// Takes on these roles only.
    #[must_use]
    pub fn roles(mut self, roles: &str) -> Self {
        self.arguments.extend(["--roles".to_owned(), roles.to_owned()]);
        self
    }
}

/// A `posthaste serve` that runs. It keeps its address across a kill and a start. Dropping it kills it.
#[derive(Debug)]
pub struct Node {
    name: String,
    settings: NodeSettings,
    port: Port,
    process: Option<Process>,
    starts: usize,
    scratch: Scratch,
}

impl Node {
    /// Starts a node, and waits until it says where it listens.
    ///
    /// # Errors
    /// It ended, or was not ready in time; with the end of what it wrote.
    pub async fn start(name: &str, settings: NodeSettings) -> anyhow::Result<Self> {
        let mut node = Self { name: name.to_owned(), settings, port: Port::reserve()?, process: None, starts: 0, scratch: Scratch::new()? };
        node.restart().await?;
        Ok(node)
    }

    /// Its address.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.number())
    }

    /// What it was started with.
    #[must_use]
    pub fn settings(&self) -> &NodeSettings {
        &self.settings
    }

    /// What it was called at its start.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it was started and neither killed nor asked to leave since.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.process.is_some()
    }

    /// Stops it as it is, until [`Node::resume`]: it does nothing and keeps everything.
    pub fn pause(&self) {
        self.process.iter().for_each(|process| process.signal("STOP"));
    }

    /// Has it go on.
    pub fn resume(&self) {
        self.process.iter().for_each(|process| process.signal("CONT"));
    }

    /// The last epoch under which it has said that it relays.
    #[must_use]
    pub fn epoch(&self) -> Option<i64> {
        let says = |line: &str| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line["fields"]["message"] == "relaying").then(|| line["fields"]["epoch"].as_i64()).flatten()
        };
        self.logs().lines().filter_map(says).max()
    }

    /// The id of its process.
    ///
    /// # Errors
    /// It does not run.
    pub fn process_id(&self) -> anyhow::Result<u32> {
        Ok(self.process.as_ref().with_context(|| format!("{} does not run", self.name))?.id())
    }

    /// Starts it again at the same address, after it has ended.
    ///
    /// # Errors
    /// As [`Node::start`].
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        ensure!(self.process.is_none(), "{} runs already", self.name);
        self.starts += 1;
        let (said, logged) = (self.file("out"), self.file("err"));
        let mut command = posthaste_with(&self.settings, &["serve"]);
        command.args(&self.settings.arguments).args(["--listen", &format!("127.0.0.1:{}", self.port.number())]);
        command.current_dir(self.scratch.path()).stdout(File::create(&said)?).stderr(File::create(&logged)?);
        let mut process = Process::spawn_inheriting(&self.name, command, Some(logged))?;
        let base = self.base();
        let ready = process.ready(START, || async {
            let said = fs::read_to_string(&said)?;
            ensure!(said.contains(&base), "it has not said that it is at {base}: {said:?}");
            crate::http::get(format!("{base}/healthz")).await?.error_for_status()?;
            Ok(())
        });
        ready.await?;
        self.process = Some(process);
        Ok(())
    }

    /// From its next start on it is of this release.
    pub fn upgrade(&mut self) {
        self.settings.binary = None;
        self.settings.former = false;
    }

    /// Kills it at once.
    ///
    /// # Errors
    /// It did not run any more.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        let mut process = self.process.take().with_context(|| format!("{} does not run", self.name))?;
        if let Some(status) = process.ended()? {
            bail!("{} had ended by itself, {status}{}", self.name, process.tail());
        }
        process.strike().map(drop)
    }

    /// Asks it to leave, and waits until it has.
    ///
    /// # Errors
    /// It does not leave in time, or did not run any more.
    pub async fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        let mut process = self.process.take().with_context(|| format!("{} does not run", self.name))?;
        process.signal("TERM");
        process.wait_at_most(LEAVE).await
    }

    /// Fails if it has ended by itself.
    ///
    /// # Errors
    /// How it ended, with the end of what it wrote.
    pub fn still_runs(&mut self) -> anyhow::Result<()> {
        let process = self.process.as_mut().with_context(|| format!("{} does not run", self.name))?;
        match process.ended()? {
            Some(status) => bail!("{} has ended by itself, {status}{}", self.name, process.tail()),
            None => Ok(()),
        }
    }

    /// Everything it has logged since its first start.
    #[must_use]
    pub fn logs(&self) -> String {
        let read = |start| fs::read(self.scratch.path().join(format!("{start}.err"))).unwrap_or_default();
        (1..=self.starts).map(|start| String::from_utf8_lossy(&read(start)).into_owned()).collect()
    }

    /// Fails if it has said anything that it must not.
    ///
    /// # Panics
    /// With what it said.
    pub fn keeps_secrets(&self) {
        let said = (1..=self.starts).map(|start| fs::read(self.scratch.path().join(format!("{start}.out"))).unwrap_or_default());
        let said: String = said.map(|said| String::from_utf8_lossy(&said).into_owned()).collect();
        hygiene::uphold(&self.name, &(said + &self.logs()));
    }

    fn file(&self, extension: &str) -> PathBuf {
        self.scratch.path().join(format!("{}.{extension}", self.starts))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It writes no more.
        drop(self.process.take());
        self.keeps_secrets();
    }
}

/// The binary: the one named by `POSTHASTE_BIN`, or the one built beside this test. Without any configuration of ours.
#[must_use]
pub fn posthaste() -> Command {
    let built_beside = || {
        let test = env::current_exe().expect("a test knows where it is");
        test.ancestors().nth(2).expect("tests are in target/<profile>/deps").join("posthaste")
    };
    clean(&env::var_os("POSTHASTE_BIN").map_or_else(built_beside, PathBuf::from))
}

/// A binary, without any configuration of ours.
fn clean(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("POSTHASTE_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Brings the schema of a sandbox up to date with the binary.
///
/// # Errors
/// What the binary said.
pub async fn migrate(sandbox: &Sandbox) -> anyhow::Result<()> {
    let settings = NodeSettings::distributed(sandbox).with("POSTGRES__OWNER_URL", sandbox.postgres_owner_url());
    let output = run_posthaste(&settings, &["migrate"]).await?;
    ensure!(output.status.success(), "migrate failed, {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Runs one of the binary's other commands under the configuration of a node.
///
/// # Errors
/// As [`run`].
pub async fn run_posthaste(settings: &NodeSettings, arguments: &[&str]) -> anyhow::Result<Output> {
    run(posthaste_with(settings, arguments), START).await
}

/// Makes somebody an admin at the console of a deployment, whether or not its servers run.
///
/// # Errors
/// It cannot be run, or was refused.
pub async fn make_admin(settings: &NodeSettings, user: &User) -> anyhow::Result<()> {
    let ran = run_posthaste(settings, &["users", "create-admin", user.username()]).await?;
    ensure!(ran.status.success(), "{ran:?}");
    Ok(())
}

/// One of the binary's other commands under the configuration of a node, to be run.
#[must_use]
pub fn posthaste_with(settings: &NodeSettings, arguments: &[&str]) -> Command {
    let mut command = settings.binary.as_deref().map_or_else(posthaste, clean);
    let known = |key: &str| !settings.former || !UNKNOWN_BEFORE.iter().any(|prefix| key.starts_with(prefix));
    command.args(arguments).envs(settings.environment.iter().filter(|(key, _)| known(key)).map(|(key, value)| (key, value)));
    if settings.former {
        // What it signs with was no key yet.
        command.env_remove("POSTHASTE_AUTH__SIGNING_KEY").env("POSTHASTE_AUTH__SECRET", SIGNING_KEY);
    }
    command
}

/// Runs a command to its end, with a time limit.
///
/// # Errors
/// It cannot be started, or does not end in time; it is killed then.
pub async fn run(command: Command, patience: Duration) -> anyhow::Result<Output> {
    let mut command = tokio::process::Command::from(command);
    let output = command.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let output = output.context("cannot start posthaste: is it built?")?.wait_with_output();
    Ok(timeout(patience, output).await.context("posthaste did not end in time")??)
}
