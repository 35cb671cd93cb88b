//! Latency against load: the same pairs with wider and wider windows.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use super::talk::{TOGETHER, Writers, cast_pairs};
use crate::cli::Options;
use crate::measure::measure;
use crate::plot::{Point, svg};
use crate::report::{Report, name_of};
use crate::stand::Ground;

pub(super) async fn curve(ground: &Ground, options: &Options, pairs: usize, windows: &[u32], file: &Path) -> anyhow::Result<Vec<Report>> {
    let mut stand = ground.served().await?;
    let mut cast = cast_pairs(&mut stand, pairs, 1, Writers::Both).await?;
    cast.act(|crowd| crowd.connect(TOGETHER)).await?;
    let (mut reports, mut points) = (Vec::new(), Vec::new());
    for window in windows.iter().copied() {
        cast.crowd.widen(window);
        let parameters = vec![("pairs", json!(pairs)), ("window", json!(window)), ("seconds", json!(options.seconds))];
        let mut report = Report::new("curve", ground.profile, parameters);
        for _ in 0..options.runs {
            report.add(measure(&mut stand, &mut cast, options.load()).await?);
        }
        let median = |name| report.median(name).context("it was just measured");
        let (p50_ms, p99_ms) = (median("push_p50_ms")?, median("push_p99_ms")?);
        points.push(Point { window, messages_per_s: median("messages_per_s")?, p50_ms, p99_ms });
        reports.push(report);
    }
    let title = format!("{pairs} pairs, {}: latency against load", name_of(ground.profile));
    fs::write(file, svg(&title, &points)).with_context(|| file.display().to_string())?;
    Ok(reports)
}
