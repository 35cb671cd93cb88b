//! Keeps the leases of the devices that are connected.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::PresenceTiming;
use crate::deliver::Hub;
use crate::port::cursors::Device;
use crate::port::{Clock, PortError, Presence};

/// Renews the lease of every device that a hub has.
pub struct Renewer {
    hub: Arc<Hub>,
    presence: Arc<dyn Presence>,
    clock: Arc<dyn Clock>,
    timing: PresenceTiming,
    /// When each of the devices was renewed last.
    renewed: HashMap<Device, DateTime<Utc>>,
}

impl Renewer {
    /// Nobody was renewed yet.
    #[must_use]
    pub fn new(hub: Arc<Hub>, presence: Arc<dyn Presence>, clock: Arc<dyn Clock>, timing: PresenceTiming) -> Self {
        Self { hub, presence, clock, timing, renewed: HashMap::new() }
    }

    /// Renews the leases of those who have just connected, and of those whose last renewal is long enough ago; tells how many these were.
    ///
    /// # Errors
    /// The leases cannot be renewed; the next step tries again.
    pub async fn step(&mut self) -> Result<usize, PortError> {
        let now = self.clock.now();
        let connected = self.hub.devices();
        // Whatever the clock did: what was renewed in the future is renewed now.
        let fresh = |at: &DateTime<Utc>| (now - *at).to_std().is_ok_and(|age| age < self.timing.renewal());
        self.renewed = connected.iter().filter_map(|device| Some((*device, *self.renewed.get(device)?))).collect();
        let due: Vec<_> = connected.into_iter().filter(|device| !self.renewed.get(device).is_some_and(fresh)).collect();
        if !due.is_empty() {
            self.presence.renew(&due, self.timing.lease).await?;
            self.renewed.extend(due.iter().map(|device| (*device, now)));
        }
        Ok(due.len())
    }
}
