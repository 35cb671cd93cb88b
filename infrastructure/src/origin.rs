//! Which web pages may speak to this server: its own, and those on the list.

use poem::http::{HeaderMap, header};

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
    pub(crate) fn of(headers: &HeaderMap, allowed: &[String]) -> Self {
        let Some(origin) = headers.get(header::ORIGIN) else { return Self::None };
        let Ok(origin) = origin.to_str() else { return Self::Foreign };
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let own = host.is_some_and(|host| origin.split_once("://").is_some_and(|(_, authority)| authority == host));
        if own || allowed.iter().any(|allowed| allowed == origin) { Self::Allowed } else { Self::Foreign }
    }
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    #[test]
    fn a_page_of_the_server_or_of_the_list_may_and_no_other() {
        let allowed = ["https://app.example".to_owned()];
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
