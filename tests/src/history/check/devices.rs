//! Devices: everything they are owed, nothing else, in order, on every connection without a hole.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use posthaste_application::port::cursors::Device;
use posthaste_application::recorded::Position;
use uuid::Uuid;

use super::super::obligations::{Obligations, text};
use super::super::{Connection, Counts, Entry, Pushed, Violation};

/// What one device saw.
#[derive(Default)]
struct Seen<'a> {
    /// Where it began.
    base: Position,
    connections: BTreeMap<Connection, Socket<'a>>,
    arrived: BTreeSet<Position>,
    /// Under which position each event arrived first.
    ids: HashMap<Uuid, Position>,
    pushed: usize,
    acked: Position,
    quiesced: Option<Position>,
}

/// What came over one connection.
#[derive(Default)]
struct Socket<'a> {
    cursor: Position,
    events: Vec<&'a Pushed>,
    /// What `live` said, and after how many events.
    live: Option<(Position, usize)>,
}

/// Checks every device.
pub(super) fn check(history: &[Entry], obligations: &Obligations<'_>, violations: &mut Vec<Violation>, counts: &mut Counts) {
    let devices = gather(history, violations);
    let nothing = BTreeSet::new();
    for (device, seen) in &devices {
        counts.devices += 1;
        counts.connections += seen.connections.len();
        counts.pushed += seen.pushed;
        counts.duplicates += seen.pushed - seen.arrived.len();
        let owed = obligations.owed.get(&device.user).unwrap_or(&nothing);
        let missed = missed(seen, owed, counts);
        violations.extend(missed.iter().map(|position| Violation::Missed { device: *device, position: *position }));
        for (connection, socket) in &seen.connections {
            let place = Place { device: *device, connection: *connection };
            place.check_order(socket, violations);
            place.check_completeness(socket, owed, &missed, violations);
            for event in &socket.events {
                if owed.contains(&event.position) {
                    place.check_content(event, seen, obligations, violations);
                } else {
                    violations.push(Violation::NotOwed { device: *device, connection: *connection, position: event.position });
                }
            }
        }
    }
}

/// Sorts the history by device and connection.
fn gather<'a>(history: &'a [Entry], violations: &mut Vec<Violation>) -> BTreeMap<Device, Seen<'a>> {
    let mut devices: BTreeMap<Device, Seen<'a>> = BTreeMap::new();
    for entry in history {
        match entry {
            Entry::Connected { device, connection, asked, cursor } => {
                let (device, connection, cursor) = (*device, *connection, *cursor);
                let seen = devices.entry(device).or_default();
                if seen.connections.is_empty() {
                    seen.base = asked.unwrap_or_default();
                    seen.acked = seen.base;
                }
                match *asked {
                    Some(asked) if asked != cursor => violations.push(Violation::CursorIgnored { device, connection, asked, cursor }),
                    None if cursor > seen.acked => {
                        violations.push(Violation::CursorBeyondAcks { device, connection, cursor, acked: seen.acked });
                    }
                    Some(asked) => seen.acked = seen.acked.max(asked),
                    None => {}
                }
                seen.connections.entry(connection).or_default().cursor = cursor;
            }
            Entry::Pushed { device, connection, event } => {
                let seen = devices.entry(*device).or_default();
                seen.connections.entry(*connection).or_default().events.push(event);
                seen.arrived.insert(event.position);
                seen.pushed += 1;
                let first = *seen.ids.entry(event.id).or_insert(event.position);
                if first != event.position {
                    violations.push(Violation::DeliveredTwice { device: *device, id: event.id, first, second: event.position });
                }
            }
            Entry::Live { device, connection, position } => {
                let socket = devices.entry(*device).or_default().connections.entry(*connection).or_default();
                socket.live = Some((*position, socket.events.len()));
            }
            Entry::Acked { device, position } => {
                let seen = devices.entry(*device).or_default();
                seen.acked = seen.acked.max(*position);
            }
            Entry::Quiesced { device, position } => devices.entry(*device).or_default().quiesced = Some(*position),
            Entry::Sent { .. } | Entry::Answered { .. } => {}
        }
    }
    devices
}

/// What had to arrive by the time the device came to rest, and did not.
fn missed(seen: &Seen<'_>, owed: &BTreeSet<Position>, counts: &mut Counts) -> BTreeSet<Position> {
    let Some(quiesced) = seen.quiesced else { return BTreeSet::new() };
    let due: Vec<_> = owed.iter().copied().filter(|position| *position > seen.base && *position <= quiesced).collect();
    counts.owed += due.len();
    due.into_iter().filter(|position| !seen.arrived.contains(position)).collect()
}

#[derive(Clone, Copy)]
struct Place {
    device: Device,
    connection: Connection,
}

impl Place {
    fn check_order(self, socket: &Socket<'_>, violations: &mut Vec<Violation>) {
        let Self { device, connection } = self;
        let (mut expected, mut last) = (socket.cursor, socket.cursor);
        for event in &socket.events {
            let (position, prev) = (event.position, event.prev);
            if prev != expected {
                violations.push(Violation::BrokenChain { device, connection, position, prev, expected });
            }
            if position <= last {
                violations.push(Violation::OutOfOrder { device, connection, position, after: last });
            }
            expected = position;
            last = last.max(position);
        }
    }

    /// A connection leaves nothing out of what lies behind it, and says `live` only then.
    fn check_completeness(
        self,
        socket: &Socket<'_>,
        owed: &BTreeSet<Position>,
        missed: &BTreeSet<Position>,
        violations: &mut Vec<Violation>,
    ) {
        let Self { device, connection } = self;
        let mut pushed = HashMap::new();
        for (index, event) in socket.events.iter().enumerate() {
            pushed.entry(event.position).or_insert(index);
        }
        let furthest = pushed.keys().copied().chain(socket.live.map(|(position, _)| position)).max().unwrap_or_default();
        for position in owed.iter().copied().filter(|position| *position > socket.cursor && *position <= furthest) {
            match (pushed.get(&position), socket.live) {
                (Some(index), Some((live, before))) if position <= live && *index >= before => {
                    violations.push(Violation::LiveTooEarly { device, connection, live, position });
                }
                (None, _) if !missed.contains(&position) => violations.push(Violation::Skipped { device, connection, position }),
                (Some(_) | None, _) => {}
            }
        }
    }

    /// What arrived is what the log holds, and what was sent.
    fn check_content(self, event: &Pushed, seen: &Seen<'_>, obligations: &Obligations<'_>, violations: &mut Vec<Violation>) {
        let Some(recorded) = obligations.events.get(&event.position) else { return };
        // An id that stands elsewhere too was reported as such.
        let id_is_right = event.id == recorded.id() || seen.ids.get(&event.id).is_some_and(|first| *first != event.position);
        let fields = [
            ("id", id_is_right),
            ("type", event.event_type == recorded.event_type),
            ("thread", event.thread == recorded.thread),
            ("key", event.key == recorded.command),
            // That the log holds the text that was sent is proven with the commands.
            ("text", event.text == text(recorded) || (event.text.is_none() && obligations.deleted.contains(&recorded.stream.id))),
        ];
        if let Some((field, _)) = fields.into_iter().find(|(_, right)| !right) {
            let Self { device, connection } = self;
            violations.push(Violation::Distorted { device, connection, position: event.position, field });
        }
    }
}
