//! What the servers and PostgreSQL have counted themselves.

use std::collections::BTreeMap;

use anyhow::Context as _;
use tokio_postgres::NoTls;

use crate::stand::Stand;

/// A look at every counter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    values: BTreeMap<String, f64>,
    /// How often PostgreSQL has waited for the disk to have what it wrote.
    pub(crate) syncs: Option<f64>,
}

impl Counters {
    /// Takes one.
    pub(crate) async fn take(stand: &Stand) -> anyhow::Result<Self> {
        let syncs = match stand.postgres() {
            Some(url) => syncs(&url).await?,
            None => None,
        };
        Ok(Self { syncs, ..Self::of(&stand.bases()).await? })
    }

    /// Takes one at the servers alone.
    pub(crate) async fn of(bases: &[String]) -> anyhow::Result<Self> {
        let mut values: BTreeMap<String, f64> = BTreeMap::new();
        for base in bases {
            let text = posthaste_tests::http::get(format!("{base}/metrics")).await?.error_for_status()?.text().await?;
            for line in text.lines().filter(|line| !line.starts_with('#')) {
                let Some((name, value)) = line.rsplit_once(' ') else { continue };
                *values.entry(name.to_owned()).or_default() += value.parse::<f64>().unwrap_or_default();
            }
        }
        Ok(Self { values, syncs: None })
    }

    /// A counter, or the sum of its series.
    pub(crate) fn get(&self, name: &str) -> f64 {
        let name = format!("posthaste_{name}");
        let own =
            self.values.iter().filter(|(key, _)| key.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with('{')));
        own.map(|(_, value)| value).sum()
    }

    /// The largest of the series of a gauge.
    pub(crate) fn largest(&self, name: &str) -> f64 {
        self.series(name).fold(0.0, f64::max)
    }

    /// The least of them.
    pub(crate) fn least(&self, name: &str) -> f64 {
        self.series(name).reduce(f64::min).unwrap_or_default()
    }

    fn series(&self, name: &str) -> impl Iterator<Item = f64> {
        let name = format!("posthaste_{name}{{");
        self.values.iter().filter(move |(key, _)| key.starts_with(&name)).map(|(_, value)| *value)
    }

    /// The mean of what a histogram has counted since another look.
    pub(crate) fn mean_since(&self, before: &Self, name: &str) -> f64 {
        let since = |part: &str| self.get(&format!("{name}_{part}")) - before.get(&format!("{name}_{part}"));
        since("sum") / since("count").max(1.0)
    }
}

/// As PostgreSQL 14 to 17 count them; later ones do elsewhere.
async fn syncs(url: &str) -> anyhow::Result<Option<f64>> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("connecting to PostgreSQL")?;
    let served = tokio::spawn(connection);
    let row = client.query_one("SELECT wal_sync::float8 FROM pg_stat_wal", &[]).await;
    drop(client);
    let _ = served.await;
    Ok(row.ok().map(|row| row.get(0)))
}
