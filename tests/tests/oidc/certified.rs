//! With a provider that somebody else wrote, and whose pages a browser walks through.

use anyhow::ensure;
use posthaste_tests::oidc::{Browser, Certified, SignIn, knowing, outcome};
use posthaste_tests::services::Scratch;
use posthaste_tests::{Node, Profile, Stage};
use reqwest::{Method, Url};
use serde_json::json;

use super::service::{ask, token};

posthaste_tests::on_both_profiles! {
    somebody_logs_in_by_a_form_and_is_the_same_the_next_time
}

async fn somebody_logs_in_by_a_form_and_is_the_same_the_next_time(profile: Profile) -> anyhow::Result<()> {
    let (folder, provider) = (Scratch::new()?, Certified::start("certified").await?);
    let (path, issuer) = (folder.path().to_owned(), provider.issuer());
    let stage = Stage::start(profile, move |settings| {
        knowing(settings, &path, &[("certified", &issuer)]).expect("a folder of one's own can be written to")
    })
    .await?;
    let base = stage.base();
    let listed = ask(&base, Method::GET, "/v1/oidc/providers", None, None).await?;
    ensure!(listed.1["items"] == json!([{ "id": "certified", "name": "The certified" }]), "{listed:?}");

    let as_alice = async |browser: &mut Browser, url: &Url| provider.log_in(browser, url, "alice").await;
    let first = SignIn::all(&base, "certified", as_alice).await?;
    ensure!(first.0 == 201 && first.1["user"]["username"] == "alice", "{first:?}");
    let me = ask(&base, Method::GET, "/v1/me", Some(&token(&first)?), None).await?;
    ensure!(me.1["email"] == "alice@example.invalid" && me.1["email_verified"] == true, "{me:?}");
    let second = SignIn::all(&base, "certified", as_alice).await?;
    ensure!(outcome(&second)? == outcome(&first)?, "{second:?}");
    let other =
        SignIn::all(&base, "certified", async |browser: &mut Browser, url: &Url| provider.log_in(browser, url, "bob").await).await?;
    ensure!(other.0 == 201 && outcome(&other)? != outcome(&first)?, "{other:?}");

    // A code that was stolen on its way back is of no use to whoever has sent no browser for it: the provider asks what the hash was of.
    let (mut alice, mut thief) = (SignIn::new()?, SignIn::new()?);
    let (hers, theirs) = (alice.depart(&base, "certified").await?, thief.depart(&base, "certified").await?);
    let stolen = provider.log_in(&mut alice.browser, &hers, "alice").await?;
    let state = theirs.query_pairs().find(|(name, _)| name == "state").map(|(_, state)| state.into_owned()).unwrap_or_default();
    let pairs = stolen.query_pairs().map(|(name, value)| if name == "state" { (name, state.clone().into()) } else { (name, value) });
    let injected = Url::parse_with_params("http://x/v1/oidc/certified/callback", pairs.collect::<Vec<_>>())?;
    ensure!(thief.arrive(&base, &injected).await? == "error=denied");

    if profile == Profile::Distributed {
        // Whoever began at one node comes back to another, and gives the code to a third.
        let other = Node::start("other", stage.node().settings().clone()).await?;
        let mut sign_in = SignIn::new()?;
        let url = sign_in.depart(&base, "certified").await?;
        let callback = provider.log_in(&mut sign_in.browser, &url, "alice").await?;
        sign_in.browser.move_to(&base, &other.base())?;
        let code = sign_in.code(&other.base(), &callback).await?;
        ensure!(outcome(&sign_in.redeem(&base, &code, json!({})).await?)? == outcome(&first)?);
    }
    Ok(())
}
