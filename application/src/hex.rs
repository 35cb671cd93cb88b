//! Bytes as lower-case hexadecimal digits, which is how they stand in files that people compare.

use serde::{Deserialize as _, Deserializer, Serializer};

/// The digits of these bytes.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|half| char::from(DIGITS[usize::from(half)])).collect()
}

/// The bytes of these digits; nothing if they are not such digits, in lower case, so that bytes have one spelling.
#[must_use]
pub fn decode(digits: &str) -> Option<Vec<u8>> {
    let half = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(half(*high)? << 4 | half(*low)?)).collect()
}

/// As many bytes as are wanted, of their digits.
#[must_use]
pub fn array<const N: usize>(digits: &str) -> Option<[u8; N]> {
    decode(digits)?.try_into().ok()
}

pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&encode(bytes))
}

pub(crate) fn deserialize<'de, const N: usize, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; N], D::Error> {
    let digits = String::deserialize(deserializer)?;
    array(&digits).ok_or_else(|| serde::de::Error::custom(format!("{digits:?} is not {} hexadecimal digits", N * 2)))
}

/// The same for any number of bytes.
pub(crate) mod any {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        super::serialize(bytes, serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let digits = String::deserialize(deserializer)?;
        super::decode(&digits).ok_or_else(|| serde::de::Error::custom("not hexadecimal digits"))
    }
}

/// The same for a list of hashes.
pub(crate) mod list {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::recorded::Hash;

    pub(crate) fn serialize<S: Serializer>(hashes: &[Hash], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(hashes.iter().map(|hash| super::encode(hash)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Hash>, D::Error> {
        let list = Vec::<String>::deserialize(deserializer)?;
        let hash = |digits: &String| super::array(digits);
        list.iter().map(hash).collect::<Option<_>>().ok_or_else(|| serde::de::Error::custom("not a list of hashes"))
    }
}
