//! Random histories: what comes of random wishes when the aggregates really decide on them.

mod decide;
mod wish;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use posthaste_application::codec;
use posthaste_application::recorded::{Append, Check, Expected, Position, Recorded, StreamId};
use posthaste_domain::{
    Aggregate, Claim, CommandId, Event, Friendship, InviteId, Message, MessageId, Operation, Subscription, Thread, ThreadId, User, UserId,
    UserPair,
};
use uuid::Uuid;

use wish::What;
pub use wish::{Wish, wishes};

/// How many users there can be, numbered from 0.
pub const USERS: u64 = 5;

type States<A> = HashMap<Uuid, (A, u64)>;

/// What was recorded.
#[derive(Debug, Default)]
pub struct History {
    /// As the log was asked.
    pub appends: Vec<Append>,
    /// As it would have answered.
    pub recorded: Vec<Recorded>,
    /// Every thread that ever was, deleted or not.
    pub threads: Vec<ThreadId>,
    /// Every message that ever was, and its thread.
    pub messages: Vec<(MessageId, ThreadId)>,
    states: Everything,
    /// Every invitation, into which thread, and for whom if for one.
    invites: Vec<(InviteId, ThreadId, Option<UserId>)>,
    commands: u64,
}

#[derive(Debug, Default)]
struct Everything {
    users: States<User>,
    claims: States<Claim>,
    friendships: States<Friendship>,
    threads: States<Thread>,
    messages: States<Message>,
    subscriptions: States<Subscription>,
    operations: States<Operation>,
}

/// The user of this number.
#[must_use]
pub fn user(n: u64) -> UserId {
    UserId::new(Uuid::from_u64_pair(1, n))
}

/// The direct thread of two users, opened or not.
#[must_use]
pub fn thread(one: u64, other: u64) -> Option<ThreadId> {
    UserPair::new(user(one), user(other)).ok().map(ThreadId::direct)
}

/// The time of a wish, in microseconds since all began.
#[must_use]
pub fn at(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_750_000_000_000_000 + micros).expect("a time")
}

/// One decision in the making.
#[derive(Default)]
struct Decision {
    checks: Vec<Check>,
    events: Vec<(StreamId, u64, Event)>,
}

impl Decision {
    fn decide<A: Aggregate>(&mut self, states: &mut States<A>, id: A::Id, command: A::Command) -> Option<()> {
        let id = id.into();
        let (state, version) = states.entry(id).or_default();
        let stream = StreamId { category: A::CATEGORY, id };
        let events = state.decide(command).ok()?;
        self.checks.push(Check { stream, expected: Expected::of(*version) });
        for event in events {
            state.apply(&event).expect("what is decided can be applied");
            *version += 1;
            self.events.push((stream, *version, event.into()));
        }
        Some(())
    }
}

impl History {
    /// What comes of these wishes, one after the other.
    #[must_use]
    pub fn of(wishes: &[Wish]) -> Self {
        let mut history = Self::default();
        for wish in wishes {
            let mut decision = Decision::default();
            // A wish that is granted in part changes states that nobody records, so nothing may fail after the first.
            if history.decide(&mut decision, wish).is_some() && !decision.events.is_empty() {
                history.record(decision, wish);
            } else {
                assert!(decision.events.is_empty(), "half a decision: {wish:?}");
            }
        }
        history
    }

    /// Two users register, become friends, open their thread and post in turn: 7 events, and one for each message.
    #[must_use]
    pub fn between(one: u64, other: u64, messages: u64) -> Self {
        let begin = [
            Wish::plain(What::Register, one, other),
            Wish::plain(What::Register, other, one),
            Wish::plain(What::Request, one, other),
            Wish::plain(What::Accept, other, one),
            Wish::plain(What::Open, one, other),
        ];
        let post = |n| if n % 2 == 0 { Wish::plain(What::Post, one, other) } else { Wish::plain(What::Post, other, one) };
        Self::of(&begin.into_iter().chain((0..messages).map(post)).collect::<Vec<_>>())
    }

    /// The last position.
    #[must_use]
    pub fn head(&self) -> Position {
        Position(self.recorded.len() as u64)
    }

    fn record(&mut self, decision: Decision, wish: &Wish) {
        let command = CommandId::new(Uuid::from_u64_pair(3, self.commands));
        self.commands += 1;
        let mut append = Append {
            command,
            fingerprint: [0; 32],
            actor: Some(user(wish.by)),
            correlation: command.uuid(),
            causation: None,
            checks: decision.checks,
            events: Vec::new(),
            unsealed: None,
        };
        for (ordinal, (stream, version, event)) in (0..).zip(&decision.events) {
            let mut new = codec::encode(*stream, *version, event);
            if wish.erased {
                new.content = None;
            }
            self.recorded.push(Recorded::new(&append, ordinal, new.clone(), self.head().next(), at(wish.at), [0; 32]));
            append.events.push(new);
        }
        self.appends.push(append);
    }
}
