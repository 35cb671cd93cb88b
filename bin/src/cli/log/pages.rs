//! The log, read and hashed on all cores, for those who check it.

use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::Context as _;
use futures::{Stream, StreamExt as _, stream};
use posthaste_application::port::EventLog;
use posthaste_application::recorded::Position;
use posthaste_application::verify::Page;

/// Events of a page.
const PAGE: usize = 4_096;

/// The pages after one position and up to another, in their order; the next ones are read and hashed meanwhile. Leaves come with those
/// that begin before `leaves_upto`.
pub(super) fn pages(
    log: &Arc<dyn EventLog>,
    after: Position,
    upto: Position,
    leaves_upto: Position,
) -> impl Stream<Item = anyhow::Result<Page>> + Unpin {
    let ahead = available_parallelism().map_or(2, usize::from) + 1;
    let log = Arc::clone(log);
    let page = move |from: u64| {
        let log = Arc::clone(&log);
        let to = Position((from + PAGE as u64).min(upto.0));
        let read = async move { Page::read(&*log, Position(from), to, from < leaves_upto.0).await };
        let read = tokio::spawn(read);
        Box::pin(async move { Ok(read.await.context("a page was not read to its end")??) })
    };
    stream::iter((after.0..upto.0).step_by(PAGE)).map(page).buffered(ahead)
}
