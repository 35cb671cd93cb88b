//! Mail over SMTP.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use posthaste_application::port::Mailer;
use posthaste_application::port::mailer::{Mail, Unsent};
use tokio::time::timeout;

use super::Sender;

/// What a server answers that does not like who asks, or how: that says nothing of the mail, and somebody will notice and mend it.
const OURS_TO_MEND: [u16; 4] = [530, 534, 535, 538];

/// How the way to the server is kept to oneself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// It is not.
    None,
    /// With TLS from the second word on; without it nothing is sent.
    StartTls,
    /// With TLS from the first word on.
    Tls,
}

impl SmtpTls {
    /// Where servers listen for that.
    const fn port(self) -> u16 {
        match self {
            Self::None => 25,
            Self::StartTls => 587,
            Self::Tls => 465,
        }
    }
}

/// A server that takes mail over.
#[derive(Clone)]
pub struct Smtp {
    /// Its name, which its certificate is for.
    pub host: String,
    /// Its port; what is usual when absent.
    pub port: Option<u16>,
    /// How the way there is kept to oneself.
    pub tls: SmtpTls,
    /// User and password, if it asks for them.
    pub login: Option<(String, String)>,
    /// How long a mail may take, from the connection to the server's word that it has it.
    pub timeout: Duration,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("host", &self.host).field("port", &self.port).field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// Why a server cannot be one.
#[derive(Debug, thiserror::Error)]
#[error("there is no TLS for it: its name is none, or there are no certificates to trust")]
pub struct UnusableServer(#[source] Error);

/// Sends each mail over a connection of its own: mails are few.
#[derive(Debug)]
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Sender,
    timeout: Duration,
}

impl SmtpMailer {
    /// By way of this server.
    ///
    /// # Errors
    /// It cannot be spoken to as configured.
    pub fn new(smtp: &Smtp, from: Sender) -> Result<Self, UnusableServer> {
        let parameters = || TlsParameters::new(smtp.host.clone()).map_err(UnusableServer);
        let tls = match smtp.tls {
            SmtpTls::None => Tls::None,
            SmtpTls::StartTls => Tls::Required(parameters()?),
            SmtpTls::Tls => Tls::Wrapper(parameters()?),
        };
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host)
            .port(smtp.port.unwrap_or(smtp.tls.port()))
            .tls(tls)
            .hello_name(ClientId::Domain(from.domain().to_owned()))
            .timeout(Some(smtp.timeout));
        let transport = match smtp.login.clone() {
            Some((user, password)) => transport.credentials(Credentials::new(user, password)),
            None => transport,
        };
        Ok(Self { transport: transport.build(), from, timeout: smtp.timeout })
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), Unsent> {
        let message = self.from.write(mail)?;
        match timeout(self.timeout, self.transport.send(message)).await {
            Ok(sent) => sent.map(drop).map_err(|error| unsent(&error)),
            Err(_) => Err(Unsent::Temporary("the server did not answer in time".to_owned())),
        }
    }
}

fn unsent(error: &Error) -> Unsent {
    let status = error.status().map(u16::from);
    match status {
        Some(status) if error.is_permanent() && !OURS_TO_MEND.contains(&status) => {
            Unsent::Permanent(format!("the server answered {status}"))
        }
        Some(status) => Unsent::Temporary(format!("the server answered {status}")),
        None if error.is_timeout() => Unsent::Temporary("the server did not answer in time".to_owned()),
        None if error.is_tls() => Unsent::Temporary("there is no TLS with the server".to_owned()),
        None if error.is_client() => Unsent::Temporary("the server does not offer what is needed".to_owned()),
        None => Unsent::Temporary("the server cannot be reached".to_owned()),
    }
}
