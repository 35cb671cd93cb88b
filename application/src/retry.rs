//! How long to wait before something is tried again.

use std::time::Duration;

/// Pauses that double with every failure, up to a longest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pauses {
    /// The pause after the first failure is up to this long.
    pub first: Duration,
    /// No pause is longer.
    pub longest: Duration,
}

impl Pauses {
    /// How long to wait after so many failures: anything up to twice the one before, so that those who failed together do not come back
    /// together. `fraction` is from 0 to 1.
    #[must_use]
    pub fn after(&self, failures: u32, fraction: f64) -> Duration {
        let doubled = 2_u32.checked_pow(failures.saturating_sub(1)).and_then(|factor| self.first.checked_mul(factor));
        doubled.map_or(self.longest, |pause| pause.min(self.longest)).mul_f64(fraction.clamp(0.0, 1.0))
    }
}
