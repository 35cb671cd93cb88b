//! How far something long is, for whoever watches a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on standard error, if that is a terminal; nothing anywhere else.
pub(super) fn bar(what: String) -> ProgressBar {
    let style = "{prefix}  {bar:30}  {human_pos} of {human_len}  {per_sec}, {eta} to go{msg}";
    let style = ProgressStyle::with_template(style).expect("the template is right");
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()).with_style(style).with_prefix(what);
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
