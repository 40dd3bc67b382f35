//! The rules for each field. Each rule parses what a client sent and collects what is
//! wrong with it, so that all broken rules are reported at once.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Labels, Priority};

/// The longest title, in Unicode scalar values.
pub const MAX_TITLE_CHARS: usize = 200;

/// The longest description, in Unicode scalar values.
pub const MAX_DESCRIPTION_CHARS: usize = 1000;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The name of the field or query parameter.
    pub field: Cow<'static, str>,
    /// What is wrong with it: the end of a sentence that begins with the field.
    pub detail: String,
}

/// Input that breaks at least one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// All the broken rules.
    pub errors: Vec<FieldError>,
}

/// One line, such as `title is required; priority must be a text`.
impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, FieldError { field, detail }) in self.errors.iter().enumerate() {
            let separator = if index > 0 { "; " } else { "" };
            write!(f, "{separator}{field} {detail}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
impl Invalid {
    /// Returns the errors as sentences.
    pub(super) fn texts(self) -> Vec<String> {
        let alone = |error| Invalid { errors: vec![error] }.to_string();
        self.errors.into_iter().map(alone).collect()
    }
}

/// What a client sent for one field. Absent, `null` and a value are all different.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Sent {
    /// The field is absent.
    #[default]
    Absent,
    /// The field is `null`.
    Null,
    /// The field has a value, of any type.
    Value(Value),
}

// Use with `#[serde(default)]`: serde does not call this for an absent field.
impl<'de> Deserialize<'de> for Sent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::Null => Sent::Null,
            value => Sent::Value(value),
        })
    }
}

/// Collects broken rules.
#[derive(Default)]
pub(super) struct Rules {
    errors: Vec<FieldError>,
}

impl Rules {
    pub(super) fn broken(&mut self, field: &'static str, detail: impl Into<String>) {
        self.errors.push(FieldError { field: field.into(), detail: detail.into() });
    }

    /// Returns `value` if no rule was broken.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Invalid> {
        if self.errors.is_empty() { Ok(value) } else { Err(Invalid { errors: self.errors }) }
    }

    /// Parses a title. Returns `None` if it is absent or invalid.
    pub(super) fn title(&mut self, sent: Sent) -> Option<String> {
        let title = match sent {
            Sent::Absent => return None,
            Sent::Value(Value::String(title)) => title,
            Sent::Null => return self.refuse("title", "must not be null"),
            Sent::Value(_) => return self.refuse("title", "must be a string"),
        };
        if title.trim().is_empty() {
            return self.refuse("title", "must not be empty");
        }
        self.within("title", title, MAX_TITLE_CHARS)
    }

    /// Parses a description that is not `null`.
    pub(super) fn description(&mut self, value: Value) -> Option<String> {
        match value {
            Value::String(text) => self.within("description", text, MAX_DESCRIPTION_CHARS),
            _ => self.refuse("description", "must be a string or null"),
        }
    }

    /// Parses a priority that is not `null`.
    pub(super) fn priority(&mut self, value: Value) -> Option<Priority> {
        match value.as_str().and_then(Priority::parse) {
            Some(priority) => Some(priority),
            None => self.refuse("priority", "must be low, medium, high or null"),
        }
    }

    /// Parses labels; `null` is none. Returns `None` if they are absent or invalid.
    pub(super) fn labels(&mut self, sent: Sent) -> Option<Labels> {
        match sent {
            Sent::Absent => None,
            Sent::Null => Some(Labels::default()),
            Sent::Value(value) => match Labels::parse(value) {
                Ok(labels) => Some(labels),
                Err(detail) => self.refuse("labels", detail),
            },
        }
    }

    /// Parses a completion. Returns `None` if it is absent or invalid.
    pub(super) fn completed(&mut self, sent: Sent) -> Option<bool> {
        match sent {
            Sent::Absent => None,
            Sent::Value(Value::Bool(completed)) => Some(completed),
            Sent::Null | Sent::Value(_) => self.refuse("completed", TRUE_OR_FALSE),
        }
    }

    fn within(&mut self, field: &'static str, text: String, most: usize) -> Option<String> {
        match text.chars().count() {
            count if count <= most => Some(text),
            count => {
                self.refuse(field, format!("must have at most {most} characters, not {count}"))
            }
        }
    }

    pub(super) fn refuse<T>(
        &mut self,
        field: &'static str,
        detail: impl Into<String>,
    ) -> Option<T> {
        self.broken(field, detail);
        None
    }
}

/// The rule for a flag.
pub(crate) const TRUE_OR_FALSE: &str = "must be true or false";

/// The rule for a moment.
pub(super) const MOMENT: &str = "must be an RFC 3339 date or time in the years 0001 to 9999, \
     such as 2027-02-10 or 2027-02-10T09:00:00Z";
