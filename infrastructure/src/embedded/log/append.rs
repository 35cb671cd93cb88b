//! A batch of appends within one transaction.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chrono::{DateTime, SubsecRound as _, Utc};
use posthaste_application::chain::{digest, link};
use posthaste_application::port::PortError;
use posthaste_application::port::log::{AppendRefused, Recording};
use posthaste_application::recorded::{Append, Appended, Check, Expected, Hash, Head, NewEvent, Position, Recorded, StreamId};
use posthaste_domain::{Addressee, CommandId, MembershipChange, ThreadId, UserId};
use rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE;
use rusqlite::{CachedStatement, OptionalExtension as _, Transaction, params};
use uuid::Uuid;

use super::super::failure::{Failure, SERVICE};
use super::super::row::{Unsigned, integer};
use super::super::statements;
use super::read_head;

/// How many events are recorded between two times of sorting in.
const SORTED_EVERY: u64 = 2_048;

/// Records what it can of a batch whose appends are consistent, all of it at one time.
pub(super) fn append(transaction: &Transaction<'_>, batch: Vec<Append>, at: DateTime<Utc>) -> Result<Recording, Failure> {
    let before = read_head(transaction)?;
    let mut appending = Appending {
        find_command: transaction.prepare_cached(statements::COMMAND_FIND)?,
        stream_version: transaction.prepare_cached(statements::STREAM_VERSION)?,
        insert_event: transaction.prepare_cached(statements::EVENT_INSERT)?,
        insert_user: transaction.prepare_cached(statements::EVENT_USER_INSERT)?,
        versions: HashMap::new(),
        head: before,
        // As it is stored.
        at: at.trunc_subsecs(6),
        events: Vec::with_capacity(batch.len()),
    };
    let answers = batch.into_iter().map(|append| appending.append(append)).collect::<Result<_, _>>()?;
    let Appending { head, events, .. } = appending;
    if !events.is_empty() {
        transaction.prepare_cached(statements::HEAD_MOVE)?.execute(params![integer(head.position.0), head.hash])?;
        sort_in(transaction, before.position, head.position)?;
    }
    Ok(Recording { answers, events, ..Recording::default() })
}

/// Sorts in by thread what was recorded, once in a while: a page of the index of threads is changed for many events then, and not for each.
pub(in crate::embedded) fn sort_in(transaction: &Transaction<'_>, before: Position, head: Position) -> Result<(), Failure> {
    if before.0 / SORTED_EVERY < head.0 / SORTED_EVERY {
        transaction.prepare_cached(statements::THREAD_EVENTS_SORT)?.execute([integer(head.0)])?;
        transaction.prepare_cached(statements::THREAD_EVENTS_SORTED)?.execute([integer(head.0)])?;
    }
    Ok(())
}

pub(super) type Found = Option<(Hash, Appended)>;

/// What a command led to, if it is known.
pub(super) fn find_command(statement: &mut CachedStatement<'_>, command: CommandId) -> Result<Found, Failure> {
    let found = statement.query_row([command.uuid().as_bytes()], |row| {
        let (Unsigned(first), Unsigned(last)) = (row.get(1)?, row.get(2)?);
        Ok((row.get(0)?, Appended { first: Position(first), last: Position(last), repeated: true }))
    });
    Ok(found.optional()?)
}

struct Appending<'t> {
    find_command: CachedStatement<'t>,
    stream_version: CachedStatement<'t>,
    insert_event: CachedStatement<'t>,
    insert_user: CachedStatement<'t>,
    /// What was looked up or recorded in this transaction. Busy streams are checked by many appends of a batch.
    versions: HashMap<StreamId, u64>,
    head: Head,
    at: DateTime<Utc>,
    /// What was recorded in this transaction.
    events: Vec<Recorded>,
}

impl Appending<'_> {
    fn append(&mut self, mut append: Append) -> Result<Result<Appended, AppendRefused>, Failure> {
        let first = self.head.position.next();
        if !self.is_taken_at_once(&mut append)? {
            if let Some((fingerprint, answer)) = find_command(&mut self.find_command, append.command)? {
                let same = fingerprint == append.fingerprint;
                return Ok(if same { Ok(answer) } else { Err(AppendRefused::CommandMismatch { command: append.command }) });
            }
            for check in &append.checks {
                let (expected, actual) = (check.expected.version(), self.version(check.stream)?);
                if actual != expected {
                    return Ok(Err(AppendRefused::Moved { stream: check.stream, expected, actual }));
                }
            }
            for (ordinal, event) in (0..).zip(std::mem::take(&mut append.events)) {
                let head = self.insert(&append, ordinal, &event)?;
                self.keep(&append, ordinal, event, head)?;
            }
        }
        Ok(Ok(Appended { first, last: self.head.position, repeated: false }))
    }

    /// Tries an append of one event, as most are, without asking first whether its command is known and whether a stream that it begins exists:
    /// the table says so, and takes nothing then. Gives whether it was recorded; if not, nothing has happened.
    fn is_taken_at_once(&mut self, append: &mut Append) -> Result<bool, Failure> {
        let [event] = &append.events[..] else { return Ok(false) };
        let begins = |check: &Check| check.stream == event.stream && check.expected == Expected::NoStream;
        for check in append.checks.iter().filter(|check| !begins(check)) {
            if self.version(check.stream)? != check.expected.version() {
                return Ok(false);
            }
        }
        let head = match self.insert(append, 0, event) {
            Ok(head) => head,
            Err(error) if is_there_already(&error) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if let Some(event) = append.events.pop() {
            self.keep(append, 0, event, head)?;
        }
        Ok(true)
    }

    fn version(&mut self, stream: StreamId) -> Result<u64, Failure> {
        match self.versions.entry(stream) {
            Entry::Occupied(known) => Ok(*known.get()),
            Entry::Vacant(unknown) => {
                let row = params![stream.id.as_bytes(), stream.category.as_str()];
                let version: Option<Unsigned> = self.stream_version.query_row(row, |row| row.get(0))?;
                Ok(*unknown.insert(version.map_or(0, |Unsigned(version)| version)))
            }
        }
    }

    /// Puts an event into the table, at the end of the log as it then is.
    fn insert(&mut self, append: &Append, ordinal: u16, event: &NewEvent) -> rusqlite::Result<Head> {
        let position = self.head.position.next();
        let hash = link(&self.head.hash, &digest(append, ordinal, event), position, self.at);
        self.insert_event.execute(params![
            integer(position.0),
            event.stream.category.as_str(),
            event.stream.id.as_bytes(),
            integer(event.version),
            event.event_type,
            event.schema,
            event.facts,
            event.content,
            event.thread.as_ref().map(|thread| thread.uuid().into_bytes()),
            append.actor.as_ref().map(|actor| actor.uuid().into_bytes()),
            append.command.uuid().as_bytes(),
            ordinal,
            append.fingerprint,
            append.correlation.as_bytes(),
            append.causation.as_ref().map(Uuid::as_bytes),
            self.at.timestamp_micros(),
            hash,
        ])?;
        Ok(Head { position, hash })
    }

    /// Keeps what else there is to know of an event that was put into the table.
    fn keep(&mut self, append: &Append, ordinal: u16, event: NewEvent, head: Head) -> Result<(), Failure> {
        insert_users(&mut self.insert_user, head.position, event.thread, &event.addressees)?;
        // Most streams that begin are not asked for again.
        if let Some(known) = self.versions.get_mut(&event.stream) {
            *known = event.version;
        }
        self.head = head;
        self.events.push(Recorded::new(append, ordinal, event, head.position, self.at, head.hash));
        Ok(())
    }
}

/// The table has a row by which it knows that this one must not be.
fn is_there_already(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_CONSTRAINT_UNIQUE)
}

/// Keeps whom an event names, and what becomes of their membership of its thread.
pub(in crate::embedded) fn insert_users(
    statement: &mut CachedStatement<'_>,
    position: Position,
    thread: Option<ThreadId>,
    addressees: &[Addressee],
) -> Result<(), Failure> {
    for (user, change) in by_user(addressees) {
        statement.execute(params![
            user.uuid().as_bytes(),
            integer(position.0),
            thread.as_ref().map(|thread| thread.uuid().into_bytes()),
            change.map(|change| match change {
                MembershipChange::Joined => "joined",
                MembershipChange::Left => "left",
            }),
        ])?;
    }
    Ok(())
}

/// Each user once, with the last of the changes that the event names for them.
fn by_user(addressees: &[Addressee]) -> Vec<(UserId, Option<MembershipChange>)> {
    let mut users: Vec<(UserId, Option<MembershipChange>)> = Vec::with_capacity(addressees.len());
    for addressee in addressees {
        match users.iter_mut().find(|(user, _)| *user == addressee.user) {
            Some((_, change)) => *change = addressee.change.or(*change),
            None => users.push((addressee.user, addressee.change)),
        }
    }
    users
}

/// # Errors
/// The first append that no log can record.
pub(super) fn check_consistent(batch: &[Append]) -> Result<(), PortError> {
    for append in batch {
        append.consistent().map_err(|inconsistent| PortError::rejected(SERVICE, inconsistent))?;
        if append.events.len() > usize::from(u16::MAX) {
            return Err(PortError::rejected(SERVICE, "more events than an append can number"));
        }
    }
    Ok(())
}
