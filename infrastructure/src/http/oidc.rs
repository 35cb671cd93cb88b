//! Browsers that are sent to log in elsewhere, and come back.

use poem_openapi::param::{Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};
use posthaste_application::oidc::{Arrival, Challenge, SignIns};
use posthaste_application::port::PortError;
use posthaste_application::problem::{Code, Problem};

use super::answer::Answer;
use super::call::Call;
use super::page::Items;
use super::problem::{ApiError, Failed, failures};
use super::visit::{self, Visit};
use super::{Registration, Tag};
use crate::system::random;

/// Most bytes of where a browser is to end, and of what a provider has it come back with.
const LONGEST: usize = 2_000;

pub(super) struct Oidc;

/// Where else somebody can have an account to log in with.
#[derive(Object)]
#[oai(example, rename = "OidcProvider")]
struct Provider {
    /// What it is called in addresses.
    id: String,
    /// What to call it to people.
    name: String,
}

impl Example for Provider {
    fn example() -> Self {
        Self { id: "example".to_owned(), name: "Example".to_owned() }
    }
}

#[derive(ApiResponse)]
enum Sent {
    /// The browser is sent on.
    #[oai(status = 303)]
    Sent(
        /// Where to.
        #[oai(header = "Location")]
        String,
        /// What the browser is recognised by when it comes back, or has it forget that.
        #[oai(header = "Set-Cookie")]
        String,
    ),
}

failures! { ListFailures = }

failures! {
    AuthorizeFailures = [
        400: "`validation`: `return_to` is no place that a browser may be sent to, or the challenge is none.",
        404: "`not_found`: there is no such provider.",
        503: "`unavailable`: the provider cannot be asked, or something else that the service needs. The same request can be sent again after \
              `retry_after_ms`.",
    ]
}

failures! {
    CallbackFailures = [
        403: "`forbidden`: this browser was not sent to this provider, was back already, or took too long. Which of them is not told.",
    ]
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Sessions")]
impl Oidc {
    /// List the providers
    ///
    /// Where else somebody can have an account to log in with here.
    #[oai(path = "/oidc/providers", method = "get", operation_id = "list_oidc_providers")]
    async fn list(&self, call: Call) -> Result<Answer<Items<Provider>>, Failed<ListFailures>> {
        let providers = call.app.ports.providers.iter();
        let shown = providers.map(|provider| Provider { id: provider.id.clone(), name: provider.name.clone() });
        Ok(Items::all(shown.collect()).into())
    }

    /// Log in elsewhere
    ///
    /// Open it in a browser, as a page and not by a script: it is sent to the provider, and in the end to `return_to`, with
    /// `#code=…` behind it, or `#error=unavailable` (try again), or `#error=denied`. The code is worth nothing but to whoever made the challenge, who gives it with what the
    /// challenge is the hash of to `POST /v1/sessions/oidc`, or to `POST /v1/me/identities`, within five minutes.
    #[oai(path = "/oidc/:provider/authorize", method = "get", operation_id = "authorize_oidc")]
    async fn authorize(
        &self,
        call: Call,
        /// The provider.
        provider: Path<String>,
        /// Where the browser is to end: a path of this server, such as `/app`, or a page of an allowed origin. Without a fragment.
        return_to: Query<String>,
        /// The SHA-256 of a secret that the client makes for this and keeps, in Base64 for URLs without padding, as in RFC 7636 (`S256`).
        challenge: Query<String>,
    ) -> Result<Sent, Failed<AuthorizeFailures>> {
        let sign_ins = call.sign_ins();
        let provider = sign_ins.provider(&provider.0).ok_or(Code::NotFound)?;
        if return_to.0.len() > LONGEST || !call.app.edges.origins.may_return_to(&return_to.0) {
            let told = "`return_to` is no path of this server and no page of an allowed origin";
            return Err(Problem::with(Code::Validation, told).into());
        }
        let none = || Problem::with(Code::Validation, "`challenge` is no SHA-256 in Base64 for URLs");
        let challenge = Challenge::parse(&challenge.0).ok_or_else(none)?;
        let random = [random()?, random()?, random()?, random()?];
        let departure = sign_ins.begin(provider, return_to.0, challenge, &random).await.map_err(unasked)?;
        Ok(Sent::Sent(departure.url, visit::recognise(&departure.browser)))
    }

    /// Come back from a provider
    ///
    /// Where a provider sends browsers. Not for clients.
    #[oai(path = "/oidc/:provider/callback", method = "get", operation_id = "return_from_oidc")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the request")]
    async fn callback(
        &self,
        call: Call,
        visit: Visit,
        /// The provider.
        provider: Path<String>,
        /// What the browser was sent away with.
        state: Query<Option<String>>,
        /// What the provider gives it.
        code: Query<Option<String>>,
        /// Who gives it, if the provider says so (RFC 9207).
        iss: Query<Option<String>>,
        /// Why there is no code.
        error: Query<Option<String>>,
    ) -> Result<Sent, Failed<CallbackFailures>> {
        let given = |text: &Query<Option<String>>| text.0.clone().filter(|text| text.len() <= LONGEST);
        let (state, code) = (given(&state).ok_or_else(unknown)?, given(&code).filter(|_| error.0.is_none()));
        let arrival =
            Arrival { provider: &provider.0, state: &state, browser: visit.browser(), issuer: iss.0.as_deref(), code: code.as_deref() };
        let landing = call.sign_ins().finish(arrival, &random()?).await?.ok_or_else(unknown)?;
        let told = match landing.code {
            Ok(code) => format!("code={code}"),
            Err(error) => format!("error={}", why(error)),
        };
        Ok(Sent::Sent(format!("{}#{told}", landing.return_to), visit::recognise_no_more()))
    }
}

impl Call {
    /// The sign-ins, on behalf of this request.
    pub(super) fn sign_ins(&self) -> SignIns<'_> {
        let app = &self.app;
        let may_register = app.registration == Registration::Open;
        SignIns { ports: &app.ports, executor: &app.executor, may_register, correlation: self.correlation() }
    }
}

/// One failure for whatever browser does not belong here, so that nobody learns why.
fn unknown() -> Problem {
    Problem::with(Code::Forbidden, "this browser was not sent to log in, was back already, or took too long")
}

/// What a client is told of a provider that cannot be asked.
fn unasked(error: PortError) -> ApiError {
    let unavailable = matches!(error, PortError::Unavailable { .. });
    let told = ApiError::from(error);
    if unavailable { Problem::with(Code::Unavailable, "the provider cannot be asked now").into() } else { told }
}

/// Why a browser comes back with nothing, in a word.
fn why(error: PortError) -> &'static str {
    match error {
        PortError::Rejected { .. } => {
            // No fault of the service. Whoever runs it wants to know of a provider that is not set up as it is thought to be.
            tracing::info!(error = &error as &dyn std::error::Error, "a provider vouches for nobody");
            "denied"
        }
        error @ (PortError::Unavailable { .. } | PortError::Corrupt { .. } | PortError::Poison { .. }) => {
            // Logs it.
            drop(ApiError::from(error));
            "unavailable"
        }
    }
}
