//! `with-services COMMAND [ARGUMENT…]` runs a command with a private set of services around it.
//!
//! The command finds them through the environment and ends with its own exit code. When this process is
//! interrupted or terminated, the command is terminated with all it started, and then the services.

use std::env;
use std::process::{Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::bail;
use posthaste_tests::Services;
use posthaste_tests::services::Process;
use tokio::signal::unix::{Signal, SignalKind, signal};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = env::args_os().skip(1).peekable();
    arguments.next_if(|argument| argument == "--");
    let Some(program) = arguments.next() else {
        bail!("usage: with-services [--] COMMAND [ARGUMENT…]");
    };
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;

    let begun = Instant::now();
    let services = tokio::select! {
        services = Services::start() => services?,
        code = interrupted(&mut interrupt, &mut terminate) => return Ok(code),
    };
    eprintln!("services are up after {:.1} s", begun.elapsed().as_secs_f64());

    let mut command = Command::new(&program);
    command.args(arguments).envs(services.endpoints().to_env());
    let mut process = Process::spawn_inheriting(&program.to_string_lossy(), command, None)?;
    let code = tokio::select! {
        status = process.wait() => code_of(status?),
        code = interrupted(&mut interrupt, &mut terminate) => {
            process.signal_group("TERM");
            // What does not heed it is killed when `process` is dropped.
            let _ = process.wait_at_most(Duration::from_secs(5)).await;
            code
        }
    };
    drop(process);
    // Killed rather than shut down: nobody needs what is in them, and RabbitMQ takes seconds to leave in order.
    drop(services);
    Ok(code)
}

/// Waits for a signal that asks us to end, and returns the exit code that a shell gives it.
async fn interrupted(interrupt: &mut Signal, terminate: &mut Signal) -> ExitCode {
    tokio::select! {
        _ = interrupt.recv() => ExitCode::from(130),
        _ = terminate.recv() => ExitCode::from(143),
    }
}

fn code_of(status: ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
