//! What somebody costs who is connected and says nothing.

use std::time::Instant;

use anyhow::ensure;
use serde_json::json;
use tokio::time::sleep;

use crate::cli::Options;
use crate::counters::Counters;
use crate::crowd::Crowd;
use crate::machine::{Look, kernel_kib};
use crate::measure::Cast;
use crate::people::Office;
use crate::report::{Figures, Report};
use crate::stand::Ground;

const TOGETHER: usize = 200;

pub(super) async fn idle(ground: &Ground, options: &Options, connections: usize) -> anyhow::Result<Report> {
    let mut report = Report::new("idle", ground.profile, vec![("connections", json!(connections))]);
    let mut stand = ground.served().await?;
    let people = Office::new(&stand)?.people(&stand, connections).await?;
    for _ in 0..options.runs {
        // A process that has done nothing else, and that has given back whatever it needed to start.
        stand.stop().await?;
        stand.start().await?;
        let number = stand.next_crowd();
        let mut crowd = Crowd::new(number)?;
        for person in &people {
            crowd.device(stand.address(0)?, person.hello());
        }
        let mut cast = Cast { crowd, people: Vec::new(), number };
        // Until what was needed only at the beginning is given back.
        let settled = options.load().warm_up;
        sleep(settled).await;
        let (before, kernel) = (Look::take(), kernel_kib());
        let begun = Instant::now();
        cast.act(|crowd| crowd.connect(TOGETHER)).await?;
        let took = begun.elapsed();
        cast.act(move |crowd| {
            let until = Instant::now() + settled;
            crowd.drive(|_| Instant::now() >= until)
        })
        .await?;
        let (after, kernel) = (Look::take(), kernel_kib() - kernel);
        let connected = Counters::take(&stand).await?.get("sockets");
        ensure!(connected == connections as f64, "{connections} were connected, and the server has {connected}");
        let memory = |look: &Look| look.usage.get("server").map_or(0.0, |usage| usage.memory_kib);
        let mut figures = Figures::default();
        figures.add("server_kib_per_connection", (memory(&after) - memory(&before)) / connections as f64);
        figures.add("kernel_kib_per_connection_both_ends", kernel / connections as f64);
        figures.add("connects_per_s", connections as f64 / took.as_secs_f64());
        figures.add("server_memory_before_kib", memory(&before));
        figures.add("server_memory_kib", memory(&after));
        report.add(figures);
    }
    Ok(report)
}
