//! What every projection does, in memory and in PostgreSQL, and what a crash or a rival leaves of it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use posthaste_application::port::{EventLog, PortError, Projection};
use posthaste_application::project::{ProjectError, Projector};
use posthaste_application::recorded::{Position, Recorded};
use posthaste_application::view::{Direction, FriendState, MemberPage, Page, ThreadFilter, TimelinePage, ViewName, Views};
use posthaste_infrastructure::embedded::MemoryViews;
use posthaste_infrastructure::postgres::{PgLog, PgProjection, PgViews};
use posthaste_tests::Database;
use posthaste_tests::histories::{History, USERS, thread, user};
use tokio::time::{Instant, sleep, timeout};

/// Far beyond what anything here takes.
const DEADLINE: Duration = Duration::from_secs(30);
const WHOLE: Page = Page { before: None, limit: usize::MAX };
const INTRUDER: &str = "INSERT INTO view_timeline (thread_id, position, at, by_user, users, deleted, revision)
    VALUES ($1, $2, now(), $1, '{}', false, 1)";
const DOWN: TimelinePage = TimelinePage { direction: Direction::Before(None), limit: usize::MAX };

/// The views of one store and what keeps them.
struct Store {
    views: Arc<dyn Views>,
    projections: Vec<Arc<dyn Projection>>,
    database: Option<Database>,
}

async fn memory(_test: &str) -> Store {
    let views = MemoryViews::default();
    Store { projections: views.projections(), views: Arc::new(views), database: None }
}

async fn postgres(test: &str) -> Store {
    let database = Database::new(test).await.unwrap();
    let views = Arc::new(PgViews::new(database.postgres.clone()));
    Store { views, projections: PgProjection::all(&database.postgres), database: Some(database) }
}

macro_rules! both {
    ($($behaviour:ident)+) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(super::memory(stringify!($behaviour)).await).await;
            })+
        }
        mod in_postgres {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(super::postgres(stringify!($behaviour)).await).await;
            })+
        }
    };
}

both! {
    a_view_begins_empty_before_everything
    a_batch_moves_the_checkpoint_with_the_view
    a_batch_from_elsewhere_than_the_checkpoint_changes_nothing
    of_two_projectors_with_one_batch_one_wins
    two_projectors_on_one_view_keep_it_right
    a_view_that_was_reset_is_built_anew
    resets_and_batches_at_once_leave_the_view_right
    whoever_waits_for_a_position_is_told_when_it_is_reached
    many_who_wait_are_all_told
    whoever_stops_waiting_is_in_nobodys_way
    an_event_that_cannot_be_read_stops_the_view_in_front_of_it
    a_projector_beyond_the_head_of_its_log_stops_and_says_so
}

/// Two users who have become friends, opened their thread and talk.
fn conversation(messages: u64) -> History {
    History::between(0, 1, messages)
}

/// Everything there is to see, as text.
async fn everything(views: &dyn Views) -> String {
    let mut seen = String::new();
    for n in 0..USERS {
        seen += &format!("{:?}\n", views.threads(user(n), &ThreadFilter::default(), WHOLE).await.unwrap());
        for state in FriendState::ALL {
            seen += &format!("{:?}\n", views.friends(user(n), state, WHOLE).await.unwrap());
        }
        for thread in (n..USERS).filter_map(|other| thread(n, other)) {
            seen += &format!("{:?}\n", views.timeline(user(n), thread, DOWN).await.unwrap());
            seen += &format!("{:?}\n", views.members(thread, MemberPage { after: None, limit: usize::MAX }).await.unwrap());
        }
    }
    seen
}

/// What a view shows that has taken in these events and nothing else.
async fn everything_of(events: &[Recorded]) -> String {
    let fresh = MemoryViews::default();
    for projection in fresh.projections() {
        assert!(projection.apply(Position::START, events).await.unwrap());
    }
    everything(&fresh).await
}

impl Store {
    async fn apply(&self, after: u64, events: &[Recorded]) -> Vec<bool> {
        let mut applied = Vec::new();
        for projection in &self.projections {
            applied.push(projection.apply(Position(after), events).await.unwrap());
        }
        applied
    }

    async fn checkpoints(&self) -> Vec<u64> {
        let mut checkpoints = Vec::new();
        for projection in &self.projections {
            checkpoints.push(projection.checkpoint().await.unwrap().0);
        }
        checkpoints
    }
}

async fn a_view_begins_empty_before_everything(store: Store) {
    assert_eq!(store.projections.iter().map(|projection| projection.name()).collect::<Vec<_>>(), ViewName::ALL.map(ViewName::as_str));
    assert_eq!(store.checkpoints().await, [0; 3]);
    assert_eq!(everything(&*store.views).await, everything_of(&[]).await);
    assert_eq!(store.apply(0, &[]).await, [true; 3], "nothing is taken in, and that is no trouble");
    assert_eq!(store.apply(1, &[]).await, [false; 3]);
}

async fn a_batch_moves_the_checkpoint_with_the_view(store: Store) {
    let history = conversation(3);
    let (first, second) = history.recorded.split_at(4);
    assert_eq!(store.apply(0, first).await, [true; 3]);
    assert_eq!(store.checkpoints().await, [4; 3]);
    assert_eq!(everything(&*store.views).await, everything_of(first).await);
    assert_eq!(store.apply(4, second).await, [true; 3]);
    assert_eq!(store.checkpoints().await, [history.head().0; 3]);
    assert_eq!(everything(&*store.views).await, everything_of(&history.recorded).await);
}

async fn a_batch_from_elsewhere_than_the_checkpoint_changes_nothing(store: Store) {
    let history = conversation(5);
    store.apply(0, &history.recorded[..4]).await;
    let before = everything(&*store.views).await;
    assert_eq!(store.apply(0, &history.recorded[..4]).await, [false; 3], "again");
    assert_eq!(store.apply(3, &history.recorded[3..]).await, [false; 3], "from before the checkpoint");
    assert_eq!(store.apply(5, &history.recorded[5..]).await, [false; 3], "from beyond the checkpoint");
    assert_eq!(store.checkpoints().await, [4; 3]);
    assert_eq!(everything(&*store.views).await, before);
}

async fn of_two_projectors_with_one_batch_one_wins(store: Store) {
    let history = conversation(40);
    let mut after = 0;
    for batch in history.recorded.chunks(3) {
        for projection in &store.projections {
            let apply = || {
                let (projection, batch) = (Arc::clone(projection), batch.to_vec());
                tokio::spawn(async move { projection.apply(Position(after), &batch).await.unwrap() })
            };
            let (one, other) = (apply(), apply());
            assert!(one.await.unwrap() ^ other.await.unwrap(), "{} after {after}", projection.name());
        }
        after += batch.len() as u64;
    }
    assert_eq!(everything(&*store.views).await, everything_of(&history.recorded).await);
}

async fn two_projectors_on_one_view_keep_it_right(store: Store) {
    let history = conversation(3_000);
    let log = Arc::new(Finished(history.recorded.clone()));
    let projectors = store.projections.iter().chain(&store.projections).map(|projection| {
        let mut projector = Projector::new(Arc::<Finished>::clone(&log), Arc::clone(projection));
        tokio::spawn(async move { while projector.step().await.unwrap() > 0 {} })
    });
    for projector in projectors.collect::<Vec<_>>() {
        projector.await.unwrap();
    }
    assert_eq!(store.checkpoints().await, [history.head().0; 3]);
    assert_eq!(everything(&*store.views).await, everything_of(&history.recorded).await);
}

async fn a_view_that_was_reset_is_built_anew(store: Store) {
    let history = conversation(5);
    store.apply(0, &history.recorded).await;
    for projection in &store.projections {
        projection.reset().await.unwrap();
    }
    assert_eq!(store.checkpoints().await, [0; 3]);
    assert_eq!(everything(&*store.views).await, everything_of(&[]).await);
    assert_eq!(store.apply(0, &history.recorded).await, [true; 3]);
    assert_eq!(everything(&*store.views).await, everything_of(&history.recorded).await);
}

async fn resets_and_batches_at_once_leave_the_view_right(store: Store) {
    let history = conversation(1_000);
    let log = Arc::new(Finished(history.recorded.clone()));
    let resets = store.projections.iter().map(|projection| {
        let projection = Arc::clone(projection);
        tokio::spawn(async move {
            for _ in 0..20 {
                projection.reset().await.unwrap();
                tokio::task::yield_now().await;
            }
        })
    });
    let batches = store.projections.iter().map(|projection| {
        let (projection, log) = (Arc::clone(projection), Arc::clone(&log));
        tokio::spawn(async move {
            for _ in 0..20 {
                let after = projection.checkpoint().await.unwrap();
                let events = log.read(after, 100).await.unwrap();
                projection.apply(after, &events).await.unwrap();
            }
        })
    });
    for task in resets.chain(batches).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    for projection in &store.projections {
        let mut projector = Projector::new(Arc::<Finished>::clone(&log), Arc::clone(projection));
        while projector.step().await.unwrap() > 0 {}
    }
    assert_eq!(everything(&*store.views).await, everything_of(&history.recorded).await);
}

async fn whoever_waits_for_a_position_is_told_when_it_is_reached(store: Store) {
    let history = conversation(5);
    for (view, projection) in ViewName::ALL.into_iter().zip(&store.projections) {
        store.views.reached(view, Position::START).await.unwrap();
        projection.apply(Position::START, &history.recorded[..4]).await.unwrap();
        store.views.reached(view, Position(4)).await.unwrap();
        let views = Arc::clone(&store.views);
        let mut waiting = tokio::spawn(async move { views.reached(view, Position(5)).await });
        assert!(timeout(Duration::from_millis(100), &mut waiting).await.is_err(), "{view} is not there yet");
        projection.apply(Position(4), &history.recorded[4..]).await.unwrap();
        timeout(DEADLINE, waiting).await.unwrap().unwrap().unwrap();
    }
}

async fn many_who_wait_are_all_told(store: Store) {
    let history = conversation(60);
    let waiting = history.recorded.iter().map(|event| {
        let (views, position) = (Arc::clone(&store.views), event.position);
        tokio::spawn(async move {
            views.reached(ViewName::Timeline, position).await.unwrap();
            let reached = views.timeline(user(0), thread(0, 1).unwrap(), DOWN).await.unwrap();
            // Whatever was recorded up to there can be read.
            let messages = usize::try_from(position.0.saturating_sub(7)).unwrap();
            assert!(reached.len() >= messages, "{} messages at {position}", reached.len());
        })
    });
    let waiting = waiting.collect::<Vec<_>>();
    for batch in history.recorded.chunks(7) {
        // What is seen of a thread is held to what is known of its members, so that view goes ahead.
        for projection in &store.projections[..2] {
            projection.apply(Position(batch[0].position.0 - 1), batch).await.unwrap();
        }
        tokio::task::yield_now().await;
    }
    for waiting in waiting {
        timeout(DEADLINE, waiting).await.unwrap().unwrap();
    }
}

async fn whoever_stops_waiting_is_in_nobodys_way(store: Store) {
    let history = conversation(5);
    let far = store.views.reached(ViewName::People, Position(u64::MAX / 2));
    let near = store.views.reached(ViewName::People, Position(2));
    assert!(timeout(Duration::from_millis(50), far).await.is_err());
    store.apply(0, &history.recorded).await;
    timeout(DEADLINE, near).await.unwrap().unwrap();
}

async fn an_event_that_cannot_be_read_stops_the_view_in_front_of_it(store: Store) {
    let history = conversation(5);
    let mut events = history.recorded.clone();
    events[6].facts = "{}".to_owned();
    store.apply(0, &events[..6]).await;
    let before = everything(&*store.views).await;
    let mut stopped = Vec::new();
    for (view, projection) in ViewName::ALL.into_iter().zip(&store.projections) {
        let applied = projection.apply(Position(6), &events[6..7]).await;
        // Nothing that happens to such an aggregate changes the others: they need not read it.
        if view.takes(events[6].stream.category) {
            assert!(applied.is_err_and(|error| error.is_poison()), "{view}");
            stopped.push(view);
        } else {
            assert!(applied.unwrap(), "{view}");
        }
    }
    assert_eq!(stopped, [ViewName::Threads, ViewName::Timeline]);
    assert_eq!(store.checkpoints().await, [6, 6, 7]);
    assert_eq!(everything(&*store.views).await, before);
}

async fn a_projector_beyond_the_head_of_its_log_stops_and_says_so(store: Store) {
    let history = conversation(5);
    store.apply(0, &history.recorded).await;
    let checkpoint = history.head();
    // As after a backup that is older than the views.
    let log = Arc::new(Finished(history.recorded[..3].to_vec()));
    for projection in &store.projections {
        let mut projector = Projector::new(Arc::<Finished>::clone(&log), Arc::clone(projection));
        let error = projector.step().await.unwrap_err();
        let ProjectError::BeyondHead { view, checkpoint: found, head } = error else { panic!("{error:?}") };
        assert_eq!((view, found, head), (projection.name(), checkpoint, Position(3)));
        projection.reset().await.unwrap();
        assert_eq!(projector.step().await.unwrap(), 3, "after that it can be built anew");
    }
    assert_eq!(everything(&*store.views).await, everything_of(&history.recorded[..3]).await);
}

#[tokio::test]
async fn a_batch_whose_backend_is_killed_halfway_leaves_view_and_checkpoint_as_before() {
    let store = postgres("killed_batch").await;
    let history = conversation(5);
    store.apply(0, &history.recorded[..7]).await;
    let before = everything(&*store.views).await;
    let database = store.database.as_ref().unwrap();

    // Somebody holds the row that the batch will come to after it has moved the checkpoint.
    let mut rival = database.owner().await.unwrap();
    let holding = rival.transaction().await.unwrap();
    let (held, room) = (&history.recorded[7], thread(0, 1).unwrap().uuid());
    holding.execute(INTRUDER, &[&room, &i64::try_from(held.position.0).unwrap()]).await.unwrap();
    let timeline = Arc::clone(&store.projections[1]);
    let events = history.recorded[7..].to_vec();
    let batch = tokio::spawn(async move { timeline.apply(Position(7), &events).await });

    let owner = database.owner().await.unwrap();
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'posthaste' AND wait_event_type = 'Lock'";
    let begun = Instant::now();
    while owner.execute(kill, &[]).await.unwrap() == 0 {
        assert!(begun.elapsed() < DEADLINE, "the batch does not wait for the row");
        sleep(Duration::from_millis(10)).await;
    }
    let error = batch.await.unwrap().unwrap_err();
    assert!(matches!(error, PortError::Unavailable { .. }), "{error:?}");
    holding.rollback().await.unwrap();

    assert_eq!(store.checkpoints().await, [7; 3]);
    assert_eq!(everything(&*store.views).await, before);
    assert_eq!(store.apply(7, &history.recorded[7..]).await, [true; 3]);
    assert_eq!(everything(&*store.views).await, everything_of(&history.recorded).await);
}

#[tokio::test]
async fn a_batch_of_which_one_statement_fails_leaves_view_and_checkpoint_as_before() {
    let store = postgres("failed_batch").await;
    let history = conversation(5);
    store.apply(0, &history.recorded[..7]).await;
    let before = everything(&*store.views).await;
    let (position, room) = (i64::try_from(history.recorded[7].position.0).unwrap(), thread(0, 1).unwrap().uuid());

    // Something stands where the batch will write, after the checkpoint was moved.
    let owner = store.database.as_ref().unwrap().owner().await.unwrap();
    owner.execute(INTRUDER, &[&room, &position]).await.unwrap();
    // More often than there are connections: none of them is left in a transaction.
    for _ in 0..20 {
        let error = store.projections[1].apply(Position(7), &history.recorded[7..]).await.unwrap_err();
        assert!(error.is_poison(), "{error:?}");
    }
    owner.execute("DELETE FROM view_timeline WHERE position = $1", &[&position]).await.unwrap();

    assert_eq!(store.checkpoints().await, [7; 3]);
    assert_eq!(everything(&*store.views).await, before);
    assert_eq!(store.apply(7, &history.recorded[7..]).await, [true; 3]);
    assert_eq!(everything(&*store.views).await, everything_of(&history.recorded).await);
}

#[tokio::test]
async fn projectors_take_the_views_from_a_real_log_and_go_on_from_their_checkpoints() {
    let store = postgres("from_a_log").await;
    let log = Arc::new(PgLog::new(store.database.as_ref().unwrap().postgres.clone()));
    let history = conversation(1_500);
    for appends in history.appends.chunks(400) {
        log.append(appends).await.unwrap().into_iter().for_each(|outcome| assert!(outcome.is_ok()));
        for projection in &store.projections {
            // Anew each time, as after a restart.
            let mut projector = Projector::new(Arc::<PgLog>::clone(&log), Arc::clone(projection));
            while projector.step().await.unwrap() > 0 {}
            assert_eq!(projector.position(), log.head().await.unwrap().position);
        }
        let recorded = log.read(Position::START, usize::MAX >> 1).await.unwrap();
        assert_eq!(everything(&*store.views).await, everything_of(&recorded).await);
    }
}

/// A log that nobody writes any more.
struct Finished(Vec<Recorded>);

#[path = "views/finished.rs"]
mod finished;
