//! What the contract suites of the ports share: deadlines, without a runtime of their own.

use std::pin::pin;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, select};

/// Far beyond what anything here takes.
const DEADLINE: Duration = Duration::from_secs(30);
/// Between two looks at something that is awaited.
const PAUSE: Duration = Duration::from_millis(20);

/// The value of a future.
///
/// # Panics
/// When it takes too long.
pub(super) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match select(pin!(future), pin!(elapsed(DEADLINE))).await {
        Either::Left((value, _)) => value,
        Either::Right(_) => panic!("{what}: not within {DEADLINE:?}"),
    }
}

/// Looks again and again until there is something to see.
///
/// # Panics
/// When it takes too long.
pub(super) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    within(what, async {
        loop {
            match look().await {
                Some(seen) => return seen,
                None => elapsed(PAUSE).await,
            }
        }
    })
    .await
}

/// Ends after a while, on a thread that ends earlier when nobody waits any more.
async fn elapsed(time: Duration) {
    let (alarm, rings) = oneshot::channel();
    let (_waiting, gone) = mpsc::channel::<()>();
    thread::spawn(move || {
        if gone.recv_timeout(time) == Err(mpsc::RecvTimeoutError::Timeout) {
            // Whoever waited may have gone just now.
            let _ = alarm.send(());
        }
    });
    let _ = rings.await;
}
