//! The command path over a real log: what it promises to callers, whatever the memories of the nodes say.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "execute/crowd.rs"]
mod crowd;
#[path = "execute/many.rs"]
mod many;
#[path = "execute/watched.rs"]
mod watched;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::DateTime;
use posthaste_application::execute::{Command, Decidable, Envelope, ExecuteError, Executed, Executor};
use posthaste_application::port::EventLog;
use posthaste_application::recorded::{Position, StreamId};
use posthaste_domain::friendship::FriendshipRefusal;
use posthaste_domain::message::MessageContent;
use posthaste_domain::text::{DisplayName, Email, MessageBody, Username};
use posthaste_domain::thread::ThreadRefusal;
use posthaste_domain::user::Profile;
use posthaste_domain::{CommandId, Refusal, ThreadId, UserId, UserPair};
use posthaste_infrastructure::embedded::{Database, SqliteLog};
use posthaste_infrastructure::system::SystemClock;
use posthaste_tests::nodes::node;
use tempfile::TempDir;
use uuid::Uuid;

use self::watched::Watched;

const ALICE: u128 = 1;
const BOB: u128 = 2;
const EVE: u128 = 3;

struct Service {
    log: Arc<dyn EventLog>,
    nodes: Vec<Executor>,
    _folder: TempDir,
}

fn user(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

fn direct(one: u128, other: u128) -> ThreadId {
    ThreadId::direct(UserPair::new(user(one), user(other)).unwrap())
}

fn register(name: &str) -> Command {
    let profile = Profile { username: Username::parse(name).unwrap(), display_name: DisplayName::parse(name).unwrap() };
    Command::RegisterUser { profile, email: Email::parse(&format!("{name}@example.org")).unwrap() }
}

fn post(thread: ThreadId, text: &str) -> Command {
    let content = MessageContent::Text { text: MessageBody::parse(text).unwrap() };
    Command::PostMessage { thread, content, reply_to: None, mentions: Vec::new() }
}

/// Each is asked a second later than the one before, so no retry is asked at the time of the first.
fn envelope(key: u128, actor: Option<UserId>) -> Envelope {
    static SECONDS: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(1_700_000_000);
    let at = DateTime::from_timestamp(SECONDS.fetch_add(1, Ordering::Relaxed), 0).unwrap();
    Envelope { command: CommandId::new(Uuid::from_u128(key)), actor, correlation: Uuid::nil(), at }
}

impl Service {
    /// Two nodes with memories of their own over one log.
    fn new() -> Self {
        Self::over(|log| log)
    }

    fn over(wrap: impl FnOnce(Arc<dyn EventLog>) -> Arc<dyn EventLog>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = wrap(Arc::new(SqliteLog::new(Database::open(folder.path()).unwrap(), Arc::new(SystemClock))));
        let nodes = (0..2).map(|_| node(&log)).collect();
        Self { log, nodes, _folder: folder }
    }

    async fn ask(&self, node: usize, key: u128, actor: u128, command: Command) -> Result<Executed, ExecuteError> {
        let actor = (!matches!(command, Command::RegisterUser { .. })).then(|| user(actor));
        self.nodes[node].execute(envelope(key, actor), command).await
    }

    /// Alice, Bob and Eve exist.
    async fn with_people() -> Self {
        let service = Self::new();
        for (key, name) in [(ALICE, "alice"), (BOB, "bob"), (EVE, "eve")] {
            service.ask(0, key, key, register(name)).await.unwrap();
        }
        service
    }

    async fn befriend(&self) {
        self.ask(0, 10, ALICE, Command::RequestFriendship { user: user(BOB) }).await.unwrap();
        self.ask(0, 11, BOB, Command::AcceptFriendship { user: user(ALICE) }).await.unwrap();
    }

    async fn head(&self) -> u64 {
        self.log.head().await.unwrap().position.0
    }
}

#[tokio::test]
async fn a_repeated_command_gets_its_first_answer_on_every_node() {
    let service = Service::with_people().await;
    service.befriend().await;
    service.ask(0, 12, ALICE, Command::OpenDirect { user: user(BOB) }).await.unwrap();
    let first = service.ask(0, 20, ALICE, post(direct(ALICE, BOB), "hi")).await.unwrap();
    let head = service.head().await;
    for node in [0, 1] {
        let again = service.ask(node, 20, ALICE, post(direct(ALICE, BOB), "hi")).await.unwrap();
        assert_eq!(again, Executed { repeated: true, ..first });
    }
    assert!(!first.repeated);
    assert_eq!(service.head().await, head);
}

#[tokio::test]
async fn an_id_that_was_used_for_something_else_is_refused() {
    let service = Service::with_people().await;
    service.befriend().await;
    service.ask(0, 12, ALICE, Command::OpenDirect { user: user(BOB) }).await.unwrap();
    service.ask(0, 20, ALICE, post(direct(ALICE, BOB), "hi")).await.unwrap();
    for (actor, command) in [
        (ALICE, post(direct(ALICE, BOB), "something else")),
        (BOB, post(direct(ALICE, BOB), "hi")),
        (ALICE, Command::RequestFriendship { user: user(EVE) }),
        (EVE, post(direct(ALICE, BOB), "hi")),
    ] {
        let refused = service.ask(1, 20, actor, command).await;
        assert!(matches!(refused, Err(ExecuteError::CommandMismatch)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_retry_that_would_be_refused_by_now_still_gets_its_first_answer() {
    let service = Service::with_people().await;
    let request = Command::RequestFriendship { user: user(BOB) };
    let first = service.ask(0, 10, ALICE, request.clone()).await.unwrap();
    service.ask(0, 11, BOB, Command::AcceptFriendship { user: user(ALICE) }).await.unwrap();
    // They are friends by now, which refuses a new request.
    let anew = service.ask(0, 12, ALICE, request.clone()).await;
    assert!(matches!(anew, Err(ExecuteError::Refused(Refusal::Friendship(FriendshipRefusal::AlreadyFriends)))), "{anew:?}");
    assert_eq!(service.ask(1, 10, ALICE, request).await.unwrap(), Executed { repeated: true, ..first });
}

#[tokio::test]
async fn fifty_copies_at_once_are_recorded_once_and_answered_alike() {
    let service = Service::with_people().await;
    service.befriend().await;
    service.ask(0, 12, ALICE, Command::OpenDirect { user: user(BOB) }).await.unwrap();
    let head = service.head().await;
    let answers = futures::future::join_all((0..50).map(|copy| service.ask(copy % 2, 20, ALICE, post(direct(ALICE, BOB), "hi")))).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| (answer.id, answer.position) == (answers[0].id, Position(head + 1))));
    assert_eq!(answers.iter().filter(|answer| !answer.repeated).count(), 1);
    assert_eq!(service.head().await, head + 1);
}

#[tokio::test]
async fn what_a_node_remembers_never_makes_it_refuse_what_is_allowed() {
    let service = Service::with_people().await;
    service.ask(0, 10, ALICE, Command::RequestFriendship { user: user(BOB) }).await.unwrap();
    // Node 0 remembers a mere request while they become friends on node 1.
    service.ask(1, 11, BOB, Command::AcceptFriendship { user: user(ALICE) }).await.unwrap();
    service.ask(0, 12, ALICE, Command::OpenDirect { user: user(BOB) }).await.unwrap();
}

#[tokio::test]
async fn what_a_node_remembers_never_makes_it_allow_what_is_refused() {
    let service = Service::with_people().await;
    // Both nodes remember that nobody is called carol; one of them registers her.
    service.ask(0, 30, 0, register("carol")).await.unwrap();
    let taken = service.ask(1, 31, 0, register("CAROL")).await;
    assert!(matches!(taken, Err(ExecuteError::Refused(Refusal::Claim(_)))), "{taken:?}");
    assert_eq!(
        service.log.read_stream(StreamId { category: posthaste_domain::Category::User, id: Uuid::from_u128(31) }, 0, 1).await.unwrap(),
        []
    );
}

#[tokio::test]
async fn of_two_who_want_the_same_name_at_once_one_gets_it() {
    let service = Service::new();
    let tries = futures::future::join_all((0..20).map(|n| service.ask(n % 2, 100 + n as u128, 0, register("carol")))).await;
    assert_eq!(tries.iter().filter(|registered| registered.is_ok()).count(), 1);
    assert_eq!(service.head().await, 3, "two claims and a registration");
}

#[tokio::test]
async fn outsiders_and_strangers_are_told_no() {
    let service = Service::with_people().await;
    let stranger = service.ask(0, 40, ALICE, Command::OpenDirect { user: user(BOB) }).await;
    assert!(matches!(stranger, Err(ExecuteError::Refused(Refusal::Friendship(FriendshipRefusal::NotFriends)))), "{stranger:?}");
    service.befriend().await;
    service.ask(0, 12, ALICE, Command::OpenDirect { user: user(BOB) }).await.unwrap();
    let outsider = service.ask(0, 41, EVE, post(direct(ALICE, BOB), "hi")).await;
    assert!(matches!(outsider, Err(ExecuteError::Refused(Refusal::Thread(ThreadRefusal::NotFound)))), "{outsider:?}");
    let yourself = service.ask(0, 42, ALICE, Command::RequestFriendship { user: user(ALICE) }).await;
    assert!(matches!(yourself, Err(ExecuteError::Refused(Refusal::Yourself(_)))), "{yourself:?}");
}

#[tokio::test]
async fn messages_submitted_one_after_the_other_are_recorded_in_that_order() {
    let service = Service::with_people().await;
    service.befriend().await;
    service.ask(0, 12, ALICE, Command::OpenDirect { user: user(BOB) }).await.unwrap();
    // The other node remembers nothing, so the first message must wait for the log while the others are at hand.
    let mut outcomes = Vec::new();
    for key in 0..100 {
        let envelope = envelope(1_000 + key, Some(user(ALICE)));
        outcomes.push(service.nodes[1].submit(envelope, post(direct(ALICE, BOB), "hi")).await.unwrap());
    }
    let positions: Vec<_> = futures::future::join_all(outcomes).await.into_iter().map(|outcome| outcome.unwrap().position).collect();
    assert!(positions.is_sorted() && positions.windows(2).all(|pair| pair[0] < pair[1]), "{positions:?}");
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_recorded_once() {
    let service = Service::over(|log| Arc::new(Watched { loses_answers: true, ..Watched::over(log) }));
    for (key, name) in [(ALICE, "alice"), (BOB, "bob")] {
        service.ask(0, key, key, register(name)).await.unwrap();
    }
    service.befriend().await;
    assert_eq!(service.head().await, 8, "two registrations of three events, a request, an answer");
}
