//! Which web pages may call: those of the server itself, and those on the list, which are the same that may open sockets.

use std::time::Duration;

use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Request, Response};
use posthaste_application::origin::Origins;
use posthaste_application::problem::{Code, Problem};

use super::problem;

/// How long a browser may remember that it may ask.
const REMEMBERED: Duration = Duration::from_secs(7_200);
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const ALLOWED: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, if-none-match, traceparent, x-posthaste-csrf, x-request-id",
);
/// What a page can read of an answer, beside what it always can.
const EXPOSED: HeaderValue = HeaderValue::from_static("etag, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id");
const VARY: HeaderValue = HeaderValue::from_static("origin");

/// The origin of a request, if it is on the list.
pub(super) fn origin(origins: &Origins, request: &Request) -> Option<HeaderValue> {
    let origin = request.headers().get(header::ORIGIN)?;
    origin.to_str().is_ok_and(|given| origins.list(given)).then(|| origin.clone())
}

/// The answer to a browser that asks whether it may ask; nothing, if it does not.
pub(super) fn preflight(request: &Request, origin: Option<&HeaderValue>) -> Option<Response> {
    let asks = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !asks {
        return None;
    }
    if origin.is_none() {
        return Some(problem::response(&Problem::with(Code::Forbidden, "this origin may not call"), StatusCode::FORBIDDEN));
    }
    let mut response = Response::builder().status(StatusCode::NO_CONTENT).finish();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(REMEMBERED.as_secs()));
    Some(response)
}

/// Tells the browser who may see the answer. Always, that it is not the same for everybody.
pub(super) fn finish(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    headers.append(header::VARY, VARY);
    let Some(origin) = origin else { return };
    let told: [(HeaderName, HeaderValue); 3] = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin),
        (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED),
    ];
    headers.extend(told);
}
