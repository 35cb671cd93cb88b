//! Whose request it is, as far as an address says that.

use std::net::IpAddr;

use ipnet::IpNet;
use poem::Request;
use poem::http::HeaderMap;

/// The header in which proxies say whom they speak for. Only this one is read: a proxy that writes one lets the other through as it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forwarding {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Proxies that are believed.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    trusted: Vec<IpNet>,
    forwarding: Forwarding,
}

/// The address a request counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client(pub(super) IpAddr);

impl Proxies {
    /// Those in these networks, such as `10.0.0.0/8`; an address alone is a network of one.
    ///
    /// # Errors
    /// What is no network.
    pub fn new(trusted: &[String], forwarding: Forwarding) -> Result<Self, String> {
        let network = |given: &String| {
            let network = given.parse::<IpNet>().or_else(|_| given.parse::<IpAddr>().map(IpNet::from));
            network.map(|network| network.trunc()).map_err(|_| format!("`{given}` is no network like 10.0.0.0/8"))
        };
        Ok(Self { trusted: trusted.iter().map(network).collect::<Result<_, _>>()?, forwarding })
    }

    /// Whether this is a proxy that is believed.
    #[must_use]
    pub fn is_trusted(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.contains(&address))
    }

    /// Whose request it is: the last one before the trusted proxies. What stands further left may be invented.
    fn find(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut last = peer.to_canonical();
        if !self.is_trusted(last) {
            return last;
        }
        let name = match self.forwarding {
            Forwarding::XForwardedFor => "x-forwarded-for",
            Forwarding::Forwarded => "forwarded",
        };
        let read = |line| match self.forwarding {
            Forwarding::XForwardedFor => listed(line),
            Forwarding::Forwarded => forwarded(line),
        };
        let lines: Vec<_> = headers.get_all(name).iter().collect();
        for line in lines.into_iter().rev() {
            for hop in line.to_str().map_or_else(|_| vec![None], read).into_iter().rev() {
                // Nobody can say who stands before somebody without a name.
                let Some(hop) = hop else { return last };
                last = hop.to_canonical();
                if !self.is_trusted(last) {
                    return last;
                }
            }
        }
        last
    }

    /// The same, of a request.
    pub(super) fn client(&self, request: &Request) -> Option<Client> {
        let peer = request.remote_addr().as_socket_addr()?.ip();
        Some(Client(self.find(peer, request.headers())))
    }
}

/// An address, perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        // Four numbers and a port.
        None if text.matches(':').count() == 1 => text.split_once(':')?.0,
        None => text,
    };
    bare.parse().ok()
}

fn listed(line: &str) -> Vec<Option<IpAddr>> {
    line.split(',').map(address).collect()
}

/// The `for` of each element. What is quoted may hold separators; one that is broken hides everything left of it.
fn forwarded(line: &str) -> Vec<Option<IpAddr>> {
    split(line, ',')
        .into_iter()
        .map(|element| {
            let mut named = split(element, ';').into_iter().filter_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
            });
            let value = named.next().filter(|_| named.next().is_none())?;
            address(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
        })
        .collect()
}

/// The parts between separators that are not quoted.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|character| {
        let ends = character == separator && !quoted;
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        ends
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn find(forwarding: Forwarding, peer: &str, lines: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "192.0.2.7", "2001:db8:aa::/48"].map(str::to_owned);
        let proxies = Proxies::new(&trusted, forwarding).unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            let name = if forwarding == Forwarding::Forwarded { "forwarded" } else { "x-forwarded-for" };
            headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        proxies.find(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn whoever_is_no_trusted_proxy_speaks_for_nobody_else() {
        for forwarding in [Forwarding::XForwardedFor, Forwarding::Forwarded] {
            for line in ["198.51.100.9", "for=198.51.100.9", "10.0.0.1", ""] {
                assert_eq!(find(forwarding, "203.0.113.5", &[line]), "203.0.113.5");
            }
            assert_eq!(find(forwarding, "192.0.2.8", &["198.51.100.9"]), "192.0.2.8");
        }
    }

    #[test]
    fn the_last_one_before_the_trusted_proxies_is_the_client() {
        let x = |peer, lines: &[&str]| find(Forwarding::XForwardedFor, peer, lines);
        assert_eq!(x("10.1.2.3", &["198.51.100.9"]), "198.51.100.9");
        assert_eq!(x("::ffff:10.1.2.3", &["::ffff:198.51.100.9"]), "198.51.100.9");
        assert_eq!(x("192.0.2.7", &["198.51.100.9:4711, 10.3.3.3"]), "198.51.100.9");
        assert_eq!(x("2001:db8:aa::1", &["[2001:db8:bb::1]:4711, 2001:db8:aa::2"]), "2001:db8:bb::1");
        assert_eq!(x("10.1.2.3", &[]), "10.1.2.3");
        assert_eq!(x("10.1.2.3", &["10.9.9.9, 10.8.8.8"]), "10.9.9.9");
    }

    #[test]
    fn what_a_client_invents_stands_too_far_left_to_be_believed() {
        let x = |lines: &[&str]| find(Forwarding::XForwardedFor, "10.1.2.3", lines);
        assert_eq!(x(&["1.2.3.4, 10.0.0.1, 198.51.100.9"]), "198.51.100.9");
        assert_eq!(x(&["1.2.3.4", "198.51.100.9, 10.0.0.1"]), "198.51.100.9");
        assert_eq!(x(&["198.51.100.9, 10.0.0.1", "1.2.3.4"]), "1.2.3.4", "the last line is the last hop");
        // Nobody can say what stands behind nonsense.
        for nonsense in ["1.2.3.4, unknown", "1.2.3.4, ", "1.2.3.4, 300.1.1.1", "1.2.3.4, [::1", "1.2.3.4, \u{e9}"] {
            assert_eq!(x(&[nonsense]), "10.1.2.3", "{nonsense}");
        }
        assert_eq!(x(&["unknown, 10.0.0.1"]), "10.0.0.1");
    }

    #[test]
    fn forwarded_is_read_with_its_quotes() {
        let f = |line| find(Forwarding::Forwarded, "10.1.2.3", &[line]);
        assert_eq!(f("for=198.51.100.9"), "198.51.100.9");
        assert_eq!(f("for=1.2.3.4, For=\"198.51.100.9:80\";proto=https;by=10.0.0.1, by=x;for=10.0.0.2"), "198.51.100.9");
        assert_eq!(f("for=\"[2001:db8:cafe::17]:4711\""), "2001:db8:cafe::17");
        assert_eq!(f("for=1.2.3.4;host=\"a, for=5.6.7.8\""), "1.2.3.4");
        assert_eq!(f("host=\"a\\\", for=5.6.7.8\";for=1.2.3.4"), "1.2.3.4");
        for hidden in ["for=1.2.3.4, for=_secret", "for=1.2.3.4, for=unknown", "for=1.2.3.4, proto=https", "for=1.2.3.4;for=5.6.7.8"] {
            assert_eq!(f(hidden), "10.1.2.3", "{hidden}");
        }
        // The other header is not looked at.
        let proxies = Proxies::new(&["10.0.0.0/8".to_owned()], Forwarding::Forwarded).unwrap();
        let headers = HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), HeaderValue::from_static("1.2.3.4"))]);
        assert_eq!(proxies.find("10.1.2.3".parse().unwrap(), &headers).to_string(), "10.1.2.3");
    }

    #[test]
    fn what_is_no_network_is_refused_by_its_name() {
        for wrong in ["10.0.0.0/33", "proxy.example", "", "10.0.0"] {
            assert!(Proxies::new(&[wrong.to_owned()], Forwarding::default()).unwrap_err().contains(wrong));
        }
    }
}
