//! What browsers are told not to do with our answers.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use poem::http::{HeaderMap, HeaderName, HeaderValue, header};
use sha2::{Digest as _, Sha256};

/// There is nothing in an answer that is to be shown, run or put into a frame.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()",
);
/// A year.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Puts it into every answer; what an endpoint says itself stays.
pub(super) fn finish(headers: &mut HeaderMap, behind_tls: bool) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("permissions-policy"), PERMISSIONS);
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if behind_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
}

/// What the page of the documentation may do: run the scripts that are in it, and no others; look as it wants; and ask this server.
pub(super) fn of_page(html: &str) -> HeaderValue {
    let (mut scripts, mut rest) = (String::new(), html);
    // As a browser reads it: what a script says of scripts is part of it.
    while let Some((_, tag)) = rest.split_once("<script")
        && let Some((_, script)) = tag.split_once('>')
        && let Some((script, after)) = script.split_once("</script>")
    {
        scripts += &format!(" 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script.as_bytes())));
        rest = after;
    }
    let policy = format!(
        "default-src 'none'; script-src{scripts}; style-src 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
         frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    );
    HeaderValue::from_str(&policy).expect("hashes are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_may_run_its_own_scripts_and_no_others() {
        let policy = of_page("<script charset=\"x\">alert(1)</script><p><script>\nlet a = '<script>';\n</script>");
        let policy = policy.to_str().unwrap();
        // echo -n 'alert(1)' | openssl dgst -sha256 -binary | base64
        assert!(policy.contains("'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"), "{policy}");
        assert_eq!(policy.matches("'sha256-").count(), 2);
        assert!(!policy.contains("script-src 'unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
    }
}
