//! Why a rebuilding ends without what was wanted.

use chrono::{DateTime, Utc};

use crate::port::PortError;
use crate::port::rebuilds::Purpose;
use crate::project::MOST_PARKED;
use crate::recorded::Position;
use crate::view::ViewName;

/// Why a rebuilding ended.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The log or the view failed; the next run goes on from what was built.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Somebody else is at it.
    #[error("{view} is being built beside the live view already, to {} it{}", purpose.map_or("rebuild", Purpose::as_str), since(*begun_at))]
    Busy {
        /// Which view.
        view: ViewName,
        /// What for.
        purpose: Option<Purpose>,
        /// Since when.
        begun_at: Option<DateTime<Utc>>,
    },
    /// The lease was lost while we did not renew it.
    #[error("somebody else took the rebuilding of {view} over: this one has changed nothing more")]
    Fenced {
        /// Which view.
        view: ViewName,
    },
    /// The live view is not where it was: it was emptied, or put back.
    #[error("the live view {view} went back to {live} while it was being compared at {beside}: try again")]
    WentBack {
        /// Which view.
        view: ViewName,
        /// Where it is.
        live: Position,
        /// Where the one beside it is.
        beside: Position,
    },
    /// The live view cannot be compared: the log was restored from a backup.
    #[error("the checkpoint {live} of {view} is beyond the head of the log {head}: rebuild the view")]
    BeyondHead {
        /// Which view.
        view: ViewName,
        /// How far it once came.
        live: Position,
        /// Where the log ends now.
        head: Position,
    },
    /// What is to be left out has changed: somebody asked to have an event dropped, or tried again.
    #[error("what is to be left out of {view} has changed since it was begun: try again")]
    Outdated {
        /// Which view.
        view: ViewName,
    },
    /// So many streams cannot be taken that it cannot be the fault of their events.
    #[error("{view} cannot be built: {MOST_PARKED} streams of it are parked already")]
    TooMany {
        /// Which view.
        view: ViewName,
        /// Why the next one would be.
        #[source]
        source: PortError,
    },
    /// What was put right is not right. Nothing was changed.
    #[error("{table} is not what it was made: somebody writes to it who should not; the live view was left as it was")]
    NotExchanged {
        /// Which table.
        table: String,
    },
}

fn since(begun_at: Option<DateTime<Utc>>) -> String {
    begun_at.map_or_else(String::new, |at| format!(", since {}", at.format("%FT%TZ")))
}
