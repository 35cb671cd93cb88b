//! A log and a history that keep every promise, to be broken one at a time.

use chrono::DateTime;
use posthaste_application::port::cursors::Device;
use posthaste_application::recorded::{Append, Head, NewEvent, Position, Recorded, StreamId};
use posthaste_application::{chain, codec};
use posthaste_domain::claim::ClaimEvent;
use posthaste_domain::friendship::FriendshipEvent;
use posthaste_domain::message::{MessageContent, MessageEvent};
use posthaste_domain::text::{DisplayName, MessageBody, Username};
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::user::{Profile, UserEvent};
use posthaste_domain::{ClaimId, CommandId, DeviceId, Event, FriendshipId, MessageId, ThreadId, UserId, UserPair};
use posthaste_tests::drafts::taken;
use posthaste_tests::history::{Answer, Connection, Entry, History, Log, Pushed, Verdict, Violation, check};
use uuid::Uuid;

pub(super) const ALICE: UserId = UserId::new(Uuid::from_u128(0xa));
pub(super) const BOB: UserId = UserId::new(Uuid::from_u128(0xb));
pub(super) const CAROL: UserId = UserId::new(Uuid::from_u128(0xc));
pub(super) const PHONE: Device = Device { user: BOB, device: DeviceId::new(Uuid::from_u128(0xb1)) };
pub(super) const LAPTOP: Device = Device { user: BOB, device: DeviceId::new(Uuid::from_u128(0xb2)) };
pub(super) const DESKTOP: Device = Device { user: ALICE, device: DeviceId::new(Uuid::from_u128(0xa1)) };
/// The phone's two connections, the laptop's, the desktop's.
pub(super) const FIRST: Connection = Connection(1);
pub(super) const SECOND: Connection = Connection(2);
pub(super) const LAPTOPS: Connection = Connection(3);
pub(super) const DESKTOPS: Connection = Connection(4);
/// Where the messages stand.
pub(super) const MESSAGES: [Position; 4] = [Position(8), Position(9), Position(10), Position(12)];
pub(super) const TEXTS: [&str; 4] = ["one", "two", "three", "four"];

/// A log and what clients saw of it.
pub(super) struct Run {
    pub(super) log: Vec<Recorded>,
    pub(super) head: Option<Head>,
    pub(super) history: Vec<Entry>,
}

pub(super) fn pair() -> UserPair {
    UserPair::new(ALICE, BOB).unwrap()
}

pub(super) fn thread() -> ThreadId {
    ThreadId::direct(pair())
}

/// The command of the message at a position; of anything else, one as good as any.
pub(super) fn command(position: Position) -> CommandId {
    CommandId::new(Uuid::from_u128(0xc0_0000 + u128::from(position.0)))
}

pub(super) fn posted(author: UserId, position: Position, text: &str) -> (UserId, StreamId, Event) {
    let message = MessageId::new(command(position).uuid());
    let event = MessageEvent::Posted {
        message,
        thread: thread(),
        author,
        reply_to: None,
        mentions: Vec::new(),
        forwarded: None,
        content: MessageContent::Text { text: MessageBody::parse(text).unwrap() }.into(),
    };
    of(author, message.uuid(), event.into())
}

pub(super) fn registered(user: UserId, name: &str) -> (UserId, StreamId, Event) {
    let profile = Profile { username: Username::parse(name).unwrap(), display_name: DisplayName::parse(name).unwrap() };
    of(user, user.uuid(), UserEvent::Registered { user, content: profile.into() }.into())
}

pub(super) fn of(actor: UserId, id: Uuid, event: Event) -> (UserId, StreamId, Event) {
    (actor, StreamId { category: event.category(), id }, event)
}

/// Links every event to the one before it, whatever it says.
pub(super) fn link(log: &mut [Recorded]) {
    let mut before = chain::GENESIS;
    for event in log {
        let append = Append {
            command: event.command,
            fingerprint: event.fingerprint,
            actor: event.actor,
            correlation: event.correlation,
            causation: event.causation,
            checks: Vec::new(),
            events: Vec::new(),
            unsealed: None,
        };
        let new = NewEvent {
            stream: event.stream,
            version: event.version,
            event_type: event.event_type.clone(),
            schema: event.schema,
            facts: event.facts.clone(),
            content: event.content.clone(),
            owner: None,
            thread: event.thread,
            addressees: Vec::new(),
        };
        event.hash = chain::link(&before, &chain::digest(&append, event.ordinal, &new), event.position, event.at);
        before = event.hash;
    }
}

pub(super) fn log() -> Vec<Recorded> {
    let claim = ClaimId::username(&Username::parse("alice").unwrap());
    let friendship = FriendshipId::between(pair()).uuid();
    let events = [
        registered(ALICE, "alice"),
        of(ALICE, claim.uuid(), ClaimEvent::Taken { claim, by: ALICE }.into()),
        registered(BOB, "bob"),
        registered(CAROL, "carol"),
        of(ALICE, friendship, FriendshipEvent::Requested { pair: pair(), by: ALICE }.into()),
        of(BOB, friendship, FriendshipEvent::Accepted { pair: pair(), by: BOB }.into()),
        of(ALICE, thread().uuid(), ThreadEvent::Opened { thread: thread(), pair: pair(), by: ALICE }.into()),
        posted(ALICE, MESSAGES[0], TEXTS[0]),
        posted(BOB, MESSAGES[1], TEXTS[1]),
        posted(ALICE, MESSAGES[2], TEXTS[2]),
        registered(UserId::new(Uuid::from_u128(0xd)), "dave"),
        posted(BOB, MESSAGES[3], TEXTS[3]),
    ];
    let mut log: Vec<_> =
        (1..).zip(events).map(|(number, (actor, stream, event))| recorded(Position(number), actor, stream, &event)).collect();
    link(&mut log);
    log
}

pub(super) fn recorded(position: Position, actor: UserId, stream: StreamId, event: &Event) -> Recorded {
    Recorded {
        actor: Some(actor),
        command: command(position),
        fingerprint: [7; 32],
        correlation: Uuid::from_u128(1),
        at: DateTime::from_timestamp_micros(1_700_000_000_000_000).unwrap(),
        ..taken(position, codec::encode(stream, 1, event))
    }
}

impl Run {
    /// Everything as it should be, with all that may happen: a retry, an answer that was lost, a cut socket, a second arrival.
    pub(super) fn good() -> Self {
        let mut run = Self { log: log(), head: None, history: Vec::new() };
        let base = Position::START;
        run.connect(DESKTOP, DESKTOPS, base);
        run.connect(PHONE, FIRST, base);
        run.connect(LAPTOP, LAPTOPS, base);
        run.push(DESKTOP, DESKTOPS, &[1, 5, 6, 7]);
        run.push(PHONE, FIRST, &[3, 5, 6, 7]);
        run.push(LAPTOP, LAPTOPS, &[3, 5, 6, 7]);
        run.live(PHONE, FIRST, 7);
        run.send(ALICE, 0);
        run.answer(0, false);
        run.push(DESKTOP, DESKTOPS, &[8]);
        run.push(PHONE, FIRST, &[8]);
        // The outcome of Bob's is unknown, then its answer is lost, then it turns out to be a repetition.
        run.send(BOB, 1);
        run.record(Entry::Answered { command: command(MESSAGES[1]), answer: err("unavailable", "after") });
        run.send(BOB, 1);
        run.send(BOB, 1);
        run.answer(1, true);
        // The phone is cut after 8 and has acked less: 8 comes again.
        run.record(Entry::Acked { device: PHONE, position: Position(7) });
        run.push(PHONE, FIRST, &[9]);
        run.send(ALICE, 2);
        run.answer(2, false);
        run.record(Entry::Connected { device: PHONE, connection: SECOND, asked: None, cursor: Position(7) });
        run.push(PHONE, SECOND, &[8, 9, 10]);
        run.live(PHONE, SECOND, 11);
        run.send(BOB, 3);
        run.answer(3, false);
        run.push(PHONE, SECOND, &[12]);
        run.push(LAPTOP, LAPTOPS, &[8, 9, 10, 12]);
        run.live(LAPTOP, LAPTOPS, 12);
        run.push(DESKTOP, DESKTOPS, &[9, 10, 12]);
        for device in [DESKTOP, PHONE, LAPTOP] {
            run.record(Entry::Quiesced { device, position: Position(12) });
        }
        run
    }

    pub(super) fn record(&mut self, entry: Entry) {
        self.history.push(entry);
    }

    pub(super) fn connect(&mut self, device: Device, connection: Connection, cursor: Position) {
        self.record(Entry::Connected { device, connection, asked: Some(cursor), cursor });
    }

    pub(super) fn live(&mut self, device: Device, connection: Connection, position: u64) {
        self.record(Entry::Live { device, connection, position: Position(position) });
    }

    pub(super) fn send(&mut self, user: UserId, message: usize) {
        let command = command(MESSAGES[message]);
        self.record(Entry::Sent { user, command, thread: thread(), text: format!(" {} ", TEXTS[message]) });
    }

    pub(super) fn answer(&mut self, message: usize, dup: bool) {
        let command = command(MESSAGES[message]);
        let answer = Answer::Ok { id: command.uuid(), position: MESSAGES[message], dup };
        self.record(Entry::Answered { command, answer });
    }

    /// Pushes what the log has at these positions.
    pub(super) fn push(&mut self, device: Device, connection: Connection, positions: &[u64]) {
        for position in positions.iter().copied().map(Position) {
            let prev = self.history.iter().rev().find_map(|entry| match entry {
                Entry::Pushed { connection: other, event, .. } if *other == connection => Some(event.position),
                Entry::Connected { connection: other, cursor, .. } if *other == connection => Some(*cursor),
                _ => None,
            });
            let recorded = &self.log[usize::try_from(position.0).unwrap() - 1];
            let event = Pushed {
                position,
                prev: prev.unwrap(),
                id: recorded.id(),
                event_type: recorded.event_type.clone(),
                thread: recorded.thread,
                key: recorded.command,
                text: MESSAGES.iter().position(|message| *message == position).map(|message| TEXTS[message].to_owned()),
            };
            self.record(Entry::Pushed { device, connection, event });
        }
    }

    pub(super) fn index_of_push(&self, on: Connection, at: u64) -> usize {
        let found = self.history.iter().position(
            |entry| matches!(entry, Entry::Pushed { connection, event, .. } if *connection == on && event.position == Position(at)),
        );
        found.expect("the good history pushes it")
    }

    pub(super) fn pushed(&mut self, on: Connection, at: u64) -> &mut Pushed {
        let index = self.index_of_push(on, at);
        match &mut self.history[index] {
            Entry::Pushed { event, .. } => event,
            other => panic!("{other:?}"),
        }
    }

    /// Takes an event out of a connection, as if the server had never sent it there.
    pub(super) fn leave_out(&mut self, on: Connection, at: u64) {
        let index = self.index_of_push(on, at);
        let prev = self.pushed(on, at).prev;
        self.history.remove(index);
        for entry in &mut self.history {
            match entry {
                Entry::Pushed { connection, event, .. } if *connection == on && event.prev == Position(at) => event.prev = prev,
                _ => {}
            }
        }
    }

    pub(super) fn index_of_answer(&self, message: usize) -> usize {
        let asked = command(MESSAGES[message]);
        let found = self
            .history
            .iter()
            .position(|entry| matches!(entry, Entry::Answered { command, answer: Answer::Ok { .. } } if *command == asked));
        found.expect("the good history answers it")
    }

    /// The fields of the `ok` of a message.
    pub(super) fn ok(&mut self, message: usize) -> (&mut Uuid, &mut Position, &mut bool) {
        let index = self.index_of_answer(message);
        match &mut self.history[index] {
            Entry::Answered { answer: Answer::Ok { id, position, dup }, .. } => (id, position, dup),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn check(self) -> Verdict {
        let head = self.log.last().map(|event| Head { position: event.position, hash: event.hash }).unwrap();
        let history = History::default();
        self.history.into_iter().for_each(|entry| history.record(entry));
        check(&history.entries(), &Log { events: self.log, head: self.head.unwrap_or(head) })
    }

    pub(super) fn violations(self) -> Vec<Violation> {
        self.check().violations
    }
}

pub(super) fn err(code: &str, retry: &str) -> Answer {
    Answer::Err { code: code.to_owned(), retry: retry.to_owned() }
}
