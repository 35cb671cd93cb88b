//! Who is told in passing of what somebody does in a thread.

use posthaste_domain::UserId;

/// Who is told of what a user does in a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Earshot {
    /// Nobody: the user is not in it.
    Nobody,
    /// Nobody: there are too many in it.
    TooMany,
    /// Its members.
    Members {
        /// But these, in the order of their ids: between them and the user there is a block, whoever made it.
        but: Vec<UserId>,
        /// Whether they may know what the user has read.
        reading: bool,
    },
}
