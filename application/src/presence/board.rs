//! What is known of everybody who is watched on this node, and what each watcher was told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use posthaste_domain::UserId;
use uuid::Uuid;

use super::Shown;
use super::lookout::Mailbox;
use crate::port::presence::Seen;
use crate::view::Glimpse;

/// A watcher, by the number of the connection, and whom they watch.
pub(super) type Pair = (u64, UserId);

/// Somebody who watches.
struct Watching {
    user: UserId,
    mailbox: Arc<Mailbox>,
}

/// Somebody who is watched.
#[derive(Default)]
struct Subject {
    watchers: BTreeSet<u64>,
    /// What is believed of them: whether they are there, and when they were last. `None` until they are looked at.
    believed: Option<(bool, Option<DateTime<Utc>>)>,
    /// Since when they are seen to be gone, while that is not believed.
    gone: Option<DateTime<Utc>>,
}

/// What one knows of another.
#[derive(Default)]
struct Told {
    /// What they may see, when it was asked last.
    glimpse: Option<Glimpse>,
    /// Whether they were told that the other is online, if they were told anything.
    online: Option<bool>,
    /// When they were told of a change.
    changed: Option<DateTime<Utc>>,
}

#[derive(Default)]
pub(super) struct Board {
    serial: u64,
    watching: HashMap<u64, Watching>,
    subjects: HashMap<UserId, Subject>,
    told: BTreeMap<Pair, Told>,
    /// Those who may not have been told what there is to tell.
    restless: BTreeSet<Pair>,
    /// Where the round of those that are looked at again stands.
    round: Option<Pair>,
}

impl Board {
    /// Takes a watcher in, and gives their number.
    pub(super) fn enter(&mut self, user: UserId, mailbox: Arc<Mailbox>) -> u64 {
        self.serial += 1;
        self.watching.insert(self.serial, Watching { user, mailbox });
        self.serial
    }

    /// Forgets a watcher.
    pub(super) fn leave(&mut self, watcher: u64) {
        self.watch(watcher, &BTreeSet::new());
        self.watching.remove(&watcher);
    }

    /// From now on a watcher watches these, and nobody else. They are to be told of all of them, also of those they watched before.
    pub(super) fn watch(&mut self, watcher: u64, users: &BTreeSet<UserId>) {
        let Some(watching) = self.watching.get(&watcher) else { return };
        watching.mailbox.empty();
        let all = (watcher, UserId::new(Uuid::nil()))..=(watcher, UserId::new(Uuid::max()));
        let before: Vec<_> = self.told.range(all).map(|(pair, _)| *pair).collect();
        for pair @ (_, user) in before.into_iter().filter(|(_, user)| !users.contains(user)) {
            self.told.remove(&pair);
            self.restless.remove(&pair);
            if let Some(subject) = self.subjects.get_mut(&user) {
                subject.watchers.remove(&watcher);
                if subject.watchers.is_empty() {
                    self.subjects.remove(&user);
                }
            }
        }
        for user in users {
            self.subjects.entry(*user).or_default().watchers.insert(watcher);
            // Whoever asks again is told again, but of changes no more often for it.
            let told = self.told.entry((watcher, *user)).or_default();
            (told.glimpse, told.online) = (None, None);
            self.restless.insert((watcher, *user));
        }
    }

    /// Everybody who is watched, or only those who were never looked at.
    pub(super) fn watched(&self, unseen: bool) -> Vec<UserId> {
        self.subjects.iter().filter(|(_, subject)| !unseen || subject.believed.is_none()).map(|(user, _)| *user).collect()
    }

    /// Takes in what was seen. That somebody is gone is believed after a while only: they may come back, or it may be the memory that is gone.
    pub(super) fn believe(&mut self, seen: Seen, now: DateTime<Utc>, disbelief: Duration) {
        let Some(subject) = self.subjects.get_mut(&seen.user) else { return };
        let before = subject.believed;
        if seen.online {
            (subject.believed, subject.gone) = (Some((true, None)), None);
        } else if before.is_none_or(|(online, _)| !online) {
            // What was known stays known when whoever keeps it has lost it.
            let last = seen.last.or(before.and_then(|(_, last)| last));
            (subject.believed, subject.gone) = (Some((false, last)), None);
        } else if elapsed(*subject.gone.get_or_insert(now), now, disbelief) {
            (subject.believed, subject.gone) = (Some((false, seen.last)), None);
        }
        if before.map(|(online, _)| online) != subject.believed.map(|(online, _)| online) {
            self.restless.extend(subject.watchers.iter().map(|watcher| (*watcher, seen.user)));
        }
    }

    /// Nothing could be seen, so nobody was seen to be gone without a break.
    pub(super) fn blind(&mut self) {
        self.subjects.values_mut().for_each(|subject| subject.gone = None);
    }

    /// The pairs of whom it must be known what they may see: those that have something to be told, and the next `again` of all.
    pub(super) fn doubtful(&mut self, again: usize, now: DateTime<Utc>, calm: Duration) -> Vec<(Pair, (UserId, UserId))> {
        let (told, subjects) = (&self.told, &self.subjects);
        let due = |pair: &&Pair| told.get(*pair).is_some_and(|told| told.is_due(now, calm));
        // What came to nothing in the meantime needs no rest.
        self.restless.retain(|pair| told.get(pair).is_some_and(|told| told.differs(subjects.get(&pair.1))));
        let mut doubtful: BTreeSet<_> = self.restless.iter().filter(due).copied().collect();
        if again > 0 {
            let after = self.round.map_or(Bound::Unbounded, Bound::Excluded);
            let round: Vec<_> = told.range((after, Bound::Unbounded)).take(again).map(|(pair, _)| *pair).collect();
            self.round = round.last().copied().filter(|_| round.len() == again);
            doubtful.extend(round);
        }
        let looker = |pair: &Pair| self.watching.get(&pair.0).map(|watching| (watching.user, pair.1));
        doubtful.into_iter().filter_map(|pair| Some((pair, looker(&pair)?))).collect()
    }

    /// Takes in what these may see, and tells them what they have not been told.
    pub(super) fn tell(&mut self, glimpses: impl IntoIterator<Item = (Pair, Glimpse)>, now: DateTime<Utc>, calm: Duration) -> usize {
        let mut count = 0;
        for (pair @ (watcher, user), glimpse) in glimpses {
            let (Some(told), Some(subject), Some(watching)) =
                (self.told.get_mut(&pair), self.subjects.get(&user), self.watching.get(&watcher))
            else {
                continue;
            };
            told.glimpse = Some(glimpse);
            if !told.differs(Some(subject)) {
                self.restless.remove(&pair);
                continue;
            }
            let Some((online, last)) = subject.believed else { continue };
            if !told.is_due(now, calm) {
                self.restless.insert(pair);
                continue;
            }
            let shown = Shown::new(user, online, last, glimpse);
            if told.online.replace(shown.online).is_some() {
                told.changed = Some(now);
            }
            self.restless.remove(&pair);
            watching.mailbox.put(shown);
            count += 1;
        }
        count
    }
}

impl Told {
    /// Whether there is something to tell, as far as is known.
    fn differs(&self, subject: Option<&Subject>) -> bool {
        let (Some(glimpse), Some((online, _))) = (self.glimpse, subject.and_then(|subject| subject.believed)) else { return true };
        self.online != Some(online && glimpse.presence)
    }

    /// Whether a change may be told now. How it is may be told whenever it is asked for.
    fn is_due(&self, now: DateTime<Utc>, calm: Duration) -> bool {
        self.online.is_none() || self.changed.is_none_or(|changed| elapsed(changed, now, calm))
    }
}

/// Whether this long has passed since; a clock that went back is no reason to wait for it.
fn elapsed(since: DateTime<Utc>, now: DateTime<Utc>, time: Duration) -> bool {
    (now - since).to_std().map_or(true, |passed| passed >= time)
}
