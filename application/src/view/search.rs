//! What searching means: words, folded; all of them, the last one perhaps begun only.

use posthaste_domain::text::fold;

/// Most words of a search; the rest is not looked at, and the last that is counts as begun.
const MOST: usize = 16;
/// Most characters of a word, in a search and in what is searched; the rest is not looked at.
const LONG: usize = 64;

/// What is searched for: every word must occur, the last one as the beginning of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The words that must occur, folded.
    pub whole: Vec<String>,
    /// What a word must begin with, folded.
    pub begun: String,
}

impl Search {
    /// The search for this text; `None` when it has no word in it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut whole: Vec<_> = words(text).take(MOST).collect();
        let begun = whole.pop()?;
        Some(Self { whole, begun })
    }

    /// Whether a text has the words.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let words: Vec<_> = words(text).collect();
        self.whole.iter().all(|word| words.contains(word)) && words.iter().any(|word| word.starts_with(&self.begun))
    }
}

/// The words of a text, folded, as they are compared: letters and digits in a row.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    let mut words = Vec::new();
    each_word(text, |word| words.push(word.to_owned()));
    words.into_iter()
}

/// As [`words`], for those who need not keep them.
pub(super) fn each_word(text: &str, word: impl FnMut(&str)) {
    let folded = fold(text);
    let words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word.char_indices().nth(LONG).map_or(word, |(end, _)| &word[..end])).for_each(word);
}
