//! What is remembered is what the log says, and what a decision rests on is what it says it does.

use std::sync::atomic::Ordering;

use futures::executor::block_on;
use posthaste_domain::friendship::{DirectPolicy, FriendshipCommand, FriendshipRefusal};
use posthaste_domain::text::{DisplayName, Email, Username};
use posthaste_domain::thread::ThreadCommand;
use posthaste_domain::user::Profile;
use posthaste_domain::{Aggregate, Category, Claim, ClaimId, Friendship, FriendshipId, Thread, User};
use proptest::collection::vec;
use proptest::prelude::*;

use super::state::stream;
use super::*;
use crate::append::append_queue;
use crate::codec;
use crate::fake::{FakeLog, at, direct, pair, user};
use crate::port::passcodes::memory::MemoryPasscodes;
use crate::recorded::{Append, Check, Expected};

fn envelope(key: u128, actor: u128) -> Envelope {
    Envelope { command: CommandId::new(Uuid::from_u128(key)), actor: Some(user(actor)), correlation: Uuid::nil(), at: at(1) }
}

/// A node over this log, within a runtime.
fn node(log: &Arc<FakeLog>) -> Executor {
    let log: Arc<dyn EventLog> = log.clone();
    let (queue, appender) = append_queue(Arc::clone(&log));
    tokio::spawn(appender.run());
    Executor::new(log, queue, Rules::default(), MemoryPasscodes::doorkeeper())
}

fn ground(log: &Arc<FakeLog>) -> Ground {
    Ground { states: States::new(log.clone()), rules: Rules::default(), doorkeeper: MemoryPasscodes::doorkeeper() }
}

fn register(name: &str) -> Command {
    let profile = Profile { username: Username::parse(name).unwrap(), display_name: DisplayName::parse(name).unwrap() };
    Command::RegisterUser { profile, email: Email::parse(&format!("{name}@example.org")).unwrap() }
}

/// What anybody who remembers nothing finds in the log.
async fn anew<A: Aggregate>(log: &Arc<FakeLog>, id: A::Id) -> Arc<Loaded<A>> {
    States::new(log.clone()).fresh::<A>(id).await.unwrap()
}

/// The events that these commands lead to; refused ones lead to none.
fn history<A: Aggregate>(commands: Vec<A::Command>) -> Vec<A::Event> {
    let mut state = A::default();
    let mut history = Vec::new();
    for command in commands {
        let events = state.decide(command).unwrap_or_default();
        events.iter().for_each(|event| state.apply(event).unwrap());
        history.extend(events);
    }
    history
}

/// Records one more event of a stream.
async fn record<A: Aggregate>(log: &FakeLog, id: A::Id, version: u64, event: &A::Event) {
    let stream = stream::<A>(id);
    let append = Append {
        command: CommandId::new(Uuid::new_v5(&stream.id, &version.to_be_bytes())),
        fingerprint: [0; 32],
        actor: None,
        correlation: Uuid::nil(),
        causation: None,
        checks: vec![Check { stream, expected: Expected::of(version) }],
        events: vec![codec::encode(stream, version + 1, &event.clone().into())],
        unsealed: None,
    };
    log.append(&[append]).await.unwrap().remove(0).unwrap();
}

/// Somebody looks now and then while a history is recorded, with other streams in between: they always see what the whole stream says,
/// and read no event twice.
async fn stale_and_tail_are_fresh<A: Aggregate>(id: A::Id, history: Vec<A::Event>, looks: Vec<bool>) {
    let log = Arc::new(FakeLog::default());
    let states = States::new(log.clone());
    for ((version, event), look) in (0..).zip(&history).zip(looks) {
        let other = ClaimId::username(&Username::parse(&format!("other{version}")).unwrap());
        record::<Claim>(&log, other, 0, &posthaste_domain::claim::ClaimEvent::Taken { claim: other, by: user(9) }).await;
        record::<A>(&log, id, version, event).await;
        if look {
            let (fresh, seen) = (states.fresh::<A>(id).await.unwrap(), log.rows.load(Ordering::Relaxed) as u64);
            assert_eq!(seen, version + 1, "each event is read once");
            assert_eq!((fresh.first, fresh.position), (Position(2), Position(2 * version + 2)));
            assert_eq!(fresh, anew::<A>(&log, id).await);
            log.rows.store(usize::try_from(seen).unwrap(), Ordering::Relaxed);
        }
    }
    assert_eq!(states.fresh::<A>(id).await.unwrap(), anew::<A>(&log, id).await);
}

fn asked_of_a_friendship() -> impl Strategy<Value = FriendshipCommand> {
    let request = (1..=2_u128).prop_map(|by| FriendshipCommand::Request { pair: pair(1, 2), by: user(by), at: at(1) });
    prop_oneof![request, (1..=2_u128).prop_map(|by| FriendshipCommand::Accept { by: user(by) })]
}

fn asked_of_a_thread() -> impl Strategy<Value = ThreadCommand> {
    let permit = Friendship::default().direct(pair(1, 2), DirectPolicy::Anyone).unwrap();
    (1..=2_u128).prop_map(move |by| ThreadCommand::OpenDirect { permit, by: user(by) })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_stale_friendship_and_what_came_since_are_the_fresh_one(asked in vec(asked_of_a_friendship(), 0..8), looks in vec(any::<bool>(), 8)) {
        block_on(stale_and_tail_are_fresh::<Friendship>(FriendshipId::between(pair(1, 2)), history::<Friendship>(asked), looks));
    }

    #[test]
    fn a_stale_thread_and_what_came_since_are_the_fresh_one(asked in vec(asked_of_a_thread(), 0..3), looks in vec(any::<bool>(), 3)) {
        block_on(stale_and_tail_are_fresh::<Thread>(direct(1, 2), history::<Thread>(asked), looks));
    }
}

#[tokio::test]
async fn what_a_node_remembers_of_its_own_appends_is_what_the_log_says() {
    let log = Arc::new(FakeLog::default());
    let node = node(&log);
    node.execute(envelope(1, 1), register("alice")).await.unwrap();
    node.execute(envelope(2, 2), register("bob")).await.unwrap();
    let friendship = FriendshipId::between(pair(1, 2));
    node.execute(envelope(10, 1), Command::RequestFriendship { user: user(2) }).await.unwrap();
    node.execute(envelope(11, 2), Command::AcceptFriendship { user: user(1) }).await.unwrap();

    let remembered = node.states().remembered::<Friendship>(stream::<Friendship>(friendship)).unwrap();
    assert_eq!((remembered.version, remembered.first, remembered.position), (2, Position(7), Position(8)));
    assert_eq!(remembered, anew::<Friendship>(&log, friendship).await);
    let name = ClaimId::username(&Username::parse("bob").unwrap());
    let remembered = node.states().remembered::<Claim>(stream::<Claim>(name)).unwrap();
    assert_eq!((remembered.first, remembered.position), (Position(4), Position(4)), "its own event, not the last of the append");
    assert_eq!(remembered, anew::<Claim>(&log, name).await);
}

#[tokio::test]
async fn a_state_that_only_is_read_is_shared_and_one_that_decides_is_copied_once() {
    let log = Arc::new(FakeLog::default());
    let ground = ground(&log);
    let friendship = FriendshipId::between(pair(1, 2));
    let history = history::<Friendship>(vec![FriendshipCommand::Request { pair: pair(1, 2), by: user(1), at: at(1) }]);
    record::<Friendship>(&log, friendship, 0, &history[0]).await;
    let kept = ground.states.fresh::<Friendship>(friendship).await.unwrap();
    assert!(Arc::ptr_eq(&kept, &ground.states.fresh::<Friendship>(friendship).await.unwrap()), "nothing has changed, so nothing is copied");

    let doubts = Doubts::default();
    let mut decision = Decision::new(&ground, &doubts);
    assert!(Arc::ptr_eq(&kept, &decision.load::<Friendship>(friendship).await.unwrap()));
    assert!(Arc::ptr_eq(&kept, &decision.peek::<Friendship>(friendship).await.unwrap()));
    decision.decide::<Friendship>(friendship, FriendshipCommand::Accept { by: user(2) }).unwrap();
    let after = decision.load::<Friendship>(friendship).await.unwrap();
    assert!(matches!(after.state, Friendship::Friends(_)), "a decision sees what it has decided");
    assert!(matches!(kept.state, Friendship::Requested(_)), "and nobody else does before it is recorded");
    drop(after);
    decision.decide::<Friendship>(friendship, FriendshipCommand::Accept { by: user(2) }).unwrap();
    let (append, _) = decision.into_append(envelope(1, 2), [0; 32]);
    assert_eq!((append.checks.len(), append.events.len()), (1, 1));
    append.consistent().unwrap();
}

#[tokio::test]
async fn what_was_only_peeked_at_is_not_checked() {
    let log = Arc::new(FakeLog::default());
    let ground = ground(&log);
    let (doubts, friendship) = (Doubts::default(), FriendshipId::between(pair(1, 2)));
    let mut decision = Decision::new(&ground, &doubts);
    decision.peek::<User>(user(2)).await.unwrap();
    decision.peek::<Friendship>(friendship).await.unwrap();
    decision.load::<Friendship>(friendship).await.unwrap();
    decision.decide::<Friendship>(friendship, FriendshipCommand::Request { pair: pair(1, 2), by: user(1), at: at(1) }).unwrap();
    let (append, _) = decision.into_append(envelope(1, 1), [0; 32]);
    let checked = Check { stream: stream::<Friendship>(friendship), expected: Expected::NoStream };
    assert_eq!(append.checks, [checked], "what is loaded as well is checked");
}

/// Something that rests on a peek at a friendship.
struct AmongFriends;

impl Decidable for AmongFriends {
    fn fingerprint(&self, _: Option<UserId>) -> Hash {
        [7; 32]
    }

    fn subject(&self, envelope: Envelope) -> Result<Uuid, Refusal> {
        Ok(envelope.command.uuid())
    }

    async fn decide(&self, decision: &mut Decision<'_>, envelope: Envelope) -> Result<Uuid, ExecuteError> {
        decision.peek::<Friendship>(FriendshipId::between(pair(1, 2))).await?.direct(pair(1, 2), DirectPolicy::Friends)?;
        Ok(self.subject(envelope)?)
    }
}

#[tokio::test]
async fn a_no_that_rests_on_a_peek_is_not_from_memory() {
    let log = Arc::new(FakeLog::default());
    let (one, other) = (node(&log), node(&log));
    one.execute(envelope(2, 2), register("bob")).await.unwrap();
    one.execute(envelope(10, 1), Command::RequestFriendship { user: user(2) }).await.unwrap();
    let refused = one.execute(envelope(20, 1), AmongFriends).await;
    assert!(matches!(refused, Err(ExecuteError::Refused(Refusal::Friendship(FriendshipRefusal::NotFriends)))), "{refused:?}");
    other.execute(envelope(11, 2), Command::AcceptFriendship { user: user(1) }).await.unwrap();
    one.execute(envelope(20, 1), AmongFriends).await.unwrap();
}

#[tokio::test]
async fn a_state_ahead_of_its_log_is_forgotten() {
    let log = Arc::new(FakeLog::default());
    let node = node(&log);
    node.execute(envelope(2, 2), register("bob")).await.unwrap();
    node.execute(envelope(10, 1), Command::RequestFriendship { user: user(2) }).await.unwrap();
    log.cut(3);
    let again = node.execute(envelope(11, 2), Command::AcceptFriendship { user: user(1) }).await;
    assert!(matches!(again, Err(ExecuteError::Refused(Refusal::Friendship(FriendshipRefusal::NoRequest)))), "{again:?}");
}

#[test]
fn memory_is_doubted_as_far_as_the_log_has_contradicted_it() {
    let thread = |n| StreamId { category: Category::Thread, id: Uuid::from_u128(n) };
    let mut doubts = Doubts::default();
    assert!(doubts.allow(thread(1), 0));
    doubts.moved(thread(1), 5);
    assert!(!doubts.allow(thread(1), 4) && doubts.allow(thread(1), 5) && doubts.allow(thread(2), 0));
    doubts.in_turn(thread(2));
    assert!(!doubts.allow(thread(2), 9), "whose turn it is reads what is there");
    for n in 2..=5 {
        assert!(doubts.allow(thread(6), 0));
        doubts.moved(thread(n), 1);
    }
    assert!(!doubts.allow(thread(6), 9), "after that many nothing is trusted");
    doubts.moved(thread(1), 6);
    assert!(doubts.allow(thread(6), 9) && !doubts.allow(thread(1), 5), "once: then everything is up to date");
}
