//! What somebody asked of the dead letters of views: those views are folded anew, while the live ones go on.

use std::sync::Arc;
use std::time::Duration;

use posthaste_application::Ports;
use posthaste_application::port::PortError;
use posthaste_application::rebuild::{self, RebuildError};
use posthaste_application::view::ViewName;
use tokio_util::sync::CancellationToken;

use super::{BackOff, pause};

/// How often it is looked whether something was asked: an operator waits so long.
const LOOK: Duration = Duration::from_secs(1);

/// Folds views anew when somebody asks. Stopped in the middle, it has changed nothing, and whoever is next finds what was asked.
pub(crate) async fn fold_anew(ports: Ports, stopping: CancellationToken) {
    let mut back_off = BackOff::new();
    while !stopping.is_cancelled() {
        pause(LOOK, &stopping).await;
        match stopping.run_until_cancelled(carry_out(&ports)).await {
            None | Some(Ok(())) => back_off.reset(),
            Some(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "what was asked of dead letters could not be done for a moment");
                back_off.pause(&stopping).await;
            }
        }
    }
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
