//! Whether this process can serve, and how things stand: looked at now, within a time limit, for `readyz` and `/metrics` alike.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use posthaste_application::Ports;
use posthaste_application::deliver::Hub;
use posthaste_application::health::{LagLimits, Progress};
use posthaste_application::meter::{begin_endpoint, gauged, meters};
use posthaste_application::port::Dependency;
use posthaste_application::port::dead::Consumer;
use posthaste_application::view::ViewName;
use posthaste_application::webhooks::WebhookPorts;
use posthaste_infrastructure::http::{Check, Exposition, Readiness};
use posthaste_infrastructure::prometheus::Prometheus;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a look is as good as another: whoever asks more often costs nobody anything.
const FRESH: Duration = Duration::from_millis(500);

/// Looks at what a process needs.
pub(crate) struct Probe {
    ports: Ports,
    hub: Option<Arc<Hub>>,
    limits: LagLimits,
    stopping: CancellationToken,
    looked: Mutex<Option<(Instant, Vec<Check>)>>,
}

impl Probe {
    /// A probe of these ports, and of the feed if the process is a gateway.
    pub(crate) fn new(ports: &Ports, hub: Option<Arc<Hub>>, limits: LagLimits, stopping: CancellationToken) -> Self {
        // What is not looked at here is no fault.
        for name in ["database", "schema", "broker", "relay", "views", "redis", "draining"] {
            meters().checks.of(name).set(1.0);
        }
        for (endpoint, _) in ports.webhooks.iter().flat_map(|webhooks| &webhooks.endpoints) {
            begin_endpoint(&endpoint.name);
        }
        Self { ports: ports.clone(), hub, limits, stopping, looked: Mutex::default() }
    }

    /// Everything but whether the process is being stopped.
    async fn look(&self) -> Vec<Check> {
        let mut looked = self.looked.lock().await;
        if let Some((at, checks)) = &*looked
            && at.elapsed() < FRESH
        {
            return checks.clone();
        }
        let dependencies = join_all(self.ports.dependencies.iter().map(|dependency| ask(&**dependency)));
        let (mut checks, others, (), ()) = futures::join!(self.log(), dependencies, self.webhooks(), self.dead_letters());
        checks.extend(others);
        if let Some(hub) = &self.hub {
            let failure = (!hub.is_fed()).then(|| "not subscribed to the feed; events are delivered from the log, later".to_owned());
            checks.push(required("broker", failure));
        }
        for check in &checks {
            meters().checks.of(check.name).set(if check.failure.is_none() { 1.0 } else { 0.0 });
        }
        *looked = Some((Instant::now(), checks.clone()));
        checks
    }

    /// The log, and how far those have come who read it. If it does not answer, that is not known.
    async fn log(&self) -> Vec<Check> {
        let Ports { log, relay, projections, .. } = &self.ports;
        let unavailable = match timeout(PATIENCE, Progress::look(&**log, &**relay, projections)).await {
            Ok(Ok(progress)) => {
                progress.measure();
                let (relay, views) = (progress.fault_of_relay(self.limits), progress.fault_of_views(self.limits));
                return vec![required("database", None), required("relay", relay), required("views", views)];
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the database did not answer in time".to_owned(),
        };
        vec![required("database", Some(unavailable))]
    }

    /// Shows how many dead letters there are. They keep nobody from being ready: everything else goes on.
    async fn dead_letters(&self) {
        let Ok(Ok(counts)) = timeout(PATIENCE, self.ports.dead.counts()).await else { return };
        let of = |consumer: &Consumer| counts.iter().find(|(counted, _)| counted == consumer).map_or(0, |(_, letters)| *letters);
        for view in ViewName::ALL {
            meters().view_dead_letters.of(view.as_str()).set(gauged(of(&Consumer::View(view))));
        }
        for (endpoint, _) in self.ports.webhooks.iter().flat_map(|webhooks| &webhooks.endpoints) {
            meters().webhook_dead_letters.of(&endpoint.name).set(gauged(of(&Consumer::Webhook(endpoint.name.clone()))));
        }
    }

    /// Shows how the webhooks are doing. They keep nobody from being ready.
    async fn webhooks(&self) {
        let Some(WebhookPorts { store, endpoints, .. }) = &self.ports.webhooks else { return };
        let Ok(Ok(all)) = timeout(PATIENCE, store.status()).await else { return };
        let configured = |name: &String| endpoints.iter().any(|(endpoint, _)| endpoint.name == *name);
        for status in all.into_iter().filter(|status| configured(&status.endpoint)) {
            let (name, meters) = (status.endpoint.as_str(), meters());
            meters.webhook_waiting.of(name).set(gauged(status.waiting));
            meters.webhook_disabled.of(name).set(if status.disabled_at.is_some() { 1.0 } else { 0.0 });
        }
    }
}

const fn required(name: &'static str, failure: Option<String>) -> Check {
    Check { name, failure, required: true }
}

async fn ask(dependency: &dyn Dependency) -> Check {
    let answered = timeout(PATIENCE, dependency.check()).await;
    let failure = answered.unwrap_or_else(|_| Err("no answer in time".to_owned())).err();
    Check { name: dependency.name(), failure, required: dependency.is_required() }
}

#[async_trait]
impl Readiness for Probe {
    async fn checks(&self) -> Vec<Check> {
        let mut checks = self.look().await;
        let failure = self.stopping.is_cancelled().then(|| "the process is being stopped".to_owned());
        meters().checks.of("draining").set(if failure.is_none() { 1.0 } else { 0.0 });
        checks.push(required("draining", failure));
        checks
    }
}

/// What was measured, with how things stand now.
pub(crate) struct Scrape {
    pub(crate) probe: Arc<Probe>,
    pub(crate) prometheus: Prometheus,
}

#[async_trait]
impl Exposition for Scrape {
    async fn text(&self) -> String {
        self.probe.checks().await;
        self.prometheus.text()
    }
}
