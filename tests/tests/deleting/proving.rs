//! However one logs in, it takes all that it always does to come back.

use anyhow::ensure;
use posthaste_application::port::Clock as _;
use posthaste_infrastructure::system::SystemClock;
use posthaste_tests::actor::User;
use posthaste_tests::authenticator::Authenticator;
use posthaste_tests::passkey::SoftPasskey;
use posthaste_tests::{Profile, hygiene};
use reqwest::Method;
use serde_json::{Value, json};

use super::service::{Deployment, code, leave, log_in, log_in_with, post};

posthaste_tests::on_both_profiles! {
    a_second_factor_is_shown_before_anything_is_told_or_cancelled
    a_passkey_is_told_and_cancels_as_a_password_does
    of_the_logins_that_begin_while_one_leaves_none_is_good_for_anything
}

async fn a_second_factor_is_shown_before_anything_is_told_or_cancelled(profile: Profile) -> anyhow::Result<()> {
    let deployment = Deployment::start(profile, 100_000, |settings| settings).await?;
    let (first, last) = deployment.ends();
    let alice = User::register(&first, "alice").await?;
    let authenticator = Authenticator::new(&alice.call(&first, Method::POST, "/v1/me/totp", None).await?)?;
    let now = json!({ "code": authenticator.code(SystemClock.now(), 0) });
    let confirmed = alice.call(&first, Method::POST, "/v1/me/totp/confirm", Some(now)).await?;
    let recovery: Vec<String> = serde_json::from_value(confirmed["recovery_codes"].clone())?;
    recovery.iter().for_each(|code| hygiene::remember(code));
    // To leave takes it as well.
    let refused = alice.answer(&first, Method::POST, "/v1/me/deletion", Some(json!({ "username": alice.username() }))).await?;
    ensure!(code(&refused) == (403, Some("step_up_required")), "{refused:?}");
    let evidence = json!({ "password": alice.password(), "code": recovery[0] });
    alice.call(&first, Method::POST, "/v1/sessions/current/step-up", Some(evidence)).await?;
    leave(&first, &alice).await?;

    let try_with = async |code: Option<&str>, cancel: bool| {
        let login = json!({ "login": alice.username(), "password": alice.password(), "code": code, "cancel_deletion": cancel });
        log_in_with(&last, login).await
    };
    let wrong = authenticator.wrong(SystemClock.now());
    for cancel in [false, true] {
        let missing = try_with(None, cancel).await?;
        ensure!(code(&missing) == (401, Some("second_factor_required")), "{missing:?}");
        let refused = try_with(Some(&wrong), cancel).await?;
        ensure!(code(&refused) == (403, Some("wrong_code")), "{refused:?}");
    }
    let used = try_with(Some(&recovery[0]), true).await?;
    ensure!(code(&used) == (403, Some("wrong_code")), "{used:?}");
    ensure!(deployment.recorded("user.deletion_cancelled").await? == 0);
    let pending = try_with(Some(&recovery[1]), false).await?;
    ensure!(code(&pending) == (403, Some("deletion_pending")), "{pending:?}");
    let back = try_with(Some(&recovery[2]), true).await?;
    ensure!(back.0 == 201, "{back:?}");
    ensure!(deployment.recorded("user.deletion_cancelled").await? == 1);
    Ok(())
}

async fn a_passkey_is_told_and_cancels_as_a_password_does(profile: Profile) -> anyhow::Result<()> {
    let deployment = Deployment::start(profile, 100_000, |settings| settings).await?;
    let (first, last) = deployment.ends();
    let alice = User::register(&first, "alice").await?;
    let mut passkey = SoftPasskey::new("localhost", "http://localhost");
    let asked = alice.call(&first, Method::POST, "/v1/me/passkeys/challenge", None).await?;
    let made = passkey.registration(&asked)?;
    alice.call(&first, Method::POST, "/v1/me/passkeys", Some(made)).await?;
    let mut present = async |cancel: Option<bool>| -> anyhow::Result<(u16, Value)> {
        let (status, asked) = post(&first, "/v1/sessions/passkey/challenge", json!({})).await?;
        ensure!(status == 200, "{asked}");
        let answer = passkey.assertion(&asked)?;
        post(&last, "/v1/sessions/passkey", json!({ "passkey": answer, "cancel_deletion": cancel })).await
    };
    ensure!(present(None).await?.0 == 201);
    let final_at = leave(&first, &alice).await?;
    for cancel in [None, Some(false)] {
        let pending = present(cancel).await?;
        ensure!(code(&pending) == (403, Some("deletion_pending")), "{pending:?}");
        ensure!(pending.1["detail"].as_str().is_some_and(|detail| detail.contains(&final_at[..19])), "{pending:?} without {final_at}");
    }
    ensure!(deployment.recorded("user.deletion_cancelled").await? == 0);
    let back = present(Some(true)).await?;
    ensure!(back.0 == 201 && back.1["user"]["id"] == json!(alice.id()), "{back:?}");
    ensure!(present(None).await?.0 == 201 && log_in(&first, &alice, false).await?.0 == 201);
    ensure!(deployment.recorded("user.deletion_cancelled").await? == 1);
    Ok(())
}

async fn of_the_logins_that_begin_while_one_leaves_none_is_good_for_anything(profile: Profile) -> anyhow::Result<()> {
    let deployment = Deployment::start(profile, 100_000, |settings| settings).await?;
    let (first, last) = deployment.ends();
    let alice = User::register(&first, "alice").await?;
    let logins = futures::future::try_join_all((0..20).map(|n| log_in(if n % 2 == 0 { &first } else { &last }, &alice, false)));
    let (begun, _) = tokio::try_join!(logins, leave(&first, &alice))?;
    let worthless = async |when: &str| {
        for login in &begun {
            let Some(token) = login.1["access_token"].as_str() else {
                ensure!(code(login) == (403, Some("deletion_pending")), "{login:?}");
                continue;
            };
            let me = posthaste_tests::http::client().get(format!("{last}/v1/me")).bearer_auth(token).send().await?;
            ensure!(me.status() == 401, "{when}: {me:?}");
            let refresh = json!({ "refresh_token": login.1["refresh_token"] });
            let refreshed = post(&last, "/v1/sessions/refresh", refresh).await?;
            ensure!(refreshed.0 == 401, "{when}: {refreshed:?}");
        }
        anyhow::Ok(())
    };
    worthless("while she is leaving").await?;
    ensure!(log_in(&first, &alice, true).await?.0 == 201);
    worthless("after she has come back").await
}
