/// A subscription says no to nothing: whose it is was settled by the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionRefusal {}
