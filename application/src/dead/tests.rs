use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use posthaste_domain::{Category, CommandId};
use uuid::Uuid;

use super::*;
use crate::append::append_queue;
use crate::execute::Rules;
use crate::fake::{FakeLog, at};
use crate::port::EventLog;
use crate::port::dead::{After, DeadLetter};
use crate::port::passcodes::memory::MemoryPasscodes;
use crate::view::ViewName;

/// A letter that may be there, or not be reached; and how much was recorded when something was done about it.
struct Letters {
    log: Arc<FakeLog>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    position: Option<Position>,
    away: bool,
    done: Vec<(&'static str, usize)>,
}

struct World {
    log: Arc<FakeLog>,
    letters: Letters,
    executor: Executor,
}

impl Letters {
    async fn act(&self, what: &'static str, on: impl Fn(Position) -> bool + Send) -> Result<bool, PortError> {
        let recorded = self.log.read(Position(0), 100).await?.len();
        let mut inner = self.inner.lock().unwrap();
        if inner.away {
            return Err(PortError::unavailable("letters", "away"));
        }
        if inner.position.is_none_or(|position| !on(position)) {
            return Ok(false);
        }
        inner.done.push((what, recorded));
        inner.position = None;
        Ok(true)
    }
}

#[async_trait]
impl DeadLetters for Letters {
    async fn list(&self, _: Option<&Consumer>, _: Option<After<'_>>, _: usize) -> Result<Vec<DeadLetter>, PortError> {
        Err(PortError::unavailable("letters", "nobody asks"))
    }

    async fn one(&self, consumer: &Consumer, stream: StreamId) -> Result<Option<DeadLetter>, PortError> {
        let position = self.inner.lock().unwrap().position;
        Ok(position.map(|position| DeadLetter {
            consumer: consumer.clone(),
            stream,
            position,
            version: 1,
            tries: 1,
            reason: "it is bad".to_owned(),
            since: at(1),
            asked_at: None,
            waiting: 0,
        }))
    }

    async fn counts(&self) -> Result<Vec<(Consumer, u64)>, PortError> {
        Err(PortError::unavailable("letters", "nobody asks"))
    }

    async fn retry(&self, _: &Consumer, _: StreamId) -> Result<bool, PortError> {
        self.act("retry", |_| true).await
    }

    async fn drop_event(&self, _: &Consumer, _: StreamId, at: Position) -> Result<bool, PortError> {
        self.act("drop", |position| position == at).await
    }

    async fn asked(&self) -> Result<Vec<ViewName>, PortError> {
        Err(PortError::unavailable("letters", "nobody asks"))
    }
}

impl World {
    /// Within a runtime.
    fn new(position: Option<u64>) -> Self {
        let log = Arc::new(FakeLog::default());
        let of_executor: Arc<dyn EventLog> = log.clone();
        let (queue, appender) = append_queue(Arc::clone(&of_executor));
        tokio::spawn(appender.run());
        let executor = Executor::new(of_executor, queue, Rules::default(), MemoryPasscodes::doorkeeper());
        let letters = Letters { log: log.clone(), inner: Mutex::new(Inner { position: position.map(Position), ..Inner::default() }) };
        Self { log, letters, executor }
    }

    async fn perform(&self, key: u128, what: DeadLetterOperation, position: u64) -> Result<Executed, NotDone> {
        let envelope = Envelope { command: CommandId::new(Uuid::from_u128(key)), actor: None, correlation: Uuid::nil(), at: at(1) };
        let stream = StreamId { category: Category::Message, id: Uuid::from_u128(7) };
        let letter = Letter { consumer: Consumer::View(ViewName::Timeline), stream, position: Position(position) };
        perform(&self.executor, &self.letters, envelope, what, &letter).await
    }

    async fn recorded(&self) -> Vec<String> {
        self.log.read(Position(0), 100).await.unwrap().into_iter().map(|event| event.event_type).collect()
    }

    fn inner<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.letters.inner.lock().unwrap())
    }
}

#[tokio::test]
async fn what_is_done_was_recorded_before_and_the_same_command_is_answered_the_same_when_the_letter_is_gone() {
    for (what, name, event) in [
        (DeadLetterOperation::Retry, "retry", "operation.dead_letter_retried"),
        (DeadLetterOperation::Drop, "drop", "operation.dead_letter_dropped"),
    ] {
        let world = World::new(Some(42));
        let first = world.perform(1, what, 42).await.unwrap();
        assert_eq!((first.position, first.repeated), (Position(1), false));
        assert_eq!(world.inner(|inner| inner.done.clone()), [(name, 1)]);
        let again = world.perform(1, what, 42).await.unwrap();
        assert_eq!(again, Executed { repeated: true, ..first });
        assert_eq!(world.recorded().await, [event]);
        assert!(matches!(world.perform(2, what, 42).await, Err(NotDone::NotParked)));
        assert!(matches!(world.perform(1, what, 43).await, Err(NotDone::Execute(ExecuteError::CommandMismatch))));
    }
}

#[tokio::test]
async fn of_a_letter_that_is_not_there_nothing_is_recorded() {
    let (nothing, another) = (World::new(None), World::new(Some(41)));
    for what in [DeadLetterOperation::Retry, DeadLetterOperation::Drop] {
        assert!(matches!(nothing.perform(1, what, 42).await, Err(NotDone::NotParked)));
        assert!(matches!(another.perform(1, what, 42).await, Err(NotDone::AnotherEvent(Position(41)))));
    }
    assert!(nothing.recorded().await.is_empty() && another.recorded().await.is_empty());
    assert_eq!(another.inner(|inner| inner.done.clone()), []);
}

#[tokio::test]
async fn what_was_recorded_and_not_done_is_done_by_the_same_command() {
    let world = World::new(Some(42));
    world.inner(|inner| inner.away = true);
    assert!(matches!(world.perform(1, DeadLetterOperation::Drop, 42).await, Err(NotDone::Port(_))));
    assert_eq!((world.recorded().await.len(), world.inner(|inner| inner.done.len())), (1, 0));
    world.inner(|inner| inner.away = false);
    let done = world.perform(1, DeadLetterOperation::Drop, 42).await.unwrap();
    assert!(done.repeated, "{done:?}");
    assert_eq!((world.recorded().await.len(), world.inner(|inner| inner.done.clone())), (1, vec![("drop", 1)]));
}
