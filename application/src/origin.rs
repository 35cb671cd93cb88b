//! Which web pages are no strangers: those of the server itself, and those on a list, for REST and sockets alike.

/// Origins of web pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

/// What no browser sends, so that it would never match.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no origin like https://chat.example or http://localhost:3000")]
pub struct NoOrigin(String);

impl Origins {
    /// These, each as a browser sends it: `https://chat.example`.
    ///
    /// # Errors
    /// One that no browser sends.
    pub fn new(origins: Vec<String>) -> Result<Self, NoOrigin> {
        match origins.iter().find(|origin| !is_origin(origin)) {
            Some(wrong) => Err(NoOrigin(wrong.clone())),
            None => Ok(Self(origins)),
        }
    }

    /// Whether a page of this origin may have made a request that names this host. Programs send no origin.
    #[must_use]
    pub fn allow(&self, origin: Option<&str>, host: Option<&str>) -> bool {
        let Some(origin) = origin else { return true };
        let own = host.is_some_and(|host| origin.split_once("://").is_some_and(|(_, authority)| authority == host));
        own || self.list(origin)
    }

    /// Those on the list.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a browser may be sent there: to a path of this server, or to a page of an origin on the list. What no URL has in it, and what
    /// browsers take for something else than it is, is refused: an address must be on the list as it is written. A fragment is left to us.
    #[must_use]
    pub fn may_return_to(&self, target: &str) -> bool {
        let plain = target.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\#\"<>^`{|}".contains(&byte));
        let path = target.strip_prefix('/').is_some_and(|rest| !rest.starts_with('/'));
        let after = |origin: &String| target.strip_prefix(origin.as_str());
        let listed = self.0.iter().filter_map(after).any(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        plain && (path || listed)
    }

    /// Whether it is on the list.
    #[must_use]
    pub fn list(&self, origin: &str) -> bool {
        self.0.iter().any(|listed| listed == origin)
    }
}

/// Scheme, host and port, in lower case, and nothing else; the port of the scheme is left out.
fn is_origin(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default = if scheme == "https" { ":443" } else { ":80" };
    ["http", "https"].contains(&scheme)
        && !authority.is_empty()
        && !authority.ends_with(default)
        && authority.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        for right in ["https://chat.example", "http://localhost:3000", "https://xn--bcher-kva.example", "http://[::1]:8080"] {
            assert!(Origins::new(vec![right.to_owned()]).is_ok(), "{right}");
        }
        let wrong = "* null chat.example https:// https://*.example https://chat.example/ https://Chat.example https://chat.example:443 \
                     http://chat.example:80 https://a@chat.example ftp://chat.example https://bücher.example";
        for wrong in wrong.split_whitespace().chain([""]) {
            assert_eq!(Origins::new(vec!["http://a".to_owned(), wrong.to_owned()]), Err(NoOrigin(wrong.to_owned())));
        }
    }

    #[test]
    fn a_page_is_no_stranger_if_it_is_ours_or_on_the_list() {
        let origins = Origins::new(vec!["https://chat.example".to_owned()]).unwrap();
        let host = Some("api.example");
        assert!(origins.allow(None, host) && origins.allow(Some("https://api.example"), host));
        assert!(origins.allow(Some("https://chat.example"), host) && origins.list("https://chat.example"));
        for foreign in
            ["https://evil.example", "null", "https://chat.example.evil.example", "http://chat.example", "https://api.example.evil"]
        {
            assert!(!origins.allow(Some(foreign), host) && !origins.list(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_browser_may_be_sent_to_a_path_of_ours_and_to_pages_of_the_list_and_nowhere_else() {
        let origins = Origins::new(vec!["https://chat.example".to_owned(), "http://localhost:3000".to_owned()]).unwrap();
        for ours in [
            "/",
            "/app",
            "/app?tab=1",
            "/%2f%2fevil.example",
            "https://chat.example",
            "https://chat.example/app",
            "http://localhost:3000?x",
        ] {
            assert!(origins.may_return_to(ours), "{ours}");
        }
        let evil = "app //evil.example ///evil.example /\\evil.example \\\\evil.example https:evil.example https:/evil.example https://evil.example \
                    http://chat.example https://chat.example.evil.example https://chat.example@evil.example https://chat.example:443@evil.example \
                    https://chat.example%2eevil.example https://chat.example\\@evil.example https://chat.example#x HTTPS://CHAT.EXAMPLE/ \
                    http://localhost:30001/ http://localhost:3000@evil.example %2f%2fevil.example javascript:alert(1) /app#code=mine /bücher";
        for evil in evil.split_whitespace().chain([
            "",
            " /",
            "/\t/evil.example",
            "\t//evil.example",
            "/\n/evil.example",
            "/a\r\nb: c",
            "/\u{0}",
            "/a b",
        ]) {
            assert!(!origins.may_return_to(evil), "{evil:?}");
        }
        assert!(!Origins::default().may_return_to("https://chat.example/"), "nothing is on the list");
    }
}
