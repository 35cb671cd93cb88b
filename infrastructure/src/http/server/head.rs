//! Looks at requests before anybody interprets them: what a proxy and this server could take for two different requests is none.
//!
//! The parser behind this follows RFC 9112 and is lenient where that allows it: a line may end with a bare LF, one of two lengths is dropped.
//! Here nothing is: whoever writes such a request hopes that somebody in front reads it in another way.

/// Most bytes of a request's head.
const HEAD_BYTES: usize = 16 * 1024;
/// What is given to the parser in place of what was refused: it answers with 400 and reads no further.
pub(super) const POISON: &[u8] = b"\0\r\n\r\n";

/// Follows the bytes of a connection from its first on.
#[derive(Debug, Default)]
pub(super) struct Watch {
    state: State,
    /// The head as far as it has come.
    head: Vec<u8>,
    /// Heads that were complete.
    complete: u64,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Head,
    /// So many bytes of a body are to come.
    Body(u64),
    /// No further request is read from this connection: what there is belongs to the last one.
    Rest,
}

impl Watch {
    /// Takes in what was read.
    ///
    /// # Errors
    /// It has a head that is refused; so many bytes before its end are right.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Result<(), usize> {
        let all = bytes.len();
        while !bytes.is_empty() {
            match &mut self.state {
                State::Rest => return Ok(()),
                State::Body(left) => {
                    let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    *left -= taken as u64;
                    bytes = &bytes[taken..];
                    if *left == 0 {
                        self.state = State::Head;
                    }
                }
                State::Head => {
                    let line = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
                    self.line(&bytes[..line]).map_err(|Refused| all - bytes.len())?;
                    bytes = &bytes[line..];
                }
            }
        }
        Ok(())
    }

    /// Whether there is a part of a head.
    pub(super) fn is_within_head(&self) -> bool {
        matches!(self.state, State::Head) && !self.head.is_empty()
    }

    /// Heads that were complete.
    pub(super) const fn complete(&self) -> u64 {
        self.complete
    }

    /// A line, or a part of one.
    fn line(&mut self, part: &[u8]) -> Result<(), Refused> {
        self.head.extend_from_slice(part);
        if self.head.len() > HEAD_BYTES {
            return Err(Refused);
        }
        if !self.head.ends_with(b"\n") {
            return Ok(());
        }
        if !self.head.ends_with(b"\r\n") {
            return Err(Refused);
        }
        if self.head == b"\r\n" {
            // An empty line before a request is none.
            self.head.clear();
        } else if self.head.ends_with(b"\r\n\r\n") {
            self.state = judge(&self.head)?;
            self.complete += 1;
            self.head = Vec::new();
        }
        Ok(())
    }
}

/// It can be read in more than one way.
#[derive(Debug)]
struct Refused;

/// What comes after a whole head.
fn judge(head: &[u8]) -> Result<State, Refused> {
    let (mut length, mut chunked, mut upgraded) = (None, false, false);
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let asks = lines.next().unwrap_or_default();
    for line in lines.take_while(|line| !line.is_empty()) {
        // A line that goes on, a CR that ends nothing, or a name that is none.
        let colon = line.iter().position(|byte| *byte == b':').ok_or(Refused)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if line.contains(&b'\r') || name.is_empty() || !name.iter().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refused);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let digits = std::str::from_utf8(value).ok().filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()));
            let given = digits.and_then(|digits| digits.parse::<u64>().ok()).ok_or(Refused)?;
            if length.replace(given).is_some() {
                return Err(Refused);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if chunked || !value.eq_ignore_ascii_case(b"chunked") || !asks.ends_with(b"HTTP/1.1") {
                return Err(Refused);
            }
            chunked = true;
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            upgraded = true;
        }
    }
    match (length, chunked) {
        (Some(_), true) => Err(Refused),
        (_, true) => Ok(State::Rest),
        (Some(length), false) if length > 0 => Ok(State::Body(length)),
        (Some(_) | None, false) if upgraded => Ok(State::Rest),
        (Some(_) | None, false) => Ok(State::Head),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of the bytes, however they are cut.
    fn read(bytes: &[u8]) -> Result<u64, usize> {
        let mut whole = Watch::default();
        let result = whole.read(bytes).map(|()| whole.complete());
        for size in [1, 2, 3, 7] {
            let mut cut = Watch::default();
            let pieces = bytes.chunks(size).try_for_each(|piece| cut.read(piece));
            assert_eq!(pieces.map(|()| cut.complete()).ok(), result.ok(), "in pieces of {size}");
        }
        result
    }

    fn request(headers: &str) -> Vec<u8> {
        format!("POST / HTTP/1.1\r\nHost: a\r\n{headers}\r\n").into_bytes()
    }

    #[test]
    fn requests_are_followed_through_their_bodies() {
        let first = [&request("Content-Length: 4\r\n")[..], b"\n\r\n\n"].concat();
        assert_eq!(read(&[&first[..], &first, b"\r\n", &request("")].concat()), Ok(3));
        assert_eq!(read(&[&first[..], b"GET / HTTP/1.1\nHost: a\n\n"].concat()), Err(first.len()));
    }

    #[test]
    fn after_chunks_or_an_upgrade_there_is_no_further_request() {
        for header in
            ["Transfer-Encoding: chunked\r\n", "Upgrade: websocket\r\nConnection: Upgrade\r\n", "Upgrade: x\r\nContent-Length: 0\r\n"]
        {
            assert_eq!(read(&[&request(header)[..], b"anything\n\n at all"].concat()), Ok(1), "{header}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for headers in [
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: identity\r\n",
            "Transfer-Encoding: \x0bchunked\r\n",
            "Content-Length: 4\r\nContent-Length: 4\r\n",
            "Content-Length: 4\r\ncontent-length: 5\r\n",
            "Content-Length: 4, 4\r\n",
            "Content-Length: +4\r\n",
            "Content-Length: 0x4\r\n",
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length : 4\r\n",
            "X: a\r\n folded\r\n",
            "X: a\r\n\tfolded: b\r\n",
            "X: a\nY: b\r\n",
            "X: a\rY: b\r\n",
            "no colon\r\n",
            ": no name\r\n",
        ] {
            assert!(read(&request(headers)).is_err(), "{headers:?}");
        }
        assert!(read(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(read(&request(&format!("X: {}\r\n", "x".repeat(HEAD_BYTES)))).is_err());
        assert!(read(&vec![b'x'; HEAD_BYTES + 1]).is_err());
    }
}
