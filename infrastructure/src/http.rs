//! REST, its documentation, and what every HTTP request goes through.
//!
//! A resource is one file: its operations, its bodies (private to the file), and what can fail. An operation takes its body apart,
//! builds a command or asks a view, and answers; rules live in the domain. To add one: a method in its resource's `#[OpenApi]` block, and its
//! failures; the snapshot test shows what it did to the document.
//!
//! ```text
//! serve(listener, edge(routes(), app), …)
//!                 │    └ resources, /docs, /v1/openapi.json; other endpoints are added with `.at(…)`
//!                 └ request id, span, limits, what browsers must know, and every error as problem+json
//! ```

mod additions;
mod admin;
mod answer;
mod auth;
mod bans;
mod blocks;
mod body;
mod call;
mod client;
mod content;
mod cors;
mod deletion;
mod deliveries;
mod document;
mod edge;
mod email;
mod entry;
mod example;
mod factor;
mod friends;
mod health;
mod history;
mod identities;
mod invites;
mod kinds;
mod limits;
mod me;
mod members;
mod messages;
mod my_threads;
mod oidc;
mod page;
mod passkey;
mod password;
mod pins;
mod presence;
mod privacy;
mod problem;
mod profile;
mod reactions;
mod revision;
mod search;
mod server;
mod sessions;
mod shield;
mod subscriptions;
mod threads;
mod tickets;
mod traceparent;
mod users;
mod visit;

use std::sync::Arc;
use std::time::Duration;

use poem::endpoint::make_sync;
use poem::http::header;
use poem::{Endpoint, EndpointExt as _, Response, Route};
use poem_openapi::{OpenApiService, Tags};
use posthaste_application::Ports;
use posthaste_application::execute::Executor;
use posthaste_application::limit::Limiter;
use posthaste_application::login::Lifetimes;
use posthaste_application::origin::Origins;
use posthaste_application::read::ReadQueue;

pub use client::{Forwarding, Proxies};
use document::Exact;
pub use health::{Build, Check, Exposition, Readiness};
pub use server::{ConnectionLimits, HttpListener, serve};

/// What the resources need.
pub struct App {
    /// Executes commands.
    pub executor: Executor,
    /// Where reads go.
    pub reads: ReadQueue,
    /// The ports.
    pub ports: Ports,
    /// What is allowed.
    pub limits: Limits,
    /// Who asks too often.
    pub limiter: Limiter,
    /// What stands around this.
    pub edges: Edges,
    /// How long logins are good for.
    pub lifetimes: Lifetimes,
    /// Whether anybody may become a user.
    pub registration: Registration,
    /// What is running.
    pub build: Build,
    /// Whether it can serve.
    pub readiness: Arc<dyn Readiness>,
    /// What was measured.
    pub exposition: Arc<dyn Exposition>,
}

/// What stands between the service and those who ask it.
#[derive(Clone, Debug, Default)]
pub struct Edges {
    /// Those who are believed when they say for whom they ask.
    pub proxies: Proxies,
    /// Web pages that may call, beside the server's own.
    pub origins: Origins,
    /// Whether the world reaches this over TLS alone.
    pub behind_tls: bool,
}

/// Whether anybody may become a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Whoever asks.
    Open,
    /// Nobody but whom an operator registers.
    Closed,
}

/// What a request may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of a request's body.
    pub body_bytes: usize,
    /// How long a request may take, its body included.
    pub request: Duration,
    /// How long a query waits for a view to reach the position it asked for.
    pub view_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 64 * 1024, request: Duration::from_secs(30), view_wait: Duration::from_secs(2) }
    }
}

#[derive(Tags)]
enum Tag {
    /// Becoming a user, and finding others.
    Users,
    /// Logging in.
    Sessions,
    /// Who is whose friend, or asked to be.
    Friends,
    /// Conversations: how they are set up, and what each keeps about them.
    Threads,
    /// Who is in a thread, who is invited, and who is kept out.
    Members,
    /// What is said in a thread.
    Messages,
    /// The way to the WebSocket.
    Sockets,
    /// What runs here, and whether it runs.
    Operations,
    /// For admins, who run the service, and auditors, who look on. Nobody else finds anything here.
    Administration,
}

const DESCRIPTION: &str = "\
Posthaste delivers every message: it is committed to an append-only log before anyone is told about it.

**Positions.** Everything that happens has a position in the log. A command answers with the `position` of what it led to; a query takes it \
as `after` and waits until it has seen that far, so that you read your own writes. Lists are read newest first, by keyset: pass a page's \
`next` as `before` to go on; `next` is null at the end.

**Idempotency.** Send an `Idempotency-Key` (a UUID, best version 7) with every command, chosen before the first try and the same on every retry. \
The same key gives the first answer for ever and records nothing more; the same key for something else is refused with `command_mismatch`. \
For what a command makes, the key is its id: a user, a thread, an invitation, a message.

**Revisions.** What can be changed by several people comes with its revision as an `ETag`. Send it as `If-Match` with the change, and it is \
refused with `version_conflict` if somebody else was faster.

**Errors** are `application/problem+json` (RFC 9457) with a stable `code`, and `retry`: `never` (it would fail the same way), `same` (send \
the very same request again, backing off), `after` (not before `retry_after_ms`), `reauth` (log in first).

**Correlation.** Send an `X-Request-Id` (a UUID) to find a request again in the logs and in the event log; every response carries one.";

type Api = Exact<(
    users::Users,
    (me::Me, password::Password, email::Email, privacy::Privacy),
    (sessions::Sessions, sessions::MySessions, sessions::StepUp, sessions::PasskeySessions, factor::SecondFactor, passkey::MyPasskeys),
    (oidc::Oidc, sessions::OidcSessions, identities::Identities, deletion::Deletion),
    (friends::Friends, presence::Presence),
    blocks::Blocks,
    threads::Threads,
    my_threads::MyThreads,
    subscriptions::Subscriptions,
    (members::Members, additions::Additions, bans::Bans, invites::Invites),
    (messages::Messages, deliveries::Deliveries, history::History, reactions::Reactions, pins::Pins, search::Search),
    tickets::Tickets,
    health::Health,
    (admin::Counts, admin::Lag, admin::Mail, admin::Accounts, admin::Roles, admin::Sessions, admin::Events, admin::DeadLetters),
)>;

fn api() -> Api {
    Exact((
        users::Users,
        (me::Me, password::Password, email::Email, privacy::Privacy),
        (sessions::Sessions, sessions::MySessions, sessions::StepUp, sessions::PasskeySessions, factor::SecondFactor, passkey::MyPasskeys),
        (oidc::Oidc, sessions::OidcSessions, identities::Identities, deletion::Deletion),
        (friends::Friends, presence::Presence),
        blocks::Blocks,
        threads::Threads,
        my_threads::MyThreads,
        subscriptions::Subscriptions,
        (members::Members, additions::Additions, bans::Bans, invites::Invites),
        (messages::Messages, deliveries::Deliveries, history::History, reactions::Reactions, pins::Pins, search::Search),
        tickets::Tickets,
        health::Health,
        (admin::Counts, admin::Lag, admin::Mail, admin::Accounts, admin::Roles, admin::Sessions, admin::Events, admin::DeadLetters),
    ))
}

fn service() -> OpenApiService<Api, ()> {
    OpenApiService::new(api(), "Posthaste", "1").summary("A chat backend whose promise is delivery").description(DESCRIPTION)
}

/// The OpenAPI document, as it is served at `/v1/openapi.json`.
#[must_use]
pub fn document() -> String {
    let mut document = service().spec();
    document.push('\n');
    document
}

/// Every resource, the document and its page. Further endpoints can be added with [`Route::at`]; all of it belongs behind [`edge`].
#[must_use]
pub fn routes() -> Route {
    let service = service();
    let document = document();
    let document = make_sync(move |_| Response::builder().content_type("application/json").body(document.clone()));
    let may = shield::of_page(&service.swagger_ui_html());
    let page = service.swagger_ui().map_to_response().map(move |mut page: Response| {
        page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, may.clone());
        std::future::ready(page)
    });
    Route::new().at("/v1/openapi.json", poem::get(document)).nest("/docs", page).nest("/", service)
}

/// What a process answers that serves no API: whether it is alive and ready.
#[must_use]
pub fn operations() -> Route {
    Route::new().nest("/", OpenApiService::new(health::Health, "Posthaste", "1"))
}

/// What every request goes through: a request id and a span, limits of size and time, and every error as problem+json.
pub fn edge(routes: Route, app: Arc<App>) -> impl Endpoint<Output = Response> + 'static {
    edge::Edge::new(routes, app)
}

/// [`routes`] behind the [`edge`].
pub fn router(app: Arc<App>) -> impl Endpoint<Output = Response> + 'static {
    edge(routes(), app)
}
