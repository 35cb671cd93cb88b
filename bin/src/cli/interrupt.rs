//! Ctrl-C in what takes long: it ends where it can go on, and says how.

use tokio_util::sync::CancellationToken;

/// Is cancelled by the first Ctrl-C. The next one ends the program at once.
pub(crate) fn on_ctrl_c() -> CancellationToken {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stopped.cancel();
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(130);
            }
        }
    });
    stop
}
