//! One run under load: what the crowd sees, what the machine gives, what the servers count.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::task::spawn_blocking;
use tokio::time::sleep_until;

use crate::counters::Counters;
use crate::crowd::{Crowd, Tally};
use crate::histogram::Histogram;
use crate::machine;
use crate::people::Person;
use crate::proof;
use crate::report::Figures;
use crate::stand::Stand;

/// How long a load lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// What is measured.
    pub(crate) measured: Duration,
    /// What goes before, until caches, pools and batches are as they stay.
    pub(crate) warm_up: Duration,
}

/// A crowd, with its people in the order of its devices.
pub(crate) struct Cast {
    /// The devices.
    pub(crate) crowd: Crowd,
    /// Whose they are.
    pub(crate) people: Vec<Person>,
    /// The crowd's number.
    pub(crate) number: u16,
}

impl Cast {
    /// Has something done with the crowd on a thread of its own.
    pub(crate) async fn act<T: Send + 'static>(
        &mut self,
        act: impl FnOnce(&mut Crowd) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let mut crowd = std::mem::replace(&mut self.crowd, Crowd::new(0)?);
        let (crowd, done) = spawn_blocking(move || {
            let done = act(&mut crowd);
            (crowd, done)
        })
        .await
        .context("the crowd has panicked")?;
        self.crowd = crowd;
        done
    }
}

/// Has a connected crowd post, measures it, and proves that nothing is missing.
pub(crate) async fn measure(stand: &mut Stand, cast: &mut Cast, load: Load) -> anyhow::Result<Figures> {
    let (before, arrivals) = (proof::head(stand).await?, cast.crowd.arrivals());
    let from = Instant::now() + load.warm_up;
    let to = from + load.measured;
    let posted = cast.act(move |crowd| crowd.post((from, to), to).map(|()| crowd.take_tally()));
    let (tally, seen) = tokio::join!(posted, watch(stand, from, to));
    stand.still_runs()?;
    let (tally, (machine, counters)) = (tally?, seen?);
    let mut figures = rates(&tally, load.measured);
    figures.extend(shares(&machine));
    figures.extend(prices(&machine, tally.messages));
    figures.extend(counted(&counters, load.measured));
    let proved = proof::prove(stand, &cast.crowd, cast.number, &cast.people, before).await?;
    figures.add("proved_messages", proved as f64);
    figures.add("proved_arrivals", (cast.crowd.arrivals() - arrivals) as f64);
    Ok(figures)
}

/// Looks at everything at two moments.
async fn watch(stand: &Stand, from: Instant, to: Instant) -> anyhow::Result<([machine::Look; 2], [Counters; 2])> {
    sleep_until(from.into()).await;
    let (machine, counters) = (machine::Look::take(), Counters::take(stand).await?);
    sleep_until(to.into()).await;
    Ok(([machine, machine::Look::take()], [counters, Counters::take(stand).await?]))
}

fn rates(tally: &Tally, measured: Duration) -> Figures {
    let mut figures = Figures::default();
    figures.add("messages_per_s", tally.messages as f64 / measured.as_secs_f64());
    figures.add("deliveries_per_s", tally.deliveries as f64 / measured.as_secs_f64());
    figures.extend(quantiles("ok", &tally.ok));
    figures.extend(quantiles("push", &tally.push));
    figures
}

/// The quantiles of a latency.
pub(crate) fn quantiles(name: &str, histogram: &Histogram) -> Figures {
    let mut figures = Figures::default();
    for (quantile, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)] {
        figures.add(format!("{name}_{quantile}_ms"), histogram.quantile(share).as_secs_f64() * 1e3);
    }
    figures
}

/// What each kind of process took: processor time in percent of one core, memory at the end.
pub(crate) fn shares([before, after]: &[machine::Look; 2]) -> Figures {
    let mut figures = Figures::default();
    let seconds = (after.at - before.at).as_secs_f64();
    for (kind, usage) in &after.usage {
        let earlier = before.usage.get(kind).map_or(0.0, |usage| usage.cpu_s);
        figures.add(format!("{kind}_cpu_percent"), 100.0 * (usage.cpu_s - earlier) / seconds);
    }
    for (kind, usage) in &after.usage {
        figures.add(format!("{kind}_memory_kib"), usage.memory_kib);
    }
    figures
}

/// What each kind of process took for one message: says more than a rate does on a machine that has other things to do.
fn prices([before, after]: &[machine::Look; 2], messages: u64) -> Figures {
    let mut figures = Figures::default();
    for (kind, usage) in &after.usage {
        let earlier = before.usage.get(kind).map_or(0.0, |usage| usage.cpu_s);
        figures.add(format!("{kind}_cpu_us_per_message"), 1e6 * (usage.cpu_s - earlier) / messages.max(1) as f64);
    }
    figures
}

fn counted([before, after]: &[Counters; 2], measured: Duration) -> Figures {
    let mut figures = Figures::default();
    figures.add("append_batch_mean", after.mean_since(before, "append_batch"));
    figures.add("append_mean_ms", after.mean_since(before, "append_seconds") * 1e3);
    let transactions = after.get("append_batch_count") - before.get("append_batch_count");
    figures.add("append_batches_per_s", transactions / measured.as_secs_f64());
    if let (Some(before), Some(after)) = (before.syncs, after.syncs) {
        figures.add("postgresql_syncs_per_s", (after - before) / measured.as_secs_f64());
    }
    figures.add("confirm_mean_ms", after.mean_since(before, "relay_confirm_seconds") * 1e3);
    figures.add("relay_lag_events", after.get("relay_lag"));
    figures.add("view_lag_events", after.largest("view_lag"));
    figures.add("overflows", after.get("overflows_total") - before.get("overflows_total"));
    figures.add("feed_holes", after.get("feed_holes_total") - before.get("feed_holes_total"));
    figures
}
