//! How far something long is, for whoever watches a terminal.

use std::borrow::Cow;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over so many events, on standard error if that is a terminal.
pub(crate) fn events(what: impl Into<Cow<'static, str>>, count: u64) -> ProgressBar {
    bar(what, count, "{prefix}  {bar:30}  {human_pos} of {human_len} events  {per_sec}, {eta} to go{msg}")
}

/// A bar over so many bytes, on standard error if that is a terminal.
pub(crate) fn bytes(what: impl Into<Cow<'static, str>>, count: u64) -> ProgressBar {
    bar(what, count, "{prefix}  {bar:30}  {bytes} of {total_bytes}  {bytes_per_sec}, {eta} to go{msg}")
}

/// A bar over so many streams, on standard error if that is a terminal.
pub(crate) fn streams(what: impl Into<Cow<'static, str>>, count: u64) -> ProgressBar {
    bar(what, count, "{prefix}  {bar:30}  {human_pos} of {human_len} streams  {eta} to go{msg}")
}

fn bar(what: impl Into<Cow<'static, str>>, count: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("the template is right");
    let bar = ProgressBar::new(count).with_style(style).with_prefix(what);
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
