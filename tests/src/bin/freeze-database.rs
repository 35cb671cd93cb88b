//! `freeze-database`: keeps a database of each profile as this release leaves it; see [`posthaste_tests::frozen`].

use posthaste_tests::Profile;
use posthaste_tests::frozen::freeze;

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    for profile in [Profile::Embedded, Profile::Distributed] {
        println!("{}", freeze(profile).await?.display());
    }
    Ok(())
}
