//! `generate-log (--data DIR | --url POSTGRES_URL) [--events N] [--seed S]`: fills an empty log of either profile with events that
//! people could have made, always the same for a seed. The database must have been migrated; it is written as the server's role.

use std::env;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use posthaste_application::port::EventLog;
use posthaste_infrastructure::embedded::{Database, SqliteLog};
use posthaste_infrastructure::postgres::{PgLog, Postgres, PostgresConfig};
use posthaste_infrastructure::system::SystemClock;
use posthaste_tests::generator::{Generator, number};

const USAGE: &str = "usage: generate-log (--data DIR | --url POSTGRES_URL) [--events N] [--seed S]";

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let (mut log, mut events, mut seed) = (None, 1_000_000, 1);
    let mut arguments = env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} needs a value; {USAGE}"))?;
        match name.as_str() {
            "--data" => {
                log = Some(Arc::new(SqliteLog::new(Database::open(Path::new(&value))?, Arc::new(SystemClock))) as Arc<dyn EventLog>)
            }
            "--url" => log = Some(Arc::new(PgLog::new(Postgres::connect(PostgresConfig::new(&value)).await?))),
            "--events" => events = number(&value)?,
            "--seed" => seed = number(&value)?,
            _ => bail!("{name}? {USAGE}"),
        }
    }
    let log = log.context(USAGE)?;
    let begun = Instant::now();
    let mut told = 0;
    let mut generator = Generator::new(seed);
    let progress = |made: u64| {
        if made / 100_000 > told {
            told = made / 100_000;
            eprintln!("{made} events, {:.0}/s", made as f64 / begun.elapsed().as_secs_f64());
        }
    };
    generator.fill(&*log, events, progress).await?;
    println!("{} events in {:.1} s", generator.events(), begun.elapsed().as_secs_f64());
    Ok(())
}
