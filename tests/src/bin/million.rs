//! `million [--events N] [--profile embedded|distributed]`: what an operator does with a log of a million events, and what it takes.
//!
//! Makes such a log and has it verified, sealed, exported, imported into an empty one, verified again, and its views built, each by the
//! program as it is; fails when anything comes out other than it went in. Prints a line for each, with the load of the machine beside it.
//! To be run by `tests/million`, which builds everything as it is released and starts the services.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use posthaste_tests::generator::number;
use posthaste_tests::node::{migrate, posthaste_with};
use posthaste_tests::services::Scratch;
use posthaste_tests::{Node, NodeSettings, Sandbox};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::time::sleep;

const USAGE: &str = "usage: million [--events N] [--profile embedded|distributed]";
/// How often a process is asked for its memory.
const LOOK: Duration = Duration::from_millis(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let (mut events, mut profile) = (1_000_000, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} needs a value; {USAGE}"))?;
        match name.as_str() {
            "--events" => events = number(&value)?,
            "--profile" => profile = Some(value),
            _ => bail!("{name}? {USAGE}"),
        }
    }
    println!("{:<12} {:<22} {:>8} {:>10} {:>8} {:>9}  load", "profile", "what", "seconds", "events/s", "CPU s", "peak MiB");
    if profile.as_deref().is_none_or(|profile| profile == "embedded") {
        embedded(events).await?;
    }
    if profile.as_deref().is_none_or(|profile| profile == "distributed") {
        distributed(events).await?;
    }
    Ok(())
}

/// One log, and what is done with it.
struct Subject {
    profile: &'static str,
    settings: NodeSettings,
    /// Selects the log on the command line.
    target: Vec<String>,
    events: u64,
}

impl Subject {
    /// Runs one of the program's commands and tells what it took; gives what it said.
    async fn take(&self, what: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = posthaste_with(&self.settings, arguments);
        command.args(&self.target);
        self.measure(what, command).await
    }

    async fn measure(&self, what: &str, mut command: Command) -> anyhow::Result<String> {
        let begun = Instant::now();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
        let (process, mut used) = (child.id().context("it has just begun")?, Used::default());
        let output = async {
            let (mut said, mut logged) = (child.stdout.take().context("piped")?, child.stderr.take().context("piped")?);
            let (mut out, mut err) = (Vec::new(), Vec::new());
            tokio::try_join!(said.read_to_end(&mut out), logged.read_to_end(&mut err))?;
            anyhow::Ok((child.wait().await?, out, err))
        };
        tokio::pin!(output);
        let (ended, said, logged) = loop {
            tokio::select! {
                output = &mut output => break output?,
                () = sleep(LOOK) => used = Used::by(process).unwrap_or(used),
            }
        };
        ensure!(ended.success(), "{what}: {ended}: {}", String::from_utf8_lossy(&logged));
        self.tell(what, begun.elapsed(), used);
        Ok(String::from_utf8(said)?)
    }

    fn tell(&self, what: &str, took: Duration, Used { cpu, peak }: Used) {
        let (seconds, load) = (took.as_secs_f64(), fs::read_to_string("/proc/loadavg").unwrap_or_default());
        let load = load.split(' ').next().unwrap_or_default();
        println!("{:<12} {what:<22} {seconds:>8.2} {:>10.0} {cpu:>8.2} {peak:>9}  {load}", self.profile, self.events as f64 / seconds);
    }

    /// The hash of the last event.
    async fn head(&self) -> anyhow::Result<String> {
        let mut tail = posthaste_with(&self.settings, &["log", "tail", "-n", "1", "--json"]);
        let output = tail.args(&self.target).output()?;
        let last: Value = serde_json::from_slice(&output.stdout)?;
        Ok(last["hash"].as_str().with_context(|| last.to_string())?.to_owned())
    }

    /// Verifies it, with and without seals, and exports it into this folder.
    async fn read(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
        let (key, seals, export) = (path("key"), path("seals"), path("export.jsonl.gz"));
        self.take("log verify", &["log", "verify"]).await?;
        ensure!(posthaste_with(&self.settings, &["log", "seal", "--generate-key", &key]).output()?.status.success(), "no key");
        self.take("log seal", &["log", "seal", "--seals", &seals, "--key", &key]).await?;
        let public = format!("{key}.pub");
        self.take("log verify --seals", &["log", "verify", "--seals", &seals, "--public-key", &public]).await?;
        self.take("log export --gzip", &["log", "export", "--gzip", "-o", &export]).await?;
        println!("{:<12} {:<22} {} MiB", self.profile, "the export", fs::metadata(&export)?.len() >> 20);
        Ok(export.into())
    }

    /// Makes another log of the export, which must be the same to the last hash.
    async fn import(&self, export: &Path, other: &Self) -> anyhow::Result<()> {
        other.take("log import --verify", &["log", "import", "--verify", &export.to_string_lossy()]).await?;
        other.take("log verify, imported", &["log", "verify"]).await?;
        let (one, copy) = (self.head().await?, other.head().await?);
        ensure!(one == copy, "the log ends with {one}, and what was made of its export with {copy}");
        Ok(())
    }
}

/// What a process has used so far. Not what was used for it: PostgreSQL works by itself.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    /// Seconds of processor time, which say more than the clock where others are at work.
    cpu: f64,
    /// The most memory it has had, in MiB.
    peak: u64,
}

impl Used {
    /// `None` when it has ended.
    fn by(process: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok())?;
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // Behind the name, which may hold anything: the 14th and 15th field, in hundredths of a second.
        let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
        let mut ticks = || fields.next()?.parse::<u64>().ok();
        Some(Self { cpu: (ticks()? + ticks()?) as f64 / 100.0, peak: peak >> 10 })
    }
}

/// Beside this program.
fn generate_log() -> anyhow::Result<Command> {
    Ok(Command::new(std::env::current_exe()?.with_file_name("generate-log")))
}

async fn embedded(events: u64) -> anyhow::Result<()> {
    let folder = Scratch::new()?;
    let subject = |name: &str| {
        let data = folder.path().join(name);
        let target = vec!["--data".to_owned(), data.to_string_lossy().into_owned()];
        Subject { profile: "embedded", settings: NodeSettings::embedded(&data), target, events }
    };
    let (one, other) = (subject("one"), subject("other"));
    let mut generate = generate_log()?;
    generate.args(&one.target).args(["--events", &events.to_string()]);
    one.measure("generate", generate).await?;
    let export = one.read(folder.path()).await?;
    one.import(&export, &other).await?;
    one.take("views verify all", &["views", "verify", "all"]).await?;

    let begun = Instant::now();
    let mut node = Node::start("a node", other.settings.clone()).await?;
    let client = posthaste_tests::http::client();
    while !client.get(format!("{}/readyz", node.base())).send().await?.status().is_success() {
        node.still_runs()?;
        sleep(LOOK).await;
    }
    other.tell("cold start, ready", begun.elapsed(), Used::by(node.process_id()?).unwrap_or_default());
    ensure!(node.terminate().await?.success(), "it did not stop in order");
    Ok(())
}

async fn distributed(events: u64) -> anyhow::Result<()> {
    let folder = Scratch::new()?;
    let (first, second) = (Sandbox::new("a million").await?, Sandbox::new("a million again").await?);
    let subject = |sandbox: &Sandbox| {
        let settings = NodeSettings::distributed(sandbox).with("POSTGRES__OWNER_URL", sandbox.postgres_owner_url());
        Subject { profile: "distributed", settings, target: Vec::new(), events }
    };
    let (one, other) = (subject(&first), subject(&second));
    migrate(&first).await?;
    migrate(&second).await?;
    let mut generate = generate_log()?;
    generate.args(["--url", &first.postgres_server_url(), "--events", &events.to_string()]);
    one.measure("generate", generate).await?;
    let export = one.read(folder.path()).await?;
    one.import(&export, &other).await?;
    for view in ["threads", "timeline", "people"] {
        other.take(&format!("{view}, from nothing"), &["views", "rebuild", view]).await?;
    }
    for view in ["threads", "timeline", "people"] {
        other.take(&format!("{view}, rebuilt"), &["views", "rebuild", view]).await?;
    }
    other.take("views verify all", &["views", "verify", "all"]).await?;
    Ok(())
}
