//! Cursors: where a list goes on.
//!
//! A cursor is the position of the last row that was given out, together with
//! the list it belongs to, as JSON in base64url. It is not secret and not
//! signed, because it can do no harm: the user always comes from the token,
//! and a position is only a place to start in that user's own list.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::item::UNDATED;
use super::title_key::MAX_TITLE_KEY_BYTES;
use super::walk::{Position, SortKey};
use crate::task::{ListQuery, Sort, TaskId, Timestamp};

/// The form of the cursors below. A cursor of another version is refused.
const VERSION: u8 = 1;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Cursor {
    #[serde(rename = "v")]
    version: u8,
    #[serde(flatten)]
    list: List,
    /// The sort key: base64url of a title key, or a due key as it is.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(rename = "i")]
    id: String,
}

/// The parameters that a cursor is bound to.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct List {
    status: String,
    sort: String,
    order: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_after: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_before: Option<String>,
}

impl List {
    fn of(query: &ListQuery) -> List {
        List {
            status: query.status.as_str().to_owned(),
            sort: query.sort.as_str().to_owned(),
            order: query.order.as_str().to_owned(),
            due_after: query.window.after.map(|moment| moment.to_string()),
            due_before: query.window.before.map(|moment| moment.to_string()),
        }
    }
}

/// The cursor that goes on behind `position` in the list of `query`.
pub(super) fn encode(query: &ListQuery, position: &Position) -> String {
    let key = match &position.key {
        SortKey::Created => None,
        SortKey::Title(key) => Some(BASE64.encode(key)),
        SortKey::Due(key) => Some(key.clone()),
    };
    let id = position.id.to_string();
    let cursor = Cursor { version: VERSION, list: List::of(query), key, id };
    #[expect(clippy::expect_used, reason = "structs of strings and numbers cannot fail")]
    let json = serde_json::to_vec(&cursor).expect("a cursor that JSON can hold");
    BASE64.encode(json)
}

/// The position in `text`, if that is a cursor for the list of `query`.
pub(super) fn decode(text: &str, query: &ListQuery) -> Result<Position, StoreError> {
    parse(text, query).ok_or(StoreError::BadCursor)
}

fn parse(text: &str, query: &ListQuery) -> Option<Position> {
    let json = BASE64.decode(text).ok()?;
    let cursor: Cursor = serde_json::from_slice(&json).ok()?;
    if cursor.version != VERSION || cursor.list != List::of(query) {
        return None;
    }
    let key = match (query.sort, cursor.key) {
        (Sort::Created, None) => SortKey::Created,
        (Sort::Title, Some(key)) => {
            let key = BASE64.decode(key).ok()?;
            (1..=MAX_TITLE_KEY_BYTES).contains(&key.len()).then_some(SortKey::Title(key))?
        }
        (Sort::DueDate, Some(key)) => {
            let is_key = key == UNDATED
                || Timestamp::parse(&key).is_some_and(|moment| moment.to_string() == key);
            // DynamoDB refuses to start outside of the range that it reads.
            (is_key && query.window.contains_key(&key)).then_some(SortKey::Due(key))?
        }
        _ => return None,
    };
    Some(Position { key, id: TaskId::parse(&cursor.id)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Order, Status, Window};

    fn query(sort: Sort) -> ListQuery {
        ListQuery { sort, ..ListQuery::default() }
    }

    fn position(key: SortKey) -> Position {
        Position { key, id: TaskId::new() }
    }

    fn due(text: &str) -> Position {
        position(SortKey::Due(text.into()))
    }

    #[test]
    fn a_cursor_gives_its_position_back() {
        for (sort, key) in [
            (Sort::Created, SortKey::Created),
            (Sort::Title, SortKey::Title(vec![0, 255, 7])),
            (Sort::DueDate, SortKey::Due("2027-02-10T00:00:00.000Z".into())),
            (Sort::DueDate, SortKey::Due(UNDATED.into())),
        ] {
            let position = position(key);
            let text = encode(&query(sort), &position);
            assert_eq!(decode(&text, &query(sort)).unwrap(), position);
        }
    }

    #[test]
    fn a_cursor_is_bound_to_its_list() {
        let bound = query(Sort::DueDate);
        let text = encode(&bound, &due("2027-02-10T00:00:00.000Z"));
        let after = Timestamp::parse("2027-01-01");
        for other in [
            query(Sort::Created),
            query(Sort::Title),
            ListQuery { status: Status::Pending, ..bound.clone() },
            ListQuery { order: Order::Asc, ..bound.clone() },
            ListQuery { window: Window { after, before: None }, ..bound.clone() },
        ] {
            assert!(decode(&text, &other).is_err(), "{other:?}");
        }
        assert!(decode(&text, &ListQuery { limit: Some(3), ..bound }).is_ok());
    }

    #[test]
    fn a_made_up_cursor_is_refused() {
        let title = query(Sort::Title);
        let good = encode(&title, &position(SortKey::Title(vec![1])));
        let json = String::from_utf8(BASE64.decode(&good).unwrap()).unwrap();
        for forged in [
            json.replace("\"v\":1", "\"v\":2"),
            json.replace("\"k\":\"AQ\"", "\"k\":\"\""),
            json.replace("\"k\":\"AQ\"", "\"k\":\"!\""),
            json.replace("\"k\":\"AQ\",", ""),
            json.replace("\"k\":\"AQ\"", &format!("\"k\":\"{}\"", "A".repeat(1204))),
            json.replace("\"i\":\"", "\"i\":\"x"),
            "[]".into(),
            String::new(),
        ] {
            assert_ne!(forged, json);
            assert!(decode(&BASE64.encode(&forged), &title).is_err(), "{forged}");
        }
        for text in ["", "!", &good[..good.len() - 1], &format!("{good}=")] {
            assert!(decode(text, &title).is_err(), "{text}");
        }
    }

    #[test]
    fn a_position_outside_of_the_window_is_refused() {
        let window = Window {
            after: Timestamp::parse("2027-01-01"),
            before: Timestamp::parse("2027-02-01"),
        };
        let query = ListQuery { window, ..query(Sort::DueDate) };
        let decodes = |key| decode(&encode(&query, &due(key)), &query).is_ok();
        assert!(decodes("2027-01-01T00:00:00.000Z"));
        assert!(!decodes("2027-02-01T00:00:00.000Z"));
        assert!(!decodes("2026-12-31T23:59:59.999Z"));
        assert!(!decodes(UNDATED));
        assert!(!decodes("soon"));
    }
}
