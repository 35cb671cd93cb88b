//! Whoever has left is erased, once, whatever becomes of the servers; and so is whom an admin erases.

use anyhow::{Context as _, ensure};
use posthaste_application::port::Clock as _;
use posthaste_infrastructure::system::SystemClock;
use posthaste_tests::actor::{User, new_id};
use posthaste_tests::authenticator::Authenticator;
use posthaste_tests::node::make_admin;
use posthaste_tests::patience::until;
use posthaste_tests::{Profile, hygiene};
use reqwest::Method;
use serde_json::{Value, json};

use super::service::{Deployment, code, is_erased, leave, log_in};

posthaste_tests::on_both_profiles! {
    whoever_has_left_is_erased_once_whatever_becomes_of_the_servers
    whoever_is_suspended_while_they_leave_is_erased_as_well
    servers_that_relay_one_after_another_erase_everybody_once
    what_a_kill_has_left_of_somebody_who_was_erased_is_forgotten
    an_admin_erases_somebody_and_is_on_record_for_it
}

async fn whoever_has_left_is_erased_once_whatever_becomes_of_the_servers(profile: Profile) -> anyhow::Result<()> {
    let mut deployment = Deployment::start(profile, 2, |settings| settings).await?;
    let (first, last) = deployment.ends();
    let (alice, bob) = tokio::try_join!(User::register(&first, "alice"), User::register(&first, "bob"))?;
    leave(&first, &alice).await?;
    // Nobody is there when the time comes.
    deployment.kill_all(async |_| Ok(())).await?;
    until("she is erased", async || is_erased(&last, &bob, &alice).await, |erased| *erased).await?;
    let gone = async || log_in(&first, &alice, true).await;
    until("she has nothing to log in with", gone, |answer| code(answer) == (401, Some("unauthorized"))).await?;
    ensure!(deployment.kept_of(alice.id()).await? == 0);
    // What is done is not done again, by none of the servers, nor by those after them.
    deployment.kill_all(async |_| Ok(())).await?;
    let carol = User::register(&first, "carol").await?;
    leave(&first, &carol).await?;
    let erased = async || deployment.recorded("user.erased").await;
    until("who comes after her is erased as well", erased, |erased| *erased >= 2).await?;
    ensure!(deployment.recorded("user.erased").await? == 2);
    ensure!(deployment.recorded("user.deletion_requested").await? == 2);
    Ok(())
}

async fn whoever_is_suspended_while_they_leave_is_erased_as_well(profile: Profile) -> anyhow::Result<()> {
    let deployment = Deployment::start(profile, 10, |settings| settings).await?;
    let (first, last) = deployment.ends();
    let (alice, admin) = tokio::try_join!(User::register(&first, "alice"), User::register(&first, "admin"))?;
    make_admin(&deployment.settings, &admin).await?;
    let before = SystemClock.now();
    leave(&first, &alice).await?;
    admin.call(&last, Method::POST, &format!("/v1/admin/users/{}/suspend", alice.id()), Some(json!({}))).await?;
    ensure!(code(&log_in(&last, &alice, true).await?) == (403, Some("account_suspended")));
    until("she is erased", async || is_erased(&last, &admin, &alice).await, |erased| *erased).await?;
    let waited = SystemClock.now() - before;
    ensure!(waited.num_seconds() >= 10, "not a second before it was told: {waited}");
    Ok(())
}

async fn servers_that_relay_one_after_another_erase_everybody_once(profile: Profile) -> anyhow::Result<()> {
    let mut deployment = Deployment::start(profile, 4, |settings| settings).await?;
    let (first, last) = deployment.ends();
    let names = ["alice", "bob", "carol", "witness"];
    let mut people = futures::future::try_join_all(names.map(|name| User::register(&first, name))).await?;
    let witness = people.pop().context("somebody")?;
    for (n, user) in people.iter().enumerate() {
        leave(&last, user).await?;
        // Whoever holds the lease is held up, or killed, and comes back to find somebody else at it.
        let holder = usize::from(deployment.nodes.len() > 1 && n % 2 == 1);
        match profile {
            Profile::Distributed if n < 2 => deployment.nodes[holder].pause(),
            Profile::Distributed | Profile::Embedded => {
                deployment.nodes[0].kill9()?;
                deployment.nodes[0].restart().await?;
            }
        }
        let base = deployment.nodes[if holder == 0 { deployment.nodes.len() - 1 } else { 0 }].base();
        until("they are erased", async || is_erased(&base, &witness, user).await, |erased| *erased).await?;
        if profile == Profile::Distributed {
            deployment.nodes[holder].resume();
        }
    }
    // Both have gone through all of it from the beginning by now, or do so when they are started.
    deployment.kill_all(async |_| Ok(())).await?;
    let last_one = User::register(&first, "dora").await?;
    leave(&first, &last_one).await?;
    until("the last one is erased", async || is_erased(&first, &witness, &last_one).await, |erased| *erased).await?;
    let erased = deployment.recorded("user.erased").await?;
    ensure!(erased == 4, "{erased} were erased");
    Ok(())
}

async fn what_a_kill_has_left_of_somebody_who_was_erased_is_forgotten(profile: Profile) -> anyhow::Result<()> {
    let mut deployment = Deployment::start(profile, 2, |settings| settings).await?;
    let (first, _) = deployment.ends();
    let (alice, bob, carol) =
        tokio::try_join!(User::register(&first, "alice"), User::register(&first, "bob"), User::register(&first, "carol"))?;
    deployment.keep(alice.id()).await?;
    leave(&first, &alice).await?;
    let erased = async || deployment.recorded("user.erased").await;
    until("it is recorded first", erased, |erased| *erased == 1).await?;
    leave(&first, &carol).await?;
    let carols = async || deployment.kept_of(carol.id()).await;
    until("nobody who comes after her waits for her", carols, |kept| *kept == 0).await?;
    ensure!(deployment.kept_of(alice.id()).await? > 0, "and forgotten afterwards");
    deployment.kill_all(async |deployment| deployment.let_go().await).await?;
    let kept = async || deployment.kept_of(alice.id()).await;
    until("the rest of her is forgotten", kept, |kept| *kept == 0).await?;
    ensure!(is_erased(&first, &bob, &alice).await? && deployment.recorded("user.erased").await? == 2);
    Ok(())
}

async fn an_admin_erases_somebody_and_is_on_record_for_it(profile: Profile) -> anyhow::Result<()> {
    let deployment = Deployment::start(profile, 100_000, |settings| settings).await?;
    let (first, last) = deployment.ends();
    let (alice, bob, admin) =
        tokio::try_join!(User::register(&first, "alice"), User::register(&first, "bob"), User::register(&first, "admin"))?;
    make_admin(&deployment.settings, &admin).await?;
    // What cannot be undone takes an admin who has shown everything that there is to show.
    let authenticator = Authenticator::new(&admin.call(&first, Method::POST, "/v1/me/totp", None).await?)?;
    let now = json!({ "code": authenticator.code(SystemClock.now(), 0) });
    let confirmed = admin.call(&first, Method::POST, "/v1/me/totp/confirm", Some(now)).await?;
    let recovery: Vec<String> = serde_json::from_value(confirmed["recovery_codes"].clone())?;
    recovery.iter().for_each(|code| hygiene::remember(code));
    let path = |user: &User| format!("/v1/admin/users/{}/erase", user.id());
    let refused = admin.answer(&last, Method::POST, &path(&alice), None).await?;
    ensure!(code(&refused) == (403, Some("step_up_required")), "{refused:?}");
    let evidence = json!({ "password": admin.password(), "code": recovery[0] });
    admin.call(&first, Method::POST, "/v1/sessions/current/step-up", Some(evidence)).await?;
    let refused = admin.answer(&last, Method::POST, &path(&admin), None).await?;
    ensure!(code(&refused) == (409, Some("conflict")), "not themselves: {refused:?}");

    // Whether somebody is leaving or not.
    leave(&first, &bob).await?;
    for user in [&alice, &bob] {
        let key = new_id();
        let erased = admin.call_with_key(&last, Method::POST, &path(user), None, key).await?;
        ensure!(deployment.kept_of(user.id()).await? == 0, "all of it is done by then");
        let again = admin.call_with_key(&first, Method::POST, &path(user), None, key).await?;
        ensure!(again["position"] == erased["position"], "{again} and {erased}");
        until("they are erased", async || is_erased(&first, &admin, user).await, |erased| *erased).await?;
        ensure!(code(&log_in(&first, user, true).await?) == (401, Some("unauthorized")));
        let account = admin.call(&first, Method::GET, &format!("/v1/admin/users/{}", user.id()), None).await?;
        let act: &Value = &account["acts"][0];
        ensure!(act["what"] == "user.erased" && act["by"] == json!(admin.id()) && act["position"] == erased["position"], "{account}");
    }
    ensure!(deployment.recorded("user.erased").await? == 2);
    Ok(())
}
