use crate::id::{DeviceId, ThreadId, UserId};

/// What a user can do about a thread for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionCommand {
    /// Which thread.
    pub thread: ThreadId,
    /// Who.
    pub user: UserId,
    /// What.
    pub change: SubscriptionChange,
}

/// What is to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionChange {
    /// Everything up to this position is read. What was read stays read.
    Read {
        /// Inclusive.
        upto: u64,
        /// On which of their devices, when it is said by one.
        device: Option<DeviceId>,
    },
    /// Whether they want no noise from it.
    Mute(bool),
    /// Whether it is out of sight.
    Archive(bool),
}
