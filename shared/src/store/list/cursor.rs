//! Cursors: where the next page of a list starts.
//!
//! A cursor is the position of the last row that was returned, as JSON in base64url. It
//! belongs to one list of one user and is rejected for any other. It is neither secret
//! nor signed, because it can do no harm: the user always comes from the token, and a
//! position is only a place to start in that user's own list.
//!
//! Cursors outlive deployments. Members are only ever added, as optional ones, and
//! unknown members are ignored, so old and new functions accept each other's cursors. Any
//! other change needs a new [`VERSION`].

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use super::range::{Position, SortKey};
use crate::auth::User;
use crate::store::error::StoreError;
use crate::store::hash::tag;
use crate::store::item::UNDATED;
use crate::store::title_key::MAX_TITLE_KEY_BYTES;
use crate::task::{Filter, ListQuery, Sort, TaskId, Timestamp, Window};

/// The version of the cursor format. Cursors of other versions are rejected.
const VERSION: u8 = 1;

/// The version for lists with a filter or a time zone, which functions of the version before
/// do not know: they would go on with the whole list.
const VERSION_FILTERED: u8 = 2;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Cursor {
    #[serde(rename = "v")]
    version: u8,
    /// The owner of the list, hashed: cursors are in URLs, and URLs are in logs.
    #[serde(rename = "u")]
    user: String,
    #[serde(flatten)]
    list: List,
    /// The sort key: base64url of a title key, or a due key as it is.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(rename = "i")]
    id: String,
    /// The end of time, in milliseconds since 1970. Functions of the previous version
    /// require it, and leave out of a list what was moved after it.
    #[serde(rename = "t", skip_deserializing)]
    never: u64,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    /// The filter, hashed: it can be as long as a URL.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
}

impl List {
    fn of(query: &ListQuery) -> List {
        let ListQuery { status, sort, order, window, filter, limit: _, cursor: _ } = query;
        let mut bounds: HashMap<_, _> = window.parameters().collect();
        List {
            status: status.as_str().to_owned(),
            sort: sort.as_str().to_owned(),
            order: order.as_str().to_owned(),
            due_after: bounds.remove("due_after"),
            due_before: bounds.remove("due_before"),
            time_zone: bounds.remove("time_zone"),
            filter: (!filter.is_empty()).then(|| filter_tag(filter)),
        }
    }
}

fn user_tag(user: &User) -> String {
    tag(&[b"cursor", user.id().as_bytes()])
}

fn version(query: &ListQuery) -> u8 {
    if query.is_filtered() { VERSION_FILTERED } else { VERSION }
}

fn filter_tag(filter: &Filter) -> String {
    let parts: Vec<&[u8]> =
        filter.keys().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]).collect();
    tag(&parts)
}

/// Encodes the cursor with which `user` continues the list of `query` after `position`.
pub(super) fn encode(user: &User, query: &ListQuery, position: &Position) -> String {
    let key = match &position.key {
        SortKey::Created => None,
        SortKey::Title(key) => Some(BASE64.encode(key)),
        SortKey::Due(key) | SortKey::Deleted(key) => Some(key.clone()),
    };
    let cursor = Cursor {
        version: version(query),
        user: user_tag(user),
        list: List::of(query),
        key,
        id: position.id.to_string(),
        never: Timestamp::MAX.unix_millis().unsigned_abs(),
    };
    #[expect(clippy::expect_used, reason = "structs of strings and numbers cannot fail")]
    let json = serde_json::to_vec(&cursor).expect("a cursor that JSON can hold");
    BASE64.encode(json)
}

/// Decodes the position in the list of `query`, if `text` is a cursor of `user` for it.
pub(super) fn decode(text: &str, user: &User, query: &ListQuery) -> Result<Position, StoreError> {
    parse(text, user, query).ok_or(StoreError::BadCursor)
}

fn parse(text: &str, user: &User, query: &ListQuery) -> Option<Position> {
    let json = BASE64.decode(text).ok()?;
    let cursor: Cursor = serde_json::from_slice(&json).ok()?;
    let is_theirs = cursor.user == user_tag(user) && cursor.list == List::of(query);
    if cursor.version != version(query) || !is_theirs {
        return None;
    }
    let key = match (query.sort, cursor.key) {
        (Sort::Created, None) => SortKey::Created,
        (Sort::Title, Some(key)) => {
            let key = BASE64.decode(key).ok()?;
            (1..=MAX_TITLE_KEY_BYTES).contains(&key.len()).then_some(SortKey::Title(key))?
        }
        (Sort::DueDate, Some(key)) => {
            // DynamoDB rejects a start key outside of the range that it reads.
            is_in_range(&key, &query.window).then_some(SortKey::Due(key))?
        }
        (Sort::Deleted, Some(key)) => is_moment(&key).then_some(SortKey::Deleted(key))?,
        _ => return None,
    };
    Some(Position { key, id: TaskId::parse(&cursor.id)? })
}

/// Whether the list of tasks that are due in `window` reads tasks with this due key.
fn is_in_range(key: &str, window: &Window) -> bool {
    if key == UNDATED {
        return !window.is_bounded();
    }
    let within = |key| window.reach().is_some_and(|(first, last)| first <= key && key <= last);
    is_moment(key) && Timestamp::parse(key).is_some_and(within)
}

/// Whether `key` is a moment as this API writes it.
fn is_moment(key: &str) -> bool {
    Timestamp::parse(key).is_some_and(|moment| moment.to_string() == key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Order, Status, TimeZone};

    const BOB: &str = "bob";

    fn query(sort: Sort) -> ListQuery {
        ListQuery { sort, ..ListQuery::default() }
    }

    fn at(key: SortKey) -> Position {
        Position { key, id: TaskId::new() }
    }

    fn due(text: &str) -> Position {
        at(SortKey::Due(text.into()))
    }

    fn encode(query: &ListQuery, position: &Position) -> String {
        super::encode(&User::named(BOB), query, position)
    }

    fn decode(text: &str, query: &ListQuery) -> Result<Position, StoreError> {
        super::decode(text, &User::named(BOB), query)
    }

    #[test]
    fn a_cursor_decodes_to_its_position() {
        for (sort, key) in [
            (Sort::Created, SortKey::Created),
            (Sort::Title, SortKey::Title(vec![0, 255, 7])),
            (Sort::DueDate, SortKey::Due("2027-02-10T00:00:00.000Z".into())),
            (Sort::DueDate, SortKey::Due(UNDATED.into())),
            (Sort::Deleted, SortKey::Deleted("2027-02-10T00:00:00.000Z".into())),
        ] {
            let position = at(key);
            let text = encode(&query(sort), &position);
            assert_eq!(decode(&text, &query(sort)).unwrap(), position);
        }
    }

    #[test]
    fn a_cursor_is_bound_to_its_list_and_its_user() {
        let bound = query(Sort::DueDate);
        let text = encode(&bound, &due("2027-02-10T00:00:00.000Z"));
        let zone = TimeZone::find("Asia/Tokyo");
        let window = |zone| Window::parse(Some("2027-01-01"), None, zone).unwrap();
        for other in [
            query(Sort::Created),
            query(Sort::Title),
            ListQuery { status: Status::Pending, ..bound.clone() },
            ListQuery { order: Order::Asc, ..bound.clone() },
            ListQuery { window: window(None), ..bound.clone() },
        ] {
            assert!(decode(&text, &other).is_err(), "{other:?}");
        }
        assert!(super::decode(&text, &User::named("alice"), &bound).is_err());
        let local = ListQuery { window: window(zone), ..bound.clone() };
        let in_utc = ListQuery { window: window(None), ..bound.clone() };
        let text_of_local = encode(&local, &due("2027-02-10T00:00:00.000Z"));
        assert!(decode(&text_of_local, &local).is_ok());
        assert!(decode(&text_of_local, &in_utc).is_err());
        let json = String::from_utf8(BASE64.decode(&text_of_local).unwrap()).unwrap();
        assert!(json.starts_with("{\"v\":2,"), "earlier versions reject it");
        assert!(decode(&text, &ListQuery { limit: Some(3), ..bound }).is_ok());
    }

    #[test]
    fn a_cursor_outlives_a_deployment() {
        let today = r#"{"v":1,"u":"rDjI","status":"all","sort":"title","order":"asc","k":"AQ","i":"01a1f8c8-b570-72e1-a943-5e26883ce3c8","t":253402300799999}"#;
        // What functions of the previous version add, and what those of a future one may.
        let yesterday = today.replace("253402300799999", r#"1795000000123,"n":[2,3]"#);
        let tomorrow = today.replace(r#","t":253402300799999"#, r#","x":{"y":[1]}"#);
        let query = ListQuery { order: Order::Asc, ..query(Sort::Title) };
        let position = Position {
            key: SortKey::Title(vec![1]),
            id: TaskId::parse("01a1f8c8-b570-72e1-a943-5e26883ce3c8").unwrap(),
        };
        assert_eq!(encode(&query, &position), BASE64.encode(today));
        for cursor in [today, &yesterday, &tomorrow] {
            assert_eq!(decode(&BASE64.encode(cursor), &query).unwrap(), position, "{cursor}");
        }
    }

    #[test]
    fn a_forged_cursor_is_rejected() {
        let title = query(Sort::Title);
        let good = encode(&title, &at(SortKey::Title(vec![1])));
        let json = String::from_utf8(BASE64.decode(&good).unwrap()).unwrap();
        for forged in [
            json.replace("\"v\":1", "\"v\":2"),
            json.replace("\"k\":\"AQ\"", "\"k\":\"\""),
            json.replace("\"k\":\"AQ\"", "\"k\":\"!\""),
            json.replace("\"k\":\"AQ\",", ""),
            json.replace("\"k\":\"AQ\"", &format!("\"k\":\"{}\"", "A".repeat(1204))),
            json.replace("\"i\":\"", "\"i\":\"x"),
            json.replace("\"u\":\"", "\"u\":\"x"),
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
    fn a_position_outside_of_the_window_is_rejected() {
        let window = Window::parse(Some("2027-01-01"), Some("2027-02-01"), None).unwrap();
        let query = ListQuery { window, ..query(Sort::DueDate) };
        let decodes = |key| decode(&encode(&query, &due(key)), &query).is_ok();
        assert!(decodes("2027-01-01T00:00:00.000Z"));
        assert!(!decodes("2027-02-01T00:00:00.000Z"));
        assert!(!decodes("2026-12-31T23:59:59.999Z"));
        assert!(!decodes(UNDATED));
        assert!(!decodes("soon"));
    }
}
