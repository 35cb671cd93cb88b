//! The views as tables. Each view has a file that says how a batch of events changes its tables and how its rows are read.

mod friends;
mod members;
mod projection;
mod threads;
mod timeline;

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use posthaste_application::port::PortError;
use posthaste_application::recorded::Position;
use posthaste_application::view::{Friend, FriendState, Member, Page, ThreadSummary, TimelineEntry, ViewName, Views};
use posthaste_domain::{ThreadId, UserId};
use tokio::sync::{Mutex, watch};
use tokio::time::sleep;

pub use projection::PgProjection;

use super::connect::Postgres;

/// Between two looks at a checkpoint that somebody waits for.
const PAUSE: Duration = Duration::from_millis(10);

/// How far a view is, for all who wait for it in this process: one of them looks and tells the others.
#[derive(Debug, Default)]
struct Progress {
    looking: Mutex<()>,
    seen: watch::Sender<Position>,
}

/// The views in PostgreSQL.
#[derive(Debug)]
pub struct PgViews {
    postgres: Postgres,
    progress: HashMap<ViewName, Progress>,
}

impl PgViews {
    /// The views of this database.
    #[must_use]
    pub fn new(postgres: Postgres) -> Self {
        let progress = ViewName::ALL.into_iter().map(|view| (view, Progress::default())).collect();
        Self { postgres, progress }
    }

    /// Looks at the checkpoint again and again until it is far enough, and tells everybody what was seen.
    async fn look(&self, view: ViewName, progress: &Progress, position: Position) -> Result<(), PortError> {
        let _looking = progress.looking.lock().await;
        loop {
            let checkpoint = projection::checkpoint(&self.postgres, view).await?;
            progress.seen.send_replace(checkpoint);
            if checkpoint >= position {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
    }
}

#[async_trait]
impl Views for PgViews {
    async fn reached(&self, view: ViewName, position: Position) -> Result<(), PortError> {
        let progress = self.progress.get(&view).expect("every view has its progress");
        let mut seen = progress.seen.subscribe();
        // What was seen before this call may be from before the view was emptied.
        let told = async {
            while seen.changed().await.is_ok() {
                if *seen.borrow_and_update() >= position {
                    return;
                }
            }
        };
        tokio::select! {
            () = told => Ok(()),
            looked = self.look(view, progress, position) => looked,
        }
    }

    async fn threads(&self, user: UserId, page: Page) -> Result<Vec<ThreadSummary>, PortError> {
        threads::list(&self.postgres, user, page).await
    }

    async fn timeline(&self, thread: ThreadId, page: Page) -> Result<Vec<TimelineEntry>, PortError> {
        timeline::page(&self.postgres, thread, page).await
    }

    async fn members(&self, thread: ThreadId) -> Result<Vec<Member>, PortError> {
        members::list(&self.postgres, thread).await
    }

    async fn member(&self, thread: ThreadId, user: UserId) -> Result<Option<Member>, PortError> {
        members::member(&self.postgres, thread, user).await
    }

    async fn friends(&self, user: UserId, state: FriendState, page: Page) -> Result<Vec<Friend>, PortError> {
        friends::list(&self.postgres, user, state, page).await
    }
}

/// A page as its statement takes it: the key it stays below, and the most rows.
fn bounds(page: Page) -> (i64, i64) {
    let before = page.before.map_or(i64::MAX, |before| i64::try_from(before.0).unwrap_or(i64::MAX));
    (before, i64::try_from(page.limit).unwrap_or(i64::MAX))
}
