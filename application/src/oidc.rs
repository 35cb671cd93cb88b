//! Logging in with an account somewhere else (OpenID Connect): a browser is sent to a provider and comes back with what that vouches for,
//! and whoever has sent it makes a login of it, or links it to the login they have.
//!
//! - [`begin`](SignIns::begin) remembers what is to be recognised, and says where the browser goes;
//! - [`finish`](SignIns::finish) takes what it comes back with, and gives a code, which says nothing by itself;
//! - [`redeem`](SignIns::redeem) takes the code from whoever began, and nobody else, and says whom the provider vouches for;
//! - [`whom`](SignIns::whom) says who that is here; [`settle`](SignIns::settle) links or registers them, [`link`](SignIns::link) links them to
//!   somebody who is logged in.
//!
//! Everything between two of these is kept under a one-time ticket, so any node can go on. See docs/adr/0036.

mod account;
mod carried;

use std::sync::Arc;

use uuid::Uuid;

pub use self::account::{NotSettled, Whom};
pub use self::carried::{Challenge, Returned};
use self::carried::{SignIn, digest};
use crate::execute::Executor;
use crate::hex;
use crate::login::later;
use crate::port::identity_provider::Expected;
use crate::port::tickets::Held as _;
use crate::port::{IdentityProvider, PortError, Ports};

/// A provider that somebody can log in with.
#[derive(Clone)]
pub struct Provider {
    /// What it is called in addresses.
    pub id: String,
    /// What it is called to people.
    pub name: String,
    /// The way to it.
    pub way: Arc<dyn IdentityProvider>,
}

impl Provider {
    /// Whether what this provider vouches for was vouched for by that issuer.
    fn is(&self, issuer: &str) -> bool {
        self.way.issuer() == issuer
    }
}

/// A browser that is sent away.
pub struct Departure {
    /// Where to.
    pub url: String,
    /// What it must still have when it comes back.
    pub browser: String,
}

/// What a browser comes back with.
pub struct Arrival<'a> {
    /// The provider whose address it comes to.
    pub provider: &'a str,
    /// What is to be recognised.
    pub state: &'a str,
    /// What it was given when it was sent away.
    pub browser: Option<&'a str>,
    /// Who says so, if the provider says (RFC 9207).
    pub issuer: Option<&'a str>,
    /// What the provider gave it; none if nobody logged in there.
    pub code: Option<&'a str>,
}

/// A browser that has come back.
pub struct Landing {
    /// Where it is sent now.
    pub return_to: String,
    /// The code to be [redeemed](SignIns::redeem), or why there is none.
    pub code: Result<String, PortError>,
}

/// The sign-ins, as one request goes about them.
pub struct SignIns<'a> {
    /// The ports.
    pub ports: &'a Ports,
    /// Executes commands.
    pub executor: &'a Executor,
    /// Whether anybody may become a user.
    pub may_register: bool,
    /// Ties together what a request sets off.
    pub correlation: Uuid,
}

impl SignIns<'_> {
    /// The provider of this name.
    #[must_use]
    pub fn provider(&self, id: &str) -> Option<&Provider> {
        self.ports.providers.iter().find(|provider| provider.id == id)
    }

    /// The name of the provider that is this issuer, as long as it is configured.
    #[must_use]
    pub fn of_issuer(&self, issuer: &str) -> Option<&Provider> {
        self.ports.providers.iter().find(|provider| provider.is(issuer))
    }

    /// Sends a browser to a provider, to come back to `return_to`. Whoever can show what the challenge is the hash of gets what comes of it. The
    /// random bytes become whatever nobody must guess.
    ///
    /// # Errors
    /// The provider cannot be asked, or what is to be recognised cannot be kept.
    pub async fn begin(
        &self,
        provider: &Provider,
        return_to: String,
        challenge: Challenge,
        random: &[[u8; 32]; 4],
    ) -> Result<Departure, PortError> {
        let [state, browser, nonce, verifier] = random.each_ref().map(|bytes| hex::encode(bytes));
        let expected = Expected { nonce, verifier };
        let url = provider.way.authorization_url(&state, &expected).await?;
        let sign_in = SignIn { provider: provider.id.clone(), expected, browser: digest(&browser), return_to, challenge };
        self.ports.tickets.store(&state, &sign_in).await?;
        Ok(Departure { url, browser })
    }

    /// Takes what a browser comes back with, once; nothing if it was not sent away from here, or it is another one. The random bytes become the
    /// code.
    ///
    /// # Errors
    /// What was kept cannot be looked up.
    pub async fn finish(&self, arrival: Arrival<'_>, random: &[u8; 32]) -> Result<Option<Landing>, PortError> {
        let Some(sign_in) = self.ports.tickets.redeem::<SignIn>(arrival.state).await? else { return Ok(None) };
        let same = arrival.browser.is_some_and(|browser| digest(browser) == sign_in.browser);
        let provider = self.provider(arrival.provider).filter(|provider| provider.id == sign_in.provider);
        let provider = provider.filter(|provider| arrival.issuer.is_none_or(|issuer| provider.is(issuer)));
        let Some(provider) = provider.filter(|_| same) else { return Ok(None) };
        let code = match arrival.code {
            Some(code) => self.vouch(provider, code, &sign_in, random).await,
            None => Err(PortError::rejected("identity provider", "nobody logged in")),
        };
        Ok(Some(Landing { return_to: sign_in.return_to, code }))
    }

    /// Asks the provider whom it vouches for, and keeps that under a code.
    async fn vouch(&self, provider: &Provider, code: &str, sign_in: &SignIn, random: &[u8; 32]) -> Result<String, PortError> {
        let vouched = provider.way.redeem(code, &sign_in.expected).await?;
        let returned = Returned {
            issuer: provider.way.issuer().to_owned(),
            vouched,
            challenge: sign_in.challenge.clone(),
            expires_at: later(self.ports.clock.now(), Returned::KIND.ttl()),
        };
        let code = hex::encode(random);
        self.ports.tickets.store(&code, &returned).await?;
        Ok(code)
    }

    /// Whom a provider vouches for, once; nothing if the code is unknown, used or run out, or whoever gives it has not begun it.
    ///
    /// # Errors
    /// It cannot be looked up.
    pub async fn redeem(&self, code: &str, verifier: &str) -> Result<Option<Returned>, PortError> {
        let returned = self.ports.tickets.redeem::<Returned>(code).await?;
        let in_time = |returned: &Returned| returned.expires_at > self.ports.clock.now();
        // What was configured yesterday vouches for nobody today.
        let known = |returned: &Returned| self.of_issuer(&returned.issuer).is_some();
        Ok(returned.filter(|returned| returned.challenge.is_met_by(verifier) && in_time(returned) && known(returned)))
    }

    /// Puts a code back that led to nothing, such as because a second factor is asked for, to be tried again until it runs out.
    ///
    /// # Errors
    /// It cannot be kept.
    pub async fn restore(&self, code: &str, returned: &Returned) -> Result<(), PortError> {
        self.ports.tickets.store(code, returned).await
    }
}
