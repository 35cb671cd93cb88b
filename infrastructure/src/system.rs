//! The machine's clock, its randomness, and identifiers from both. Nothing else reads either.

use chrono::{DateTime, Utc};
use posthaste_application::port::{Clock, Ids, PortError, Randomness};
use rand::rngs::SysRng;
use rand::{Rng as _, TryRng as _};
use uuid::Uuid;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock port")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// Identifiers in the order of their making, as far as one process can tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "this is the Ids port")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// The machine's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fraction(&self) -> f64 {
        rand::random()
    }

    fn secret(&self) -> Result<[u8; 32], PortError> {
        random()
    }

    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// Bits that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], PortError> {
    let mut bits = [0_u8; N];
    SysRng.try_fill_bytes(&mut bits).map_err(|error| PortError::unavailable("random numbers", error))?;
    Ok(bits)
}
