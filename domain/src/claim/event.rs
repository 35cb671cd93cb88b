use serde::{Deserialize, Serialize};

use crate::audience::Audience;
use crate::id::{ClaimId, OwnerId, UserId};

/// What can have happened to a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(tag = "type"))]
pub enum ClaimEvent {
    /// Somebody holds the name now.
    #[serde(rename = "claim.taken")]
    Taken {
        /// Which name; the name itself is personal and stays out of the log.
        claim: ClaimId,
        /// Who holds it.
        by: UserId,
    },
}

impl ClaimEvent {
    pub(crate) const fn event_type(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "claim.taken",
        }
    }

    pub(crate) const fn schema(&self) -> u16 {
        match self {
            Self::Taken { .. } => 1,
        }
    }

    pub(crate) fn audience(&self) -> Audience {
        match self {
            Self::Taken { .. } => Audience::nobody(),
        }
    }

    /// Nothing in it is personal.
    pub(crate) const fn owner(&self) -> Option<OwnerId> {
        None
    }
}
