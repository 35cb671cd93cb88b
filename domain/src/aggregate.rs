//! What every aggregate is: a state that decides on commands and folds events.

use std::borrow::Cow;
use std::fmt::{self, Debug, Display};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::event::Event;
use crate::refusal::Refusal;

/// The kind of stream an aggregate lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// A person's account.
    User,
    /// A name that only one user can hold: a username or an email address.
    Claim,
    /// What stands between two users.
    Friendship,
    /// A conversation and its members.
    Thread,
    /// One message and what happened to it.
    Message,
    /// What a user keeps about a thread for themselves.
    Subscription,
    /// Something an admin did that is not about a user.
    Operation,
    /// One that only newer programs know. Such streams can be kept, checked and passed on, but not understood.
    Other(OtherCategory),
}

impl Category {
    /// Every category that this program knows.
    pub const ALL: [Self; 7] =
        [Self::User, Self::Claim, Self::Friendship, Self::Thread, Self::Message, Self::Subscription, Self::Operation];

    /// The name that is stored and put in front of event names.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::User => "user",
            Self::Claim => "claim",
            Self::Friendship => "friendship",
            Self::Thread => "thread",
            Self::Message => "message",
            Self::Subscription => "subscription",
            Self::Operation => "operation",
            Self::Other(other) => other.as_str(),
        }
    }

    /// The category of that name: 1 to 24 of a to z, 0 to 9 and _.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let known = Self::ALL.into_iter().find(|category| category.as_str() == name);
        known.or_else(|| OtherCategory::parse(name).map(Self::Other))
    }
}

impl Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Category {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Category {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| D::Error::custom(format_args!("{name:?} is not the name of a category")))
    }
}

/// The name of a category that this program does not know. Kept in place, so that a stream's name costs no allocation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OtherCategory([u8; Self::LONGEST]);

impl OtherCategory {
    const LONGEST: usize = 24;

    fn parse(name: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || !name.bytes().all(plain) {
            return None;
        }
        let mut bytes = [0; Self::LONGEST];
        bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        Some(Self(bytes))
    }

    fn as_str(&self) -> &str {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(Self::LONGEST);
        std::str::from_utf8(&self.0[..length]).expect("made of a name in ASCII")
    }
}

impl Debug for OtherCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(self.as_str(), f)
    }
}

/// An event that cannot follow the state it was applied to: the stream is corrupt, or the code is older than its events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event} cannot be applied to {state}")]
pub struct Inapplicable {
    /// The type of the event.
    pub event: &'static str,
    /// The state it met.
    pub state: String,
}

impl Inapplicable {
    /// The event of this type met this state.
    #[must_use]
    pub fn new(event: &'static str, state: &impl Debug) -> Self {
        Self { event, state: format!("{state:?}") }
    }
}

/// A consistency boundary: one stream of events, folded into one state.
pub trait Aggregate: Clone + Debug + Default + PartialEq + Send + Sync + 'static {
    /// The category of its streams.
    const CATEGORY: Category;
    /// What identifies one of them.
    type Id: Copy + Into<Uuid> + Send + Sync;
    /// What can be asked of it.
    type Command: Clone + Debug + Send;
    /// What can have happened to it.
    type Event: Clone + Debug + PartialEq + Into<Event> + TryFrom<Event, Error = Event> + Send + Sync;
    /// Why it can say no.
    type Refusal: Into<Refusal> + Debug + Send;

    /// What follows from the command in this state: events (none when it already holds), or a refusal.
    ///
    /// # Errors
    /// The reason why the command is not allowed now.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// Takes one event into the state.
    ///
    /// # Errors
    /// [`Inapplicable`] when no decision in this state could have led to the event; the state is then unchanged.
    fn apply(&mut self, event: &Self::Event) -> Result<(), Inapplicable>;

    /// The state after these events, from nothing.
    ///
    /// # Errors
    /// The first event that does not fit.
    fn replay<'a>(events: impl IntoIterator<Item = &'a Self::Event>) -> Result<Self, Inapplicable> {
        let mut state = Self::default();
        for event in events {
            state.apply(event)?;
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use super::Category;

    #[test]
    fn a_category_is_what_its_name_says_known_or_not() {
        for category in Category::ALL {
            assert_eq!(Category::parse(category.as_str()), Some(category));
        }
        for name in ["poll", "a", "exactly_24_characters_lo", "v2"] {
            let category = Category::parse(name).unwrap();
            assert!(matches!(category, Category::Other(_)), "{name}");
            assert_eq!(category.to_string(), name);
            let json = serde_json::to_string(&category).unwrap();
            assert_eq!(serde_json::from_str::<Category>(&json).unwrap(), category, "{json}");
        }
        for name in ["", "Poll", "a-b", "a.b", "pöll", "exactly_25_characters_lon", "a\0"] {
            assert_eq!(Category::parse(name), None, "{name:?}");
        }
    }
}
