use serde::{Deserialize, Serialize};

use crate::audience::Audience;
use crate::id::{OperationId, OwnerId};
use crate::text::{ConsumerName, StreamName};

/// An event that a consumer of the log could not take, and behind which its stream waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeadLetter {
    /// Who could not take it.
    pub consumer: ConsumerName,
    /// Its stream.
    pub stream: StreamName,
    /// Where it stands in the log.
    pub position: u64,
}

/// What an admin can have done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(tag = "type"))]
pub enum OperationEvent {
    /// A dead letter was to be tried again.
    #[serde(rename = "operation.dead_letter_retried")]
    DeadLetterRetried {
        /// Which operation this is.
        operation: OperationId,
        /// Which dead letter.
        #[serde(flatten)]
        letter: DeadLetter,
    },
    /// A consumer was to do without an event.
    #[serde(rename = "operation.dead_letter_dropped")]
    DeadLetterDropped {
        /// Which operation this is.
        operation: OperationId,
        /// Which dead letter.
        #[serde(flatten)]
        letter: DeadLetter,
    },
    /// A webhook that had been disabled was to be sent to again.
    #[serde(rename = "operation.webhook_enabled")]
    WebhookEnabled {
        /// Which operation this is.
        operation: OperationId,
        /// Which webhook, as a consumer.
        consumer: ConsumerName,
    },
}

impl OperationEvent {
    pub(crate) const fn event_type(&self) -> &'static str {
        match self {
            Self::DeadLetterRetried { .. } => "operation.dead_letter_retried",
            Self::DeadLetterDropped { .. } => "operation.dead_letter_dropped",
            Self::WebhookEnabled { .. } => "operation.webhook_enabled",
        }
    }

    /// Every version is the first so far.
    pub(crate) const fn schema(&self) -> u16 {
        1
    }

    /// For the server and the auditors.
    pub(crate) fn audience(&self) -> Audience {
        match self {
            Self::DeadLetterRetried { .. } | Self::DeadLetterDropped { .. } | Self::WebhookEnabled { .. } => Audience::nobody(),
        }
    }

    /// Nothing in it is personal.
    pub(crate) const fn owner(&self) -> Option<OwnerId> {
        None
    }
}
