use chrono::{DateTime, Utc};
use poem_openapi::param::{Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object, OpenApi};
use posthaste_application::deliver::{self, OnDevice, ReadAt, Stage};
use posthaste_application::problem::{Code, Problem};
use posthaste_domain::{Message, MessageId, User};
use uuid::Uuid;

use super::answer::Answer;
use super::auth::{AccessToken, is_staff};
use super::call::Call;
use super::page::{Asked, Items};
use super::problem::{Failed, failures};
use super::{Tag, example};

pub(super) struct Deliveries;

/// How far a message has come. It only goes forward.
#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
enum Status {
    /// Owed, since it was recorded.
    Pending,
    /// On its way to a device.
    Sent,
    /// Stored by a device.
    Delivered,
    /// Read.
    Read,
}

impl From<Stage> for Status {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Pending => Self::Pending,
            Stage::Sent => Self::Sent,
            Stage::Delivered => Self::Delivered,
            Stage::Read => Self::Read,
        }
    }
}

impl From<Status> for Stage {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Sent => Self::Sent,
            Status::Delivered => Self::Delivered,
            Status::Read => Self::Read,
        }
    }
}

/// When it came as far as this, and on which device.
#[derive(Object)]
#[oai(example)]
struct Step {
    /// When it first did.
    at: DateTime<Utc>,
    /// On which of their devices; null when it was read on none.
    device: Option<Uuid>,
}

impl Example for Step {
    fn example() -> Self {
        Self { at: example::noon(), device: Some(example::DEVICE) }
    }
}

impl From<OnDevice> for Step {
    fn from(OnDevice { at, device }: OnDevice) -> Self {
        Self { at, device: Some(device.uuid()) }
    }
}

impl From<ReadAt> for Step {
    fn from(ReadAt { at, device }: ReadAt) -> Self {
        Self { at, device: device.map(Into::into) }
    }
}

/// What became of a message for one of those it was sent to.
#[derive(Object)]
#[oai(example)]
struct Delivery {
    /// Who.
    user: Uuid,
    /// How far it has come.
    status: Status,
    /// Since when it is owed to them.
    committed_at: DateTime<Utc>,
    /// When it was handed to the socket of a device. What a device stores within a moment was sent by then.
    sent: Option<Step>,
    /// When a device said that it has stored it.
    delivered: Option<Step>,
    /// When they said that they have read it.
    read: Option<Step>,
}

impl From<deliver::Delivery> for Delivery {
    fn from(delivery: deliver::Delivery) -> Self {
        Self {
            user: delivery.user.uuid(),
            status: delivery.stage().into(),
            committed_at: delivery.committed,
            sent: delivery.sent.map(Step::from),
            delivered: delivery.delivered.map(Step::from),
            read: delivery.read.map(Step::from),
        }
    }
}

impl Example for Delivery {
    fn example() -> Self {
        Self {
            user: example::BOB,
            status: Status::Delivered,
            committed_at: example::noon(),
            sent: Some(Step::example()),
            delivered: Some(Step::example()),
            read: None,
        }
    }
}

/// Somebody who has read a message.
#[derive(Object)]
#[oai(example)]
struct Reader {
    /// Who.
    user: Uuid,
    /// When they said so.
    at: DateTime<Utc>,
}

impl Example for Reader {
    fn example() -> Self {
        Self { user: example::BOB, at: example::noon() }
    }
}

failures! {
    ReadersFailures = BEARER [404: "`not_found`: there is no such message, or it is not for you to see; which of the two is not told."]
}
failures! {
    ListFailures = BEARER [
        403: "`forbidden`: it is not your message, and you are neither admin nor auditor; `account_suspended`: you are suspended.",
        404: "`not_found`: there is no such message, or it is not for you to see; which of the two is not told.",
    ]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Messages")]
impl Deliveries {
    /// Find out what became of a message
    ///
    /// For everybody it is owed to but its author: those who were in the thread when it was recorded, in the order of their ids. The author
    /// may ask, and admins and auditors may. It is the log that answers, and what devices have acknowledged: there is nothing to wait for. Of those who do not let it be told
    /// what they read, a message is `delivered` at most to the author.
    #[oai(path = "/messages/:message/deliveries", method = "get", operation_id = "list_deliveries")]
    async fn list(
        &self,
        token: AccessToken,
        call: Call,
        /// The message.
        message: Path<Uuid>,
        /// Only those for whom it has come exactly this far.
        status: Query<Option<Status>>,
        /// The `next` of the page before this one; the first page when absent.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
    ) -> Result<Answer<Items<Delivery>>, Failed<ListFailures>> {
        let message = MessageId::new(message.0);
        let asked = Asked::new(before.0, limit.0)?;
        let staff = is_staff(&call.state::<User>(token.0.user).await?.state);
        if !staff {
            call.find(&token, message).await?;
        }
        let posted = call.state::<Message>(message).await?;
        let author = posted.state.author().ok_or(Code::NotFound)?;
        if !staff && author != token.0.user {
            return Err(Problem::with(Code::Forbidden, "only its author is told what became of a message").into());
        }
        let stage = status.0.map(Stage::from);
        let wanted = deliver::Deliveries { except: Some(author), stage, after: asked.before(), limit: asked.limit() };
        let ports = &call.app.ports;
        // What somebody does not let others know, those who look after the service see in the log.
        let privacy = (!staff).then_some(&*ports.views);
        let deliveries = wanted.of(&*ports.log, &*ports.cursors, privacy, posted.first).await?;
        Ok(Items::of(asked, deliveries, |delivery| delivery.user, Delivery::from).into())
    }

    /// List who has read a message
    ///
    /// Of those it was owed to, in the order of their ids, the author left out. Whoever sees the message may ask. Those who do not let it be told
    /// what they read are not among them, nor is anybody who has no device that took it in.
    #[oai(path = "/messages/:message/readers", method = "get", operation_id = "list_readers")]
    async fn readers(
        &self,
        token: AccessToken,
        call: Call,
        /// The message.
        message: Path<Uuid>,
        /// The `next` of the page before this one; the first page when absent.
        before: Query<Option<String>>,
        /// At most this many entries; 50 when absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
    ) -> Result<Answer<Items<Reader>>, Failed<ReadersFailures>> {
        let message = MessageId::new(message.0);
        let asked = Asked::new(before.0, limit.0)?;
        let found = call.find(&token, message).await?;
        let author = call.state::<Message>(message).await?.state.author();
        let wanted = deliver::Deliveries { except: author, stage: Some(Stage::Read), after: asked.before(), limit: asked.limit() };
        let ports = &call.app.ports;
        let deliveries = wanted.of(&*ports.log, &*ports.cursors, Some(&*ports.views), found.position).await?;
        let read = deliveries.into_iter().filter_map(|delivery| Some((delivery.user, delivery.read?.at))).collect();
        Ok(Items::of(asked, read, |(user, _)| *user, |(user, at)| Reader { user: user.uuid(), at }).into())
    }
}
