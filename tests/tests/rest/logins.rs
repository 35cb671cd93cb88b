//! What is promised about logins: how they are renewed, listed and ended, and what becomes of a stolen token.

use futures::future::join_all;
use reqwest::{Method, header};
use serde_json::{Value, json};

use super::client::{Client, PASSWORD, Reply, key, name, registration, reply};

const COOKIE: &str = "__Secure-posthaste_refresh";

pub(crate) async fn suite(base_url: &str) {
    a_login_goes_on_as_long_as_it_is_refreshed(base_url).await;
    a_lost_answer_costs_nothing(base_url).await;
    a_token_that_is_used_again_ends_the_login_whoever_is_first(base_url).await;
    refreshes_at_once_all_succeed_and_one_goes_on(base_url).await;
    a_refresh_token_opens_nothing_and_an_access_token_refreshes_nothing(base_url).await;
    logins_are_listed_named_and_ended(base_url).await;
    nobody_touches_the_login_of_somebody_else(base_url).await;
    whoever_logs_out_everywhere_is_logged_out_everywhere(base_url).await;
    a_password_is_changed_and_the_other_logins_end(base_url).await;
    a_page_keeps_its_login_in_a_cookie_that_it_cannot_see(base_url).await;
    a_foreign_page_cannot_use_the_cookie(base_url).await;
    a_login_never_takes_over_what_was_there_before(base_url).await;
}

async fn log_in(base_url: &str, username: &str) -> Value {
    Client::new(base_url).post("/v1/sessions", &json!({"login": username, "password": PASSWORD})).await.expect(201)
}

async fn refresh(base_url: &str, token: &str) -> Reply {
    Client::new(base_url).post("/v1/sessions/refresh", &json!({"refresh_token": token})).await
}

fn refresh_token(session: &Value) -> String {
    session["refresh_token"].as_str().unwrap().to_owned()
}

pub(crate) fn of(base_url: &str, session: &Value) -> Client {
    Client::new(base_url).with_token(session["access_token"].as_str().unwrap())
}

/// Somebody new, and their first login.
async fn somebody(base_url: &str) -> (String, Value) {
    let username = name("alice");
    Client::new(base_url).post("/v1/users", &registration(&username)).await.expect(201);
    let session = log_in(base_url, &username).await;
    (username, session)
}

async fn a_login_goes_on_as_long_as_it_is_refreshed(base_url: &str) {
    let (_, first) = somebody(base_url).await;
    let mut session = first.clone();
    for _ in 0..3 {
        let next = refresh(base_url, &refresh_token(&session)).await.expect(200);
        assert_eq!((&next["session"], &next["user"]), (&first["session"], &first["user"]));
        assert_eq!((&next["token_type"], next["expires_in_s"].as_u64()), (&json!("Bearer"), first["expires_in_s"].as_u64()));
        assert_ne!(refresh_token(&next), refresh_token(&session));
        of(base_url, &next).get("/v1/me").await.expect(200);
        session = next;
    }
}

async fn a_lost_answer_costs_nothing(base_url: &str) {
    let (_, first) = somebody(base_url).await;
    for _ in 0..3 {
        refresh(base_url, &refresh_token(&first)).await.expect(200);
    }
    let second = refresh(base_url, &refresh_token(&first)).await.expect(200);
    let third = refresh(base_url, &refresh_token(&second)).await.expect(200);
    of(base_url, &third).get("/v1/me").await.expect(200);
}

async fn a_token_that_is_used_again_ends_the_login_whoever_is_first(base_url: &str) {
    for thief_first in [true, false] {
        let (username, stolen) = somebody(base_url).await;
        let other = log_in(base_url, &username).await;
        let (one, two) =
            (refresh(base_url, &refresh_token(&stolen)).await.expect(200), refresh(base_url, &refresh_token(&stolen)).await.expect(200));
        let (thief, owner) = if thief_first { (one, two) } else { (two, one) };
        // Each goes on with what they were given; the second to do so shows that there are two.
        let gone_on = refresh(base_url, &refresh_token(&thief)).await.expect(200);
        refresh(base_url, &refresh_token(&owner)).await.problem(401, "session_revoked");
        for session in [&thief, &owner, &gone_on] {
            of(base_url, session).get("/v1/me").await.problem(401, "session_revoked");
            refresh(base_url, &refresh_token(session)).await.problem(401, "unauthorized");
        }
        of(base_url, &other).get("/v1/me").await.expect(200);
    }
    // A token that was stolen long ago is no better than the last one.
    let (_, first) = somebody(base_url).await;
    let second = refresh(base_url, &refresh_token(&first)).await.expect(200);
    let third = refresh(base_url, &refresh_token(&second)).await.expect(200);
    refresh(base_url, &refresh_token(&first)).await.problem(401, "session_revoked");
    of(base_url, &third).get("/v1/me").await.problem(401, "session_revoked");
}

async fn refreshes_at_once_all_succeed_and_one_goes_on(base_url: &str) {
    let (_, first) = somebody(base_url).await;
    let token = refresh_token(&first);
    let given = join_all((0..8).map(|_| refresh(base_url, &token))).await;
    let given: Vec<_> = given.into_iter().map(|given| given.expect(200)).collect();
    let one = refresh(base_url, &refresh_token(&given[3])).await.expect(200);
    of(base_url, &one).get("/v1/me").await.expect(200);
    // Of many that use a successor at once, the same holds; what was given beside it is used up.
    let again = join_all((0..4).map(|_| refresh(base_url, one["refresh_token"].as_str().unwrap()))).await;
    again.into_iter().for_each(|again| drop(again.expect(200)));
    refresh(base_url, &refresh_token(&given[4])).await.problem(401, "session_revoked");
}

async fn a_refresh_token_opens_nothing_and_an_access_token_refreshes_nothing(base_url: &str) {
    let (_, session) = somebody(base_url).await;
    let (access, token) = (session["access_token"].as_str().unwrap(), refresh_token(&session));
    Client::new(base_url).with_token(&token).get("/v1/me").await.problem(401, "unauthorized");
    let altered = format!("{}{}", &token[..token.len() - 2], if token.ends_with("AA") { "QQ" } else { "AA" });
    for wrong in [access, "", "phr_", &token[1..], &format!("{token}A"), &"x".repeat(10_000)] {
        refresh(base_url, wrong).await.problem(401, "unauthorized");
    }
    Client::new(base_url).post("/v1/sessions/refresh", &json!({})).await.problem(401, "unauthorized");
    refresh(base_url, &token).await.expect(200);
    // Of the family, but never given: somebody knows half of one.
    refresh(base_url, &altered).await.problem(401, "session_revoked");
}

async fn logins_are_listed_named_and_ended(base_url: &str) {
    let (username, first) = somebody(base_url).await;
    let asked = json!({"login": username, "password": PASSWORD, "name": " The phone "});
    let login = Client::new(base_url).request(Method::POST, "/v1/sessions").header(header::USER_AGENT, "Phone/1.0\t(test)");
    let second = reply(login.json(&asked)).await.expect(201);
    let client = of(base_url, &first);
    let listed = client.get("/v1/sessions").await.expect(200);
    let items = listed["items"].as_array().unwrap();
    assert_eq!((items.len(), &listed["next"]), (2, &Value::Null));
    let find = |session: &Value| items.iter().find(|item| item["session"] == session["session"]).unwrap();
    let (one, two) = (find(&first), find(&second));
    assert_eq!((&one["current"], &one["name"], &one["devices"]), (&json!(true), &Value::Null, &json!([])));
    assert_eq!((&two["current"], &two["name"], &two["agent"]), (&json!(false), &json!("The phone"), &json!("Phone/1.0(test)")));
    assert!(one["created_at"].is_string() && one["created_at"] == one["used_at"] && one["expires_at"].is_string(), "{one}");

    let path = format!("/v1/sessions/{}", second["session"].as_str().unwrap());
    let named = client.patch(&path, &json!({"name": "The old phone"})).await.expect(200);
    assert_eq!((&named["name"], &named["session"]), (&json!("The old phone"), &second["session"]));
    assert_eq!(client.patch(&path, &json!({"name": null})).await.expect(200)["name"], Value::Null);
    client.patch(&path, &json!({"name": "x".repeat(65)})).await.problem(400, "validation");
    client.patch(&format!("/v1/sessions/{}", key()), &json!({"name": "x"})).await.problem(404, "not_found");

    let ended = client.delete(&path).await.expect(200);
    of(base_url, &second).get("/v1/me").await.problem(401, "session_revoked");
    refresh(base_url, &refresh_token(&second)).await.problem(401, "unauthorized");
    assert_eq!(client.get("/v1/sessions").await.expect(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(client.delete(&path).await.expect(200), ended, "again");
    client.patch(&path, &json!({"name": "x"})).await.problem(404, "not_found");

    client.delete("/v1/sessions/current").await.expect(200);
    client.get("/v1/sessions").await.problem(401, "session_revoked");
    refresh(base_url, &refresh_token(&first)).await.problem(401, "unauthorized");
}

async fn nobody_touches_the_login_of_somebody_else(base_url: &str) {
    let ((_, alice), (_, bob)) = (somebody(base_url).await, somebody(base_url).await);
    let client = of(base_url, &alice);
    let head = client.get("/v1/me").await.expect(200)["head"].clone();
    for session in [bob["session"].as_str().unwrap().to_owned(), key().to_string()] {
        client.delete(&format!("/v1/sessions/{session}")).await.problem(404, "not_found");
        client.patch(&format!("/v1/sessions/{session}"), &json!({"name": "mine"})).await.problem(404, "not_found");
    }
    of(base_url, &bob).get("/v1/me").await.expect(200);
    refresh(base_url, &refresh_token(&bob)).await.expect(200);
    // Others may be recorded in between, but nothing about this.
    let page = of(base_url, &bob).get("/v1/sessions").await.expect(200);
    assert_eq!(page["items"][0]["name"], Value::Null);
    assert!(client.get("/v1/me").await.expect(200)["head"].as_u64() >= head.as_u64());
}

async fn whoever_logs_out_everywhere_is_logged_out_everywhere(base_url: &str) {
    let (username, first) = somebody(base_url).await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(log_in(base_url, &username).await);
    }
    let client = of(base_url, &first);
    let ended = client.delete("/v1/sessions?keep_current=true").await.expect(200);
    assert_eq!(ended["sessions"].as_array().unwrap().len(), 3);
    for other in &others {
        assert!(ended["sessions"].as_array().unwrap().contains(&other["session"]));
        of(base_url, other).get("/v1/me").await.problem(401, "session_revoked");
        refresh(base_url, &refresh_token(other)).await.problem(401, "unauthorized");
    }
    let again = client.delete("/v1/sessions?keep_current=true").await.expect(200);
    assert_eq!(again, json!({"sessions": [], "position": null}));
    let last = client.delete("/v1/sessions").await.expect(200);
    assert_eq!(last["sessions"], json!([first["session"]]));
    client.get("/v1/me").await.problem(401, "session_revoked");
}

async fn a_password_is_changed_and_the_other_logins_end(base_url: &str) {
    const NEW: &str = "an even better password";
    let (username, first) = somebody(base_url).await;
    let other = log_in(base_url, &username).await;
    let client = of(base_url, &first);
    let change = async |current: &str, new: &str| client.put_body("/v1/me/password", &json!({"current": current, "new": new})).await;
    change("not the password", NEW).await.problem(403, "forbidden");
    change(PASSWORD, "short").await.problem(400, "validation");
    change(PASSWORD, &"x".repeat(129)).await.problem(400, "validation");
    change(&"x".repeat(100_000), NEW).await.problem(413, "too_large");
    of(base_url, &other).get("/v1/me").await.expect(200);

    assert_eq!(change(PASSWORD, NEW).await.expect(200), json!({"ended": [other["session"]]}));
    of(base_url, &other).get("/v1/me").await.problem(401, "session_revoked");
    refresh(base_url, &refresh_token(&other)).await.problem(401, "unauthorized");
    client.get("/v1/me").await.expect(200);
    refresh(base_url, &refresh_token(&first)).await.expect(200);
    // The answer was lost.
    assert_eq!(change(PASSWORD, NEW).await.expect(200), json!({"ended": []}));
    change(PASSWORD, "something else again").await.problem(403, "forbidden");
    let login = |password: &str| json!({"login": username, "password": password});
    Client::new(base_url).post("/v1/sessions", &login(PASSWORD)).await.problem(401, "unauthorized");
    Client::new(base_url).post("/v1/sessions", &login(NEW)).await.expect(201);
}

/// A request as a browser makes it: from a page, with or without what only a script of that page can add.
pub(crate) fn from_page(
    base_url: &str,
    method: Method,
    path: &str,
    origin: Option<&str>,
    marked: bool,
    cookie: Option<&str>,
) -> reqwest::RequestBuilder {
    let mut request = Client::new(base_url).request(method, path);
    if let Some(origin) = origin {
        request = request.header(header::ORIGIN, origin);
    }
    if marked {
        request = request.header("X-Posthaste-Csrf", "1");
    }
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, format!("theme=dark; {COOKIE}={cookie}; lang=en"));
    }
    request
}

/// The cookie that an answer sets, without its attributes, which must be those it always has.
pub(crate) fn cookie(reply: &Reply) -> String {
    let set = reply.headers["set-cookie"].to_str().unwrap();
    let (pair, attributes) = set.split_once("; ").unwrap();
    let attributes: Vec<_> = attributes.split("; ").collect();
    for attribute in ["Path=/v1/sessions", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(attributes.contains(&attribute), "{set}");
    }
    assert!(!attributes.iter().any(|attribute| attribute.starts_with("Domain")), "{set}");
    pair.strip_prefix(&format!("{COOKIE}=")).unwrap().to_owned()
}

async fn a_page_keeps_its_login_in_a_cookie_that_it_cannot_see(base_url: &str) {
    let (username, _) = somebody(base_url).await;
    let login = json!({"login": username, "password": PASSWORD, "mode": "cookie"});
    let logged_in = reply(from_page(base_url, Method::POST, "/v1/sessions", Some(base_url), true, None).json(&login)).await;
    let first = cookie(&logged_in);
    let session = logged_in.expect(201);
    assert_eq!(session["refresh_token"], Value::Null, "no script sees it");
    assert!(!session.to_string().contains(&first));

    let refreshed = |cookie: &str| {
        reply(from_page(base_url, Method::POST, "/v1/sessions/refresh", Some(base_url), true, Some(cookie)).json(&json!({})))
    };
    let answer = refreshed(&first).await;
    let second = cookie(&answer);
    let next = answer.expect(200);
    assert_eq!((&next["session"], &next["refresh_token"]), (&session["session"], &Value::Null));
    let third = cookie(&refreshed(&second).await);
    refreshed(&first).await.problem(401, "session_revoked");
    refreshed(&third).await.problem(401, "unauthorized");

    // Whoever logs out is rid of the cookie too.
    let logged_in = reply(from_page(base_url, Method::POST, "/v1/sessions", Some(base_url), true, None).json(&login)).await;
    let kept = cookie(&logged_in);
    let session = logged_in.expect(201);
    let out = from_page(base_url, Method::DELETE, "/v1/sessions/current", Some(base_url), true, Some(&kept));
    let out = reply(out.bearer_auth(session["access_token"].as_str().unwrap())).await;
    assert!(out.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"), "{out:?}");
    assert_eq!(cookie(&out), "");
    out.expect(200);
}

async fn a_foreign_page_cannot_use_the_cookie(base_url: &str) {
    let (username, _) = somebody(base_url).await;
    let login = json!({"login": username, "password": PASSWORD, "mode": "cookie"});
    let logged_in = reply(from_page(base_url, Method::POST, "/v1/sessions", Some(base_url), true, None).json(&login)).await;
    let kept = cookie(&logged_in);
    let attempts = [
        (Some("https://evil.example"), true),
        (Some("https://evil.example"), false),
        (Some("null"), true),
        (Some(base_url), false),
        (None, true),
        (None, false),
    ];
    for (origin, marked) in attempts {
        let asked = from_page(base_url, Method::POST, "/v1/sessions/refresh", origin, marked, Some(&kept));
        let refused = reply(asked.json(&json!({}))).await;
        assert!(!refused.headers.contains_key("set-cookie"), "{refused:?}");
        refused.problem(403, "forbidden");
        // Nor can it log somebody in as whom it likes.
        let asked = from_page(base_url, Method::POST, "/v1/sessions", origin, marked, None).json(&login);
        reply(asked).await.problem(403, "forbidden");
    }
    // A form can be sent without asking, but is not what is taken here.
    let form = from_page(base_url, Method::POST, "/v1/sessions/refresh", Some(base_url), true, Some(&kept));
    let form = form.header(header::CONTENT_TYPE, "text/plain").body("{}");
    reply(form).await.problem(415, "validation");
    // None of that has used it up.
    let asked = from_page(base_url, Method::POST, "/v1/sessions/refresh", Some(base_url), true, Some(&kept)).json(&json!({}));
    reply(asked).await.expect(200);
    // And it opens nothing by itself.
    let asked = from_page(base_url, Method::GET, "/v1/sessions", Some(base_url), true, Some(&kept));
    reply(asked).await.problem(401, "unauthorized");
}

async fn a_login_never_takes_over_what_was_there_before(base_url: &str) {
    let (username, _) = somebody(base_url).await;
    // An attacker has the victim's browser keep a cookie of the attacker's, or one that they have made up.
    let attackers = somebody(base_url).await.1;
    for planted in [refresh_token(&attackers), "phr_planted".to_owned(), String::new()] {
        let login = json!({"login": username, "password": PASSWORD, "mode": "cookie"});
        let asked = from_page(base_url, Method::POST, "/v1/sessions", Some(base_url), true, Some(&planted)).json(&login);
        let logged_in = reply(asked).await;
        let given = cookie(&logged_in);
        let session = logged_in.expect(201);
        assert_ne!(given, planted);
        assert_ne!(session["session"], attackers["session"]);
        assert_ne!(session["user"], attackers["user"]);
    }
    let still = refresh(base_url, &refresh_token(&attackers)).await.expect(200);
    assert_eq!(still["user"], attackers["user"], "it is what it was");
    let (_, planted) = somebody(base_url).await;
    let named = json!({"login": username, "password": PASSWORD, "session": planted["session"]});
    Client::new(base_url).post("/v1/sessions", &named).await.problem(400, "validation");
}
