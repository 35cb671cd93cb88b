//! Whatever the queue loses, repeats or shuffles, every event that is owed gets into the inbox, once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use anyhow::ensure;
use async_trait::async_trait;
use posthaste_application::port::queue::{Consumption, Delivery};
use posthaste_application::port::{EventLog, EventQueue, PortError, Webhooks};
use posthaste_application::recorded::{Position, Recorded};
use posthaste_application::webhooks::{Endpoint, Intake};
use posthaste_tests::Profile;
use posthaste_tests::actor::new_id;
use posthaste_tests::drafts::{message, one_event};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::world::World;

const WANTED: &str = "message.posted";
const ROUNDS: u64 = 40;

/// A queue that delivers what it is told to, and then fails.
#[derive(Default)]
struct Script {
    batches: Mutex<VecDeque<Vec<Delivery>>>,
    rejected: Mutex<Vec<u64>>,
    /// Where it sees what is taken in, if it looks.
    store: Option<Arc<dyn Webhooks>>,
    /// What was accepted, and up to where everything was taken in then.
    accepted: Mutex<Vec<(u64, Position)>>,
}

struct Playing(Arc<Script>);

struct Queue(Arc<Script>);

#[async_trait]
impl EventQueue for Queue {
    async fn consume(&self) -> Result<Box<dyn Consumption>, PortError> {
        Ok(Box::new(Playing(Arc::clone(&self.0))))
    }
}

#[async_trait]
impl Consumption for Playing {
    async fn next(&mut self, _most: usize) -> Result<Vec<Delivery>, PortError> {
        self.0.batches.lock().unwrap().pop_front().ok_or_else(|| PortError::unavailable("script", "it is over"))
    }

    async fn accept(&mut self, upto: u64) -> Result<(), PortError> {
        if let Some(store) = &self.0.store {
            let taken = store.taken().await?;
            self.0.accepted.lock().unwrap().push((upto, taken));
        }
        Ok(())
    }

    async fn reject(&mut self, tag: u64) -> Result<(), PortError> {
        self.0.rejected.lock().unwrap().push(tag);
        Ok(())
    }
}

fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint { name: "one".to_owned(), types: [WANTED.to_owned()].into() }]
}

async fn record(log: &dyn EventLog, event_type: &str) -> anyhow::Result<()> {
    let mut append = one_event(new_id(), message(new_id()), 0);
    append.events[0].event_type = event_type.to_owned();
    log.append(&[append]).await?.remove(0)?;
    Ok(())
}

/// What a publisher of these events would say.
fn deliveries(events: &[Recorded], random: &mut StdRng) -> Vec<Delivery> {
    let mut follows = events.first().map(|event| Position(event.position.0 - 1));
    let mut said = Vec::new();
    for event in events.iter().filter(|event| event.event_type == WANTED) {
        // Now and then it has begun anew, or is of another configuration.
        let known = follows.filter(|_| random.random_bool(0.9));
        said.push(Delivery { tag: event.position.0, event: event.clone(), follows: known, rejected: 0 });
        follows = Some(event.position);
    }
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_loses_repeats_and_shuffles_changes_nothing() -> anyhow::Result<()> {
    let world = World::new(Profile::Embedded, 0).await?;
    let script = Arc::new(Script { store: Some(Arc::clone(&world.store)), ..Script::default() });
    let intake = || Intake::new(Arc::new(Queue(Arc::clone(&script))), Arc::clone(&world.store), Arc::clone(&world.log), endpoints());
    let (mut first, mut second) = (intake(), intake());
    // Both know where they begin before anything happens.
    first.look().await?;
    second.look().await?;
    let (mut lost, mut holes) = (0, 0);
    for seed in 0..ROUNDS {
        let mut random = StdRng::seed_from_u64(seed);
        let before = world.log.head().await?.position;
        for _ in 0..random.random_range(1..30) {
            record(&*world.log, if random.random_bool(0.6) { WANTED } else { "message.deleted" }).await?;
        }
        // Always told of, so that the last position is known and not merely looked up.
        record(&*world.log, WANTED).await?;
        let events = world.log.read(before, 100).await?;
        let mut told = deliveries(&events, &mut random);
        let last = told.pop().unwrap();
        let count = told.len();
        told.retain(|_| random.random_bool(0.8));
        lost += count - told.len();
        holes += usize::from(told.len() < count);
        told.extend(told.clone().into_iter().filter(|_| random.random_bool(0.3)).collect::<Vec<_>>());
        told.shuffle(&mut random);
        told.push(last);
        for batch in told.chunks(random.random_range(1..6)) {
            script.batches.lock().unwrap().push_back(batch.to_vec());
        }
        // Both at once, until there is nothing more.
        let work = async |intake: &mut Intake| while intake.step().await.is_ok() {};
        tokio::join!(work(&mut first), work(&mut second));

        let head = world.log.head().await?.position;
        assert_eq!(world.store.taken().await?, head, "seed {seed}");
        let expected: Vec<_> = world.log.read(Position::START, 10_000).await?;
        let expected: Vec<_> = expected.iter().filter(|event| event.event_type == WANTED).map(|event| event.position).collect();
        assert_eq!(inbox(&world).await?, expected, "seed {seed}");
    }
    ensure!(lost > 50 && holes > 10, "{lost} lost in {holes} rounds prove nothing");
    // A delivery has the position of its event for a tag.
    let accepted = script.accepted.lock().unwrap();
    ensure!(accepted.len() > 40 && accepted.iter().all(|(upto, taken)| *upto <= taken.0), "accepted, and not taken in yet: {accepted:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_queue_never_delivers_is_found_by_looking() -> anyhow::Result<()> {
    let world = World::new(Profile::Embedded, 3).await?;
    let mut intake = Intake::new(Arc::new(Queue(Arc::default())), Arc::clone(&world.store), Arc::clone(&world.log), endpoints());
    assert_eq!(intake.look().await?, 0, "what was recorded before is not owed");
    for event_type in ["message.deleted", WANTED, WANTED, "message.deleted"] {
        record(&*world.log, event_type).await?;
    }
    assert_eq!(intake.look().await?, 4);
    assert_eq!((intake.look().await?, inbox(&world).await?), (0, vec![Position(5), Position(6)]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_of_this_log_is_rejected_and_holds_nothing_up() -> anyhow::Result<()> {
    let world = World::new(Profile::Embedded, 0).await?;
    let script = Arc::new(Script::default());
    let mut intake = Intake::new(Arc::new(Queue(Arc::clone(&script))), Arc::clone(&world.store), Arc::clone(&world.log), endpoints());
    intake.look().await?;
    record(&*world.log, WANTED).await?;
    let event = world.log.read(Position::START, 1).await?.remove(0);
    let foreign = Recorded { position: Position(900), ..event.clone() };
    let delivery = |tag, event| Delivery { tag, event, follows: None, rejected: 0 };
    script.batches.lock().unwrap().push_back(vec![delivery(7, foreign), delivery(8, event)]);
    assert_eq!(intake.step().await?, 2);
    assert_eq!(*script.rejected.lock().unwrap(), [7]);
    assert_eq!(inbox(&world).await?, [Position(1)]);
    assert_eq!(world.store.taken().await?, Position(1));
    Ok(())
}

async fn inbox(world: &World) -> anyhow::Result<Vec<Position>> {
    let lease = world.store.acquire("one", new_id(), std::time::Duration::from_secs(60)).await?;
    let lease = anyhow::Context::context(lease, "nobody else asks")?;
    let work = world.store.work("one", lease, 10_000).await??;
    world.store.release("one", lease).await?;
    Ok(work.waiting.iter().map(|waiting| waiting.position).collect())
}
