//! What has arrived.

/// A message that has arrived somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Message {
    /// Where it stands in the log.
    pub(crate) position: u64,
    /// Who wrote it.
    pub(crate) poster: u32,
    /// The how manieth of theirs it is.
    pub(crate) seq: u32,
}

/// Every message that has arrived anywhere, once.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Vec<Message>);

impl Ledger {
    pub(super) fn add(&mut self, message: Message) {
        self.0.push(message);
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Those after a position, in the order of the log.
    pub(crate) fn after(&self, position: u64) -> Vec<Message> {
        let mut messages: Vec<_> = self.0.iter().copied().filter(|message| message.position > position).collect();
        messages.sort_unstable();
        messages
    }
}
