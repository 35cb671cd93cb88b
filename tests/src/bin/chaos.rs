//! `chaos [--seed N] [--seconds S] [--users U]`: runs the chaos suite once, and prints what came of it.

use std::env;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use posthaste_tests::chaos::{Setting, run};

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<ExitCode> {
    let mut setting = Setting::default();
    let mut arguments = env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{name} needs a number")).and_then(|value| Ok(value.parse::<u64>()?));
        match name.as_str() {
            "--seed" => setting.seed = value()?,
            "--seconds" => setting.seconds = value()?,
            "--users" => setting.users = usize::try_from(value()?)?,
            _ => bail!("{name}? usage: tests/chaos [--seed N] [--seconds S] [--users U]"),
        }
    }
    eprintln!("{}", setting.replay());
    match run(setting).await {
        Ok(report) => {
            println!("{report}");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            // Without the stack of where it was noticed, which tells nothing.
            error.chain().for_each(|cause| eprintln!("{cause}"));
            Ok(ExitCode::FAILURE)
        }
    }
}
