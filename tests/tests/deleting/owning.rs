//! Whoever owns something passes it on before they leave.

use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use posthaste_tests::Profile;
use posthaste_tests::actor::User;
use reqwest::Method;
use serde_json::{Value, json};

use super::service::{Deployment, ask_to_leave, code, leave, log_in};

posthaste_tests::on_both_profiles! {
    an_owner_leaves_only_when_they_own_nothing_any_more
    whoever_comes_to_own_something_while_they_ask_to_leave_does_not_leave
}

fn group(members: &[&User]) -> Value {
    json!({ "kind": "group", "title": "A group", "members": members.iter().map(|user| user.id()).collect::<Vec<_>>() })
}

async fn create(base: &str, by: &User, thread: Value) -> anyhow::Result<String> {
    let created = by.call(base, Method::POST, "/v1/threads", Some(thread)).await?;
    created["id"].as_str().map(str::to_owned).context("an id")
}

async fn an_owner_leaves_only_when_they_own_nothing_any_more(profile: Profile) -> anyhow::Result<()> {
    let deployment = Deployment::start(profile, 100_000, |settings| settings).await?;
    let (first, last) = deployment.ends();
    let (alice, bob) = tokio::try_join!(User::register(&first, "alice"), User::register(&first, "bob"))?;
    let shared = create(&first, &alice, group(&[&bob])).await?;
    let channel = json!({ "kind": "channel", "title": "A channel", "members": [] });
    let alone = create(&first, &alice, channel).await?;
    let of_bob = create(&first, &bob, group(&[&alice])).await?;

    let refused = ask_to_leave(&last, &alice).await?;
    let detail = refused.1["detail"].as_str().unwrap_or_default();
    ensure!(code(&refused) == (409, Some("conflict")) && detail.contains(&shared) && detail.contains(&alone), "{refused:?}");
    ensure!(!detail.contains(&of_bob), "that is not hers: {refused:?}");
    ensure!(alice.call(&last, Method::GET, "/v1/me", None).await?["username"] == alice.username(), "nothing has happened to her");

    let owner = format!("/v1/threads/{shared}/owner");
    alice.call(&first, Method::PUT, &owner, Some(json!({ "user": bob.id() }))).await?;
    let refused = ask_to_leave(&last, &alice).await?;
    ensure!(code(&refused) == (409, Some("conflict")) && !refused.1.to_string().contains(&shared), "{refused:?}");
    alice.call(&first, Method::DELETE, &format!("/v1/threads/{alone}"), None).await?;
    leave(&last, &alice).await?;

    // Nobody gives it back to her, as long as she is leaving.
    let refused = bob.answer(&first, Method::PUT, &owner, Some(json!({ "user": alice.id() }))).await?;
    ensure!(code(&refused) == (404, Some("not_found")), "{refused:?}");
    ensure!(log_in(&last, &alice, true).await?.0 == 201);
    bob.call(&first, Method::PUT, &owner, Some(json!({ "user": alice.id() }))).await?;
    Ok(())
}

/// Whatever comes first: nobody is leaving who owns something.
async fn whoever_comes_to_own_something_while_they_ask_to_leave_does_not_leave(profile: Profile) -> anyhow::Result<()> {
    let deployment = Deployment::start(profile, 100_000, |settings| settings).await?;
    let (first, last) = deployment.ends();
    let bob = User::register(&first, "bob").await?;
    let tried = (0..30).map(async |n| {
        let user = User::register(&first, "undecided").await?;
        // By making it themselves, or by being given it.
        let given = if n % 2 == 0 { None } else { Some(create(&first, &bob, group(&[&user])).await?) };
        let owns = async {
            match &given {
                Some(thread) => {
                    let owner = json!({ "user": user.id() });
                    bob.answer(&last, Method::PUT, &format!("/v1/threads/{thread}/owner"), Some(owner)).await
                }
                None => user.answer(&last, Method::POST, "/v1/threads", Some(group(&[]))).await,
            }
        };
        let (left, owns) = tokio::try_join!(ask_to_leave(&first, &user), owns)?;
        let leaves = code(&log_in(&last, &user, false).await?) == (403, Some("deletion_pending"));
        ensure!(leaves == (left.0 == 200), "{left:?}, and leaves: {leaves}");
        let owns_it = (200..300).contains(&owns.0);
        ensure!(leaves != owns_it, "leaves: {leaves} ({left:?}), and owns: {owns:?}");
        anyhow::Ok(leaves)
    });
    let leaving = try_join_all(tried).await?;
    ensure!(leaving.len() == 30);
    Ok(())
}
