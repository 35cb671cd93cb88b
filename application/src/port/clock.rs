//! Time and identifiers, which are the same twice only in tests.

use chrono::{DateTime, Utc};
use uuid::Uuid;

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
