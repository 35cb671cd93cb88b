//! What somebody asked of views: those are folded anew, while the live ones go on. Because of their dead letters; or because they are in the
//! memory of this process, and nobody else can look at them.

use std::sync::Arc;
use std::time::Duration;

use posthaste_application::Ports;
use posthaste_application::desk::Clerk;
use posthaste_application::port::PortError;
use posthaste_application::rebuild::{self, RebuildError};
use posthaste_application::view::ViewName;
use tokio_util::sync::CancellationToken;

use super::{BackOff, pause};

/// How often it is looked whether something was asked: an operator waits so long.
const LOOK: Duration = Duration::from_secs(1);

/// Folds views anew when somebody asks. Stopped in the middle, it has changed nothing, and whoever is next finds what was asked.
pub(crate) async fn fold_anew(ports: Ports, stopping: CancellationToken) {
    let clerk = clerk(&ports);
    let mut back_off = BackOff::new();
    while !stopping.is_cancelled() {
        pause(LOOK, &stopping).await;
        let both = async {
            carry_out(&ports).await?;
            while let Some(clerk) = &clerk
                && clerk.step(ports.ids.next()).await?
            {}
            Ok(())
        };
        done(stopping.run_until_cancelled(both).await, &mut back_off, &stopping).await;
    }
}

/// Says how far the views in memory are, to those who ask.
pub(crate) async fn tell(ports: Ports, stopping: CancellationToken) {
    let Some(clerk) = clerk(&ports) else { return };
    let mut back_off = BackOff::new();
    while !stopping.is_cancelled() {
        pause(LOOK, &stopping).await;
        done(stopping.run_until_cancelled(clerk.tell()).await, &mut back_off, &stopping).await;
    }
}

async fn done(done: Option<Result<(), PortError>>, back_off: &mut BackOff, stopping: &CancellationToken) {
    match done {
        None | Some(Ok(())) => back_off.reset(),
        Some(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "what was asked of views could not be done for a moment");
            back_off.pause(stopping).await;
        }
    }
}

fn clerk(ports: &Ports) -> Option<Clerk> {
    let desk = Arc::clone(ports.desk.as_ref()?);
    Some(Clerk { desk, log: Arc::clone(&ports.log), rebuilds: Arc::clone(&ports.rebuilds), clock: Arc::clone(&ports.clock) })
}

async fn carry_out(ports: &Ports) -> Result<(), PortError> {
    for view in ports.dead.asked().await? {
        match one(ports, view).await {
            // Asked again meanwhile, or somebody else is at it: it is still asked then, and looked at again.
            Ok(()) | Err(RebuildError::Outdated { .. } | RebuildError::Busy { .. }) => {}
            Err(RebuildError::Port(error)) => return Err(error),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, view = view.as_str(), "the view could not be folded anew");
            }
        }
    }
    Ok(())
}

async fn one(ports: &Ports, view: ViewName) -> Result<(), RebuildError> {
    let folded = rebuild::fold_anew(Arc::clone(&ports.log), Arc::clone(&ports.rebuilds), view, ports.ids.next()).await?;
    if let Some(outcome) = folded {
        let (position, parked) = (outcome.position.0, outcome.parked);
        tracing::info!(view = view.as_str(), position, parked, "folded anew, because somebody asked to try its dead letters again");
    }
    Ok(())
}
