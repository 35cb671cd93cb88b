//! What the application asks of the world. A port crosses a process boundary or is not deterministic, and nothing else is one.

pub mod accounts;
pub mod broker;
pub mod clock;
#[cfg(feature = "contract")]
mod contract;
pub mod cursors;
pub mod dead;
pub mod dependency;
pub mod desk;
pub mod factors;
pub mod identities;
pub mod identity_provider;
pub mod import;
pub mod keys;
pub mod lease;
pub mod limiter;
pub mod log;
pub mod mail_queue;
pub mod mailer;
pub mod one_time;
pub mod passcodes;
pub mod passkeys;
pub mod poster;
pub mod presence;
pub mod projection;
pub mod queue;
pub mod rebuilds;
pub mod seals;
pub mod secrets;
pub mod sessions;
pub mod signals;
pub mod tickets;
pub mod webhooks;

use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, Utc};

pub use accounts::Accounts;
pub use broker::Broker;
pub use clock::{Clock, Ids, Randomness};
pub use cursors::Cursors;
pub use dead::DeadLetters;
pub use dependency::Dependency;
pub use desk::Desk;
pub use factors::Factors;
pub use identities::Identities;
pub use identity_provider::IdentityProvider;
pub use import::LogImport;
pub use keys::ContentKeys;
pub use lease::RelayLease;
pub use limiter::RateLimiter;
pub use log::{EventLog, Tail};
pub use mail_queue::MailQueue;
pub use mailer::Mailer;
pub use one_time::OneTimeTokens;
pub use passcodes::Passcodes;
pub use passkeys::{Passkeys, RelyingParty};
pub use poster::Poster;
pub use presence::Presence;
pub use projection::Projection;
pub use queue::EventQueue;
pub use rebuilds::Rebuilds;
pub use seals::SealStore;
pub use secrets::{Cipher, Passwords, Tokens};
pub use sessions::Sessions;
pub use signals::Signals;
pub use tickets::Tickets;
pub use webhooks::Webhooks;

use crate::codec::Undecodable;
use crate::content::Keyring;
use crate::mail::MailPorts;
use crate::oidc::Provider;
use crate::view::Views;
use crate::webhooks::WebhookPorts;

/// Why a port did not do what it was asked, whatever its technology.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// It cannot be reached, or answered too late. What was asked may or may not have happened; asking again is right.
    #[error("{service} is unavailable")]
    Unavailable {
        /// Which service: `postgresql`, `sqlite`, `rabbitmq`, `redis`.
        service: &'static str,
        /// What its driver said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It understood and said no; asking again will not help.
    #[error("{service} refused the request")]
    Rejected {
        /// Which service.
        service: &'static str,
        /// What its driver said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is stored is not what can have been stored.
    #[error("corrupt data in {place}")]
    Corrupt {
        /// Where it is.
        place: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// One of the events that it was given can never be taken in, however things stand.
    #[error("an event that {place} cannot take")]
    Poison {
        /// Who cannot.
        place: &'static str,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl PortError {
    /// Cannot be reached now.
    pub fn unavailable(service: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable { service, source: source.into() }
    }

    /// Will never be accepted.
    pub fn rejected(service: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Rejected { service, source: source.into() }
    }

    /// An event can never be taken in.
    pub fn poison(place: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Poison { place, source: source.into() }
    }

    /// Whether it lies in an event: the same will come of it whenever it is tried again, and of other events nothing is said.
    #[must_use]
    pub fn is_poison(&self) -> bool {
        match self {
            Self::Poison { .. } => true,
            Self::Corrupt { source, .. } => source.is::<Undecodable>(),
            Self::Unavailable { .. } | Self::Rejected { .. } => false,
        }
    }

    /// With its causes, in one line, to be kept and shown. What is quoted in it is not: somebody may have said that.
    #[must_use]
    pub fn in_full(&self) -> String {
        let unquoted = |said: String| match (said.find('"'), said.rfind('"')) {
            (Some(first), Some(last)) if first < last => format!("{}\"…\"{}", &said[..first], &said[last + 1..]),
            _ => said,
        };
        let causes = std::iter::successors(std::error::Error::source(self), |cause| cause.source());
        causes.fold(self.to_string(), |said, cause| format!("{said}: {}", unquoted(cause.to_string())))
    }

    /// Is not what was stored.
    pub fn corrupt(place: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Corrupt { place: place.into(), source: source.into() }
    }
}

/// Every port, as one profile provides them.
#[derive(Clone)]
pub struct Ports {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// The keys of what people said.
    pub keyring: Arc<Keyring>,
    /// Credentials.
    pub accounts: Arc<dyn Accounts>,
    /// Logins.
    pub sessions: Arc<dyn Sessions>,
    /// What is sent to be given back once.
    pub one_time: Arc<dyn OneTimeTokens>,
    /// What logging in takes beside a password.
    pub factors: Arc<dyn Factors>,
    /// What logging in takes instead of a password.
    pub passkeys: Arc<dyn Passkeys>,
    /// What passkeys are made for, if anything.
    pub relying_party: Option<Arc<dyn RelyingParty>>,
    /// Accounts somewhere else that users log in with.
    pub identities: Arc<dyn Identities>,
    /// Where they are.
    pub providers: Vec<Provider>,
    /// What joining a thread may take.
    pub passcodes: Arc<dyn Passcodes>,
    /// How far each device has come.
    pub cursors: Arc<dyn Cursors>,
    /// Who relays, and how far they have come.
    pub relay: Arc<dyn RelayLease>,
    /// The way from the relay to the gateways.
    pub broker: Arc<dyn Broker>,
    /// What nodes tell each other in passing.
    pub signals: Arc<dyn Signals>,
    /// One-time passes for sockets.
    pub tickets: Arc<dyn Tickets>,
    /// Who is online.
    pub presence: Arc<dyn Presence>,
    /// How often what may be done, for all nodes together.
    pub limiter: Arc<dyn RateLimiter>,
    /// What the views are asked.
    pub views: Arc<dyn Views>,
    /// What keeps the views, one for each.
    pub projections: Vec<Arc<dyn Projection>>,
    /// The views beside them, to be put in their place.
    pub rebuilds: Arc<dyn Rebuilds>,
    /// What could not be taken, by views and webhooks.
    pub dead: Arc<dyn DeadLetters>,
    /// Password hashes.
    pub passwords: Arc<dyn Passwords>,
    /// What is kept unreadable.
    pub cipher: Arc<dyn Cipher>,
    /// Access tokens.
    pub tokens: Arc<dyn Tokens>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New identifiers.
    pub ids: Arc<dyn Ids>,
    /// What mail takes, if any is sent.
    pub mail: Option<MailPorts>,
    /// What webhooks take, if there is one.
    pub webhooks: Option<WebhookPorts>,
    /// Where it is asked for what is to be done with views, if those are in the memory of this process.
    pub desk: Option<Arc<dyn Desk>>,
    /// What else the service stands on.
    pub dependencies: Vec<Arc<dyn Dependency>>,
}

impl Ports {
    /// The time, in whole microseconds, as stores keep it.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }
}

#[cfg(test)]
mod tests {
    use super::PortError;

    #[test]
    fn what_was_said_is_not_in_what_is_said_of_it() {
        let source = serde_json::from_str::<u32>(r#""my \"secret\" is 7""#).unwrap_err();
        let said = PortError::poison("the view", source).in_full();
        assert_eq!(said, "an event that the view cannot take: invalid type: string \"…\", expected u32 at line 1 column 20");
    }
}
