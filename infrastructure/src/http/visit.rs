//! What a request tells of the client that sends it, beside its parameters, and the cookie that keeps its login.

use poem::http::header;
use poem::{FromRequest, Request, RequestBody};
use posthaste_application::login::{Begun, RefreshToken};
use posthaste_application::origin::Origins;
use posthaste_application::port::tickets::Kind;
use posthaste_application::problem::{Code, Problem};

use super::problem::ApiError;
use crate::origin::Origin;

/// A page cannot be made to send it to another site: that takes a script, which has to ask first.
const CSRF: &str = "x-posthaste-csrf";
/// Browsers take a cookie of such a name only if it is secure.
const COOKIE: &str = "__Secure-posthaste_refresh";
/// Where it is sent to: nothing else needs it.
const PATH: &str = "/v1/sessions";

/// What a browser is recognised by that was sent to log in elsewhere. Browsers take a cookie of such a name only from this very host.
const SIGN_IN: &str = "__Host-posthaste_sign_in";

/// What a request tells of its client.
pub(super) struct Visit {
    /// What it says that it is.
    pub(super) agent: Option<String>,
    cookie: Option<String>,
    browser: Option<String>,
    marked: bool,
    headers: poem::http::HeaderMap,
}

impl<'a> FromRequest<'a> for Visit {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let cookies = request.headers().get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let pairs: Vec<_> = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('=')).collect();
        let cookie = |sought| pairs.iter().find(|(name, _)| *name == sought).map(|(_, value)| (*value).to_owned());
        Ok(Self {
            agent: request.header(header::USER_AGENT).map(ToOwned::to_owned),
            cookie: cookie(COOKIE),
            browser: cookie(SIGN_IN),
            marked: request.headers().contains_key(CSRF),
            headers: request.headers().clone(),
        })
    }
}

impl Visit {
    /// The token in the cookie, if there is one.
    pub(super) fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    /// What the browser was given when it was sent to log in elsewhere.
    pub(super) fn browser(&self) -> Option<&str> {
        self.browser.as_deref()
    }

    /// Refuses what a page of somebody else can have had a browser send, cookies and all: it must come from a page that may, and say so in
    /// a way that only a script can.
    pub(super) fn must_be_from_a_page_that_may(&self, allowed: &Origins) -> Result<(), ApiError> {
        let told = match Origin::of(&self.headers, allowed) {
            Origin::Allowed if self.marked => return Ok(()),
            Origin::Allowed => "with the cookie, `X-Posthaste-Csrf` must be sent as well",
            Origin::None => "the cookie is for pages, and those send their `Origin`",
            Origin::Foreign => "this origin may not use the cookie",
        };
        Err(Problem::with(Code::Forbidden, told).into())
    }

    /// What has a browser forget the cookie; nothing if it has sent none.
    pub(super) fn forget(&self) -> Option<String> {
        self.cookie.as_ref().map(|_| set("", 0))
    }
}

/// What has a browser keep the token of a session until it runs out.
pub(super) fn keep(begun: &Begun) -> String {
    let lasts = begun.session.expires_at - begun.session.used_at;
    set(&begun.token.write(), lasts.num_seconds())
}

fn set(token: &str, max_age_s: i64) -> String {
    format!("{COOKIE}={token}; Path={PATH}; Max-Age={max_age_s}; Secure; HttpOnly; SameSite=Strict")
}

/// What has a browser keep what it is recognised by when it comes back. It comes from somebody else's page, so `Lax`.
pub(super) fn recognise(browser: &str) -> String {
    recognised_by(browser, Kind::SignIn.ttl().as_secs())
}

/// What has a browser forget that.
pub(super) fn recognise_no_more() -> String {
    recognised_by("", 0)
}

fn recognised_by(browser: &str, max_age_s: u64) -> String {
    format!("{SIGN_IN}={browser}; Path=/; Max-Age={max_age_s}; Secure; HttpOnly; SameSite=Lax")
}

/// A refresh token, however it came.
pub(super) fn token(text: &str) -> Result<RefreshToken, ApiError> {
    RefreshToken::parse(text).ok_or_else(unknown)
}

/// One failure for whatever is no good, so that nobody learns why.
pub(super) fn unknown() -> ApiError {
    Problem::with(Code::Unauthorized, "the refresh token is unknown, or its session has run out").into()
}
