//! What REST promises about groups: their settings, and who is in them.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Person, key, reply};

pub(crate) async fn suite(base_url: &str) {
    a_group_is_changed_by_who_has_seen_it_and_then_deleted(base_url).await;
    everybody_who_is_to_be_added_has_a_result(base_url).await;
    members_come_in_the_order_of_joining(base_url).await;
    roles_bans_and_ownership_are_the_owners_to_give(base_url).await;
    what_one_keeps_about_a_thread_is_ones_own(base_url).await;
}

/// Creates a group of one's own, with these members; gives its path and id.
pub(crate) async fn group(owner: &Person, members: &[&Person]) -> (String, String) {
    let members: Vec<_> = members.iter().map(|person| &person.id).collect();
    let created = owner.client.post("/v1/threads", &json!({"kind": "group", "title": "Hike", "members": members})).await.expect(201);
    let id = created["id"].as_str().unwrap().to_owned();
    (format!("/v1/threads/{id}"), id)
}

async fn a_group_is_changed_by_who_has_seen_it_and_then_deleted(base_url: &str) {
    let (alice, bob, eve) = (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await, Person::new(base_url, "eve").await);
    let id = key();
    let new = json!({"kind": "group", "title": "  Hike ", "description": "Bring water.", "members": [bob.id, alice.id, key()]});
    let created = alice.client.post_as(id, "/v1/threads", &new).await.expect(201);
    assert_eq!(created["id"], id.to_string());
    assert_eq!(alice.client.post_as(id, "/v1/threads", &new).await.expect(201), created);
    let path = format!("/v1/threads/{id}");

    let seen = alice.client.get(&path).await;
    assert_eq!(seen.tag(), "\"1\"");
    let shown = json!({
        "id": id.to_string(), "kind": "group", "role": "owner", "peer": null, "title": "Hike", "description": "Bring water.", "avatar": null,
        "visibility": "private", "history": "joined", "has_passcode": false, "members": 2, "revision": 1
    });
    assert_eq!(seen.expect(200), shown, "who is no user was left out");
    assert_eq!(bob.client.get(&path).await.expect(200)["role"], "member");
    let nothing = eve.client.get(&path).await.problem(404, "not_found");
    assert_eq!(eve.client.get(&format!("/v1/threads/{}", key())).await.problem(404, "not_found"), nothing);

    // Two who have seen the same: the second must look again.
    let change = alice.client.patch_if(&path, "\"1\"", &json!({"title": "Sunday", "description": null})).await;
    assert_eq!(change.tag(), "\"2\"");
    let position = change.expect(200)["position"].clone();
    alice.client.patch_if(&path, "\"1\"", &json!({"title": "Saturday"})).await.problem(409, "version_conflict");
    let now = alice.client.get(&path).await.expect(200);
    assert_eq!((&now["title"], &now["description"], &now["revision"]), (&json!("Sunday"), &Value::Null, &json!(2)));
    let same = alice.client.patch_if(&path, "\"2\"", &json!({"title": "Sunday"})).await;
    assert_eq!((same.tag(), &same.body["position"]), ("\"2\"", &position), "it held already");
    // Something else was last, and the revision is still the settings'.
    alice.client.put(&format!("{path}/bans/{}", eve.id)).await.expect(200);
    assert_eq!(alice.client.patch(&path, &json!({"title": "Sunday"})).await.tag(), "\"2\"");
    for wrong in ["2", "W/\"2\"", "\"1\", \"2\"", "\"two\""] {
        alice.client.patch_if(&path, wrong, &json!({"title": "Monday"})).await.problem(400, "validation");
    }
    // A retry is told what the first try was told, whatever was changed since.
    let first = key().to_string();
    let retried = || alice.client.request(Method::PATCH, &path).header("Idempotency-Key", &first).json(&json!({"history": "all"}));
    let answer = reply(retried()).await;
    alice.client.patch(&path, &json!({"title": "Tuesday"})).await.expect(200);
    let again = reply(retried()).await;
    assert_eq!((answer.tag(), again.tag()), ("\"3\"", "\"3\""));
    assert_eq!(again.expect(200), answer.expect(200));

    bob.client.patch(&path, &json!({"title": "Mine"})).await.problem(403, "forbidden");
    eve.client.patch(&path, &json!({"title": "Mine"})).await.problem(404, "not_found");
    for wrong in [json!({"title": " "}), json!({"passcode": "123"}), json!({"visibility": "public"}), json!({"kind": "channel"}), json!([])]
    {
        alice.client.patch(&path, &wrong).await.problem(400, "validation");
    }
    bob.client.delete(&path).await.problem(403, "forbidden");
    let deletion = key().to_string();
    let deleting = || alice.client.request(Method::DELETE, &path).header("Idempotency-Key", &deletion);
    let deleted = reply(deleting()).await.expect(200);
    assert_eq!(reply(deleting()).await.expect(200), deleted);
    alice.client.delete(&path).await.problem(404, "not_found");
    for person in [&alice, &bob] {
        person.client.get(&path).await.problem(404, "not_found");
        person.client.get(&format!("{path}/members")).await.problem(404, "not_found");
        let list = person.client.get(&format!("/v1/threads?after={}", deleted["position"])).await.expect(200);
        assert_eq!(list["items"], json!([]));
    }
}

async fn everybody_who_is_to_be_added_has_a_result(base_url: &str) {
    let (alice, bob, carol) =
        (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await, Person::new(base_url, "carol").await);
    let (dave, erin, eve) = (Person::new(base_url, "dave").await, Person::new(base_url, "erin").await, Person::new(base_url, "eve").await);
    let (path, _) = group(&alice, &[&bob]).await;
    let members = format!("{path}/members");
    erin.client.put(&format!("/v1/blocks/{}", alice.id)).await.expect(200);
    alice.client.put(&format!("{path}/bans/{}", dave.id)).await.expect(200);
    let nobody = key().to_string();

    let adding = key();
    let users = json!({"users": [carol.id, bob.id, dave.id, erin.id, nobody, carol.id]});
    let added = alice.client.post_as(adding, &members, &users).await.expect(200);
    let result = |user: &str, result: &str, reason: Value| json!({"user": user, "result": result, "reason": reason});
    let each = json!([
        result(&carol.id, "added", Value::Null),
        result(&bob.id, "already_member", Value::Null),
        result(&dave.id, "refused", json!("banned")),
        result(&erin.id, "refused", json!("blocked")),
        result(&nobody, "refused", json!("unknown_user")),
    ]);
    assert_eq!(added["users"], each);
    assert_eq!(alice.client.post_as(adding, &members, &users).await.expect(200), added);
    // Under another key she was not added by this.
    let again = alice.client.post(&members, &json!({"users": [carol.id]})).await.expect(200);
    assert_eq!(again["users"], json!([result(&carol.id, "already_member", Value::Null)]));
    alice.client.post(&members, &json!({"users": [dave.id, nobody]})).await.problem(409, "conflict");
    // What stood in the way is gone, and the retry says so, but adds nobody.
    alice.client.delete(&format!("{path}/bans/{}", dave.id)).await.expect(200);
    let later = alice.client.post_as(adding, &members, &users).await.expect(200);
    assert_eq!((&later["users"][0], &later["users"][2]), (&each[0], &result(&dave.id, "refused", Value::Null)));

    bob.client.post(&members, &json!({"users": [eve.id]})).await.problem(403, "forbidden");
    eve.client.post(&members, &json!({"users": [eve.id]})).await.problem(404, "not_found");
    for wrong in [json!({"users": []}), json!({"users": ["bob"]}), json!({}), json!({"users": vec![eve.id.as_str(); 1_001]})] {
        alice.client.post(&members, &wrong).await.problem(400, "validation");
    }
}

async fn members_come_in_the_order_of_joining(base_url: &str) {
    let mut people = Vec::new();
    for number in 0..7 {
        people.push(Person::new(base_url, &format!("m{number}")).await);
    }
    let (alice, eve) = (&people[0], &people[6]);
    let (path, _) = group(alice, &[]).await;
    let ids = |people: &[Person]| people.iter().map(|person| person.id.clone()).collect::<Vec<_>>();
    // Several with one event: in the order of their ids.
    let mut order = ids(&people[..1]);
    for added in [&people[3..6], &people[1..3]] {
        alice.client.post(&format!("{path}/members"), &json!({"users": ids(added)})).await.expect(200);
        let mut added = ids(added);
        added.sort_unstable();
        order.extend(added);
    }
    let head = alice.client.get("/v1/me").await.expect(200)["head"].clone();
    for limit in [1, 2, 6, 100] {
        let (mut read, mut before) = (Vec::new(), String::new());
        loop {
            let page = alice.client.get(&format!("{path}/members?limit={limit}&after={head}{before}")).await.expect(200);
            read.extend(page["items"].as_array().unwrap().iter().map(|member| member["user"]["id"].as_str().unwrap().to_owned()));
            let Value::String(next) = &page["next"] else { break };
            before = format!("&before={next}");
        }
        assert_eq!(read, order, "limit {limit}");
    }
    for before in ["1", "yesterday", "1.bob", "01.00000000-0000-0000-0000-000000000000"] {
        alice.client.get(&format!("{path}/members?before={before}")).await.problem(400, "validation");
    }
    eve.client.get(&format!("{path}/members")).await.problem(404, "not_found");
}

async fn roles_bans_and_ownership_are_the_owners_to_give(base_url: &str) {
    let (alice, bob, carol) =
        (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await, Person::new(base_url, "carol").await);
    let (path, id) = group(&alice, &[&bob, &carol]).await;
    let member = |person: &Person| format!("{path}/members/{}", person.id);
    bob.client.patch(&member(&carol), &json!({"role": "admin"})).await.problem(403, "forbidden");
    alice.client.patch(&member(&bob), &json!({"role": "owner"})).await.problem(400, "validation");
    alice.client.patch(&member(&bob), &json!({"role": "admin"})).await.expect(200);
    alice.client.patch(&format!("{path}/members/{}", key()), &json!({"role": "admin"})).await.problem(404, "not_found");
    bob.client.delete(&member(&alice)).await.problem(403, "forbidden");

    // A ban removes, and keeps out.
    carol.client.get(&format!("{path}/bans")).await.problem(403, "forbidden");
    let ban = format!("{path}/bans/{}", carol.id);
    let banned = bob.client.put(&ban).await.expect(200);
    assert_eq!(bob.client.put(&ban).await.expect(200), banned);
    carol.client.get(&path).await.problem(404, "not_found");
    carol.client.get(&format!("{path}/bans")).await.problem(404, "not_found");
    let bans = alice.client.get(&format!("{path}/bans?after={}", banned["position"])).await.expect(200);
    assert_eq!((&bans["items"][0]["user"]["id"], &bans["items"][0]["by"]), (&json!(carol.id), &json!(bob.id)), "{bans}");
    alice.client.post(&format!("{path}/invites"), &json!({"user": carol.id})).await.problem(403, "forbidden");
    let lifted = alice.client.delete(&ban).await.expect(200);
    assert_eq!(alice.client.get(&format!("{path}/bans?after={}", lifted["position"])).await.expect(200)["items"], json!([]));

    alice.client.delete(&format!("{path}/members/me")).await.problem(409, "conflict");
    alice.client.put_body(&format!("{path}/owner"), &json!({"user": carol.id})).await.problem(404, "not_found");
    alice.client.put_body(&format!("{path}/owner"), &json!({"user": bob.id})).await.expect(200);
    let left = alice.client.delete(&format!("{path}/members/me")).await.expect(200);
    assert_eq!(left["id"], id);
    alice.client.get(&path).await.problem(404, "not_found");
    assert_eq!(bob.client.get(&path).await.expect(200)["role"], "owner");

    // Of a direct thread there is nothing to change.
    let (direct, _) = bob.befriend(&carol).await;
    let direct = format!("/v1/threads/{direct}");
    let shown = bob.client.get(&direct).await.expect(200);
    assert_eq!((&shown["kind"], &shown["peer"]["id"], &shown["title"]), (&json!("direct"), &json!(carol.id), &Value::Null));
    bob.client.delete(&format!("{direct}/members/me")).await.problem(403, "forbidden");
    bob.client.patch(&direct, &json!({"title": "Us"})).await.problem(403, "forbidden");
    bob.client.get(&format!("{direct}/invites")).await.problem(403, "forbidden");
}

async fn what_one_keeps_about_a_thread_is_ones_own(base_url: &str) {
    let (alice, bob, eve) = (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await, Person::new(base_url, "eve").await);
    let (path, id) = group(&alice, &[&bob]).await;
    let said = alice.say(&id, "Bring water.").await;
    let entry = async |person: &Person, position: &Value, more: &str| {
        let list = person.client.get(&format!("/v1/threads?after={position}{more}")).await.expect(200);
        list["items"].as_array().unwrap().iter().find(|entry| entry["thread"]["id"] == id.as_str()).cloned()
    };
    let unread = entry(&bob, &json!(said), "").await.unwrap();
    assert_eq!((&unread["unread"], &unread["muted"], &unread["archived"]), (&json!(1), &json!(false), &json!(false)));
    assert_eq!((&unread["last_message"]["text"], &unread["activity"]), (&json!("Bring water."), &json!(said)));
    let read = bob.client.put_body(&format!("{path}/read"), &json!({"upto": said})).await.expect(200);
    assert_eq!(entry(&bob, &read["position"], "").await.unwrap()["unread"], 0);
    bob.client.put_body(&format!("{path}/read"), &json!({"upto": 9_007_199_254_740_991_u64})).await.problem(400, "validation");
    bob.client.put(&format!("{path}/mute")).await.expect(200);
    let archived = bob.client.put(&format!("{path}/archive")).await.expect(200)["position"].clone();
    let kept = entry(&bob, &archived, "&archived=true").await.unwrap();
    assert_eq!((&kept["muted"], &kept["archived"]), (&json!(true), &json!(true)));
    assert!(entry(&bob, &archived, "&archived=false").await.is_none());
    assert_eq!(entry(&alice, &archived, "&archived=false&q=hIKE").await.unwrap()["muted"], false);
    assert!(entry(&alice, &archived, "&q=swim").await.is_none());
    bob.client.delete(&format!("{path}/mute")).await.expect(200);
    let back = bob.client.delete(&format!("{path}/archive")).await.expect(200)["position"].clone();
    assert_eq!(entry(&bob, &back, "&archived=false").await.unwrap()["muted"], false);
    for kept in ["mute", "archive"] {
        eve.client.put(&format!("{path}/{kept}")).await.problem(404, "not_found");
        eve.client.delete(&format!("{path}/{kept}")).await.problem(404, "not_found");
    }
    eve.client.put_body(&format!("{path}/read"), &json!({"upto": 1})).await.problem(404, "not_found");
    alice.client.get("/v1/threads?before=yesterday").await.problem(400, "validation");
    alice.client.get("/v1/threads?q=%20").await.problem(400, "validation");
}
