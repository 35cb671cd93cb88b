//! What every request goes through, whichever resource it is for.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt as _;
use poem::PathPattern;
use poem::error::ReadBodyError;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Endpoint, Request, Response, Route};
use posthaste_application::limit::Who;
use posthaste_application::meter::meters;
use posthaste_application::problem::{Code, Problem};
use tracing::{Instrument as _, Span, field};

use super::call::RequestId;
use super::client::Client;
use super::limits::{self, Measured};
use super::problem::{self, ApiError};
use super::{App, Edges, cors, document, shield, traceparent};

const REQUEST_ID: &str = "x-request-id";
/// Most characters of a framework's message that are shown: it may quote the request.
const DETAIL: usize = 300;

/// The outermost endpoint. Never fails.
pub(super) struct Edge {
    routes: Route,
    app: Arc<App>,
}

impl Edge {
    pub(super) const fn new(routes: Route, app: Arc<App>) -> Self {
        Self { routes, app }
    }

    /// The request through its limits and to its endpoint.
    async fn pass(&self, mut request: Request, client: Option<Client>, measured: Option<&Measured>) -> Result<Response, poem::Error> {
        if let (Some(Client(address)), Some(measured)) = (client, measured) {
            measured.admit(&self.app, Who::Address(address)).await?;
        }
        if request.headers().get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(poem::Error::from_string("the body must not be compressed", StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let limit = self.app.limits.body_bytes;
        let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(too_large(limit).into());
        }
        let body = request.take_body().into_bytes_limit(limit).await.map_err(|error| match error {
            ReadBodyError::PayloadTooLarge => too_large(limit),
            ReadBodyError::BodyHasBeenTaken | ReadBodyError::Utf8(_) | ReadBodyError::Io(_) => {
                Problem::with(Code::Validation, "the body ended before it was complete").into()
            }
        })?;
        match client {
            Some(Client(address)) if measured.is_some_and(Measured::is_login) => {
                let login = limits::login(&body);
                request.set_body(body);
                self.log_in(request, address, login).await
            }
            Some(_) | None => {
                request.set_body(body);
                self.routes.call(request).await
            }
        }
    }

    /// A try to log in. Only a wrong password, or a wrong code, is held against whoever tried: to be asked for a code is neither.
    async fn log_in(&self, request: Request, address: IpAddr, login: Option<String>) -> Result<Response, poem::Error> {
        let Some(login) = login else { return self.routes.call(request).await };
        let limiter = &self.app.limiter;
        let attempt = limiter.try_login(address, &login).await.map_err(ApiError::from)?;
        let answered = self.routes.call(request).await;
        let refused = answered.as_ref().err().and_then(|error| error.downcast_ref::<ApiError>());
        if !refused.is_some_and(|ApiError(problem)| matches!(problem.code, Code::Unauthorized | Code::WrongCode)) {
            limiter.forgive(attempt).await;
        }
        answered
    }

    /// The response of anything, errors, time-outs and panics included.
    async fn answer(&self, request: Request, client: Option<Client>, measured: Option<&Measured>) -> Response {
        let passed = std::panic::AssertUnwindSafe(self.pass(request, client, measured)).catch_unwind();
        match tokio::time::timeout(self.app.limits.request, passed).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(error))) => {
                let pattern = error.data::<PathPattern>().cloned();
                let mut response = translate(&error);
                if response.status() == StatusCode::METHOD_NOT_ALLOWED {
                    response.headers_mut().insert(header::ALLOW, document::allowed(pattern.as_ref()));
                }
                if let Some(pattern) = pattern {
                    response.set_data(pattern);
                }
                response
            }
            Ok(Err(panic)) => {
                let message = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
                tracing::error!(panic = message.unwrap_or("no message"), "request panicked");
                problem::response(&Code::Internal.into(), StatusCode::INTERNAL_SERVER_ERROR)
            }
            Err(_) => {
                tracing::warn!(limit_ms = millis(self.app.limits.request), "request took too long");
                problem::response(&Code::Unavailable.into(), StatusCode::SERVICE_UNAVAILABLE)
            }
        }
    }
}

impl Endpoint for Edge {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response, poem::Error> {
        let started = Instant::now();
        let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()?.parse().ok());
        let id = RequestId(given.unwrap_or_else(|| self.app.ports.ids.next()));
        let span = tracing::info_span!(
            "request",
            correlation = %id.0,
            http.method = %request.method(),
            http.route = field::Empty,
            http.status = field::Empty,
            duration_ms = field::Empty,
        );
        traceparent::follow(&span, request.headers());
        request.set_data(id);
        request.set_data(Arc::clone(&self.app));
        let Edges { proxies, origins, behind_tls } = &self.app.edges;
        let (client, origin) = (proxies.client(&request), cors::origin(origins, &request));
        let measured = limits::policy(request.method(), request.uri().path(), request.uri().query()).map(Measured::new);
        measured.iter().for_each(|measured| request.set_data(measured.clone()));
        let mut response = match cors::preflight(&request, origin.as_ref()) {
            Some(response) => response,
            // On the heap: it is as large as the largest operation.
            None => Box::pin(self.answer(request, client, measured.as_ref())).instrument(span.clone()).await,
        };
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, HeaderValue::from_str(&id.0.to_string()).expect("a UUID is ASCII"));
        shield::finish(headers, *behind_tls);
        cors::finish(headers, origin);
        measured.iter().for_each(|measured| measured.finish(headers));
        record(&span, &response, started);
        Ok(response)
    }
}

fn record(span: &Span, response: &Response, started: Instant) {
    // The pattern, not the path: paths are without number.
    let route = response.data::<PathPattern>().map_or("none", |pattern| &pattern.0);
    span.record("http.route", route);
    span.record("http.status", response.status().as_u16());
    let (elapsed, status) = (started.elapsed(), response.status().as_u16());
    span.record("duration_ms", millis(elapsed));
    meters().http_time.record(elapsed);
    let class = ["1xx", "2xx", "3xx", "4xx", "5xx"].get(usize::from(status / 100).saturating_sub(1));
    meters().http_requests.of(class.copied().unwrap_or_default()).increment(1);
    span.in_scope(|| tracing::debug!("request answered"));
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn too_large(limit: usize) -> ApiError {
    Problem::with(Code::TooLarge, format!("a body may have at most {limit} bytes")).into()
}

/// An error of ours, or of the framework, as a problem.
fn translate(error: &poem::Error) -> Response {
    if let Some(ApiError(ours)) = error.downcast_ref::<ApiError>() {
        return problem::response(ours, problem::status(ours.code));
    }
    let status = error.status();
    let code = match status {
        StatusCode::UNAUTHORIZED => Code::Unauthorized,
        StatusCode::FORBIDDEN => Code::Forbidden,
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Code::UnsupportedOp,
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        _ if status.is_client_error() => Code::Validation,
        _ => {
            tracing::error!(error = %error, "request failed");
            return problem::response(&Code::Internal.into(), StatusCode::INTERNAL_SERVER_ERROR);
        }
    };
    let told = if code == Code::Validation {
        // The framework's words say where in the request it is.
        Problem::with(code, error.to_string().chars().take(DETAIL).collect::<String>())
    } else {
        Problem::new(code)
    };
    problem::response(&told, status)
}
