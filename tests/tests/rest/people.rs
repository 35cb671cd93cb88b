//! What REST promises about people: requests, blocks, the directory.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Person, key, reply};

pub(crate) async fn suite(base_url: &str) {
    a_request_is_declined_by_one_and_taken_back_by_the_other(base_url).await;
    a_friendship_ends_and_a_block_stays_with_its_maker(base_url).await;
    the_directory_finds_by_a_part_of_a_name(base_url).await;
    privacy_is_set_as_a_whole_and_stays(base_url).await;
}

async fn a_request_is_declined_by_one_and_taken_back_by_the_other(base_url: &str) {
    let (alice, bob) = (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await);
    let to = |person: &Person| format!("/v1/friend-requests/{}", person.id);
    alice.client.delete(&to(&bob)).await.problem(404, "not_found");
    alice.client.post("/v1/friend-requests", &json!({"user": bob.id})).await.expect(201);

    // Alice asked, so she takes it back; a retry finds what it did, although nothing is there to take back.
    let cancel = key().to_string();
    let dropping = || alice.client.request(Method::DELETE, &to(&bob)).header("Idempotency-Key", &cancel);
    let cancelled = reply(dropping()).await.expect(200);
    assert_eq!(reply(dropping()).await.expect(200), cancelled);

    // She may ask again at once, and Bob says no.
    alice.client.post("/v1/friend-requests", &json!({"user": bob.id})).await.expect(201);
    assert_eq!(reply(dropping()).await.expect(200), cancelled, "the key has taken back what it took back");
    let decline = key().to_string();
    let declining = || bob.client.request(Method::DELETE, &to(&alice)).header("Idempotency-Key", &decline);
    let declined = reply(declining()).await.expect(200);
    assert_eq!(reply(declining()).await.expect(200), declined);
    let refused = alice.client.post("/v1/friend-requests", &json!({"user": bob.id})).await.problem(429, "rate_limited");
    assert!(refused["retry_after_ms"].as_u64().unwrap() > 0, "{refused}");
    let sent = alice.client.get(&format!("/v1/friends?state=sent&after={}", declined["position"])).await.expect(200);
    assert_eq!(sent["items"], json!([]));
    // Who said no may ask.
    bob.client.post("/v1/friend-requests", &json!({"user": alice.id})).await.expect(201);
}

async fn a_friendship_ends_and_a_block_stays_with_its_maker(base_url: &str) {
    let (alice, bob) = (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await);
    alice.befriend(&bob).await;
    alice.client.delete(&format!("/v1/friends/{}", bob.id)).await.expect(200);
    alice.client.delete(&format!("/v1/friends/{}", bob.id)).await.problem(403, "not_friends");

    let block = format!("/v1/blocks/{}", bob.id);
    let blocked = alice.client.put(&block).await.expect(200);
    assert_eq!(alice.client.put(&block).await.expect(200), blocked);
    let list = alice.client.get(&format!("/v1/blocks?after={}", blocked["position"])).await.expect(200);
    assert_eq!((&list["items"][0]["user"]["id"], &list["items"][0]["since"]), (&json!(bob.id), &blocked["position"]), "{list}");
    assert_eq!(bob.client.get(&format!("/v1/blocks?after={}", blocked["position"])).await.expect(200)["items"], json!([]));
    for (person, other) in [(&alice, &bob), (&bob, &alice)] {
        person.client.post("/v1/friend-requests", &json!({"user": other.id})).await.problem(403, "blocked");
    }
    // Neither finds the other, but who knows an id may still see whose it is.
    let find = |person: &Person| format!("/v1/users?q={}&after={}", person.username, blocked["position"]);
    assert_eq!(alice.client.get(&find(&bob)).await.expect(200)["items"], json!([]));
    assert_eq!(bob.client.get(&find(&alice)).await.expect(200)["items"], json!([]));
    bob.client.get(&format!("/v1/users/{}", alice.id)).await.expect(200);

    // Bob cannot lift Alice's block, and does not learn of it by trying.
    bob.client.delete(&format!("/v1/blocks/{}", alice.id)).await.expect(200);
    bob.client.post("/v1/friend-requests", &json!({"user": alice.id})).await.problem(403, "blocked");
    let lifted = alice.client.delete(&block).await.expect(200);
    bob.client.post("/v1/friend-requests", &json!({"user": alice.id})).await.expect(201);
    let list = alice.client.get(&format!("/v1/blocks?after={}", lifted["position"])).await.expect(200);
    assert_eq!(list, json!({"items": [], "next": null}));
    alice.client.put(&format!("/v1/blocks/{}", key())).await.problem(404, "not_found");
    alice.client.put(&format!("/v1/blocks/{}", alice.id)).await.problem(400, "validation");
}

async fn the_directory_finds_by_a_part_of_a_name(base_url: &str) {
    let seeker = Person::new(base_url, "seeker").await;
    let marker = format!("{:08x}", rand::random::<u32>());
    let mut people = Vec::new();
    for _ in 0..5 {
        people.push(Person::new(base_url, &format!("x{marker}")).await);
    }
    let head = seeker.client.get("/v1/me").await.expect(200)["head"].clone();
    let (mut found, mut before) = (Vec::new(), String::new());
    loop {
        let page = seeker.client.get(&format!("/v1/users?q={}&limit=2&after={head}{before}", marker.to_uppercase())).await.expect(200);
        found.extend(page["items"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap().to_owned()));
        let Value::String(next) = &page["next"] else { break };
        before = format!("&before={next}");
    }
    people.reverse();
    assert_eq!(found, people.iter().map(|person| person.id.clone()).collect::<Vec<_>>(), "the newest first");
    // Whoever looks is not shown to themselves.
    let oneself = people[0].client.get(&format!("/v1/users?q={marker}&after={head}")).await.expect(200);
    assert_eq!(oneself["items"].as_array().unwrap().len(), 4);

    for query in
        ["", "q=ab", "q=%20ab%20", "q=a%00bc", "username=alice&q=alice", "q=abc&before=yesterday", "q=abc&before=01", "q=abc&limit=0"]
    {
        seeker.client.get(&format!("/v1/users?{query}")).await.problem(400, "validation");
    }
    seeker.client.get(&format!("/v1/users?q={}", "x".repeat(65))).await.problem(400, "validation");
    // What means something to a database means nothing here.
    for query in ["%25%25%25", "___", "%27%27%27"] {
        assert_eq!(seeker.client.get(&format!("/v1/users?q={query}&after={head}")).await.expect(200)["items"], json!([]), "{query}");
    }
}

async fn privacy_is_set_as_a_whole_and_stays(base_url: &str) {
    let alice = Person::new(base_url, "alice").await;
    let path = "/v1/me/privacy";
    let usual = json!({ "presence": "friends", "last_seen": "friends", "read_receipts": true });
    assert_eq!(alice.client.get(path).await.expect(200), usual);

    let invisible = json!({ "presence": "nobody", "last_seen": "everyone", "read_receipts": false });
    let set = alice.client.put_body(path, &invisible).await.expect(200);
    assert_eq!(set["id"], json!(alice.id), "{set}");
    assert_eq!(alice.client.get(path).await.expect(200), invisible);
    assert_eq!(alice.client.put_body(path, &invisible).await.expect(200), set, "it held already");

    for wrong in [
        json!({ "presence": "nobody", "last_seen": "everyone" }),
        json!({ "presence": "family", "last_seen": "everyone", "read_receipts": true }),
        json!({ "presence": "nobody", "last_seen": "everyone", "read_receipts": true, "mood": "good" }),
        json!({ "presence": "nobody", "last_seen": "everyone", "read_receipts": "yes" }),
    ] {
        alice.client.put_body(path, &wrong).await.problem(400, "validation");
    }
    assert_eq!(alice.client.get(path).await.expect(200), invisible);
}
