//! What a user is owed: the events of threads while they are in them, and those that name them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use posthaste_application::port::PortError;
use posthaste_application::port::log::{MembershipWindow, Reading};
use posthaste_application::recorded::{Position, Recorded};
use posthaste_domain::{Addressee, MembershipChange, SubscriptionId, ThreadId, UserId};
use rusqlite::{OptionalExtension as _, Rows, Transaction, params};

use super::super::failure::Failure;
use super::super::row::{self, Id, Micros, Unsigned, integer};
use super::super::statements;

/// The threads of a user, in the order of joining.
pub(in crate::embedded) fn windows(snapshot: &Transaction<'_>, user: UserId) -> Result<Vec<MembershipWindow>, Failure> {
    fold(snapshot.prepare_cached(statements::MEMBERSHIP_CHANGES)?.query([user.uuid().as_bytes()])?)
}

/// When a user was in one thread, in the order of joining.
pub(super) fn windows_of_thread(snapshot: &Transaction<'_>, user: UserId, thread: ThreadId) -> Result<Vec<MembershipWindow>, Failure> {
    let mut statement = snapshot.prepare_cached(statements::MEMBERSHIP_CHANGES_OF_THREAD)?;
    fold(statement.query([user.uuid().as_bytes(), thread.uuid().as_bytes()])?)
}

/// Who was in a thread at a position: those above a user, in the order of users.
pub(super) fn members_at(
    snapshot: &Transaction<'_>,
    thread: ThreadId,
    position: Position,
    after: Option<UserId>,
    limit: usize,
) -> Result<Vec<UserId>, Failure> {
    // Below every id there is.
    let after = after.map_or_else(Vec::new, |user| user.uuid().as_bytes().to_vec());
    let mut statement = snapshot.prepare_cached(statements::MEMBERS_AT)?;
    let thread = thread.uuid();
    let parameters = params![thread.as_bytes(), integer(position.0), after, row::limit(limit)];
    let members = statement.query_map(parameters, |row| row.get(0).map(|Id(user)| UserId::new(user)))?;
    Ok(members.collect::<Result<_, _>>()?)
}

/// Whom the events at these positions name.
pub(super) fn addressees(snapshot: &Transaction<'_>, positions: &[Position]) -> Result<Vec<(Position, Addressee)>, Failure> {
    let mut statement = snapshot.prepare_cached(statements::ADDRESSEES)?;
    let mut all = Vec::new();
    for position in positions.iter().copied() {
        let mut rows = statement.query([integer(position.0)])?;
        while let Some(row) = rows.next()? {
            let Id(user) = row.get(0)?;
            let change = row.get::<_, Option<String>>(1)?;
            let change = change.map(|change| if change == "joined" { MembershipChange::Joined } else { MembershipChange::Left });
            all.push((position, Addressee { user: UserId::new(user), change }));
        }
    }
    Ok(all)
}

/// When each of these users had read a thread up to a position.
pub(super) fn readings(
    snapshot: &Transaction<'_>,
    thread: ThreadId,
    position: Position,
    users: &[UserId],
) -> Result<Vec<Reading>, Failure> {
    let mut statement = snapshot.prepare_cached(statements::READING)?;
    let mut readings = Vec::new();
    for user in users.iter().copied() {
        let stream = SubscriptionId::of(user, thread).uuid();
        let found = statement.query_row(params![stream.as_bytes(), integer(position.0)], |row| {
            let Micros(at) = row.get(0)?;
            Ok((at, row.get::<_, Option<String>>(1)?))
        });
        let Some((at, device)) = found.optional()? else { continue };
        let device = device.map(|device| device.parse()).transpose();
        let device = device.map_err(|error| PortError::corrupt(format!("the reading of {user} in {thread}"), error))?;
        readings.push(Reading { user, at, device });
    }
    Ok(readings)
}

/// The windows that changes of membership, in their order, open and close.
fn fold(mut changes: Rows<'_>) -> Result<Vec<MembershipWindow>, Failure> {
    let mut windows: Vec<MembershipWindow> = Vec::new();
    // Where in the list the window of a thread is that the user is in.
    let mut open: HashMap<ThreadId, usize> = HashMap::new();
    while let Some(row) = changes.next()? {
        let (Unsigned(position), Some(Id(thread))) = (row.get(0)?, row.get(1)?) else { continue };
        let (position, thread) = (Position(position), ThreadId::new(thread));
        let joined = row.get_ref(2)?.as_str().is_ok_and(|change| change == "joined");
        if !joined {
            if let Some(window) = open.remove(&thread) {
                windows[window].until = Some(position);
            }
        } else if let Entry::Vacant(outside) = open.entry(thread) {
            outside.insert(windows.len());
            windows.push(MembershipWindow { thread, from: position, until: None });
        }
    }
    Ok(windows)
}

/// The first `limit` events owed to a user after one position and up to another.
///
/// Asks each thread for its positions alone, and keeps the lowest: however many threads there are, no more than `limit` are held,
/// and once so many are known, the highest of them is as far as the other threads are asked, and what is not sorted in by thread yet.
pub(super) fn owed(
    snapshot: &Transaction<'_>,
    user: UserId,
    after: Position,
    upto: Position,
    limit: usize,
) -> Result<Vec<Recorded>, Failure> {
    let mut lowest = Lowest { limit, upto: integer(upto.0), positions: BTreeSet::new() };
    if limit == 0 {
        return Ok(Vec::new());
    }
    let mut naming = snapshot.prepare_cached(statements::POSITIONS_NAMING_USER)?;
    let named = naming.query_map(params![user.uuid().as_bytes(), integer(after.0), lowest.upto, row::limit(limit)], |row| row.get(0))?;
    for position in named {
        lowest.add(position?);
    }
    let windows = windows(snapshot, user)?;
    let mut of_thread = snapshot.prepare_cached(statements::POSITIONS_OF_THREAD)?;
    for window in &windows {
        // The event of joining itself names the user.
        let after = integer(after.0).max(integer(window.from.0));
        let upto = window.until.map_or(lowest.upto, |until| lowest.upto.min(integer(until.0)));
        if upto <= after {
            continue;
        }
        let positions = of_thread.query_map(params![window.thread.uuid().as_bytes(), after, upto, row::limit(limit)], |row| row.get(0))?;
        for position in positions {
            lowest.add(position?);
        }
    }
    add_unsorted(snapshot, &windows, after, &mut lowest)?;
    let mut event_at = snapshot.prepare_cached(statements::EVENT_AT)?;
    let mut events = Vec::with_capacity(lowest.positions.len());
    for position in lowest.positions {
        events.push(event_at.query_row([position], |row| Ok(row::recorded(row)))??);
    }
    Ok(events)
}

/// What the log has of these threads and was not sorted in by thread yet: read once for all of them.
fn add_unsorted(snapshot: &Transaction<'_>, windows: &[MembershipWindow], after: Position, lowest: &mut Lowest) -> Result<(), Failure> {
    let mut by_thread: HashMap<ThreadId, Vec<&MembershipWindow>> = HashMap::with_capacity(windows.len());
    for window in windows {
        by_thread.entry(window.thread).or_default().push(window);
    }
    let mut statement = snapshot.prepare_cached(statements::POSITIONS_UNSORTED)?;
    let mut rows = statement.query([integer(after.0), lowest.upto])?;
    while let Some(row) = rows.next()? {
        let (position, Id(thread)): (i64, Id) = (row.get(0)?, row.get(1)?);
        if position > lowest.upto {
            break;
        }
        let within =
            |window: &&MembershipWindow| integer(window.from.0) < position && window.until.is_none_or(|until| position <= integer(until.0));
        if by_thread.get(&ThreadId::new(thread)).is_some_and(|windows| windows.iter().any(within)) {
            lowest.add(position);
        }
    }
    Ok(())
}

/// The lowest positions up to a bound, each once.
struct Lowest {
    limit: usize,
    upto: i64,
    positions: BTreeSet<i64>,
}

impl Lowest {
    fn add(&mut self, position: i64) {
        self.positions.insert(position);
        if self.positions.len() > self.limit {
            self.positions.pop_last();
        }
        if self.positions.len() == self.limit {
            self.upto = self.positions.last().copied().unwrap_or(self.upto);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BTreeSet, Lowest};

    #[test]
    fn the_lowest_positions_are_kept_and_others_are_asked_only_as_far_as_they_can_matter() {
        let mut lowest = Lowest { limit: 3, upto: 100, positions: BTreeSet::new() };
        let mut bounds = Vec::new();
        for position in [50, 70, 70, 90, 60, 10, 95] {
            lowest.add(position);
            bounds.push(lowest.upto);
        }
        assert_eq!(bounds, [100, 100, 100, 90, 70, 60, 60]);
        assert_eq!(Vec::from_iter(lowest.positions), [10, 50, 60]);
    }
}
