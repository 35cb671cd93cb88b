//! What somebody tries who is not who logs in.

use anyhow::ensure;
use posthaste_tests::actor::User;
use posthaste_tests::oidc::{SignIn, outcome};
use posthaste_tests::{Node, Profile};
use reqwest::{Method, Url};
use serde_json::json;

use super::service::{Scene, ask, by_password, person, post, token};

posthaste_tests::on_both_profiles! {
    a_browser_that_was_not_sent_away_or_is_another_does_not_come_back
    a_code_is_worth_something_once_and_to_whoever_asked_for_it
    a_browser_is_sent_to_no_place_that_is_not_ours
    an_account_that_was_made_with_somebodys_address_before_they_came_does_not_get_them
    whoever_was_linked_to_an_account_before_its_owner_came_is_put_out_by_a_new_password
}

/// The callback with another value in the place of one, or without it.
fn with(callback: &Url, name: &str, value: Option<&str>) -> anyhow::Result<Url> {
    let pairs = callback.query_pairs().into_owned().filter(|(other, _)| other != name);
    let pairs: Vec<_> = pairs.chain(value.map(|value| (name.to_owned(), value.to_owned()))).collect();
    let mut url = callback.clone();
    url.query_pairs_mut().clear().extend_pairs(pairs);
    Ok(url)
}

/// State missing, wrong, replayed, of another provider; the cookie missing, or of another browser; another issuer.
async fn a_browser_that_was_not_sent_away_or_is_another_does_not_come_back(profile: Profile) -> anyhow::Result<()> {
    let scene = Scene::start(profile).await?;
    let base = scene.base();
    let refused = async |sign_in: &mut SignIn, callback: &Url| {
        let url = format!("{base}{}?{}", callback.path(), callback.query().unwrap_or_default());
        let answered = sign_in.browser.open(&url).await?;
        ensure!(answered.status() == 403, "{} at {callback}", answered.status());
        ensure!(answered.headers().get("location").is_none(), "it is sent on");
        anyhow::Ok(())
    };
    let started = async || {
        let mut sign_in = SignIn::new()?;
        let url = sign_in.depart(&base, "rogue").await?;
        anyhow::Ok((sign_in, scene.rogue.log_in(&url)?))
    };
    let (mut sign_in, callback) = started().await?;
    refused(&mut sign_in, &with(&callback, "state", None)?).await?;
    refused(&mut sign_in, &with(&callback, "state", Some(&"0".repeat(64)))?).await?;
    // None of that has used it up.
    sign_in.code(&base, &callback).await?;
    refused(&mut sign_in, &callback).await?;

    let (mut sign_in, mut callback) = started().await?;
    callback.set_path("/v1/oidc/other/callback");
    refused(&mut sign_in, &callback).await?;
    let (mut sign_in, callback) = started().await?;
    refused(&mut sign_in, &with(&callback, "iss", Some("https://login.example"))?).await?;
    // Whoever is sent the address that somebody else would have come back to has no cookie, or their own.
    let (_, callback) = started().await?;
    refused(&mut SignIn::new()?, &callback).await?;
    let ((_, callback), (mut other, _)) = (started().await?, started().await?);
    refused(&mut other, &callback).await?;
    Ok(())
}

async fn a_code_is_worth_something_once_and_to_whoever_asked_for_it(profile: Profile) -> anyhow::Result<()> {
    let scene = Scene::start(profile).await?;
    let base = scene.base();
    // Stolen out of the address, and out of the provider's answer.
    let (owner, code) = scene.code().await?;
    ensure!(outcome(&SignIn::new()?.redeem(&base, &code, json!({})).await?)? == "unauthorized");
    ensure!(outcome(&owner.redeem(&base, &code, json!({})).await?)? == "unauthorized", "a try uses it up");
    let (owner, code) = scene.code().await?;
    ensure!(owner.redeem(&base, &code, json!({})).await?.0 == 201);
    ensure!(outcome(&owner.redeem(&base, &code, json!({})).await?)? == "unauthorized", "it is good once");
    // Given to somebody, to be logged in, or linked, as somebody else.
    let (_, code) = scene.code().await?;
    let victim = User::register(&base, "victim").await?;
    let body = json!({ "code": code, "verifier": SignIn::new()?.verifier });
    let linked = post(&base, "/v1/me/identities", Some(&victim.token()), &body).await?;
    ensure!(outcome(&linked)? == "forbidden", "{linked:?}");
    let theirs = ask(&base, Method::GET, "/v1/me/identities", Some(&victim.token()), None).await?;
    ensure!(theirs.1["items"] == json!([]), "{theirs:?}");
    // Of many who use it at once, one gets in.
    let (owner, code) = scene.code().await?;
    let tries = futures::future::try_join_all((0..10).map(|_| owner.redeem(&base, &code, json!({})))).await?;
    ensure!(tries.iter().filter(|(status, _)| *status == 201).count() == 1, "{tries:?}");

    // What the provider gave one browser is given to another, in the middle of a sign-in of its own: the provider asks what the hash was of.
    let (mut victim, mut thief) = (SignIn::new()?, SignIn::new()?);
    let stolen = scene.rogue.log_in(&victim.depart(&base, "rogue").await?)?;
    let own = scene.rogue.log_in(&thief.depart(&base, "rogue").await?)?;
    let code = stolen.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
    ensure!(thief.arrive(&base, &with(&own, "code", code.as_deref())?).await? == "error=denied");

    if profile == Profile::Distributed {
        let other = Node::start("other", scene.stage.node().settings().clone()).await?;
        let mut sign_in = SignIn::new()?;
        let callback = scene.rogue.log_in(&sign_in.depart(&base, "rogue").await?)?;
        sign_in.browser.move_to(&base, &other.base())?;
        let code = sign_in.code(&other.base(), &callback).await?;
        ensure!(sign_in.redeem(&base, &code, json!({})).await?.0 == 201, "any node goes on with it");
        ensure!(outcome(&sign_in.redeem(&other.base(), &code, json!({})).await?)? == "unauthorized", "and it is used up for all");
    }
    Ok(())
}

/// Open redirects.
async fn a_browser_is_sent_to_no_place_that_is_not_ours(profile: Profile) -> anyhow::Result<()> {
    let scene = Scene::start(profile).await?;
    let (base, mut sign_in) = (scene.base(), SignIn::new()?);
    for evil in [
        "",
        "app",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        " //evil.example",
        "/\n/evil.example",
        "/app\r\nSet-Cookie: a=b",
        "https:evil.example",
        "https:/evil.example",
        "https://evil.example",
        "http://chat.example",
        "https://chat.example.evil.example",
        "https://chat.example@evil.example",
        "https://chat.example:443@evil.example/",
        "https://chat.example%2eevil.example",
        "https://chat.example\\@evil.example",
        "https://evil.example/https://chat.example",
        "HTTPS://CHAT.EXAMPLE/",
        "%2f%2fevil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/app#code=mine",
    ] {
        let answered = sign_in.browser.open(sign_in.beginning(&base, "rogue", evil)?.as_str()).await?;
        ensure!(answered.status() == 400 && answered.headers().get("location").is_none(), "{evil:?}: {}", answered.status());
    }
    for ours in ["/", "/app?tab=1", "/%2f%2fevil.example", "https://chat.example", "https://chat.example/app", "https://chat.example?tab=1"]
    {
        let mut sign_in = SignIn::new()?;
        let answered = sign_in.browser.open(sign_in.beginning(&base, "rogue", ours)?.as_str()).await?;
        ensure!(answered.status() == 303, "{ours:?}: {}", answered.status());
    }
    Ok(())
}

/// Pre-hijacking: whoever registers with somebody's address waits for them to log in with it and to use the account.
async fn an_account_that_was_made_with_somebodys_address_before_they_came_does_not_get_them(profile: Profile) -> anyhow::Result<()> {
    let scene = Scene::start(profile).await?;
    let base = scene.base();
    let attacker = User::register(&base, "rosa").await?;
    scene.rogue.vouch_for(json!({ "sub": "rosa", "email": attacker.email(), "email_verified": true }));
    ensure!(scene.outcome().await? == "conflict", "the account's address is not verified");
    scene.verify(&attacker.email()).await?;
    // The other way around: a provider that lets anybody say that an address is theirs.
    for unverified in [json!(false), json!(null)] {
        scene.rogue.vouch_for(json!({ "sub": "mallory", "email": attacker.email(), "email_verified": unverified }));
        ensure!(scene.outcome().await? == "conflict", "{unverified}: the provider has not verified it");
    }
    let theirs = ask(&base, Method::GET, "/v1/me/identities", Some(&attacker.token()), None).await?;
    ensure!(theirs.1["items"] == json!([]), "{theirs:?}");
    // Verified on both sides, it is the same person.
    scene.rogue.vouch_for(json!({ "sub": "rosa", "email": attacker.email().to_uppercase(), "email_verified": true }));
    ensure!(scene.outcome().await? == attacker.id().to_string());
    // And from now on whatever becomes of the address.
    scene.rogue.vouch_for(json!({ "sub": "rosa" }));
    ensure!(scene.outcome().await? == attacker.id().to_string());
    Ok(())
}

/// The same with an identity: whoever registers with somebody's address links themselves to the account, and waits.
async fn whoever_was_linked_to_an_account_before_its_owner_came_is_put_out_by_a_new_password(profile: Profile) -> anyhow::Result<()> {
    let scene = Scene::start(profile).await?;
    let base = scene.base();
    scene.rogue.vouch_for(json!({ "sub": "mallory", "email": "owner@example.invalid", "email_verified": false }));
    let attacker = scene.sign_in().await?;
    ensure!(attacker.0 == 201, "{attacker:?}");
    let me = ask(&base, Method::GET, "/v1/me", Some(&token(&attacker)?), None).await?;
    ensure!(me.1["email_verified"] == false, "{me:?}");
    // The owner of the address comes, finds it taken, and sets a password by mail.
    scene.rogue.vouch_for(person("owner"));
    ensure!(scene.outcome().await? == "conflict");
    ensure!(post(&base, "/v1/password/reset", None, &json!({ "email": "owner@example.invalid" })).await?.0 == 202);
    let reset =
        json!({ "token": scene.mailed("owner@example.invalid", "/reset-password").await?, "new_password": "a password of the owner" });
    ensure!(post(&base, "/v1/password/reset/confirm", None, &reset).await?.0 == 204);

    ensure!(ask(&base, Method::GET, "/v1/me", Some(&token(&attacker)?), None).await?.0 == 401, "the login goes on");
    scene.rogue.vouch_for(json!({ "sub": "mallory", "email": "owner@example.invalid", "email_verified": false }));
    ensure!(scene.outcome().await? == "conflict", "whoever was linked is still let in");
    let username = attacker.1["user"]["username"].as_str().unwrap_or_default().to_owned();
    let id = serde_json::from_value(attacker.1["user"]["id"].clone())?;
    let owner = User::returning(&username, "a password of the owner", id)?;
    ensure!(by_password(&base, &owner).await? == 201);
    Ok(())
}
