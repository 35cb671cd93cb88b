use std::sync::atomic::Ordering;

use futures::executor::block_on;
use futures::future::join_all;

use super::*;
use crate::fake::{FakeLog, direct, posted};

fn record(log: &FakeLog, events: u64) {
    let begun = log.all().len() as u64;
    log.record((begun..begun + events).map(|n| posted(n.into(), direct(1, 2), 1, Some("hi"))));
}

fn tail_of(events: u64) -> (Arc<FakeLog>, SharedTail) {
    let log = Arc::new(FakeLog::default());
    record(&log, events);
    (Arc::clone(&log), SharedTail::new(log))
}

fn read(tail: &SharedTail, after: u64, limit: usize) -> Vec<u64> {
    block_on(tail.read(Position(after), limit)).unwrap().iter().map(|event| event.position.0).collect()
}

fn reads(log: &FakeLog) -> usize {
    log.reads.load(Ordering::Relaxed)
}

#[test]
fn what_one_reader_found_the_others_get_without_reading() {
    let (log, tail) = tail_of(10);
    assert_eq!(read(&tail, 0, 100).len(), 10);
    assert_eq!([read(&tail, 0, 100), read(&tail, 4, 3), read(&tail, 9, 100)], [(1..=10).collect(), vec![5, 6, 7], vec![10]]);
    assert_eq!(*block_on(tail.read(Position(3), 1)).unwrap()[0], log.all()[3], "with everything it says");
    assert_eq!(reads(&log), 1);
    record(&log, 2);
    assert_eq!([read(&tail, 10, 100), read(&tail, 10, 100)], [[11, 12]; 2]);
    assert_eq!(reads(&log), 2);
}

#[tokio::test]
async fn of_many_who_read_on_at_once_one_reads() {
    let (log, tail) = tail_of(10);
    log.slow.store(true, Ordering::Relaxed);
    let all = join_all((0..20).map(|_| tail.read(Position::START, 100))).await;
    assert!(all.into_iter().all(|read| read.unwrap().into_iter().map(Arc::unwrap_or_clone).eq(log.all())));
    assert_eq!(reads(&log), 1);
}

#[test]
fn at_the_end_the_log_is_asked_every_time() {
    let (log, tail) = tail_of(3);
    read(&tail, 0, 100);
    assert_eq!([read(&tail, 3, 100), read(&tail, 3, 100)], [[0; 0]; 2]);
    assert_eq!(reads(&log), 3);
    record(&log, 1);
    assert_eq!(read(&tail, 3, 100), [4]);
}

#[test]
fn what_is_known_to_have_come_since_is_read_together_with_what_is_kept() {
    let (log, tail) = tail_of(3);
    read(&tail, 0, 100);
    record(&log, 2);
    assert_eq!(read(&tail, 1, 100), [2, 3]);
    log.tells.store(true, Ordering::Relaxed);
    assert_eq!([read(&tail, 1, 1), read(&tail, 1, 2)], [vec![2], vec![2, 3]]);
    assert_eq!(reads(&log), 1);
    assert_eq!([read(&tail, 1, 3), read(&tail, 1, 100)], [vec![2, 3, 4], vec![2, 3, 4, 5]]);
    assert_eq!([read(&tail, 1, 100), read(&tail, 3, 1)], [vec![2, 3, 4, 5], vec![4]]);
    assert_eq!(reads(&log), 3, "once for each that had come");
}

#[test]
fn who_is_further_behind_than_what_is_kept_reads_the_log_and_leaves_the_others_alone() {
    let (log, tail) = tail_of(20);
    assert_eq!(read(&tail, 15, 100), [16, 17, 18, 19, 20]);
    assert_eq!(read(&tail, 2, 2), [3, 4]);
    assert_eq!(read(&tail, 14, 3), [15, 16, 17]);
    assert_eq!(reads(&log), 3);
    assert_eq!(read(&tail, 16, 2), [17, 18]);
    assert_eq!(reads(&log), 3, "it is still kept");
}

#[test]
fn no_more_is_kept_than_a_bound_and_that_is_the_end() {
    let (log, tail) = tail_of(EVENTS as u64 + 100);
    assert_eq!(read(&tail, 0, EVENTS).len(), EVENTS);
    assert_eq!(read(&tail, EVENTS as u64, 1_000).len(), 100);
    assert_eq!((tail.kept().events.len(), reads(&log)), (EVENTS, 2));
    assert_eq!(read(&tail, 100, 1), [101]);
    assert_eq!(reads(&log), 2);
    assert_eq!(read(&tail, 99, 1), [100]);
    assert_eq!(reads(&log), 3);
}

#[test]
fn long_events_count_by_their_bytes() {
    let (log, tail) = tail_of(0);
    let text = "x".repeat(4_000);
    log.record((0..5_000).map(|n| posted(n, direct(1, 2), 1, Some(&text))));
    assert_eq!(read(&tail, 0, EVENTS).len(), 5_000);
    let kept = tail.kept();
    assert_eq!(kept.bytes, kept.events.iter().map(|event| size(event)).sum::<usize>());
    assert!((BYTES - 10_000..=BYTES).contains(&kept.bytes), "{} bytes in {} events", kept.bytes, kept.events.len());
}

/// The last events of the log, as its appender tells of them.
fn tell(log: &FakeLog, tail: &SharedTail, events: usize) {
    let all = log.all();
    tail.recorded(all[all.len() - events..].to_vec());
}

#[test]
fn what_this_process_recorded_is_not_read() {
    let (log, tail) = tail_of(3);
    tell(&log, &tail, 3);
    record(&log, 2);
    tell(&log, &tail, 2);
    assert_eq!([read(&tail, 0, 100), read(&tail, 4, 100)], [vec![1, 2, 3, 4, 5], vec![5]]);
    assert_eq!(reads(&log), 0);
}

#[test]
fn what_others_recorded_in_between_is_read_with_all_that_follows() {
    let (log, tail) = tail_of(3);
    tell(&log, &tail, 3);
    record(&log, 4);
    tell(&log, &tail, 2);
    assert_eq!(read(&tail, 0, 100), [1, 2, 3], "no hole is kept");
    assert_eq!([read(&tail, 3, 100), read(&tail, 4, 100)], [vec![4, 5, 6, 7], vec![5, 6, 7]]);
    assert_eq!(reads(&log), 1);
    record(&log, 1);
    tell(&log, &tail, 1);
    tell(&log, &tail, 3);
    assert_eq!(read(&tail, 5, 100), [6, 7, 8], "what is known is known once");
    assert_eq!(reads(&log), 1);
}

#[test]
fn a_hole_is_shown_and_not_kept() {
    let (log, tail) = tail_of(10);
    log.lose(5);
    assert_eq!(read(&tail, 0, 100), [1, 2, 3, 4, 6, 7, 8, 9, 10]);
    assert_eq!(tail.kept().span(), None);
}

#[test]
fn what_an_older_log_does_not_have_is_forgotten_when_its_end_is_looked_at() {
    let (log, tail) = tail_of(10);
    read(&tail, 0, 100);
    log.cut(5);
    assert_eq!(block_on(tail.head()).unwrap().position, Position(5));
    assert_eq!(read(&tail, 3, 100), [4, 5]);
    assert_eq!(read(&tail, 5, 100), [0; 0]);
}

#[test]
fn a_reader_that_failed_keeps_nobody_from_reading() {
    let (log, tail) = tail_of(3);
    log.broken.store(true, Ordering::Relaxed);
    assert!(block_on(tail.read(Position::START, 10)).is_err());
    assert_eq!(read(&tail, 0, 10), [1, 2, 3]);
}

#[tokio::test]
async fn a_reader_that_goes_away_keeps_nobody_from_reading() {
    let (_log, tail) = tail_of(3);
    let reading = tail.reading.lock().await;
    let mut gone = Box::pin(tail.read(Position::START, 10));
    assert!(futures::poll!(&mut gone).is_pending());
    drop((gone, reading));
    assert_eq!(tail.read(Position::START, 10).await.unwrap().len(), 3);
}

#[test]
fn whatever_is_read_is_the_beginning_of_what_the_log_has() {
    let (log, tail) = tail_of(0);
    let mut random = numbers(7);
    for _ in 0..2_000 {
        record(&log, random() % 4);
        let end = log.all().len() as u64;
        let (after, limit) = (random() % (end + 2), usize::try_from(random() % 20).unwrap() + 1);
        let expected: Vec<_> = (after + 1..=end).take(limit).collect();
        let found = read(&tail, after, limit);
        assert!(expected.starts_with(&found) && found.is_empty() == expected.is_empty(), "after {after}: {found:?} of {expected:?}");
    }
    assert!(reads(&log) < 2_000);
}

/// Numbers that follow from a seed.
fn numbers(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    }
}
