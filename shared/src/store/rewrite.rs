//! Brings stored tasks to what this version would store: some attributes are computed from
//! others of the same item, by rules that may have changed since they were written.
//!
//! No client sees a rewrite, except in the order of lists. It only writes computed
//! attributes, and none that updates are conditional on: not the revision, the time, the
//! epoch or the ids of updates (`once.rs`). So an update under way does not notice it
//! either.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
};

use super::error::REFUSALS;
use super::hash::hash;
use super::item::{
    self, DELETED_AT, Item, TASK_ID, TITLE, TITLE_KEY, USER_ID, WAS_TITLE_KEY, bytes,
};
use super::title_key;

/// An attribute that is computed from another one.
struct Computed {
    name: &'static str,
    from: &'static str,
    /// Whether tasks in the trash have it, or living ones.
    is_buried: bool,
    /// Returns what this version would store; `None` if there is nothing to compute it
    /// from.
    compute: fn(&Item) -> Option<AttributeValue>,
}

const COMPUTED: [Computed; 2] = [
    Computed { name: TITLE_KEY, from: TITLE, is_buried: false, compute: title_key_of },
    Computed { name: WAS_TITLE_KEY, from: TITLE, is_buried: true, compute: title_key_of },
];

fn title_key_of(item: &Item) -> Option<AttributeValue> {
    Some(bytes(title_key(item.get(TITLE)?.as_s().ok()?)))
}

impl Computed {
    /// Returns what this version would store, if the item has something else.
    fn missing(&self, item: &Item) -> Option<AttributeValue> {
        let new = (self.compute)(item).filter(|_| item::is_deleted(item) == self.is_buried)?;
        (item.get(self.name) != Some(&new)).then_some(new)
    }
}

/// Returns the attributes that [`rewrite`] reads, as a projection expression.
#[must_use]
pub fn rewrite_reads() -> String {
    let computed = COMPUTED.iter().flat_map(|it| [it.from, it.name]);
    let mut names: Vec<&str> = [USER_ID, TASK_ID, DELETED_AT].into_iter().chain(computed).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

/// Returns the request that brings `item` of `table` to what this version would store;
/// `None` if it is that already.
///
/// It is conditional on all attributes that it depends on being as they are in `item`. If
/// one has changed, the error contains the item as it is then.
#[must_use]
pub fn rewrite(
    client: &Client,
    table: &str,
    item: &HashMap<String, AttributeValue>,
) -> Option<UpdateItemFluentBuilder> {
    let (mut set, mut values) = (Vec::new(), Item::new());
    // An `UpdateItem` would otherwise create what has been deleted.
    let mut condition = format!("attribute_exists({TASK_ID})");
    for computed in COMPUTED {
        let Some(new) = computed.missing(item) else { continue };
        let Computed { name, from, is_buried, compute: _ } = computed;
        let trash = if is_buried { "attribute_exists" } else { "attribute_not_exists" };
        condition.push_str(&format!(" AND {trash}({DELETED_AT})"));
        set.push(format!("{name} = :new_{name}"));
        values.insert(format!(":new_{name}"), new);
        for read in [from, name] {
            condition.push_str(&match item.get(read) {
                Some(value) => {
                    values.insert(format!(":{read}"), value.clone());
                    format!(" AND {read} = :{read}")
                }
                None => format!(" AND attribute_not_exists({read})"),
            });
        }
    }
    if set.is_empty() {
        return None;
    }
    let update = client
        .update_item()
        .table_name(table)
        .key(USER_ID, item.get(USER_ID)?.clone())
        .key(TASK_ID, item.get(TASK_ID)?.clone())
        .update_expression(format!("SET {}", set.join(", ")))
        .condition_expression(condition)
        .set_expression_attribute_values(Some(values))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .return_consumed_capacity(ReturnConsumedCapacity::Total);
    Some(update)
}

/// Identifies what this version would store, so that progress made by one version is not
/// taken for that of another: a hash over the keys of all characters of Unicode's first
/// two planes.
#[must_use]
pub fn rewrite_version() -> String {
    let names = COMPUTED.map(|it| it.name.as_bytes());
    let characters: Vec<char> = (0..0x2_0000).filter_map(char::from_u32).collect();
    let keys: Vec<u8> = characters
        .chunks(32)
        .flat_map(|characters| title_key(&characters.iter().collect::<String>()))
        .collect();
    hash(&[&names.concat(), &keys])
}

/// Whether DynamoDB rejected a request without executing it, and will execute it later.
#[must_use]
pub fn is_refused(error: &impl ProvideErrorMetadata) -> bool {
    error.code().is_some_and(|code| REFUSALS.contains(&code))
}
