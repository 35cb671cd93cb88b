//! Time, identifiers and chance, which are the same twice only in tests.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::PortError;

/// The time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;
}

/// New identifiers.
pub trait Ids: Send + Sync {
    /// A UUIDv7, never given before.
    fn next(&self) -> Uuid;
}

/// Chance.
pub trait Randomness: Send + Sync {
    /// Anything from 0 up to, but not including, 1; every part of it equally likely.
    fn fraction(&self) -> f64;

    /// Bits that nobody can guess.
    fn secret(&self) -> Result<[u8; 32], PortError>;

    /// Fills bytes that nobody can guess: fit for keys, and for numbers that are used once.
    fn fill(&self, bytes: &mut [u8]);
}
