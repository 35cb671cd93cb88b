//! Who somebody is here whom a provider vouches for.

use anyhow::{Context as _, ensure};
use posthaste_application::port::Clock as _;
use posthaste_infrastructure::system::SystemClock;
use posthaste_tests::actor::User;
use posthaste_tests::authenticator::Authenticator;
use posthaste_tests::node::run_posthaste;
use posthaste_tests::oidc::{PUBLIC_URL, SignIn, outcome};
use posthaste_tests::passkey::SoftPasskey;
use posthaste_tests::services::Scratch;
use posthaste_tests::{Profile, hygiene};
use reqwest::Method;
use serde_json::{Value, json};

use super::service::{Scene, ask, by_password, person, post, token};

posthaste_tests::on_both_profiles! {
    whoever_comes_first_is_registered_under_a_name_that_is_free
    nobody_is_registered_where_nobody_may_be
    an_account_elsewhere_is_linked_and_unlinked_but_never_the_last_way_in
    whoever_has_a_second_factor_shows_it_here_as_well
    a_page_of_ours_may_leave_the_refresh_token_to_the_browser
    whoever_is_suspended_or_erased_does_not_get_in
    whoever_is_leaving_is_told_and_comes_back_if_they_say_so
    whoever_has_no_password_sets_one_by_mail
}

async fn whoever_comes_first_is_registered_under_a_name_that_is_free(profile: Profile) -> anyhow::Result<()> {
    let scene = Scene::start(profile).await?;
    let mut sign_in = SignIn::new()?;
    let callback = scene.rogue.log_in(&sign_in.depart(&scene.base(), "rogue").await?)?;
    let code = sign_in.code(&scene.base(), &callback).await?;
    let first = sign_in.redeem(&scene.base(), &code, json!({ "name": "Rosa's laptop" })).await?;
    ensure!(first.1["user"]["username"] == "rosa" && first.1["user"]["display_name"] == "Of the name rosa", "{first:?}");
    let me = ask(&scene.base(), Method::GET, "/v1/me", Some(&token(&first)?), None).await?;
    ensure!(me.1["email"] == "rosa@example.invalid" && me.1["email_verified"] == true, "{me:?}");
    let logins = ask(&scene.base(), Method::GET, "/v1/sessions", Some(&token(&first)?), None).await?;
    ensure!(logins.1["items"][0]["name"] == "Rosa's laptop", "{logins:?}");

    // The name is taken, the address is not: something is put behind it. What is no name is left out.
    for (subject, wanted, begins) in
        [("second", json!("ROSA"), "ROSA-"), ("third", json!("rosa ☮ maria"), "rosamaria"), ("fourth", json!(null), "fourth")]
    {
        let mut person = person(subject);
        person["preferred_username"] = wanted;
        scene.rogue.vouch_for(person);
        let login = scene.sign_in().await?;
        ensure!(login.1["user"]["username"].as_str().is_some_and(|name| name.starts_with(begins)), "{login:?}");
    }
    // Whoever has shown no address of theirs cannot be written to.
    scene.rogue.vouch_for(json!({ "sub": "nobody" }));
    ensure!(scene.outcome().await? == "conflict");
    // Many windows at once are one person.
    scene.rogue.vouch_for(person("crowd"));
    let logins = futures::future::try_join_all((0..8).map(|_| scene.outcome())).await?;
    ensure!(logins.iter().all(|login| *login == logins[0] && login.len() == 36), "{logins:?}");
    Ok(())
}

async fn nobody_is_registered_where_nobody_may_be(profile: Profile) -> anyhow::Result<()> {
    let scene = Scene::with(profile, |settings| settings.with("AUTH__REGISTRATION", "closed")).await?;
    ensure!(scene.outcome().await? == "registration_closed");
    Ok(())
}

async fn an_account_elsewhere_is_linked_and_unlinked_but_never_the_last_way_in(profile: Profile) -> anyhow::Result<()> {
    let scene = Scene::start(profile).await?;
    let (base, user) = (scene.base(), User::register(&scene.base(), "linked").await?);
    let link = async |token: &str| {
        let (sign_in, code) = scene.code().await?;
        post(&base, "/v1/me/identities", Some(token), &json!({ "code": code, "verifier": sign_in.verifier })).await
    };
    let first = link(&user.token()).await?;
    ensure!(first.0 == 200 && first.1["provider"] == "rogue" && first.1["issuer"] == scene.rogue.issuer().as_str(), "{first:?}");
    ensure!(link(&user.token()).await?.1["id"] == first.1["id"], "it is linked once");
    ensure!(scene.outcome().await? == user.id().to_string());
    let listed = ask(&base, Method::GET, "/v1/me/identities", Some(&user.token()), None).await?;
    ensure!(listed.1["items"] == json!([first.1]), "{listed:?}");
    let other = User::register(&base, "other").await?;
    ensure!(outcome(&link(&other.token()).await?)? == "conflict", "it is somebody else's");
    let path = |linked: &Value| format!("/v1/me/identities/{}", linked["id"].as_str().unwrap_or_default());
    ensure!(ask(&base, Method::DELETE, &path(&first.1), Some(&other.token()), None).await?.0 == 404, "it is somebody else's");
    // There is a password.
    ensure!(ask(&base, Method::DELETE, &path(&first.1), Some(&user.token()), None).await?.0 == 204);
    ensure!(scene.outcome().await? != user.id().to_string());

    // Whoever has none keeps one of two.
    scene.rogue.vouch_for(person("passwordless"));
    let login = token(&scene.sign_in().await?)?;
    scene.rogue.vouch_for(json!({ "sub": "another of theirs" }));
    ensure!(link(&login).await?.0 == 200);
    let both = ask(&base, Method::GET, "/v1/me/identities", Some(&login), None).await?;
    let both = both.1["items"].as_array().context("a list")?.clone();
    let ended = futures::future::try_join_all(both.iter().map(|linked| {
        let path = path(linked);
        let login = login.clone();
        let base = base.clone();
        async move { ask(&base, Method::DELETE, &path, Some(&login), None).await }
    }));
    let mut ended: Vec<_> = ended.await?.into_iter().map(|(status, _)| status).collect();
    ended.sort_unstable();
    ensure!(both.len() == 2 && ended == [204, 409], "{ended:?}");
    Ok(())
}

async fn whoever_has_a_second_factor_shows_it_here_as_well(profile: Profile) -> anyhow::Result<()> {
    let domain = PUBLIC_URL.trim_start_matches("https://");
    let scene = Scene::with(profile, |settings| settings.with("AUTH__PASSKEY_DOMAIN", domain)).await?;
    let base = scene.base();
    let login = token(&scene.sign_in().await?)?;
    let mut passkey = SoftPasskey::new(domain, PUBLIC_URL);
    let asked = post(&base, "/v1/me/passkeys/challenge", Some(&login), &json!({})).await?.1;
    let made = passkey.registration(&asked)?;
    ensure!(post(&base, "/v1/me/passkeys", Some(&login), &made).await?.0 == 201);
    let authenticator = Authenticator::new(&post(&base, "/v1/me/totp", Some(&login), &json!({})).await?.1)?;
    let code = json!({ "code": authenticator.code(SystemClock.now(), 0) });
    let confirmed = post(&base, "/v1/me/totp/confirm", Some(&login), &code).await?;
    let recovery: Vec<String> = serde_json::from_value(confirmed.1["recovery_codes"].clone())?;
    recovery.iter().for_each(|code| hygiene::remember(code));

    let (sign_in, code) = scene.code().await?;
    let with = async |second_factor: Value| outcome(&sign_in.redeem(&base, &code, second_factor).await?);
    ensure!(with(json!({})).await? == "second_factor_required");
    ensure!(with(json!({ "second_factor": authenticator.wrong(SystemClock.now()) })).await? == "wrong_code");
    let who = with(json!({ "second_factor": recovery[0] })).await?;
    ensure!(who.len() == 36, "{who}");
    ensure!(with(json!({ "second_factor": recovery[1] })).await? == "unauthorized", "it is used up by then");
    // A passkey stands in for the code: theirs, and nobody else's.
    let asked = post(&base, "/v1/sessions/passkey/challenge", None, &json!({})).await?.1;
    let assertion = passkey.assertion(&asked)?;
    scene.rogue.vouch_for(person("somebody"));
    let somebody = token(&scene.sign_in().await?)?;
    let other = Authenticator::new(&post(&base, "/v1/me/totp", Some(&somebody), &json!({})).await?.1)?;
    let confirmed = json!({ "code": other.code(SystemClock.now(), 0) });
    ensure!(post(&base, "/v1/me/totp/confirm", Some(&somebody), &confirmed).await?.0 == 200);
    let (sign_in, code) = scene.code().await?;
    ensure!(outcome(&sign_in.redeem(&base, &code, json!({ "passkey": assertion })).await?)? == "wrong_code", "it is another's");
    scene.rogue.vouch_for(person("rosa"));
    let (sign_in, code) = scene.code().await?;
    let asked = post(&base, "/v1/sessions/passkey/challenge", None, &json!({})).await?.1;
    let assertion = passkey.assertion(&asked)?;
    ensure!(outcome(&sign_in.redeem(&base, &code, json!({ "passkey": assertion })).await?)? == who);
    // The login from before the factor was there has proved too little to link another account.
    let (sign_in, code) = scene.code().await?;
    let link = json!({ "code": code, "verifier": sign_in.verifier });
    ensure!(outcome(&post(&base, "/v1/me/identities", Some(&login), &link).await?)? == "step_up_required");
    Ok(())
}

async fn a_page_of_ours_may_leave_the_refresh_token_to_the_browser(profile: Profile) -> anyhow::Result<()> {
    let scene = Scene::start(profile).await?;
    let (base, (sign_in, code)) = (scene.base(), scene.code().await?);
    let wanted = json!({ "code": code, "verifier": sign_in.verifier, "mode": "cookie" });
    let from = async |origin: &str| {
        let request = posthaste_tests::http::client()
            .post(format!("{base}/v1/sessions/oidc"))
            .header("origin", origin)
            .header("x-posthaste-csrf", "1");
        anyhow::Ok(request.json(&wanted).send().await?)
    };
    let refused = from("https://evil.example").await?;
    ensure!(refused.status() == 403 && !refused.headers().contains_key("set-cookie"), "{refused:?}");
    // Nothing was used up by that.
    let login = from(PUBLIC_URL).await?;
    let cookie = login.headers().get("set-cookie").context("a cookie is set")?.to_str()?.to_owned();
    hygiene::remember(cookie.split([';', '=']).nth(1).unwrap_or_default());
    ensure!(login.status() == 201 && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{login:?}");
    let body: Value = login.json().await?;
    hygiene::remember(body["access_token"].as_str().unwrap_or_default());
    ensure!(body["refresh_token"].is_null() && body["access_token"].is_string(), "{body}");
    let again = from(PUBLIC_URL).await?;
    ensure!(again.status() == 401, "{again:?}");
    Ok(())
}

async fn whoever_is_suspended_or_erased_does_not_get_in(profile: Profile) -> anyhow::Result<()> {
    let scene = Scene::start(profile).await?;
    let (base, id) = (scene.base(), scene.outcome().await?);
    let settings = scene.stage.node().settings();
    let console = async |arguments: &[&str]| {
        let ran = run_posthaste(settings, &[&["users"], arguments].concat()).await?;
        ensure!(ran.status.success(), "{ran:?}");
        anyhow::Ok(())
    };
    let (folder, admin) = (Scratch::new()?, scene.stage.admin().await?);
    let file = folder.path().join("export.json");
    console(&["export", &id, "--output", &file.to_string_lossy()]).await?;
    let exported: Value = serde_json::from_slice(&std::fs::read(&file)?)?;
    ensure!(
        exported["identities"][0]["subject"] == "rosa" && exported["identities"][0]["issuer"] == scene.rogue.issuer().as_str(),
        "{exported}"
    );

    admin.call(&base, Method::POST, &format!("/v1/admin/users/{id}/suspend"), Some(json!({}))).await?;
    ensure!(scene.outcome().await? == "account_suspended");
    admin.call(&base, Method::POST, &format!("/v1/admin/users/{id}/reinstate"), Some(json!({}))).await?;
    ensure!(scene.outcome().await? == id);
    // As whoever was about to log in when they were erased.
    let (sign_in, code) = scene.code().await?;
    console(&["erase", &id, "--yes"]).await?;
    ensure!(outcome(&sign_in.redeem(&base, &code, json!({})).await?)? == "conflict", "the address stays taken");
    // With another address it is a new person: nothing remembers who they were.
    let mut person = person("rosa");
    person["email"] = json!("new.rosa@example.invalid");
    scene.rogue.vouch_for(person);
    let anew = scene.outcome().await?;
    ensure!(anew.len() == 36 && anew != id, "{anew}");
    Ok(())
}

async fn whoever_is_leaving_is_told_and_comes_back_if_they_say_so(profile: Profile) -> anyhow::Result<()> {
    let scene = Scene::start(profile).await?;
    let (base, login) = (scene.base(), scene.sign_in().await?);
    let leaves = async |login: &(u16, Value)| {
        let left = post(&base, "/v1/me/deletion", Some(&token(login)?), &json!({ "username": "rosa" })).await?;
        ensure!(left.0 == 200, "{left:?}");
        left.1["final_at"].as_str().map(|at| at[..19].to_owned()).context("a time")
    };
    let final_at = leaves(&login).await?;
    let (sign_in, code) = scene.code().await?;
    let pending = sign_in.redeem(&base, &code, json!({})).await?;
    ensure!(pending.0 == 403 && outcome(&pending)? == "deletion_pending", "{pending:?}");
    ensure!(pending.1["detail"].as_str().is_some_and(|detail| detail.contains(&final_at)), "{pending:?} without {final_at}");
    // Nobody goes to the provider once more for that.
    let back = sign_in.redeem(&base, &code, json!({ "cancel_deletion": true })).await?;
    ensure!(back.0 == 201 && back.1["user"] == login.1["user"], "{back:?}");
    ensure!(ask(&base, Method::GET, "/v1/me", Some(&token(&login)?), None).await?.0 == 401, "what was logged in before stays ended");
    ensure!(scene.outcome().await? == outcome(&login)?);

    // Whoever is found by their address alone is not linked before they have said that they stay.
    ensure!(post(&base, "/v1/password/reset", None, &json!({ "email": "rosa@example.invalid" })).await?.0 == 202);
    let reset = json!({ "token": scene.mailed("rosa@example.invalid", "/reset-password").await?, "new_password": "a password of mine" });
    ensure!(post(&base, "/v1/password/reset/confirm", None, &reset).await?.0 == 204, "which takes the identity away");
    let login = post(&base, "/v1/sessions", None, &json!({ "login": "rosa", "password": "a password of mine" })).await?;
    leaves(&login).await?;
    ensure!(scene.outcome().await? == "deletion_pending");
    let (sign_in, code) = scene.code().await?;
    let back = sign_in.redeem(&base, &code, json!({ "cancel_deletion": true })).await?;
    ensure!(back.0 == 201 && back.1["user"] == login.1["user"], "{back:?}");
    Ok(())
}

async fn whoever_has_no_password_sets_one_by_mail(profile: Profile) -> anyhow::Result<()> {
    let scene = Scene::start(profile).await?;
    let base = scene.base();
    let login = scene.sign_in().await?;
    for password in ["", "a password of mine"] {
        let tried = post(&base, "/v1/sessions", None, &json!({ "login": "rosa", "password": password })).await?;
        let nobody = post(&base, "/v1/sessions", None, &json!({ "login": "nobody.at.all", "password": password })).await?;
        ensure!(tried.0 == 401 && tried == nobody, "{tried:?} {nobody:?}");
    }
    let change = json!({ "current": "a password of mine", "new": "another password" });
    ensure!(outcome(&ask(&base, Method::PUT, "/v1/me/password", Some(&token(&login)?), Some(&change)).await?)? == "forbidden");
    ensure!(post(&base, "/v1/password/reset", None, &json!({ "email": "rosa@example.invalid" })).await?.0 == 202);
    let reset = json!({ "token": scene.mailed("rosa@example.invalid", "/reset-password").await?, "new_password": "a password of mine" });
    ensure!(post(&base, "/v1/password/reset/confirm", None, &reset).await?.0 == 204);
    let rosa = User::returning("rosa", "a password of mine", serde_json::from_value(login.1["user"]["id"].clone())?)?;
    ensure!(by_password(&base, &rosa).await? == 201);
    // The new password took the identity away; with an address that both have verified it comes back by itself.
    ensure!(scene.outcome().await? == outcome(&login)?);
    Ok(())
}
