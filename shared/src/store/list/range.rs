//! The key ranges of a list in its partition, and positions in them.

use std::collections::VecDeque;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::store::error::BadItem;
use crate::store::item::{DELETED_AT, DUE_KEY, Item, TITLE_KEY, UNDATED};
use crate::task::{ListQuery, Order, Sort, TaskId};

/// A position in a list: the sort key, and then creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) key: SortKey,
    pub(super) id: TaskId,
}

/// The value that a list is sorted by, as the index holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SortKey {
    Created,
    Title(Vec<u8>),
    Due(String),
    Deleted(String),
}

impl SortKey {
    /// Returns the sort key of `item`.
    pub(super) fn of(item: &Item, sort: Sort) -> Result<SortKey, BadItem> {
        Ok(match sort {
            Sort::Created => SortKey::Created,
            Sort::Title => match item.get(TITLE_KEY) {
                Some(AttributeValue::B(key)) => SortKey::Title(key.as_ref().to_vec()),
                _ => return Err(BadItem { attribute: TITLE_KEY }),
            },
            Sort::DueDate => match item.get(DUE_KEY) {
                Some(AttributeValue::S(key)) => SortKey::Due(key.clone()),
                _ => return Err(BadItem { attribute: DUE_KEY }),
            },
            Sort::Deleted => match item.get(DELETED_AT) {
                Some(AttributeValue::S(key)) => SortKey::Deleted(key.clone()),
                _ => return Err(BadItem { attribute: DELETED_AT }),
            },
        })
    }
}

/// The part of a partition that a list contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Range {
    Whole,
    /// Due keys from the first to the second, both inclusive.
    Due(String, String),
}

/// Returns the ranges to read for `query` after `position`, in order. The index has
/// undated tasks last. In descending order they would come first, so they are a separate
/// range, read last.
pub(super) fn ranges(query: &ListQuery, position: Option<&Position>) -> VecDeque<Range> {
    let dated = query.window.reach().map(|(first, last)| {
        // DynamoDB rejects an empty string as a key, even as a bound.
        Range::Due(first.to_string(), last.to_string())
    });
    let mut ranges: VecDeque<Range> = match (query.sort, query.order) {
        (Sort::DueDate, _) if query.window.is_bounded() => dated.into_iter().collect(),
        (Sort::DueDate, Order::Desc) => {
            let undated = Range::Due(UNDATED.to_owned(), UNDATED.to_owned());
            dated.into_iter().chain([undated]).collect()
        }
        _ => VecDeque::from([Range::Whole]),
    };
    if let Some(SortKey::Due(key)) = position.map(|position| &position.key) {
        if key == UNDATED && ranges.len() > 1 {
            ranges.pop_front();
        }
        // DynamoDB starts after the position anyway. The part before it is cut off too,
        // because an emulator would read it first.
        if let Some(Range::Due(from, to)) = ranges.front_mut() {
            let bound = if query.order == Order::Asc { from } else { to };
            bound.clone_from(key);
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Timestamp, Window};

    #[test]
    fn no_range_has_an_empty_bound_or_ends_before_it_begins() {
        let (first, second) = ("0001-01-01", "0001-01-01T00:00:00.001Z");
        for (after, before) in [
            (None, None),
            (None, Some(first)),
            (None, Some(second)),
            (Some(first), Some(second)),
            (Some(second), None),
        ] {
            for order in [Order::Asc, Order::Desc] {
                let window = Window::parse(after, before, None).unwrap();
                let query =
                    ListQuery { sort: Sort::DueDate, order, window, ..ListQuery::default() };
                for range in ranges(&query, None) {
                    if let Range::Due(from, to) = range {
                        assert!(!from.is_empty() && from <= to, "{from} {to}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_list_continues_at_its_position_and_skips_the_ranges_before_it() {
        let key = "2027-02-10T00:00:00.000Z".to_owned();
        let at = |key: &str| Position { key: SortKey::Due(key.into()), id: TaskId::new() };
        let query = ListQuery { sort: Sort::DueDate, order: Order::Desc, ..ListQuery::default() };
        let undated = Range::Due(UNDATED.into(), UNDATED.into());
        let dated = Range::Due(Timestamp::MIN.to_string(), key.clone());
        assert_eq!(ranges(&query, Some(&at(&key))), [dated, undated.clone()]);
        assert_eq!(ranges(&query, Some(&at(UNDATED))), [undated]);
        let ascending = ListQuery { order: Order::Asc, ..query };
        assert_eq!(ranges(&ascending, Some(&at(UNDATED))), [Range::Whole]);
    }
}
