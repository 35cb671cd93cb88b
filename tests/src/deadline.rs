//! The end of patience, for whatever a test waits for.
//!
//! A `timeout` in a test fires only while the test's runtime works: not when a thread blocks in a destructor, when a poll never returns,
//! or when nobody remembered to put one. A [`Deadline`] is a thread of its own. When time is up it says what everybody is doing and ends
//! the process, and the watchdogs end what the process has started.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::process::{self, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use crate::services::process::{descendants, tails};

/// How long it may take to find out one thing about what is going on.
const FINDING_OUT: Duration = Duration::from_secs(60);

/// Aborts the process when it is not dropped in time.
#[derive(Debug)]
pub struct Deadline {
    /// Ends the thread when it is dropped.
    _reached: Sender<()>,
}

impl Deadline {
    /// From now on, `what` may take so long.
    #[must_use]
    pub fn new(what: &str, limit: Duration) -> Self {
        Self::telling(what, limit, String::new)
    }

    /// The same, and what `state` gives is told as well.
    #[must_use]
    pub fn telling(what: &str, limit: Duration, state: impl FnOnce() -> String + Send + 'static) -> Self {
        let (reached, waits) = mpsc::channel();
        let what = what.to_owned();
        thread::spawn(move || {
            if waits.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                say(&format!("\n{what}: not over after {limit:?}; this is what everybody is doing, and then the process is aborted"));
                find_out("state", state);
                find_out("threads", threads);
                find_out("processes", processes);
                find_out("logs", tails);
                find_out("stacks", stacks);
                process::abort();
            }
        });
        Self { _reached: reached }
    }
}

/// Not by the macros: what they print is shown when a test has failed, and this one never will.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Says something that may take its time to find out, or block for ever on what blocks everything else.
fn find_out(name: &str, of: impl FnOnce() -> String + Send + 'static) {
    let (found, wait) = mpsc::channel();
    thread::spawn(move || found.send(of()));
    let found = wait.recv_timeout(FINDING_OUT).unwrap_or_else(|error| format!("cannot be found out: {error}"));
    if !found.is_empty() {
        say(&format!("--- {name}\n{found}"));
    }
}

/// Each thread of this process, and where in the system it is.
fn threads() -> String {
    let mut said = String::new();
    for task in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |name: &str| fs::read_to_string(task.path().join(name)).unwrap_or_default().trim().to_owned();
        let _ =
            writeln!(said, "{} {:?} waits in {:?}, call {:?}", task.file_name().display(), read("comm"), read("wchan"), read("syscall"));
    }
    said
}

/// Every process that this one has started, and those have.
fn processes() -> String {
    let ids = descendants(process::id());
    let read = |id: u32, name: &str| fs::read_to_string(format!("/proc/{id}/{name}")).unwrap_or_default();
    ids.into_iter().fold(String::new(), |mut said, id| {
        let state = read(id, "status").lines().find(|line| line.starts_with("State:")).unwrap_or_default().to_owned();
        let command = read(id, "cmdline").replace('\0', " ").chars().take(160).collect::<String>();
        let _ = writeln!(said, "{id} {state} waits in {:?}: {command}", read(id, "wchan"));
        said
    })
}

/// Where every thread of this process and of our servers is, if there is a debugger to say it and it is allowed to.
fn stacks() -> String {
    let is_server = |id: &u32| fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim() == "posthaste");
    let ids = [process::id()].into_iter().chain(descendants(process::id()).into_iter().filter(is_server));
    let stack = |id: u32| {
        let mut debugger = Command::new("timeout");
        debugger.args(["20", "gdb", "--batch", "-nx", "-ex", "thread apply all backtrace 40", "-p", &id.to_string()]);
        let output = debugger.stdin(Stdio::null()).stderr(Stdio::null()).output();
        format!("{id}:\n{}", output.map_or_else(|error| error.to_string(), |output| String::from_utf8_lossy(&output.stdout).into_owned()))
    };
    ids.map(stack).collect()
}
