//! What browsers are told: who may call, and what may be done with an answer.

use anyhow::{Context as _, ensure};
use posthaste_tests::actor::User;
use posthaste_tests::{Profile, Stage};
use reqwest::{Method, Response};

use crate::raw::header;

const PAGE: &str = "https://chat.example";

async fn ask(base: &str, method: Method, path: &str, headers: &[(&str, &str)]) -> anyhow::Result<Response> {
    let request =
        headers.iter().fold(posthaste_tests::http::client().request(method, format!("{base}{path}")), |request, (name, value)| {
            request.header(*name, *value)
        });
    Ok(request.send().await?)
}

#[tokio::test]
async fn a_page_on_the_list_may_call_and_no_other_page_learns_anything() -> anyhow::Result<()> {
    let base = Stage::shared(Profile::Embedded).await?.base();
    let user = User::register(&base, "alice").await?;
    let token = format!("Bearer {}", user.token());
    let asks = [("access-control-request-method", "PUT"), ("access-control-request-headers", "authorization,if-match")];

    let preflight = ask(&base, Method::OPTIONS, "/v1/me", &[("origin", PAGE), asks[0], asks[1]]).await?;
    ensure!(preflight.status() == 204, "{preflight:?}");
    ensure!(header(&preflight, "access-control-allow-origin") == PAGE && header(&preflight, "access-control-allow-credentials") == "true");
    ensure!(header(&preflight, "access-control-allow-methods").contains("PUT"));
    for name in ["authorization", "content-type", "idempotency-key", "if-match"] {
        ensure!(header(&preflight, "access-control-allow-headers").contains(name), "{preflight:?}");
    }
    ensure!(header(&preflight, "access-control-max-age") == "7200" && header(&preflight, "vary") == "origin", "{preflight:?}");

    // An answer and a refusal, which the page has to understand as well.
    for (token, status) in [(token.as_str(), 200), ("Bearer nonsense", 401)] {
        let told = ask(&base, Method::GET, "/v1/me", &[("origin", PAGE), ("authorization", token)]).await?;
        ensure!(told.status() == status && header(&told, "access-control-allow-origin") == PAGE, "{told:?}");
        ensure!(header(&told, "access-control-expose-headers").contains("etag") && header(&told, "vary") == "origin", "{told:?}");
    }
    for foreign in ["https://evil.example", "null", "http://chat.example", "https://chat.example.evil.example", "https://CHAT.example", "*"]
    {
        let preflight = ask(&base, Method::OPTIONS, "/v1/me", &[("origin", foreign), asks[0], asks[1]]).await?;
        ensure!(preflight.status() == 403, "{foreign}: {preflight:?}");
        let told = ask(&base, Method::GET, "/v1/me", &[("origin", foreign), ("authorization", &token)]).await?;
        for response in [&preflight, &told] {
            ensure!(!response.headers().keys().any(|name| name.as_str().starts_with("access-control-")), "{foreign}: {response:?}");
            ensure!(header(response, "vary") == "origin", "a cache would mix them up: {response:?}");
        }
    }
    // Programs have no origin, and what only looks like a question of a browser is an operation that there is not.
    ensure!(ask(&base, Method::GET, "/v1/me", &[("authorization", &token)]).await?.status() == 200);
    ensure!(ask(&base, Method::OPTIONS, "/v1/me", &[]).await?.status() == 405);
    Ok(())
}

#[tokio::test]
async fn every_answer_says_what_a_browser_must_not_do_with_it() -> anyhow::Result<()> {
    let base = Stage::shared(Profile::Embedded).await?.base();
    for (method, path) in [
        (Method::GET, "/healthz"),
        (Method::GET, "/v1/me"),
        (Method::GET, "/nothing"),
        (Method::POST, "/v1/sessions"),
        (Method::DELETE, "/v1/sessions"),
        (Method::GET, "/v1/openapi.json"),
        (Method::GET, "/healthz"),
        (Method::GET, "/docs"),
        (Method::GET, "/v1/ws"),
    ] {
        let answered = ask(&base, method, path, &[]).await?;
        for (name, expected) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("permissions-policy", "camera=()"),
            ("content-security-policy", "default-src 'none'"),
            ("content-security-policy", "frame-ancestors 'none'"),
            ("content-security-policy", "form-action 'none'"),
        ] {
            ensure!(header(&answered, name).contains(expected), "{path}: {name}: {answered:?}");
        }
        ensure!(header(&answered, "strict-transport-security").is_empty(), "{answered:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_page_of_the_documentation_runs_its_own_scripts_and_nothing_else() -> anyhow::Result<()> {
    use sha2::{Digest as _, Sha256};
    let base = Stage::shared(Profile::Embedded).await?.base();
    let page = ask(&base, Method::GET, "/docs", &[]).await?;
    let policy = header(&page, "content-security-policy").to_owned();
    let html = page.text().await?;
    // As a browser finds them: from the end of the tag to the first end of a script.
    let mut scripts = 0;
    let mut rest = html.as_str();
    while let Some((_, tag)) = rest.split_once("<script") {
        let (attributes, script) = tag.split_once('>').context("the tag ends")?;
        ensure!(!attributes.contains("src"), "it is loaded from elsewhere: {attributes}");
        let (script, after) = script.split_once("</script>").context("the script ends")?;
        let digest = Sha256::digest(script.as_bytes());
        let hash = format!("'sha256-{}'", base64(&digest));
        ensure!(policy.contains(&hash), "{hash} of {} bytes is not in {policy}", script.len());
        (scripts, rest) = (scripts + 1, after);
    }
    ensure!(scripts == 2 && policy.matches("'sha256-").count() == 2, "{scripts}, {policy}");
    let of_scripts = policy.split(';').find(|part| part.trim_start().starts_with("script-src")).context("scripts have a rule")?;
    ensure!(!of_scripts.contains("unsafe") && !of_scripts.contains('*') && !of_scripts.contains("self"), "{policy}");
    // Nothing in the page runs by itself otherwise.
    ensure!(!html.contains(" onload=") && !html.contains("javascript:void"), "inline handlers would be refused");
    Ok(())
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let encode = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digit = |n: usize| if n <= chunk.len() { char::from(ALPHABET[(bits >> (18 - 6 * n)) as usize & 63]) } else { '=' };
        (0..4).map(digit).collect::<String>()
    };
    bytes.chunks(3).map(encode).collect()
}

#[tokio::test]
async fn behind_tls_browsers_are_told_to_stay_there() -> anyhow::Result<()> {
    let stage = Stage::start(Profile::Embedded, |settings| settings.with("SERVER__BEHIND_TLS", "true")).await?;
    let answered = ask(&stage.base(), Method::GET, "/healthz", &[]).await?;
    ensure!(header(&answered, "strict-transport-security") == "max-age=31536000", "{answered:?}");
    Ok(())
}
