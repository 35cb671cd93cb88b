//! Who is online, as frames. They come when there is nothing more important to write, and may be lost.

use std::future::pending;

use posthaste_application::presence::{Shown, WATCHED, Watcher};
use posthaste_application::problem::{Code, Problem};

use super::Gateway;
use super::frame::{ServerFrame, Watch};
use super::handshake::Session;

/// Has a connection watch others: `watcher` is whom it has for that, from the first time on.
///
/// # Errors
/// They are too many.
pub(super) fn watch(gateway: &Gateway, session: &Session, watcher: &mut Option<Watcher>, watch: Watch) -> Result<(), Problem> {
    if watch.users.len() > WATCHED {
        return Err(Problem::with(Code::Validation, format!("at most {WATCHED} users can be watched")));
    }
    watcher.get_or_insert_with(|| gateway.lookout.watcher(session.access.user)).watch(watch.users);
    Ok(())
}

/// What is to be told; nothing ever to whoever watches nobody.
pub(super) async fn changes(watcher: Option<&Watcher>) -> Vec<Shown> {
    match watcher {
        Some(watcher) => watcher.changes().await,
        None => pending().await,
    }
}

/// The frame that tells it.
pub(super) fn frame(Shown { user, online, last_seen }: Shown) -> String {
    ServerFrame::Presence { user, online, last_seen }.text()
}
