//! The rules of Posthaste, and nothing else.
//!
//! Aggregates decide what a command means ([`Aggregate::decide`]) and fold what happened
//! ([`Aggregate::apply`]). Everything here is a pure function: no clock, no randomness, no I/O, no async.
//!
//! To add an event: add a variant to the aggregate's event enum, its name to [`event::Event::TYPES`], and
//! let the compiler lead you through the matches; the fixtures test pins its serialised form.

pub mod aggregate;
pub mod audience;
pub mod claim;
pub mod event;
pub mod friendship;
pub mod id;
pub mod message;
pub mod operation;
pub mod refusal;
pub mod subscription;
#[cfg(test)]
mod testing;
pub mod text;
pub mod thread;
pub mod user;

pub use aggregate::{Aggregate, Category, Inapplicable, OtherCategory};
pub use audience::{Addressee, Audience, MembershipChange};
pub use claim::Claim;
pub use event::{Event, Personal};
pub use friendship::Friendship;
pub use id::{
    ClaimId, CommandId, DeviceId, FactorId, FileId, FriendshipId, IdentityId, InviteId, MessageId, OperationId, OwnerId, PasscodeId,
    SessionId, SubscriptionId, ThreadId, UserId, UserPair,
};
pub use message::Message;
pub use operation::Operation;
pub use refusal::{Refusal, RefusalKind};
pub use subscription::Subscription;
pub use thread::Thread;
pub use user::User;
