//! One fold, how far it has come, and what is left out of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use posthaste_application::codec::Undecodable;
use posthaste_application::port::projection::{Batch, LeftOut, Poison, Standing};
use posthaste_application::port::{PortError, Projection};
use posthaste_application::recorded::{Position, StreamId};
use posthaste_application::view::View;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use super::super::dead::SqliteDeadLetters;

/// A fold and how far it has come.
pub(super) struct Kept<V> {
    fold: RwLock<V>,
    /// Changed only while the fold is locked for writing.
    pub(super) checkpoint: watch::Sender<Position>,
    /// Whoever changes the view holds this.
    parking: Arc<Mutex<Parking>>,
    /// Where dead letters are written down; `None` where nobody else is to see them.
    pub(super) letters: Option<Arc<SqliteDeadLetters>>,
}

/// What is parked.
#[derive(Default)]
pub(super) struct Parking {
    /// Grows when it is changed otherwise than by taking events in.
    pub(super) revision: u64,
    pub(super) parked: BTreeMap<StreamId, Poison>,
    /// Letters that are written down from before, and were not met again yet; `None` before they were looked for.
    before: Option<Vec<(StreamId, Position)>>,
}

impl<V: View> Default for Kept<V> {
    fn default() -> Self {
        Self { fold: RwLock::default(), checkpoint: watch::Sender::new(Position::START), parking: Arc::default(), letters: None }
    }
}

impl<V: View> Kept<V> {
    pub(super) fn new(letters: &Arc<SqliteDeadLetters>) -> Self {
        Self { letters: Some(Arc::clone(letters)), ..Self::default() }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, V> {
        self.fold.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, V> {
        self.fold.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn position(&self) -> Position {
        *self.checkpoint.borrow()
    }

    pub(super) async fn reached(&self, position: Position) -> Result<(), PortError> {
        let reached = self.checkpoint.subscribe().wait_for(|checkpoint| *checkpoint >= position).await.map(|_| ());
        reached.map_err(|closed| PortError::unavailable("views", closed))
    }

    /// Has the view stand still until this is dropped.
    pub(super) async fn still(&self) -> OwnedMutexGuard<Parking> {
        Arc::clone(&self.parking).lock_owned().await
    }

    pub(super) async fn left_out(&self, parking: &Parking) -> Result<LeftOut, PortError> {
        let dropped = match &self.letters {
            Some(letters) => letters.dropped(V::NAME).await?,
            None => BTreeSet::new(),
        };
        Ok(LeftOut { parked: parking.parked.iter().map(|(stream, poison)| (*stream, poison.position)).collect(), dropped })
    }

    /// Takes events in. One that cannot be read stops the view right before it, with the checkpoint telling where it stands.
    fn fold(&self, batch: Batch<'_>) -> Result<(), Undecodable> {
        let mut fold = self.write();
        let mut checkpoint = batch.after;
        let applied = batch.events.iter().try_for_each(|event| {
            fold.apply(event)?;
            checkpoint = event.position;
            Ok(())
        });
        self.checkpoint.send_replace(if applied.is_ok() { batch.upto } else { checkpoint });
        applied
    }

    /// Letters from before that it has come by without parking their streams again are none any more: what they were about is in the view.
    async fn forget_outlived(&self, parking: &mut Parking, upto: Position) -> Result<(), PortError> {
        let Some(letters) = &self.letters else { return Ok(()) };
        let before = match parking.before.take() {
            Some(before) => before,
            None => letters.of_view(V::NAME).await?,
        };
        let (met, ahead) = before.into_iter().partition::<Vec<_>, _>(|(_, position)| *position <= upto);
        let outlived = met.into_iter().map(|(stream, _)| stream).filter(|stream| !parking.parked.contains_key(stream));
        letters.settle(V::NAME, Vec::new(), outlived.collect()).await?;
        parking.before = Some(ahead);
        Ok(())
    }
}

#[async_trait]
impl<V: View> Projection for Kept<V> {
    fn name(&self) -> &'static str {
        V::NAME.as_str()
    }

    async fn checkpoint(&self) -> Result<Position, PortError> {
        Ok(self.position())
    }

    async fn standing(&self) -> Result<Standing, PortError> {
        let parking = self.still().await;
        Ok(Standing { position: self.position(), revision: parking.revision, left_out: self.left_out(&parking).await? })
    }

    async fn take(&self, revision: u64, batch: Batch<'_>) -> Result<bool, PortError> {
        let mut parking = self.still().await;
        if (self.position(), parking.revision) != (batch.after, revision) {
            return Ok(false);
        }
        if let (Some(letters), Some(poison)) = (&self.letters, batch.poison) {
            letters.settle(V::NAME, vec![poison.clone()], Vec::new()).await?;
        }
        parking.parked.extend(batch.poison.map(|poison| (poison.stream, poison.clone())));
        self.fold(batch).map_err(|error| PortError::poison("the view", error))?;
        self.forget_outlived(&mut parking, batch.upto).await?;
        Ok(true)
    }

    async fn reset(&self) -> Result<(), PortError> {
        let mut parking = self.still().await;
        parking.revision += 1;
        parking.parked.clear();
        parking.before = None;
        let mut fold = self.write();
        *fold = V::default();
        self.checkpoint.send_replace(Position::START);
        Ok(())
    }
}
