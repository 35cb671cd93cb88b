//! How long things took: counts in buckets whose width grows with the value, so that every quantile is right to 2 %.

use std::time::Duration;

/// Buckets of one power of two.
const STEPS: u64 = 64;
/// Up to 2^36 ns, more than a minute; what took longer counts as that.
const POWERS: u64 = 36;

/// Durations, counted.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; usize::try_from(STEPS * (POWERS - 5)).expect("a few thousand")], count: 0 }
    }
}

impl Histogram {
    /// Counts one duration, in nanoseconds.
    pub(crate) fn add(&mut self, nanos: u64) {
        let index = index(nanos).min(self.buckets.len() - 1);
        self.buckets[index] += 1;
        self.count += 1;
    }

    /// Counts what another has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(own, more)| *own += more);
        self.count += other.count;
    }

    /// How many were counted.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// What that share of them did not exceed; zero if there are none.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let wanted = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Duration::from_nanos(middle(index as u64));
            }
        }
        Duration::ZERO
    }
}

/// The bucket of a value. Below 64 each value has its own; above, the six bits after the first one tell.
fn index(nanos: u64) -> usize {
    let power = u64::from(63 - (nanos | 1).leading_zeros());
    let index = if power < 6 { nanos } else { (power - 5) * STEPS + ((nanos >> (power - 6)) & (STEPS - 1)) };
    usize::try_from(index).expect("a few thousand")
}

/// The middle of a bucket.
fn middle(index: u64) -> u64 {
    let (power, step) = (index / STEPS, index % STEPS);
    if power == 0 { step } else { ((STEPS + step) << (power - 1)) + (1 << (power - 1)) / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quantile_is_right_to_two_percent() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), Duration::ZERO);
        for micros in 1..=100_000 {
            histogram.add(micros * 1_000);
        }
        for (share, micros) in [(0.0, 1.0), (0.5, 50_000.0), (0.99, 99_000.0), (1.0, 100_000.0)] {
            let found = histogram.quantile(share).as_secs_f64() * 1e6;
            assert!((found / micros - 1.0).abs() < 0.02, "{share}: {found} and not {micros}");
        }
        assert_eq!(histogram.count(), 100_000);
    }

    #[test]
    fn small_and_enormous_values_have_their_place() {
        let mut histogram = Histogram::default();
        [0, 63, 64, u64::MAX].into_iter().for_each(|nanos| histogram.add(nanos));
        assert_eq!(histogram.quantile(0.25).as_nanos(), 0);
        assert_eq!(histogram.quantile(0.5).as_nanos(), 63);
        assert_eq!(histogram.quantile(0.75).as_nanos(), 64);
        assert!(histogram.quantile(1.0) > Duration::from_secs(60));
    }
}
