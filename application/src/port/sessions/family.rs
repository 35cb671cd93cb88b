//! The tokens that renew one login. Each is good once, and makes its successor; the old one stays good until its successor is used, because
//! nobody knows of a lost answer until then. Whoever uses an older one has a copy, or somebody else has: which of the two is the thief
//! cannot be told, so the login ends.

/// The SHA-256 hash of a secret.
pub type Digest = [u8; 32];

/// A token was used that had its successor used already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the refresh token was used before")]
pub struct Reused;

/// What is known of the tokens of a login.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenFamily {
    /// The hash of what all of them begin with.
    pub id: Digest,
    /// The one that was used last.
    pub used: Option<Digest>,
    /// Those given for it, the oldest first: one, or as many as there were tries. None of them was used.
    pub offered: Vec<Digest>,
}

impl std::fmt::Debug for TokenFamily {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenFamily").field("used", &self.used.is_some()).field("offered", &self.offered.len()).finish_non_exhaustive()
    }
}

impl TokenFamily {
    /// The most successors of one token that are good at the same time: of more tries the latest count.
    pub const OFFERED: usize = 16;

    /// A family of one token.
    #[must_use]
    pub fn new(id: Digest, first: Digest) -> Self {
        Self { id, used: None, offered: vec![first] }
    }

    /// A token of the family is used, and gets this successor.
    ///
    /// # Errors
    /// [`Reused`]: then nothing has changed.
    pub fn present(&mut self, token: &Digest, successor: Digest) -> Result<(), Reused> {
        if self.offered.contains(token) {
            self.used = Some(*token);
            self.offered = vec![successor];
        } else if self.used.as_ref() == Some(token) {
            // The answer did not arrive, or two asked at once.
            if self.offered.len() == Self::OFFERED {
                self.offered.remove(0);
            }
            self.offered.push(successor);
        } else {
            return Err(Reused);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn token(n: u8) -> Digest {
        [n; 32]
    }

    #[test]
    fn each_token_is_followed_by_the_next() {
        let mut family = TokenFamily::new([0; 32], token(1));
        for n in 1..100 {
            assert_eq!(family.present(&token(n), token(n + 1)), Ok(()));
        }
    }

    #[test]
    fn a_token_works_again_until_its_successor_is_used() {
        let mut family = TokenFamily::new([0; 32], token(1));
        for n in 2..6 {
            assert_eq!(family.present(&token(1), token(n)), Ok(()), "the answer was lost");
        }
        assert_eq!(family.present(&token(3), token(9)), Ok(()), "any of those that were given");
        let before = family.clone();
        for n in [1, 2, 4, 5] {
            assert_eq!(family.present(&token(n), token(10)), Err(Reused), "{n}");
        }
        assert_eq!(family, before);
        assert_eq!(family.present(&token(3), token(10)), Ok(()), "the one that was used last");
    }

    #[test]
    fn a_stolen_token_shows_itself_whoever_uses_it_first() {
        // Both have the first token, and each goes on with what they were given for it.
        for thief_goes_on_first in [true, false] {
            let mut family = TokenFamily::new([0; 32], token(1));
            let (owner, thief) = (token(2), token(3));
            family.present(&token(1), owner).unwrap();
            family.present(&token(1), thief).unwrap();
            let (first, second) = if thief_goes_on_first { (thief, owner) } else { (owner, thief) };
            assert_eq!(family.present(&first, token(4)), Ok(()));
            assert_eq!(family.present(&second, token(5)), Err(Reused));
        }
    }

    #[test]
    fn tries_without_end_leave_the_latest_good() {
        let mut family = TokenFamily::new([0; 32], token(0));
        for n in 1..=200 {
            family.present(&token(0), token(n)).unwrap();
        }
        assert_eq!(family.offered.len(), TokenFamily::OFFERED);
        assert_eq!(family.clone().present(&token(184), token(201)), Err(Reused));
        assert_eq!(family.present(&token(185), token(201)), Ok(()));
    }
}
