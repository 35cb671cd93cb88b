use super::*;
use crate::chain::Broken;
use crate::verify::RestsOn;

/// A log of 30 events, and seals of it at 10, 20 and 25.
async fn sealed() -> (Open, Vec<Seal>) {
    let log = Open::of(10);
    let mut seals = Vec::<Seal>::new();
    for more in [10, 5, 5] {
        seals.push(log.seal(seals.last()).await);
        log.grow(more);
    }
    (log, seals)
}

#[tokio::test]
async fn a_log_that_was_not_touched_agrees_with_its_seals() {
    let (log, seals) = sealed().await;
    let walk = log.walk(1, None, &seals).await.unwrap();
    assert_eq!((walk.position(), walk.seals(), walk.rests_on()), (Position(30), 3, RestsOn::Nothing));
    Open::default().walk(1, None, &[]).await.unwrap();
}

#[tokio::test]
async fn whatever_is_altered_is_found_where_it_is() {
    let changes: [fn(&mut Recorded); 14] = [
        |event| event.facts.push(' '),
        |event| event.content = Some(b"other words".to_vec()),
        |event| event.content = None,
        |event| event.actor = None,
        |event| event.at += chrono::Duration::microseconds(1),
        |event| event.stream.id = Uuid::nil(),
        |event| event.version += 1,
        |event| event.event_type.push('x'),
        |event| event.schema += 1,
        |event| event.thread = None,
        |event| event.command = CommandId::new(Uuid::nil()),
        |event| event.ordinal += 1,
        |event| event.fingerprint = [0; 32],
        |event| event.correlation = Uuid::nil(),
    ];
    for (n, change) in changes.iter().enumerate() {
        for position in [1, 14, 20, 29] {
            let (log, seals) = sealed().await;
            log.alter(position, change);
            let altered = Finding::Broken(Broken::Altered { position: Position(position) });
            assert_eq!(log.walk(1, None, &seals).await.err(), Some(altered), "change {n} at {position}");
            assert_eq!(log.walk(1, None, &[]).await.err(), Some(altered), "change {n} at {position}");
        }
    }
}

#[tokio::test]
async fn a_log_that_was_made_to_fit_again_is_found_by_its_seals_alone() {
    for (position, agrees, sealed_at) in [(3, 0, 10), (10, 0, 10), (11, 10, 20), (20, 10, 20), (25, 20, 25)] {
        let (log, seals) = sealed().await;
        log.alter(position, |event| event.content = Some(b"other words".to_vec()));
        log.rehash(position);
        log.walk(1, None, &[]).await.unwrap();
        let found = log.walk(1, None, &seals).await.unwrap_err();
        if position == 1 {
            assert_eq!(found, Finding::AnotherLog);
        } else {
            assert_eq!(found, Finding::Rewritten { agrees: Position(agrees), sealed: Position(sealed_at) }, "{position}");
        }
        assert_eq!(found.position(), Position(agrees + 1));
    }
    // What nobody has sealed yet.
    let (log, seals) = sealed().await;
    log.alter(26, |event| event.actor = None);
    log.rehash(26);
    assert_eq!(log.walk(1, None, &seals).await.unwrap().seals(), 3);
}

#[tokio::test]
async fn a_tail_that_was_cut_off_with_the_head_is_found_by_its_seals_alone() {
    for (left, found) in [(24, true), (9, true), (0, true), (25, false)] {
        let (log, seals) = sealed().await;
        log.events.lock().unwrap().truncate(left);
        log.rehash(1);
        log.walk(1, None, &[]).await.unwrap();
        let head = Position(left as u64);
        let shortened = found.then_some(Finding::Shortened { head, sealed: Position(25) });
        assert_eq!(log.walk(1, None, &seals).await.err(), shortened, "{left}");
    }
}

#[tokio::test]
async fn an_old_copy_that_has_grown_again_is_found_by_its_seals_alone() {
    let (log, seals) = sealed().await;
    log.events.lock().unwrap().truncate(18);
    log.grow(20);
    log.alter(19, |event| event.actor = None);
    log.rehash(19);
    log.walk(1, None, &[]).await.unwrap();
    let rewritten = Finding::Rewritten { agrees: Position(10), sealed: Position(20) };
    assert_eq!(log.walk(1, None, &seals).await.err(), Some(rewritten));
}

#[tokio::test]
async fn another_log_is_not_taken_for_the_one_that_was_sealed() {
    let (log, seals) = sealed().await;
    log.alter(1, |event| event.actor = None);
    log.rehash(1);
    assert_eq!(log.walk(1, None, &seals).await.err(), Some(Finding::AnotherLog));
    assert_eq!(log.walk(28, None, &seals).await.err(), Some(Finding::AnotherLog));
}

#[tokio::test]
async fn what_cannot_be_read_is_found_where_it_is() {
    for position in 1..=30 {
        let log = Open::of(30);
        *log.unreadable.lock().unwrap() = Some(Position(position));
        let altered = Finding::Broken(Broken::Altered { position: Position(position) });
        assert_eq!(log.walk(1, None, &[]).await.err(), Some(altered));
    }
}

#[tokio::test]
async fn a_missing_event_is_found_also_at_the_end_of_a_range() {
    for (missing, from, to) in [(14, 1, None), (14, 10, Some(20)), (20, 10, Some(20)), (11, 10, Some(11))] {
        let log = Open::of(30);
        log.events.lock().unwrap().retain(|event| event.position != Position(missing));
        let gap = Finding::Broken(Broken::Gap { expected: Position(missing), found: Position(missing + 1) });
        assert_eq!(log.walk(from, to, &[]).await.err(), Some(gap), "{missing} of {from} to {to:?}");
    }
}

#[tokio::test]
async fn a_range_rests_on_the_hash_before_it_or_on_a_seal() {
    let (log, seals) = sealed().await;
    log.alter(5, |event| event.facts.push(' '));
    let walk = log.walk(13, Some(22), &[]).await.unwrap();
    assert_eq!((walk.position(), walk.rests_on()), (Position(22), RestsOn::StoredHash(Position(12))));
    let walk = log.walk(21, None, &seals).await.unwrap();
    assert_eq!((walk.rests_on(), walk.seals()), (RestsOn::Seal(Position(20)), 2));
    log.alter(20, |event| event.hash[0] ^= 1);
    assert_eq!(log.walk(21, None, &seals).await.err().map(|found| found.position()), Some(Position(21)));
    assert_eq!(log.walk(15, Some(20), &[]).await.err().map(|found| found.position()), Some(Position(20)));
}

#[tokio::test]
async fn a_seal_of_another_tree_is_not_agreed_with() {
    let log = Open::of(20);
    let mut walk = Walk::begin(&log, Position(1), None, vec![]).await.unwrap().unwrap();
    let mut page = Page::read(&log, Position(0), Position(20), true).await.unwrap();
    page.leaves[3][0] ^= 1;
    walk.take(&page).unwrap();
    let seal = Seal::new(&walk.sealable().unwrap(), None, at(0), &key());
    let rewritten = Finding::Rewritten { agrees: Position(0), sealed: Position(20) };
    assert_eq!(log.walk(1, None, &[seal]).await.err(), Some(rewritten));
}
