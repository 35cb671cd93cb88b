//! What no right provider says: none of it lets anybody in, and none of it keeps anybody waiting.

use anyhow::ensure;
use posthaste_tests::Profile;
use posthaste_tests::oidc::{Lie, SignIn, outcome};
use serde_json::json;

use super::service::Scene;

posthaste_tests::on_both_profiles! {
    a_token_of_which_anything_does_not_hold_lets_nobody_in
    a_provider_that_cannot_be_asked_is_said_to_be_so_and_nobody_waits_for_it
}

/// What is wrong with a token.
const FALSE: [Lie; 14] = [
    Lie::Nonce,
    Lie::NoNonce,
    Lie::Audience,
    Lie::AnotherAudience,
    Lie::Party,
    Lie::Issuer,
    Lie::Expired,
    Lie::Unsigned,
    Lie::SharedSecret,
    Lie::PublicKeyAsSecret,
    Lie::StolenName,
    Lie::UnknownKey,
    Lie::NoToken,
    Lie::VerifiedInWords,
];

async fn a_token_of_which_anything_does_not_hold_lets_nobody_in(profile: Profile) -> anyhow::Result<()> {
    let scene = Scene::start(profile).await?;
    let end = async || {
        let mut sign_in = SignIn::new()?;
        let url = sign_in.depart(&scene.base(), "rogue").await?;
        sign_in.arrive(&scene.base(), &scene.rogue.log_in(&url)?).await
    };
    for lie in FALSE {
        scene.rogue.lie(lie);
        let end = end().await?;
        ensure!(end == "error=denied", "{lie:?}: {end}");
    }
    scene.rogue.lie(Lie::None);
    ensure!(end().await?.starts_with("code="), "the truth is believed");
    let asked = scene.rogue.asked().len();
    ensure!(end().await?.starts_with("code="));
    ensure!(scene.rogue.asked().len() == asked + 1, "keys are kept: {:?}", scene.rogue.asked());
    // A key that it has not had before is looked up, once.
    scene.rogue.lie(Lie::NewKey);
    ensure!(end().await?.starts_with("code="), "it may change its key");
    let asked = scene.rogue.asked();
    ensure!(asked[asked.len() - 3..] == ["/token", "/.well-known/openid-configuration", "/jwks"], "{asked:?}");
    Ok(())
}

async fn a_provider_that_cannot_be_asked_is_said_to_be_so_and_nobody_waits_for_it(profile: Profile) -> anyhow::Result<()> {
    let scene = Scene::start(profile).await?;
    // While nothing is known of it.
    scene.rogue.lie(Lie::Broken);
    let mut sign_in = SignIn::new()?;
    let answered = sign_in.browser.open(sign_in.beginning(&scene.base(), "rogue", "/app")?.as_str()).await?;
    let (status, told) = (answered.status().as_u16(), answered.json::<serde_json::Value>().await?);
    ensure!(status == 503 && told["code"] == "unavailable" && told["detail"] == "the provider cannot be asked now", "{status} {told}");
    scene.rogue.lie(Lie::None);
    let first =
        posthaste_tests::patience::until("it is asked again", async || scene.sign_in().await.or(Ok((0, json!(null)))), |end| end.0 == 201);
    let first = outcome(&first.await?)?;

    for lie in [Lie::Broken, Lie::Hang, Lie::Endless] {
        let mut sign_in = SignIn::new()?;
        let url = sign_in.depart(&scene.base(), "rogue").await?;
        let callback = scene.rogue.log_in(&url)?;
        scene.rogue.lie(lie);
        let end = sign_in.arrive(&scene.base(), &callback).await?;
        ensure!(end == "error=unavailable", "{lie:?}: {end}");
        scene.rogue.lie(Lie::None);
    }
    // It sends nobody anywhere but who logs in.
    let mut sign_in = SignIn::new()?;
    let callback = scene.rogue.log_in(&sign_in.depart(&scene.base(), "rogue").await?)?;
    scene.rogue.lie(Lie::Redirect);
    ensure!(sign_in.arrive(&scene.base(), &callback).await? == "error=denied");
    ensure!(!scene.rogue.asked().contains(&"/elsewhere".to_owned()), "a redirect was followed");
    scene.rogue.lie(Lie::None);
    ensure!(scene.outcome().await? == first);
    Ok(())
}
