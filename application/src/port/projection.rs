//! What keeps a view up to date.

use async_trait::async_trait;

use super::PortError;
use crate::recorded::{Position, Recorded};

/// One view and its checkpoint, kept by one projector at a time.
#[async_trait]
pub trait Projection: Send + Sync {
    /// The name of the view: `threads`, `timeline`, `people`.
    fn name(&self) -> &'static str;

    /// Everything up to here is in the view.
    async fn checkpoint(&self) -> Result<Position, PortError>;

    /// Takes consecutive events into the view and moves the checkpoint from `after` to the last of them, in one transaction.
    /// Gives `false` and does nothing when the checkpoint is not at `after`: another projector was faster.
    async fn apply(&self, after: Position, events: &[Recorded]) -> Result<bool, PortError>;

    /// Forgets the view and its checkpoint, so that it is built anew.
    async fn reset(&self) -> Result<(), PortError>;
}
