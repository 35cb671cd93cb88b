//! Many who want the same stream at once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use posthaste_application::execute::{Decision, Loaded};
use posthaste_application::port::EventLog;
use posthaste_application::recorded::Hash;
use posthaste_domain::claim::{ClaimCommand, ClaimEvent, ClaimRefusal};
use posthaste_domain::{Aggregate, Category, Claim, ClaimId, Inapplicable, Refusal};
use posthaste_infrastructure::postgres::PgLog;
use posthaste_tests::Database;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::*;

const DEADLINE: Duration = Duration::from_secs(60);

/// A stream that everybody may write once, as long as there is room: claims that do not exclude each other.
#[derive(Clone, Debug, Default, PartialEq)]
struct Crowd(BTreeSet<UserId>);

#[derive(Clone, Debug)]
struct Join {
    by: UserId,
    room_for: usize,
}

impl Aggregate for Crowd {
    const CATEGORY: Category = Category::Claim;
    type Id = ClaimId;
    type Command = Join;
    type Event = ClaimEvent;
    type Refusal = ClaimRefusal;

    fn decide(&self, Join { by, room_for }: Join) -> Result<Vec<ClaimEvent>, ClaimRefusal> {
        match self.0.len() {
            _ if self.0.contains(&by) => Ok(vec![]),
            full if full >= room_for => Err(ClaimRefusal::Taken),
            _ => Ok(vec![ClaimEvent::Taken { claim: crowd(), by }]),
        }
    }

    fn apply(&mut self, event: &ClaimEvent) -> Result<(), Inapplicable> {
        let ClaimEvent::Taken { by, .. } = event;
        if self.0.insert(*by) { Ok(()) } else { Err(Inapplicable::new("joined twice", self)) }
    }
}

fn claim(name: &str) -> ClaimId {
    ClaimId::username(&Username::parse(name).unwrap())
}

fn crowd() -> ClaimId {
    claim("crowd")
}

impl Decidable for Join {
    fn fingerprint(&self, _: Option<UserId>) -> Hash {
        [1; 32]
    }

    fn subject(&self, _: Envelope) -> Result<Uuid, Refusal> {
        Ok(self.by.uuid())
    }

    async fn decide(&self, decision: &mut Decision<'_>, _: Envelope) -> Result<Uuid, ExecuteError> {
        decision.load::<Crowd>(crowd()).await?;
        decision.decide::<Crowd>(crowd(), self.clone())?;
        Ok(self.by.uuid())
    }
}

/// Looks at the crowd and writes a claim of its own.
struct Look {
    claim: ClaimId,
    seen: Arc<Mutex<Vec<Arc<Loaded<Crowd>>>>>,
}

impl Decidable for Look {
    fn fingerprint(&self, _: Option<UserId>) -> Hash {
        [2; 32]
    }

    fn subject(&self, _: Envelope) -> Result<Uuid, Refusal> {
        Ok(self.claim.uuid())
    }

    async fn decide(&self, decision: &mut Decision<'_>, _: Envelope) -> Result<Uuid, ExecuteError> {
        let crowd = decision.load::<Crowd>(crowd()).await?;
        self.seen.lock().unwrap().push(crowd);
        decision.load::<Claim>(self.claim).await?;
        decision.decide::<Claim>(self.claim, ClaimCommand::Take { claim: self.claim, by: user(ALICE) })?;
        Ok(self.claim.uuid())
    }
}

async fn join(node: &Executor, n: u128, room_for: usize) -> Result<Executed, ExecuteError> {
    node.execute(envelope(n, Some(user(n))), Join { by: user(n), room_for }).await
}

/// Everybody is in the crowd once, in a stream without holes, and every node sees it so.
async fn is_a_crowd_of(count: u128, log: &Arc<dyn EventLog>, nodes: &[Executor]) {
    let stream = StreamId { category: Category::Claim, id: crowd().uuid() };
    let events = log.read_stream(stream, 0, 10_000).await.unwrap();
    assert!(events.iter().map(|event| event.version).eq(1..=u64::try_from(count).unwrap()));
    let anew = node(log).states().fresh::<Crowd>(crowd()).await.unwrap();
    assert_eq!(anew.state.0.len() as u128, count);
    assert_eq!((anew.first, anew.position), (events[0].position, events[events.len() - 1].position));
    for node in nodes {
        assert_eq!(node.states().fresh::<Crowd>(crowd()).await.unwrap(), anew);
    }
}

fn counted() -> (Service, Arc<Watched>) {
    let mut watched = None;
    let service = Service::over(|log| watched.insert(Arc::new(Watched::over(log))).clone());
    (service, watched.unwrap())
}

#[tokio::test]
async fn fifty_who_write_one_stream_at_once_get_through_in_about_fifty_commits() {
    let (service, watched) = counted();
    // The stream is remembered, so that nobody's first look takes them past the first commits.
    join(&service.nodes[0], 1, 51).await.unwrap();
    let joined = join_all((2..=51).map(|n| join(&service.nodes[0], n, 51))).await;
    assert!(joined.iter().all(Result::is_ok), "{joined:?}");
    let (batches, appends) = (watched.batches.load(Ordering::Relaxed), watched.appends.load(Ordering::Relaxed));
    assert!(batches <= 55, "{batches} commits");
    assert!(appends <= 105, "{appends} attempts: one each at first, and one each in turn");
    let rows = watched.rows.load(Ordering::Relaxed);
    assert!(rows <= 51, "{rows} events were read, and there are only 51");
    is_a_crowd_of(51, &service.log, &service.nodes).await;
}

#[tokio::test]
async fn a_limit_holds_however_many_want_in_at_once() {
    let service = Service::new();
    let joined = join_all((1..=50).map(|n| join(&service.nodes[usize::from(n % 2 == 0)], n, 20))).await;
    assert_eq!(joined.iter().filter(|joined| joined.is_ok()).count(), 20);
    let full = |joined: &&_| matches!(joined, Err(ExecuteError::Refused(Refusal::Claim(ClaimRefusal::Taken))));
    assert_eq!(joined.iter().filter(full).count(), 30, "{joined:?}");
    is_a_crowd_of(20, &service.log, &service.nodes).await;
}

#[tokio::test]
async fn a_stream_longer_than_is_read_at_once_is_read_to_its_end() {
    let service = Service::new();
    for n in 1..=5 {
        join(&service.nodes[1], n, 9_999).await.unwrap();
    }
    assert_eq!(service.nodes[0].states().fresh::<Crowd>(crowd()).await.unwrap().version, 5);
    for n in 6..=1_100 {
        join(&service.nodes[1], n, 9_999).await.unwrap();
    }
    is_a_crowd_of(1_100, &service.log, &service.nodes).await;
}

#[tokio::test]
async fn who_only_looks_shares_the_state_and_copies_nothing() {
    let service = Service::new();
    join(&service.nodes[0], 1, 9).await.unwrap();
    let known = service.nodes[0].states().fresh::<Crowd>(crowd()).await.unwrap();
    let seen = Arc::default();
    let look = Look { claim: claim("dora"), seen: Arc::clone(&seen) };
    service.nodes[0].execute(envelope(2, None), look).await.unwrap();
    assert!(seen.lock().unwrap().iter().all(|seen| Arc::ptr_eq(seen, &known)));
}

#[tokio::test]
async fn who_only_looks_at_a_busy_stream_waits_for_nobodys_turn() {
    let (service, watched) = counted();
    let node = &service.nodes[0];
    join(node, 1, 9).await.unwrap();
    join(&service.nodes[1], 2, 9).await.unwrap();
    // The next who joins here is refused, takes the turn, and is held up in it.
    let ((reached, at_the_gate), (open, opened)) = (oneshot::channel(), oneshot::channel());
    *watched.gate.lock().unwrap() = Some((reached, opened));
    let joining = tokio::spawn({
        let node = node.clone();
        async move { join(&node, 3, 9).await }
    });
    timeout(DEADLINE, at_the_gate).await.unwrap().unwrap();
    // Whoever else wants to join waits for it.
    let mut waiting = Box::pin(join(node, 4, 9));
    // A look is refused as well, for what is remembered here is out of date.
    let seen = Arc::<Mutex<Vec<_>>>::default();
    let look = Look { claim: claim("dora"), seen: Arc::clone(&seen) };
    tokio::select! {
        looked = timeout(DEADLINE, node.execute(envelope(5, None), look)) => drop(looked.expect("it waits for a turn").unwrap()),
        joined = &mut waiting => panic!("joined out of turn: {joined:?}"),
    }
    assert_eq!(seen.lock().unwrap().iter().map(|seen| seen.version).collect::<Vec<_>>(), [1, 2], "it was in the way once");
    open.send(()).unwrap();
    joining.await.unwrap().unwrap();
    waiting.await.unwrap();
    is_a_crowd_of(4, &service.log, &service.nodes).await;
}

/// As many commands at once on as many nodes, each with connections of its own, all about one stream.
async fn crowded(name: &str, nodes: usize, commands: u128) -> anyhow::Result<()> {
    let database = Database::new(name).await?;
    let logs: Vec<Arc<dyn EventLog>> = (0..nodes).map(|_| Arc::new(PgLog::new(database.postgres.clone())) as Arc<dyn EventLog>).collect();
    let executors: Vec<_> = logs.iter().map(node).collect();
    let joins = (1..=commands).map(|n| {
        let node = executors[usize::try_from(n).unwrap() % nodes].clone();
        tokio::spawn(async move { join(&node, n, 9_999).await })
    });
    for joined in timeout(DEADLINE, join_all(joins)).await? {
        assert!(!joined??.repeated);
    }
    is_a_crowd_of(commands, &logs[0], &executors).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_who_write_one_stream_on_two_nodes_all_get_through() -> anyhow::Result<()> {
    crowded("crowd_of_two_nodes", 2, 200).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_one_stream_on_three_nodes_gets_through() -> anyhow::Result<()> {
    crowded("crowd_of_three_nodes", 3, 150).await
}
