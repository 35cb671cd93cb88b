//! Who is who.

use std::num::NonZeroU64;
use std::time::Duration;

use posthaste_infrastructure::argon2::ArgonCost;
use serde::{Deserialize, Serialize};

use super::Secret;

/// Who is who. `S` is what the profile knows of the signing key.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthConfig<S> {
    pub(crate) signing_key: S,
    pub(crate) accepted_keys: Vec<Secret>,
    access_token_s: NonZeroU64,
    password_memory_kib: u32,
    password_passes: u32,
    password_lanes: u32,
}

impl<S> AuthConfig<S> {
    /// How long an access token is good for.
    pub(crate) const fn access_token(&self) -> Duration {
        Duration::from_secs(self.access_token_s.get())
    }

    /// What a password hash costs.
    pub(crate) const fn password_cost(&self) -> ArgonCost {
        ArgonCost { memory_kib: self.password_memory_kib, passes: self.password_passes, lanes: self.password_lanes }
    }
}
