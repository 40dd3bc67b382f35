//! Entity tags: the `ETag` of a task, and what `If-Match` and `If-None-Match`
//! say about it (RFC 9110 sections 8.8.3, 13.1.1 and 13.1.2).

use crate::task::{Precondition, Revision, Task};

/// The entity tag of a task: strong, because it names exactly one write.
pub(super) fn of(task: &Task) -> String {
    quoted(&task.revision.to_string())
}

/// The strong entity tag with this content.
pub(super) fn quoted(opaque: &str) -> String {
    format!("\"{opaque}\"")
}

/// The value of an `If-Match` or `If-None-Match` header.
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
    /// What stands between the quotes.
    opaque: String,
}

impl EntityTags {
    /// The tags of one list element after the other; `None` if the value does
    /// not have the form that RFC 9110 gives it.
    pub(super) fn parse(value: &str) -> Option<EntityTags> {
        if value.trim() == "*" {
            return Some(EntityTags::Any);
        }
        let mut tags = Vec::new();
        let mut rest = value.trim_start();
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
            if opaque.chars().any(|c| c.is_ascii_control() || c == ' ') {
                return None;
            }
            tags.push(EntityTag { weak, opaque: opaque.to_owned() });
            rest = behind.trim_start();
            if !rest.is_empty() && !rest.starts_with(',') {
                return None;
            }
        }
        (!tags.is_empty()).then_some(EntityTags::List(tags))
    }

    /// As `If-Match`: the comparison is strong, so weak tags never match.
    pub(super) fn into_precondition(self) -> Precondition {
        match self {
            EntityTags::Any => Precondition::Exists,
            EntityTags::List(tags) => {
                let strong = tags.iter().filter(|tag| !tag.weak);
                Precondition::Revision(
                    strong.filter_map(|tag| Revision::parse(&tag.opaque)).collect(),
                )
            }
        }
    }

    /// As `If-None-Match`: whether the caller knows the version with this entity
    /// tag. The comparison is weak, so weak tags match too.
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
        EntityTags::parse(value).map(EntityTags::into_precondition)
    }

    fn revisions(any: &[&str]) -> Option<Precondition> {
        Some(Precondition::Revision(any.iter().filter_map(|r| Revision::parse(r)).collect()))
    }

    #[test]
    fn a_star_is_any_version() {
        assert_eq!(precondition("*"), Some(Precondition::Exists));
        assert_eq!(precondition(" * "), Some(Precondition::Exists));
    }

    #[test]
    fn a_list_is_each_of_its_versions() {
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
    fn a_value_of_another_form_is_no_list() {
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
        ] {
            assert_eq!(EntityTags::parse(value), None, "{value}");
        }
    }
}
