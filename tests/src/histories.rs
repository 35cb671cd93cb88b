//! Random histories: what comes of random wishes when the aggregates really decide on them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use posthaste_application::codec;
use posthaste_application::recorded::{Append, Check, Expected, Position, Recorded, StreamId};
use posthaste_domain::claim::ClaimCommand;
use posthaste_domain::friendship::FriendshipCommand;
use posthaste_domain::message::{MessageCommand, MessageContent};
use posthaste_domain::text::{DisplayName, MessageBody, Username};
use posthaste_domain::thread::{Admission, ThreadCommand};
use posthaste_domain::user::{Profile, UserCommand};
use posthaste_domain::{
    Aggregate, Claim, ClaimId, CommandId, Event, Friendship, FriendshipId, Message, MessageId, Thread, ThreadId, User, UserId, UserPair,
};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

/// How many users there can be, numbered from 0.
pub const USERS: u64 = 5;

/// Something that somebody wants. Most wishes are granted sooner or later; what is refused leaves nothing.
#[derive(Clone, Debug)]
pub struct Wish {
    what: What,
    by: u64,
    other: u64,
    text: String,
    /// The personal content is gone by the time anybody reads it.
    erased: bool,
    /// When, in microseconds: neither in order nor unique.
    at: i64,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Register,
    Request,
    Accept,
    Open,
    Post,
}

/// Up to `most` wishes.
pub fn wishes(most: usize) -> impl Strategy<Value = Vec<Wish>> {
    let what = prop_oneof![
        2 => Just(What::Register),
        4 => Just(What::Request),
        3 => Just(What::Accept),
        3 => Just(What::Open),
        12 => Just(What::Post),
    ];
    let wish = (what, 0..USERS, 0..USERS, "[ -~]{1,12}|\\PC{1,12}", prop::bool::weighted(0.2), 0..50_i64);
    vec(wish.prop_map(|(what, by, other, text, erased, at)| Wish { what, by, other, text, erased, at }), 0..most)
}

/// What was recorded.
#[derive(Debug, Default)]
pub struct History {
    /// As the log was asked.
    pub appends: Vec<Append>,
    /// As it would have answered.
    pub recorded: Vec<Recorded>,
    users: HashMap<Uuid, (User, u64)>,
    claims: HashMap<Uuid, (Claim, u64)>,
    friendships: HashMap<Uuid, (Friendship, u64)>,
    threads: HashMap<Uuid, (Thread, u64)>,
    commands: u64,
}

/// The user of this number.
#[must_use]
pub fn user(n: u64) -> UserId {
    UserId::new(Uuid::from_u64_pair(1, n))
}

/// The thread of two users, opened or not.
#[must_use]
pub fn thread(one: u64, other: u64) -> Option<ThreadId> {
    UserPair::new(user(one), user(other)).ok().map(ThreadId::direct)
}

/// One decision in the making.
#[derive(Default)]
struct Decision {
    checks: Vec<Check>,
    events: Vec<(StreamId, u64, Event)>,
}

impl Decision {
    fn decide<A: Aggregate>(&mut self, states: &mut HashMap<Uuid, (A, u64)>, id: A::Id, command: A::Command) -> Option<()> {
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
            if history.decide(&mut decision, wish).is_some() && !decision.events.is_empty() {
                history.record(decision, wish);
            }
        }
        history
    }

    /// The last position.
    #[must_use]
    pub fn head(&self) -> Position {
        Position(self.recorded.len() as u64)
    }

    fn decide(&mut self, decision: &mut Decision, wish: &Wish) -> Option<()> {
        let (by, other) = (user(wish.by), user(wish.other));
        let pair = UserPair::new(by, other);
        match wish.what {
            What::Register => {
                let username = Username::parse(&format!("user{}", wish.by)).expect("a username");
                let display_name = DisplayName::parse(&wish.text).ok()?;
                let claim = ClaimId::username(&username);
                decision.decide(&mut self.claims, claim, ClaimCommand::Take { claim, by })?;
                decision.decide(&mut self.users, by, UserCommand::Register { user: by, profile: Profile { username, display_name } })
            }
            What::Request => {
                let pair = pair.ok()?;
                decision.decide(&mut self.friendships, FriendshipId::between(pair), FriendshipCommand::Request { pair, by })
            }
            What::Accept => decision.decide(&mut self.friendships, FriendshipId::between(pair.ok()?), FriendshipCommand::Accept { by }),
            What::Open => {
                let friends = self.friendships.get(&FriendshipId::between(pair.ok()?).uuid())?.0.permit().ok()?;
                let thread = ThreadId::direct(friends.pair());
                decision.decide(&mut self.threads, thread, ThreadCommand::OpenDirect { friends, by })
            }
            What::Post => {
                let thread = ThreadId::direct(pair.ok()?);
                let Admission::AmongFriends(admission) = self.threads.get(&thread.uuid())?.0.admit(by).ok()?;
                let friends = self.friendships.get(&admission.friendship().uuid())?.0.permit().ok()?;
                let permit = admission.settle(friends).ok()?;
                let message = MessageId::new(Uuid::from_u64_pair(2, self.commands));
                let content = MessageContent::Text { text: MessageBody::parse(&wish.text).ok()? };
                decision.decide(&mut HashMap::<_, (Message, _)>::new(), message, MessageCommand::Post { message, permit, content })
            }
        }
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
        };
        for (ordinal, (stream, version, event)) in (0..).zip(&decision.events) {
            let mut new = codec::encode(*stream, *version, event);
            if wish.erased {
                new.content = None;
            }
            self.recorded.push(Recorded {
                position: self.head().next(),
                stream: *stream,
                version: *version,
                event_type: new.event_type.clone(),
                schema: new.schema,
                facts: new.facts.clone(),
                content: new.content.clone(),
                thread: new.thread,
                actor: append.actor,
                command,
                ordinal,
                fingerprint: append.fingerprint,
                correlation: append.correlation,
                causation: None,
                at: at(wish.at),
                hash: [0; 32],
            });
            append.events.push(new);
        }
        self.appends.push(append);
    }
}

fn at(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_750_000_000_000_000 + micros).expect("a time")
}
