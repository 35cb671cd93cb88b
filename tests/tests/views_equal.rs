//! The folds say what the views mean, and the tables say the same: random histories go through both, and every question is asked twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use posthaste_application::port::Projection;
use posthaste_application::recorded::{Position, Recorded};
use posthaste_application::view::{FriendState, Page, ViewName, Views};
use posthaste_domain::Event;
use posthaste_infrastructure::embedded::MemoryViews;
use posthaste_infrastructure::postgres::{PgProjection, PgViews};
use posthaste_tests::Database;
use posthaste_tests::histories::{History, USERS, Wish, thread, user, wishes};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Walks through a list page by page in both, and also begins where nothing ends.
macro_rules! pages_equal {
    ($pages:expr, $head:expr, |$entry:ident| $key:expr, $folds:ident.$list:ident($($a:expr),+), $tables:ident.$same:ident($($b:expr),+)) => {{
        let whole = $folds.$list($($a),+, Page { before: None, limit: usize::MAX }).await.unwrap();
        assert_eq!(whole, $tables.$same($($b),+, Page { before: None, limit: usize::MAX }).await.unwrap());
        let mut before = None;
        for limit in $pages.iter().cycle().copied().take(whole.len() + 1) {
            let page = Page { before, limit };
            let entries = $folds.$list($($a),+, page).await.unwrap();
            assert_eq!(entries, $tables.$same($($b),+, page).await.unwrap(), "{page:?}");
            before = entries.last().map(|$entry| $key).or(before);
        }
        for before in [0, $head.0 / 3, $head.0 / 2, $head.0, $head.0 + 1, u64::MAX].map(Position) {
            let page = Page { before: Some(before), limit: 3 };
            assert_eq!(
                $folds.$list($($a),+, page).await.unwrap(),
                $tables.$same($($b),+, page).await.unwrap(),
                "{page:?}"
            );
        }
    }};
}

/// A history, and how it is cut into batches and pages.
#[derive(Clone, Debug)]
struct Case {
    wishes: Vec<Wish>,
    batches: Vec<usize>,
    pages: Vec<usize>,
}

fn cases() -> impl Strategy<Value = Case> {
    // Large batches, so that much happens to one pair or thread in one of them, and small ones.
    let batch = prop_oneof![1..4_usize, 1..200_usize];
    let parts = (wishes(250), vec(batch, 1..20), vec(0..5_usize, 1..5));
    parts.prop_map(|(wishes, batches, pages)| Case { wishes, batches, pages })
}

#[test]
fn tables_answer_every_question_as_the_folds_do() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = runtime.block_on(Database::new("views_equal")).unwrap();
    let seen = Mutex::new(HashMap::<_, u64>::new());
    let mut runner = TestRunner::new(Config { cases: 100, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&cases(), |case| {
        let history = History::of(&case.wishes);
        for event in &history.recorded {
            *seen.lock().unwrap().entry(event.event_type.clone()).or_default() += 1;
        }
        runtime.block_on(compare(&database, &history, &case));
        Ok(())
    });
    outcome.unwrap();
    // Had something changed so that nothing much is recorded any more, there would be nothing to compare.
    let seen = seen.into_inner().unwrap();
    for event_type in Event::TYPES {
        assert!(seen.get(event_type).is_some_and(|events| *events > 100), "too little to compare: {seen:?}");
    }
}

async fn compare(database: &Database, history: &History, case: &Case) {
    let folds = MemoryViews::default();
    let tables = PgViews::new(database.postgres.clone());
    let (memory, postgres) = (folds.projections(), PgProjection::all(&database.postgres));
    for projection in &postgres {
        projection.reset().await.unwrap();
    }
    let mut rest = &history.recorded[..];
    for size in case.batches.iter().cycle() {
        let (batch, more) = rest.split_at(rest.len().min(*size));
        for projection in memory.iter().chain(&postgres) {
            assert!(take(projection, batch).await);
        }
        rest = more;
        // In the middle of things, too.
        if rest.is_empty() || *size == 3 {
            ask_everything(&folds, &tables, history.head(), &case.pages).await;
        }
        if rest.is_empty() {
            break;
        }
    }
    for view in ViewName::ALL {
        tables.reached(view, history.head()).await.unwrap();
    }
}

async fn take(projection: &Arc<dyn Projection>, batch: &[Recorded]) -> bool {
    let after = projection.checkpoint().await.unwrap();
    projection.apply(after, batch).await.unwrap()
}

async fn ask_everything(folds: &MemoryViews, tables: &PgViews, head: Position, pages: &[usize]) {
    // One more than there are, who is never registered.
    for n in 0..=USERS {
        let who = user(n);
        pages_equal!(pages, head, |entry| entry.activity, folds.threads(who), tables.threads(who));
        for state in FriendState::ALL {
            pages_equal!(pages, head, |entry| entry.since, folds.friends(who, state), tables.friends(who, state));
        }
        for thread in (n..=USERS).filter_map(|other| thread(n, other)) {
            pages_equal!(pages, head, |entry| entry.position, folds.timeline(thread), tables.timeline(thread));
            assert_eq!(folds.members(thread).await.unwrap(), tables.members(thread).await.unwrap());
            for member in 0..=USERS {
                assert_eq!(folds.member(thread, user(member)).await.unwrap(), tables.member(thread, user(member)).await.unwrap());
            }
        }
    }
}
