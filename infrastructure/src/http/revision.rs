//! Revisions, as HTTP says them: `ETag: "3"` with what can be changed, `If-Match: "3"` with a change that is meant for just that.

use posthaste_application::problem::{Code, Problem};

use super::problem::ApiError;

/// The entity tag of a revision.
pub(super) fn tag(revision: u32) -> String {
    format!("\"{revision}\"")
}

/// The revision that a change is meant for; any when `If-Match` is absent or `*`.
///
/// # Errors
/// It is no tag of ours. A list of tags is none either: what is changed had one revision when it was looked at.
pub(super) fn expected(if_match: Option<String>) -> Result<Option<u32>, ApiError> {
    let Some(text) = if_match.filter(|text| text != "*") else { return Ok(None) };
    let revision = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|text| text.parse().ok());
    match revision.filter(|revision| tag(*revision) == text) {
        Some(revision) => Ok(Some(revision)),
        None => Err(Problem::with(Code::Validation, "`If-Match` must be the `ETag` of what is changed, such as \"3\"").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_comes_back_as_the_revision() {
        for revision in [0, 1, 3, u32::MAX] {
            assert_eq!(expected(Some(tag(revision))).unwrap(), Some(revision));
        }
        assert_eq!(expected(None).unwrap(), None);
        assert_eq!(expected(Some("*".to_owned())).unwrap(), None);
    }

    #[test]
    fn what_is_no_tag_of_ours_is_told_so() {
        for text in ["", "3", "\"", "\"\"", "\"+3\"", "\"03\"", "W/\"3\"", "\"3\", \"4\"", "\"4294967296\"", "\"three\""] {
            let problem = expected(Some(text.to_owned())).unwrap_err().0;
            assert_eq!(problem.code, Code::Validation, "{text}");
        }
    }
}
