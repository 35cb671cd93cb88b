use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_domain::UserId;

use crate::port::cursors::{CursorMove, Device, Receipt};
use crate::port::{Cursors, PortError};
use crate::recorded::Position;

/// Cursors with their history.
#[derive(Default)]
pub(crate) struct FakeCursors {
    /// The position each device started at, and its moves.
    devices: Mutex<BTreeMap<Device, (Position, Vec<CursorMove>)>>,
    /// Fail the next write.
    pub(crate) broken: AtomicBool,
}

impl FakeCursors {
    pub(crate) fn moves(&self, device: Device) -> Vec<u64> {
        self.devices.lock().unwrap().get(&device).map_or_else(Vec::new, |(_, moves)| moves.iter().map(|moved| moved.to.0).collect())
    }
}

#[async_trait]
impl Cursors for FakeCursors {
    async fn open(&self, device: Device, first: Position, _at: DateTime<Utc>) -> Result<Position, PortError> {
        let mut devices = self.devices.lock().unwrap();
        let (start, moves) = devices.entry(device).or_insert((first, Vec::new()));
        Ok(moves.last().map_or(*start, |moved| moved.to))
    }

    async fn advance(&self, moves: &[CursorMove]) -> Result<(), PortError> {
        // Whoever asked may be gone by the time it is done.
        tokio::task::yield_now().await;
        if self.broken.swap(false, Ordering::Relaxed) {
            return Err(PortError::unavailable("fake cursors", "broken"));
        }
        let mut devices = self.devices.lock().unwrap();
        for moved in moves {
            if let Some((start, history)) = devices.get_mut(&moved.device)
                && moved.to > history.last().map_or(*start, |last| last.to)
            {
                history.push(*moved);
            }
        }
        Ok(())
    }

    async fn receipts(&self, users: &[UserId], position: Position) -> Result<Vec<Receipt>, PortError> {
        let devices = self.devices.lock().unwrap();
        let mut receipts: Vec<_> = devices
            .iter()
            .filter(|(device, (start, _))| users.contains(&device.user) && *start < position)
            .filter_map(|(device, (_, moves))| {
                let first = moves.iter().find(|moved| moved.to >= position)?;
                Some(Receipt { device: *device, at: first.at })
            })
            .collect();
        receipts.sort_by_key(|receipt| receipt.at);
        Ok(receipts)
    }
}
