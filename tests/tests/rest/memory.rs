//! The smallest ports that REST can stand on, in memory: for what REST itself promises, whatever stores the data.

#![allow(clippy::wildcard_enum_match_arm, reason = "a query takes its events and leaves the others")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::Ports;
use posthaste_application::port::accounts::Credentials;
use posthaste_application::port::log::{AppendRefused, MembershipWindow, Memberships};
use posthaste_application::port::secrets::{Access, TokenRefused};
use posthaste_application::port::{Accounts, Clock, EventLog, Ids, Passwords, PortError, Tickets, Tokens};
use posthaste_application::recorded::{Append, Appended, Expected, Hash, Head, Position, Recorded, StreamId};
use posthaste_application::view::{Friend, FriendState, Member, Page, ThreadSummary, TimelineEntry, ViewName, Views};
use posthaste_domain::friendship::FriendshipEvent;
use posthaste_domain::message::{MessageContent, MessageEvent};
use posthaste_domain::text::Email;
use posthaste_domain::thread::ThreadEvent;
use posthaste_domain::user::UserEvent;
use posthaste_domain::{CommandId, Event, FriendshipId, SessionId, ThreadId, UserId, UserPair};
use tokio::sync::Notify;
use uuid::Uuid;

/// Everything, in memory.
pub(crate) struct Memory {
    events: Mutex<Vec<Recorded>>,
    commands: Mutex<HashMap<CommandId, (Hash, Appended)>>,
    grown: Notify,
    accounts: Mutex<HashMap<UserId, Credentials>>,
    tickets: Mutex<HashMap<String, Access>>,
    ids: AtomicU64,
    /// Nothing can be reached any more.
    pub(crate) down: AtomicBool,
    /// The views take in nothing.
    pub(crate) late: AtomicBool,
    /// How many passwords were hashed or compared.
    pub(crate) hashed: AtomicU64,
}

impl Memory {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            events: Mutex::default(),
            commands: Mutex::default(),
            grown: Notify::new(),
            accounts: Mutex::default(),
            tickets: Mutex::default(),
            ids: AtomicU64::new(1),
            down: AtomicBool::new(false),
            late: AtomicBool::new(false),
            hashed: AtomicU64::new(0),
        })
    }

    pub(crate) fn ports(self: &Arc<Self>) -> Ports {
        Ports {
            log: self.clone(),
            accounts: self.clone(),
            cursors: self.clone(),
            relay: self.clone(),
            broker: self.clone(),
            tickets: self.clone(),
            views: self.clone(),
            projections: Vec::new(),
            passwords: self.clone(),
            tokens: self.clone(),
            clock: self.clone(),
            ids: self.clone(),
        }
    }

    /// The correlation ids of the recorded events.
    pub(crate) fn correlations(&self) -> Vec<Uuid> {
        self.events.lock().unwrap().iter().map(|event| event.correlation).collect()
    }

    /// Puts credentials in, as a registration that got no further had left them.
    pub(crate) fn put_credentials(&self, user: Uuid, email: &str, password: &str) {
        let user = UserId::new(user);
        let credentials = Credentials { user, email: Email::parse(email).unwrap(), password_hash: format!("plain:{password}") };
        self.accounts.lock().unwrap().insert(user, credentials);
    }

    pub(crate) fn tickets_of(&self, user: Uuid) -> usize {
        self.tickets.lock().unwrap().values().filter(|access| access.user.uuid() == user).count()
    }

    /// The access a token speaks for, as text: `user session end`.
    pub(crate) fn token(user: UserId, session: SessionId, expires_at: DateTime<Utc>) -> String {
        format!("{user}.{session}.{}", expires_at.timestamp())
    }

    fn up(&self) -> Result<(), PortError> {
        if self.down.load(Ordering::SeqCst) { Err(PortError::unavailable("memory", "it was switched off")) } else { Ok(()) }
    }

    fn head(&self) -> Position {
        self.events.lock().unwrap().last().map_or(Position::START, |event| event.position)
    }

    fn select<T>(&self, select: impl FnMut((&Recorded, Event)) -> Option<T>) -> Vec<T> {
        self.events.lock().unwrap().iter().map(|event| (event, event.event().unwrap())).filter_map(select).collect()
    }

    /// Who can be a friend, and where that was last changed.
    fn friendship(&self, pair: UserPair) -> Option<(UserId, bool, Position, DateTime<Utc>)> {
        self.select(|(recorded, event)| match event {
            Event::Friendship(FriendshipEvent::Requested { pair: its, by }) if its == pair => {
                Some((by, false, recorded.position, recorded.at))
            }
            Event::Friendship(FriendshipEvent::Accepted { pair: its, by }) if its == pair => {
                Some((by, true, recorded.position, recorded.at))
            }
            _ => None,
        })
        .pop()
    }

    fn profile(&self, user: UserId) -> Option<(String, String)> {
        self.select(|(_, event)| match event {
            Event::User(UserEvent::Registered { user: its, content }) if its == user => {
                content.known().map(|profile| (profile.username.as_str().to_owned(), profile.display_name.as_str().to_owned()))
            }
            _ => None,
        })
        .pop()
    }

    fn thread_members(&self, thread: ThreadId) -> Vec<Member> {
        self.select(|(recorded, event)| match event {
            Event::Thread(ThreadEvent::Opened { thread: its, pair, .. }) if its == thread => {
                Some(pair.users().map(|user| Member { thread, user, joined: recorded.position, left: None }))
            }
            _ => None,
        })
        .into_iter()
        .flatten()
        .collect()
    }
}

fn page<T>(mut entries: Vec<T>, page: Page, key: impl Fn(&T) -> Position) -> Vec<T> {
    entries.retain(|entry| page.before.is_none_or(|before| key(entry) < before));
    entries.sort_by_key(|entry| std::cmp::Reverse(key(entry)));
    entries.truncate(page.limit);
    entries
}

#[async_trait]
impl EventLog for Memory {
    async fn append(&self, batch: &[Append]) -> Result<Vec<Result<Appended, AppendRefused>>, PortError> {
        self.up()?;
        let mut events = self.events.lock().unwrap();
        let mut commands = self.commands.lock().unwrap();
        let mut answers = Vec::new();
        for append in batch {
            let version = |stream: StreamId| events.iter().filter(|event| event.stream == stream).count() as u64;
            let moved = append.checks.iter().find(|check| Expected::of(version(check.stream)) != check.expected);
            answers.push(match (commands.get(&append.command), moved) {
                (Some((fingerprint, first)), _) if *fingerprint == append.fingerprint => Ok(Appended { repeated: true, ..*first }),
                (Some(_), _) => Err(AppendRefused::CommandMismatch { command: append.command }),
                (None, Some(check)) => {
                    Err(AppendRefused::Moved { stream: check.stream, expected: check.expected.version(), actual: version(check.stream) })
                }
                (None, None) => {
                    let first = Position(events.len() as u64 + 1);
                    for (ordinal, event) in append.events.iter().enumerate() {
                        let position = Position(events.len() as u64 + 1);
                        events.push(Recorded {
                            position,
                            stream: event.stream,
                            version: event.version,
                            event_type: event.event_type.clone(),
                            schema: event.schema,
                            facts: event.facts.clone(),
                            content: event.content.clone(),
                            thread: event.thread,
                            actor: append.actor,
                            command: append.command,
                            ordinal: u16::try_from(ordinal).unwrap(),
                            fingerprint: append.fingerprint,
                            correlation: append.correlation,
                            causation: append.causation,
                            at: DateTime::from_timestamp(1_757_419_200 + position.0 as i64, 0).unwrap(),
                            hash: [0; 32],
                        });
                    }
                    let appended = Appended { first, last: Position(events.len() as u64), repeated: false };
                    commands.insert(append.command, (append.fingerprint, appended));
                    Ok(appended)
                }
            });
        }
        drop(events);
        self.grown.notify_waiters();
        Ok(answers)
    }

    async fn find_command(&self, command: CommandId) -> Result<Option<(Hash, Appended)>, PortError> {
        self.up()?;
        Ok(self.commands.lock().unwrap().get(&command).copied())
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, PortError> {
        self.up()?;
        Ok(self.events.lock().unwrap().iter().filter(|event| event.position > after).take(limit).cloned().collect())
    }

    async fn read_stream(&self, stream: StreamId, after_version: u64, limit: usize) -> Result<Vec<Recorded>, PortError> {
        self.up()?;
        let events = self.events.lock().unwrap();
        Ok(events.iter().filter(|event| event.stream == stream && event.version > after_version).take(limit).cloned().collect())
    }

    async fn read_for_user(&self, _: UserId, _: Position, _: Position, _: usize) -> Result<Vec<Recorded>, PortError> {
        unreachable!("REST does not deliver")
    }

    async fn memberships(&self, user: UserId) -> Result<Memberships, PortError> {
        self.up()?;
        let windows = self.select(|(recorded, event)| match event {
            Event::Thread(ThreadEvent::Opened { thread, pair, .. }) if pair.contains(user) => {
                Some(MembershipWindow { thread, from: recorded.position, until: None })
            }
            _ => None,
        });
        Ok(Memberships { as_of: Memory::head(self), windows })
    }

    async fn head(&self) -> Result<Head, PortError> {
        self.up()?;
        Ok(Head { position: Memory::head(self), hash: [0; 32] })
    }

    async fn grown(&self, beyond: Position) {
        loop {
            let notified = self.grown.notified();
            if Memory::head(self) > beyond {
                return;
            }
            notified.await;
        }
    }
}

#[async_trait]
impl Views for Memory {
    async fn reached(&self, _: ViewName, position: Position) -> Result<(), PortError> {
        if self.late.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if position > Position::START {
            self.grown(Position(position.0 - 1)).await;
        }
        Ok(())
    }

    async fn threads(&self, user: UserId, asked: Page) -> Result<Vec<ThreadSummary>, PortError> {
        let opened = self.select(|(recorded, event)| match event {
            Event::Thread(ThreadEvent::Opened { thread, pair, .. }) if pair.contains(user) => Some((thread, pair, recorded.clone())),
            _ => None,
        });
        let mut threads = Vec::new();
        for (thread, pair, recorded) in opened {
            let newest = self.timeline(thread, Page { before: None, limit: 1 }).await?.pop();
            threads.push(ThreadSummary {
                thread,
                members: pair.users(),
                activity: newest.as_ref().map_or(recorded.position, |message| message.position),
                active_at: newest.as_ref().map_or(recorded.at, |message| message.at),
                last_message: newest.map(|message| posthaste_application::view::threads::LastMessage {
                    position: message.position,
                    author: message.author,
                    text: message.text,
                }),
            });
        }
        Ok(page(threads, asked, |thread| thread.activity))
    }

    async fn timeline(&self, thread: ThreadId, asked: Page) -> Result<Vec<TimelineEntry>, PortError> {
        let messages = self.select(|(recorded, event)| match event {
            Event::Message(MessageEvent::Posted { message, thread: its, author, content }) if its == thread => Some(TimelineEntry {
                position: recorded.position,
                message,
                thread,
                author,
                text: content.known().map(|MessageContent::Text { text }| text.as_str().to_owned()),
                at: recorded.at,
            }),
            _ => None,
        });
        Ok(page(messages, asked, |message| message.position))
    }

    async fn members(&self, thread: ThreadId) -> Result<Vec<Member>, PortError> {
        Ok(self.thread_members(thread))
    }

    async fn member(&self, thread: ThreadId, user: UserId) -> Result<Option<Member>, PortError> {
        let member = self.thread_members(thread).into_iter().find(|member| member.user == user);
        Ok(member.filter(|_| !self.late.load(Ordering::SeqCst)))
    }

    async fn friends(&self, user: UserId, state: FriendState, asked: Page) -> Result<Vec<Friend>, PortError> {
        let pairs = self.select(|(_, event)| match event {
            Event::Friendship(FriendshipEvent::Requested { pair, .. }) if pair.contains(user) => Some(pair),
            _ => None,
        });
        let mut friends = Vec::new();
        for pair in pairs {
            let (by, accepted, since, since_at) = self.friendship(pair).unwrap();
            let its = match (accepted, by == user) {
                (true, _) => FriendState::Friend,
                (false, true) => FriendState::Sent,
                (false, false) => FriendState::Received,
            };
            let other = pair.other(user).unwrap();
            let (username, display_name) = self.profile(other).unzip();
            let friendship = FriendshipId::between(pair);
            friends.push(Friend { friendship, user: other, username, display_name, state: its, since, since_at });
        }
        friends.retain(|friend| friend.state == state);
        Ok(page(friends, asked, |friend| friend.since))
    }
}

#[async_trait]
impl Accounts for Memory {
    async fn create(&self, credentials: &Credentials) -> Result<(), PortError> {
        self.accounts.lock().unwrap().entry(credentials.user).or_insert_with(|| credentials.clone());
        Ok(())
    }

    async fn find(&self, user: UserId) -> Result<Option<Credentials>, PortError> {
        Ok(self.accounts.lock().unwrap().get(&user).cloned())
    }
}

#[async_trait]
impl Passwords for Memory {
    async fn hash(&self, password: String) -> Result<String, PortError> {
        self.hashed.fetch_add(1, Ordering::SeqCst);
        Ok(format!("plain:{password}"))
    }

    async fn verify(&self, password: String, phc: Option<String>) -> Result<bool, PortError> {
        self.hashed.fetch_add(1, Ordering::SeqCst);
        Ok(phc == Some(format!("plain:{password}")))
    }
}

impl Tokens for Memory {
    fn issue(&self, access: &Access) -> Result<String, PortError> {
        Ok(Self::token(access.user, access.session, access.expires_at))
    }

    fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Access, TokenRefused> {
        let parts: Vec<_> = token.split('.').collect();
        let [user, session, end] = parts[..] else { return Err(TokenRefused::Invalid) };
        let access = Access {
            user: user.parse().map_err(|_| TokenRefused::Invalid)?,
            session: session.parse().map_err(|_| TokenRefused::Invalid)?,
            expires_at: end.parse().ok().and_then(|end| DateTime::from_timestamp(end, 0)).ok_or(TokenRefused::Invalid)?,
        };
        if access.expires_at <= now { Err(TokenRefused::Expired) } else { Ok(access) }
    }
}

impl Clock for Memory {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_757_419_200, 123_456_789).unwrap()
    }
}

impl Ids for Memory {
    fn next(&self) -> Uuid {
        Uuid::from_u128(0x0199_2f6e_0000_7000_8000_0000_0000_0000 + u128::from(self.ids.fetch_add(1, Ordering::SeqCst)))
    }
}

#[async_trait]
impl Tickets for Memory {
    async fn store(&self, ticket: &str, access: Access) -> Result<(), PortError> {
        self.tickets.lock().unwrap().insert(ticket.to_owned(), access);
        Ok(())
    }

    async fn redeem(&self, ticket: &str) -> Result<Option<Access>, PortError> {
        Ok(self.tickets.lock().unwrap().remove(ticket))
    }
}
