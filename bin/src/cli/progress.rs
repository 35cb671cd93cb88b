//! How far something is, on standard error, when it is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over so many events.
pub(crate) fn events(count: u64) -> ProgressBar {
    bar(count, "{bar:40} {human_pos}/{human_len} events, {per_sec}, {eta} left")
}

/// A bar over so many bytes.
pub(crate) fn bytes(count: u64) -> ProgressBar {
    bar(count, "{bar:40} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left")
}

fn bar(count: u64, template: &str) -> ProgressBar {
    ProgressBar::new(count).with_style(ProgressStyle::with_template(template).expect("a template"))
}
