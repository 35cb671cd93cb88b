//! What came of it, in numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::{Fault, Setting};
use crate::history::{Verdict, Violation};

/// How the service recovered from one turn of the nemesis, all from the moment it struck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// What happened, at once.
    pub faults: Vec<Fault>,
    /// Until whatever was taken away was given back.
    pub lasted: Duration,
    /// Until something that was sent after it was answered `ok` to every device.
    pub ok: Duration,
    /// Until every device had all of that.
    pub pushed: Duration,
}

/// A whole run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was run.
    pub setting: Setting,
    /// What the history checker found.
    pub verdict: Verdict,
    /// Acks that devices sent.
    pub acks: usize,
    /// What was carried out beside messages.
    pub errands: usize,
    /// Commands whose first answer was lost, to a server or to the device, and that were found to be carried out.
    pub answers_lost: usize,
    /// Times that a server did not hear what became of its appends.
    pub unknown: usize,
    /// Connections that were cut.
    pub cuts: u64,
    /// From the first moment to the last.
    pub took: Duration,
    /// Every turn of the nemesis.
    pub recoveries: Vec<Recovery>,
}

impl Report {
    /// How many times each kind of fault happened.
    #[must_use]
    pub fn faults(&self) -> BTreeMap<Fault, usize> {
        let mut faults = BTreeMap::new();
        for fault in self.recoveries.iter().flat_map(|recovery| &recovery.faults) {
            *faults.entry(*fault).or_default() += 1;
        }
        faults
    }

    /// Events that arrived without what should have come before them.
    #[must_use]
    pub fn holes(&self) -> usize {
        let holes = |violation: &&Violation| matches!(violation, Violation::BrokenChain { .. } | Violation::Skipped { .. });
        self.verdict.violations.iter().filter(holes).count()
    }

    /// What was answered `ok` and is not there, or never arrived where it is owed.
    #[must_use]
    pub fn losses(&self) -> usize {
        let losses = |violation: &&Violation| matches!(violation, Violation::Missed { .. } | Violation::OkNotRecorded { .. });
        self.verdict.violations.iter().filter(losses).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.verdict.counts;
        writeln!(f, "chaos: seed {}, {} s, {} users", self.setting.seed, self.setting.seconds, self.setting.users)?;
        writeln!(f, "  sent        {:>8}  ({} ok, {} refused, {} unanswered)", counts.sent, counts.ok, counts.refused, counts.unanswered)?;
        writeln!(f, "  sent again  {:>8}", counts.retries)?;
        writeln!(f, "  acked       {:>8}", self.acks)?;
        writeln!(f, "  pushed      {:>8}  (to {} devices over {} connections)", counts.pushed, counts.devices, counts.connections)?;
        writeln!(f, "  owed        {:>8}", counts.owed)?;
        writeln!(f, "  duplicates  {:>8}", counts.duplicates)?;
        writeln!(f, "  holes       {:>8}", self.holes())?;
        writeln!(f, "  losses      {:>8}", self.losses())?;
        writeln!(f, "  violations  {:>8}  (with holes and losses)", self.verdict.violations.len())?;
        writeln!(f, "  events      {:>8}  ({} commands beside messages)", counts.events, self.errands)?;
        writeln!(
            f,
            "  lost answers{:>8}  (commits that a retry found; {} times a server did not hear of its own)",
            self.answers_lost, self.unknown
        )?;
        writeln!(f, "  cut         {:>8}  connections", self.cuts)?;
        writeln!(
            f,
            "  faults      {:>8}  in {} turns; all of it took {:.1} s",
            self.faults().values().sum::<usize>(),
            self.recoveries.len(),
            self.took.as_secs_f64()
        )?;
        let mut kinds: BTreeMap<Option<Fault>, Vec<&Recovery>> = BTreeMap::new();
        for recovery in &self.recoveries {
            let alone = if recovery.faults.len() == 1 { recovery.faults.first().copied() } else { None };
            kinds.entry(alone).or_default().push(recovery);
        }
        writeln!(f, "  time to recover, in seconds from the blow on, the median and the longest:")?;
        write!(f, "  {:<24}{:>5}  {:>13}  {:>13}  {:>13}", "fault", "times", "lasted", "ok again", "pushed again")?;
        for (fault, recoveries) in kinds {
            let of = |time: fn(&Recovery) -> Duration| {
                let mut times: Vec<_> = recoveries.iter().map(|recovery| time(recovery).as_secs_f64()).collect();
                times.sort_by(f64::total_cmp);
                format!("{:.2} {:>6.2}", times[times.len() / 2], times[times.len() - 1])
            };
            let (lasted, ok, pushed) = (of(|times| times.lasted), of(|times| times.ok), of(|times| times.pushed));
            let name = fault.map_or("two at once", Fault::name);
            write!(f, "\n  {name:<24}{:>5}  {lasted:>13}  {ok:>13}  {pushed:>13}", recoveries.len())?;
        }
        Ok(())
    }
}
