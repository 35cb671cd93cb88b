//! Which positions of a thread a user sees.

use crate::recorded::Position;

/// The positions of a thread that a user sees: ranges, both ends included, lowest first, apart from each other. None when the user sees nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    ranges: Vec<(Position, Position)>,
}

impl Sight {
    /// These ranges, cut to what is not above the bound.
    pub(super) fn upto(bound: Position, ranges: impl IntoIterator<Item = (Position, Position)>) -> Self {
        Self { ranges: ranges.into_iter().collect() }.within(Position::START, bound)
    }

    /// Whether the user sees this position.
    #[must_use]
    pub fn sees(&self, position: Position) -> bool {
        self.ranges.iter().any(|(from, until)| (*from..=*until).contains(&position))
    }

    /// What of it is not below `from` and not above `until`.
    pub(super) fn within(&self, from: Position, until: Position) -> Self {
        let cut = self.ranges.iter().map(|(first, last)| ((*first).max(from), (*last).min(until)));
        Self { ranges: cut.filter(|(first, last)| first <= last).collect() }
    }

    /// What of it is below a position, or all of it.
    pub(super) fn below(&self, before: Option<Position>) -> Self {
        match before {
            // Nothing stands at 0, which is what remains below 1.
            Some(before) => self.within(Position(1), Position(before.0.saturating_sub(1))),
            None => self.clone(),
        }
    }

    /// What of it is above a position.
    pub(super) fn above(&self, since: Position) -> Self {
        self.within(Position(since.0.saturating_add(1)), Position(u64::MAX))
    }

    /// The ranges, lowest first.
    pub(super) fn ranges(&self) -> impl DoubleEndedIterator<Item = (Position, Position)> + '_ {
        self.ranges.iter().copied()
    }
}
