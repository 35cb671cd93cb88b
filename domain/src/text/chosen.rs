//! Names that somebody chooses now. What was stored was chosen under the rules of its time, so these are not asked of it again.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::{DisplayName, TextError};

/// Most marks on one letter: no script needs more, and with enough of them a name covers what is above and below it.
const MARKS: usize = 4;

impl DisplayName {
    /// A name for others to see: composed (NFC), and with nothing in it that they cannot see, or that turns what comes after it around.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn choose(text: &str) -> Result<Self, TextError> {
        // Composing makes nothing longer than it may be that was far from it, so what is endless is not composed.
        let name = if text.len() <= 4_096 { Self::parse(&text.nfc().collect::<String>())? } else { Self::parse(text)? };
        let malformed = |rule| Err(TextError::Malformed { field: "display_name", rule });
        let characters: Vec<char> = name.as_str().chars().collect();
        for (place, character) in characters.iter().enumerate() {
            let joins = matches!(character, '\u{200c}' | '\u{200d}');
            let joined = |neighbour: Option<&char>| neighbour.is_some_and(|c| !c.is_ascii() && !c.is_whitespace() && !is_unseen(*c));
            let between = place.checked_sub(1).is_some_and(|before| joined(characters.get(before))) && joined(characters.get(place + 1));
            if is_unseen(*character) && !(joins && between) {
                return malformed("must not have invisible characters, or such as change the direction");
            }
        }
        if characters.windows(MARKS + 1).any(|run| run.iter().all(|c| is_combining_mark(*c))) {
            return malformed("must not have more than four marks on one letter");
        }
        Ok(name)
    }
}

/// Takes no place, or a blank one, or only says how others are shown.
const fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_composed() {
        let (composed, apart) = ("Zo\u{eb}", "Zoe\u{308}");
        assert_eq!(DisplayName::choose(apart).unwrap().as_str(), composed);
        assert_eq!(DisplayName::choose(composed), DisplayName::choose(apart));
        // 64 of them fit, however they came.
        assert!(DisplayName::choose(&"e\u{308}".repeat(64)).is_ok());
        assert!(DisplayName::choose(&"e\u{308}".repeat(65)).is_err());
        assert!(DisplayName::choose(&"x".repeat(1_000_000)).is_err());
    }

    #[test]
    fn what_cannot_be_seen_is_refused() {
        for hidden in [
            '\u{ad}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{feff}',
            '\u{3164}',
            '\u{2800}',
            '\u{e0041}',
            '\u{2028}',
            '\u{180e}',
            '\0',
            '\n',
        ] {
            for name in [format!("ad{hidden}min"), format!("x{hidden}admin"), format!("admin{hidden}x"), format!("{hidden}{hidden}")] {
                assert!(DisplayName::choose(&name).is_err(), "{name:?}");
            }
        }
        assert!(DisplayName::choose("").is_err() && DisplayName::choose(" \u{2003} ").is_err());
    }

    #[test]
    fn names_of_every_script_are_taken() {
        for name in [
            "Alice Ashgrove",
            "Łukasz",
            "Нина",
            "名無し",
            "علی\u{200c}رضا",
            "क्\u{200d}ष",
            "Nguyễn",
            "O’Neil-Smith",
            "👩\u{200d}🚀 Zoë",
            "สุชาติ",
        ] {
            assert_eq!(DisplayName::choose(name).unwrap().as_str(), name, "{name}");
        }
    }

    #[test]
    fn marks_are_not_piled_up() {
        let piled = |marks: usize| format!("Z{}o", "\u{335}".repeat(marks));
        assert!(DisplayName::choose(&piled(4)).is_ok());
        assert!(DisplayName::choose(&piled(5)).is_err());
    }

    #[test]
    fn what_was_stored_is_read_under_the_rules_of_its_time() {
        let stored: DisplayName = serde_json::from_str("\"ad\u{200b}min\"").unwrap();
        assert_eq!(stored.as_str(), "ad\u{200b}min");
    }
}
