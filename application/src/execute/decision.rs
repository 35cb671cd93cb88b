//! One decision: what it read, what it decided. Everything read becomes a check.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use posthaste_domain::{Aggregate, Event};

use super::state::{Loaded, States, stream};
use super::{Envelope, ExecuteError, Unreadable};
use crate::codec;
use crate::recorded::{Append, Check, Expected, Hash, Position, StreamId};

/// Puts a state that a decision led to back into memory, once its events are recorded.
type Keep = Box<dyn FnOnce(&States, Position) + Send>;

struct Read {
    check: Check,
    /// The `Arc<Loaded<A>>` that was read.
    loaded: Arc<dyn Any + Send + Sync>,
}

/// A decision in the making.
pub struct Decision<'a> {
    states: &'a States,
    first_try: bool,
    remembered: bool,
    reads: Vec<Read>,
    events: Vec<(StreamId, u64, Event)>,
    written: HashMap<StreamId, Keep>,
    position: Position,
}

/// What a decision has touched, for the memory of states.
pub(super) struct Touched {
    read: Vec<StreamId>,
    written: HashMap<StreamId, Keep>,
}

impl Touched {
    /// The events were recorded: what was written is now known.
    pub(super) fn keep(self, states: &States, last: Position) {
        for keep in self.written.into_values() {
            keep(states, last);
        }
    }

    /// Something moved: nothing that was read can be trusted.
    pub(super) fn forget(self, states: &States) {
        for stream in self.read {
            states.forget(stream);
        }
    }
}

impl<'a> Decision<'a> {
    /// A decision on these states. The first try takes what should be new for new; a later one looks.
    pub(super) fn new(states: &'a States, first_try: bool) -> Self {
        Self {
            states,
            first_try,
            remembered: false,
            reads: Vec::new(),
            events: Vec::new(),
            written: HashMap::new(),
            position: Position::START,
        }
    }

    /// Reads an aggregate; the decision now rests on its version.
    ///
    /// # Errors
    /// It cannot be loaded.
    pub async fn load<A: Aggregate>(&mut self, id: A::Id) -> Result<A, ExecuteError> {
        let (loaded, remembered) = match self.states.remembered::<A>(id) {
            Some(loaded) => (loaded, true),
            None => (self.states.load::<A>(id).await?, false),
        };
        self.remembered |= remembered;
        let state = loaded.state.clone();
        self.rest_on(stream::<A>(id), loaded);
        Ok(state)
    }

    /// Rests on an aggregate being new, without looking. If the log knows better, the decision is made again on what it knows.
    ///
    /// # Errors
    /// It cannot be loaded.
    pub async fn assume_new<A: Aggregate>(&mut self, id: A::Id) -> Result<(), ExecuteError> {
        if self.first_try {
            self.rest_on(stream::<A>(id), Arc::new(Loaded::<A>::default()));
        } else {
            self.load::<A>(id).await?;
        }
        Ok(())
    }

    /// Lets a loaded aggregate decide.
    ///
    /// # Errors
    /// Its refusal; or, by a mistake in the domain, what it emits does not fit its state.
    ///
    /// # Panics
    /// When the aggregate was not loaded: a mistake in this crate.
    pub fn decide<A: Aggregate>(&mut self, id: A::Id, command: A::Command) -> Result<(), ExecuteError> {
        let stream = stream::<A>(id);
        let read = self.reads.iter().find(|read| read.check.stream == stream).expect("an aggregate is loaded before it decides");
        let before = Arc::clone(&read.loaded).downcast::<Loaded<A>>().expect("a stream holds one kind of aggregate");
        let events = before.state.decide(command).map_err(|refusal| ExecuteError::Refused(refusal.into()))?;
        self.position = self.position.max(before.position);
        if events.is_empty() {
            return Ok(());
        }
        let mut after = Loaded::clone(&before);
        for event in events {
            after.state.apply(&event).map_err(|source| Unreadable::Inapplicable { position: before.position, source })?;
            after.version += 1;
            self.events.push((stream, after.version, event.into()));
        }
        let keep: Keep = Box::new(move |states, last| {
            after.position = last;
            states.keep(stream, Arc::new(after));
        });
        self.written.insert(stream, keep);
        Ok(())
    }

    /// Whether something that was read may be out of date.
    pub(super) const fn rests_on_memory(&self) -> bool {
        self.remembered
    }

    /// Nothing that was read can be trusted.
    pub(super) fn forget(&self) {
        self.reads.iter().for_each(|read| self.states.forget(read.check.stream));
    }

    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// The last event of what was asked to decide.
    pub(super) const fn position(&self) -> Position {
        self.position
    }

    pub(super) fn into_append(self, envelope: Envelope, fingerprint: Hash) -> (Append, Touched) {
        let append = Append {
            command: envelope.command,
            fingerprint,
            actor: envelope.actor,
            correlation: envelope.correlation,
            causation: None,
            checks: self.reads.iter().map(|read| read.check).collect(),
            events: self.events.iter().map(|(stream, version, event)| codec::encode(*stream, *version, event)).collect(),
        };
        let read = self.reads.iter().map(|read| read.check.stream).collect();
        (append, Touched { read, written: self.written })
    }

    fn rest_on<A: Aggregate>(&mut self, stream: StreamId, loaded: Arc<Loaded<A>>) {
        if self.reads.iter().all(|read| read.check.stream != stream) {
            let expected = Expected::of(loaded.version);
            self.reads.push(Read { check: Check { stream, expected }, loaded });
        }
    }
}
