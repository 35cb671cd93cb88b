//! The folds say what the views mean, and the tables say the same: random histories go through both, and every question is asked twice.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "views/asked.rs"]
mod asked;

use std::sync::Arc;

use asked::{Asked, ask_everything};
use posthaste_application::port::Projection;
use posthaste_application::recorded::Recorded;
use posthaste_application::view::{ViewName, Views};
use posthaste_domain::Event;
use posthaste_infrastructure::embedded::MemoryViews;
use posthaste_infrastructure::postgres::{PgProjection, PgViews};
use posthaste_tests::Database;
use posthaste_tests::covering::covering;
use posthaste_tests::histories::{History, Wish, wishes};
use proptest::collection::vec;
use proptest::prelude::*;

/// A history, and how it is cut into batches and pages.
#[derive(Clone, Debug)]
struct Case {
    wishes: Vec<Wish>,
    batches: Vec<usize>,
    pages: Vec<usize>,
}

fn cases() -> impl Strategy<Value = Case> {
    // Large batches, so that much happens to one message or thread in one of them, and small ones.
    let batch = prop_oneof![1..6_usize, 1..250_usize];
    let parts = (wishes(400), vec(batch, 1..20), vec(0..5_usize, 1..5));
    parts.prop_map(|(wishes, batches, pages)| Case { wishes, batches, pages })
}

#[test]
fn tables_answer_every_question_as_the_folds_do() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = runtime.block_on(Database::new("views_equal")).unwrap();
    // Had something changed so that nothing much is recorded any more, there would be nothing to compare.
    covering(40, &cases(), Event::TYPES.iter().map(|of| (*of).to_owned()), |case| {
        let history = History::of(&case.wishes);
        runtime.block_on(compare(&database, &history, &case));
        history.recorded.iter().map(|event| event.event_type.to_string()).collect()
    });
}

async fn compare(database: &Database, history: &History, case: &Case) {
    let folds = &MemoryViews::default();
    let tables = &PgViews::new(database.postgres.clone());
    let asked = Asked { folds, tables, history, head: history.head(), pages: &case.pages };
    let postgres = PgProjection::all(&database.postgres);
    for projection in &postgres {
        projection.reset().await.unwrap();
    }
    let views: Vec<_> = folds.projections().into_iter().zip(postgres).collect();
    let mut rest = vec![&history.recorded[..]; views.len()];
    let mut sizes = case.batches.iter().cycle();
    for round in 0.. {
        for ((fold, table), rest) in views.iter().zip(&mut rest) {
            // Each view goes at a pace of its own.
            let (batch, more) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            assert!(take(fold, batch).await && take(table, batch).await);
            *rest = more;
        }
        let finished = rest.iter().all(|rest| rest.is_empty());
        // In the middle of things, too: then each view knows another part of the history.
        if finished || round == case.pages.len() {
            ask_everything(&asked).await;
        }
        if finished {
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
