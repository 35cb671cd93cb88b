//! Who is online, within one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use posthaste_application::port::cursors::Device;
use posthaste_application::port::presence::{REMEMBERED, Seen};
use posthaste_application::port::{Clock, PortError, Presence};
use posthaste_domain::{DeviceId, UserId};

/// Between two looks for those who were there too long ago to be remembered.
const SWEEP: TimeDelta = TimeDelta::hours(1);

#[derive(Default)]
struct Leases {
    /// When the lease of each device ends. A user has one at least, the latest.
    users: HashMap<UserId, HashMap<DeviceId, DateTime<Utc>>>,
    swept: DateTime<Utc>,
}

impl Leases {
    fn renew(&mut self, device: Device, now: DateTime<Utc>, end: DateTime<Utc>) {
        let leases = self.users.entry(device.user).or_default();
        leases.retain(|_, end| *end > now);
        let lease = leases.entry(device.device).or_insert(end);
        *lease = end.max(*lease);
    }

    fn sweep(&mut self, now: DateTime<Utc>) {
        if now < self.swept + SWEEP {
            return;
        }
        self.swept = now;
        self.users.retain(|_, leases| leases.values().any(|end| *end + REMEMBERED > now));
    }
}

/// The presence of a process that is its own gateway.
pub struct InProcessPresence {
    clock: Arc<dyn Clock>,
    leases: Mutex<Leases>,
}

impl InProcessPresence {
    /// Nobody is there; leases run by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, leases: Mutex::default() }
    }

    fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Presence for InProcessPresence {
    async fn renew(&self, devices: &[Device], lease: Duration) -> Result<(), PortError> {
        let now = self.clock.now();
        let mut leases = self.leases();
        leases.sweep(now);
        for device in devices {
            leases.renew(*device, now, now + lease);
        }
        Ok(())
    }

    async fn connected(&self, devices: &[Device]) -> Result<Vec<bool>, PortError> {
        let now = self.clock.now();
        let leases = self.leases();
        let end = |device: &Device| leases.users.get(&device.user).and_then(|leases| leases.get(&device.device));
        Ok(devices.iter().map(|device| end(device).is_some_and(|end| *end > now)).collect())
    }

    async fn look(&self, users: &[UserId]) -> Result<Vec<Seen>, PortError> {
        let now = self.clock.now();
        let leases = self.leases();
        let seen = users.iter().map(|user| {
            let end = leases.users.get(user).and_then(|leases| leases.values().max().copied());
            let online = end.is_some_and(|end| end > now);
            Seen { user: *user, online, last: end.filter(|end| !online && *end + REMEMBERED > now) }
        });
        Ok(seen.collect())
    }
}
