use chrono::{DateTime, Utc};
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object, OpenApi};
use posthaste_application::port::mail_queue::DeadMail;
use posthaste_application::port::one_time;
use uuid::Uuid;

use crate::http::answer::Answer;
use crate::http::auth::StaffToken;
use crate::http::call::Call;
use crate::http::problem::{Failed, failures};
use crate::http::{Tag, example};

/// Most mails that are shown.
const SHOWN: usize = 100;

pub(in crate::http) struct Mail;

/// What a mail is for.
#[derive(Clone, Copy, Enum)]
#[oai(remote = "one_time::Purpose", rename_all = "snake_case")]
enum Purpose {
    /// To set a password anew.
    PasswordReset,
    /// To show that what is sent to an address reaches its user.
    EmailVerification,
    /// To tell somebody that their account is to be deleted.
    AccountDeletion,
}

/// How mail is doing.
#[derive(Object)]
#[oai(example, rename = "MailStatus")]
struct Status {
    /// Whether this service sends any.
    sends: bool,
    /// How many mails are to be sent.
    waiting: u64,
    /// When the oldest of them was asked for; null when there is none.
    oldest: Option<DateTime<Utc>>,
    /// How many were given up within the last 30 days.
    dead: u64,
    /// The last 100 of those, the latest first.
    latest_dead: Vec<Dead>,
}

/// A mail that was given up. To whom it was is not told.
#[derive(Object)]
#[oai(example, rename = "DeadMail")]
struct Dead {
    /// Which: what its `Message-ID` begins with. At a registration it is the user's id.
    id: Uuid,
    /// What it was for.
    purpose: Purpose,
    /// When it was asked for.
    queued_at: DateTime<Utc>,
    /// When it was given up.
    died_at: DateTime<Utc>,
    /// How often it was tried.
    tries: u32,
    /// Why it was given up.
    reason: String,
}

impl Example for Status {
    fn example() -> Self {
        Self { sends: true, waiting: 2, oldest: Some(example::noon()), dead: 1, latest_dead: vec![Dead::example()] }
    }
}

impl Example for Dead {
    fn example() -> Self {
        Self {
            id: example::ALICE,
            purpose: Purpose::EmailVerification,
            queued_at: example::noon(),
            died_at: example::noon(),
            tries: 1,
            reason: "the server answered 550".to_owned(),
        }
    }
}

impl From<DeadMail> for Dead {
    fn from(DeadMail { id, purpose, queued_at, died_at, tries, reason }: DeadMail) -> Self {
        Self { id, purpose: purpose.into(), queued_at, died_at, tries, reason }
    }
}

failures! { MailFailures = BEARER STAFF }

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Administration")]
impl Mail {
    /// See how mail is doing
    ///
    /// What waits to be sent, and what was given up: because the server refused it for good, or it was tried often enough. Whom it was for can ask
    /// again.
    #[oai(path = "/mail", method = "get", operation_id = "get_mail")]
    async fn get(&self, _staff: StaffToken, call: Call) -> Result<Answer<Status>, Failed<MailFailures>> {
        let Some(mail) = &call.app.ports.mail else {
            return Ok(Status { sends: false, waiting: 0, oldest: None, dead: 0, latest_dead: Vec::new() }.into());
        };
        let status = mail.queue.status().await?;
        let latest_dead = mail.queue.dead(SHOWN).await?.into_iter().map(Dead::from).collect();
        Ok(Status { sends: true, waiting: status.waiting, oldest: status.oldest, dead: status.dead, latest_dead }.into())
    }
}
