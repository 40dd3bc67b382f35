//! What a due date means, besides the moment in `due_key`.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{AT, DUE, string};
use crate::store::error::BadItem;
use crate::task::{Due, DueKind, Timestamp};

/// Returns the attribute for `due`; `None` if it is a moment, which needs none. It has the
/// members that clients see, and for a time in a zone the moment that it was computed for,
/// because the rules of zones change.
pub(in crate::store) fn due_attribute(due: &Due) -> Option<AttributeValue> {
    if *due.kind() == DueKind::Instant {
        return None;
    }
    let (name, text, time_zone) = due.members();
    let mut members = HashMap::from([(name.to_owned(), string(text))]);
    if let Some(time_zone) = time_zone {
        members.insert("time_zone".to_owned(), string(time_zone));
        members.insert(AT.to_owned(), string(due.instant().to_string()));
    }
    Some(AttributeValue::M(members))
}

/// Returns what `instant` means. An attribute that was made for another moment says nothing:
/// `due_key` has been changed alone since, which makes it a moment.
pub(super) fn due_of(
    instant: Timestamp,
    attribute: Option<AttributeValue>,
) -> Result<Due, BadItem> {
    let mut members = match attribute {
        None => return Ok(instant.into()),
        Some(AttributeValue::M(members)) => members,
        Some(_) => return Err(BadItem { attribute: DUE }),
    };
    let mut take = |name| match members.remove(name) {
        None => Ok(None),
        Some(AttributeValue::S(text)) => Ok(Some(text)),
        Some(_) => Err(BadItem { attribute: DUE }),
    };
    let moment = |text: &String| Timestamp::parse(text).ok_or(BadItem { attribute: DUE });
    let (kind, made_for) = match (take("date")?, take("local")?, take("time_zone")?, take(AT)?) {
        (Some(date), None, None, None) => (DueKind::Date, moment(&date)?),
        (None, Some(local), None, None) => (DueKind::Floating, moment(&local)?),
        (None, Some(local), Some(time_zone), Some(at)) => {
            (DueKind::Zoned { local: moment(&local)?, time_zone }, moment(&at)?)
        }
        _ => return Err(BadItem { attribute: DUE }),
    };
    let kind = if made_for == instant { kind } else { DueKind::Instant };
    Ok(Due::stored(instant, kind))
}
