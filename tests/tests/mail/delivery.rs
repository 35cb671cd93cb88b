//! What was accepted is sent, whatever becomes of the mail server and of ours.

use anyhow::ensure;
use posthaste_tests::actor::User;
use posthaste_tests::patience::until;
use posthaste_tests::services::Port;
use posthaste_tests::smtp::{Postmaster, SmtpServer};
use posthaste_tests::{Profile, Stage};
use reqwest::Method;
use serde_json::json;

use super::service::{LINKS, Post, SOON, ask, mail_to, sending_to};

posthaste_tests::on_both_profiles! {
    whoever_registers_is_sent_a_link_that_leads_to_the_configured_place_and_verifies_the_address
    a_mail_server_that_is_not_there_yet_is_sent_everything_when_it_is
    a_mail_that_is_not_taken_is_sent_again_under_the_same_message_id
    what_a_killed_server_was_sending_is_sent_when_it_is_back
    what_is_refused_for_good_is_given_up_and_shown_to_those_who_run_the_service
    a_service_that_sends_no_mail_says_so
}

async fn whoever_registers_is_sent_a_link_that_leads_to_the_configured_place_and_verifies_the_address(
    profile: Profile,
) -> anyhow::Result<()> {
    let post = Post::start(profile, |settings| settings).await?;
    let (alice, token) = post.newcomer("alice").await?;
    let me = async || alice.call(&post.base(), Method::GET, "/v1/me", None).await;
    ensure!(me().await?["email_verified"] == false);
    let message = post.mail_to(&alice, 1).await?.message.replace("=\r\n", "").replace("=3D", "=");
    ensure!(message.contains(&format!("{LINKS}/verify-email#token={token}")), "{message}");
    ensure!(message.contains("\r\nAuto-Submitted: auto-generated\r\n"), "{message}");

    let verify = async |token: &str| ask(&post.base(), "/v1/email/verify", json!({ "token": token })).await;
    // Of one purpose is not of another, and what was never sent is nothing.
    let guessed = format!("pho_{}", "A".repeat(43));
    let reset = json!({ "token": token, "new_password": "another password" });
    ensure!(ask(&post.base(), "/v1/password/reset/confirm", reset).await?.0 == 403);
    ensure!(verify(&guessed).await?.0 == 403 && me().await?["email_verified"] == false);
    ensure!(verify(&token).await?.0 == 200 && me().await?["email_verified"] == true);
    let (status, again) = verify(&token).await?;
    ensure!(status == 403 && again["detail"] == verify(&guessed).await?.1["detail"], "{again}");
    let (status, asked) = alice.answer(&post.base(), Method::POST, "/v1/me/email/verify", None).await?;
    ensure!((status, &asked["code"]) == (409, &json!("conflict")), "{asked}");
    Ok(())
}

async fn a_mail_server_that_is_not_there_yet_is_sent_everything_when_it_is(profile: Profile) -> anyhow::Result<()> {
    let port = Port::reserve()?;
    let stage = Stage::start(profile, |settings| sending_to(settings, port.number())).await?;
    let alice = User::register(&stage.base(), "alice").await?;
    let retried = async || Ok(posthaste_tests::http::get(format!("{}/metrics", stage.base())).await?.text().await?);
    let none_yet = |metrics: &String| metrics.contains("posthaste_mail_retried_total 0\n");
    until("it is tried in vain", retried, |metrics| !none_yet(metrics)).await?;
    let smtp = SmtpServer::start(port.number(), Postmaster::Take).await?;
    mail_to(&smtp, &alice, 1).await?.token()?;
    Ok(())
}

async fn a_mail_that_is_not_taken_is_sent_again_under_the_same_message_id(profile: Profile) -> anyhow::Result<()> {
    let post = Post::start(profile, |settings| settings).await?;
    let (alice, _) = post.newcomer("alice").await?;
    for (n, manner) in (2..).zip([Postmaster::Refuse(451), Postmaster::Hang, Postmaster::Cut, Postmaster::TakeAndCut]) {
        post.smtp.behave(manner);
        let before = post.smtp.connections();
        post.forget(&alice.email()).await?;
        post.smtp.connected(SOON, before + 2).await?;
        post.smtp.behave(Postmaster::Take);
        post.mail_to(&alice, n).await?;
        post.emptied().await?;
    }
    // What was taken, and never said to be, came again: the same mail, with another token that is good as well.
    let received = post.smtp.received();
    let id = |message: &str| message.lines().find_map(|line| line.strip_prefix("Message-ID: ").map(str::to_owned));
    let last = received.last().and_then(|mail| id(&mail.message));
    let same: Vec<_> = received.iter().filter(|mail| id(&mail.message) == last).collect();
    ensure!(last.is_some() && same.len() >= 2, "{received:?}");
    ensure!(same[0].token()? != same[1].token()?);
    let reset = json!({ "token": same[0].token()?, "new_password": "another password" });
    ensure!(ask(&post.base(), "/v1/password/reset/confirm", reset).await?.0 == 204);
    Ok(())
}

async fn what_a_killed_server_was_sending_is_sent_when_it_is_back(profile: Profile) -> anyhow::Result<()> {
    let mut post = Post::start(profile, |settings| settings).await?;
    let (alice, _) = post.newcomer("alice").await?;
    post.smtp.behave(Postmaster::Hang);
    let before = post.smtp.connections();
    post.forget(&alice.email()).await?;
    post.smtp.connected(SOON, before + 1).await?;
    post.stage.node_mut().kill9()?;
    post.smtp.behave(Postmaster::Take);
    post.stage.node_mut().restart().await?;
    post.mail_to(&alice, 2).await?.token()?;
    // Asked for, and killed before anybody has looked at it.
    post.forget(&alice.email()).await?;
    post.stage.node_mut().kill9()?;
    post.stage.node_mut().restart().await?;
    post.mail_to(&alice, 3).await?.token()?;
    Ok(())
}

async fn what_is_refused_for_good_is_given_up_and_shown_to_those_who_run_the_service(profile: Profile) -> anyhow::Result<()> {
    let post = Post::start(profile, |settings| settings.with("MAIL__TRIES", "3")).await?;
    let (alice, _) = post.newcomer("alice").await?;
    // The admin is sent theirs before.
    let before = post.emptied().await?;
    ensure!((&before["sends"], &before["dead"]) == (&json!(true), &json!(0)), "{before}");
    for (n, (manner, tries, reason)) in
        (1..).zip([(Postmaster::Refuse(550), 1, "the server answered 550"), (Postmaster::Refuse(451), 3, "the server answered 451")])
    {
        post.smtp.behave(manner);
        post.forget(&alice.email()).await?;
        let status = until("it is given up", async || post.status().await, |status| status["dead"] == n).await?;
        let dead = &status["latest_dead"][0];
        ensure!((&dead["tries"], &dead["reason"]) == (&json!(tries), &json!(reason)), "{status}");
        ensure!((&dead["purpose"], &status["waiting"]) == (&json!("password_reset"), &json!(0)), "{status}");
        ensure!(!status.to_string().contains("example.invalid"), "to whom it was is told: {status}");
    }
    ensure!(post.smtp.received().iter().filter(|mail| mail.recipients == [alice.email()]).count() == 1);
    Ok(())
}

async fn a_service_that_sends_no_mail_says_so(profile: Profile) -> anyhow::Result<()> {
    let stage = Stage::start(profile, |settings| settings.with("MAIL__TRANSPORT", "none")).await?;
    let alice = User::register(&stage.base(), "alice").await?;
    let (status, refused) = ask(&stage.base(), "/v1/password/reset", json!({ "email": alice.email() })).await?;
    ensure!((status, &refused["detail"]) == (403, &json!("this service sends no mail")), "{refused}");
    let (status, refused) = alice.answer(&stage.base(), Method::POST, "/v1/me/email/verify", None).await?;
    ensure!((status, &refused["detail"]) == (403, &json!("this service sends no mail")), "{refused}");
    let seen = stage.admin().await?.call(&stage.base(), Method::GET, "/v1/admin/mail", None).await?;
    ensure!((&seen["sends"], &seen["waiting"]) == (&json!(false), &json!(0)), "{seen}");
    Ok(())
}
