//! A node that knows providers.

use std::time::Duration;

use anyhow::Context as _;
use posthaste_tests::actor::User;
use posthaste_tests::oidc::{Rogue, SignIn, knowing, outcome};
use posthaste_tests::patience::until;
use posthaste_tests::services::Scratch;
use posthaste_tests::smtp::{Postmaster, Received, SmtpServer};
use posthaste_tests::{NodeSettings, Profile, Stage};
use reqwest::Method;
use serde_json::{Value, json};

/// A node, a provider called `rogue` that it knows, and a mail server.
pub(crate) struct Scene {
    pub(crate) stage: Stage,
    pub(crate) rogue: Rogue,
    pub(crate) smtp: SmtpServer,
    _folder: Scratch,
}

/// Somebody as a provider knows them, with a verified address.
pub(crate) fn person(subject: &str) -> Value {
    json!({ "sub": subject, "email": format!("{subject}@example.invalid"), "email_verified": true, "preferred_username": subject, "name": format!("Of the name {subject}") })
}

impl Scene {
    pub(crate) async fn start(profile: Profile) -> anyhow::Result<Self> {
        Self::with(profile, |settings| settings).await
    }

    /// `change` has the last word.
    pub(crate) async fn with(profile: Profile, change: impl FnOnce(NodeSettings) -> NodeSettings + Send) -> anyhow::Result<Self> {
        let (folder, rogue) = (Scratch::new()?, Rogue::start(person("rosa")).await?);
        let smtp = SmtpServer::start(0, Postmaster::Take).await?;
        let (issuer, port, path) = (rogue.issuer(), smtp.port(), folder.path().to_owned());
        let settings = move |settings: NodeSettings| {
            let settings = settings.with("MAIL__TRANSPORT", "smtp").with("MAIL__SMTP__HOST", "127.0.0.1").with("MAIL__RESEND_S", "0");
            let settings = settings.with("MAIL__SMTP__PORT", port.to_string()).with("MAIL__SMTP__TLS", "none");
            change(knowing(settings, &path, &[("rogue", &issuer)]).expect("a folder of one's own can be written to"))
        };
        let stage = Stage::start(profile, settings).await?;
        Ok(Self { stage, rogue, smtp, _folder: folder })
    }

    pub(crate) fn base(&self) -> String {
        self.stage.base()
    }

    /// Goes all the way, and gives whatever is answered in the end.
    pub(crate) async fn sign_in(&self) -> anyhow::Result<(u16, Value)> {
        SignIn::all(&self.base(), "rogue", async |_, url| self.rogue.log_in(url)).await
    }

    /// Who logs in, or the code of the problem.
    pub(crate) async fn outcome(&self) -> anyhow::Result<String> {
        outcome(&self.sign_in().await?)
    }

    /// As far as the code.
    pub(crate) async fn code(&self) -> anyhow::Result<(SignIn, String)> {
        let mut sign_in = SignIn::new()?;
        let url = sign_in.depart(&self.base(), "rogue").await?;
        let code = sign_in.code(&self.base(), &self.rogue.log_in(&url)?).await?;
        Ok((sign_in, code))
    }

    /// The token of the mail that an address was sent with a link to a page.
    pub(crate) async fn mailed(&self, email: &str, page: &str) -> anyhow::Result<String> {
        let of = |mail: &Received| mail.recipients == [email] && mail.message.contains(page);
        let found = until("the mail arrives", async || Ok(self.smtp.received().into_iter().find(of)), Option::is_some).await?;
        found.context("it has arrived")?.token()
    }

    /// Verifies the address that somebody has registered with.
    pub(crate) async fn verify(&self, email: &str) -> anyhow::Result<()> {
        let token = self.mailed(email, "/verify-email").await?;
        let (status, answer) = post(&self.base(), "/v1/email/verify", None, &json!({ "token": token })).await?;
        anyhow::ensure!(status == 200, "{status} {answer}");
        Ok(())
    }
}

/// What a request with an access token, or without, is answered.
pub(crate) async fn ask(base: &str, method: Method, path: &str, token: Option<&str>, body: Option<&Value>) -> anyhow::Result<(u16, Value)> {
    let request = posthaste_tests::http::builder().timeout(Duration::from_secs(30)).build()?.request(method, format!("{base}{path}"));
    let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
    let request = if let Some(body) = body { request.json(body) } else { request };
    let answered = request.send().await?;
    let (status, bytes) = (answered.status().as_u16(), answered.bytes().await?);
    Ok((status, if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? }))
}

pub(crate) async fn post(base: &str, path: &str, token: Option<&str>, body: &Value) -> anyhow::Result<(u16, Value)> {
    ask(base, Method::POST, path, token, Some(body)).await
}

/// The access token of a login.
pub(crate) fn token(login: &(u16, Value)) -> anyhow::Result<String> {
    login.1["access_token"].as_str().map(ToOwned::to_owned).with_context(|| format!("no login: {login:?}"))
}

/// Whoever has this user's password logs in: the status.
pub(crate) async fn by_password(base: &str, user: &User) -> anyhow::Result<u16> {
    Ok(post(base, "/v1/sessions", None, &json!({ "login": user.username(), "password": user.password() })).await?.0)
}
