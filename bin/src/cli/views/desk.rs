//! Views in the memory of the server that runs: it is asked, and does what is asked.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use indicatif::ProgressBar;
use posthaste_application::port::desk::{Answer, Ask, Number, Slip};
use posthaste_application::port::{Clock as _, Desk};
use posthaste_infrastructure::system::SystemClock;
use tokio::time::{Instant, sleep};

use super::Stores;
use crate::cli::Interrupted;
use crate::compose;

/// Between two looks at what a server was asked to do.
const LOOK: Duration = Duration::from_millis(100);
/// How long something may wait until the server takes it up, one thing after the other.
const PATIENCE: Duration = Duration::from_secs(60);

/// Has the server do something, with its progress on a bar. Ctrl-C takes it back.
pub(super) async fn ask(stores: &Stores, desk: &Arc<dyn Desk>, ask: Ask, bar: &ProgressBar) -> anyhow::Result<Answer> {
    let number = desk.ask(ask, SystemClock.now()).await?;
    let answered = tokio::select! {
        answered = answer(stores, &**desk, number, bar) => answered,
        stopped = tokio::signal::ctrl_c() => match stopped.context("Ctrl-C cannot be heard") {
            Ok(()) => Err(Interrupted("stopped: the live view is as it was".to_owned()).into()),
            Err(error) => Err(error),
        },
    };
    bar.finish_and_clear();
    desk.withdraw(number).await?;
    match answered? {
        Answer::Failed { reason } => bail!("{reason}"),
        answer @ (Answer::Status { .. } | Answer::Rebuilt { .. } | Answer::Verified { .. }) => Ok(answer),
    }
}

async fn answer(stores: &Stores, desk: &dyn Desk, number: Number, bar: &ProgressBar) -> anyhow::Result<Answer> {
    let mut deadline = Instant::now() + PATIENCE;
    loop {
        match desk.slip(number).await?.context("somebody has taken back what was asked")? {
            Slip::Done(answer) => return Ok(answer),
            Slip::UnderWay { position, goal } => {
                bar.set_length(goal.0);
                bar.set_position(position.0);
                deadline = Instant::now() + PATIENCE;
            }
            Slip::Waits => bar.set_message("  (waiting for the server)"),
        }
        ensure!(compose::is_served(&stores.config), "the server has ended, and its views with it: a start folds them anew");
        ensure!(
            Instant::now() < deadline,
            "the server does nothing of that within {} s: does it have the role projector?",
            PATIENCE.as_secs()
        );
        sleep(LOOK).await;
    }
}

/// An answer to something else than was asked.
pub(super) fn beside_the_point(answer: &Answer) -> anyhow::Error {
    anyhow::anyhow!("the server has answered something else: {answer:?}")
}
