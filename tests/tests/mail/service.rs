//! A node that sends mail, and somebody who reads it.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use posthaste_tests::actor::User;
use posthaste_tests::patience::{PATIENCE, until};
use posthaste_tests::smtp::{Postmaster, Received, SmtpServer};
use posthaste_tests::{NodeSettings, Profile, Stage};
use reqwest::Method;
use serde_json::{Value, json};

/// Where links lead.
pub(crate) const LINKS: &str = "https://chat.example/app";

/// A node, and the mail server that it knows.
pub(crate) struct Post {
    pub(crate) stage: Stage,
    pub(crate) smtp: SmtpServer,
}

impl Post {
    /// With mails that are asked for as often as one likes, and little patience; `change` has the last word.
    pub(crate) async fn start(profile: Profile, change: impl FnOnce(NodeSettings) -> NodeSettings + Send) -> anyhow::Result<Self> {
        let smtp = SmtpServer::start(0, Postmaster::Take).await?;
        let port = smtp.port();
        let stage = Stage::start(profile, |settings| change(sending_to(settings, port))).await?;
        Ok(Self { stage, smtp })
    }

    pub(crate) fn base(&self) -> String {
        self.stage.base()
    }

    /// Somebody new, and the token that they were sent to verify their address.
    pub(crate) async fn newcomer(&self, name: &str) -> anyhow::Result<(User, String)> {
        let user = User::register(&self.base(), name).await?;
        let token = self.mail_to(&user, 1).await?.token()?;
        Ok((user, token))
    }

    /// The mail with this number, from 1, that somebody has been sent.
    pub(crate) async fn mail_to(&self, user: &User, number: usize) -> anyhow::Result<Received> {
        mail_to(&self.smtp, user, number).await
    }

    /// Asks to set a password anew, for whoever has an address.
    pub(crate) async fn forget(&self, email: &str) -> anyhow::Result<()> {
        let (status, answer) = ask(&self.base(), "/v1/password/reset", json!({ "email": email })).await?;
        ensure!((status, &answer) == (202, &Value::Null), "{status} {answer}");
        Ok(())
    }

    /// How mail is doing, as admins see it.
    pub(crate) async fn status(&self) -> anyhow::Result<Value> {
        self.stage.admin().await?.call(&self.base(), Method::GET, "/v1/admin/mail", None).await
    }

    /// Waits until nothing is owed any more.
    pub(crate) async fn emptied(&self) -> anyhow::Result<Value> {
        until("everything is sent", async || self.status().await, |status| status["waiting"] == 0).await
    }
}

/// Settings of a node whose mail goes to a server on this machine.
pub(crate) fn sending_to(settings: NodeSettings, port: u16) -> NodeSettings {
    settings
        .with("MAIL__TRANSPORT", "smtp")
        .with("MAIL__LINK_BASE", LINKS)
        .with("MAIL__FROM", "Posthaste <posthaste@chat.example>")
        .with("MAIL__RESEND_S", "0")
        .with("MAIL__FIRST_RETRY_MS", "50")
        .with("MAIL__LONGEST_RETRY_S", "1")
        .with("MAIL__TRIES", "1000")
        .with("MAIL__SMTP__HOST", "127.0.0.1")
        .with("MAIL__SMTP__PORT", port.to_string())
        .with("MAIL__SMTP__TLS", "none")
        .with("MAIL__SMTP__TIMEOUT_MS", "1000")
}

/// The mail with this number, from 1, that somebody has been sent.
pub(crate) async fn mail_to(smtp: &SmtpServer, user: &User, number: usize) -> anyhow::Result<Received> {
    let of = |received: Vec<Received>| received.into_iter().filter(|mail| mail.recipients == [user.email()]).collect::<Vec<_>>();
    let mails = until("the mail arrives", async || Ok(of(smtp.received())), |mails| mails.len() >= number).await?;
    mails.into_iter().nth(number - 1).context("it arrived")
}

/// One request of nobody in particular, and whatever is answered; nothing to read is null.
pub(crate) async fn ask(base: &str, path: &str, body: Value) -> anyhow::Result<(u16, Value)> {
    posthaste_tests::hygiene::remember_all(&body);
    let client = posthaste_tests::http::builder().timeout(Duration::from_secs(30)).build()?;
    let response = client.post(format!("{base}{path}")).json(&body).send().await?;
    let status = response.status().as_u16();
    let bytes = response.bytes().await?;
    Ok((status, if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? }))
}

/// Until when anything has happened that happens by itself.
pub(crate) const SOON: Duration = PATIENCE;
