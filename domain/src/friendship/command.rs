use chrono::{DateTime, Utc};

use crate::id::{UserId, UserPair};

/// What can be asked of a friendship. The actor is one of the pair: the edge derives the pair from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FriendshipCommand {
    /// Ask the other to be friends.
    Request {
        /// Between whom.
        pair: UserPair,
        /// Who asks.
        by: UserId,
        /// When they ask.
        at: DateTime<Utc>,
    },
    /// Say yes to the other's request.
    Accept {
        /// Who says yes.
        by: UserId,
    },
    /// Say no to the other's request.
    Decline {
        /// Who says no.
        by: UserId,
        /// Until when the other cannot ask again.
        until: DateTime<Utc>,
    },
    /// Take one's own request back.
    Cancel {
        /// Who does.
        by: UserId,
    },
    /// End the friendship.
    End {
        /// Who does.
        by: UserId,
    },
    /// Hear nothing from the other. Ends what is between them.
    Block {
        /// Between whom.
        pair: UserPair,
        /// Who blocks.
        by: UserId,
        /// Until when the other cannot ask again, if a request of theirs is declined by this.
        until: DateTime<Utc>,
    },
    /// Be ready to hear from the other again.
    Unblock {
        /// Who does.
        by: UserId,
    },
}
