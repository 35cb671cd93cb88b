//! What a search shows of a message: the place where it was found.

use std::ops::Range;

use posthaste_domain::text::fold;

use super::Search;

/// Most characters of a snippet.
pub const SNIPPET_CHARACTERS: usize = 160;

/// The part of a text around the first word that the search is for, at most [`SNIPPET_CHARACTERS`] characters; the beginning, when it has
/// none of them. What was left out at an end is an ellipsis.
#[must_use]
pub fn snippet(text: &str, search: &Search) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= SNIPPET_CHARACTERS {
        return text.to_owned();
    }
    let found = words(&characters).find(|word| search.finds(&characters[word.clone()])).unwrap_or(0..0);
    // Both ends may need an ellipsis.
    let shown = SNIPPET_CHARACTERS - 2;
    let before = shown.saturating_sub(found.len()) / 2;
    let start = found.start.saturating_sub(before).min(characters.len() - shown);
    let end = start + shown;
    let ellipsis = |left_out: bool| if left_out { "…" } else { "" };
    let middle: String = characters[start..end].iter().collect();
    format!("{}{middle}{}", ellipsis(start > 0), ellipsis(end < characters.len()))
}

impl Search {
    /// Whether a word, or something that folds into several, has one of the words that are searched.
    fn finds(&self, word: &[char]) -> bool {
        let word: String = word.iter().collect();
        super::search::words(&fold(&word)).any(|word| self.whole.contains(&word) || word.starts_with(&self.begun))
    }
}

/// Where there are letters and digits in a row.
fn words(characters: &[char]) -> impl Iterator<Item = Range<usize>> {
    // What folds into letters or digits is one: a folded text is what is searched.
    let belongs = |c: &char| {
        if c.is_ascii() { c.is_ascii_alphanumeric() } else { fold(c.encode_utf8(&mut [0; 4])).chars().any(char::is_alphanumeric) }
    };
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + characters[at..].iter().position(belongs)?;
        let length = characters[start..].iter().position(|c| !belongs(c)).unwrap_or(characters.len() - start);
        at = start + length;
        Some(start..at)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn show(text: &str, search: &str) -> String {
        snippet(text, &Search::parse(search).unwrap())
    }

    #[test]
    fn a_short_text_is_shown_whole() {
        assert_eq!(show("See you at eight.", "eight"), "See you at eight.");
        let longest = "é".repeat(160);
        assert_eq!(show(&longest, "x"), longest);
    }

    #[test]
    fn a_long_text_is_shown_around_the_first_word_that_was_found() {
        let text = format!("{} Needle {} needle {}", "hay ".repeat(100), "straw ".repeat(100), "hay ".repeat(100));
        let shown = show(&text, "other nee");
        assert!(
            shown.starts_with('…') && shown.ends_with('…') && shown.contains(" Needle straw") && !shown.contains(" needle "),
            "{shown}"
        );
        assert_eq!(shown.chars().count(), SNIPPET_CHARACTERS);
    }

    #[test]
    fn the_ends_of_a_text_have_no_ellipsis() {
        let first = show(&format!("Needle {}", "hay ".repeat(100)), "needle");
        assert!(first.starts_with("Needle hay") && first.ends_with('…'), "{first}");
        let last = show(&format!("{}needle", "hay ".repeat(100)), "needle");
        assert!(last.starts_with('…') && last.ends_with("hay needle"), "{last}");
    }

    #[test]
    fn what_looks_otherwise_is_found_as_the_search_finds_it() {
        let hay = "hay ".repeat(100);
        for (word, search) in [("ＮＥＥＤＬＥ", "needle"), ("Ⅷ", "viii"), ("ﬁnd", "find"), ("ΣΊΣΥΦΟΣ", "σίσυφοσ")] {
            let text = format!("{hay}{word} {hay}");
            assert!(show(&text, search).contains(word), "{word}");
        }
    }

    proptest! {
        #[test]
        fn it_is_never_longer_and_always_a_part_of_the_text(text in "(\\PC|[a-c ]){0,400}", search in "[a-c]{1,3}( [a-c]{1,3})?") {
            let search = Search::parse(&search).unwrap();
            let shown = snippet(&text, &search);
            prop_assert!(shown.chars().count() <= SNIPPET_CHARACTERS);
            prop_assert!(text == shown || text.contains(shown.trim_start_matches('…').trim_end_matches('…')));
        }
    }
}
