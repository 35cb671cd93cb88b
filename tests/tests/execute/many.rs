//! Threads of a thousand and of ten thousand: what they cost is counted.

use posthaste_application::codec;
use posthaste_application::recorded::{Append, Check, Expected};
use posthaste_domain::Category;
use posthaste_domain::text::Title;
use posthaste_domain::thread::{History, SharedKind, ThreadEvent, Visibility};
use posthaste_tests::actor::new_id;
use posthaste_tests::{Nodes, Profile};

use super::*;

/// The most members of a channel.
const FULL: usize = 10_000;
/// The most that are added at once.
const AT_ONCE: usize = 1_000;

async fn counted(profile: Profile) -> (Nodes, Arc<Watched>) {
    let mut watched = None;
    let nodes = Nodes::new(profile, 1, |log| watched.insert(Arc::new(Watched::over(log))).clone()).await.unwrap();
    (nodes, watched.unwrap())
}

/// What a command costs: appends, and events.
async fn cost(nodes: &Nodes, watched: &Watched, by: UserId, command: Command) -> Result<(usize, u64), ExecuteError> {
    let (appends, head) = (watched.appends.load(Ordering::Relaxed), nodes.log.head().await?.position.0);
    nodes.ask(0, by, command).await?;
    Ok((watched.appends.load(Ordering::Relaxed) - appends, nodes.log.head().await?.position.0 - head))
}

fn create(kind: SharedKind, members: Vec<UserId>) -> Command {
    let title = Title::parse("many").unwrap();
    let (visibility, history) = (Visibility::Private, History::Joined);
    Command::CreateThread { kind, title, description: None, avatar: None, visibility, history, members }
}

/// A channel of so many, as if they had come one after the other: straight in the log.
async fn channel(nodes: &Nodes, owner: UserId, members: Vec<UserId>) -> ThreadId {
    let thread = ThreadId::new(nodes.ask(0, owner, create(SharedKind::Channel, Vec::new())).await.unwrap().id);
    let stream = StreamId { category: Category::Thread, id: thread.uuid() };
    let append = Append {
        command: CommandId::new(new_id()),
        fingerprint: [0; 32],
        actor: Some(owner),
        correlation: Uuid::nil(),
        causation: None,
        checks: vec![Check { stream, expected: Expected::Exact(1) }],
        events: vec![codec::encode(stream, 2, &ThreadEvent::MembersAdded { thread, by: owner, members }.into())],
        unsealed: None,
    };
    nodes.log.append(&[append]).await.unwrap().remove(0).unwrap();
    thread
}

async fn a_thousand_are_added_and_ten_thousand_are_told_by_one_append(profile: Profile) {
    let (nodes, watched) = counted(profile).await;
    let owner = nodes.crowd(1).await.unwrap()[0];
    let crowd = nodes.crowd(FULL).await.unwrap();
    let (before, new) = crowd.split_at(FULL - 1 - AT_ONCE);
    let thread = channel(&nodes, owner, before.to_vec()).await;
    let (last, new) = new.split_last().unwrap();
    // What was done behind the node's back is known to it from here.
    nodes.ask(0, owner, post(thread, "hello")).await.unwrap();

    assert_eq!(cost(&nodes, &watched, owner, Command::AddMembers { thread, users: new.to_vec() }).await.unwrap(), (1, 1));
    let added = nodes.log.read_for_user(new[AT_ONCE - 1], Position::START, nodes.log.head().await.unwrap().position, 10).await.unwrap();
    assert_eq!(added.len(), 2, "their registration, and that they were added");
    // That was the last place.
    let full = cost(&nodes, &watched, owner, Command::AddMembers { thread, users: vec![*last] }).await;
    assert!(matches!(full, Err(ExecuteError::Refused(Refusal::Thread(ThreadRefusal::NobodyToAdd)))), "{full:?}");

    for text in ["one", "two"] {
        assert_eq!(cost(&nodes, &watched, owner, post(thread, text)).await.unwrap(), (1, 1));
    }
    let head = nodes.log.head().await.unwrap().position;
    for member in [owner, before[0], new[0], new[AT_ONCE - 1]] {
        let told = nodes.log.read_for_user(member, Position(head.0 - 2), head, 10).await.unwrap();
        assert_eq!(told.len(), 2, "each is owed both messages");
    }
    assert_eq!(nodes.log.read_for_user(*last, Position(head.0 - 2), head, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_thousand_are_added_and_ten_thousand_are_told_by_one_append_in_sqlite() {
    a_thousand_are_added_and_ten_thousand_are_told_by_one_append(Profile::Embedded).await;
}

#[tokio::test]
async fn a_thousand_are_added_and_ten_thousand_are_told_by_one_append_in_postgresql() {
    a_thousand_are_added_and_ten_thousand_are_told_by_one_append(Profile::Distributed).await;
}
