//! How often which request may be made: what is limited together, and how that is told.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use poem::Request;
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method};
use posthaste_application::limit::{Policy, Quota, Who};
use posthaste_application::problem::Problem;
use posthaste_domain::UserId;
use serde_json::Value;

use super::App;
use super::problem::ApiError;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// Under which policy a request stands, and it alone. None for what tells whether the process lives: who asks that must be answered.
pub(super) fn policy(method: &Method, path: &str, query: Option<&str>) -> Option<Policy> {
    let looks = [Method::GET, Method::HEAD].contains(method);
    let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    Some(match segments.as_slice() {
        ["healthz" | "readyz" | "metrics" | "version"] => return None,
        ["v1", "sessions"] | ["v1", "sessions", "oidc"] | ["v1", "sessions", "passkey", ..] if *method == Method::POST => Policy::Login,
        // Each is kept for a while, and asks a provider.
        ["v1", "oidc", _, "authorize" | "callback"] => Policy::Login,
        ["v1", "sessions", "refresh"] if *method == Method::POST => Policy::Refresh,
        ["v1", "users"] if *method == Method::POST => Policy::Register,
        // Each sends a mail, or takes what was in one.
        ["v1", "password", "reset", ..] | ["v1", "email", "verify"] | ["v1", "me", "email", "verify"] | ["v1", "me", "deletion"] => {
            Policy::Reset
        }
        ["v1", "ws", "tickets"] => Policy::Tickets,
        ["v1", "ws"] => Policy::Sockets,
        ["v1", "search", ..] | ["v1", "threads", _, "search"] | ["v1", "messages", "search"] => Policy::Search,
        ["v1", "users"] if looks && query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with("q="))) => Policy::Search,
        ["v1", "openapi.json" | "asyncapi.json"] => Policy::Other,
        ["v1", _, ..] if looks => Policy::Queries,
        ["v1", _, ..] => Policy::Commands,
        _ => Policy::Other,
    })
}

/// What a request is measured by: its policy, and how that stands.
#[derive(Clone)]
pub(super) struct Measured {
    policy: Policy,
    quotas: Arc<Mutex<Vec<Quota>>>,
}

impl Measured {
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy, quotas: Arc::default() }
    }

    /// Whether somebody wants to log in.
    pub(super) fn is_login(&self) -> bool {
        self.policy == Policy::Login
    }

    /// Counts the request for who asks.
    pub(super) async fn admit(&self, app: &App, who: Who) -> Result<(), ApiError> {
        let (quotas, refused) = match app.limiter.admit(self.policy, who).await {
            Ok(quotas) => (quotas, None),
            Err(exceeded) => {
                let problem = Problem::from(&exceeded);
                (exceeded.quotas, Some(problem))
            }
        };
        self.quotas.lock().unwrap_or_else(PoisonError::into_inner).extend(quotas);
        refused.map_or(Ok(()), |problem| Err(problem.into()))
    }

    /// Tells how things stand.
    pub(super) fn finish(&self, headers: &mut HeaderMap) {
        let quotas = self.quotas.lock().unwrap_or_else(PoisonError::into_inner);
        if quotas.is_empty() {
            return;
        }
        let (mut policies, mut states) = (String::new(), String::new());
        for (n, Quota { policy, scope, rate, level }) in quotas.iter().enumerate() {
            let (name, comma) = (policy.name(), if n == 0 { "" } else { ", " });
            // A partition of the policy: what is left to the user, and what to everybody of an address.
            let _ = write!(policies, "{comma}\"{name}-{scope}\";q={};w={}", rate.burst, seconds(rate.window()));
            let next = if level.remaining == 0 { level.retry_after } else { level.reset };
            let _ = write!(states, "{comma}\"{name}-{scope}\";r={};t={}", level.remaining, seconds(next));
        }
        for (name, value) in [(POLICY, policies), (STATE, states)] {
            headers.insert(name, HeaderValue::from_str(&value).expect("names and numbers are ASCII"));
        }
    }
}

/// Whole seconds after which it is not too early.
fn seconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Counts a request for its user, once it is known who that is.
pub(super) async fn admit_user(request: &Request, app: &App, user: UserId) -> Result<(), ApiError> {
    match request.data::<Measured>() {
        Some(measured) => measured.admit(app, Who::User(user)).await,
        None => Ok(()),
    }
}

/// As whom somebody tries to log in, read as the operation reads it; nobody, if the request makes no sense.
pub(super) fn login(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(body.get("login")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use poem_openapi::OpenApi as _;

    use super::super::Api;
    use super::*;

    /// Every operation, by the policy it stands under; commands and queries are the rest.
    #[test]
    fn every_operation_stands_under_the_policy_that_is_meant_for_it() {
        let mut by_policy = BTreeMap::<_, Vec<_>>::new();
        for path in Api::meta().into_iter().flat_map(|api| api.paths) {
            for operation in path.operations {
                let policy = policy(&operation.method, &path.path.replace('{', ":").replace('}', ""), None);
                let looks = operation.method == Method::GET;
                match policy {
                    Some(Policy::Queries) if looks => {}
                    Some(Policy::Commands) if !looks => {}
                    policy => by_policy.entry(policy.map(Policy::name)).or_default().push(operation.operation_id.unwrap_or_default()),
                }
            }
        }
        by_policy.values_mut().for_each(|operations| operations.sort_unstable());
        let told = by_policy.into_iter().map(|(policy, operations)| format!("{}: {}", policy.unwrap_or("none"), operations.join(" ")));
        assert_eq!(told.collect::<Vec<_>>(), EXPECTED);
    }

    const EXPECTED: &[&str] = &[
        "none: alive metrics ready",
        "login: authorize_oidc begin_passkey_login log_in log_in_with_oidc log_in_with_passkey return_from_oidc",
        "other: about",
        "refresh: refresh_session",
        "register: register_user",
        "reset: ask_email_verification ask_password_reset delete_me reset_password verify_email",
        "search: search search_thread",
        "tickets: create_ticket",
    ];

    #[test]
    fn a_request_that_is_no_operation_is_limited_too() {
        for (method, path, query, expected) in [
            (Method::GET, "/v1/ws", None, Some(Policy::Sockets)),
            (Method::GET, "/v1/users", Some("username=alice"), Some(Policy::Queries)),
            (Method::GET, "/v1/users", Some("limit=5&q=ali"), Some(Policy::Search)),
            (Method::POST, "/v1/sessions/", None, Some(Policy::Login)),
            (Method::POST, "//v1//sessions", None, Some(Policy::Login)),
            (Method::GET, "/docs", None, Some(Policy::Other)),
            (Method::GET, "/v1/openapi.json", None, Some(Policy::Other)),
            (Method::GET, "/wp-admin", None, Some(Policy::Other)),
            (Method::OPTIONS, "/", None, Some(Policy::Other)),
            (Method::GET, "/healthz", None, None),
        ] {
            assert_eq!(policy(&method, path, query), expected, "{method} {path}");
        }
    }

    #[test]
    fn who_wants_in_is_whom_the_operation_sees() {
        assert_eq!(login(br#"{"login":"x","password":"p","login":"alice"}"#).as_deref(), Some("alice"));
        assert_eq!(login(br#"{"l\u006fgin":"alice"}"#).as_deref(), Some("alice"));
        for nobody in [&br#"["alice"]"#[..], br#"{"login":7}"#, br#"{"Login":"alice"}"#, b"", b"{"] {
            assert_eq!(login(nobody), None);
        }
    }

    #[test]
    fn what_is_left_is_told_in_structured_fields() {
        use posthaste_application::port::limiter::{Level, Rate};
        let measured = Measured::new(Policy::Search);
        let rate = Rate { burst: 30.try_into().unwrap(), every: Duration::from_secs(1) };
        let level = Level { remaining: 29, retry_after: Duration::ZERO, reset: Duration::from_millis(1_500) };
        let empty = Level { remaining: 0, retry_after: Duration::from_millis(300), reset: Duration::from_secs(30) };
        let quotas = [("ip", level), ("user", empty)].map(|(scope, level)| Quota { policy: Policy::Search, scope, rate, level });
        measured.quotas.lock().unwrap().extend(quotas);
        let mut headers = HeaderMap::new();
        measured.finish(&mut headers);
        assert_eq!(headers[POLICY], r#""search-ip";q=30;w=30, "search-user";q=30;w=30"#);
        assert_eq!(headers[STATE], r#""search-ip";r=29;t=2, "search-user";r=0;t=1"#);
    }
}
