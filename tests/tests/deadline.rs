//! A deadline ends a process that nothing else would end, and says what it was doing.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::env;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use posthaste_tests::deadline::Deadline;
use posthaste_tests::services::Process;

/// Set in the process that hangs.
const HANGS: &str = "POSTHASTE_TEST_HANGS";

/// Runs one test of this program again, as a process of its own that is to hang.
fn again(test: &str) -> std::process::Output {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test]).env(HANGS, "yes").stdin(Stdio::null());
    let (ended, wait) = mpsc::channel();
    std::thread::spawn(move || ended.send(command.output()));
    wait.recv_timeout(Duration::from_secs(240)).expect("it hangs").unwrap()
}

#[tokio::test(flavor = "current_thread")]
async fn a_blocked_runtime_is_ended_with_all_it_has_started() {
    if env::var_os(HANGS).is_some() {
        let mut sleeper = Command::new("sh");
        sleeper.args(["-c", "echo a sleeper speaks; exec sleep 3600"]);
        let log = tempfile::NamedTempFile::new().unwrap();
        let sleeper = Process::spawn("the sleeper", sleeper, log.path()).unwrap();
        println!("the sleeper is {}", sleeper.id());
        let _deadline = Deadline::telling("the test of deadlines", Duration::from_secs(2), || "it is blocked on purpose".to_owned());
        // Blocks the only thread that the runtime has: no timer of it fires any more.
        let (_never, nothing) = mpsc::channel::<()>();
        let _ = nothing.recv();
        return;
    }
    let output = again("a_blocked_runtime_is_ended_with_all_it_has_started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(6), "{said}");
    for part in ["the test of deadlines: not over after 2s", "it is blocked on purpose", "futex", "sleep 3600", "a sleeper speaks"] {
        assert!(said.contains(part), "{part:?} is missing: {said}");
    }
    // By the watchdog, once its pipe has closed.
    let processes = said.split("--- processes\n").nth(1).unwrap();
    let line = processes.lines().find(|line| line.contains("sleep 3600")).unwrap();
    let id: u32 = line.split_whitespace().next().unwrap().parse().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::fs::read_to_string(format!("/proc/{id}/cmdline")).is_ok_and(|command| command.contains("3600")) {
        assert!(Instant::now() < deadline, "the sleeper still sleeps");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_is_over_in_time_goes_on() {
    let deadline = Deadline::telling("nothing", Duration::from_millis(200), || panic!("nobody asks"));
    drop(deadline);
    tokio::time::sleep(Duration::from_millis(400)).await;
}
