//! Entity tags: the `ETag` of a task, and what `If-Match` and `If-None-Match`
//! say about it (RFC 9110 sections 8.8.3, 13.1.1 and 13.1.2).

use crate::task::{Precondition, Revision, Task};

/// Returns the entity tag of a task. It is strong, because it names exactly one write.
pub(super) fn of(task: &Task) -> String {
    quoted(&task.revision.to_string())
}

/// Returns the strong entity tag with this content.
pub(super) fn quoted(opaque: &str) -> String {
    format!("\"{opaque}\"")
}

/// Optional white space (RFC 9110 section 5.6.3).
const BLANK: [char; 2] = [' ', '\t'];

/// The value of an `If-Match` or `If-None-Match` header.
///
/// ```
/// use shared::http::{self, Body, EntityTags, Request};
///
/// let mut request = Request::new(Body::Empty);
/// request.headers_mut().insert("if-none-match", r#""a", W/"b""#.parse().unwrap());
/// let known = http::if_none_match(&request).unwrap();
/// assert!(matches!(known, Some(EntityTags::List(tags)) if tags.len() == 2));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityTags {
    /// `*`: any version.
    Any,
    /// A list of versions.
    List(Vec<EntityTag>),
}

/// One entity tag of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityTag {
    weak: bool,
    /// The text between the quotes.
    opaque: String,
}

impl EntityTags {
    /// Parses the value of a header. Returns `None` if it does not follow RFC 9110.
    pub(super) fn parse(value: &str) -> Option<EntityTags> {
        if value.trim_matches(BLANK) == "*" {
            return Some(EntityTags::Any);
        }
        let mut tags = Vec::new();
        let mut rest = value.trim_start_matches(BLANK);
        loop {
            // RFC 9110 section 5.6.1: empty list elements do not count.
            rest = rest.trim_start_matches([',', ' ', '\t']);
            if rest.is_empty() {
                break;
            }
            let (weak, quoted) = match rest.strip_prefix("W/") {
                Some(quoted) => (true, quoted),
                None => (false, rest),
            };
            let (opaque, behind) = quoted.strip_prefix('"')?.split_once('"')?;
            if !opaque.bytes().all(|byte| byte.is_ascii_graphic()) {
                return None;
            }
            tags.push(EntityTag { weak, opaque: opaque.to_owned() });
            rest = behind.trim_start_matches(BLANK);
            if !rest.is_empty() && !rest.starts_with(',') {
                return None;
            }
        }
        (!tags.is_empty()).then_some(EntityTags::List(tags))
    }

    /// Returns what a write with these headers requires. `If-Match` compares strongly, so
    /// weak tags never match; `If-None-Match` compares weakly, so they match too.
    pub(super) fn into_precondition(
        if_match: Option<EntityTags>,
        if_none_match: Option<EntityTags>,
    ) -> Precondition {
        let revisions = |tags: Vec<EntityTag>, weak: bool| {
            let fitting = tags.into_iter().filter(|tag| weak || !tag.weak);
            fitting.filter_map(|tag| Revision::parse(&tag.opaque)).collect::<Vec<_>>()
        };
        let excluded = match if_none_match {
            Some(EntityTags::Any) => return Precondition::Absent,
            Some(EntityTags::List(tags)) => Some(revisions(tags, true)),
            None => None,
        };
        match (if_match, excluded) {
            (Some(EntityTags::List(tags)), excluded) => {
                let mut any = revisions(tags, false);
                any.retain(|revision| !excluded.iter().flatten().any(|other| other == revision));
                Precondition::AnyOf(any)
            }
            (_, Some(excluded)) => Precondition::NoneOf(excluded),
            (_, None) => Precondition::Exists,
        }
    }

    /// Whether these tags, in `If-None-Match`, match `tag`. The comparison is weak, so
    /// weak tags match too.
    pub(super) fn contain(&self, tag: &str) -> bool {
        match self {
            EntityTags::Any => true,
            EntityTags::List(tags) => tags.iter().any(|known| quoted(&known.opaque) == tag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "11111111-1111-4111-8111-111111111111";
    const B: &str = "22222222-2222-4222-8222-222222222222";

    fn precondition(value: &str) -> Option<Precondition> {
        EntityTags::parse(value).map(|tags| EntityTags::into_precondition(Some(tags), None))
    }

    fn revisions(any: &[&str]) -> Option<Precondition> {
        Some(Precondition::AnyOf(any.iter().filter_map(|r| Revision::parse(r)).collect()))
    }

    #[test]
    fn a_star_matches_any_version() {
        assert_eq!(precondition("*"), Some(Precondition::Exists));
        assert_eq!(precondition(" * "), Some(Precondition::Exists));
    }

    #[test]
    fn a_list_matches_each_of_its_versions() {
        assert_eq!(precondition(&format!("\"{A}\"")), revisions(&[A]));
        assert_eq!(precondition(&format!("\"{A}\",\"{B}\"")), revisions(&[A, B]));
        assert_eq!(precondition(&format!(", \"{A}\" ,, \"{B}\" ,")), revisions(&[A, B]));
        assert_eq!(precondition(&format!("\"a,b\", \"{A}\"")), revisions(&[A]));
    }

    #[test]
    fn weak_and_foreign_tags_fulfil_no_precondition() {
        assert_eq!(precondition(&format!("W/\"{A}\"")), revisions(&[]));
        assert_eq!(precondition("\"xyzzy\""), revisions(&[]));
        assert_eq!(precondition("\"\""), revisions(&[]));
    }

    #[test]
    fn if_none_match_excludes_the_versions_that_it_names() {
        let both = |if_match: Option<&str>, if_none_match: &str| {
            let if_match = if_match.map(|value| EntityTags::parse(value).unwrap());
            EntityTags::into_precondition(if_match, EntityTags::parse(if_none_match))
        };
        let (a, b) = (format!("\"{A}\""), format!("\"{B}\""));
        let of = |text| Revision::parse(text).unwrap();
        assert_eq!(both(None, "*"), Precondition::Absent);
        assert_eq!(both(Some("*"), "*"), Precondition::Absent);
        assert_eq!(both(None, &a), Precondition::NoneOf(vec![of(A)]));
        assert_eq!(both(Some("*"), &format!("W/{a}")), Precondition::NoneOf(vec![of(A)]));
        assert_eq!(both(Some(&format!("{a}, {b}")), &a), Precondition::AnyOf(vec![of(B)]));
        assert_eq!(both(None, "\"xyzzy\""), Precondition::NoneOf(vec![]));
    }

    #[test]
    fn both_headers_compare_tags_character_by_character() {
        let upper = format!("\"{}\"", "aaaaaaaa-1111-4111-8111-111111111111".to_uppercase());
        assert_eq!(precondition(&upper), revisions(&[]));
    }

    #[test]
    fn a_malformed_value_is_rejected() {
        for value in [
            "",
            " ",
            ",",
            A,
            "\"",
            &format!("\"{A}"),
            &format!("\"{A}\" \"{B}\""),
            "w/\"a\"",
            "*, *",
            "\n*",
            "\u{2003}*",
        ] {
            assert_eq!(EntityTags::parse(value), None, "{value}");
        }
    }
}
