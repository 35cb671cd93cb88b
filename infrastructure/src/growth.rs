//! How far a log is known to have grown, for those of this process who follow it.

use posthaste_application::port::log::{Announcement, Recording};
use posthaste_application::recorded::Position;
use tokio::sync::watch;

/// Wakes who waits for this position, unless a later one is known.
pub(crate) fn advance(known: &watch::Sender<Position>, position: Position) {
    known.send_if_modified(|known| {
        let further = position > *known;
        if further {
            *known = position;
        }
        further
    });
}

/// What was recorded, with whom it wakes.
pub(crate) fn announced(known: &watch::Sender<Position>, recording: Recording) -> Recording {
    let Some(last) = recording.events.last().map(|last| last.position) else { return recording };
    let known = known.clone();
    Recording { announcement: Announcement::by(move || advance(&known, last)), ..recording }
}

/// Waits until it is known to have grown beyond a position.
pub(crate) async fn grown(known: &watch::Sender<Position>, beyond: Position) {
    // It can only fail when the sender is gone.
    let _ = known.subscribe().wait_for(|known| *known > beyond).await;
}
