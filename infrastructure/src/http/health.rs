use async_trait::async_trait;
use poem_openapi::payload::{Json, PlainText};
use poem_openapi::types::{Example, ToJSON as _};
use poem_openapi::{ApiResponse, Object, OpenApi};
use posthaste_application::problem::Code;

use super::Tag;
use super::answer::Answer;
use super::call::Call;

/// What is running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The version of the program.
    pub version: &'static str,
    /// The commit it was built from, if that is known.
    pub commit: Option<&'static str>,
}

/// The state of one thing the service needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at: `database`, `schema`, `broker`, `relay`, `views`, `redis`, `draining`.
    pub name: &'static str,
    /// Why it cannot serve; `None` when it can. Shown to whoever asks, so without addresses.
    pub failure: Option<String>,
    /// Without it no requests should be sent here. What is not required is told and no more.
    pub required: bool,
}

/// Whether the service can take requests.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// The state of everything that is needed, looked at now, within a second or so.
    async fn checks(&self) -> Vec<Check>;
}

/// What was measured, for Prometheus.
#[async_trait]
pub trait Exposition: Send + Sync {
    /// Everything as of now, in Prometheus' text format, within a second or so.
    async fn text(&self) -> String;
}

pub(super) struct Health;

/// What runs here.
#[derive(Object)]
#[oai(example, skip_serializing_if_is_none)]
struct About {
    /// Always `posthaste`.
    name: String,
    /// The version of the program.
    version: String,
    /// The commit it was built from.
    commit: Option<String>,
    /// The documentation of this API.
    docs: String,
    /// The same for programs.
    openapi: String,
    /// The WebSocket.
    socket: String,
}

impl Example for About {
    fn example() -> Self {
        Self::of(&Build { version: "0.1.0", commit: None })
    }
}

impl About {
    fn of(build: &Build) -> Self {
        Self {
            name: "posthaste".to_owned(),
            version: build.version.to_owned(),
            commit: build.commit.map(str::to_owned),
            docs: "/docs".to_owned(),
            openapi: "/v1/openapi.json".to_owned(),
            socket: "/v1/ws".to_owned(),
        }
    }
}

/// The process is alive.
#[derive(Object)]
#[oai(example)]
struct Alive {
    /// Always true.
    alive: bool,
}

impl Example for Alive {
    fn example() -> Self {
        Self { alive: true }
    }
}

/// Whether one thing is as it must be.
#[derive(Object)]
#[oai(rename = "Check", skip_serializing_if_is_none)]
struct Checked {
    /// What was looked at.
    name: String,
    /// Whether it is as it must be.
    ok: bool,
    /// Whether it keeps the process from being ready.
    required: bool,
    /// What is wrong with it.
    detail: Option<String>,
}

impl From<Check> for Checked {
    fn from(Check { name, failure, required }: Check) -> Self {
        Self { name: name.to_owned(), ok: failure.is_none(), required, detail: failure }
    }
}

/// Everything that is required is as it must be.
#[derive(Object)]
#[oai(example)]
struct Ready {
    /// Always true.
    ready: bool,
    /// What was looked at.
    checks: Vec<Checked>,
}

impl Example for Ready {
    fn example() -> Self {
        Self { ready: true, checks: vec![Checked { name: "database".to_owned(), ok: true, required: true, detail: None }] }
    }
}

/// A problem (RFC 9457) with everything that was looked at.
#[derive(Object)]
#[oai(example)]
struct NotReady {
    /// Always `urn:posthaste:problem:unavailable`.
    #[oai(rename = "type")]
    uri: String,
    /// The same few words every time, for people.
    title: String,
    /// The HTTP status.
    status: u16,
    /// Always `unavailable`.
    code: String,
    /// Always `after`.
    retry: String,
    /// How long to wait, in milliseconds.
    retry_after_ms: u64,
    /// Always false.
    ready: bool,
    /// What was looked at.
    checks: Vec<Checked>,
}

impl NotReady {
    fn of(checks: Vec<Checked>) -> Self {
        let code = Code::Unavailable;
        Self {
            uri: code.uri().to_owned(),
            title: code.title().to_owned(),
            status: code.status(),
            code: code.as_str().to_owned(),
            retry: code.retry().as_str().to_owned(),
            retry_after_ms: 1_000,
            ready: false,
            checks,
        }
    }
}

impl Example for NotReady {
    fn example() -> Self {
        let detail = Some("rabbitmq is unavailable".to_owned());
        Self::of(vec![Checked { name: "broker".to_owned(), ok: false, required: true, detail }])
    }
}

#[derive(ApiResponse)]
enum Readied {
    /// It can take requests.
    #[oai(status = 200)]
    Ready(Json<Ready>),
    /// It cannot, for the reasons given.
    #[oai(status = 503, content_type = "application/problem+json")]
    NotReady(Json<NotReady>),
}

#[derive(ApiResponse)]
enum Measured {
    /// Prometheus' text format.
    #[oai(status = 200, content_type = "text/plain; version=0.0.4; charset=utf-8")]
    Text(PlainText<String>),
}

#[OpenApi(tag = "Tag::Operations")]
impl Health {
    /// What runs here
    ///
    /// The program, its version, and where to go from here.
    #[oai(path = "/", method = "get", operation_id = "about")]
    async fn about(&self, call: Call) -> Answer<About> {
        About::of(&call.app.build).into()
    }

    /// Whether the process is alive
    ///
    /// Looks at nothing else: a process whose database is gone is not helped by a restart.
    #[oai(path = "/healthz", method = "get", operation_id = "alive")]
    async fn alive(&self) -> Answer<Alive> {
        Alive { alive: true }.into()
    }

    /// Whether it can take requests
    ///
    /// Looks at what the service needs: database, schema, broker, the lag of relay and views. Not ready while it is being stopped. What is not
    /// required is told too, and does not keep it from being ready.
    #[oai(path = "/readyz", method = "get", operation_id = "ready")]
    async fn ready(&self, call: Call) -> Readied {
        let checks: Vec<_> = call.app.readiness.checks().await.into_iter().map(Checked::from).collect();
        if checks.iter().all(|check| check.ok || !check.required) {
            Readied::Ready(Json(Ready { ready: true, checks }))
        } else {
            tracing::warn!(checks = checks.to_json_string(), "not ready");
            Readied::NotReady(Json(NotReady::of(checks)))
        }
    }

    /// What was measured
    ///
    /// For Prometheus: what was counted since the process started, and how things stand. Holds no names, addresses or contents.
    #[oai(path = "/metrics", method = "get", operation_id = "metrics")]
    async fn metrics(&self, call: Call) -> Measured {
        Measured::Text(PlainText(call.app.exposition.text().await))
    }
}
