//! How far others have received and read, as one client was told: it only ever hears of more.

use std::collections::HashMap;

use posthaste_domain::{ThreadId, UserId};

use crate::recorded::Position;

/// Of how many users in threads it is remembered what the client was told.
pub(super) const REMEMBERED: usize = 512;

#[derive(Clone, Copy, Debug, Default)]
struct Told {
    delivered: Position,
    read: Position,
}

/// What one client was told.
#[derive(Debug, Default)]
pub struct Watermarks {
    told: HashMap<(ThreadId, UserId), Told>,
    /// Of whom nothing is remembered was told nothing beyond this.
    floor: Told,
}

impl Watermarks {
    /// Takes in a receipt, and gives what of it is more than the client was told: `delivered` and `read`.
    pub fn advance(
        &mut self,
        thread: ThreadId,
        user: UserId,
        delivered: Option<Position>,
        read: Option<Position>,
    ) -> Option<(Option<Position>, Option<Position>)> {
        let known = self.told.get(&(thread, user)).copied().unwrap_or(self.floor);
        let delivered = delivered.filter(|delivered| *delivered > known.delivered);
        let read = read.filter(|read| *read > known.read);
        if delivered.is_none() && read.is_none() {
            return None;
        }
        let told = Told { delivered: delivered.unwrap_or(known.delivered), read: read.unwrap_or(known.read) };
        if self.told.len() >= REMEMBERED && !self.told.contains_key(&(thread, user)) {
            self.forget_one();
        }
        self.told.insert((thread, user), told);
        Some((delivered, read))
    }

    /// Forgets who is furthest back. Old receipts of whom nothing is remembered are dropped from then on, which signals may be.
    fn forget_one(&mut self) {
        let Some(furthest_back) = self.told.iter().min_by_key(|(_, told)| told.delivered.max(told.read)).map(|(whose, _)| *whose) else {
            return;
        };
        if let Some(told) = self.told.remove(&furthest_back) {
            self.floor = Told { delivered: self.floor.delivered.max(told.delivered), read: self.floor.read.max(told.read) };
        }
    }
}
