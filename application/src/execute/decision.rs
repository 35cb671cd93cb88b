//! One decision: what it read, what it decided. Everything loaded becomes a check.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use posthaste_domain::{Aggregate, Event, ThreadId, UserId};

use super::doubt::Doubts;
use super::passcode::Doorkeeper;
use super::rules::Rules;
use super::state::{Loaded, States, stream};
use super::{Envelope, ExecuteError, Unreadable};
use crate::codec;
use crate::port::log::MembershipWindow;
use crate::recorded::{Append, Appended, Check, Expected, Hash, Position, StreamId};

/// An `Arc<Loaded<A>>` of some aggregate.
type AnyLoaded = Arc<dyn Any + Send + Sync>;
/// Remembers such a one, whose new events were recorded from one position to another.
type Keep = fn(&States, StreamId, AnyLoaded, Position, Position);

/// Aggregates that are loaded at once when there are many.
const AT_ONCE: usize = 32;

struct Read {
    stream: StreamId,
    /// Its version in the log; what was decided since is not counted.
    version: u64,
    /// The decision rests on that version.
    checked: bool,
    /// The state, shared with whoever else reads it until something is decided.
    loaded: AnyLoaded,
    /// Set once something was decided.
    keep: Option<Keep>,
}

/// What decisions are made with.
pub(super) struct Ground {
    pub(super) states: States,
    pub(super) rules: Rules,
    pub(super) doorkeeper: Doorkeeper,
}

/// A decision in the making.
pub struct Decision<'a> {
    ground: &'a Ground,
    doubts: &'a Doubts,
    remembered: bool,
    reads: Vec<Read>,
    events: Vec<(StreamId, u64, Event)>,
    position: Position,
}

/// A state that a decision led to, to be remembered once its events are recorded.
struct Written {
    stream: StreamId,
    loaded: AnyLoaded,
    keep: Keep,
    /// The places of its first and last event among those of the append, from 0.
    places: (u64, u64),
}

/// What a decision has written.
pub(super) struct Touched(Vec<Written>);

impl Touched {
    pub(super) fn writes(&self, stream: StreamId) -> bool {
        self.0.iter().any(|written| written.stream == stream)
    }

    /// The events were recorded: what was written is now known.
    pub(super) fn keep(self, states: &States, appended: Appended) {
        let at = |place| Position(appended.first.0 + place);
        for Written { stream, loaded, keep, places: (first, last) } in self.0 {
            keep(states, stream, loaded, at(first), at(last));
        }
    }
}

fn keep<A: Aggregate>(states: &States, stream: StreamId, loaded: AnyLoaded, first: Position, last: Position) {
    let mut loaded = downcast::<A>(loaded);
    Arc::make_mut(&mut loaded).reach(first, last);
    states.keep(stream, loaded);
}

fn downcast<A: Aggregate>(loaded: AnyLoaded) -> Arc<Loaded<A>> {
    loaded.downcast().expect("a stream holds one kind of aggregate")
}

impl<'a> Decision<'a> {
    pub(super) fn new(ground: &'a Ground, doubts: &'a Doubts) -> Self {
        Self { ground, doubts, remembered: false, reads: Vec::new(), events: Vec::new(), position: Position::START }
    }

    /// The rules of this service.
    pub(super) const fn rules(&self) -> Rules {
        self.ground.rules
    }

    /// Who keeps and checks passcodes.
    pub(super) const fn doorkeeper(&self) -> &Doorkeeper {
        &self.ground.doorkeeper
    }

    /// From when to when a user was in a thread, as the log has it now. The decision does not rest on it.
    pub(super) async fn windows(&self, user: UserId, thread: ThreadId) -> Result<Vec<MembershipWindow>, ExecuteError> {
        Ok(self.ground.states.log().windows(user, thread).await?)
    }

    /// What was asked holds since this position, with nothing to decide.
    pub(super) fn holds_since(&mut self, position: Position) {
        self.position = self.position.max(position);
    }

    /// Reads an aggregate, with what this decision has already decided; the decision now rests on its version. The state is shared: it
    /// costs the same however large it is.
    ///
    /// # Errors
    /// It cannot be loaded.
    pub async fn load<A: Aggregate>(&mut self, id: A::Id) -> Result<Arc<Loaded<A>>, ExecuteError> {
        self.read::<A>(id, true).await
    }

    /// Reads an aggregate without making the decision rest on it: only for facts that can never be undone, such as that a user is
    /// registered. Whatever else was read this way may have changed by the time the events are recorded, and nothing would notice.
    ///
    /// # Errors
    /// It cannot be loaded.
    pub async fn peek<A: Aggregate>(&mut self, id: A::Id) -> Result<Arc<Loaded<A>>, ExecuteError> {
        self.read::<A>(id, false).await
    }

    /// [`Decision::load`] of many, in their order, several at a time.
    ///
    /// # Errors
    /// One of them cannot be loaded.
    pub async fn load_all<A: Aggregate>(&mut self, ids: impl IntoIterator<Item = A::Id>) -> Result<Vec<Arc<Loaded<A>>>, ExecuteError> {
        self.read_all::<A>(ids.into_iter().collect(), true).await
    }

    /// [`Decision::peek`] of many, in their order, several at a time.
    ///
    /// # Errors
    /// One of them cannot be loaded.
    pub async fn peek_all<A: Aggregate>(&mut self, ids: impl IntoIterator<Item = A::Id>) -> Result<Vec<Arc<Loaded<A>>>, ExecuteError> {
        self.read_all::<A>(ids.into_iter().collect(), false).await
    }

    /// Rests on an aggregate being new, without looking. If the log knows better, the decision is made again on what it knows.
    ///
    /// # Errors
    /// It cannot be loaded.
    pub async fn assume_new<A: Aggregate>(&mut self, id: A::Id) -> Result<(), ExecuteError> {
        let stream = stream::<A>(id);
        if self.reads.iter().all(|read| read.stream != stream) && self.doubts.allow(stream, 0) {
            self.remembered = true;
            self.rest_on::<A>(stream, Arc::default(), true);
        } else {
            self.load::<A>(id).await?;
        }
        Ok(())
    }

    /// Lets a loaded aggregate decide. Its state is copied when the first events come of it, and not again.
    ///
    /// # Errors
    /// Its refusal; or, by a mistake in the domain, what it emits does not fit its state.
    ///
    /// # Panics
    /// When the aggregate was not loaded: a mistake in this crate.
    pub fn decide<A: Aggregate>(&mut self, id: A::Id, command: A::Command) -> Result<(), ExecuteError> {
        let stream = stream::<A>(id);
        let read = self.reads.iter_mut().find(|read| read.stream == stream).expect("an aggregate is loaded before it decides");
        let before = read.loaded.downcast_ref::<Loaded<A>>().expect("a stream holds one kind of aggregate");
        let events = before.state.decide(command).map_err(|refusal| ExecuteError::Refused(refusal.into()))?;
        self.position = self.position.max(before.position);
        if events.is_empty() {
            return Ok(());
        }
        if Arc::strong_count(&read.loaded) > 1 {
            read.loaded = Arc::new(Loaded::clone(before));
        }
        let after = Arc::get_mut(&mut read.loaded).and_then(|loaded| loaded.downcast_mut::<Loaded<A>>());
        let after = after.expect("nobody else has the copy, and a stream holds one kind of aggregate");
        for event in events {
            after.state.apply(&event).map_err(|source| Unreadable::Inapplicable { position: after.position, source })?;
            after.version += 1;
            self.events.push((stream, after.version, event.into()));
        }
        read.checked = true;
        read.keep = Some(keep::<A>);
        Ok(())
    }

    /// Whether something that was read may be out of date.
    pub(super) const fn rests_on_memory(&self) -> bool {
        self.remembered
    }

    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// The last event of what was asked to decide.
    pub(super) const fn position(&self) -> Position {
        self.position
    }

    pub(super) fn into_append(self, envelope: Envelope, fingerprint: Hash) -> (Append, Touched) {
        let checks = self.reads.iter().filter(|read| read.checked);
        let append = Append {
            command: envelope.command,
            fingerprint,
            actor: envelope.actor,
            correlation: envelope.correlation,
            causation: None,
            checks: checks.map(|read| Check { stream: read.stream, expected: Expected::of(read.version) }).collect(),
            events: self.events.iter().map(|(stream, version, event)| codec::encode(*stream, *version, event)).collect(),
            unsealed: None,
        };
        let mut places = HashMap::new();
        for (place, (stream, ..)) in (0..).zip(&self.events) {
            places.entry(*stream).or_insert((place, place)).1 = place;
        }
        let written = self
            .reads
            .into_iter()
            .filter_map(|Read { stream, loaded, keep, .. }| Some(Written { stream, loaded, keep: keep?, places: *places.get(&stream)? }));
        (append, Touched(written.collect()))
    }

    async fn read_all<A: Aggregate>(&mut self, ids: Vec<A::Id>, checked: bool) -> Result<Vec<Arc<Loaded<A>>>, ExecuteError> {
        let (ground, doubts) = (self.ground, self.doubts);
        let known: HashSet<_> = self.reads.iter().map(|read| read.stream).collect();
        let unread = ids.iter().copied().filter(|id| !known.contains(&stream::<A>(*id)));
        let mut found: HashMap<_, _> = futures::stream::iter(unread)
            .map(|id| async move {
                let stream = stream::<A>(id);
                Ok::<_, ExecuteError>((stream, find::<A>(ground, doubts, id).await?))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            let stream = stream::<A>(id);
            if let Some((loaded, remembered)) = found.remove(&stream) {
                self.remembered |= remembered;
                self.rest_on(stream, loaded, checked);
            }
            all.push(self.read::<A>(id, checked).await?);
        }
        Ok(all)
    }

    async fn read<A: Aggregate>(&mut self, id: A::Id, checked: bool) -> Result<Arc<Loaded<A>>, ExecuteError> {
        let stream = stream::<A>(id);
        // What was read once stays what it was: it is checked at one version.
        if let Some(read) = self.reads.iter_mut().find(|read| read.stream == stream) {
            read.checked |= checked;
            return Ok(downcast(Arc::clone(&read.loaded)));
        }
        let (loaded, remembered) = find::<A>(self.ground, self.doubts, id).await?;
        self.remembered |= remembered;
        self.rest_on(stream, Arc::clone(&loaded), checked);
        Ok(loaded)
    }

    fn rest_on<A: Aggregate>(&mut self, stream: StreamId, loaded: Arc<Loaded<A>>, checked: bool) {
        self.reads.push(Read { stream, version: loaded.version, checked, loaded, keep: None });
    }
}

/// An aggregate, remembered (which is told) unless there is doubt.
async fn find<A: Aggregate>(ground: &Ground, doubts: &Doubts, id: A::Id) -> Result<(Arc<Loaded<A>>, bool), ExecuteError> {
    let stream = stream::<A>(id);
    match ground.states.remembered::<A>(stream).filter(|remembered| doubts.allow(stream, remembered.version)) {
        Some(remembered) => Ok((remembered, true)),
        None => Ok((ground.states.fresh::<A>(id).await?, false)),
    }
}
