//! One at a time, whoever is killed, paused or slow; and who comes later goes on.

use std::time::Duration;

use posthaste_tests::bulk;
use tokio::time::{Instant, sleep};

use super::*;

/// Far beyond what anything here takes.
const DEADLINE: Duration = Duration::from_secs(30);

async fn begin(rebuilder: &mut Rebuilder) -> Result<(), RebuildError> {
    let begun = Instant::now();
    while !rebuilder.begin().await? {
        assert!(begun.elapsed() < DEADLINE, "the lease does not run out");
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[tokio::test]
async fn of_two_rebuilds_one_is_refused_and_a_dead_one_is_followed_and_fenced() {
    let world = World::new("view_rivals", &rich_history()).await;
    let mut first = world.rebuilder(ViewName::Timeline, Purpose::Rebuild);
    assert!(first.begin().await.unwrap());
    let reached = first.step().await.unwrap().position;

    // Alive: it renews its lease while the other looks.
    let mut second = world.rebuilder(ViewName::Timeline, Purpose::Verify);
    assert!(!second.begin().await.unwrap());
    let reached = first.step().await.unwrap().position.max(reached);
    let error = second.begin().await.unwrap_err();
    assert!(matches!(error, RebuildError::Busy { purpose: Some(Purpose::Rebuild), .. }), "{error:?}");
    // Another view is nobody's concern.
    world.rebuild(ViewName::People).await.unwrap();

    // Paused for so long that it is taken for dead: the other goes on where it was, and the first changes nothing more.
    let mut third = world.rebuilder(ViewName::Timeline, Purpose::Rebuild);
    begin(&mut third).await.unwrap();
    assert_eq!(third.progress().position, reached);
    let error = first.step().await.unwrap_err();
    assert!(matches!(error, RebuildError::Fenced { .. }), "{error:?}");
    let error = first.exchange().await.unwrap_err();
    assert!(matches!(error, RebuildError::Fenced { .. }), "{error:?}");
    assert_eq!(world.rebuilds.status(ViewName::Timeline).await.unwrap().beside, Some(reached));
    let outcome = exchange(&mut third).await.unwrap();
    assert_eq!(outcome.exchanged, vec![], "it was what the log says");
    assert_eq!(world.rebuilds.status(ViewName::Timeline).await.unwrap().beside, None, "nothing is left behind");
}

#[tokio::test]
async fn what_another_version_began_or_a_crash_emptied_is_begun_again() {
    let world = World::new("view_begun_again", &rich_history()).await;
    let owner = world.database.owner().await.unwrap();
    // The tables beside the views are not written ahead: after a crash of PostgreSQL all of them are empty.
    let crash = "TRUNCATE rebuild.view_checkpoints, rebuild.view_timeline, rebuild.view_pins, rebuild.view_reactions";
    let logged =
        "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'rebuild'::regnamespace AND relkind = 'r'
        AND relpersistence = 'p'";
    let logged: String = owner.query_one(logged, &[]).await.unwrap().get(0);
    assert_eq!(logged, "leases view_tables");
    for spoil in [crash, "UPDATE rebuild.view_checkpoints SET program = 'of yesterday'"] {
        let mut killed = world.rebuilder(ViewName::Timeline, Purpose::Rebuild);
        assert!(killed.begin().await.unwrap());
        assert!(killed.step().await.unwrap().position.0 > 0);
        killed.end(false).await.unwrap();
        owner.execute(spoil, &[]).await.unwrap();
        let mut next = world.rebuilder(ViewName::Timeline, Purpose::Rebuild);
        assert!(next.begin().await.unwrap());
        assert_eq!(next.progress().position.0, 0, "{spoil}");
        assert_eq!(exchange(&mut next).await.unwrap().exchanged, vec![], "{spoil}");
    }
}

#[tokio::test]
async fn what_is_recorded_after_the_last_batch_is_in_the_view_that_is_put_in_place() {
    let world = World::new("view_catches_up", &rich_history()).await;
    let owner = world.database.owner().await.unwrap();
    let mut rebuilder = world.rebuilder(ViewName::Timeline, Purpose::Rebuild);
    assert!(rebuilder.begin().await.unwrap());
    build(&mut rebuilder).await.unwrap();
    // The server goes on: the live view is ahead of the one beside it when they meet.
    for appends in [bulk::threads(), bulk::messages(0, 300)] {
        world.log.append(&appends).await.unwrap();
    }
    world.project().await;
    owner.execute("DELETE FROM view_timeline WHERE position % 2 = 0", &[]).await.unwrap();
    let outcome = rebuilder.exchange().await.unwrap().expect("500 events are taken in while they meet");
    let head = world.log.head().await.unwrap().position;
    assert_eq!((outcome.live, outcome.position), (head, head));
    rebuilder.end(true).await.unwrap();
    let verdict = world.verify(ViewName::Timeline).await.unwrap();
    assert_eq!((verdict.total, verdict.position), (0, head));

    // And a live view that runs away from a comparison is followed.
    let mut verifier = world.rebuilder(ViewName::Timeline, Purpose::Verify);
    assert!(verifier.begin().await.unwrap());
    for from in 1..=10 {
        world.log.append(&bulk::messages(from * 300, 300)).await.unwrap();
    }
    world.project().await;
    assert_eq!(verifier.verify(10).await.unwrap(), None, "there is more to take in than one waits for");
    build(&mut verifier).await.unwrap();
    let verdict = verifier.verify(10).await.unwrap().expect("now there is not");
    assert_eq!((verdict.total, verdict.position), (0, world.log.head().await.unwrap().position));
    verifier.end(true).await.unwrap();
}
