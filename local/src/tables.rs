//! Creates the template's tables in DynamoDB.

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexUpdate, KeySchemaElement, Projection, TableDescription,
    TimeToLiveSpecification,
};

use shared::store::Store;

use crate::template::{Index, KeyElement, Table};
use crate::{IDEMPOTENCY_TABLE, TASKS_TABLE};

/// A client of the DynamoDB at `url`, which does not check credentials.
#[must_use]
pub fn client(url: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .http_client(shared::store::http_client())
        .retry_config(RetryConfig::disabled())
        .endpoint_url(url)
        .build();
    Client::from_conf(config)
}

/// The store in the tables that `client` reaches.
#[must_use]
pub fn store(client: Client) -> Store {
    Store::new(client, TASKS_TABLE, IDEMPOTENCY_TABLE)
}

/// Creates those of `tables` that do not exist, and adds missing indexes to the others.
///
/// # Errors
///
/// If DynamoDB cannot be reached, or has a table of the same name with different keys.
pub async fn create(client: &Client, tables: &[Table]) -> Result<()> {
    let existing = client
        .list_tables()
        .send()
        .await
        .map_err(|error| anyhow::anyhow!("DynamoDB: {}", DisplayErrorContext(error)))?;
    for table in tables {
        if existing.table_names().contains(&table.name) {
            upgrade(client, table).await?;
        } else {
            create_one(client, table)
                .await
                .with_context(|| format!("creating the table {}", table.name))?;
        }
    }
    Ok(())
}

/// Whether `client` reaches a DynamoDB that has the table of tasks.
pub async fn has_tasks(client: &Client) -> bool {
    let name = TASKS_TABLE.to_owned();
    client.list_tables().send().await.is_ok_and(|tables| tables.table_names().contains(&name))
}

async fn create_one(client: &Client, table: &Table) -> Result<()> {
    let mut request = client
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attribute_definitions(table)?))
        .set_key_schema(Some(key_schema(&table.key_schema)?));
    for index in &table.global_secondary_indexes {
        let index = GlobalSecondaryIndex::builder()
            .index_name(&index.index_name)
            .set_key_schema(Some(key_schema(&index.key_schema)?))
            .projection(projection(index))
            .build()?;
        request = request.global_secondary_indexes(index);
    }
    request.send().await?;
    if let Some(ttl) = &table.time_to_live_specification {
        let specification = TimeToLiveSpecification::builder()
            .attribute_name(&ttl.attribute_name)
            .enabled(true)
            .build()?;
        client
            .update_time_to_live()
            .table_name(&table.name)
            .time_to_live_specification(specification)
            .send()
            .await?;
    }
    Ok(())
}

/// Adds the indexes that a table of an older version lacks, one at a time, as DynamoDB
/// requires. Then checks the keys: a mismatch would fail later with errors that are hard to
/// understand.
async fn upgrade(client: &Client, table: &Table) -> Result<()> {
    let described = client.describe_table().table_name(&table.name).send().await?;
    let mut stored = keys_of(&described.table.context("an empty reply to DescribeTable")?);
    for index in &table.global_secondary_indexes {
        if !stored.iter().any(|(name, _)| *name == index.index_name) {
            add_index(client, table, index)
                .await
                .with_context(|| format!("adding the index {}", index.index_name))?;
            stored.push((index.index_name.clone(), key_schema(&index.key_schema)?));
        }
    }
    stored.sort_by(|a, b| a.0.cmp(&b.0));
    if stored != keys_in(table)? {
        bail!(
            "the stored table {} does not have the keys and indexes of template.yaml; \
             delete the data folder (.local) to start afresh",
            table.name
        );
    }
    Ok(())
}

async fn add_index(client: &Client, table: &Table, index: &Index) -> Result<()> {
    let create = CreateGlobalSecondaryIndexAction::builder()
        .index_name(&index.index_name)
        .set_key_schema(Some(key_schema(&index.key_schema)?))
        .projection(projection(index))
        .build()?;
    client
        .update_table()
        .table_name(&table.name)
        .set_attribute_definitions(Some(attribute_definitions(table)?))
        .global_secondary_index_updates(
            GlobalSecondaryIndexUpdate::builder().create(create).build(),
        )
        .send()
        .await?;
    Ok(())
}

fn projection(index: &Index) -> Projection {
    let kind = index.projection.projection_type.as_str();
    Projection::builder().projection_type(kind.into()).build()
}

fn attribute_definitions(table: &Table) -> Result<Vec<AttributeDefinition>> {
    let definition = |attribute: &crate::template::AttributeDefinition| {
        Ok(AttributeDefinition::builder()
            .attribute_name(&attribute.attribute_name)
            .attribute_type(attribute.attribute_type.as_str().into())
            .build()?)
    };
    table.attribute_definitions.iter().map(definition).collect()
}

/// The key schemas of the table and of its indexes, sorted for comparison.
fn keys_of(table: &TableDescription) -> Vec<(String, Vec<KeySchemaElement>)> {
    let mut keys = vec![(String::new(), table.key_schema().to_vec())];
    for index in table.global_secondary_indexes() {
        let name = index.index_name().unwrap_or_default().to_owned();
        keys.push((name, index.key_schema().to_vec()));
    }
    keys.sort_by(|a, b| a.0.cmp(&b.0));
    keys
}

fn keys_in(table: &Table) -> Result<Vec<(String, Vec<KeySchemaElement>)>> {
    let mut keys = vec![(String::new(), key_schema(&table.key_schema)?)];
    for index in &table.global_secondary_indexes {
        keys.push((index.index_name.clone(), key_schema(&index.key_schema)?));
    }
    keys.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(keys)
}

fn key_schema(elements: &[KeyElement]) -> Result<Vec<KeySchemaElement>> {
    let element = |element: &KeyElement| {
        Ok(KeySchemaElement::builder()
            .attribute_name(&element.attribute_name)
            .key_type(element.key_type.as_str().into())
            .build()?)
    };
    elements.iter().map(element).collect()
}
