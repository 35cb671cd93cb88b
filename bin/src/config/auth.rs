//! Who is who.

use std::num::NonZeroU64;
use std::time::Duration;

use posthaste_application::login::Lifetimes;
use posthaste_infrastructure::argon2::ArgonCost;
use posthaste_infrastructure::http::Registration;
use serde::{Deserialize, Serialize};

use super::Secret;

/// Who is who. `S` is what the profile knows of a key.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthConfig<S> {
    pub(crate) signing_key: S,
    pub(crate) accepted_keys: Vec<Secret>,
    pub(crate) factor_key: S,
    access_token_s: NonZeroU64,
    session_idle_s: NonZeroU64,
    session_lifetime_s: NonZeroU64,
    registration: RegistrationConfig,
    pub(crate) passkey_domain: Option<String>,
    pub(crate) passkey_name: String,
    password_memory_kib: u32,
    password_passes: u32,
    password_lanes: u32,
}

/// Who may become a user.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum RegistrationConfig {
    /// Whoever asks.
    Open,
    /// Nobody but whom an operator registers.
    Closed,
}

impl<S> AuthConfig<S> {
    /// How long logins are good for.
    pub(super) const fn lifetimes(&self) -> Lifetimes {
        Lifetimes {
            access_token: Duration::from_secs(self.access_token_s.get()),
            idle: Duration::from_secs(self.session_idle_s.get()),
            session: Duration::from_secs(self.session_lifetime_s.get()),
        }
    }

    /// Whether anybody may become a user.
    pub(super) const fn registration(&self) -> Registration {
        match self.registration {
            RegistrationConfig::Open => Registration::Open,
            RegistrationConfig::Closed => Registration::Closed,
        }
    }

    /// What a password hash costs.
    pub(crate) const fn password_cost(&self) -> ArgonCost {
        ArgonCost { memory_kib: self.password_memory_kib, passes: self.password_passes, lanes: self.password_lanes }
    }
}
