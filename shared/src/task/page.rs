//! One page of a list.

use super::{ListQuery, Task};

/// The most bytes of JSON in one page: a Lambda function may answer with 6 MB
/// in all.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const MAX_PAGE_BYTES: usize = 5 * 1024 * 1024;

/// The most bytes of a page inside the function's answer, where the page is a
/// JSON string and so each `"` and `\` takes two. Leaves room for the headers.
const MAX_EMBEDDED_BYTES: usize = 6_000_000;

/// One page of a list, ready to be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// The tasks as a JSON array.
    pub json: String,
    /// The question of the next page; `None` if this is the last.
    pub next: Option<ListQuery>,
}

/// Collects tasks until a page is full. Each task is written as it comes, so
/// that a page is in memory only once.
#[derive(Debug)]
pub struct PageBuilder {
    json: Vec<u8>,
    embedded: usize,
    count: usize,
    limit: usize,
}

impl PageBuilder {
    /// An empty page of at most `limit` tasks, or of as many as fit.
    #[must_use]
    pub fn new(limit: Option<usize>) -> PageBuilder {
        PageBuilder { json: vec![b'['], embedded: 2, count: 0, limit: limit.unwrap_or(usize::MAX) }
    }

    /// Adds `task`; `false` if the page is full.
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "writing to memory")]
    pub fn push(&mut self, task: &Task) -> bool {
        if self.count == self.limit {
            return false;
        }
        let start = self.json.len();
        if self.count > 0 {
            self.json.push(b',');
        }
        serde_json::to_writer(&mut self.json, task).expect("a task that JSON can hold");
        let escapes = self.json[start..].iter().filter(|byte| matches!(byte, b'"' | b'\\'));
        let embedded = self.embedded + (self.json.len() - start) + escapes.count();
        if self.json.len() >= MAX_PAGE_BYTES || embedded > MAX_EMBEDDED_BYTES {
            self.json.truncate(start);
            return false;
        }
        self.embedded = embedded;
        self.count += 1;
        true
    }

    /// The page, and the question of the next one.
    #[must_use]
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "serde_json writes UTF-8")]
    pub fn finish(mut self, next: Option<ListQuery>) -> Page {
        self.json.push(b']');
        Page { json: String::from_utf8(self.json).expect("JSON in UTF-8"), next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{NewTask, Task};

    fn task(description: String) -> Task {
        let new = NewTask {
            title: "t".into(),
            description: Some(description),
            priority: None,
            due_date: None,
        };
        Task::new("user_a", new)
    }

    fn fill(task: &Task) -> (usize, Page) {
        let mut page = PageBuilder::new(None);
        let mut count = 0;
        while page.push(task) {
            count += 1;
        }
        (count, page.finish(None))
    }

    #[test]
    fn a_page_ends_before_the_task_that_does_not_fit() {
        let (count, page) = fill(&task("x".repeat(1000)));
        assert!(page.json.len() <= MAX_PAGE_BYTES);
        assert!(page.json.len() > MAX_PAGE_BYTES - 2000);
        let tasks: Vec<serde_json::Value> = serde_json::from_str(&page.json).unwrap();
        assert_eq!(tasks.len(), count);
    }

    #[test]
    fn what_escaping_adds_to_the_answer_counts_too() {
        let (_, page) = fill(&task("\"".repeat(1000)));
        let answer = serde_json::to_string(&page.json).unwrap();
        assert!(answer.len() <= MAX_EMBEDDED_BYTES + 2, "{}", answer.len());
        assert!(answer.len() > MAX_EMBEDDED_BYTES - 6000, "{}", answer.len());
    }

    #[test]
    fn a_limit_is_kept() {
        let mut page = PageBuilder::new(Some(1));
        assert!(page.push(&task(String::new())));
        assert!(!page.push(&task(String::new())));
    }
}
