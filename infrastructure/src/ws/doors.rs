//! How fast connections are let in. When a network or a node comes back, everybody does at once: they wait in line, so that each of them is
//! served in time once it is their turn, and those who are connected do not notice.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep_until};

/// What was not let in while the machine was busy with something else is caught up with at once, but no more than of this long: behind the
/// doors a storm is no better for having been held up.
const CATCH_UP: Duration = Duration::from_millis(100);

/// The line before the handshake. Whoever comes first is let in first.
pub struct Doors {
    /// Most who wait.
    most: usize,
    waiting: AtomicUsize,
    /// Whoever holds it is first in line, and everybody gets it in turn.
    pace: Mutex<Pace>,
    between: Duration,
}

/// When the next one is let in.
#[derive(Debug)]
struct Pace {
    /// Between two who are let in.
    between: Duration,
    next: Instant,
}

impl Pace {
    /// From when on the next one may go in.
    fn turn(&self, now: Instant) -> Instant {
        self.next.max(now.checked_sub(CATCH_UP).unwrap_or(now))
    }

    /// Somebody goes in, whose turn it is.
    fn enter(&mut self, now: Instant) {
        self.next = self.turn(now) + self.between;
    }
}

impl Doors {
    /// Doors that let in so many a second, while at most so many others wait.
    #[must_use]
    pub fn new(per_second: NonZeroU32, waiting: usize) -> Self {
        let between = Duration::from_secs(1) / per_second.get();
        let pace = Mutex::new(Pace { between, next: Instant::now() });
        Self { most: waiting, waiting: AtomicUsize::new(0), pace, between }
    }

    /// Waits for one's turn.
    ///
    /// # Errors
    /// Too many wait already: how long it takes until they are in.
    pub(super) async fn turn(&self) -> Result<(), Duration> {
        if let Ok(pace) = self.pace.try_lock()
            && let Some(mut pace) = whose_turn_is_now(pace)
        {
            pace.enter(Instant::now());
            return Ok(());
        }
        let one_more = |waiting| (waiting < self.most).then_some(waiting + 1);
        if self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_err() {
            return Err(self.between.saturating_mul(u32::try_from(self.most).unwrap_or(u32::MAX).saturating_add(1)));
        }
        let _waiting = Waiting(self);
        let mut pace = self.pace.lock().await;
        sleep_until(pace.turn(Instant::now())).await;
        pace.enter(Instant::now());
        Ok(())
    }
}

fn whose_turn_is_now(pace: MutexGuard<'_, Pace>) -> Option<MutexGuard<'_, Pace>> {
    let now = Instant::now();
    (pace.turn(now) <= now).then_some(pace)
}

/// Somebody in line.
struct Waiting<'a>(&'a Doors);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const BETWEEN: Duration = Duration::from_millis(10);

    /// How many go in one after the other at this moment.
    fn crowd(pace: &mut Pace, now: Instant) -> u32 {
        let mut entered = 0;
        while pace.turn(now) <= now {
            pace.enter(now);
            entered += 1;
        }
        entered
    }

    #[test]
    fn a_storm_is_let_in_at_the_pace() {
        let begun = Instant::now();
        let mut pace = Pace { between: BETWEEN, next: begun };
        let entered: u32 = (0..1_000).map(|n| crowd(&mut pace, begun + BETWEEN / 2 * n)).sum();
        assert_eq!(entered, 500);
    }

    #[test]
    fn what_was_held_up_is_caught_up_with_as_far_as_is_good() {
        let mut now = Instant::now() + CATCH_UP;
        let mut pace = Pace { between: BETWEEN, next: now };
        assert_eq!(crowd(&mut pace, now), 1);
        now += BETWEEN * 5;
        assert_eq!(crowd(&mut pace, now), 5);
        // However long nobody came in, the next ones do not come all at once.
        now += BETWEEN * 10_000;
        assert_eq!(crowd(&mut pace, now), 11);
        now += BETWEEN;
        assert_eq!(crowd(&mut pace, now), 1);
    }

    #[tokio::test]
    async fn whoever_finds_too_many_in_line_is_told_how_long_it_is_and_whoever_leaves_makes_room() {
        let doors = Doors::new(NonZeroU32::MIN, 2);
        doors.turn().await.unwrap();
        let mut line: Vec<_> = (0..2).map(|_| Box::pin(doors.turn())).collect();
        assert!(line.iter_mut().all(|turn| turn.now_or_never().is_none()), "they wait");
        assert_eq!(doors.turn().now_or_never(), Some(Err(Duration::from_secs(3))));
        assert_eq!(doors.turn().now_or_never(), Some(Err(Duration::from_secs(3))), "who was sent away does not wait");
        line.pop();
        assert!(doors.turn().now_or_never().is_none(), "there is room");
    }
}
