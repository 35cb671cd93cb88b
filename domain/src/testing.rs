//! What the tests of every aggregate are told with.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::aggregate::Aggregate;
use crate::id::{MessageId, UserId, UserPair};

pub(crate) fn user(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

pub(crate) fn pair(one: u128, other: u128) -> UserPair {
    UserPair::new(user(one), user(other)).unwrap()
}

pub(crate) fn message(n: u128) -> MessageId {
    MessageId::new(Uuid::from_u128(n))
}

/// So many minutes after the tests' beginning of time.
pub(crate) fn minute(n: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(n)
}

/// An aggregate and all that happened to it.
#[derive(Clone, Debug)]
pub(crate) struct Live<A: Aggregate> {
    pub(crate) state: A,
    pub(crate) log: Vec<A::Event>,
}

impl<A: Aggregate> Default for Live<A> {
    fn default() -> Self {
        Self { state: A::default(), log: Vec::new() }
    }
}

impl<A: Aggregate> Live<A> {
    /// Decides and takes in what was decided, which must fit.
    pub(crate) fn ask(&mut self, command: A::Command) -> Result<Vec<A::Event>, A::Refusal> {
        let events = self.state.decide(command)?;
        for event in &events {
            self.state.apply(event).expect("what is decided can be applied");
            self.log.push(event.clone());
        }
        Ok(events)
    }

    /// The same, and it must be allowed.
    pub(crate) fn and(mut self, command: A::Command) -> Self {
        self.ask(command).unwrap();
        self
    }

    /// The log alone leads to the same state.
    pub(crate) fn replays(&self) {
        assert_eq!(A::replay(&self.log).as_ref(), Ok(&self.state));
    }

    /// Takes the event if it fits; the state must not change if it does not.
    pub(crate) fn offer(&mut self, event: &A::Event) {
        let before = self.state.clone();
        match self.state.apply(event) {
            Ok(()) => self.log.push(event.clone()),
            Err(_) => assert_eq!(self.state, before, "{event:?} does not fit and changed the state"),
        }
    }
}

/// Nothing has happened but these, all of which were allowed.
pub(crate) fn given<A: Aggregate>(commands: impl IntoIterator<Item = A::Command>) -> Live<A> {
    commands.into_iter().fold(Live::default(), Live::and)
}
