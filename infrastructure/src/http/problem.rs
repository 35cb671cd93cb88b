//! Problems as HTTP says them, and as the document describes them.

use std::borrow::Cow;
use std::error::Error;
use std::marker::PhantomData;

use poem::error::ResponseError;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Body, Response};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{Example, ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use poem_openapi::{ApiResponse, Enum, Object};
use posthaste_application::codec::Undecodable;
use posthaste_application::dead::NotDone;
use posthaste_application::deliver::StatusError;
use posthaste_application::execute::ExecuteError;
use posthaste_application::limit::Exceeded;
use posthaste_application::port::PortError;
use posthaste_application::problem::{Code, Problem, Retry};
use posthaste_application::read::ReadError;
use posthaste_domain::Refusal;
use posthaste_domain::text::TextError;
use serde_json::Value;

/// The media type of every error.
pub(super) const CONTENT_TYPE: &str = "application/problem+json";

/// What an operation came to instead of an answer. Made from any error of the layers below; what is a fault is logged as it is made, once.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct ApiError(pub(super) Problem);

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<Code> for ApiError {
    fn from(code: Code) -> Self {
        Self(code.into())
    }
}

impl From<Exceeded> for ApiError {
    fn from(exceeded: Exceeded) -> Self {
        Self((&exceeded).into())
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self((&refusal).into())
    }
}

impl From<TextError> for ApiError {
    fn from(error: TextError) -> Self {
        Self((&error).into())
    }
}

macro_rules! reported {
    ($($error:ty),+) => {$(
        impl From<$error> for ApiError {
            fn from(error: $error) -> Self {
                let problem = Problem::from(&error);
                report(&error, problem.code);
                Self(problem)
            }
        }
    )+};
}

reported!(ExecuteError, NotDone, PortError, ReadError, Undecodable);

impl From<StatusError> for ApiError {
    fn from(error: StatusError) -> Self {
        match error {
            StatusError::Port(error) => error.into(),
            StatusError::Undecodable(error) => error.into(),
        }
    }
}

/// Logs what is a fault of the service or of what it stands on.
fn report(error: &(dyn Error + 'static), code: Code) {
    if code.status() < 500 {
        return;
    }
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        chain.push_str(": ");
        chain.push_str(&error.to_string());
        source = error.source();
    }
    if code == Code::Internal {
        tracing::error!(error = chain, problem.code = %code, "request failed");
    } else {
        tracing::warn!(error = chain, problem.code = %code, "request failed");
    }
}

impl ResponseError for ApiError {
    fn status(&self) -> StatusCode {
        status(self.0.code)
    }

    fn as_response(&self) -> Response {
        response(&self.0, self.status())
    }
}

/// The status of a code.
pub(super) fn status(code: Code) -> StatusCode {
    StatusCode::from_u16(code.status()).expect("the table has real statuses")
}

/// A problem as a response, under a status that may be more exact than the code's own.
pub(super) fn response(problem: &Problem, status: StatusCode) -> Response {
    let body = ProblemBody::new(problem, status).to_json_string();
    let mut response = Response::builder().status(status).content_type(CONTENT_TYPE).body(Body::from(body));
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        let challenge =
            if matches!(problem.code, Code::TokenExpired | Code::SessionRevoked) { "Bearer error=\"invalid_token\"" } else { "Bearer" };
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(wait) = problem.retry_after_ms {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.div_ceil(1_000)));
    }
    response
}

/// A problem (RFC 9457).
#[derive(Object)]
#[oai(rename = "Problem", example, skip_serializing_if_is_none)]
struct ProblemBody {
    /// `urn:posthaste:problem:<code>`; names the problem and is no page to fetch.
    #[oai(rename = "type")]
    uri: String,
    /// The same few words every time, for people.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What it is about this time, for people.
    detail: Option<String>,
    /// For programs: what happened.
    code: CodeName,
    /// For programs: what to do about it.
    retry: RetryName,
    /// With `retry: after`: how long to wait, in milliseconds.
    retry_after_ms: Option<u64>,
}

impl ProblemBody {
    fn new(problem: &Problem, status: StatusCode) -> Self {
        Self {
            uri: problem.code.uri().to_owned(),
            title: problem.code.title().to_owned(),
            status: status.as_u16(),
            detail: problem.detail.clone().map(Cow::into_owned),
            code: CodeName(problem.code),
            retry: problem.code.retry().into(),
            retry_after_ms: problem.retry_after_ms,
        }
    }
}

impl Example for ProblemBody {
    fn example() -> Self {
        let code = Code::NotFriends;
        Self::new(&Problem::with(code, "you are not friends"), status(code))
    }
}

/// What to do about a problem.
#[derive(Enum)]
#[oai(rename = "Retry", remote = "Retry", rename_all = "snake_case")]
enum RetryName {
    Never,
    Same,
    After,
    Reauth,
}

/// A code in the document, which lists them all.
struct CodeName(Code);

impl Type for CodeName {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "ProblemCode".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference(Self::name().into_owned())
    }

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>(Self::name().into_owned(), |_| MetaSchema {
            description: Some("What happened. A code means the same wherever it is read, and never changes."),
            enum_items: Code::ALL.iter().map(|code| Value::from(code.as_str())).collect(),
            ..MetaSchema::new("string")
        });
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ToJSON for CodeName {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.as_str().into())
    }
}

impl ParseFromJSON for CodeName {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        let value = value.unwrap_or_default();
        let code = Code::ALL.iter().find(|code| value.as_str() == Some(code.as_str()));
        code.map(|code| Self(*code)).ok_or_else(|| ParseError::expected_type(value))
    }
}

/// A status and what it means for an operation.
pub(super) type Documented = (u16, &'static str);

/// What any operation can come to.
pub(super) const ANY: &[Documented] = &[
    (400, "`validation`: the request makes no sense in itself; `detail` says where."),
    (
        429,
        "`rate_limited`: too many requests of this address or this user; not before `retry_after_ms`. The headers `RateLimit` and `RateLimit-Policy` say what is left of what.",
    ),
    (500, "`internal`: a fault of the service. It is safe to send the same request again."),
    (503, "`unavailable`: something the service needs cannot be reached. The same request can be sent again after `retry_after_ms`."),
];
/// What an operation with an access token can come to.
pub(super) const BEARER: &[Documented] = &[
    (
        401,
        "`unauthorized`: no access token, or one that is not ours; `token_expired`: it was good and has run out; `session_revoked`: its login \
         was ended.",
    ),
    (403, "`account_suspended`: the user of the token is suspended."),
];
/// What only an admin can do.
pub(super) const ADMIN: &[Documented] = &[
    (403, "`forbidden`: an auditor changes nothing; `account_suspended`: the user of the token is suspended."),
    (404, "`not_found`: who asks is neither admin nor auditor, or there is no such user; which of the two is not told."),
];
/// What only admins and auditors see.
pub(super) const STAFF: &[Documented] = &[(404, "`not_found`: who asks is neither admin nor auditor, or there is nothing of the kind.")];
/// What an operation with a body can come to.
pub(super) const BODY: &[Documented] =
    &[(413, "`too_large`: more bytes than are taken."), (415, "`validation`: the body must be `application/json`.")];
/// What a command can come to.
pub(super) const COMMAND: &[Documented] = &[(422, "`command_mismatch`: this `Idempotency-Key` was already used for something else.")];
/// What only a member of a thread can do.
pub(super) const MEMBER: &[Documented] = &[
    (403, "`not_member`: you may know of this thread, and are not in it."),
    (404, "`not_found`: there is no such thread, or none that you may know of; which of the two is not told."),
];
/// What takes a role in a thread that not everybody has.
pub(super) const ROLE: &[Documented] = &[
    (
        403,
        "`forbidden`: your role does not allow this, or it is a direct thread; `not_member`: you may know of this thread, and are not in it.",
    ),
    (404, "`not_found`: there is no such thread, or none that you may know of; which of the two is not told."),
];
/// What a query that waits for a view can come to.
pub(super) const VIEW: &[Documented] = &[(
    503,
    "`view_behind`: the position in `after` was not reached in time; send the same request again. `unavailable`: something the service \
     needs cannot be reached; send it again after `retry_after_ms`.",
)];

/// Which problems an operation documents; the later of two for one status counts.
pub(super) trait Failures: Send + Sync + 'static {
    /// In groups.
    const GROUPS: &'static [&'static [Documented]];
}

/// An [`ApiError`] of an operation that documents these failures.
pub(super) struct Failed<F>(ApiError, PhantomData<fn() -> F>);

impl<F, E: Into<ApiError>> From<E> for Failed<F> {
    fn from(error: E) -> Self {
        Self(error.into(), PhantomData)
    }
}

impl<F> From<Failed<F>> for poem::Error {
    fn from(failed: Failed<F>) -> Self {
        failed.0.into()
    }
}

impl<F: Failures> ApiResponse for Failed<F> {
    fn meta() -> MetaResponses {
        let documented: std::collections::BTreeMap<u16, &str> = F::GROUPS.iter().copied().flatten().copied().collect();
        let response = |(status, description)| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType { content_type: CONTENT_TYPE, schema: ProblemBody::schema_ref() }],
            headers: vec![],
        };
        MetaResponses { responses: documented.into_iter().map(response).collect() }
    }

    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
    }
}

/// Declares what an operation can come to: groups, then what is its own.
macro_rules! failures {
    ($(#[$doc:meta])* $name:ident = $($group:ident)* $([$($status:literal: $description:literal),+ $(,)?])?) => {
        $(#[$doc])*
        struct $name;

        impl $crate::http::problem::Failures for $name {
            const GROUPS: &'static [&'static [$crate::http::problem::Documented]] =
                &[$crate::http::problem::ANY, $($crate::http::problem::$group,)* $(&[$(($status, $description)),+])?];
        }
    };
}
pub(super) use failures;
