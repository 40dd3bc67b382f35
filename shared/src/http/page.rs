//! One page of a list.

use serde::Serialize;

/// The most bytes of JSON in one page. A Lambda function may reply with 6 MB in total.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const MAX_PAGE_BYTES: usize = 5 * 1024 * 1024;

/// The most bytes of a page inside the function's reply, where it is a JSON string.
/// This leaves room for the headers.
pub(super) const MAX_EMBEDDED_BYTES: usize = 6_000_000;

/// Returns how many bytes `text` takes, at most, inside the function's reply. There, it is a
/// JSON string, so each `"` and `\` takes two bytes, and each control character up to six.
#[cfg(feature = "export")]
pub(super) fn embedded_bytes(text: &[u8]) -> usize {
    text.len() + escapes(text) + 5 * text.iter().filter(|byte| **byte < b' ').count()
}

/// Returns how many bytes escaping adds to JSON, which has no control characters.
fn escapes(json: &[u8]) -> usize {
    json.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count()
}

/// The body of a page: as many tasks or changes as fit into one reply. Each is serialized as it
/// arrives, so the page is in memory only once.
#[derive(Debug)]
pub struct Page {
    /// A JSON array without its closing bracket.
    json: Vec<u8>,
    /// Its length inside the function's reply, in bytes.
    embedded: usize,
}

impl Default for Page {
    fn default() -> Page {
        Page { json: vec![b'['], embedded: 2 }
    }
}

impl Page {
    /// Adds a task or a change. Returns `false` if it does not fit.
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "writing to memory")]
    pub fn push(&mut self, entry: &impl Serialize) -> bool {
        let start = self.json.len();
        if start > 1 {
            self.json.push(b',');
        }
        serde_json::to_writer(&mut self.json, entry).expect("an entry that JSON can hold");
        let json = &self.json[start..];
        let embedded = self.embedded + json.len() + escapes(json);
        if self.json.len() >= MAX_PAGE_BYTES || embedded > MAX_EMBEDDED_BYTES {
            self.json.truncate(start);
            return false;
        }
        self.embedded = embedded;
        true
    }

    /// Returns the JSON array.
    #[must_use]
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "serde_json writes UTF-8")]
    pub fn into_json(mut self) -> String {
        self.json.push(b']');
        String::from_utf8(self.json).expect("JSON in UTF-8")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{NewTask, Task, TaskId};

    fn task(description: String) -> Task {
        let new = NewTask { description: Some(description), ..NewTask::titled("t") };
        Task::with_id(TaskId::new(), "user_a", new)
    }

    fn fill(task: &Task) -> (usize, String) {
        let mut page = Page::default();
        let mut count = 0;
        while page.push(task) {
            count += 1;
        }
        (count, page.into_json())
    }

    #[test]
    fn a_page_ends_before_the_task_that_does_not_fit() {
        let (count, json) = fill(&task("x".repeat(1000)));
        assert!(json.len() <= MAX_PAGE_BYTES);
        assert!(json.len() > MAX_PAGE_BYTES - 2000);
        let tasks: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
        assert_eq!(tasks.len(), count);
    }

    #[test]
    fn what_escaping_adds_to_the_reply_counts_too() {
        let (_, json) = fill(&task("\"".repeat(1000)));
        let reply = serde_json::to_string(&json).unwrap();
        assert!(reply.len() <= MAX_EMBEDDED_BYTES + 2, "{}", reply.len());
        assert!(reply.len() > MAX_EMBEDDED_BYTES - 6000, "{}", reply.len());
    }

    #[test]
    fn an_empty_page_is_an_empty_array() {
        assert_eq!(Page::default().into_json(), "[]");
    }
}
