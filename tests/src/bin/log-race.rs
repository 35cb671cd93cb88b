//! `log-race URL PROCESS SEED WRITERS EVENTS`: the second process of the race for the log. Says `written` when its writers are done,
//! and what they and its readers saw, as JSON, at the end.

use std::env;

use anyhow::Context as _;
use posthaste_tests::race::{Race, run};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let mut argument = |name: &'static str| arguments.next().with_context(|| format!("no {name}"));
    let race = Race {
        url: argument("URL")?,
        process: argument("PROCESS")?.parse()?,
        seed: argument("SEED")?.parse()?,
        writers: argument("WRITERS")?.parse()?,
        events: argument("EVENTS")?.parse()?,
    };
    let report = run(race, async || {
        println!("written");
        Ok(())
    })
    .await?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}
