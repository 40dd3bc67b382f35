//! The labels of a task.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::Value;

use super::fold::fold;

/// The most labels of a task.
pub const MAX_LABELS: usize = 20;

/// The longest label, in Unicode scalar values.
pub const MAX_LABEL_CHARS: usize = 50;

/// The labels of a task, in the order given: at most [`MAX_LABELS`] of 1 to
/// [`MAX_LABEL_CHARS`] characters, without space around them. Labels that differ only in case
/// or accents are the same, so a task has only the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Labels(Vec<String>);

/// Returns what labels are compared by.
pub(super) fn label_key(label: &str) -> String {
    let folded = fold(label);
    if folded.is_empty() { label.to_owned() } else { folded }
}

impl Labels {
    /// Returns these labels.
    ///
    /// # Errors
    ///
    /// What is wrong with them, as the end of a sentence that begins with the field.
    pub fn new(texts: Vec<String>) -> Result<Labels, String> {
        // A set, because a hostile batch has a hundred thousand of them.
        let (mut labels, mut known) = (Vec::new(), HashSet::new());
        for text in texts {
            let label = text.trim();
            if label.is_empty() {
                return Err("must not contain an empty label".to_owned());
            }
            let count = label.chars().count();
            if count > MAX_LABEL_CHARS {
                return Err(format!(
                    "must contain labels of at most {MAX_LABEL_CHARS} characters, not {count}"
                ));
            }
            if known.insert(label_key(label)) {
                labels.push(label.to_owned());
            }
        }
        match labels.len() {
            0..=MAX_LABELS => Ok(Labels(labels)),
            count => Err(format!("must be at most {MAX_LABELS}, not {count}")),
        }
    }

    /// Parses labels that are not `null`.
    pub(super) fn parse(value: Value) -> Result<Labels, String> {
        match serde_json::from_value(value) {
            Ok(texts) => Labels::new(texts),
            Err(_) => Err("must be an array of strings, or null".to_owned()),
        }
    }

    /// Returns stored labels, which were parsed before.
    pub(crate) fn stored(labels: Vec<String>) -> Labels {
        Labels(labels)
    }

    /// Returns the labels.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(value: Value) -> Result<Vec<String>, String> {
        Labels::parse(value).map(|labels| labels.0)
    }

    #[test]
    fn labels_are_trimmed_and_keep_their_order_and_first_spelling() {
        let labels = parsed(json!([" Work\t", "café", "WORK", "home", "CAFE\u{301}", "Straße"]));
        assert_eq!(labels.unwrap(), ["Work", "café", "home", "Straße"]);
        assert_eq!(parsed(json!([])).unwrap(), [""; 0]);
    }

    #[test]
    fn labels_without_any_letter_are_compared_as_they_are() {
        let labels = parsed(json!(["\u{200b}", "\u{301}", "\u{200b}", "👋\u{fe0f}", "👋"]));
        assert_eq!(labels.unwrap(), ["\u{200b}", "\u{301}", "👋\u{fe0f}"]);
    }

    #[test]
    fn the_error_says_what_is_wrong_with_labels() {
        let many: Vec<String> = (0..=MAX_LABELS).map(|number| number.to_string()).collect();
        let twice: Vec<&String> = many[1..].iter().chain(&many[1..]).collect();
        assert_eq!(parsed(json!(twice)).unwrap().len(), MAX_LABELS);
        for (value, error) in [
            (json!("work"), "must be an array of strings, or null"),
            (json!(["work", 5]), "must be an array of strings, or null"),
            (json!([null]), "must be an array of strings, or null"),
            (json!(["work", " \u{3000}"]), "must not contain an empty label"),
            (json!(["é".repeat(51)]), "must contain labels of at most 50 characters, not 51"),
            (json!(many), "must be at most 20, not 21"),
        ] {
            assert_eq!(parsed(value).unwrap_err(), error);
        }
        assert!(parsed(json!(["é".repeat(50)])).is_ok());
    }
}
