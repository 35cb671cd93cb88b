//! From the queue to the mailer.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use posthaste_domain::user::UserEvent;
use posthaste_domain::{Category, Claim, ClaimId, Event, User, UserId};

use super::letter::{Letter, farewell, letter};
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
/// How long it may take to record what a mail is about. It is owed before that, so that nothing is without it: until then it means nothing that
/// nobody has an address, or that nobody is leaving.
const RECORDING: TimeDelta = TimeDelta::minutes(1);

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
    /// The user whose address it is, and when their account is to be deleted.
    Leaving(Credentials, DateTime<Utc>),
    /// Somebody who may be registering, or about to leave.
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
        let mail = match self.addressee(owed).await? {
            // What was begun is finished: that is no further mail.
            Addressee::User(credentials) if *tries == 1 && self.is_enough(credentials.user, owed.purpose).await? => {
                return Ok(MailSettlement::Done);
            }
            Addressee::User(credentials) => {
                let (terms, token) = (&self.mail.terms, self.token(owed, &credentials).await?);
                let lifetime = terms.lifetime(owed.purpose);
                self.write(owed, credentials, |name| letter(owed.purpose, name, &terms.link_base, &token, lifetime)).await?
            }
            Addressee::Leaving(credentials, final_at) => {
                self.write(owed, credentials, |name| farewell(name, &self.mail.terms.link_base, final_at)).await?
            }
            Addressee::NotYet => return Ok(self.again(*tries)),
            Addressee::Nobody => return Ok(MailSettlement::Done),
        };
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
        let recording = self.ports.now() < owed.queued_at + RECORDING;
        let not_yet = if recording { Addressee::NotYet } else { Addressee::Nobody };
        let Some(holder) = holder else {
            return Ok(if owed.purpose == Purpose::EmailVerification { not_yet } else { Addressee::Nobody });
        };
        let user = self.executor.states().fresh::<User>(holder).await?;
        let Some(credentials) = self.ports.accounts.find(holder).await? else { return Ok(Addressee::Nobody) };
        let pointless = match owed.purpose {
            Purpose::AccountDeletion => {
                return Ok(user.leaving().map_or(not_yet, |final_at| Addressee::Leaving(credentials, final_at)));
            }
            Purpose::PasswordReset => user.is_barred(),
            Purpose::EmailVerification => user.is_barred() || user.has_verified_email(),
        };
        Ok(if pointless { Addressee::Nobody } else { Addressee::User(credentials) })
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

    /// A letter to somebody by the name that they have.
    async fn write(
        &self,
        owed: &OwedMail,
        to: Credentials,
        letter: impl FnOnce(Option<&str>) -> Result<Letter, askama::Error>,
    ) -> Result<Mail, PortError> {
        let name = self.name(to.user).await?;
        let Letter { subject, text, html } = letter(name.as_deref()).map_err(|error| PortError::rejected("templates", error))?;
        // Where the account says, and not what somebody has typed.
        Ok(Mail { id: owed.id, at: self.ports.now(), to: to.email, name, subject: subject.to_owned(), text, html })
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
