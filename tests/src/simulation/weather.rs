//! What goes wrong in a run, and how often: what the service must withstand, and what it is broken with on purpose.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::dice::Dice;

/// One guarantee broken on purpose, in the simulation's own parts, to see that it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Now and then an append is answered and never committed.
    AnswerBeforeCommit,
    /// Now and then a stored cursor is beyond what the device acknowledged.
    CursorAhead,
    /// What a device missed is read from the log with an event left out.
    SkipPosition,
    /// A connection says an event twice.
    PushTwice,
    /// A connection swaps two events.
    PushOutOfOrder,
    /// A client that knows nothing of the outcome asks again under a new id.
    RetryUnderNewId,
    /// The log forgets who left when somebody connects.
    DeliverAfterRemoval,
    /// A projector leaves an event out.
    ViewSkipsEvent,
    /// A connection knows no window.
    NoWindow,
    /// What waits for a device is all kept in memory.
    Hoard,
    /// The feed never looks at the log by itself.
    TrustBroker,
    /// Events are published before their commit, which may fail.
    PublishBeforeCommit,
    /// The relay's checkpoint covers what the broker has not confirmed.
    CheckpointAhead,
    /// Whoever verifies the log looks at positions only.
    BlindVerifier,
}

impl Fault {
    /// Every one.
    pub const ALL: [Self; 14] = [
        Self::AnswerBeforeCommit,
        Self::CursorAhead,
        Self::SkipPosition,
        Self::PushTwice,
        Self::PushOutOfOrder,
        Self::RetryUnderNewId,
        Self::DeliverAfterRemoval,
        Self::ViewSkipsEvent,
        Self::NoWindow,
        Self::Hoard,
        Self::TrustBroker,
        Self::PublishBeforeCommit,
        Self::CheckpointAhead,
        Self::BlindVerifier,
    ];
}

/// How often things go wrong in this run, in a thousand each, while it storms.
#[derive(Debug)]
pub(super) struct Weather {
    calm: AtomicBool,
    stores_cut: AtomicBool,
    fault: Option<Fault>,
    /// A call of a store fails; half of those take place all the same.
    store_fails: u64,
    /// A wake-up of the log is lost.
    pub(super) wakeup_lost: u64,
    /// A run is lost on its way to one gateway.
    pub(super) run_lost: u64,
    /// It arrives twice.
    pub(super) run_doubled: u64,
    /// It arrives with an event left out.
    pub(super) run_torn: u64,
    /// It is late.
    pub(super) run_late: u64,
    /// The broker says no, or nothing, to a run.
    pub(super) unconfirmed: u64,
    /// It breaks a connection at something that is asked of it.
    pub(super) broker_breaks: u64,
    /// A client is cut off after something it received.
    pub(super) cut: u64,
    /// How long a store takes at most.
    pub(super) store_latency: Duration,
    /// How long a frame takes at most.
    pub(super) network_latency: Duration,
}

impl Weather {
    /// Some kind of weather; every kind of trouble is absent from some runs and all over others.
    pub(super) fn new(dice: &mut Dice, fault: Option<Fault>) -> Self {
        Self {
            calm: AtomicBool::new(true),
            stores_cut: AtomicBool::new(false),
            fault,
            store_fails: dice.of(&[0, 0, 10, 40]),
            wakeup_lost: dice.of(&[0, 100, 1_000]),
            run_lost: dice.of(&[0, 50, 300, 1_000]),
            run_doubled: dice.of(&[0, 50, 300]),
            run_torn: dice.of(&[0, 0, 200]),
            run_late: dice.of(&[0, 100, 700]),
            unconfirmed: dice.of(&[0, 0, 50, 300]),
            broker_breaks: dice.of(&[0, 0, 30, 100]),
            cut: dice.of(&[0, 5, 30]),
            store_latency: Duration::from_micros(dice.of(&[200, 2_000, 50_000])),
            network_latency: Duration::from_micros(dice.of(&[500, 20_000, 200_000])),
        }
    }

    /// From now on things go wrong.
    pub(super) fn storm(&self) {
        self.calm.store(false, Ordering::Relaxed);
    }

    /// No store answers, until told otherwise.
    pub(super) fn cut_stores(&self, cut: bool) {
        self.stores_cut.store(cut, Ordering::Relaxed);
    }

    /// How often a call of a store fails.
    pub(super) fn store_fails(&self) -> u64 {
        if self.stores_cut.load(Ordering::Relaxed) { 1_000 } else { self.often(self.store_fails) }
    }

    /// From now on nothing fails but what is broken on purpose.
    pub(super) fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// So often, while it storms.
    pub(super) fn often(&self, permille: u64) -> u64 {
        if self.is_calm() { 0 } else { permille }
    }

    /// Whether this is what is broken on purpose.
    pub(super) fn breaks(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}
