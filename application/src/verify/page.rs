//! A stretch of the log, read and hashed. Pages need not be read in their order, nor one at a time: what ties them together is checked
//! afterwards, and costs little.

use super::leaf;
use crate::chain::Link;
use crate::port::{EventLog, PortError};
use crate::recorded::{Hash, Position, Recorded};

/// What the chain needs to know of a stretch of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of positions, as they were found: there may be gaps.
    pub links: Vec<Link>,
    /// Of each of them its leaf of the tree, if that was asked for.
    pub leaves: Vec<Hash>,
    /// Where the first event is that cannot be read at all. Nothing was read after it.
    pub unreadable: Option<Position>,
}

impl Page {
    /// Reads and hashes the events after one position and up to another.
    ///
    /// # Errors
    /// Those of the log, except that it is corrupt, which is something found.
    pub async fn read(log: &dyn EventLog, after: Position, upto: Position, with_leaves: bool) -> Result<Self, PortError> {
        let mut page = Self::default();
        let mut at = after;
        let mut limit = usize::try_from(upto.0.saturating_sub(after.0)).unwrap_or(usize::MAX);
        while at < upto {
            let events = match log.read(at, limit).await {
                // One of these is no event any more; half as many show which half it is in.
                Err(PortError::Corrupt { .. }) if limit > 1 => {
                    limit /= 2;
                    continue;
                }
                Err(PortError::Corrupt { .. }) => {
                    page.unreadable = Some(at.next());
                    return Ok(page);
                }
                read => read?,
            };
            let Some(last) = events.last().map(|event| event.position) else { break };
            page.extend(events.iter().take_while(|event| event.position <= upto), with_leaves);
            at = last;
        }
        Ok(page)
    }

    fn extend<'a>(&mut self, events: impl Iterator<Item = &'a Recorded>, with_leaves: bool) {
        for event in events {
            self.links.push(Link::from(event));
            if with_leaves {
                self.leaves.push(leaf(event));
            }
        }
    }
}
