//! Routes each event of the feed to the connections of this node that are owed it.
//!
//! Subscriptions follow membership events alone, in the order of the log; nothing a client says can add one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use posthaste_domain::{MembershipChange, ThreadId, UserId};

use super::inbox::{Attached, Detached};
use super::push::Push;
use crate::codec::Undecodable;
use crate::port::cursors::Device;
use crate::port::log::MembershipWindow;
use crate::port::{EventLog, PortError};
use crate::recorded::{Position, Recorded};

#[derive(Default)]
struct Connected {
    connections: Vec<Arc<Attached>>,
    /// The last event of the feed that changed this user's memberships, since somebody of theirs is connected.
    changed: Position,
}

#[derive(Default)]
struct Routes {
    position: Position,
    serial: u64,
    users: HashMap<UserId, Connected>,
    threads: HashMap<ThreadId, Vec<Arc<Attached>>>,
}

/// The routing table of one node.
pub struct Hub {
    routes: Mutex<Routes>,
    head: AtomicU64,
    fed: AtomicBool,
}

impl Hub {
    /// A hub that has routed everything up to a position: the head of the log when the feed was subscribed to.
    #[must_use]
    pub fn new(position: Position) -> Self {
        Self { routes: Mutex::new(Routes { position, ..Routes::default() }), head: AtomicU64::new(position.0), fed: AtomicBool::new(false) }
    }

    fn routes(&self) -> MutexGuard<'_, Routes> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything up to here was routed.
    #[must_use]
    pub fn position(&self) -> Position {
        self.routes().position
    }

    /// The head of the log when it was last read, independent of the feed.
    #[must_use]
    pub fn head(&self) -> Position {
        Position(self.head.load(Ordering::Relaxed))
    }

    /// Takes note of the head of the log, read from the log.
    pub fn observe_head(&self, head: Position) {
        self.head.fetch_max(head.0, Ordering::Relaxed);
    }

    /// Whether the feed is subscribed to the broker. If not, events come from the log, later.
    #[must_use]
    pub fn is_fed(&self) -> bool {
        self.fed.load(Ordering::Relaxed)
    }

    pub(super) fn set_fed(&self, fed: bool) {
        self.fed.store(fed, Ordering::Relaxed);
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.routes().users.values().map(|user| user.connections.len()).sum()
    }

    /// How many other devices of its user are connected.
    #[must_use]
    pub fn connections_of_others(&self, device: Device) -> usize {
        let routes = self.routes();
        routes.users.get(&device.user).map_or(0, |user| user.connections.iter().filter(|other| other.device != device).count())
    }

    /// Connects a device. The newest connection of a device wins: an older one on this node is let go of. Can be dropped at any time.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn attach(&self, log: &dyn EventLog, device: Device) -> Result<Arc<Attached>, PortError> {
        let attached = {
            let mut routes = self.routes();
            routes.serial += 1;
            let attached = Arc::new(Attached::new(device, routes.serial));
            let position = routes.position;
            let user = routes.users.entry(device.user).or_insert_with(|| Connected { changed: position, ..Connected::default() });
            let older = user.connections.iter().filter(|other| other.device == device).cloned().collect::<Vec<_>>();
            user.connections.push(Arc::clone(&attached));
            for older in older {
                remove(&mut routes, &older);
                older.detach(Detached::Replaced);
            }
            attached
        };
        let mut attaching = Attaching { hub: self, attached: Some(attached) };
        loop {
            let memberships = log.memberships(device.user).await?;
            let mut routes = self.routes();
            let changed = routes.users.get(&device.user).map_or(Position::START, |user| user.changed);
            // The feed has passed a change that this snapshot does not know: look again.
            if changed > memberships.as_of {
                continue;
            }
            let attached = attaching.attached.take().expect("taken on the way out only");
            if attached.detached().is_none() {
                // The log may be ahead of the feed: what it has beyond, the feed brings.
                let position = routes.position;
                let current = |window: &MembershipWindow| window.from <= position && window.until.is_none_or(|until| until > position);
                for window in memberships.windows.into_iter().filter(current) {
                    subscribe(&mut routes, window.thread, &attached);
                }
            }
            drop(routes);
            return Ok(attached);
        }
    }

    /// Forgets a connection.
    pub fn detach(&self, attached: &Arc<Attached>) {
        remove(&mut self.routes(), attached);
    }

    /// From the position this gives on, everything the device is owed goes into its inbox.
    pub(super) fn go_live(&self, attached: &Attached) -> Position {
        let routes = self.routes();
        attached.go_live();
        routes.position
    }

    /// Everything up to here that the device is owed was taken from its inbox; `None` while something waits there.
    pub(super) fn drained(&self, attached: &Attached) -> Option<Position> {
        let routes = self.routes();
        attached.is_drained().then_some(routes.position)
    }

    /// Routes the events that were not routed before. The run must not start beyond the next position.
    ///
    /// # Panics
    /// When it does: [`super::Feed`] fills holes first.
    pub fn route(&self, run: &[Recorded]) {
        // Rendered outside the lock: it is the costly part.
        let position = self.position();
        let new = run.iter().filter(|event| event.position > position);
        self.route_rendered(new.map(|event| (event.position, Push::new(event).map(Arc::new))).collect());
    }

    pub(super) fn route_rendered(&self, pushes: Vec<(Position, Result<Arc<Push>, Undecodable>)>) {
        let mut touched = Vec::new();
        {
            let mut routes = self.routes();
            for (position, push) in pushes {
                if position <= routes.position {
                    continue;
                }
                assert_eq!(position, routes.position.next(), "holes are filled before routing");
                match push {
                    Ok(push) => route_one(&mut routes, &push, &mut touched),
                    Err(error) => {
                        tracing::error!(error = %error, position = position.0, "an event cannot be routed by this version");
                        fall_back(&mut routes, position, &mut touched);
                    }
                }
                routes.position = position;
            }
        }
        touched.sort_unstable_by_key(|attached: &Arc<Attached>| attached.serial);
        touched.dedup_by_key(|attached| attached.serial);
        for attached in touched {
            attached.wake();
        }
    }
}

/// A connection that is not complete, and goes if it never will be.
struct Attaching<'a> {
    hub: &'a Hub,
    attached: Option<Arc<Attached>>,
}

impl Drop for Attaching<'_> {
    fn drop(&mut self) {
        if let Some(attached) = &self.attached {
            self.hub.detach(attached);
        }
    }
}

/// Nobody here can tell to whom this event is owed, or whose membership it changes. The log can: every device goes on from there, and
/// those to whom it is owed end with an error instead of missing it.
fn fall_back(routes: &mut Routes, position: Position, touched: &mut Vec<Arc<Attached>>) {
    for user in routes.users.values_mut() {
        user.changed = position;
        for attached in &user.connections {
            attached.overflow();
            touched.push(Arc::clone(attached));
        }
    }
}

fn route_one(routes: &mut Routes, push: &Arc<Push>, touched: &mut Vec<Arc<Attached>>) {
    for addressee in &push.audience.users {
        let Some(user) = routes.users.get_mut(&addressee.user) else { continue };
        for attached in &user.connections {
            attached.push(push);
            touched.push(Arc::clone(attached));
        }
        if addressee.change.is_some() {
            user.changed = push.position;
        }
    }
    let Some(thread) = push.audience.thread else { return };
    if let Some(members) = routes.threads.get(&thread) {
        for attached in members {
            attached.push(push);
            touched.push(Arc::clone(attached));
        }
    }
    // Whoever joins or leaves with this event has received it by name just now.
    for addressee in &push.audience.users {
        let Some(change) = addressee.change else { continue };
        let connections = routes.users.get(&addressee.user).map_or_else(Vec::new, |user| user.connections.clone());
        for attached in connections {
            match change {
                MembershipChange::Joined => subscribe(routes, thread, &attached),
                MembershipChange::Left => unsubscribe(routes, thread, &attached),
            }
        }
    }
}

fn subscribe(routes: &mut Routes, thread: ThreadId, attached: &Arc<Attached>) {
    if attached.threads.lock().unwrap_or_else(PoisonError::into_inner).insert(thread) {
        routes.threads.entry(thread).or_default().push(Arc::clone(attached));
    }
}

fn unsubscribe(routes: &mut Routes, thread: ThreadId, attached: &Attached) {
    attached.threads.lock().unwrap_or_else(PoisonError::into_inner).remove(&thread);
    if let Some(members) = routes.threads.get_mut(&thread) {
        members.retain(|other| other.serial != attached.serial);
        if members.is_empty() {
            routes.threads.remove(&thread);
        }
    }
}

fn remove(routes: &mut Routes, attached: &Attached) {
    let threads = std::mem::take(&mut *attached.threads.lock().unwrap_or_else(PoisonError::into_inner));
    for thread in threads {
        unsubscribe(routes, thread, attached);
    }
    if let Some(user) = routes.users.get_mut(&attached.device.user) {
        user.connections.retain(|other| other.serial != attached.serial);
        if user.connections.is_empty() {
            routes.users.remove(&attached.device.user);
        }
    }
}
