//! From the queue to the mailer.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use futures::future::join_all;
use posthaste_domain::user::UserEvent;
use posthaste_domain::{Category, Claim, ClaimId, Event, User, UserId};

use super::letter::letter;
use super::token::bound;
use super::{MOST_GOOD, MailPorts, OneTimeToken};
use crate::execute::{ExecuteError, Executor};
use crate::login::later;
use crate::meter::meters;
use crate::port::accounts::Credentials;
use crate::port::mail_queue::{MailSettlement, OwedMail, TakenMail};
use crate::port::mailer::{Mail, Unsent};
use crate::port::one_time::{OneTime, Purpose};
use crate::port::{PortError, Ports};
use crate::recorded::StreamId;

/// Mails that are sent at the same time.
const BATCH: usize = 16;
/// How long a registration may take: until then nobody having an address means nothing.
const REGISTERING: TimeDelta = TimeDelta::minutes(1);

/// Sends what is owed. Any number may run.
pub struct Courier {
    ports: Ports,
    mail: MailPorts,
    executor: Executor,
}

/// Whom a mail is for.
enum Addressee {
    /// The user whose address it is.
    User(Credentials),
    /// Somebody who may be registering.
    NotYet,
    /// Nobody who is to be sent anything.
    Nobody,
}

impl Courier {
    /// A courier. The executor is asked how things stand; it is given no commands.
    #[must_use]
    pub const fn new(ports: Ports, mail: MailPorts, executor: Executor) -> Self {
        Self { ports, mail, executor }
    }

    /// Sends what is due; gives how much was taken. Can be dropped at any point: what was taken is taken again later.
    ///
    /// # Errors
    /// A store failed. What it is about is taken again later.
    pub async fn step(&self) -> Result<usize, ExecuteError> {
        let now = self.ports.now();
        let taken = self.mail.queue.take(now, later(now, self.mail.terms.hold), BATCH).await?;
        for carried in join_all(taken.iter().map(|mail| self.carry(mail))).await {
            carried?;
        }
        Ok(taken.len())
    }

    async fn carry(&self, taken: &TakenMail) -> Result<(), ExecuteError> {
        let came = self.deliver(taken).await?;
        if !self.mail.queue.settle(taken, &came).await? {
            // It took longer than it may, and somebody else is at it.
            return Ok(());
        }
        let (mail, purpose, tries) = (taken.mail.id, taken.mail.purpose.as_str(), taken.tries);
        match came {
            MailSettlement::Done => tracing::debug!(%mail, purpose, tries, "done with a mail"),
            MailSettlement::Retry { .. } => meters().mail_retried.increment(1),
            MailSettlement::Dead { reason, .. } => {
                meters().mail_dead.increment(1);
                tracing::warn!(%mail, purpose, tries, undelivered = reason, "a mail was given up");
            }
        }
        Ok(())
    }

    /// What comes of a mail that was taken.
    async fn deliver(&self, TakenMail { mail: owed, tries }: &TakenMail) -> Result<MailSettlement, ExecuteError> {
        if *tries > self.mail.terms.tries {
            // It was begun, and nobody has lived to tell what came of it.
            return Ok(self.dead("it was begun too often".to_owned()));
        }
        let credentials = match self.addressee(owed).await? {
            Addressee::User(credentials) => credentials,
            Addressee::NotYet => return Ok(self.again(*tries)),
            Addressee::Nobody => return Ok(MailSettlement::Done),
        };
        // What was begun is finished: that is no further mail.
        if *tries == 1 && self.is_enough(credentials.user, owed.purpose).await? {
            return Ok(MailSettlement::Done);
        }
        let token = self.token(owed, &credentials).await?;
        let mail = self.write(owed, &credentials, &token).await?;
        Ok(match self.mail.mailer.send(&mail).await {
            Ok(()) => {
                meters().mail_sent.increment(1);
                MailSettlement::Done
            }
            Err(Unsent::Permanent(reason)) => self.dead(reason),
            Err(Unsent::Temporary(reason)) if *tries >= self.mail.terms.tries => self.dead(reason),
            Err(Unsent::Temporary(reason)) => {
                tracing::info!(mail = %owed.id, tries, undelivered = reason, "a mail was not sent, to be tried again");
                self.again(*tries)
            }
        })
    }

    /// Whose address it is, as the log has it now.
    async fn addressee(&self, owed: &OwedMail) -> Result<Addressee, ExecuteError> {
        let holder = self.executor.states().fresh::<Claim>(ClaimId::email(&owed.to)).await?.state.holder();
        let Some(holder) = holder else {
            // It is owed before the registration is recorded, so that none is without it.
            let registering = owed.purpose == Purpose::EmailVerification && self.ports.now() < owed.queued_at + REGISTERING;
            return Ok(if registering { Addressee::NotYet } else { Addressee::Nobody });
        };
        let user = self.executor.states().fresh::<User>(holder).await?;
        let pointless = user.is_barred() || owed.purpose == Purpose::EmailVerification && user.has_verified_email();
        let credentials = self.ports.accounts.find(holder).await?.filter(|_| !pointless);
        Ok(credentials.map_or(Addressee::Nobody, Addressee::User))
    }

    /// Whether somebody was sent enough for a purpose: a mail just now, or as many as may be good at the same time.
    async fn is_enough(&self, user: UserId, purpose: Purpose) -> Result<bool, PortError> {
        let (now, tokens) = (self.ports.now(), self.ports.one_time.of_user(user, purpose).await?);
        let just_now = tokens.first().is_some_and(|newest| later(newest.made_at, self.mail.terms.resend) > now);
        let good: BTreeSet<_> = tokens.iter().filter(|token| token.expires_at > now).map(|token| token.mail).collect();
        Ok(just_now || good.len() >= MOST_GOOD)
    }

    /// A new token, which is good from now on.
    async fn token(&self, owed: &OwedMail, credentials: &Credentials) -> Result<OneTimeToken, PortError> {
        let purpose = owed.purpose;
        let (token, now) = (OneTimeToken::new(self.mail.randomness.secret()?), self.ports.now());
        let kept = OneTime {
            digest: token.digest(),
            purpose,
            user: credentials.user,
            mail: owed.id,
            bound: bound(purpose, credentials),
            made_at: now,
            expires_at: later(now, self.mail.terms.lifetime(purpose)),
        };
        self.ports.one_time.keep(&kept).await?;
        Ok(token)
    }

    async fn write(&self, owed: &OwedMail, to: &Credentials, token: &OneTimeToken) -> Result<Mail, PortError> {
        let (terms, name) = (&self.mail.terms, self.name(to.user).await?);
        let letter = letter(owed.purpose, name.as_deref(), &terms.link_base, token, terms.lifetime(owed.purpose));
        let letter = letter.map_err(|error| PortError::rejected("templates", error))?;
        // Where the account says, and not what somebody has typed.
        let (to, subject) = (to.email.clone(), letter.subject.to_owned());
        Ok(Mail { id: owed.id, at: self.ports.now(), to, name, subject, text: letter.text, html: letter.html })
    }

    /// What somebody is called; nothing if that was erased.
    async fn name(&self, user: UserId) -> Result<Option<String>, PortError> {
        let stream = StreamId { category: Category::User, id: user.uuid() };
        let registered = self.ports.log.read_stream(stream, 0, 1).await?;
        let event = registered.first().and_then(|recorded| recorded.event().ok());
        let Some(Event::User(UserEvent::Registered { content, .. })) = event else { return Ok(None) };
        Ok(content.known().map(|profile| profile.display_name.as_str().to_owned()))
    }

    fn again(&self, tries: u32) -> MailSettlement {
        let pause = self.mail.terms.pauses.after(tries, self.mail.randomness.fraction());
        MailSettlement::Retry { due_at: later(self.ports.now(), pause) }
    }

    fn dead(&self, reason: String) -> MailSettlement {
        MailSettlement::Dead { reason, at: self.ports.now() }
    }
}
