use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use posthaste_domain::{SessionId, UserId};

use super::{FakeLog, at};
use crate::port::cursors::{Connect, Connected, CursorMove, Device, Generation, KnownDevice, Receipt, SentMark, Welcome};
use crate::port::{Cursors, EventLog as _, PortError};
use crate::recorded::Position;

#[derive(Default)]
struct Known {
    start: Position,
    moves: Vec<CursorMove>,
    generation: Generation,
}

impl Known {
    fn cursor(&self) -> Position {
        self.moves.last().map_or(self.start, |moved| moved.to)
    }
}

/// Cursors with their history, beside a log.
#[derive(Default)]
pub(crate) struct FakeCursors {
    log: Arc<FakeLog>,
    devices: Mutex<BTreeMap<Device, Known>>,
    /// Where each mark began, and the mark.
    marks: Mutex<Vec<(Position, SentMark)>>,
    /// Fail the next write.
    pub(crate) broken: AtomicBool,
}

impl FakeCursors {
    pub(crate) fn over(log: &Arc<FakeLog>) -> Self {
        Self { log: Arc::clone(log), ..Self::default() }
    }

    pub(crate) fn moves(&self, device: Device) -> Vec<u64> {
        self.devices.lock().unwrap().get(&device).map_or_else(Vec::new, |known| known.moves.iter().map(|moved| moved.to.0).collect())
    }

    /// The marks of a device that were written: up to where, and at which second.
    pub(crate) fn marks(&self, device: Device) -> Vec<(u64, i64)> {
        let marks = self.marks.lock().unwrap();
        marks.iter().filter(|(_, mark)| mark.device == device).map(|(_, mark)| (mark.to.0, mark.at.timestamp())).collect()
    }

    /// Connects a device of a login that goes on.
    pub(crate) async fn open(&self, device: Device) -> Generation {
        let connect = Connect { device, session: SessionId::new(uuid::Uuid::nil()), cursor: None, at: at(0) };
        match self.connect(connect).await.unwrap() {
            Connected::Welcome(welcome) => welcome.generation,
            other @ (Connected::Revoked | Connected::Suspended | Connected::BeyondHead { .. }) => panic!("{other:?}"),
        }
    }
}

#[async_trait]
impl Cursors for FakeCursors {
    async fn connect(&self, connect: Connect) -> Result<Connected, PortError> {
        let Connect { device, session: _, cursor, at: _ } = connect;
        let (cursor, generation) = {
            let mut devices = self.devices.lock().unwrap();
            let known = devices.entry(device).or_insert_with(|| Known { start: cursor.unwrap_or_default(), ..Known::default() });
            known.generation.0 += 1;
            (known.cursor(), known.generation)
        };
        let memberships = self.log.memberships(device.user).await?;
        Ok(Connected::Welcome(Welcome { cursor, generation, memberships }))
    }

    async fn advance(&self, moves: &[CursorMove]) -> Result<Vec<(Device, Generation)>, PortError> {
        // Whoever asked may be gone by the time it is done.
        tokio::task::yield_now().await;
        if self.broken.swap(false, Ordering::Relaxed) {
            return Err(PortError::unavailable("fake cursors", "broken"));
        }
        let mut devices = self.devices.lock().unwrap();
        let mut generations = Vec::new();
        for moved in moves {
            let Some(known) = devices.get_mut(&moved.device) else { continue };
            if moved.to > known.cursor() {
                known.moves.push(*moved);
            }
            generations.push((moved.device, known.generation));
        }
        Ok(generations)
    }

    async fn generations(&self, asked: &[Device]) -> Result<Vec<(Device, Generation)>, PortError> {
        let devices = self.devices.lock().unwrap();
        Ok(asked.iter().filter_map(|device| Some((*device, devices.get(device)?.generation))).collect())
    }

    async fn devices(&self, user: Option<UserId>, after: Option<Device>, limit: usize) -> Result<Vec<KnownDevice>, PortError> {
        let devices = self.devices.lock().unwrap();
        let wanted = devices.iter().filter(|(device, _)| user.is_none_or(|user| device.user == user) && Some(**device) > after);
        let known = |(device, known): (&Device, &Known)| KnownDevice {
            device: *device,
            cursor: known.cursor(),
            generation: known.generation,
            session: None,
            connected_at: None,
        };
        Ok(wanted.take(limit).map(known).collect())
    }

    async fn count(&self) -> Result<u64, PortError> {
        Ok(self.devices.lock().unwrap().len() as u64)
    }

    async fn mark_sent(&self, marks: &[SentMark]) -> Result<(), PortError> {
        tokio::task::yield_now().await;
        if self.broken.swap(false, Ordering::Relaxed) {
            return Err(PortError::unavailable("fake cursors", "broken"));
        }
        let devices = self.devices.lock().unwrap();
        let mut kept = self.marks.lock().unwrap();
        for mark in marks {
            let Some(known) = devices.get(&mark.device) else { continue };
            let marked = kept.iter().filter(|(_, earlier)| earlier.device == mark.device).map(|(_, earlier)| earlier.to).max();
            let from = known.cursor().max(marked.unwrap_or_default());
            if mark.to > from {
                kept.push((from, *mark));
            }
        }
        Ok(())
    }

    async fn sends(&self, users: &[UserId], position: Position) -> Result<Vec<Receipt>, PortError> {
        let marks = self.marks.lock().unwrap();
        let covers = |(from, mark): &&(Position, SentMark)| users.contains(&mark.device.user) && *from < position && position <= mark.to;
        let mut sends: Vec<_> = marks.iter().filter(covers).map(|(_, mark)| Receipt { device: mark.device, at: mark.at }).collect();
        sends.sort_by_key(|receipt| (receipt.at, receipt.device));
        Ok(sends)
    }

    async fn receipts(&self, users: &[UserId], position: Position) -> Result<Vec<Receipt>, PortError> {
        let devices = self.devices.lock().unwrap();
        let mut receipts: Vec<_> = devices
            .iter()
            .filter(|(device, known)| users.contains(&device.user) && known.start < position)
            .filter_map(|(device, known)| {
                let first = known.moves.iter().find(|moved| moved.to >= position)?;
                Some(Receipt { device: *device, at: first.at })
            })
            .collect();
        receipts.sort_by_key(|receipt| receipt.at);
        Ok(receipts)
    }
}
