//! Buckets of tokens within one process: those of the embedded profile, and what each node of the distributed one counts by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use posthaste_application::port::limiter::{Take, Taken};
use posthaste_application::port::{Clock, PortError, RateLimiter};

/// Most buckets that are not full; about 10 MiB.
const BUCKETS: usize = 65_536;

/// The buckets of a process. A full one is forgotten; of too many, those that are the next to be full.
pub struct InProcessRateLimiter {
    clock: Arc<dyn Clock>,
    /// When each is full, in microseconds since 1970.
    full_at: Mutex<HashMap<String, i64>>,
}

impl InProcessRateLimiter {
    /// Every bucket is full; they fill by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, full_at: Mutex::default() }
    }

    /// Buckets that are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.buckets().len()
    }

    fn buckets(&self) -> MutexGuard<'_, HashMap<String, i64>> {
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what says least. At least half of the room is free afterwards, so this is rare however many there are.
fn make_room(buckets: &mut HashMap<String, i64>, now: i64) {
    buckets.retain(|_, full_at| *full_at > now);
    if buckets.len() > BUCKETS / 2 {
        let mut ends: Vec<_> = buckets.values().copied().collect();
        let (_, middle, _) = ends.select_nth_unstable(buckets.len() - BUCKETS / 2);
        let middle = *middle;
        buckets.retain(|_, full_at| *full_at > middle);
    }
}

#[async_trait]
impl RateLimiter for InProcessRateLimiter {
    async fn take(&self, takes: &[Take]) -> Result<Taken, PortError> {
        let now = self.clock.now().timestamp_micros();
        let mut buckets = self.buckets();
        let before = |buckets: &HashMap<String, i64>, take: &Take| buckets.get(&take.key).copied().unwrap_or(now);
        let after = takes.iter().map(|take| take.rate.after_taking(before(&buckets, take), now)).collect::<Option<Vec<_>>>();
        let level = |take: &Take, full_at| take.rate.level(full_at, now, after.is_some());
        let Some(after) = &after else {
            let levels = takes.iter().map(|take| level(take, before(&buckets, take))).collect();
            return Ok(Taken { allowed: false, levels });
        };
        if buckets.len() + takes.len() > BUCKETS {
            make_room(&mut buckets, now);
        }
        for (take, full_at) in takes.iter().zip(after) {
            match buckets.get_mut(&take.key) {
                Some(bucket) => *bucket = *full_at,
                None => drop(buckets.insert(take.key.clone(), *full_at)),
            }
        }
        Ok(Taken { allowed: true, levels: takes.iter().zip(after).map(|(take, full_at)| level(take, *full_at)).collect() })
    }

    async fn give_back(&self, takes: &[Take]) -> Result<(), PortError> {
        let now = self.clock.now().timestamp_micros();
        let mut buckets = self.buckets();
        for take in takes {
            if let Some(full_at) = buckets.get_mut(&take.key) {
                *full_at -= take.rate.every_us();
                if *full_at <= now {
                    buckets.remove(&take.key);
                }
            }
        }
        Ok(())
    }
}
