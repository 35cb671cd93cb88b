//! Typed identifiers. Some are derived, so that two people who start the same thing meet in one stream.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::text::{Email, TextError, Username};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps an identifier that is known to be of this kind.
            #[must_use]
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The bare identifier.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// A user. Equal to the id of the command that registered them.
    UserId
    /// A name only one user can hold. Derived from the folded name.
    ClaimId
    /// What stands between two users. Derived from the pair.
    FriendshipId
    /// A conversation. For a direct one, derived from the pair.
    ThreadId
    /// A message. Chosen by its author's client (UUIDv7), and equal to the command's id.
    MessageId
    /// A command, chosen by the client before its first try, so that every retry is the same command.
    CommandId
    /// An installation of a client. Chosen by the client, meaningful together with its user.
    DeviceId
    /// A login.
    SessionId
    /// A second factor that somebody set up: which one, never what it is made of.
    FactorId
    /// An account somewhere else that somebody logs in with.
    IdentityId
    /// An invitation into a thread, to a person or by link. Equal to the id of the command that made it; for a link it is what the link
    /// carries, so whoever knows it may join.
    InviteId
    /// What a user keeps about a thread for themselves. Derived from the two.
    SubscriptionId
    /// The passcode of a thread: which one, never what it says. Equal to the id of the command that set it.
    PasscodeId
    /// Whose words something is, and with whom they are erased: a user, or a thread for how it looks. Equal to the id of that.
    OwnerId
    /// An uploaded file.
    FileId
    /// Something an admin did that is not about a user. Equal to the command's id.
    OperationId
}

// Fixed for ever: every derived identifier in every log depends on them.
const DIRECT_THREADS: Uuid = Uuid::from_u128(0x5d3b_8e0c_6f0e_5a41_9c5e_27a1_b0d4_11e1);
const FRIENDSHIPS: Uuid = Uuid::from_u128(0x5d3b_8e0c_6f0e_5a41_9c5e_27a1_b0d4_11e2);
const USERNAMES: Uuid = Uuid::from_u128(0x5d3b_8e0c_6f0e_5a41_9c5e_27a1_b0d4_11e3);
const EMAILS: Uuid = Uuid::from_u128(0x5d3b_8e0c_6f0e_5a41_9c5e_27a1_b0d4_11e4);
const SUBSCRIPTIONS: Uuid = Uuid::from_u128(0x5d3b_8e0c_6f0e_5a41_9c5e_27a1_b0d4_11e5);

/// Two different users, in an order that does not depend on who is named first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "(UserId, UserId)", into = "(UserId, UserId)")]
pub struct UserPair {
    low: UserId,
    high: UserId,
}

/// A pair needs two different users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user cannot be paired with themselves")]
pub struct SameUser;

impl UserPair {
    /// The pair of these two.
    ///
    /// # Errors
    /// [`SameUser`] when they are one.
    pub fn new(one: UserId, other: UserId) -> Result<Self, SameUser> {
        match one.cmp(&other) {
            std::cmp::Ordering::Less => Ok(Self { low: one, high: other }),
            std::cmp::Ordering::Greater => Ok(Self { low: other, high: one }),
            std::cmp::Ordering::Equal => Err(SameUser),
        }
    }

    /// Both, the lower identifier first.
    #[must_use]
    pub const fn users(self) -> [UserId; 2] {
        [self.low, self.high]
    }

    /// Whether the user is one of the two.
    #[must_use]
    pub fn contains(self, user: UserId) -> bool {
        self.low == user || self.high == user
    }

    /// The other one, if the user is one of the two.
    #[must_use]
    pub fn other(self, user: UserId) -> Option<UserId> {
        match user {
            _ if user == self.low => Some(self.high),
            _ if user == self.high => Some(self.low),
            _ => None,
        }
    }

    fn derive(self, namespace: Uuid) -> Uuid {
        let mut name = [0; 32];
        name[..16].copy_from_slice(self.low.0.as_bytes());
        name[16..].copy_from_slice(self.high.0.as_bytes());
        Uuid::new_v5(&namespace, &name)
    }
}

impl TryFrom<(UserId, UserId)> for UserPair {
    type Error = SameUser;

    fn try_from((one, other): (UserId, UserId)) -> Result<Self, Self::Error> {
        Self::new(one, other)
    }
}

impl From<UserPair> for (UserId, UserId) {
    fn from(pair: UserPair) -> Self {
        (pair.low, pair.high)
    }
}

impl ThreadId {
    /// The direct thread of two users.
    #[must_use]
    pub fn direct(pair: UserPair) -> Self {
        Self(pair.derive(DIRECT_THREADS))
    }
}

impl FriendshipId {
    /// The friendship of two users.
    #[must_use]
    pub fn between(pair: UserPair) -> Self {
        Self(pair.derive(FRIENDSHIPS))
    }
}

impl SubscriptionId {
    /// What this user keeps about this thread.
    #[must_use]
    pub fn of(user: UserId, thread: ThreadId) -> Self {
        let mut name = [0; 32];
        name[..16].copy_from_slice(user.0.as_bytes());
        name[16..].copy_from_slice(thread.0.as_bytes());
        Self(Uuid::new_v5(&SUBSCRIPTIONS, &name))
    }
}

impl From<UserId> for OwnerId {
    fn from(user: UserId) -> Self {
        Self::new(user.uuid())
    }
}

impl From<ThreadId> for OwnerId {
    fn from(thread: ThreadId) -> Self {
        Self::new(thread.uuid())
    }
}

impl ClaimId {
    /// The claim on a username, whatever its case.
    #[must_use]
    pub fn username(name: &Username) -> Self {
        Self(Uuid::new_v5(&USERNAMES, name.folded().as_bytes()))
    }

    /// The claim on an email address, whatever its case.
    #[must_use]
    pub fn email(email: &Email) -> Self {
        Self(Uuid::new_v5(&EMAILS, email.folded().as_bytes()))
    }

    /// The claim on what somebody logs in with: an email address, or else a username.
    ///
    /// # Errors
    /// Nobody can be called that.
    pub fn login(login: &str) -> Result<Self, TextError> {
        if login.contains('@') {
            Email::parse(login).map(|email| Self::email(&email))
        } else {
            Username::parse(login).map(|name| Self::username(&name))
        }
    }
}
