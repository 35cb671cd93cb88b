//! The smallest ports that REST can stand on, in memory: for what REST itself promises, whatever stores the data.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use posthaste_application::Ports;
use posthaste_application::content::keyring::{Access as KeyAccess, Keyring, Sealing};
use posthaste_application::content::{MasterKey, MasterKeys};
use posthaste_application::mail::{MailPorts, MailTerms};
use posthaste_application::oidc::Provider;
use posthaste_application::origin::Origins;
use posthaste_application::port::accounts::Credentials;
use posthaste_application::port::factors::memory::MemoryFactors;
use posthaste_application::port::identities::memory::MemoryIdentities;
use posthaste_application::port::keys::memory::MemoryKeys;
use posthaste_application::port::log::{AppendRefused, MembershipWindow, Memberships, Reading, Recording};
use posthaste_application::port::mail_queue::memory::MemoryMailQueue;
use posthaste_application::port::mailer::{Mail, Unsent};
use posthaste_application::port::one_time::memory::MemoryOneTimeTokens;
use posthaste_application::port::passcodes::memory::MemoryPasscodes;
use posthaste_application::port::passkeys::memory::MemoryPasskeys;
use posthaste_application::port::secrets::{Access, TokenRefused};
use posthaste_application::port::sessions::memory::MemorySessions;
use posthaste_application::port::tickets::{Kind, Pass};
use posthaste_application::port::{Accounts, Clock, EventLog, Ids, MailQueue, Mailer, Passwords, PortError, Tickets, Tokens};
use posthaste_application::project::Projector;
use posthaste_application::recorded::{Append, Appended, Expected, Hash, Head, Position, Recorded, StreamId};
use posthaste_domain::subscription::SubscriptionEvent;
use posthaste_domain::text::Email;
use posthaste_domain::{Addressee, CommandId, Event, MembershipChange, SessionId, ThreadId, UserId};
use posthaste_infrastructure::aes_gcm::AesCipher;
use posthaste_infrastructure::embedded::{InProcessPresence, InProcessRateLimiter, MemoryViews};
use posthaste_infrastructure::system::SystemRandomness;
use posthaste_infrastructure::webauthn::WebauthnParty;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::sign_ins::Elsewhere;

/// Everything, in memory.
pub(crate) struct Memory {
    events: Mutex<Vec<Recorded>>,
    commands: Mutex<HashMap<CommandId, (Hash, Appended)>>,
    grown: Notify,
    accounts: Mutex<HashMap<UserId, Credentials>>,
    tickets: Mutex<HashMap<(Kind, String), String>>,
    ids: AtomicU64,
    views: MemoryViews,
    passcodes: Arc<MemoryPasscodes>,
    /// The mails that are owed.
    mail: Arc<MemoryMailQueue>,
    /// Nothing can be reached any more.
    pub(crate) down: AtomicBool,
    /// The views take in nothing any more.
    pub(crate) late: AtomicBool,
    /// How many passwords were hashed or compared.
    pub(crate) hashed: AtomicU64,
    /// How often credentials were looked up.
    found: AtomicU64,
    /// How often a stream was read.
    read: AtomicU64,
    /// How many seconds have passed.
    passed: AtomicI64,
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
            views: MemoryViews::default(),
            passcodes: Arc::default(),
            mail: Arc::default(),
            down: AtomicBool::new(false),
            late: AtomicBool::new(false),
            hashed: AtomicU64::new(0),
            found: AtomicU64::new(0),
            read: AtomicU64::new(0),
            passed: AtomicI64::new(0),
        })
    }

    pub(crate) fn ports(self: &Arc<Self>) -> Ports {
        Ports {
            log: self.clone(),
            keyring: Arc::new(keyring()),
            accounts: self.clone(),
            cursors: self.clone(),
            relay: self.clone(),
            broker: self.clone(),
            signals: Arc::new(posthaste_infrastructure::embedded::InProcessSignals::default()),
            sessions: Arc::new(MemorySessions::default()),
            tickets: self.clone(),
            presence: Arc::new(InProcessPresence::new(self.clone())),
            limiter: Arc::new(InProcessRateLimiter::new(self.clone())),
            views: Arc::new(self.views.clone()),
            projections: self.views.projections(),
            rebuilds: Arc::new(self.views.rebuilds()),
            dead: self.clone(),
            one_time: Arc::new(MemoryOneTimeTokens::default()),
            factors: Arc::new(MemoryFactors::default()),
            passkeys: Arc::new(MemoryPasskeys::default()),
            relying_party: Some(Arc::new(WebauthnParty::new("localhost", "Posthaste", &Origins::default()).unwrap())),
            identities: Arc::new(MemoryIdentities::default()),
            providers: vec![Provider { id: "elsewhere".to_owned(), name: "Elsewhere".to_owned(), way: Arc::new(Elsewhere) }],
            mail: Some(MailPorts {
                queue: self.mail.clone(),
                mailer: self.clone(),
                randomness: Arc::new(SystemRandomness),
                terms: MailTerms::default(),
            }),
            passcodes: self.passcodes.clone(),
            passwords: self.clone(),
            cipher: Arc::new(AesCipher::new(&[7; 32])),
            tokens: self.clone(),
            clock: self.clone(),
            ids: self.clone(),
            webhooks: None,
            desk: None,
            dependencies: Vec::new(),
        }
    }

    /// Keeps the views, until they are late.
    pub(crate) fn project(self: &Arc<Self>, tasks: &mut JoinSet<()>) {
        for projection in self.views.projections() {
            let memory = Arc::clone(self);
            tasks.spawn(async move {
                let mut projector = Projector::new(memory.clone(), projection);
                while !memory.late.load(Ordering::SeqCst) {
                    memory.grown(projector.position()).await;
                    // While the log is down, it is tried again.
                    if !memory.late.load(Ordering::SeqCst) && projector.step().await.is_err() {
                        tokio::task::yield_now().await;
                    }
                }
            });
        }
    }

    /// The correlation ids of the recorded events.
    pub(crate) fn correlations(&self) -> Vec<Uuid> {
        self.events.lock().unwrap().iter().map(|event| event.correlation).collect()
    }

    /// Puts credentials in, as a registration that got no further had left them.
    pub(crate) fn put_credentials(&self, user: Uuid, email: &str, password: &str) {
        let user = UserId::new(user);
        let credentials = Credentials { user, email: Email::parse(email).unwrap(), password_hash: Some(format!("plain:{password}")) };
        self.accounts.lock().unwrap().insert(user, credentials);
    }

    pub(crate) fn put_hash(&self, user: Uuid, hash: String) {
        self.accounts.lock().unwrap().get_mut(&UserId::new(user)).unwrap().password_hash = Some(hash);
    }

    pub(crate) fn hash_of(&self, user: Uuid) -> String {
        self.accounts.lock().unwrap()[&UserId::new(user)].password_hash.clone().unwrap()
    }

    /// How many mails are owed.
    pub(crate) async fn mail_waiting(&self) -> u64 {
        self.mail.status().await.unwrap().waiting
    }

    /// Lets so many seconds pass.
    pub(crate) fn pass(&self, seconds: i64) {
        self.passed.fetch_add(seconds, Ordering::SeqCst);
    }

    /// How often passwords were hashed, credentials looked up and streams read.
    pub(crate) fn asked(&self) -> [u64; 3] {
        [&self.hashed, &self.found, &self.read].map(|count| count.load(Ordering::SeqCst))
    }

    pub(crate) fn tickets_of(&self, user: Uuid) -> usize {
        let passes = self.tickets.lock().unwrap().values().map(|text| serde_json::from_str::<Pass>(text)).collect::<Vec<_>>();
        passes.into_iter().flatten().filter(|pass| pass.access.user.uuid() == user).count()
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
}

/// Nothing is sealed here.
fn keyring() -> Keyring {
    let masters = MasterKeys::new(MasterKey::new(&[7; 32]), Vec::new());
    Keyring::new(Arc::new(MemoryKeys::default()), masters, Arc::new(SystemRandomness), Sealing::Off, KeyAccess::Write)
}

#[async_trait]
impl EventLog for Memory {
    async fn record(&self, batch: Vec<Append>) -> Result<Recording, PortError> {
        self.up()?;
        let mut events = self.events.lock().unwrap();
        let mut commands = self.commands.lock().unwrap();
        let before = events.len();
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
                        let at = DateTime::from_timestamp(1_757_419_200 + position.0 as i64, 0).unwrap();
                        let ordinal = u16::try_from(ordinal).unwrap();
                        events.push(Recorded::new(&append, ordinal, event.clone(), position, at, [0; 32]));
                    }
                    let appended = Appended { first, last: Position(events.len() as u64), repeated: false };
                    commands.insert(append.command, (append.fingerprint, appended));
                    Ok(appended)
                }
            });
        }
        let events = events[before..].to_vec();
        self.grown.notify_waiters();
        Ok(Recording { answers, events, ..Recording::default() })
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
        self.read.fetch_add(1, Ordering::SeqCst);
        let events = self.events.lock().unwrap();
        Ok(events.iter().filter(|event| event.stream == stream && event.version > after_version).take(limit).cloned().collect())
    }

    async fn read_for_user(&self, _: UserId, _: Position, _: Position, _: usize) -> Result<Vec<Recorded>, PortError> {
        unreachable!("REST does not deliver")
    }

    async fn memberships(&self, user: UserId) -> Result<Memberships, PortError> {
        self.up()?;
        let mut windows: Vec<MembershipWindow> = Vec::new();
        for recorded in self.events.lock().unwrap().iter() {
            let audience = recorded.event().unwrap().audience();
            let changes = audience.users.into_iter().filter(|addressee| addressee.user == user).filter_map(|addressee| addressee.change);
            for (thread, change) in audience.thread.into_iter().cycle().zip(changes) {
                match change {
                    MembershipChange::Joined => windows.push(MembershipWindow { thread, from: recorded.position, until: None }),
                    MembershipChange::Left => {
                        let open = windows.iter_mut().find(|window| window.thread == thread && window.until.is_none());
                        open.unwrap().until = Some(recorded.position);
                    }
                }
            }
        }
        Ok(Memberships { as_of: Memory::head(self), windows })
    }

    async fn windows(&self, user: UserId, thread: ThreadId) -> Result<Vec<MembershipWindow>, PortError> {
        Ok(self.memberships(user).await?.windows.into_iter().filter(|window| window.thread == thread).collect())
    }

    async fn members_at(
        &self,
        thread: ThreadId,
        position: Position,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, PortError> {
        let events = self.events.lock().unwrap().clone();
        let named = events.iter().flat_map(|recorded| recorded.event().unwrap().audience().users);
        let mut members = BTreeSet::new();
        for user in named.map(|addressee| addressee.user).filter(|user| after.is_none_or(|after| *user > after)) {
            let windows = self.windows(user, thread).await?;
            if windows.iter().any(|window| window.from <= position && window.until.is_none_or(|until| position <= until)) {
                members.insert(user);
            }
        }
        Ok(members.into_iter().take(limit).collect())
    }

    async fn addressees(&self, _: &[Position]) -> Result<Vec<(Position, Addressee)>, PortError> {
        unreachable!("nobody is delivered to")
    }

    async fn readings(&self, thread: ThreadId, position: Position, users: &[UserId]) -> Result<Vec<Reading>, PortError> {
        let mut readings: Vec<Reading> = Vec::new();
        for recorded in self.events.lock().unwrap().iter() {
            let Event::Subscription(SubscriptionEvent::Read { thread: of, user, upto, device }) = recorded.event().unwrap().clone() else {
                continue;
            };
            if of == thread && upto >= position.0 && users.contains(&user) && readings.iter().all(|reading| reading.user != user) {
                readings.push(Reading { user, at: recorded.at, device });
            }
        }
        Ok(readings)
    }

    async fn deletions(&self, _streams: &[Uuid]) -> Result<Vec<Recorded>, PortError> {
        unreachable!("nobody is delivered to")
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
impl Mailer for Memory {
    async fn send(&self, _: &Mail) -> Result<(), Unsent> {
        unreachable!("REST carries no mail")
    }
}

#[async_trait]
impl Accounts for Memory {
    async fn create(&self, credentials: &Credentials) -> Result<(), PortError> {
        self.accounts.lock().unwrap().entry(credentials.user).or_insert_with(|| credentials.clone());
        Ok(())
    }

    async fn replace_hash(&self, user: UserId, before: Option<&str>, after: &str) -> Result<bool, PortError> {
        let mut accounts = self.accounts.lock().unwrap();
        let kept = accounts.get_mut(&user).filter(|kept| kept.password_hash.as_deref() == before);
        Ok(kept.map(|kept| kept.password_hash = Some(after.to_owned())).is_some())
    }

    async fn remove(&self, user: UserId) -> Result<(), PortError> {
        self.accounts.lock().unwrap().remove(&user);
        Ok(())
    }

    async fn find(&self, user: UserId) -> Result<Option<Credentials>, PortError> {
        self.found.fetch_add(1, Ordering::SeqCst);
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
        Ok(phc.is_some_and(|phc| phc == format!("plain:{password}") || phc == format!("weak:{password}")))
    }

    fn is_weak(&self, phc: &str) -> bool {
        phc.starts_with("weak:")
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
        DateTime::from_timestamp(1_757_419_200 + self.passed.load(Ordering::SeqCst), 123_456_789).unwrap()
    }
}

impl Ids for Memory {
    fn next(&self) -> Uuid {
        Uuid::from_u128(0x0199_2f6e_0000_7000_8000_0000_0000_0000 + u128::from(self.ids.fetch_add(1, Ordering::SeqCst)))
    }
}

#[async_trait]
impl Tickets for Memory {
    async fn keep(&self, kind: Kind, ticket: &str, text: String) -> Result<(), PortError> {
        self.tickets.lock().unwrap().insert((kind, ticket.to_owned()), text);
        Ok(())
    }

    async fn take(&self, kind: Kind, ticket: &str) -> Result<Option<String>, PortError> {
        Ok(self.tickets.lock().unwrap().remove(&(kind, ticket.to_owned())))
    }
}
