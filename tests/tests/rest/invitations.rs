//! What REST promises about getting into a thread: invitations, links, public channels and their passcodes.

use serde_json::{Value, json};

use super::client::{Person, key};
use super::groups::group;

pub(crate) async fn suite(base_url: &str) {
    a_person_is_invited_and_says_yes_or_no(base_url).await;
    a_link_shows_what_it_leads_to_and_lets_in(base_url).await;
    a_public_channel_is_found_and_joined(base_url).await;
}

async fn a_person_is_invited_and_says_yes_or_no(base_url: &str) {
    let (alice, bob, eve) = (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await, Person::new(base_url, "eve").await);
    let (path, id) = group(&alice, &[]).await;
    let invites = format!("{path}/invites");
    let invite = key();
    let invited = alice.client.post_as(invite, &invites, &json!({"user": bob.id})).await.expect(201);
    assert_eq!(invited["id"], invite.to_string());
    let mine = bob.client.get(&format!("/v1/invitations?after={}", invited["position"])).await.expect(200);
    assert_eq!((&mine["items"][0]["id"], &mine["items"][0]["thread"]), (&invited["id"], &json!(id)), "{mine}");
    assert_eq!((&mine["items"][0]["by"]["id"], &mine["items"][0]["title"]), (&json!(alice.id), &json!("Hike")), "{mine}");
    assert_eq!(bob.client.get(&path).await.expect(200)["role"], Value::Null, "whoever is invited may look");
    bob.client.get(&format!("{path}/members")).await.problem(403, "not_member");
    bob.client.get(&invites).await.problem(403, "not_member");

    bob.client.delete(&format!("{invites}/{invite}")).await.expect(200);
    bob.client.get(&path).await.problem(404, "not_found");
    bob.client.put_body(&format!("{path}/members/me"), &json!({"invite": invite})).await.problem(404, "not_found");
    alice.client.post(&invites, &json!({"user": bob.id})).await.expect(201);
    let joined = bob.client.put_body(&format!("{path}/members/me"), &json!({})).await.expect(200);
    assert_eq!(bob.client.put_body(&format!("{path}/members/me"), &json!({})).await.expect(200)["id"], joined["id"]);
    assert_eq!(bob.client.get(&path).await.expect(200)["role"], "member");
    let mine = bob.client.get(&format!("/v1/invitations?after={}", joined["position"])).await.expect(200);
    assert_eq!(mine["items"], json!([]));
    alice.client.post(&invites, &json!({"user": bob.id})).await.problem(409, "conflict");
    alice.client.post(&invites, &json!({"user": key()})).await.problem(404, "not_found");
    eve.client.post(&invites, &json!({"user": eve.id})).await.problem(404, "not_found");
    for wrong in [
        json!({"user": eve.id, "max_uses": 2}),
        json!({"user": eve.id, "expires_in_seconds": 59}),
        json!({"expires_in_seconds": 31_536_001}),
        json!({"max_uses": 0}),
        json!({"uses": 1}),
    ] {
        alice.client.post(&invites, &wrong).await.problem(400, "validation");
    }
}

async fn a_link_shows_what_it_leads_to_and_lets_in(base_url: &str) {
    let (alice, bob, eve) = (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await, Person::new(base_url, "eve").await);
    let (path, _) = group(&alice, &[]).await;
    let invites = format!("{path}/invites");
    let link = alice.client.post(&invites, &json!({"max_uses": 1, "expires_in_seconds": 60})).await.expect(201);
    let invite = link["id"].as_str().unwrap();
    bob.client.get(&path).await.problem(404, "not_found");
    bob.client.get(&format!("{path}?invite={}", key())).await.problem(404, "not_found");
    let preview = bob.client.get(&format!("{path}?invite={invite}")).await.expect(200);
    assert_eq!((&preview["title"], &preview["members"], &preview["role"]), (&json!("Hike"), &json!(1), &Value::Null));
    bob.client.put_body(&format!("{path}/members/me"), &json!({})).await.problem(404, "not_found");
    let joined = bob.client.put_body(&format!("{path}/members/me"), &json!({"invite": invite})).await.expect(200);
    // Used up.
    eve.client.get(&format!("{path}?invite={invite}")).await.problem(404, "not_found");
    eve.client.put_body(&format!("{path}/members/me"), &json!({"invite": invite})).await.problem(404, "not_found");
    assert_eq!(alice.client.get(&format!("{invites}?after={}", joined["position"])).await.expect(200)["items"], json!([]));

    let other = alice.client.post(&invites, &json!({})).await.expect(201);
    let other_id = other["id"].as_str().unwrap();
    let list = alice.client.get(&format!("{invites}?after={}", other["position"])).await.expect(200);
    let shown = &list["items"][0];
    assert_eq!((&shown["id"], &shown["user"], &shown["max_uses"], &shown["uses"]), (&other["id"], &Value::Null, &Value::Null, &json!(0)));
    // A member neither sees nor makes links; the admins do.
    bob.client.get(&invites).await.problem(403, "forbidden");
    bob.client.post(&invites, &json!({})).await.problem(403, "forbidden");
    bob.client.delete(&format!("{invites}/{other_id}")).await.problem(403, "forbidden");
    alice.client.delete(&format!("{invites}/{other_id}")).await.expect(200);
    alice.client.delete(&format!("{invites}/{other_id}")).await.problem(404, "not_found");
    eve.client.put_body(&format!("{path}/members/me"), &json!({"invite": other_id})).await.problem(404, "not_found");
}

async fn a_public_channel_is_found_and_joined(base_url: &str) {
    let (alice, bob, eve) = (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await, Person::new(base_url, "eve").await);
    let title = format!("Trails {:08x}", rand::random::<u32>());
    let new = json!({"kind": "channel", "title": title, "visibility": "public"});
    let created = alice.client.post("/v1/threads", &new).await.expect(201);
    let path = format!("/v1/threads/{}", created["id"].as_str().unwrap());
    let search = |position: &Value| format!("/v1/threads/public?q={}&after={position}", title.to_uppercase().replace(' ', "%20"));
    let found = bob.client.get(&search(&created["position"])).await.expect(200);
    assert_eq!((&found["items"][0]["id"], &found["items"][0]["has_passcode"]), (&created["id"], &json!(false)), "{found}");
    bob.client.get("/v1/threads/public?q=ab").await.problem(400, "validation");
    bob.client.get("/v1/threads/public?before=x").await.problem(400, "validation");
    assert_eq!(bob.client.get(&path).await.expect(200)["role"], Value::Null);
    // It is public, so it does not hide; but who is not in it sees no more of it.
    bob.client.get(&format!("{path}/members")).await.problem(403, "not_member");

    let closed = alice.client.patch(&path, &json!({"passcode": "over the hills"})).await;
    assert!(!format!("{closed:?}").contains("over the hills"));
    let closed = closed.expect(200);
    assert_eq!(bob.client.get(&path).await.expect(200)["has_passcode"], true);
    assert_eq!(bob.client.get(&search(&closed["position"])).await.expect(200)["items"][0]["has_passcode"], true);
    let join = format!("{path}/members/me");
    for wrong in [json!({}), json!({"passcode": "a wrong one"})] {
        bob.client.put_body(&join, &wrong).await.problem(403, "forbidden");
    }
    bob.client.put_body(&join, &json!({"passcode": "no!"})).await.problem(400, "validation");
    bob.client.put_body(&join, &json!({"passcode": "over the hills"})).await.expect(200);
    assert_eq!(bob.client.get(&path).await.expect(200)["role"], "member");
    // Nobody guesses for ever.
    for _ in 0..5 {
        eve.client.put_body(&join, &json!({"passcode": "a guess"})).await.problem(403, "forbidden");
    }
    eve.client.put_body(&join, &json!({"passcode": "over the hills"})).await.problem(429, "rate_limited");
    // The ban is told to whoever may know of the channel.
    alice.client.put(&format!("{path}/bans/{}", bob.id)).await.expect(200);
    bob.client.put_body(&join, &json!({"passcode": "over the hills"})).await.problem(403, "forbidden");
    let open = alice.client.patch(&path, &json!({"passcode": null})).await.expect(200);
    assert!(open["revision"].as_u64() > closed["revision"].as_u64());
    eve.client.put_body(&join, &json!({})).await.expect(200);
}
