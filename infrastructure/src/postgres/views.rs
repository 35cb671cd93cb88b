//! The views as tables: `write` says how a batch of events changes them, `read` how they are asked.

mod projection;
mod read;
mod rebuilds;
mod words;
mod write;

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::port::PortError;
use posthaste_application::recorded::Position;
use posthaste_application::view::{
    Account, AccountFilter, Ban, Census, Deletion, Earshot, Friend, FriendState, Glimpse, Invitation, Invite, Member, MemberPage, Page,
    Person, PublicThread, Reaction, Search, ThreadFilter, ThreadSummary, TimelineEntry, TimelinePage, ViewName, Views,
};
use posthaste_domain::user::Privacy;
use posthaste_domain::{MessageId, ThreadId, UserId};
use tokio::sync::{Mutex, watch};
use tokio::time::sleep;

pub use projection::PgProjection;
pub use rebuilds::PgRebuilds;

use super::connect::Postgres;
use read::{members, people, threads, timeline};

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

    async fn threads(&self, user: UserId, filter: &ThreadFilter, page: Page) -> Result<Vec<ThreadSummary>, PortError> {
        threads::list(&self.postgres, user, None, filter, page).await
    }

    async fn thread(&self, user: UserId, thread: ThreadId) -> Result<Option<ThreadSummary>, PortError> {
        let one = Page { before: None, limit: 1 };
        Ok(threads::list(&self.postgres, user, Some(thread), &ThreadFilter::default(), one).await?.pop())
    }

    async fn discover(&self, matching: Option<&str>, page: Page) -> Result<Vec<PublicThread>, PortError> {
        threads::discover(&self.postgres, matching, page).await
    }

    async fn members(&self, thread: ThreadId, page: MemberPage) -> Result<Vec<Member>, PortError> {
        members::members(&self.postgres, thread, page).await
    }

    async fn bans(&self, thread: ThreadId, page: Page) -> Result<Vec<Ban>, PortError> {
        members::bans(&self.postgres, thread, page).await
    }

    async fn invites(&self, thread: ThreadId, now: DateTime<Utc>, page: Page) -> Result<Vec<Invite>, PortError> {
        members::invites(&self.postgres, thread, now, page).await
    }

    async fn invitations(&self, user: UserId, now: DateTime<Utc>, page: Page) -> Result<Vec<Invitation>, PortError> {
        members::invitations(&self.postgres, user, now, page).await
    }

    async fn timeline(&self, user: UserId, thread: ThreadId, page: TimelinePage) -> Result<Vec<TimelineEntry>, PortError> {
        timeline::page(&self.postgres, user, thread, page).await
    }

    async fn position_at(&self, user: UserId, thread: ThreadId, at: DateTime<Utc>) -> Result<Option<Position>, PortError> {
        timeline::position_at(&self.postgres, user, thread, at).await
    }

    async fn message(&self, user: UserId, message: MessageId) -> Result<Option<TimelineEntry>, PortError> {
        timeline::message(&self.postgres, user, message).await
    }

    async fn pins(&self, user: UserId, thread: ThreadId, page: Page) -> Result<Vec<(Position, TimelineEntry)>, PortError> {
        timeline::pins(&self.postgres, user, thread, page).await
    }

    async fn reactions(&self, message: MessageId, page: Page) -> Result<Vec<Reaction>, PortError> {
        timeline::reactions(&self.postgres, message, page).await
    }

    async fn search(&self, user: UserId, thread: Option<ThreadId>, search: &Search, page: Page) -> Result<Vec<TimelineEntry>, PortError> {
        timeline::search(&self.postgres, user, thread, search, page).await
    }

    async fn friends(&self, user: UserId, state: FriendState, page: Page) -> Result<Vec<Friend>, PortError> {
        people::friends(&self.postgres, user, state, page).await
    }

    async fn earshot(&self, asked: &[(ThreadId, UserId)], most: u32) -> Result<Vec<Earshot>, PortError> {
        members::earshot(&self.postgres, asked, most).await
    }

    async fn directory(&self, user: UserId, matching: &str, page: Page) -> Result<Vec<Person>, PortError> {
        people::directory(&self.postgres, user, matching, page).await
    }

    async fn accounts(&self, filter: &AccountFilter, page: Page) -> Result<Vec<Account>, PortError> {
        people::accounts(&self.postgres, filter, page).await
    }

    async fn deletions(&self, after: Option<Deletion>, due: DateTime<Utc>, limit: usize) -> Result<Vec<Deletion>, PortError> {
        people::deletions(&self.postgres, after, due, limit).await
    }

    async fn census(&self) -> Result<Census, PortError> {
        people::census(&self.postgres).await
    }

    async fn privacy(&self, users: &[UserId]) -> Result<Vec<Privacy>, PortError> {
        people::privacy(&self.postgres, users).await
    }

    async fn glimpses(&self, pairs: &[(UserId, UserId)]) -> Result<Vec<Glimpse>, PortError> {
        people::glimpses(&self.postgres, pairs).await
    }
}
