//! What users may do with each other.

use chrono::TimeDelta;
use posthaste_application::execute::Rules;
use posthaste_domain::friendship::DirectPolicy;
use serde::{Deserialize, Serialize};

/// What users may do with each other.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RulesConfig {
    pub(crate) direct_threads: DirectThreads,
    pub(crate) decline_cool_down_s: u32,
    pub(crate) deletion_grace_s: u32,
}

/// Who may write to whom.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DirectThreads {
    /// Friends.
    Friends,
    /// Anybody whom the other has not blocked.
    Anyone,
}

impl RulesConfig {
    /// As commands are decided by them.
    pub(crate) fn rules(&self) -> Rules {
        let direct = match self.direct_threads {
            DirectThreads::Friends => DirectPolicy::Friends,
            DirectThreads::Anyone => DirectPolicy::Anyone,
        };
        let seconds = |seconds| TimeDelta::seconds(i64::from(seconds));
        Rules { direct, decline_cool_down: seconds(self.decline_cool_down_s), deletion_grace: seconds(self.deletion_grace_s) }
    }
}
