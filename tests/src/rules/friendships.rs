//! What may happen between two.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use posthaste_domain::UserId;
use posthaste_domain::friendship::FriendshipEvent;

use super::World;

/// What stands between two.
#[derive(Debug, Default)]
pub(super) struct Between {
    pub(super) friends: bool,
    /// Who asked and was not answered.
    asked: Option<UserId>,
    /// Who has blocked the other.
    pub(super) blocks: BTreeSet<UserId>,
}

impl World {
    pub(super) fn friendship(&mut self, event: &FriendshipEvent, acts: impl Fn(UserId) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let (FriendshipEvent::Requested { pair, by }
        | FriendshipEvent::Accepted { pair, by }
        | FriendshipEvent::Declined { pair, by, .. }
        | FriendshipEvent::Cancelled { pair, by }
        | FriendshipEvent::Ended { pair, by }
        | FriendshipEvent::Blocked { pair, by }
        | FriendshipEvent::Unblocked { pair, by }) = event;
        let other = pair.other(*by).context("it is none of their business")?;
        acts(*by)?;
        let known = pair.users().iter().all(|user| self.users.contains_key(user));
        let between = self.friendships.entry(*pair).or_default();
        let before = (between.friends, between.asked);
        match event {
            FriendshipEvent::Requested { .. } => {
                between.asked = Some(*by);
                ensure!(known, "one of them is not registered");
                ensure!(between.blocks.is_empty(), "one has blocked the other");
                ensure!(before == (false, None), "they are friends, or one has asked");
            }
            FriendshipEvent::Accepted { .. } => {
                (between.friends, between.asked) = (true, None);
                ensure!(between.blocks.is_empty(), "one has blocked the other");
                ensure!(before == (false, Some(other)), "the other had not asked");
            }
            FriendshipEvent::Declined { .. } => {
                between.asked = None;
                ensure!(before.1 == Some(other), "the other had not asked");
            }
            FriendshipEvent::Cancelled { .. } => {
                between.asked = None;
                ensure!(before.1 == Some(*by), "they had not asked");
            }
            FriendshipEvent::Ended { .. } => {
                between.friends = false;
                ensure!(before.0, "they were not friends");
            }
            FriendshipEvent::Blocked { .. } => {
                ensure!(between.blocks.insert(*by), "they had blocked them already");
                ensure!(before == (false, None), "something still stands between them");
            }
            FriendshipEvent::Unblocked { .. } => ensure!(between.blocks.remove(by), "they had not blocked them"),
        }
        Ok(())
    }
}
