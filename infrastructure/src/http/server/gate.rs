//! How many may be connected, and who has to go when too many say nothing.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use posthaste_application::meter::meters;

use super::phase::Phase;

/// What connections may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// How many there may be; 0: as many as the system gives.
    pub connections: usize,
    /// How many of one address there may be, if that is no trusted proxy; 0: as many as there may be.
    pub per_address: usize,
    /// How many may be there without having asked anything. The oldest of them go when there are more.
    pub half_open: usize,
    /// For the head of a request, from the connection or the first byte on.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// For a connection that takes nothing of an answer.
    pub write: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 100_000,
            per_address: 2_000,
            half_open: 4_096,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(30),
        }
    }
}

/// Counts connections.
pub(super) struct Gate {
    limits: ConnectionLimits,
    all: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
    /// Those that have asked nothing yet, the oldest first, and some that have by now.
    silent: Mutex<VecDeque<Weak<Phase>>>,
    /// Of those in `silent` that have not.
    half_open: Arc<AtomicUsize>,
}

/// A place that is taken until it is dropped.
pub(super) struct Place {
    gate: Arc<Gate>,
    /// If it counts.
    address: Option<IpAddr>,
}

impl Gate {
    pub(super) fn new(limits: ConnectionLimits) -> Arc<Self> {
        let half_open = Arc::default();
        Arc::new(Self { limits, all: AtomicUsize::new(0), by_address: Mutex::default(), silent: Mutex::default(), half_open })
    }

    pub(super) const fn limits(&self) -> &ConnectionLimits {
        &self.limits
    }

    /// Lets somebody in, if there is room. `is_proxy` says that many may come from there.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr, is_proxy: bool) -> Option<(Place, Arc<Phase>)> {
        let ConnectionLimits { connections, per_address, .. } = self.limits;
        // Dropped when it is one too many, and then it has never been there.
        let place = Place { gate: Arc::clone(self), address: (per_address > 0 && !is_proxy).then_some(address) };
        let all = self.all.fetch_add(1, Ordering::Relaxed) + 1;
        let of_address = place.address.map_or(0, |address| {
            let mut counts = lock(&self.by_address);
            let count = counts.entry(address).or_default();
            *count += 1;
            *count
        });
        if (connections > 0 && all > connections) || of_address > per_address {
            meters().rate_limited.of("connections").increment(1);
            return None;
        }
        let phase = Phase::new(Arc::clone(&self.half_open));
        self.make_room(&phase);
        Some((place, phase))
    }

    /// Sends those away who say nothing, the oldest first, while there are too many.
    fn make_room(&self, newest: &Arc<Phase>) {
        let mut silent = lock(&self.silent);
        silent.push_back(Arc::downgrade(newest));
        loop {
            match silent.front().map(Weak::upgrade) {
                Some(Some(phase)) if phase.is_half_open() => {
                    if self.half_open.load(Ordering::Relaxed) <= self.limits.half_open.max(1) {
                        return;
                    }
                    meters().rate_limited.of("connections").increment(1);
                    phase.send_away();
                }
                Some(_) => {}
                None => return,
            }
            silent.pop_front();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.all.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = self.address {
            let mut counts = lock(&self.gate.by_address);
            if let Some(count) = counts.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&address);
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn gate(connections: usize, per_address: usize, half_open: usize) -> Arc<Gate> {
        Gate::new(ConnectionLimits { connections, per_address, half_open, ..ConnectionLimits::default() })
    }

    #[test]
    fn an_address_has_so_many_places_and_all_together_so_many() {
        let gate = gate(5, 3, 100);
        let mut places: Vec<_> = (0..3).map(|_| gate.enter(A, false).unwrap()).collect();
        assert!(gate.enter(A, false).is_none());
        places.extend((0..2).map(|_| gate.enter(B, false).unwrap()));
        assert!(gate.enter(B, false).is_none(), "there is no place at all");
        places.truncate(3);
        assert!(gate.enter(A, false).is_none());
        assert!(gate.enter(B, false).is_some());
        places.clear();
        assert!(lock(&gate.by_address).is_empty() && gate.all.load(Ordering::Relaxed) == 0);
    }

    #[test]
    fn a_proxy_has_as_many_as_there_are_and_zero_is_no_limit() {
        let limited = gate(0, 3, 100);
        let unlimited = gate(0, 0, 100);
        let _places: Vec<_> = (0..50).map(|_| (limited.enter(A, true).unwrap(), unlimited.enter(A, false).unwrap())).collect();
    }

    #[test]
    fn the_oldest_of_those_who_say_nothing_go_and_whoever_has_asked_stays() {
        let gate = gate(0, 0, 3);
        let (_asked, phase) = gate.enter(A, false).unwrap();
        phase.busy();
        let silent: Vec<_> = (0..10).map(|_| gate.enter(B, false).unwrap()).collect();
        let stays: Vec<_> = silent.iter().map(|(_, phase)| phase.is_half_open()).collect();
        assert_eq!(stays, [false, false, false, false, false, false, false, true, true, true]);
        assert!(phase.until_sent_away().now_or_never().is_none() && silent[6].1.until_sent_away().now_or_never().is_some());
        assert!(silent[7].1.until_sent_away().now_or_never().is_none());
    }
}
