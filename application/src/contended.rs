//! Changes that others may be faster with: each is made to what was read, and tried again if that is not there any more.

use crate::execute::ExecuteError;
use crate::port::PortError;

/// How often a change is tried.
pub(crate) const TRIES: usize = 20;

/// Others changed the same each time.
#[derive(Debug, thiserror::Error)]
#[error("{what} is being changed by too many at once")]
pub(crate) struct Crowded {
    /// What is changed.
    pub(crate) what: &'static str,
    /// Where it is kept.
    pub(crate) store: &'static str,
}

impl From<Crowded> for ExecuteError {
    fn from(crowded: Crowded) -> Self {
        PortError::unavailable(crowded.store, crowded).into()
    }
}
