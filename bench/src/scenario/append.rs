//! The log port alone: nothing that goes through the log can be faster.

use serde_json::json;

use crate::cli::Options;
use crate::floor;
use crate::report::Report;
use crate::stand::Ground;

pub(super) async fn append(ground: &Ground, options: &Options, clients: usize) -> anyhow::Result<Report> {
    let parameters = vec![("clients", json!(clients)), ("seconds", json!(options.seconds))];
    let mut report = Report::new("append", ground.profile, parameters);
    let load = options.load();
    for _ in 0..options.runs {
        report.add(floor::append(ground, clients, load.measured, load.warm_up).await?);
    }
    Ok(report)
}
