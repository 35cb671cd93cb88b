//! What is configured and never shown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Text that is never shown.
#[derive(Clone, Deserialize, Serialize)]
#[serde(from = "String", into = "String")]
pub(crate) struct Secret(String);

impl Secret {
    /// The text itself.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<Secret> for String {
    /// Serialised for people to read, so without the secret.
    fn from(_: Secret) -> Self {
        "(hidden)".to_owned()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}
