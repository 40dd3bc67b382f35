//! The table, and two replicas of its index that lag behind.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use local::dynamodb::EmbeddedDynamoDb;
use local::{TASKS_TABLE, tables};
use shared::User;
use shared::store::Store;
use shared::task::TaskId;

use crate::{database, empty_tables};

pub(super) type Item = HashMap<String, AttributeValue>;

/// DynamoDB keeps several copies of an index, and each read may reach another one. Here,
/// each copy is a table of its own, into which the test puts the items.
pub(super) struct Replicas {
    lagging: [Lagging; 2],
}

struct Lagging {
    client: Client,
    _embedded: EmbeddedDynamoDb,
}

impl Replicas {
    pub(super) async fn start() -> Replicas {
        Replicas { lagging: [Lagging::start().await, Lagging::start().await] }
    }

    pub(super) fn table_url(&self) -> String {
        database().embedded.url()
    }

    /// The store whose index is this replica.
    pub(super) fn lagging(&self, replica: usize) -> Store {
        tables::store(self.lagging[replica].client.clone())
    }

    /// Lets an item arrive in a replica.
    pub(super) async fn put(&self, replica: usize, item: &Item) {
        let put = self.lagging[replica].client.put_item().table_name(TASKS_TABLE);
        put.set_item(Some(item.clone())).send().await.unwrap();
    }

    /// The items of `user` in the table.
    pub(super) async fn items(&self, user: &User) -> Vec<(TaskId, Item)> {
        let query = database().client.query().table_name(TASKS_TABLE).consistent_read(true);
        let query = query.key_condition_expression("user_id = :user");
        let user = AttributeValue::S(user.id().to_owned());
        let items = query.expression_attribute_values(":user", user).send().await.unwrap().items;
        let id = |item: &Item| TaskId::parse(item["task_id"].as_s().unwrap()).unwrap();
        items.unwrap_or_default().into_iter().map(|item| (id(&item), item)).collect()
    }
}

impl Lagging {
    async fn start() -> Lagging {
        let (embedded, client) = empty_tables().await;
        Lagging { client, _embedded: embedded }
    }
}
