//! A log of any size, from a seed: what some hundred people who write in groups would have made of it. The aggregates decide on all of
//! it, so that whatever reads a log can read this one.

use std::collections::{HashMap, VecDeque};

use anyhow::{Context as _, ensure};
use posthaste_application::codec;
use posthaste_application::port::EventLog;
use posthaste_application::recorded::{Append, Check, Expected, StreamId};
use posthaste_domain::claim::ClaimCommand;
use posthaste_domain::message::{MessageCommand, MessageContent};
use posthaste_domain::subscription::{SubscriptionChange, SubscriptionCommand};
use posthaste_domain::text::{DisplayName, Emoji, MessageBody, Title, Username};
use posthaste_domain::thread::{Admission, Appearance, History, PostPermit, SharedKind, ThreadCommand, Visibility};
use posthaste_domain::user::{Profile, UserCommand};
use posthaste_domain::{
    Aggregate, Claim, ClaimId, CommandId, Event, Message, MessageId, Subscription, SubscriptionId, Thread, ThreadId, User, UserId,
};
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use uuid::Uuid;

const USERS: usize = 200;
const THREADS: usize = 40;
/// Messages that somebody may still edit, react to or delete.
const RECENT: usize = 500;
/// Commands of one transaction.
const BATCH: usize = 500;
const WORDS: [&str; 12] = ["and", "then", "posthaste", "tomorrow", "the", "letter", "über", "arrives", "🚀", "before", "anyone", "asks"];

struct Kept<A> {
    state: A,
    version: u64,
}

impl<A: Aggregate> Default for Kept<A> {
    fn default() -> Self {
        Self { state: A::default(), version: 0 }
    }
}

#[derive(Default)]
struct Decision {
    checks: Vec<Check>,
    events: Vec<(StreamId, u64, Event)>,
}

impl Decision {
    /// What comes of a command, if it is not refused.
    fn decide<A: Aggregate>(&mut self, kept: &mut Kept<A>, id: A::Id, command: A::Command) -> bool {
        let stream = StreamId { category: A::CATEGORY, id: id.into() };
        let Ok(events) = kept.state.decide(command) else { return false };
        self.checks.push(Check { stream, expected: Expected::of(kept.version) });
        for event in events {
            kept.state.apply(&event).expect("what is decided can be applied");
            kept.version += 1;
            self.events.push((stream, kept.version, event.into()));
        }
        true
    }
}

/// The one who makes it up.
pub struct Generator {
    random: StdRng,
    /// The time on the clients' clocks, in milliseconds.
    millis: u64,
    users: Vec<UserId>,
    threads: Vec<(ThreadId, Vec<UserId>, Kept<Thread>)>,
    /// Each with the index of its thread.
    recent: VecDeque<(MessageId, usize, Kept<Message>)>,
    subscriptions: HashMap<SubscriptionId, Kept<Subscription>>,
    events: u64,
}

impl Generator {
    /// From this seed always the same.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            millis: 1_750_000_000_000,
            users: Vec::new(),
            threads: Vec::new(),
            recent: VecDeque::new(),
            subscriptions: HashMap::new(),
            events: 0,
        }
    }

    /// How many events it has made up.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Records at least so many events, in large batches; `progress` is told how many there are.
    ///
    /// # Errors
    /// Those of the log, and that it was not empty.
    pub async fn fill(&mut self, log: &dyn EventLog, events: u64, mut progress: impl FnMut(u64)) -> anyhow::Result<()> {
        ensure!(log.head().await?.position.0 == self.events, "the log holds something else: it must be empty at first");
        while self.events < events {
            let left = usize::try_from(events - self.events)?;
            let batch: Vec<_> = (0..left.min(BATCH)).map(|_| self.append()).collect();
            for answer in log.append(&batch).await? {
                answer?;
            }
            progress(self.events);
        }
        Ok(())
    }

    /// The next command and what comes of it.
    pub fn append(&mut self) -> Append {
        let mut decision = Decision::default();
        let (by, id) = self.act(&mut decision);
        self.events += decision.events.len() as u64;
        let mut fingerprint = [0; 32];
        self.random.fill_bytes(&mut fingerprint);
        let event = |(stream, version, event): (StreamId, u64, Event)| codec::encode(stream, version, &event);
        Append {
            command: CommandId::new(id),
            fingerprint,
            actor: Some(by),
            correlation: id,
            causation: None,
            checks: decision.checks,
            events: decision.events.into_iter().map(event).collect(),
            unsealed: None,
        }
    }

    fn act(&mut self, decision: &mut Decision) -> (UserId, Uuid) {
        let id = self.id();
        if self.users.len() < USERS {
            return (self.register(decision, UserId::new(id)), id);
        }
        if self.threads.len() < THREADS {
            return (self.create(decision, ThreadId::new(id)), id);
        }
        let done = match self.random.random_range(0..100) {
            0..8 => self.read(decision),
            8..20 => self.on_message(decision),
            _ => None,
        };
        (done.unwrap_or_else(|| self.post(decision, MessageId::new(id))), id)
    }

    fn register(&mut self, decision: &mut Decision, user: UserId) -> UserId {
        let username = Username::parse(&format!("user_{}", self.users.len())).expect("a username");
        let display_name = DisplayName::parse(&format!("User {}", self.users.len())).expect("a name");
        let claim = ClaimId::username(&username);
        let profile = Profile { username, display_name };
        decision.decide(&mut Kept::<Claim>::default(), claim, ClaimCommand::Take { claim, by: user });
        decision.decide(&mut Kept::<User>::default(), user, UserCommand::Register { user, profile });
        self.users.push(user);
        user
    }

    fn create(&mut self, decision: &mut Decision, thread: ThreadId) -> UserId {
        // Neighbours by number: everybody is in a few, and some of those are large.
        let first = self.random.random_range(0..USERS);
        let size = 2 + self.random.random_range(0..6_usize).pow(2);
        let members: Vec<_> = (0..size).map(|n| self.users[(first + n * 7) % USERS]).collect();
        let title = Title::parse(&format!("Group {}", self.threads.len())).expect("a title");
        let command = ThreadCommand::Create {
            thread,
            by: members[0],
            kind: SharedKind::Group,
            members: members[1..].to_vec(),
            visibility: Visibility::Private,
            history: History::All,
            appearance: Appearance { title, description: None, avatar: None },
        };
        let mut kept = Kept::default();
        assert!(decision.decide(&mut kept, thread, command), "a group can be made");
        let by = members[0];
        self.threads.push((thread, members, kept));
        by
    }

    fn post(&mut self, decision: &mut Decision, message: MessageId) -> UserId {
        let content = self.content();
        // A few groups are where most of it happens.
        let at = self.random.random_range(0..THREADS).min(self.random.random_range(0..THREADS));
        let author = self.member(at);
        let in_thread = self.recent.iter().rev().take(40).find(|(_, thread, _)| *thread == at).map(|(message, ..)| *message);
        let reply_to = in_thread.filter(|_| self.random.random_range(0..10) == 0);
        let permit = self.permit(decision, at, author);
        let command = MessageCommand::Post { message, permit, reply_to, mentions: vec![], forwarded: None, content };
        let mut kept = Kept::default();
        assert!(decision.decide(&mut kept, message, command), "members may post");
        self.recent.push_back((message, at, kept));
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        author
    }

    /// Somebody edits, deletes or reacts to a message, if they may.
    fn on_message(&mut self, decision: &mut Decision) -> Option<UserId> {
        if self.recent.is_empty() {
            return None;
        }
        let (index, what) = (self.random.random_range(0..self.recent.len()), self.random.random_range(0..12));
        let (message, at, _) = self.recent[index];
        let (by, content) = (self.member(at), self.content());
        let author = self.recent[index].2.state.posted().ok()?.author;
        let (by, command) = match what {
            0..5 => {
                let permit = self.permit(decision, at, author);
                (author, MessageCommand::Edit { permit, revision: None, mentions: vec![], content })
            }
            5 => (author, MessageCommand::Delete { permit: self.threads[at].2.state.moderate(self.threads[at].0, author).ok()? }),
            _ => {
                let emoji = Emoji::parse(["👍", "❤️", "🎉"][self.random.random_range(0..3)]).expect("an emoji");
                (by, MessageCommand::React { permit: self.threads[at].2.state.react(self.threads[at].0, by).ok()?, emoji })
            }
        };
        let decided = decision.decide(&mut self.recent[index].2, message, command);
        if what == 5 || !decided {
            self.recent.remove(index);
        }
        let something = !decision.events.is_empty();
        if !something {
            decision.checks.clear();
        }
        something.then_some(by)
    }

    fn read(&mut self, decision: &mut Decision) -> Option<UserId> {
        let at = self.random.random_range(0..THREADS);
        let (user, thread) = (self.member(at), self.threads[at].0);
        let id = SubscriptionId::of(user, thread);
        let command = SubscriptionCommand { thread, user, change: SubscriptionChange::Read { upto: self.events, device: None } };
        let decided = decision.decide(self.subscriptions.entry(id).or_default(), id, command);
        if decision.events.is_empty() {
            decision.checks.clear();
        }
        (decided && !decision.events.is_empty()).then_some(user)
    }

    /// What posting rests on, as the command path would have it.
    fn permit(&self, decision: &mut Decision, at: usize, author: UserId) -> PostPermit {
        let (thread, _, kept) = &self.threads[at];
        let stream = StreamId { category: Thread::CATEGORY, id: thread.uuid() };
        decision.checks.push(Check { stream, expected: Expected::of(kept.version) });
        match kept.state.admit(author) {
            Ok(Admission::Granted(permit)) => permit,
            Ok(Admission::BetweenTwo(_)) | Err(_) => unreachable!("every author is a member of their group"),
        }
    }

    fn member(&mut self, at: usize) -> UserId {
        let members = self.threads[at].1.len();
        self.threads[at].1[self.random.random_range(0..members)]
    }

    /// Mostly short, sometimes not.
    fn content(&mut self) -> MessageContent {
        let words = self.random.random_range(1..8_usize) * self.random.random_range(1..6_usize);
        let text: Vec<_> = (0..words).map(|_| WORDS[self.random.random_range(0..WORDS.len())]).collect();
        MessageContent::Text { text: MessageBody::parse(&text.join(" ")).expect("some words") }
    }

    /// A UUIDv7, as clients choose them.
    fn id(&mut self) -> Uuid {
        self.millis += self.random.random_range(0..20);
        let mut random = [0; 10];
        self.random.fill_bytes(&mut random);
        uuid::Builder::from_unix_timestamp_millis(self.millis, &random).into_uuid()
    }
}

/// A number from the command line.
///
/// # Errors
/// It is none.
pub fn number(text: &str) -> anyhow::Result<u64> {
    text.replace('_', "").parse().with_context(|| format!("{text:?} is not a number"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use posthaste_application::recorded::{Position, Recorded};

    use super::Generator;
    use crate::drafts::taken;
    use crate::rules::breaches;

    fn recorded(seed: u64, events: usize) -> Vec<Recorded> {
        let mut generator = Generator::new(seed);
        let mut all = Vec::new();
        while all.len() < events {
            let append = generator.append();
            append.consistent().unwrap();
            for (ordinal, event) in (0..).zip(append.events) {
                let position = Position(all.len() as u64 + 1);
                let of_command = Recorded { actor: append.actor, command: append.command, ordinal, ..taken(position, event) };
                all.push(Recorded { correlation: append.correlation, fingerprint: append.fingerprint, ..of_command });
            }
        }
        assert_eq!(generator.events(), all.len() as u64);
        all
    }

    #[test]
    fn what_is_made_up_breaks_no_rule_and_is_of_every_common_kind() {
        let log = recorded(7, 6_000);
        assert_eq!(breaches(&log), []);
        let mut kinds = BTreeMap::<_, usize>::new();
        log.iter().for_each(|event| *kinds.entry(event.event_type.as_str()).or_default() += 1);
        for kind in ["message.posted", "message.edited", "message.deleted", "message.reacted", "subscription.read"] {
            assert!(kinds.get(kind).is_some_and(|count| *count > 20), "{kind}: {kinds:?}");
        }
        assert!(kinds["message.posted"] > log.len() / 2, "{kinds:?}");
    }

    #[test]
    fn a_seed_makes_up_the_same_again_and_another_does_not() {
        assert_eq!(recorded(1, 1_000), recorded(1, 1_000));
        assert_ne!(recorded(1, 1_000), recorded(2, 1_000));
    }
}
