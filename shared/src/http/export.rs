//! Files of tasks: JSON, CSV and iCalendar.

mod calendar;
mod csv;

use lambda_http::http::HeaderValue;
use lambda_http::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use lambda_http::{Body, Request};

use super::Response;
use super::page::{MAX_EMBEDDED_BYTES, MAX_PAGE_BYTES, embedded_bytes};
use super::response::{set, set_next, to_json};
use crate::task::{ExportQuery, Format, Task};
use calendar::Zones;

pub use self::csv::{BYTE_ORDER_MARK, COLUMNS};
#[cfg(feature = "tools")]
pub use self::csv::{plain, split_labels};

/// A file of tasks, or one page of it. Pages of CSV are one file when they are joined; those
/// of the other formats are each complete.
#[derive(Debug)]
pub struct Export {
    format: Format,
    is_page: bool,
    is_first: bool,
    tasks: String,
    /// The time zones of tasks in a calendar.
    zones: Zones,
    /// The length of all inside the function's reply, in bytes.
    embedded: usize,
}

impl Export {
    /// Returns a file for any number of tasks.
    #[must_use]
    pub fn whole(format: Format) -> Export {
        Export { is_page: false, ..Export::page(format, true) }
    }

    /// Returns the first page of a file, or a further one, which fits into a reply.
    #[must_use]
    pub fn page(format: Format, is_first: bool) -> Export {
        // Room for what precedes and follows the tasks.
        let (tasks, zones, embedded) = (String::new(), Zones::default(), 1024);
        Export { format, is_page: true, is_first, tasks, zones, embedded }
    }

    /// Adds a task, unless the format leaves it out. Returns `false` if it does not fit.
    pub fn push(&mut self, task: &Task) -> bool {
        if task.deleted_at.is_some() && !self.format.has_trash() {
            return true;
        }
        let (text, zone) = match self.format {
            Format::Json => {
                let comma = if self.tasks.is_empty() { "\n" } else { ",\n" };
                (format!("{comma}{}", to_json(task)), 0)
            }
            Format::Csv => (csv::row(task), 0),
            Format::Ics => (calendar::to_do(task), self.zones.add(task)),
        };
        let embedded = self.embedded + embedded_bytes(text.as_bytes()) + zone;
        let is_too_long = embedded > MAX_EMBEDDED_BYTES
            || self.tasks.len() + self.zones.bytes() + text.len() >= MAX_PAGE_BYTES;
        if self.is_page && is_too_long {
            return false;
        }
        self.embedded = embedded;
        self.tasks.push_str(&text);
        true
    }

    /// Returns the file.
    #[must_use]
    pub fn into_text(self) -> String {
        match self.format {
            Format::Json => ["[", &self.tasks, "\n]\n"].concat(),
            Format::Csv if self.is_first => [csv::HEAD, &self.tasks].concat(),
            Format::Csv => self.tasks,
            Format::Ics => {
                let zones = self.zones.text(self.tasks.is_empty());
                [calendar::HEAD, &zones, &self.tasks, calendar::TAIL].concat()
            }
        }
    }

    fn content_type(&self) -> &'static str {
        match self.format {
            Format::Json => "application/json",
            Format::Csv if self.is_first => "text/csv; charset=utf-8; header=present",
            Format::Csv => "text/csv; charset=utf-8; header=absent",
            Format::Ics => "text/calendar; charset=utf-8",
        }
    }
}

/// 200 with the file `export`, and a `Link` to the `next` page, if there is one.
#[must_use]
pub fn export(request: &Request, export: Export, next: Option<&ExportQuery>) -> Response {
    let content_type = HeaderValue::from_static(export.content_type());
    let name = format!("attachment; filename=\"tasks.{}\"", export.format.as_str());
    let mut response = Response::new(Body::Text(export.into_text()));
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    set(&mut response, CONTENT_DISPOSITION, &name);
    if let Some(ExportQuery { format, limit, cursor }) = next {
        let mut target = form_urlencoded::Serializer::new(String::new());
        target.append_pair("format", format.as_str());
        if let Some(limit) = limit {
            target.append_pair("limit", &limit.to_string());
        }
        if let Some(cursor) = cursor {
            target.append_pair("cursor", &cursor.to_string());
        }
        set_next(&mut response, request, &target.finish());
    }
    response
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::task::{NewTask, NewTaskInput, TaskId};

    const FORMATS: [Format; 3] = [Format::Json, Format::Csv, Format::Ics];

    fn task(new: NewTask) -> Task {
        Task::with_id(TaskId::new(), "user_a", new)
    }

    #[test]
    fn a_page_ends_before_the_task_that_does_not_fit_into_a_reply() {
        // No character becomes longer in JSON.
        let description = Some("\u{1}".repeat(1000));
        let task = task(NewTask { description, ..NewTask::titled("\u{1}".repeat(200)) });
        for format in FORMATS {
            let mut page = Export::page(format, true);
            let mut count = 0;
            while page.push(&task) {
                count += 1;
            }
            let text = page.into_text();
            let reply = serde_json::to_string(&text).unwrap();
            assert!(text.len() <= MAX_PAGE_BYTES + 1024 && reply.len() <= 6_000_000);
            assert!(count > 600, "{format:?}: {count}");
        }
    }

    #[test]
    fn time_zones_count_too() {
        let due =
            |year| json!({"local": format!("{year}-07-10T09:00"), "time_zone": "Europe/Berlin"});
        let task = |year| {
            let input = json!({"title": "t", "due": due(year)});
            let input: NewTaskInput = serde_json::from_value(input).unwrap();
            task(NewTask::try_from(input).unwrap())
        };
        // Each year has an observance of its own.
        let mut zones = Zones::default();
        let added: usize = (1981..2381).map(|year| zones.add(&task(year))).sum();
        assert_eq!(added, zones.bytes());
        assert_eq!(zones.add(&task(2000)), 0);
        let text = zones.text(false);
        assert_eq!(text.matches("BEGIN:DAYLIGHT").count(), 400);
        assert!(text.len() <= added, "{} {added}", text.len());
    }
}
