use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use posthaste_application::health::Progress;
use posthaste_application::recorded::Position;
use uuid::Uuid;

use crate::http::answer::Answer;
use crate::http::auth::StaffToken;
use crate::http::call::Call;
use crate::http::problem::{Failed, failures};
use crate::http::{Tag, example};

pub(in crate::http) struct Lag;

/// How far behind the log everybody is who follows it.
#[derive(Object)]
#[oai(example, rename = "Lag")]
struct Behind {
    /// The end of the log.
    head: u64,
    /// The relay, which takes events to the broker.
    relay: RelayBehind,
    /// The views.
    views: Vec<ViewBehind>,
    /// Who takes in the log and left something out, because they could not take it.
    dead_letters: Vec<LettersOf>,
}

/// How far the relay is.
#[derive(Object)]
#[oai(example)]
struct RelayBehind {
    /// Who relays; null when nobody does.
    holder: Option<Uuid>,
    /// How often the right to relay has changed hands.
    epoch: u64,
    /// The broker has confirmed everything up to here.
    checkpoint: u64,
    /// How many events that is behind the log.
    lag: u64,
}

/// How far a view is.
#[derive(Object)]
#[oai(example)]
struct ViewBehind {
    /// Which.
    name: String,
    /// It has taken in everything up to here.
    checkpoint: u64,
    /// How many events that is behind the log.
    lag: u64,
}

/// How many dead letters a view or a webhook has.
#[derive(Object)]
#[oai(example, rename = "DeadLettersOf")]
struct LettersOf {
    /// Which: `view:<name>` or `webhook:<name>`.
    consumer: String,
    /// How many streams are parked for it, each with one.
    count: u64,
}

impl Example for Behind {
    fn example() -> Self {
        Self { head: 5_120, relay: RelayBehind::example(), views: vec![ViewBehind::example()], dead_letters: vec![LettersOf::example()] }
    }
}

impl Example for RelayBehind {
    fn example() -> Self {
        Self { holder: Some(example::DEVICE), epoch: 3, checkpoint: 5_118, lag: 2 }
    }
}

impl Example for ViewBehind {
    fn example() -> Self {
        Self { name: "timeline".to_owned(), checkpoint: 5_120, lag: 0 }
    }
}

impl Example for LettersOf {
    fn example() -> Self {
        Self { consumer: "webhook:crm".to_owned(), count: 1 }
    }
}

failures! { LagFailures = BEARER STAFF }

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Administration")]
impl Lag {
    /// See how far everybody is
    ///
    /// The relay and the views, and who left anything out. How far a device is, is told with the sessions.
    #[oai(path = "/lag", method = "get", operation_id = "get_lag")]
    async fn get(&self, _staff: StaffToken, call: Call) -> Result<Answer<Behind>, Failed<LagFailures>> {
        let ports = &call.app.ports;
        let status = ports.relay.status().await?;
        let Progress { head, relay, views } = Progress::look(&*ports.log, &*ports.relay, &ports.projections).await?;
        let lag = |checkpoint: Position| head.0.saturating_sub(checkpoint.0);
        let relay = RelayBehind { holder: status.holder, epoch: status.epoch, checkpoint: relay.0, lag: lag(relay) };
        let views = views.into_iter().map(|(name, at)| ViewBehind { name: name.to_owned(), checkpoint: at.0, lag: lag(at) });
        let dead = ports.dead.counts().await?.into_iter();
        let dead_letters = dead.map(|(consumer, count)| LettersOf { consumer: consumer.to_string(), count }).collect();
        Ok(Behind { head: head.0, relay, views: views.collect(), dead_letters }.into())
    }
}
