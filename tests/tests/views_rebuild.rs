//! A view is built beside the live one, compared with it at one position, and put in its place: whoever dies or writes meanwhile.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "views/asked.rs"]
mod asked;
#[path = "views_rebuild/faults.rs"]
mod faults;
#[path = "views_rebuild/killed.rs"]
mod killed;
#[path = "views_rebuild/rivals.rs"]
mod rivals;

use std::sync::Arc;

use futures::executor::block_on;
use posthaste_application::port::rebuilds::Purpose;
use posthaste_application::port::{EventLog, Rebuilds};
use posthaste_application::project::Projector;
use posthaste_application::rebuild::{Outcome, RebuildError, Rebuilder, Verdict};
use posthaste_application::recorded::Position;
use posthaste_application::shared_tail::SharedTail;
use posthaste_application::view::{FriendState, Page, People, Threads, Timeline, View, ViewName, Views as _};
use posthaste_infrastructure::embedded::MemoryViews;
use posthaste_infrastructure::postgres::{PgLog, PgProjection, PgRebuilds};
use posthaste_tests::Database;
use posthaste_tests::actor::new_id;
use posthaste_tests::histories::{History, USERS, at, user, wishes};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

/// Small, so that little is read ahead and much is taken over.
const BATCH: usize = 20;

/// A log with a history in it, and its views.
struct World {
    database: Database,
    log: Arc<dyn EventLog>,
    rebuilds: Arc<dyn Rebuilds>,
}

/// A history after which there are some rows in every table, the same at every run.
fn rich_history() -> History {
    let mut runner = TestRunner::deterministic();
    loop {
        let history = History::of(&wishes(1_000).new_tree(&mut runner).unwrap().current());
        if history.recorded.len() > 5 * BATCH && block_on(is_rich(&history)) {
            return history;
        }
    }
}

async fn is_rich(history: &History) -> bool {
    const ANY: Page = Page { before: None, limit: 2 };
    let folds = MemoryViews::default();
    for projection in folds.projections() {
        projection.apply(Position::START, &history.recorded).await.unwrap();
    }
    let (mut bans, mut invites, mut pins, mut reactions, mut friends) = (0, 0, 0, 0, 0);
    for thread in history.threads.iter().copied() {
        bans += folds.bans(thread, ANY).await.unwrap().len();
        invites += folds.invites(thread, at(0), ANY).await.unwrap().len();
        for who in (0..USERS).map(user) {
            pins += folds.pins(who, thread, ANY).await.unwrap().len();
        }
    }
    for (message, _) in history.messages.iter().copied() {
        reactions += folds.reactions(message, ANY).await.unwrap().len();
    }
    for who in (0..USERS).map(user) {
        friends += folds.friends(who, FriendState::Friend, ANY).await.unwrap().len();
    }
    let kept = history.recorded.iter().filter(|event| event.event_type == "subscription.muted").count();
    kept > 1 && [bans, invites, pins, reactions, friends].iter().all(|rows| *rows > 1)
}

async fn append(log: &dyn EventLog, history: &History) {
    for appends in history.appends.chunks(100) {
        for answer in log.append(appends).await.unwrap() {
            answer.unwrap();
        }
    }
}

impl World {
    async fn new(test: &str, history: &History) -> Self {
        let database = Database::new(test).await.unwrap();
        let log: Arc<dyn EventLog> = Arc::new(PgLog::new(database.postgres.clone()));
        append(&*log, history).await;
        let world = Self { log, rebuilds: Arc::new(PgRebuilds::new(database.postgres.clone())), database };
        world.project().await;
        world
    }

    /// Brings the live views up to date.
    async fn project(&self) {
        for projection in PgProjection::all(&self.database.postgres) {
            let mut projector = Projector::new(Arc::new(SharedTail::new(Arc::clone(&self.log))), projection);
            while projector.step().await.unwrap() > 0 {}
        }
    }

    fn rebuilder(&self, view: ViewName, purpose: Purpose) -> Rebuilder {
        let (log, rebuilds) = (Arc::clone(&self.log), Arc::clone(&self.rebuilds));
        Rebuilder::new(log, rebuilds, view, purpose, new_id()).in_batches_of(BATCH)
    }

    async fn verify(&self, view: ViewName) -> Result<Verdict, RebuildError> {
        let mut rebuilder = self.rebuilder(view, Purpose::Verify);
        let verdict = async {
            assert!(rebuilder.begin().await?);
            loop {
                build(&mut rebuilder).await?;
                if let Some(verdict) = rebuilder.verify(100).await? {
                    return Ok(verdict);
                }
            }
        };
        let verdict = verdict.await;
        rebuilder.end(true).await?;
        verdict
    }

    async fn rebuild(&self, view: ViewName) -> Result<Outcome, RebuildError> {
        let mut rebuilder = self.rebuilder(view, Purpose::Rebuild);
        assert!(rebuilder.begin().await?);
        exchange(&mut rebuilder).await
    }
}

/// Takes in whatever there is.
async fn build(rebuilder: &mut Rebuilder) -> Result<(), RebuildError> {
    let mut at = None;
    while at != Some(rebuilder.progress()) {
        at = Some(rebuilder.progress());
        rebuilder.step().await?;
    }
    Ok(())
}

async fn exchange(rebuilder: &mut Rebuilder) -> Result<Outcome, RebuildError> {
    let outcome = loop {
        build(rebuilder).await?;
        if let Some(outcome) = rebuilder.exchange().await? {
            break outcome;
        }
    };
    rebuilder.end(true).await?;
    Ok(outcome)
}

/// A fold with each event, and without it: they are unequal exactly if some entry is named that differs.
fn names_what_differs<V: View + Clone + PartialEq>(history: &History) {
    let (mut fold, mut unequal) = (V::default(), 0);
    for event in &history.recorded {
        let before = fold.clone();
        fold.apply(event).unwrap();
        let parts = before.compare(&fold);
        let named = parts.iter().any(|part| !part.differing.is_empty());
        assert_eq!(named, before != fold, "{}: {event:?}: {parts:?}", V::NAME);
        assert!(fold.compare(&fold).iter().all(|part| part.differing.is_empty() && part.here == part.there));
        unequal += usize::from(named);
    }
    // Of a history that was made by chance, and in which most is about something else.
    assert!(unequal >= 5, "{}: only {unequal}", V::NAME);
}

#[test]
fn of_two_folds_that_are_unequal_an_entry_is_named_that_differs() {
    let history = rich_history();
    names_what_differs::<Threads>(&history);
    names_what_differs::<Timeline>(&history);
    names_what_differs::<People>(&history);
}
