//! Random numbers that are the same for the same seed for ever, whatever becomes of any library: a failing seed stays one.

/// The dice of one run (`SplitMix64`).
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub(super) const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below this one, which is not 0.
    pub(super) const fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    /// A place in something that is not empty.
    pub(super) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or_default()
    }

    /// One of these, which are not none.
    pub(super) fn of<T: Copy>(&mut self, some: &[T]) -> T {
        some[self.index(some.len())]
    }

    /// One of these, unless there are none.
    pub(super) fn any<T: Copy>(&mut self, some: &[T]) -> Option<T> {
        (!some.is_empty()).then(|| self.of(some))
    }

    /// True so many times in a thousand.
    pub(super) const fn permille(&mut self, permille: u64) -> bool {
        self.below(1_000) < permille
    }
}
