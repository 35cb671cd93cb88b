//! Where seals are kept: outside the database, so that whoever can rewrite the log has to come by them as well.

#[cfg(feature = "contract")]
pub mod contract;

use async_trait::async_trait;

use super::PortError;
use crate::verify::seal::Seal;

/// The seal does not follow on the last one that is kept: somebody else has sealed since that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another seal was written in the meantime")]
pub struct Overtaken;

/// The seals of one node, to which only more are added.
#[async_trait]
pub trait SealStore: Send + Sync {
    /// The last one that was wholly written.
    async fn last(&self) -> Result<Option<Seal>, PortError>;

    /// Adds a seal, if the one that it follows on is the last. Once this answers, it outlives a crash; before, it is there wholly or
    /// not at all.
    async fn append(&self, seal: &Seal) -> Result<Result<(), Overtaken>, PortError>;
}
