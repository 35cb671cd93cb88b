//! What is measured: each scenario puts up what it needs, and measures it as often as it is told to.

mod append;
mod backlog;
mod curve;
mod growth;
mod hot;
mod idle;
mod log;
mod nodes;
mod resume;
mod talk;

use std::path::PathBuf;

use anyhow::Context as _;
use posthaste_tests::Profile;

use crate::cli::{Options, Scenario};
use crate::report::Report;
use crate::stand::Ground;

/// Measures a scenario; gives a report of it, or several if it has several sizes.
pub(crate) async fn run(ground: &Ground, options: &Options, scenario: &Scenario) -> anyhow::Result<Vec<Report>> {
    let one = match scenario.clone() {
        Scenario::Pairs { pairs, window, both } => {
            let writers = if both { talk::Writers::Both } else { talk::Writers::One };
            talk::pairs(ground, options, pairs, window, writers).await
        }
        Scenario::Room { members, posters, window } => talk::room(ground, options, members, posters, window).await,
        Scenario::Rooms { rooms, members, people, window } => talk::rooms(ground, options, (rooms, members, people), window).await,
        Scenario::Idle { connections } => idle::idle(ground, options, connections).await,
        Scenario::Resume { devices, missed, members } => resume::resume(ground, options, devices, missed, members).await,
        Scenario::Append { clients } => append::append(ground, options, clients).await,
        Scenario::Hot { posters } => hot::hot(ground, options, posters).await,
        Scenario::Verify { events } => log::verify(ground, options, events).await,
        Scenario::Rebuild { events } => log::rebuild(ground, options, events).await,
        Scenario::Backlog { events, pairs } => backlog::backlog(ground, options, events, pairs).await,
        Scenario::Growth { events, pairs, rooms, on_their_way } => {
            let mut reports = growth::logs(ground, options, &events, on_their_way).await?;
            reports.extend(growth::pairs(ground, options, &pairs, on_their_way).await?);
            reports.extend(growth::rooms(ground, options, &rooms, on_their_way / 2).await?);
            return Ok(reports);
        }
        Scenario::Nodes { nodes, pairs, window } => return nodes::nodes(ground, options, nodes, pairs, window).await,
        Scenario::Curve { pairs, windows, svg } => return curve::curve(ground, options, pairs, &windows, &svg).await,
        Scenario::All { tiny } => return all(ground, options, tiny).await,
    };
    Ok(vec![one?])
}

/// Every scenario. The table of each is shown when it is done; one that fails ends it.
async fn all(ground: &Ground, options: &Options, tiny: bool) -> anyhow::Result<Vec<Report>> {
    let mut reports = Vec::new();
    for scenario in every(ground.profile, tiny) {
        let some = Box::pin(run(ground, options, &scenario)).await.with_context(|| format!("{scenario:?}"))?;
        for report in &some {
            eprint!("{}", report.table());
        }
        reports.extend(some);
    }
    Ok(reports)
}

/// With the sizes that `docs/BENCHMARKS.md` tells figures of, or with tiny ones.
fn every(profile: Profile, tiny: bool) -> Vec<Scenario> {
    let size = |full: usize, small: usize| if tiny { small } else { full };
    // Longer than what a server takes in together at its start.
    let events = size(1_000_000, 7_000) as u64;
    let pairs = |pairs, window, both| Scenario::Pairs { pairs: size(pairs, 2), window, both };
    let mut every = vec![
        pairs(100, 16, false),
        pairs(100, 16, true),
        Scenario::Room { members: size(100, 5), posters: 1, window: 8 },
        Scenario::Rooms { rooms: size(1_000, 4), members: size(20, 3), people: size(2_000, 6), window: 1 },
        Scenario::Idle { connections: size(10_000, 10) },
        Scenario::Resume { devices: size(5_000, 6), missed: if tiny { 3 } else { 20 }, members: size(20, 3) },
        Scenario::Append { clients: size(64, 4) },
        Scenario::Hot { posters: size(200, 4) },
        Scenario::Verify { events },
        Scenario::Rebuild { events },
        Scenario::Backlog { events, pairs: size(20, 2) },
        Scenario::Growth {
            events: vec![events / 100, events / 10, events],
            pairs: vec![size(10, 1), size(100, 2), size(1_000, 4)],
            rooms: vec![size(10, 1), size(100, 2), size(1_000, 4)],
            on_their_way: if tiny { 200 } else { 2_000 },
        },
    ];
    if !tiny {
        every.extend([pairs(100, 1, false), pairs(100, 1, true), pairs(1, 1, false)]);
        let svg = PathBuf::from(format!("curve-{}.svg", crate::report::name_of(profile)));
        every.push(Scenario::Curve { pairs: 100, windows: vec![1, 2, 4, 8, 16, 32], svg });
    }
    if profile == Profile::Distributed {
        every.push(Scenario::Nodes { nodes: size(3, 2), pairs: size(100, 2), window: 16 });
    }
    every
}
