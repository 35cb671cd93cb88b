//! What REST promises, whatever it stands on.

use serde_json::{Value, json};

use super::client::{Client, PASSWORD, Person, Reply, key, name, registration, reply, saying};
use super::{factors, groups, invitations, logins, messages, people};

/// All of it, against a server. Leaves its users behind.
pub(crate) async fn suite(base_url: &str) {
    somebody_registers_logs_in_and_finds_themselves(base_url).await;
    a_name_is_taken_in_any_case(base_url).await;
    the_same_key_gives_the_same_answer(base_url).await;
    nobody_learns_who_has_an_account(base_url).await;
    people_find_each_other(base_url).await;
    friends_open_a_thread_and_talk(base_url).await;
    crossing_requests_are_an_answer(base_url).await;
    strangers_stay_strangers(base_url).await;
    outsiders_learn_nothing(base_url).await;
    pages_have_no_hole_and_no_overlap(base_url).await;
    people::suite(base_url).await;
    groups::suite(base_url).await;
    invitations::suite(base_url).await;
    messages::suite(base_url).await;
    logins::suite(base_url).await;
    factors::suite(base_url).await;
    a_bad_token_opens_nothing(base_url).await;
    bad_input_is_told_what_is_wrong_with_it(base_url).await;
    a_position_nobody_reached_is_not_waited_for_for_ever(base_url).await;
    requests_can_be_found_again(base_url).await;
    the_service_says_what_it_is(base_url).await;
}

async fn somebody_registers_logs_in_and_finds_themselves(base_url: &str) {
    let client = Client::new(base_url);
    let username = name("Alice");
    let registered = client.post("/v1/users", &registration(&username)).await.expect(201);
    assert_eq!(registered["user"]["username"], username);
    assert_eq!(registered["user"]["display_name"], format!("The {username}"));
    for login in [username.clone(), username.to_uppercase(), format!("{username}@EXAMPLE.com")] {
        let session = client.post("/v1/sessions", &json!({"login": login, "password": PASSWORD})).await.expect(201);
        assert_eq!((&session["token_type"], &session["user"]), (&json!("Bearer"), &registered["user"]));
        assert!(session["expires_in_s"].as_u64().unwrap() > 0 && session["expires_at"].is_string() && session["session"].is_string());
        let me = client.with_token(session["access_token"].as_str().unwrap()).get("/v1/me").await.expect(200);
        assert_eq!((&me["id"], &me["username"]), (&registered["user"]["id"], &registered["user"]["username"]));
        assert_eq!(me["email"], format!("{username}@example.com"));
        assert!(me["head"].as_u64().unwrap() >= registered["position"].as_u64().unwrap());
    }
}

async fn a_name_is_taken_in_any_case(base_url: &str) {
    let client = Client::new(base_url);
    let username = name("bob");
    client.post("/v1/users", &registration(&username)).await.expect(201);
    let mut again = registration(&name("other"));
    again["username"] = json!(username.to_uppercase());
    let problem = client.post("/v1/users", &again).await.problem(409, "conflict");
    assert!(problem["detail"].as_str().unwrap().contains("username"), "{problem}");
    let mut again = registration(&name("other"));
    again["email"] = json!(format!("{}@Example.COM", username.to_uppercase()));
    let problem = client.post("/v1/users", &again).await.problem(409, "conflict");
    assert!(problem["detail"].as_str().unwrap().contains("email"), "{problem}");
    // What was refused left nothing behind: the name is still free, and so is the key.
    let mut fresh = registration(&name("third"));
    let fresh_key = key();
    let free = fresh["username"].clone();
    fresh["username"] = json!(username);
    client.post_as(fresh_key, "/v1/users", &fresh).await.problem(409, "conflict");
    fresh["username"] = free;
    let registered = client.post_as(fresh_key, "/v1/users", &fresh).await.expect(201);
    assert_eq!(registered["user"]["id"], fresh_key.to_string());
}

async fn the_same_key_gives_the_same_answer(base_url: &str) {
    let client = Client::new(base_url);
    let (first_key, body) = (key(), registration(&name("carol")));
    let first = client.post_as(first_key, "/v1/users", &body).await.expect(201);
    assert_eq!(first["user"]["id"], first_key.to_string());
    assert_eq!(client.post_as(first_key, "/v1/users", &body).await.expect(201), first);
    let mut other = body.clone();
    other["display_name"] = json!("Somebody Else");
    client.post_as(first_key, "/v1/users", &other).await.problem(422, "command_mismatch");

    let (alice, bob) = (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await);
    let asked = json!({"user": bob.id});
    let request_key = key();
    let request = alice.client.post_as(request_key, "/v1/friend-requests", &asked).await.expect(201);
    assert_eq!(alice.client.post_as(request_key, "/v1/friend-requests", &asked).await.expect(201), request);
    // Another key, the same wish: it holds already.
    assert_eq!(alice.client.post("/v1/friend-requests", &asked).await.expect(201), request);

    let (thread, _) = alice.befriend(&bob).await;
    let path = format!("/v1/threads/{thread}/messages");
    let message = key();
    let posted = alice.client.post_as(message, &path, &saying("once")).await.expect(201);
    assert_eq!(posted["id"], message.to_string());
    assert_eq!(alice.client.post_as(message, &path, &saying("once")).await.expect(201), posted);
    alice.client.post_as(message, &path, &saying("twice")).await.problem(422, "command_mismatch");
    bob.client.post_as(message, &path, &saying("once")).await.problem(422, "command_mismatch");
    let history = bob.client.get(&format!("{path}?after={}", posted["position"])).await.expect(200);
    assert_eq!(history["items"].as_array().unwrap().len(), 1, "{history}");
}

async fn nobody_learns_who_has_an_account(base_url: &str) {
    let person = Person::new(base_url, "dave").await;
    let client = Client::new(base_url);
    let wrong = |login: String| json!({"login": login, "password": "a wrong password"});
    let known = client.post("/v1/sessions", &wrong(person.username.clone())).await.problem(401, "unauthorized");
    for login in [name("nobody"), format!("{}@example.com", name("nobody")), "not a name!".to_owned(), String::new()] {
        assert_eq!(client.post("/v1/sessions", &wrong(login)).await.problem(401, "unauthorized"), known);
    }
}

async fn people_find_each_other(base_url: &str) {
    let (alice, bob) = (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await);
    let found = alice.client.get(&format!("/v1/users?username={}", bob.username.to_uppercase())).await.expect(200);
    let shown = json!({"id": bob.id, "username": bob.username, "display_name": format!("The {}", bob.username)});
    assert_eq!(found, json!({"items": [shown], "next": null}));
    assert_eq!(alice.client.get(&format!("/v1/users/{}", bob.id)).await.expect(200), shown);
    let nobody = alice.client.get(&format!("/v1/users?username={}", name("nobody"))).await.expect(200);
    assert_eq!(nobody, json!({"items": [], "next": null}));
    alice.client.get(&format!("/v1/users/{}", key())).await.problem(404, "not_found");
    Client::new(base_url).get(&format!("/v1/users/{}", bob.id)).await.problem(401, "unauthorized");
}

async fn friends_open_a_thread_and_talk(base_url: &str) {
    let (alice, bob) = (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await);
    let request = alice.client.post("/v1/friend-requests", &json!({"user": bob.id})).await.expect(201);
    let after = &request["position"];
    for (person, state, other) in [(&alice, "sent", &bob), (&bob, "received", &alice)] {
        let list = person.client.get(&format!("/v1/friends?state={state}&after={after}")).await.expect(200);
        let shown = json!({"id": other.id, "username": other.username, "display_name": format!("The {}", other.username)});
        assert_eq!(list["items"][0]["user"], shown, "{list}");
        assert_eq!((&list["items"][0]["state"], &list["items"][0]["id"]), (&json!(state), &request["id"]), "{list}");
    }
    alice.client.put(&format!("/v1/friends/{}", bob.id)).await.problem(403, "forbidden");
    let accepted = bob.client.put(&format!("/v1/friends/{}", alice.id)).await.expect(200);
    assert_eq!(bob.client.put(&format!("/v1/friends/{}", alice.id)).await.expect(200), accepted);
    alice.client.post("/v1/friend-requests", &json!({"user": bob.id})).await.problem(409, "conflict");
    for (person, other) in [(&alice, &bob), (&bob, &alice)] {
        let list = person.client.get(&format!("/v1/friends?after={}", accepted["position"])).await.expect(200);
        assert_eq!((&list["items"][0]["user"]["id"], &list["items"][0]["state"]), (&json!(other.id), &json!("friend")), "{list}");
        assert_eq!(list["next"], Value::Null);
    }

    let opened = bob.client.put(&format!("/v1/threads/direct/{}", alice.id)).await.expect(200);
    let again = alice.client.put(&format!("/v1/threads/direct/{}", bob.id)).await.expect(200);
    assert_eq!((&again["id"], &again["position"]), (&opened["id"], &opened["position"]));
    let thread = opened["id"].as_str().unwrap();
    // Without waiting for any view: whoever is in the thread is let in.
    let history = alice.client.get(&format!("/v1/threads/{thread}/messages")).await.expect(200);
    assert_eq!(history, json!({"items": [], "next": null, "previous": null}));

    let first = alice.say(thread, "  Hello, Bob.  ").await;
    let second = bob.say(thread, "Hello, Alice.").await;
    assert!(first < second);
    let history = bob.client.get(&format!("/v1/threads/{thread}/messages?after={second}")).await.expect(200);
    let texts: Vec<_> = history["items"].as_array().unwrap().iter().map(|item| item["content"]["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["Hello, Alice.", "Hello, Bob."]);
    assert_eq!((&history["items"][1]["author"], &history["items"][1]["position"]), (&json!(alice.id), &json!(first)));

    let threads = alice.client.get(&format!("/v1/threads?after={second}")).await.expect(200);
    assert_eq!(threads["items"][0]["thread"]["id"], thread);
    let last = &threads["items"][0]["last_message"];
    assert_eq!((&last["position"], &last["author"], &last["text"]), (&json!(second), &json!(bob.id), &json!("Hello, Alice.")));
    let members = alice.client.get(&format!("/v1/threads/{thread}/members?after={second}")).await.expect(200);
    let mut users: Vec<_> = members["items"].as_array().unwrap().iter().map(|member| member["user"]["id"].as_str().unwrap()).collect();
    users.sort_unstable();
    let mut both = [alice.id.as_str(), bob.id.as_str()];
    both.sort_unstable();
    assert_eq!(users, both);

    let ticket = alice.client.post("/v1/ws/tickets", &json!({})).await.expect(201);
    let other = alice.client.post("/v1/ws/tickets", &json!({})).await.expect(201);
    assert_eq!(ticket["expires_in_s"], 30);
    assert!(ticket["ticket"].as_str().unwrap().len() >= 43 && ticket["ticket"] != other["ticket"], "{ticket} {other}");
}

async fn crossing_requests_are_an_answer(base_url: &str) {
    let (alice, bob) = (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await);
    alice.client.post("/v1/friend-requests", &json!({"user": bob.id})).await.expect(201);
    let answer = bob.client.post("/v1/friend-requests", &json!({"user": alice.id})).await.expect(201);
    let list = alice.client.get(&format!("/v1/friends?after={}", answer["position"])).await.expect(200);
    assert_eq!(list["items"][0]["user"]["id"], bob.id);
}

async fn strangers_stay_strangers(base_url: &str) {
    let (alice, bob) = (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await);
    alice.client.put(&format!("/v1/threads/direct/{}", bob.id)).await.problem(403, "not_friends");
    alice.client.put(&format!("/v1/friends/{}", bob.id)).await.problem(404, "not_found");
    alice.client.post("/v1/friend-requests", &json!({"user": key()})).await.problem(404, "not_found");
    alice.client.post("/v1/friend-requests", &json!({"user": alice.id})).await.problem(400, "validation");
    alice.client.put(&format!("/v1/threads/direct/{}", alice.id)).await.problem(400, "validation");
    // A request is not yet a friendship.
    alice.client.post("/v1/friend-requests", &json!({"user": bob.id})).await.expect(201);
    alice.client.put(&format!("/v1/threads/direct/{}", bob.id)).await.problem(403, "not_friends");
}

async fn outsiders_learn_nothing(base_url: &str) {
    let (alice, bob) = (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await);
    let eve = Person::new(base_url, "eve").await;
    let (thread, position) = alice.befriend(&bob).await;
    alice.say(&thread, "Between us.").await;
    let nowhere = key().to_string();
    for tail in [format!("messages?after={position}"), "messages".to_owned(), "members".to_owned()] {
        let closed = eve.client.get(&format!("/v1/threads/{thread}/{tail}")).await.problem(404, "not_found");
        assert_eq!(eve.client.get(&format!("/v1/threads/{nowhere}/{tail}")).await.problem(404, "not_found"), closed);
    }
    let post = |thread: &str| format!("/v1/threads/{thread}/messages");
    let closed = eve.client.post(&post(&thread), &saying("Hi!")).await.problem(404, "not_found");
    assert_eq!(eve.client.post(&post(&nowhere), &saying("Hi!")).await.problem(404, "not_found"), closed);
    let threads = eve.client.get(&format!("/v1/threads?after={position}")).await.expect(200);
    assert_eq!(threads["items"], json!([]));
}

async fn pages_have_no_hole_and_no_overlap(base_url: &str) {
    let (alice, bob) = (Person::new(base_url, "alice").await, Person::new(base_url, "bob").await);
    let (thread, _) = alice.befriend(&bob).await;
    let mut said = Vec::new();
    for number in 0..120 {
        let person = if number % 3 == 0 { &bob } else { &alice };
        said.push((person.say(&thread, &format!("message {number}")).await, format!("message {number}")));
    }
    said.reverse();
    let last = said[0].0;
    for limit in [None, Some(1), Some(7), Some(40), Some(100)] {
        let mut read = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let limited = limit.map(|limit| format!("&limit={limit}")).unwrap_or_default();
            let before = next.as_ref().map(|next| format!("&before={next}")).unwrap_or_default();
            let path = format!("/v1/threads/{thread}/messages?after={last}{limited}{before}");
            let page = alice.client.get(&path).await.expect(200);
            let items = page["items"].as_array().unwrap();
            assert!(!items.is_empty() && items.len() <= limit.unwrap_or(50), "{} for {limit:?}", items.len());
            for item in items {
                read.push((item["position"].as_u64().unwrap(), item["content"]["text"].as_str().unwrap().to_owned()));
            }
            next = page["next"].as_str().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        assert_eq!(read, said, "limit {limit:?}");
    }
    for limit in ["0", "101", "-1", "many"] {
        alice.client.get(&format!("/v1/threads/{thread}/messages?limit={limit}")).await.problem(400, "validation");
    }
    alice.client.get(&format!("/v1/threads/{thread}/messages?before=yesterday")).await.problem(400, "validation");
}

async fn a_bad_token_opens_nothing(base_url: &str) {
    let client = Client::new(base_url);
    let routes = [
        ("GET", "/v1/me".to_owned()),
        ("GET", format!("/v1/users/{}", key())),
        ("GET", "/v1/users?username=alice".to_owned()),
        ("POST", "/v1/friend-requests".to_owned()),
        ("GET", "/v1/friends".to_owned()),
        ("PUT", format!("/v1/friends/{}", key())),
        ("GET", "/v1/threads".to_owned()),
        ("PUT", format!("/v1/threads/direct/{}", key())),
        ("GET", format!("/v1/threads/{}/members", key())),
        ("GET", format!("/v1/threads/{}/messages", key())),
        ("POST", format!("/v1/threads/{}/messages", key())),
        ("POST", "/v1/ws/tickets".to_owned()),
    ];
    for (method, path) in routes {
        for client in [client.clone(), client.with_token("no-token"), client.with_token("eyJhbGciOiJub25lIn0.e30.")] {
            // Whoever asks is looked at before what they ask.
            reply(client.request(method.parse().unwrap(), &path)).await.problem(401, "unauthorized");
        }
    }
}

/// To a token that was good and has run out.
pub(crate) async fn an_expired_token_says_so(base_url: &str, expired: &str) {
    let problem = Client::new(base_url).with_token(expired).get("/v1/me").await.problem(401, "token_expired");
    assert_eq!(problem["retry"], "reauth");
}

async fn bad_input_is_told_what_is_wrong_with_it(base_url: &str) {
    let client = Client::new(base_url);
    let wrong = |field: &str, value: Value| {
        let mut body = registration(&name("frank"));
        body[field] = value;
        body
    };
    let says = |problem: Value, word: &str| assert!(problem["detail"].as_str().unwrap().contains(word), "{word}: {problem}");
    for (field, value) in [
        ("username", json!("ab")),
        ("username", json!("no spaces")),
        ("username", json!(12_345)),
        ("email", json!("nobody")),
        ("display_name", json!(" ")),
        ("password", json!("seven77")),
        ("password", json!("x".repeat(129))),
        ("admin", json!(true)),
    ] {
        says(client.post("/v1/users", &wrong(field, value)).await.problem(400, "validation"), field);
    }
    let mut missing = registration(&name("frank"));
    missing.as_object_mut().unwrap().remove("email");
    says(client.post("/v1/users", &missing).await.problem(400, "validation"), "email");
    client.post("/v1/sessions", &json!({"login": "frank", "password": PASSWORD, "remember": true})).await.problem(400, "validation");
    client.post("/v1/sessions", &json!({"login": "frank", "password": "x".repeat(129)})).await.problem(400, "validation");
    for malformed in ["", "{", "[]", "null", "{\"username\": \"a\"", "\u{0}"] {
        client.post_raw("/v1/users", "application/json", malformed).await.problem(400, "validation");
    }
    client.post_raw("/v1/users", "application/json", vec![0xff, 0xfe]).await.problem(400, "validation");
    client.post_raw("/v1/users", "text/plain", registration("frank").to_string()).await.problem(415, "validation");
    let over_long = wrong("display_name", json!("x".repeat(65 * 1024)));
    client.post("/v1/users", &over_long).await.problem(413, "too_large");

    let person = Person::new(base_url, "grace").await;
    let friend = Person::new(base_url, "heidi").await;
    let (thread, _) = person.befriend(&friend).await;
    let path = format!("/v1/threads/{thread}/messages");
    let mut extra = saying("hello");
    extra["content"]["html"] = json!("<b>");
    let longest = saying(&"é".repeat(8_000));
    for body in
        [saying(""), saying(" \n "), saying(&"é".repeat(8_001)), extra, json!({"content": {"kind": "html", "text": "x"}}), json!({})]
    {
        person.client.post(&path, &body).await.problem(400, "validation");
    }
    person.client.post(&path, &longest).await.expect(201);
    person.client.get("/v1/threads/not-a-thread/messages").await.problem(400, "validation");
    person.client.get("/v1/friends?state=enemy").await.problem(400, "validation");
    person.client.get("/v1/users").await.problem(400, "validation");
    let bad_key = person.client.request(reqwest::Method::POST, &path).header("Idempotency-Key", "7").json(&saying("hello"));
    reply(bad_key).await.problem(400, "validation");

    client.get("/v1/nothing-here").await.problem(404, "not_found");
    client.get("/nothing-here").await.problem(404, "not_found");
    let thread = uuid::Uuid::from_u128(1);
    for (path, methods) in [
        ("/v1/users".to_owned(), "GET, HEAD, POST"),
        (format!("/v1/threads/{thread}/messages"), "GET, HEAD, POST"),
        ("/v1/sessions".to_owned(), "DELETE, GET, HEAD, POST"),
        ("/v1/openapi.json".to_owned(), "GET, HEAD"),
    ] {
        let refused = client.put(&path).await;
        assert_eq!(refused.headers["allow"], methods, "{refused:?}");
        refused.problem(405, "unsupported_op");
    }
}

async fn a_position_nobody_reached_is_not_waited_for_for_ever(base_url: &str) {
    let person = Person::new(base_url, "ivan").await;
    for path in ["/v1/threads", "/v1/friends"] {
        let problem = person.client.get(&format!("{path}?after=9007199254740991")).await.problem(503, "view_behind");
        assert_eq!(problem["retry"], "same");
    }
}

async fn requests_can_be_found_again(base_url: &str) {
    let client = Client::new(base_url);
    let ours = key().to_string();
    let answered = reply(client.request(reqwest::Method::GET, "/healthz").header("X-Request-Id", &ours)).await;
    assert_eq!(answered.request_id, ours);
    let Reply { request_id, .. } = reply(client.request(reqwest::Method::GET, "/healthz").header("X-Request-Id", "<script>")).await;
    request_id.parse::<uuid::Uuid>().unwrap();
}

async fn the_service_says_what_it_is(base_url: &str) {
    let client = Client::new(base_url);
    let about = client.get("/").await.expect(200);
    assert_eq!((&about["name"], &about["openapi"]), (&json!("posthaste"), &json!("/v1/openapi.json")));
    assert_eq!(client.get("/healthz").await.expect(200), json!({"alive": true}));
    let ready = client.get("/readyz").await.expect(200);
    assert_eq!(ready["ready"], true, "{ready}");
    let served = client.get("/v1/openapi.json").await.expect(200);
    assert_eq!(served, serde_json::from_str::<Value>(&posthaste_infrastructure::http::document()).unwrap());
    let docs = client.get("/docs").await;
    assert_eq!(docs.status, 200);
    assert!(docs.content_type.starts_with("text/html"), "{}", docs.content_type);
}
