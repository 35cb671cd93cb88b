use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::hygiene;

/// A browser: it keeps cookies, and goes where it is told only when the test says so.
#[derive(Debug)]
pub struct Browser {
    http: Client,
    /// By host and name. Tests speak no TLS, so a cookie that wants it is kept like any other.
    cookies: BTreeMap<(String, String), String>,
}

impl Browser {
    /// One that has been nowhere.
    ///
    /// # Errors
    /// There is no client.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { http: crate::http::builder().redirect(Policy::none()).build()?, cookies: BTreeMap::new() })
    }

    /// Opens a page.
    ///
    /// # Errors
    /// Nobody answers.
    pub async fn open(&mut self, url: &str) -> anyhow::Result<Response> {
        self.go(self.http.get(url), url).await
    }

    /// Sends a form.
    ///
    /// # Errors
    /// Nobody answers.
    pub async fn send(&mut self, url: &str, form: &[(&str, &str)]) -> anyhow::Result<Response> {
        let form = Url::parse_with_params("http://form", form)?.query().unwrap_or_default().to_owned();
        let request = self.http.post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
        self.go(request, url).await
    }

    /// Takes what one address of a service has said for what another one has: tests have no balancer before their nodes.
    ///
    /// # Errors
    /// They are no addresses.
    pub fn move_to(&mut self, from: &str, to: &str) -> anyhow::Result<()> {
        let (from, to) = (Url::parse(from)?.authority().to_owned(), Url::parse(to)?.authority().to_owned());
        let cookies = std::mem::take(&mut self.cookies).into_iter();
        self.cookies = cookies.map(|((host, name), value)| ((if host == from { to.clone() } else { host }, name), value)).collect();
        Ok(())
    }

    async fn go(&mut self, request: reqwest::RequestBuilder, url: &str) -> anyhow::Result<Response> {
        let host = Url::parse(url)?.authority().to_owned();
        let theirs = self.cookies.iter().filter(|((of, _), _)| *of == host).map(|((_, name), value)| format!("{name}={value}"));
        let answered = request.header(COOKIE, theirs.collect::<Vec<_>>().join("; ")).send().await?;
        for cookie in answered.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str()?;
            let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).context("a cookie has a name")?;
            let key = (host.clone(), name.to_owned());
            if value.is_empty() {
                self.cookies.remove(&key);
            } else {
                hygiene::remember(value);
                self.cookies.insert(key, value.to_owned());
            }
        }
        Ok(answered)
    }
}

/// Where an answer sends a browser.
///
/// # Errors
/// Nowhere; with what it says instead.
pub(super) async fn sent_to(answered: Response) -> anyhow::Result<String> {
    let location = answered.headers().get(LOCATION).map(|location| location.to_str().map(ToOwned::to_owned)).transpose()?;
    let status = answered.status();
    match location {
        Some(location) if status == 303 || status == 302 => Ok(location),
        _ => anyhow::bail!("sent nowhere: {status} {}", answered.text().await?),
    }
}

/// A client that has somebody log in elsewhere: what it keeps to itself, and the browser that it sends.
#[derive(Debug)]
pub struct SignIn {
    /// The browser.
    pub browser: Browser,
    /// What the challenge is the hash of.
    pub verifier: String,
}

impl SignIn {
    /// A new client with a new browser.
    ///
    /// # Errors
    /// There is no client.
    pub fn new() -> anyhow::Result<Self> {
        let verifier = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
        hygiene::remember(&verifier);
        Ok(Self { browser: Browser::new()?, verifier })
    }

    /// The address at which a browser begins.
    ///
    /// # Errors
    /// It is none.
    pub fn beginning(&self, base: &str, provider: &str, return_to: &str) -> anyhow::Result<Url> {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()));
        let parameters = [("return_to", return_to), ("challenge", &challenge)];
        Ok(Url::parse_with_params(&format!("{base}/v1/oidc/{provider}/authorize"), parameters)?)
    }

    /// Sends the browser to a provider, and gives where that is.
    ///
    /// # Errors
    /// It is not sent there.
    pub async fn depart(&mut self, base: &str, provider: &str) -> anyhow::Result<Url> {
        let beginning = self.beginning(base, provider, "/app?tab=1")?;
        let url = Url::parse(&sent_to(self.browser.open(beginning.as_str()).await?).await?)?;
        let state = url.query_pairs().find(|(name, _)| name == "state").context("there is no state")?.1.into_owned();
        hygiene::remember(&state);
        Ok(url)
    }

    /// Has the browser come back to a node with what a provider gave it, and gives what it ends with: what is behind the `#`.
    ///
    /// # Errors
    /// It is refused, or ends elsewhere.
    pub async fn arrive(&mut self, base: &str, callback: &Url) -> anyhow::Result<String> {
        let query = callback.query().context("it comes back with nothing")?;
        let url = format!("{base}{}?{query}", callback.path());
        let location = sent_to(self.browser.open(&url).await?).await?;
        Ok(location.strip_prefix("/app?tab=1#").with_context(|| format!("it ends at {location}"))?.to_owned())
    }

    /// The same, if it ends with a code.
    ///
    /// # Errors
    /// It does not.
    pub async fn code(&mut self, base: &str, callback: &Url) -> anyhow::Result<String> {
        let end = self.arrive(base, callback).await?;
        let code = end.strip_prefix("code=").with_context(|| format!("it ends with {end}"))?.to_owned();
        hygiene::remember(&code);
        Ok(code)
    }

    /// Exchanges a code for a login, with more fields, and gives whatever is answered.
    ///
    /// # Errors
    /// Nobody answers.
    pub async fn redeem(&self, base: &str, code: &str, more: Value) -> anyhow::Result<(u16, Value)> {
        let mut body = json!({ "code": code, "verifier": self.verifier });
        body.as_object_mut().context("it is an object")?.extend(more.as_object().cloned().unwrap_or_default());
        let answered = self.browser.http.post(format!("{base}/v1/sessions/oidc")).json(&body).send().await?;
        let (status, answer) = (answered.status().as_u16(), answered.json::<Value>().await?);
        hygiene::remember_all(&answer);
        Ok((status, answer))
    }

    /// All of it, at one node, with a provider that lets somebody in by the way it is given.
    ///
    /// # Errors
    /// It does not end with an answer.
    pub async fn all(
        base: &str,
        provider: &str,
        log_in: impl AsyncFnOnce(&mut Browser, &Url) -> anyhow::Result<Url>,
    ) -> anyhow::Result<(u16, Value)> {
        let mut sign_in = Self::new()?;
        let url = sign_in.depart(base, provider).await?;
        let callback = log_in(&mut sign_in.browser, &url).await?;
        let code = sign_in.code(base, &callback).await?;
        sign_in.redeem(base, &code, json!({})).await
    }
}

/// The status and the code of a problem, or who logged in.
///
/// # Errors
/// It is neither.
pub fn outcome((status, answer): &(u16, Value)) -> anyhow::Result<String> {
    let told = if *status < 300 { &answer["user"]["id"] } else { &answer["code"] };
    ensure!(told.is_string(), "{status} {answer}");
    Ok(told.as_str().unwrap_or_default().to_owned())
}
