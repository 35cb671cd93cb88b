use crate::id::{ClaimId, UserId};

/// What can be asked of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimCommand {
    /// Take the name.
    Take {
        /// Which name.
        claim: ClaimId,
        /// Who wants it.
        by: UserId,
    },
}
