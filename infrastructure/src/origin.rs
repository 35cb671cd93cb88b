//! From which web page a request comes, as its headers say.

use poem::http::{HeaderMap, header};
use posthaste_application::origin::Origins;

/// Where a request says that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It does not say: it is from a program, not from a page.
    None,
    /// From a page that may.
    Allowed,
    /// From any other page.
    Foreign,
}

impl Origin {
    /// Of a request with these headers.
    pub(crate) fn of(headers: &HeaderMap, allowed: &Origins) -> Self {
        let Some(origin) = headers.get(header::ORIGIN) else { return Self::None };
        let Ok(origin) = origin.to_str() else { return Self::Foreign };
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        if allowed.allow(Some(origin), host) { Self::Allowed } else { Self::Foreign }
    }
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    #[test]
    fn a_page_of_the_server_or_of_the_list_may_and_no_other() {
        let allowed = Origins::new(vec!["https://app.example".to_owned()]).unwrap();
        for (origin, expected) in [
            (None, Origin::None),
            (Some("https://chat.example"), Origin::Allowed),
            (Some("https://app.example"), Origin::Allowed),
            (Some("https://app.example.evil.example"), Origin::Foreign),
            (Some("http://app.example"), Origin::Foreign),
            (Some("https://evil.example"), Origin::Foreign),
            (Some("chat.example"), Origin::Foreign),
            (Some("null"), Origin::Foreign),
            (Some(""), Origin::Foreign),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("chat.example"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(Origin::of(&headers, &allowed), expected, "{origin:?}");
        }
    }
}
