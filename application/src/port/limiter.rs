//! Buckets of tokens: how often something may be done, counted where everybody sees it who may allow it.

#[cfg(feature = "contract")]
pub mod contract;

use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;

use super::PortError;

/// How many tokens a bucket holds, and how fast it fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens of a full bucket.
    pub burst: NonZeroU32,
    /// From one token to the next, in whole microseconds; at least one.
    pub every: Duration,
}

/// One token out of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take {
    /// Which bucket. A bucket that nobody has taken from is full.
    pub key: String,
    /// What it is like; the same for everybody who takes from it.
    pub rate: Rate,
}

/// How a bucket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Tokens that are left.
    pub remaining: u32,
    /// Until a token can be had that could not; nothing if it was not this bucket.
    pub retry_after: Duration,
    /// Until it is full.
    pub reset: Duration,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whether every bucket had a token. If not, none was taken of any.
    pub allowed: bool,
    /// How each bucket stands, in the order they were asked.
    pub levels: Vec<Level>,
}

/// The buckets.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes one token out of each of these buckets, which are different ones, or none of any.
    async fn take(&self, takes: &[Take]) -> Result<Taken, PortError>;

    /// Puts a token back into each, as far as there is room.
    async fn give_back(&self, takes: &[Take]) -> Result<(), PortError>;
}

/// A bucket is one number: when it will be full, in microseconds since 1970. What an adapter keeps, and all it keeps.
impl Rate {
    /// So many at once, and so many a minute.
    #[must_use]
    pub fn per_minute(per_minute: NonZeroU32, burst: NonZeroU32) -> Self {
        let every = Duration::from_micros(60_000_000 / u64::from(per_minute.get())).max(Duration::from_micros(1));
        Self { burst, every }
    }

    /// Until an empty bucket is full.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.every.saturating_mul(self.burst.get())
    }

    /// From one token to the next, in microseconds.
    #[must_use]
    pub fn every_us(&self) -> i64 {
        i64::try_from(self.every.as_micros()).unwrap_or(i64::MAX).clamp(1, i64::MAX / i64::from(self.burst.get()) / 4)
    }

    fn window_us(&self) -> i64 {
        self.every_us() * i64::from(self.burst.get())
    }

    /// When a bucket is full after a token was taken; nothing if there is none.
    #[must_use]
    pub fn after_taking(&self, full_at: i64, now: i64) -> Option<i64> {
        let after = full_at.max(now).saturating_add(self.every_us());
        (after - now <= self.window_us()).then_some(after)
    }

    /// How a bucket stands that is full at that time.
    #[must_use]
    pub fn level(&self, full_at: i64, now: i64, allowed: bool) -> Level {
        let missing = full_at.saturating_sub(now).max(0);
        let (every, window) = (self.every_us(), self.window_us());
        let wait = if allowed { 0 } else { (missing.saturating_add(every) - window).max(0) };
        Level { remaining: u32::try_from((window - missing).max(0) / every).unwrap_or(u32::MAX), retry_after: us(wait), reset: us(missing) }
    }
}

fn us(us: i64) -> Duration {
    Duration::from_micros(us.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_minute: u32, burst: u32) -> Rate {
        Rate::per_minute(NonZeroU32::new(per_minute).unwrap(), NonZeroU32::new(burst).unwrap())
    }

    #[test]
    fn a_bucket_gives_what_it_holds_and_then_as_fast_as_it_fills() {
        let (rate, mut full_at, mut given) = (rate(120, 20), 0, 0);
        for now in (0..60_000_000).step_by(1_000) {
            if let Some(after) = rate.after_taking(full_at, now) {
                (full_at, given) = (after, given + 1);
            }
        }
        assert_eq!(given, 20 + 119);
    }

    #[test]
    fn a_level_says_what_is_left_and_when_there_is_more() {
        let rate = rate(60, 3);
        let second = Duration::from_secs(1);
        let full = rate.level(0, 10, true);
        assert_eq!((full.remaining, full.reset), (3, Duration::ZERO));
        let empty = rate.level(3_000_000, 0, false);
        assert_eq!((empty.remaining, empty.retry_after, empty.reset), (0, second, second * 3));
        // A bucket that was not the reason asks nobody to wait.
        assert_eq!(rate.level(2_000_000, 0, false).retry_after, Duration::ZERO);
    }

    #[test]
    fn rates_beyond_all_measure_do_not_overflow() {
        for rate in [Rate { burst: NonZeroU32::MAX, every: Duration::MAX }, rate(u32::MAX, u32::MAX)] {
            let after = rate.after_taking(i64::MAX / 8, 0);
            assert!(rate.level(after.unwrap_or(i64::MAX), 0, false).remaining <= rate.burst.get());
        }
    }
}
