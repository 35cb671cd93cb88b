//! Whatever several nodes are asked at once, the log never holds what the rules forbid at that position. The judge of that shares nothing
//! with the aggregates ([`posthaste_tests::rules`]).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "rules/admins.rs"]
mod admins;
#[path = "rules/checker.rs"]
mod checker;
#[path = "rules/pairs.rs"]
mod pairs;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use anyhow::{bail, ensure};
use futures::future::try_join_all;
use posthaste_application::execute::{Command, ExecuteError};
use posthaste_domain::message::MessageContent;
use posthaste_domain::text::{MessageBody, Title};
use posthaste_domain::thread::{History, Role, SharedKind, Visibility};
use posthaste_domain::{InviteId, MessageId, ThreadId, UserId, UserPair};
use posthaste_tests::actor::new_id;
use posthaste_tests::rules::breaches;
use posthaste_tests::{Nodes, Profile};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

/// Memories that can be out of date.
const NODES: usize = 3;
/// Who ask at once, and how often each.
const ASKING: usize = 8;
const TIMES: usize = 25;
/// How often at most, when something has not met yet by then.
const MOST: usize = 40 * TIMES;

/// Who there is, and what they have to do with each other.
struct Cast {
    nodes: Nodes,
    /// Owns the group.
    alice: UserId,
    /// An admin of it.
    bob: UserId,
    /// Members of it.
    carol: UserId,
    dave: UserId,
    /// Nobody of it yet.
    others: Vec<UserId>,
    group: ThreadId,
    /// Lets anybody into it.
    link: InviteId,
    /// Between Alice and Carol, who are friends.
    direct: ThreadId,
    messages: Mutex<Vec<MessageId>>,
    seed: u64,
}

/// What somebody wants: what to call it, who, and what.
type Wish = (&'static str, UserId, Command);

/// How often a wish was granted, and how often refused.
type Tally = BTreeMap<&'static str, (usize, usize)>;

fn post(thread: ThreadId, reply_to: Option<MessageId>) -> Command {
    let content = MessageContent::Text { text: MessageBody::parse("hi").unwrap() };
    Command::PostMessage { thread, content, reply_to, mentions: Vec::new() }
}

impl Cast {
    /// Everybody takes their place; `others` are registered, and `more` are members from the beginning.
    async fn assemble(profile: Profile, others: usize, more: usize) -> anyhow::Result<Self> {
        let nodes = Nodes::new(profile, NODES, |log| log).await?;
        let [alice, bob, carol, dave] = nodes.crowd(4).await?[..] else { bail!("four were asked for") };
        let (others, mut members) = (nodes.crowd(others).await?, nodes.crowd(more).await?);
        members.extend([bob, carol, dave]);
        let create = Command::CreateThread {
            kind: SharedKind::Group,
            title: Title::parse("A group").unwrap(),
            description: None,
            avatar: None,
            visibility: Visibility::Private,
            history: History::All,
            members,
        };
        let group = ThreadId::new(nodes.ask(0, alice, create).await?.id);
        nodes.ask(0, alice, Command::ChangeRole { thread: group, user: bob, role: Role::Admin }).await?;
        let link = Command::CreateLink { thread: group, expires_in_seconds: None, max_uses: None };
        let link_id = new_id();
        nodes.ask_as(link_id, 0, alice, link).await?;
        nodes.ask(0, alice, Command::RequestFriendship { user: carol }).await?;
        nodes.ask(0, carol, Command::AcceptFriendship { user: alice }).await?;
        nodes.ask(0, carol, Command::OpenDirect { user: alice }).await?;
        let (direct, link) = (ThreadId::direct(UserPair::new(alice, carol)?), InviteId::new(link_id));
        let (messages, seed) = (Mutex::default(), rand::random());
        Ok(Self { nodes, alice, bob, carol, dave, others, group, link, direct, messages, seed })
    }

    /// Asks for something on a node. What is posted can be chosen from then on.
    async fn ask(&self, node: usize, by: UserId, command: Command) -> Result<bool, ExecuteError> {
        let (id, posts) = (new_id(), matches!(command, Command::PostMessage { .. }));
        let executed = self.nodes.ask_as(id, node, by, command).await?;
        if posts {
            self.messages.lock().unwrap_or_else(PoisonError::into_inner).push(MessageId::new(id));
        }
        Ok(!executed.repeated)
    }

    /// One of the messages there are, the later ones more often.
    fn message(&self, random: &mut StdRng) -> MessageId {
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = messages.len().saturating_sub(if random.random() { 5 } else { messages.len() });
        *messages[recent..].choose(random).expect("a message was posted in the beginning")
    }

    /// Many ask for what they wish, on all nodes at once, until each of these was granted at least once and each of those refused; then the
    /// log is held against the rules.
    async fn wishes(&self, granted: &[&str], refused: &[&str], wish: impl Fn(&Self, &mut StdRng) -> Wish + Sync) -> anyhow::Result<()> {
        let tally = Mutex::new(Tally::new());
        let asking = (0..ASKING).map(|who| {
            let (tally, wish) = (&tally, &wish);
            async move {
                let mut random = StdRng::seed_from_u64(self.seed.wrapping_add(who as u64));
                for times in 0..MOST {
                    let (what, by, command) = wish(self, &mut random);
                    let outcome = self.ask(who, by, command).await;
                    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    let (yes, no) = tally.entry(what).or_default();
                    match outcome {
                        Ok(new) => *yes += usize::from(new),
                        Err(ExecuteError::Refused(_)) => *no += 1,
                        Err(error) => bail!("{what}: {error}"),
                    }
                    if times >= TIMES && has_met(&tally, granted, refused) {
                        break;
                    }
                }
                Ok(())
            }
        });
        try_join_all(asking).await?;
        let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        ensure!(has_met(&tally, granted, refused), "too little has met: {tally:?}");
        let log = self.nodes.recorded().await?;
        let breaches = breaches(&log);
        ensure!(breaches.is_empty(), "seed {}: {} of {} events break the rules: {breaches:#?}", self.seed, breaches.len(), log.len());
        println!("{} events of {tally:?}", log.len());
        Ok(())
    }
}

/// Without a yes and a no to what must not meet, nothing was proven.
fn has_met(tally: &Tally, granted: &[&str], refused: &[&str]) -> bool {
    let of = |what: &&str| tally.get(what).copied().unwrap_or_default();
    granted.iter().all(|what| of(what).0 > 0) && refused.iter().all(|what| of(what).1 > 0)
}

macro_rules! on_both_profiles {
    ($($case:ident,)+) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() -> anyhow::Result<()> {
                    crate::pairs::$case(posthaste_tests::Profile::Embedded).await
                }
            )+
        }

        mod distributed {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() -> anyhow::Result<()> {
                    crate::pairs::$case(posthaste_tests::Profile::Distributed).await
                }
            )+
        }
    };
}

on_both_profiles! {
    nobody_posts_who_was_removed,
    nobody_posts_to_who_blocked_them,
    nobody_who_is_banned_gets_in,
    a_full_thread_takes_nobody,
    what_is_deleted_is_not_pinned_nor_more_than_fifty,
    nobody_reacts_to_what_is_deleted,
}

mod admins_on {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn embedded() -> anyhow::Result<()> {
        crate::admins::whoever_acts_may_and_an_admin_remains(posthaste_tests::Profile::Embedded).await
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn distributed() -> anyhow::Result<()> {
        crate::admins::whoever_acts_may_and_an_admin_remains(posthaste_tests::Profile::Distributed).await
    }
}
