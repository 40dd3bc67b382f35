//! The result of a call.

use serde::Serialize;
use serde_json::value::RawValue;

/// What `tools/call` returns: the result as data, and the same as text, for clients and models
/// that read only that.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallResult {
    content: [Text; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: Option<Box<RawValue>>,
    is_error: bool,
}

#[derive(Debug, Serialize)]
struct Text {
    r#type: &'static str,
    text: String,
}

impl CallResult {
    /// Returns `value` as a result.
    pub(crate) fn of(value: &impl Serialize, is_error: bool) -> CallResult {
        let json = serde_json::value::to_raw_value(value).ok();
        let text = json.as_ref().map(|json| json.get().to_owned()).unwrap_or_default();
        CallResult { content: [Text { r#type: "text", text }], structured_content: json, is_error }
    }

    /// Returns why a call was refused, so that the model can correct it.
    pub(crate) fn refused(why: &str, is_read_only: bool) -> CallResult {
        let text = if is_read_only { why.to_owned() } else { format!("Nothing was done: {why}") };
        CallResult {
            content: [Text { r#type: "text", text }],
            structured_content: None,
            is_error: true,
        }
    }
}
