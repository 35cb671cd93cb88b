//! Where and how often the log is sealed.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use posthaste_application::verify::SealerTiming;
use serde::{Deserialize, Serialize};

/// Where and how often the log is sealed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SealsConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_file: Option<PathBuf>,
    every_events: NonZeroU64,
    every_s: NonZeroU64,
}

impl SealsConfig {
    /// The file of seals and that of the key, if the log is to be sealed.
    pub(crate) fn files(&self) -> Option<(&Path, &Path)> {
        self.file.as_deref().zip(self.key_file.as_deref())
    }

    /// When a seal is due.
    pub(crate) const fn timing(&self) -> SealerTiming {
        SealerTiming { events: self.every_events.get(), time: Duration::from_secs(self.every_s.get()) }
    }

    /// A file to seal into and no key to seal with is a mistake that nobody would notice.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.file.is_some() && self.key_file.is_none() {
            return Err(
                "seals.file is given and seals.key_file is not: make a key with `posthaste log seal --generate-key FILE`".to_owned()
            );
        }
        Ok(())
    }
}
