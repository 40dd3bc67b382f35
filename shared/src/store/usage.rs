//! The capacity that each request to DynamoDB consumed, as DynamoDB reports it.

use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemOutput;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemOutput;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsOutput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::types::ConsumedCapacity;

use crate::record;

/// A response that reports the capacity it consumed.
pub(super) trait Consumed {
    /// Returns the consumed capacity, per table.
    fn consumed(&self) -> &[ConsumedCapacity];
}

macro_rules! reports_one {
    ($($output:ty),*) => {
        $(impl Consumed for $output {
            fn consumed(&self) -> &[ConsumedCapacity] {
                self.consumed_capacity.as_slice()
            }
        })*
    };
}

macro_rules! reports_many {
    ($($output:ty),*) => {
        $(impl Consumed for $output {
            fn consumed(&self) -> &[ConsumedCapacity] {
                self.consumed_capacity.as_deref().unwrap_or_default()
            }
        })*
    };
}

reports_one!(DeleteItemOutput, GetItemOutput, PutItemOutput, QueryOutput, UpdateItemOutput);
reports_many!(BatchWriteItemOutput, TransactWriteItemsOutput);

/// Records one request to DynamoDB for the log. A failed request reports no capacity but
/// still counts.
pub(super) fn note<O: Consumed, E>(result: &Result<O, E>) {
    let consumed = result.as_ref().map(Consumed::consumed).unwrap_or_default();
    record::attempt(consumed.iter().filter_map(|it| it.capacity_units).sum());
}
