//! `posthaste-bench`: how fast Posthaste is. See `docs/BENCHMARKS.md`.

mod cli;
mod counters;
mod crowd;
mod floor;
mod histogram;
mod machine;
mod measure;
mod people;
mod plot;
mod proof;
mod report;
mod scenario;
mod stand;
mod wire;

use clap::Parser as _;
use serde_json::json;

/// As the server has it, a part of which some scenarios are in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli::Cli { scenario, options } = cli::Cli::parse();
    machine::open_many_files();
    let ground = stand::Ground::new(options.profile.into(), options.server()?, !options.clear).await?;
    let reports = scenario::run(&ground, &options, &scenario).await?;
    reports.iter().for_each(|report| print!("{}", report.table()));
    if options.json {
        match reports.as_slice() {
            [report] => println!("{}", report.json()),
            several => println!("{}", json!({ "reports": several.iter().map(report::Report::json).collect::<Vec<_>>() })),
        }
    }
    Ok(())
}
