//! What every aggregate is: a state that decides on commands and folds events.

use std::fmt::{self, Debug, Display};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::Event;
use crate::refusal::Refusal;

/// The kind of stream an aggregate lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
}

impl Category {
    /// Every category there is.
    pub const ALL: [Self; 6] = [Self::User, Self::Claim, Self::Friendship, Self::Thread, Self::Message, Self::Subscription];

    /// The name that is stored and put in front of event names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Claim => "claim",
            Self::Friendship => "friendship",
            Self::Thread => "thread",
            Self::Message => "message",
            Self::Subscription => "subscription",
        }
    }

    /// The category of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.as_str() == name)
    }
}

impl Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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
