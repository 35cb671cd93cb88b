//! Processes that end with their owner, with everything they started.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::{Instant, sleep, timeout};

/// How often a condition is looked at again while waiting for it.
const POLL: Duration = Duration::from_millis(20);

/// Every process that runs, by its id, with its name and its log: for whoever must tell what is going on.
static RUNNING: Mutex<BTreeMap<u32, (String, Option<PathBuf>)>> = Mutex::new(BTreeMap::new());

/// A process in a group of its own, its output in a file. It is killed, with all its descendants, when this value
/// is dropped, and by a watchdog if the owner dies before it can do so.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: Option<PathBuf>,
    _watchdog: Watchdog,
}

impl Process {
    /// Starts `command` with its output appended to the file `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(name: &str, mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        command.stdout(output.try_clone()?).stderr(output);
        Self::spawn_inheriting(name, command, Some(log.to_owned()))
    }

    /// Starts `command` with its output where the command says, or else where ours goes.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn_inheriting(name: &str, mut command: Command, log: Option<PathBuf>) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name}: {}", command.get_program().display()))?;
        match Watchdog::over_group(child.id()) {
            Ok(watchdog) => {
                RUNNING.lock().unwrap_or_else(PoisonError::into_inner).insert(child.id(), (name.to_owned(), log.clone()));
                Ok(Self { name: name.to_owned(), child, log, _watchdog: watchdog })
            }
            Err(error) => {
                kill_tree(&mut child);
                Err(error)
            }
        }
    }

    /// The process's id, which is its group's id too.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, by its name without `SIG`, to the process alone.
    pub fn signal(&self, signal: &str) {
        send(signal, [self.id().to_string()]);
    }

    /// Sends a signal, by its name without `SIG`, to the process and its group.
    pub fn signal_group(&self, signal: &str) {
        send(signal, [format!("-{}", self.id())]);
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// Those of the system.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until it ends, however long that takes.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            sleep(POLL).await;
        }
    }

    /// Waits until it ends, but only so long.
    ///
    /// # Errors
    /// When it did not end within `patience`.
    pub async fn wait_at_most(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        match timeout(patience, self.wait()).await {
            Ok(status) => status,
            Err(_) => bail!("{} did not end within {patience:?}{}", self.name, self.tail()),
        }
    }

    /// Waits until `probe` succeeds.
    ///
    /// # Errors
    /// When the process ends before, or `patience` does; with the probe's last error and the tail of the log.
    pub async fn ready<F, Fut, T>(&mut self, patience: Duration, mut probe: F) -> anyhow::Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = anyhow::Result<T>>,
    {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended()? {
                bail!("{} ended while starting, {status}{}", self.name, self.tail());
            }
            // A listener that accepts and then says nothing must not outlast the deadline.
            let last = match timeout(Duration::from_secs(5), probe()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(elapsed) => elapsed.into(),
            };
            if Instant::now() > deadline {
                return Err(last.context(format!("{} was not ready within {patience:?}{}", self.name, self.tail())));
            }
            sleep(POLL).await;
        }
    }

    /// Kills the process alone, within microseconds, and reaps it. For one that starts no others.
    ///
    /// # Errors
    /// Those of the system.
    pub fn strike(&mut self) -> anyhow::Result<ExitStatus> {
        self.child.kill()?;
        Ok(self.child.wait()?)
    }

    /// Kills it with everything it started, and waits until all of it is gone.
    ///
    /// # Errors
    /// When something survives SIGKILL for ten seconds.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        let killed = kill_tree(&mut self.child);
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let left: Vec<_> =
                table().into_iter().filter(|entry| killed.contains(&entry.id) && !entry.dead).map(|entry| entry.id).collect();
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{} was killed, but {left:?} still run", self.name);
            }
            sleep(POLL).await;
        }
    }

    /// The end of what it wrote, for error messages.
    #[must_use]
    pub fn tail(&self) -> String {
        self.log.as_deref().map(|log| format!("; the end of its log:\n  {}", tail(log))).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.child.id());
        kill_tree(&mut self.child);
    }
}

/// The last lines of a file.
fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n  ")
}

/// The ends of the logs of every process that runs.
pub(crate) fn tails() -> String {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let told = |(id, (name, log)): (&u32, &(String, Option<PathBuf>))| {
        let log = log.as_deref().map_or_else(|| "no log".to_owned(), tail);
        format!("{name}, {id}:\n  {log}\n")
    };
    running.iter().map(told).collect()
}

/// What a process has started, and what those have; not itself.
pub(crate) fn descendants(root: u32) -> Vec<u32> {
    let table = table();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(table.iter().filter(|entry| entry.parent == parent).map(|entry| entry.id));
        next += 1;
    }
    found.split_off(1)
}

/// Runs `command` to its end.
///
/// # Errors
/// When it fails; with what it wrote.
pub(super) async fn run(name: &str, command: Command) -> anyhow::Result<()> {
    let output = tokio::process::Command::from(command)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("cannot start {name}"))?;
    if !output.status.success() {
        bail!("{name} failed, {}:\n{}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// A shell that waits for our end of a pipe to close. The system closes it when we die, whatever the cause, and
/// then the shell does what is left to do. Dropping the value calls it off.
#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Watchdog {
    fn over_group(group: u32) -> anyhow::Result<Self> {
        // The leader's children as well: PostgreSQL's have groups of their own.
        Self::start(
            r#"children=$(ps -o pid= --ppid "$1" 2>/dev/null)
            for id in "-$1" $children; do kill -s KILL -- "$id" 2>/dev/null; done"#,
            OsStr::new(&group.to_string()),
        )
    }

    pub(super) fn over_directory(directory: &Path) -> anyhow::Result<Self> {
        // Those who still write in it are being killed at the same moment.
        Self::start(r#"for _ in 1 2 3 4 5; do sleep 1; rm -rf -- "$1" && exit 0; done"#, directory.as_os_str())
    }

    fn start(work: &str, argument: &OsStr) -> anyhow::Result<Self> {
        // In a group of its own, so that an interrupt from the terminal does not end it before its owner.
        let mut shell = Command::new("sh")
            .arg("-c")
            .arg(format!("read -r called_off && exit 0\n{work}"))
            .arg("watchdog")
            .arg(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start sh")?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            // Fails only if the shell is gone, and then there is nothing to call off.
            let _ = writeln!(pipe, "called off");
        }
        let _ = self.shell.wait();
    }
}

/// Kills a process with its group and its descendants, reaps it, and returns the ids of all of them.
fn kill_tree(root: &mut Child) -> Vec<u32> {
    if let Ok(Some(_)) = root.try_wait() {
        // Reaped already: the id may be somebody else's by now.
        return Vec::new();
    }
    // Stopped first, so that it starts nothing more between the look and the kill.
    send("STOP", [root.id().to_string()]);
    let found: Vec<_> = [root.id()].into_iter().chain(descendants(root.id())).collect();
    let group = format!("-{}", root.id());
    let each = found.iter().map(u32::to_string);
    send("KILL", std::iter::once(group).chain(each));
    let _ = root.wait();
    found
}

struct Entry {
    id: u32,
    parent: u32,
    dead: bool,
}

/// What `/proc` says about every process.
fn table() -> Vec<Entry> {
    let Ok(directory) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    directory
        .flatten()
        .filter_map(|file| {
            let id = file.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(file.path().join("stat")).ok()?;
            // `id (name) state parent …`; the name may hold spaces and parentheses.
            let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
            let dead = matches!(fields.next()?, "Z" | "X");
            let parent = fields.next()?.parse().ok()?;
            Some(Entry { id, parent, dead })
        })
        .collect()
}

/// Sends a signal, by its name without `SIG`, to a process that a test has started itself.
pub fn signal(signal: &str, process: u32) {
    send(signal, [process.to_string()]);
}

/// Through the shell, because the standard library has no `kill`. Those that are gone already are no error.
fn send(signal: &str, targets: impl IntoIterator<Item = String>) {
    let _ = Command::new("sh")
        .args(["-c", r#"signal=$1; shift; for id; do kill -s "$signal" -- "$id"; done"#, "kill", signal])
        .args(targets)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}
