//! Whoever leaves is gone at once, and may come back.

use anyhow::{Context as _, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::try_join_all;
use posthaste_application::port::Clock as _;
use posthaste_infrastructure::system::SystemClock;
use posthaste_tests::Profile;
use posthaste_tests::actor::{Incoming, Socket, User, new_id};
use posthaste_tests::node::make_admin;
use posthaste_tests::patience::{PATIENCE, until};
use posthaste_tests::smtp::{Postmaster, Received, SmtpServer};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::service::{Deployment, code, is_erased, leave, log_in, log_in_with};

posthaste_tests::on_both_profiles! {
    whoever_leaves_is_gone_at_once_and_may_come_back
    at_the_last_moment_one_either_comes_back_whole_or_is_erased
    a_suspension_goes_before_coming_back
    whoever_leaves_is_sent_a_mail_that_says_until_when_they_can_stay
}

async fn found(base: &str, by: &User, user: &User) -> anyhow::Result<bool> {
    let found = by.call(base, Method::GET, &format!("/v1/users?q={}", user.username()), None).await?;
    Ok(found.to_string().contains(&user.id().to_string()))
}

async fn whoever_leaves_is_gone_at_once_and_may_come_back(profile: Profile) -> anyhow::Result<()> {
    let deployment = Deployment::start(profile, 100_000, |settings| settings).await?;
    let (first, last) = deployment.ends();
    let (alice, bob) = tokio::try_join!(User::register(&first, "alice"), User::register(&first, "bob"))?;
    let mut socket = Socket::hello(&last, &alice, new_id(), json!({})).await?;
    let see = async || found(&last, &bob, &alice).await;
    until("she is found", see, |found| *found).await?;

    let other = json!({ "username": "another" });
    let refused = alice.answer(&first, Method::POST, "/v1/me/deletion", Some(other)).await?;
    ensure!(code(&refused) == (400, Some("validation")), "{refused:?}");
    let final_at = leave(&first, &alice).await?;

    // At once, and everywhere.
    loop {
        match timeout(PATIENCE, socket.next()).await.context("the socket stays")?? {
            Incoming::Frame(_) => {}
            Incoming::Closed(close, reason) => break ensure!(close == 4202, "{close} {reason}"),
            Incoming::Cut => anyhow::bail!("without a word"),
        }
    }
    for base in [&first, &last] {
        let refused = alice.answer(base, Method::GET, "/v1/me", None).await?;
        ensure!(code(&refused) == (401, Some("session_revoked")), "{refused:?}");
        let pending = log_in(base, &alice, false).await?;
        ensure!(code(&pending) == (403, Some("deletion_pending")), "{pending:?}");
        ensure!(pending.1["detail"].as_str().is_some_and(|detail| detail.contains(&final_at[..19])), "{pending:?} without {final_at}");
    }
    let asked = bob.answer(&first, Method::POST, "/v1/friend-requests", Some(json!({ "user": alice.id() }))).await?;
    let written = bob.answer(&last, Method::PUT, &format!("/v1/threads/direct/{}", alice.id()), None).await?;
    for begun in [asked, written] {
        ensure!(code(&begun) == (404, Some("not_found")), "nobody begins anything with her: {begun:?}");
    }
    until("nobody finds her", see, |found| !*found).await?;
    let shown = bob.call(&last, Method::GET, &format!("/v1/users/{}", alice.id()), None).await?;
    ensure!(shown["username"] == alice.username(), "what is there stays until the end: {shown}");

    // Auditors see that she is leaving, and she is given what is hers as long as it is there.
    let id = alice.id().to_string();
    let replayed: Value =
        serde_json::from_str(&deployment.command(&["log", "replay", "--as-of", "2999-01-01T00:00:00Z", "user", &id, "--json"]).await?)?;
    ensure!(replayed.to_string().contains(&format!("\"leaving\":\"{}", &final_at[..19])), "{replayed} without {final_at}");
    let file = deployment.data.path().join("alice.json");
    deployment.command(&["users", "export", &id, "--output", &file.to_string_lossy()]).await?;
    let exported: Value = serde_json::from_slice(&std::fs::read(&file)?)?;
    ensure!(exported["account"]["profile"]["username"] == alice.username() && exported["email"] == alice.email(), "{exported}");

    // A wrong password says nothing of it, and brings nobody back.
    let wrong = json!({ "login": alice.username(), "password": "not my password", "cancel_deletion": true });
    let wrong = log_in_with(&first, wrong).await?;
    ensure!(code(&wrong) == (401, Some("unauthorized")), "{wrong:?}");

    let stale = alice.another_login(&first).await;
    ensure!(stale.is_err(), "an app that logs in by itself cancels nothing");
    let before = alice.token();
    let back = log_in(&last, &alice, true).await?;
    ensure!(back.0 == 201, "{back:?}");
    let refused = alice.answer(&first, Method::GET, "/v1/me", None).await?;
    ensure!(code(&refused) == (401, Some("session_revoked")), "what was logged in before stays ended: {refused:?}");
    alice.log_in(&first).await?;
    ensure!(alice.token() != before);
    ensure!(alice.call(&last, Method::GET, "/v1/me", None).await?["username"] == alice.username());
    until("she is found again", see, |found| *found).await?;
    bob.befriend(&first, &alice).await?;
    ensure!(deployment.recorded("user.erased").await? == 0);
    Ok(())
}

async fn at_the_last_moment_one_either_comes_back_whole_or_is_erased(profile: Profile) -> anyhow::Result<()> {
    let deployment = Deployment::start(profile, 1, |settings| settings).await?;
    let (first, last) = deployment.ends();
    let witness = User::register(&first, "witness").await?;
    // From well before the end to well after it.
    let tried = (-4..12).map(async |tenths: i64| {
        let user = User::register(&first, "undecided").await?;
        let end: DateTime<Utc> = leave(&first, &user).await?.parse()?;
        let moment = end + TimeDelta::milliseconds(100 * tenths);
        until("the moment comes", async || Ok(SystemClock.now()), |now| *now >= moment).await?;
        anyhow::Ok((log_in(&last, &user, true).await?, user))
    });
    let tried = try_join_all(tried).await?;
    let (stayed, gone): (Vec<_>, Vec<_>) = tried.into_iter().partition(|(answer, _)| answer.0 == 201);
    for (answer, user) in &gone {
        ensure!([(403, Some("account_suspended")), (401, Some("unauthorized"))].contains(&code(answer)), "{answer:?}");
        until("they are erased", async || is_erased(&last, &witness, user).await, |erased| *erased).await?;
    }
    // Time goes on, and nobody is erased who was told that they stay.
    let last_one = User::register(&first, "decided").await?;
    leave(&first, &last_one).await?;
    until("who comes after them is erased", async || is_erased(&last, &witness, &last_one).await, |erased| *erased).await?;
    for (_, user) in &stayed {
        user.log_in(&first).await?;
        ensure!(user.call(&last, Method::GET, "/v1/me", None).await?["username"] == user.username());
    }
    ensure!(deployment.recorded("user.deletion_cancelled").await? == stayed.len());
    ensure!(deployment.recorded("user.erased").await? == gone.len() + 1);
    Ok(())
}

async fn a_suspension_goes_before_coming_back(profile: Profile) -> anyhow::Result<()> {
    let deployment = Deployment::start(profile, 100_000, |settings| settings).await?;
    let (first, last) = deployment.ends();
    let (alice, admin) = tokio::try_join!(User::register(&first, "alice"), User::register(&first, "admin"))?;
    make_admin(&deployment.settings, &admin).await?;
    let standing = async |what: &str| {
        let path = format!("/v1/admin/users/{}/{what}", alice.id());
        admin.call(&first, Method::POST, &path, Some(json!({}))).await
    };
    standing("suspend").await?;
    let refused = alice.answer(&last, Method::POST, "/v1/me/deletion", Some(json!({ "username": alice.username() }))).await?;
    ensure!(code(&refused) == (403, Some("account_suspended")), "{refused:?}");
    standing("reinstate").await?;
    leave(&last, &alice).await?;
    standing("suspend").await?;
    for cancel in [false, true] {
        let refused = log_in(&last, &alice, cancel).await?;
        ensure!(code(&refused) == (403, Some("account_suspended")), "{refused:?}");
    }
    ensure!(deployment.recorded("user.deletion_cancelled").await? == 0);
    standing("reinstate").await?;
    let pending = log_in(&last, &alice, false).await?;
    ensure!(code(&pending) == (403, Some("deletion_pending")), "she is leaving as before: {pending:?}");
    ensure!(log_in(&last, &alice, true).await?.0 == 201);

    // An admin stays, so that there always is one.
    let refused = admin.answer(&first, Method::POST, "/v1/me/deletion", Some(json!({ "username": admin.username() }))).await?;
    ensure!(code(&refused) == (409, Some("conflict")), "{refused:?}");
    Ok(())
}

async fn whoever_leaves_is_sent_a_mail_that_says_until_when_they_can_stay(profile: Profile) -> anyhow::Result<()> {
    let smtp = SmtpServer::start(0, Postmaster::Take).await?;
    let deployment = Deployment::start(profile, 100_000, |settings| {
        let settings = settings.with("MAIL__TRANSPORT", "smtp").with("MAIL__LINK_BASE", "https://chat.example/app");
        let settings = settings.with("MAIL__FROM", "Posthaste <posthaste@chat.example>").with("MAIL__FIRST_RETRY_MS", "50");
        let settings = settings.with("MAIL__SMTP__HOST", "127.0.0.1").with("MAIL__SMTP__PORT", smtp.port().to_string());
        settings.with("MAIL__SMTP__TLS", "none")
    })
    .await?;
    let (first, last) = deployment.ends();
    let alice = User::register(&first, "alice").await?;
    let mails = async |number: usize| {
        let hers = |mail: &Received| mail.recipients == [alice.email()];
        let received = async || Ok(smtp.received().into_iter().filter(hers).collect::<Vec<_>>());
        until("the mail arrives", received, |mails| mails.len() == number).await
    };
    mails(1).await?[0].token()?;
    let end: DateTime<Utc> = leave(&last, &alice).await?.parse()?;
    let mail = mails(2).await?.remove(1).message.replace("=\r\n", "");
    let date = end.format("%-d %B %Y at %H:%M UTC").to_string();
    ensure!(mail.matches(&date).count() == 2 && mail.contains("https://chat.example/app/"), "text and HTML say {date}: {mail}");
    ensure!(mail.contains("Subject: Your account is to be deleted") && !mail.contains("#token"), "{mail}");
    // Whoever was refused is sent nothing, and what they are sent later is about that.
    ensure!(log_in(&first, &alice, true).await?.0 == 201);
    alice.log_in(&first).await?;
    let group = json!({ "kind": "group", "title": "Hers", "members": [] });
    let group = alice.call(&first, Method::POST, "/v1/threads", Some(group)).await?;
    let refused = alice.answer(&last, Method::POST, "/v1/me/deletion", Some(json!({ "username": alice.username() }))).await?;
    ensure!(code(&refused) == (409, Some("conflict")), "{refused:?}");
    alice.call(&first, Method::DELETE, &format!("/v1/threads/{}", group["id"].as_str().context("an id")?), None).await?;
    leave(&last, &alice).await?;
    mails(3).await?;
    Ok(())
}
