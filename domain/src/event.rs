//! Everything that can have happened, in one enum. It is the registry: the compiler finds what forgets an event.

use serde::{Deserialize, Serialize};

use crate::aggregate::Category;
use crate::audience::Audience;
use crate::claim::ClaimEvent;
use crate::friendship::FriendshipEvent;
use crate::id::OwnerId;
use crate::message::MessageEvent;
use crate::operation::OperationEvent;
use crate::subscription::SubscriptionEvent;
use crate::thread::ThreadEvent;
use crate::user::UserEvent;

/// Personal content of an event. It is stored apart from the facts and can be erased without touching them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "T", inline))]
#[serde(from = "Option<T>", into = "Option<T>", bound(serialize = "T: Serialize + Clone"))]
pub enum Personal<T> {
    /// It can be read.
    Known(T),
    /// It was erased; the facts remain.
    #[default]
    Erased,
}

impl<T> Personal<T> {
    /// The content, unless it was erased.
    #[must_use]
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(content) => Some(content),
            Self::Erased => None,
        }
    }
}

impl<T> From<Option<T>> for Personal<T> {
    fn from(content: Option<T>) -> Self {
        content.map_or(Self::Erased, Self::Known)
    }
}

impl<T> From<Personal<T>> for Option<T> {
    fn from(content: Personal<T>) -> Self {
        match content {
            Personal::Known(content) => Some(content),
            Personal::Erased => None,
        }
    }
}

macro_rules! events {
    ($($variant:ident($event:ty)),+ $(,)?) => {
        /// An event of any aggregate.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
        pub enum Event {
            $(#[doc = concat!("Of a ", stringify!($variant), ".")] $variant($event),)+
        }

        $(
            impl From<$event> for Event {
                fn from(event: $event) -> Self {
                    Self::$variant(event)
                }
            }

            impl TryFrom<Event> for $event {
                type Error = Event;

                fn try_from(event: Event) -> Result<Self, Event> {
                    match event {
                        Event::$variant(event) => Ok(event),
                        #[allow(clippy::wildcard_enum_match_arm, reason = "any other variant is handed back whole")]
                        other => Err(other),
                    }
                }
            }
        )+

        impl Event {
            /// The category of the stream it belongs to.
            #[must_use]
            pub const fn category(&self) -> Category {
                match self {
                    $(Self::$variant(_) => Category::$variant,)+
                }
            }

            /// Its name: `<category>.<event_name>`, exactly two words, for ever.
            #[must_use]
            pub const fn event_type(&self) -> &'static str {
                match self {
                    $(Self::$variant(event) => event.event_type(),)+
                }
            }

            /// The version of its stored shape.
            #[must_use]
            pub const fn schema(&self) -> u16 {
                match self {
                    $(Self::$variant(event) => event.schema(),)+
                }
            }

            /// To whom it is owed.
            #[must_use]
            pub fn audience(&self) -> Audience {
                match self {
                    $(Self::$variant(event) => event.audience(),)+
                }
            }

            /// Whose words its content is; `None` when it is of a type that has none.
            #[must_use]
            pub fn owner(&self) -> Option<OwnerId> {
                match self {
                    $(Self::$variant(event) => event.owner(),)+
                }
            }
        }
    };
}

events! {
    User(UserEvent),
    Claim(ClaimEvent),
    Friendship(FriendshipEvent),
    Thread(ThreadEvent),
    Message(MessageEvent),
    Subscription(SubscriptionEvent),
    Operation(OperationEvent),
}

impl Event {
    /// The name of every event type, in the order of the categories.
    pub const TYPES: &'static [&'static str] = &[
        "user.registered",
        "user.privacy_set",
        "user.session_revoked",
        "user.email_verified",
        "user.role_granted",
        "user.role_withdrawn",
        "user.suspended",
        "user.reinstated",
        "user.two_factor_enabled",
        "user.two_factor_disabled",
        "user.deletion_requested",
        "user.deletion_cancelled",
        "user.erased",
        "claim.taken",
        "friendship.requested",
        "friendship.accepted",
        "friendship.declined",
        "friendship.cancelled",
        "friendship.ended",
        "friendship.blocked",
        "friendship.unblocked",
        "thread.opened",
        "thread.created",
        "thread.updated",
        "thread.deleted",
        "thread.members_added",
        "thread.joined",
        "thread.left",
        "thread.member_removed",
        "thread.role_changed",
        "thread.ownership_transferred",
        "thread.banned",
        "thread.unbanned",
        "thread.invited",
        "thread.link_created",
        "thread.invite_declined",
        "thread.invite_revoked",
        "thread.message_pinned",
        "thread.message_unpinned",
        "thread.messages_deleted",
        "message.posted",
        "message.edited",
        "message.deleted",
        "message.reacted",
        "message.unreacted",
        "subscription.read",
        "subscription.muted",
        "subscription.unmuted",
        "subscription.archived",
        "subscription.unarchived",
        "operation.dead_letter_retried",
        "operation.dead_letter_dropped",
        "operation.webhook_enabled",
    ];

    /// Types whose stored form has changed, each with the version of the newest one; every other is at its first.
    const CHANGED: &'static [(&'static str, u16)] = &[];

    /// The newest version of the stored form of a type that this program knows; none when it does not know the type.
    #[must_use]
    pub fn newest_schema(event_type: &str) -> Option<u16> {
        let changed = || Self::CHANGED.iter().find(|(changed, _)| *changed == event_type).map_or(1, |(_, schema)| *schema);
        Self::TYPES.contains(&event_type).then(changed)
    }
}
