//! Arguments of any type, so that the error for a wrong one names it.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Refusal;

/// An argument; `null` is as if it were absent.
#[derive(Default, Deserialize, PartialEq)]
#[serde(transparent)]
pub(super) struct Argument(Option<Value>);

impl Argument {
    pub(super) fn is_absent(&self) -> bool {
        self.0.is_none()
    }

    /// Returns a string.
    pub(super) fn text(self, name: &str) -> Result<Option<String>, Refusal> {
        match self.0 {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{name} must be a string")),
        }
    }

    /// Returns an array of strings.
    pub(super) fn texts(self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        let wrong = || format!("{name} must be an array of strings");
        match self.0 {
            None => Ok(None),
            Some(Value::Array(values)) => {
                let text = |value: Value| value.as_str().map(str::to_owned).ok_or_else(wrong);
                values.into_iter().map(text).collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Err(wrong()),
        }
    }

    /// Returns a whole number.
    pub(super) fn whole(self, name: &str) -> Result<Option<u64>, Refusal> {
        match self.0 {
            None => Ok(None),
            Some(value) => {
                // JSON does not tell 10 from 10.0.
                let whole =
                    value.as_f64().filter(|it| it.fract() == 0.0 && (0.0..1e9).contains(it));
                let whole = whole.ok_or_else(|| format!("{name} must be a whole number"))?;
                Ok(Some(whole as u64))
            }
        }
    }
}

/// Returns the elements of `tasks`, as they were sent.
pub(super) fn elements(tasks: &RawValue) -> Result<Vec<&RawValue>, Refusal> {
    serde_json::from_str(tasks.get()).map_err(|_| "tasks must be an array".to_owned())
}
