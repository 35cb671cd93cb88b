//! Routes each event of the feed to the connections of this node that are owed it.
//!
//! Subscriptions follow membership events alone, in the order of the log; nothing a client says can add one.

mod signals;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use posthaste_domain::{MembershipChange, SessionId, ThreadId, UserId};

use super::inbox::{Attached, Detached};
use super::push::{Ends, Push};
use crate::codec::Undecodable;
use crate::port::cursors::{Device, Generation};
use crate::port::log::{MembershipWindow, Memberships};
use crate::recorded::{Position, Recorded};

/// A run as it goes out, or why an event of it cannot.
pub(super) type Rendered = Vec<(Position, Result<Arc<Push>, Undecodable>)>;

#[derive(Default)]
struct Connected {
    connections: Vec<Arc<Attached>>,
    /// How many more are on their way in.
    arriving: usize,
    /// The last event of the feed that changed this user's memberships, since somebody of theirs is connected or arriving.
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
    news: AtomicU64,
    fed: AtomicBool,
}

impl Hub {
    /// A hub that has routed everything up to a position: the head of the log when the feed was subscribed to.
    #[must_use]
    pub fn new(position: Position) -> Self {
        let routes = Mutex::new(Routes { position, ..Routes::default() });
        Self { routes, head: AtomicU64::new(position.0), news: AtomicU64::new(0), fed: AtomicBool::new(false) }
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
        self.news.fetch_add(1, Ordering::Relaxed);
    }

    /// How often this node has heard of the log, from the log itself or from the feed. If it does not hear of it any more, it cannot know
    /// what it fails to push.
    #[must_use]
    pub fn news(&self) -> u64 {
        self.news.load(Ordering::Relaxed)
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

    /// Takes note of what happens to a user's threads from here on, until one of their devices is attached.
    #[must_use]
    pub fn arrive(self: &Arc<Self>, user: UserId) -> Arriving {
        let mut routes = self.routes();
        let position = routes.position;
        routes.users.entry(user).or_insert_with(|| Connected { changed: position, ..Connected::default() }).arriving += 1;
        Arriving { hub: Arc::clone(self), user }
    }

    /// Lets go of every connection of these devices that is older than this, wherever the newer one is.
    pub fn replaced(&self, newest: &[(Device, Generation)]) {
        let mut routes = self.routes();
        for (device, generation) in newest {
            replace(&mut routes, *device, *generation);
        }
    }

    /// A connection speaks for this login from now on: when the feed passes its end, the connection is let go of. What the feed had passed
    /// before is in the log, so look there after this, not before.
    pub fn speak_for(&self, attached: &Attached, session: SessionId) {
        let _routes = self.routes();
        attached.sessions.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }

    /// A connection speaks for this login alone.
    pub fn speak_only_for(&self, attached: &Attached, session: SessionId) {
        let _routes = self.routes();
        *attached.sessions.lock().unwrap_or_else(PoisonError::into_inner) = vec![session];
    }

    /// Whether a connection is one too many for its user: of those that came before it, as many are of other devices.
    #[must_use]
    pub fn is_one_too_many(&self, attached: &Attached, most: usize) -> bool {
        let routes = self.routes();
        let older = |other: &&Arc<Attached>| other.device != attached.device && other.serial < attached.serial;
        routes.users.get(&attached.device.user).is_some_and(|user| user.connections.iter().filter(older).count() >= most)
    }

    /// The devices that are connected.
    #[must_use]
    pub fn devices(&self) -> Vec<Device> {
        self.routes().users.values().flat_map(|user| &user.connections).map(|attached| attached.device).collect()
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
    pub fn route(&self, run: &[Arc<Recorded>]) {
        self.route_rendered(self.render(run));
    }

    /// Renders the events that were not routed before: outside the lock, because it is the costly part.
    pub(super) fn render(&self, run: &[Arc<Recorded>]) -> Rendered {
        let position = self.position();
        let new = run.iter().filter(|event| event.position > position);
        new.map(|event| (event.position, Push::new(event).map(Arc::new))).collect()
    }

    pub(super) fn route_rendered(&self, pushes: Rendered) {
        self.news.fetch_add(1, Ordering::Relaxed);
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
                        tracing::error!(error = %error, position = position.0, "an event cannot be routed");
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

/// Somebody on their way in.
pub struct Arriving {
    hub: Arc<Hub>,
    user: UserId,
}

impl Arriving {
    /// Connects a device of theirs, whose threads were looked at after this arrival had begun. Of several connections of a device the newest
    /// is kept: the others on this node are let go of, be it this one. `None` when the feed has passed a change meanwhile that the look does
    /// not know of.
    #[must_use]
    pub fn attach(&self, device: Device, generation: Generation, session: SessionId, memberships: &Memberships) -> Option<Arc<Attached>> {
        let mut routes = self.hub.routes();
        let changed = routes.users.get(&self.user).map_or(Position::START, |user| user.changed);
        // Of the user's threads, or of their logins.
        if changed > memberships.as_of {
            return None;
        }
        routes.serial += 1;
        let attached = Arc::new(Attached::new(device, generation, routes.serial, session));
        replace(&mut routes, device, generation);
        let user = routes.users.entry(device.user).or_default();
        if user.connections.iter().any(|other| other.device == device) {
            // What is left is newer than this one.
            attached.detach(Detached::Replaced);
            return Some(attached);
        }
        user.connections.push(Arc::clone(&attached));
        // The log may be ahead of the feed: what it has beyond, the feed brings.
        let position = routes.position;
        let current = |window: &&MembershipWindow| window.from <= position && window.until.is_none_or(|until| until > position);
        for window in memberships.windows.iter().filter(current) {
            subscribe(&mut routes, window.thread, &attached);
        }
        Some(attached)
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        let mut routes = self.hub.routes();
        if let Some(user) = routes.users.get_mut(&self.user) {
            user.arriving -= 1;
        }
        forget_if_gone(&mut routes, self.user);
    }
}

/// Lets go of the connections of a device that are older than this.
fn replace(routes: &mut Routes, device: Device, generation: Generation) {
    let Some(user) = routes.users.get(&device.user) else { return };
    let older = |other: &&Arc<Attached>| other.device == device && other.generation < generation;
    for older in user.connections.iter().filter(older).cloned().collect::<Vec<_>>() {
        remove(routes, &older);
        older.detach(Detached::Replaced);
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

/// Lets go of every connection that speaks for what was ended. They are told why, and nothing else any more.
fn end(routes: &mut Routes, ends: Ends, position: Position) {
    let (user, why) = match ends {
        Ends::Login(user, _) | Ends::Logins(user) => (user, Detached::Revoked),
        Ends::Everything(user) => (user, Detached::Suspended),
    };
    let ended = |attached: &&Arc<Attached>| match ends {
        Ends::Login(_, session) => attached.speaks_for(session),
        Ends::Logins(_) | Ends::Everything(_) => true,
    };
    let Some(connected) = routes.users.get_mut(&user) else { return };
    // Who is on the way here was looked at before this, maybe.
    connected.changed = position;
    let ended = connected.connections.iter().filter(ended).cloned().collect::<Vec<_>>();
    for attached in ended {
        remove(routes, &attached);
        attached.detach(why);
    }
}

fn route_one(routes: &mut Routes, push: &Arc<Push>, touched: &mut Vec<Arc<Attached>>) {
    if let Some(ends) = push.ends {
        end(routes, ends, push.position);
    }
    for addressee in &push.audience.users {
        let Some(user) = routes.users.get_mut(&addressee.user) else { continue };
        for attached in &user.connections {
            if attached.push(push) {
                touched.push(Arc::clone(attached));
            }
        }
        if addressee.change.is_some() {
            user.changed = push.position;
        }
    }
    let Some(thread) = push.audience.thread else { return };
    if let Some(members) = routes.threads.get(&thread) {
        for attached in members {
            if attached.push(push) {
                touched.push(Arc::clone(attached));
            }
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
    }
    forget_if_gone(routes, attached.device.user);
}

fn forget_if_gone(routes: &mut Routes, user: UserId) {
    if routes.users.get(&user).is_some_and(|user| user.connections.is_empty() && user.arriving == 0) {
        routes.users.remove(&user);
    }
}
