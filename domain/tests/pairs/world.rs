//! A friendship, a direct thread, a public channel where everybody is an admin or a member, and messages: decided on and recorded as the
//! command path does.

use std::collections::BTreeMap;

use chrono::DateTime;
use posthaste_domain::friendship::{DirectPolicy, FriendshipCommand, FriendshipEvent};
use posthaste_domain::message::{MessageCommand, MessageContent, MessageEvent};
use posthaste_domain::text::{Emoji, MessageBody, Title};
use posthaste_domain::thread::{Admission, Appearance, History, PostPermit, Role, SharedKind, ThreadCommand, ThreadEvent, Visibility};
use posthaste_domain::{Aggregate, Event, Friendship, Message, MessageId, Thread, ThreadId, UserId, UserPair};
use uuid::Uuid;

/// What can be asked. Users are numbers: 1 owns the channel, 2 and 3 are admins of it, 4 is outside; the friendship is of 1 and 2.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    Befriend { by: u128 },
    EndFriendship { by: u128 },
    Block { by: u128 },
    Unblock { by: u128 },
    OpenDirect { by: u128 },
    Post { by: u128, place: Place, n: u128 },
    Edit { by: u128, n: u128 },
    React { by: u128, n: u128 },
    Delete { by: u128, n: u128 },
    DeleteTogether { by: u128, n: u128 },
    Pin { by: u128, n: u128 },
    Add { by: u128, whom: u128 },
    Join { by: u128 },
    Leave { by: u128 },
    Remove { by: u128, whom: u128 },
    Ban { by: u128, whom: u128 },
    Unban { by: u128, whom: u128 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Direct,
    Group,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stream {
    Friendship,
    Thread(Place),
    Message(u128),
}

/// What was decided, and the versions of what was read.
pub(crate) struct Decided {
    checks: Vec<(Stream, usize)>,
    events: Vec<(Stream, Event)>,
}

/// All states, and everything that was recorded.
pub(crate) struct World {
    pub(crate) policy: DirectPolicy,
    pub(crate) log: Vec<Event>,
    streams: BTreeMap<Stream, Vec<Event>>,
}

pub(crate) fn user(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

pub(crate) fn pair() -> UserPair {
    UserPair::new(user(1), user(2)).unwrap()
}

fn group() -> ThreadId {
    ThreadId::new(Uuid::from_u128(99))
}

fn message(n: u128) -> MessageId {
    MessageId::new(Uuid::from_u128(1_000 + n))
}

fn says(text: &str) -> MessageContent {
    MessageContent::Text { text: MessageBody::parse(text).unwrap() }
}

impl World {
    pub(crate) fn new(policy: DirectPolicy) -> Self {
        let mut world = Self { policy, log: Vec::new(), streams: BTreeMap::new() };
        let create = ThreadCommand::Create {
            thread: group(),
            by: user(1),
            kind: SharedKind::Channel,
            members: vec![user(2), user(3)],
            visibility: Visibility::Public,
            history: History::All,
            appearance: Appearance { title: Title::parse("all").unwrap(), description: None, avatar: None },
        };
        let promote = |n| ThreadCommand::ChangeRole { by: user(1), user: user(n), role: Role::Admin };
        for command in [create, promote(2), promote(3)] {
            let mut reading = Reading::new(&world);
            reading.decide::<Thread>(Stream::Thread(Place::Group), command).unwrap();
            let decided = reading.decided;
            world.record(decided);
        }
        world
    }

    /// Decides on what is known now; `None` when it is refused.
    pub(crate) fn decide(&self, ask: Ask) -> Option<Decided> {
        let mut reading = Reading::new(self);
        reading.ask(ask)?;
        Some(reading.decided)
    }

    /// Records what was decided, whether or not it still holds.
    pub(crate) fn record(&mut self, decided: Decided) {
        for (stream, event) in decided.events {
            self.streams.entry(stream).or_default().push(event.clone());
            self.log.push(event);
        }
    }

    /// Records what was decided, unless something that was read has moved.
    pub(crate) fn commit(&mut self, decided: Decided) -> bool {
        let holds = decided.checks.iter().all(|(stream, version)| self.version(*stream) == *version);
        if holds {
            self.record(decided);
        }
        holds
    }

    /// Decides and records at once; `false` when it is refused.
    pub(crate) fn ask(&mut self, ask: Ask) -> bool {
        self.decide(ask).is_some_and(|decided| self.commit(decided))
    }

    /// Every stream can be folded.
    pub(crate) fn replays(&self) {
        for stream in self.streams.keys() {
            match stream {
                Stream::Friendship => drop(self.state::<Friendship>(*stream)),
                Stream::Thread(_) => drop(self.state::<Thread>(*stream)),
                Stream::Message(_) => drop(self.state::<Message>(*stream)),
            }
        }
    }

    fn version(&self, stream: Stream) -> usize {
        self.streams.get(&stream).map_or(0, Vec::len)
    }

    fn state<A: Aggregate>(&self, stream: Stream) -> A {
        let events = self.streams.get(&stream).into_iter().flatten();
        let events = events.map(|event| A::Event::try_from(event.clone()).unwrap()).collect::<Vec<_>>();
        A::replay(&events).expect("what was checked can be folded")
    }
}

struct Reading<'a> {
    world: &'a World,
    decided: Decided,
}

impl<'a> Reading<'a> {
    fn new(world: &'a World) -> Self {
        Self { world, decided: Decided { checks: Vec::new(), events: Vec::new() } }
    }

    fn load<A: Aggregate>(&mut self, stream: Stream) -> A {
        self.decided.checks.push((stream, self.world.version(stream)));
        self.world.state(stream)
    }

    fn decide<A: Aggregate>(&mut self, stream: Stream, command: A::Command) -> Option<()> {
        let events = self.load::<A>(stream).decide(command).ok()?;
        self.decided.events.extend(events.into_iter().map(|event| (stream, event.into())));
        Some(())
    }

    fn ask(&mut self, ask: Ask) -> Option<()> {
        let at = DateTime::UNIX_EPOCH;
        let (friendship, group) = (Stream::Friendship, Stream::Thread(Place::Group));
        match ask {
            Ask::Befriend { by } => self.decide::<Friendship>(friendship, FriendshipCommand::Request { pair: pair(), by: user(by), at }),
            Ask::EndFriendship { by } => self.decide::<Friendship>(friendship, FriendshipCommand::End { by: user(by) }),
            Ask::Block { by } => self.decide::<Friendship>(friendship, FriendshipCommand::Block { pair: pair(), by: user(by), until: at }),
            Ask::Unblock { by } => self.decide::<Friendship>(friendship, FriendshipCommand::Unblock { by: user(by) }),
            Ask::OpenDirect { by } => {
                let permit = self.load::<Friendship>(friendship).direct(pair(), self.world.policy).ok()?;
                self.decide::<Thread>(Stream::Thread(Place::Direct), ThreadCommand::OpenDirect { permit, by: user(by) })
            }
            Ask::Post { by, place, n } => {
                let permit = self.writer(place, by)?;
                let (message, content) = (message(n), says("hello"));
                let post = MessageCommand::Post { message, permit, reply_to: None, mentions: vec![], forwarded: None, content };
                self.decide::<Message>(Stream::Message(n), post)
            }
            Ask::Edit { by, n } => {
                let place = self.standing(n)?.1;
                let permit = self.writer(place, by)?;
                // As often as the log is long, so that no edit says the same.
                let content = says(&format!("hello {}", self.world.log.len()));
                self.decide::<Message>(Stream::Message(n), MessageCommand::Edit { permit, revision: None, mentions: vec![], content })
            }
            Ask::React { by, n } => {
                let (thread, place) = self.standing(n)?;
                let permit = self.load::<Thread>(Stream::Thread(place)).react(thread, user(by)).ok()?;
                self.decide::<Message>(Stream::Message(n), MessageCommand::React { permit, emoji: Emoji::parse("🎈").unwrap() })
            }
            Ask::Delete { by, n } => {
                let (thread, place) = self.standing(n)?;
                let permit = self.load::<Thread>(Stream::Thread(place)).moderate(thread, user(by)).ok()?;
                self.decide::<Message>(Stream::Message(n), MessageCommand::Delete { permit })?;
                self.decide::<Thread>(Stream::Thread(place), ThreadCommand::UnpinDeleted { by: user(by), message: message(n) })
            }
            Ask::DeleteTogether { by, n } => {
                let place = self.standing(n)?.1;
                let author = self.load::<Message>(Stream::Message(n)).posted().ok()?.author;
                self.decide::<Thread>(
                    Stream::Thread(place),
                    ThreadCommand::DeleteMessages { by: user(by), messages: vec![(message(n), author)] },
                )
            }
            Ask::Pin { by, n } => {
                let place = self.standing(n)?.1;
                self.decide::<Thread>(Stream::Thread(place), ThreadCommand::Pin { by: user(by), message: message(n) })
            }
            Ask::Add { by, whom } => {
                let blocked = UserPair::new(user(by), user(whom)) == Ok(pair()) && self.load::<Friendship>(friendship).is_blocked();
                let users = if blocked { vec![] } else { vec![user(whom)] };
                self.decide::<Thread>(group, ThreadCommand::AddMembers { by: user(by), users })
            }
            Ask::Join { by } => self.decide::<Thread>(group, ThreadCommand::Join { user: user(by), invite: None, passcode: None, at }),
            Ask::Leave { by } => self.decide::<Thread>(group, ThreadCommand::Leave { user: user(by) }),
            Ask::Remove { by, whom } => self.decide::<Thread>(group, ThreadCommand::Remove { by: user(by), user: user(whom) }),
            Ask::Ban { by, whom } => self.decide::<Thread>(group, ThreadCommand::Ban { by: user(by), user: user(whom) }),
            Ask::Unban { by, whom } => self.decide::<Thread>(group, ThreadCommand::Unban { by: user(by), user: user(whom) }),
        }
    }

    fn writer(&mut self, place: Place, by: u128) -> Option<PostPermit> {
        match self.load::<Thread>(Stream::Thread(place)).admit(user(by)).ok()? {
            Admission::Granted(permit) => Some(permit),
            Admission::BetweenTwo(two) => {
                let permit = self.load::<Friendship>(Stream::Friendship).direct(two.pair(), self.world.policy).ok()?;
                two.settle(permit).ok()
            }
        }
    }

    /// Where a message stands that was not deleted in either way.
    fn standing(&mut self, n: u128) -> Option<(ThreadId, Place)> {
        let thread = self.load::<Message>(Stream::Message(n)).posted().ok()?.thread;
        let place = if thread == ThreadId::direct(pair()) { Place::Direct } else { Place::Group };
        let deleted = self.load::<Thread>(Stream::Thread(place)).has_deleted(message(n));
        (!deleted).then_some((thread, place))
    }
}

/// The events that the rules know, by aggregate.
pub(crate) enum Known<'a> {
    Friendship(&'a FriendshipEvent),
    Thread(&'a ThreadEvent),
    Message(&'a MessageEvent),
}

impl<'a> From<&'a Event> for Known<'a> {
    fn from(event: &'a Event) -> Self {
        match event {
            Event::Friendship(event) => Self::Friendship(event),
            Event::Thread(event) => Self::Thread(event),
            Event::Message(event) => Self::Message(event),
            Event::User(_) | Event::Claim(_) | Event::Subscription(_) | Event::Operation(_) => unreachable!("nothing of the kind is asked"),
        }
    }
}
