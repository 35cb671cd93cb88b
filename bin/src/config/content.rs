//! What personal content is sealed by.

use posthaste_application::content::keyring::Sealing;
use serde::{Deserialize, Serialize};

use super::Secret;

/// What personal content is sealed by. `S` is what the profile knows of the master key.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContentConfig<S> {
    pub(crate) master_key: S,
    pub(crate) accepted_keys: Vec<Secret>,
    seal: bool,
}

impl<S> ContentConfig<S> {
    /// Whether what is recorded is sealed.
    pub(crate) const fn sealing(&self) -> Sealing {
        if self.seal { Sealing::On } else { Sealing::Off }
    }
}
