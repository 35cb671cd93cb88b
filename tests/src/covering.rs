//! Random cases, until what they are about has come.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};

/// How many times as many cases there may be, where what is wanted is rare.
const ROUNDS: usize = 6;

/// Puts random cases to the test, which says what came in each: so many of them, and as many again and again while something
/// that is wanted has come in none.
///
/// # Panics
/// A case fails; or something is so rare that the test is hardly about it.
pub fn covering<S: Strategy, T: Ord + Debug>(
    cases: u32,
    strategy: &S,
    wanted: impl IntoIterator<Item = T>,
    test: impl Fn(S::Value) -> BTreeSet<T>,
) {
    let missing = RefCell::new(wanted.into_iter().collect::<BTreeSet<_>>());
    for _ in 0..ROUNDS {
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, max_shrink_iters: 60, ..Config::default() });
        let outcome = runner.run(strategy, |case| {
            let came = test(case);
            missing.borrow_mut().retain(|wanted| !came.contains(wanted));
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("{failure}");
        }
        if missing.borrow().is_empty() {
            return;
        }
    }
    panic!("none of these in {ROUNDS} times {cases} cases: {missing:?}");
}
