//! Whether this process can serve: looked at now, each check with a time limit.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use posthaste_application::Ports;
use posthaste_application::deliver::Hub;
use posthaste_infrastructure::http::{Check, Readiness};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a check may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// How far the relay may be behind the log, in events.
const RELAY_LAG: u64 = 50_000;

/// Looks at what a process needs.
pub(crate) struct Probe {
    ports: Ports,
    hub: Option<Arc<Hub>>,
    stopping: CancellationToken,
}

impl Probe {
    /// A probe of these ports, and of the feed if the process is a gateway.
    pub(crate) fn new(ports: &Ports, hub: Option<Arc<Hub>>, stopping: CancellationToken) -> Self {
        Self { ports: ports.clone(), hub, stopping }
    }

    async fn database(&self) -> Vec<Check> {
        let looked = timeout(PATIENCE, async { tokio::try_join!(self.ports.log.head(), self.ports.relay.status()) }).await;
        let (database, lag) = match looked {
            Ok(Ok((head, relay))) => {
                let lag = head.position.0.saturating_sub(relay.checkpoint.0);
                (None, (lag > RELAY_LAG).then(|| format!("the relay is {lag} events behind")))
            }
            Ok(Err(error)) => (Some(error.to_string()), None),
            Err(_) => (Some("the database did not answer in time".to_owned()), None),
        };
        vec![Check { name: "database", failure: database }, Check { name: "lag", failure: lag }]
    }
}

#[async_trait]
impl Readiness for Probe {
    async fn checks(&self) -> Vec<Check> {
        let mut checks = self.database().await;
        if let Some(hub) = &self.hub {
            let failure = (!hub.is_fed()).then(|| "not subscribed to the feed; events are delivered from the log, later".to_owned());
            checks.push(Check { name: "broker", failure });
        }
        let failure = self.stopping.is_cancelled().then(|| "the process is being stopped".to_owned());
        checks.push(Check { name: "draining", failure });
        checks
    }
}
