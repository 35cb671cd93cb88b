use serde::{Deserialize, Serialize};

/// Whom somebody lets know of something. Never those who are in a block with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Circle {
    /// Everybody.
    Everyone,
    /// Friends.
    Friends,
    /// Nobody but oneself.
    Nobody,
}

impl Circle {
    /// Whether it has somebody in it who is, or is not, a friend.
    #[must_use]
    pub const fn includes(self, friend: bool) -> bool {
        match self {
            Self::Everyone => true,
            Self::Friends => friend,
            Self::Nobody => false,
        }
    }
}

/// What a user lets others know of their comings and goings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privacy {
    /// Who may see whether they are online.
    pub presence: Circle,
    /// Who of those may see when they were online last.
    pub last_seen: Circle,
    /// Whether others are told what they have read.
    pub read_receipts: bool,
}

impl Default for Privacy {
    fn default() -> Self {
        Self { presence: Circle::Friends, last_seen: Circle::Friends, read_receipts: true }
    }
}
