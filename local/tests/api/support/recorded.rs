//! Every version of every task, from DynamoDB's stream.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{StreamSpecification, StreamViewType};
use local::{TASKS_TABLE, tables};
use serde_json::{Value, json};

use super::TestApp;

/// The versions of a task, in order; `None` stands for its deletion for good.
pub(crate) type History = Vec<Option<Version>>;

/// A task after one write.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Version {
    pub(crate) etag: String,
    pub(crate) title: String,
    pub(crate) priority: String,
    pub(crate) description: String,
    pub(crate) completed: bool,
    /// Whether it is in the trash.
    pub(crate) is_deleted: bool,
    pub(crate) updated_at: String,
    /// The value of `completed` before the last flip.
    pub(crate) flipped_from: Option<bool>,
    /// When the task was completed, if it is.
    pub(crate) completed_at: String,
}

impl Version {
    fn of(image: &Value) -> Version {
        let text = |name: &str| image[name]["S"].as_str().unwrap_or_default().to_owned();
        let flag = |name: &str| image[name]["N"].as_str().map(|number| number == "1");
        Version {
            etag: format!("\"{}\"", text("revision")),
            title: text("title"),
            priority: text("priority"),
            description: text("description"),
            completed: flag("completed").or(flag("was_completed")).unwrap(),
            is_deleted: !image["deleted_at"].is_null(),
            updated_at: text("updated_at"),
            flipped_from: flag("flipped_from"),
            completed_at: match flag("flipped_from") {
                Some(false) => text("flipped_at"),
                _ => text("completed_at"),
            },
        }
    }
}

/// Starts recording.
pub(crate) async fn enable(app: &TestApp) {
    let everything = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewImage)
        .build()
        .unwrap();
    let client = tables::client(&app.server.backend().embedded_url());
    let update = client.update_table().table_name(TASKS_TABLE);
    update.stream_specification(everything).send().await.unwrap();
}

/// The recorded histories, by task id.
pub(crate) async fn histories(app: &TestApp) -> BTreeMap<String, History> {
    let url = app.server.backend().embedded_url();
    let streams = ask(&url, "ListStreams", json!({"TableName": TASKS_TABLE})).await;
    let arn = &streams["Streams"][0]["StreamArn"];
    let described = ask(&url, "DescribeStream", json!({"StreamArn": arn})).await;
    let mut histories: BTreeMap<String, History> = BTreeMap::new();
    for shard in described["StreamDescription"]["Shards"].as_array().unwrap() {
        let begin = json!({
            "StreamArn": arn,
            "ShardId": shard["ShardId"],
            "ShardIteratorType": "TRIM_HORIZON",
        });
        let begun = ask(&url, "GetShardIterator", begin).await;
        let mut iterator = begun["ShardIterator"].clone();
        while !iterator.is_null() {
            let page = ask(&url, "GetRecords", json!({"ShardIterator": iterator})).await;
            let records = page["Records"].as_array().unwrap();
            if records.is_empty() {
                break;
            }
            for record in records {
                let change = &record["dynamodb"];
                let id = change["Keys"]["task_id"]["S"].as_str().unwrap().to_owned();
                let image = &change["NewImage"];
                let version = (record["eventName"] != "REMOVE").then(|| Version::of(image));
                histories.entry(id).or_default().push(version);
            }
            iterator = page["NextShardIterator"].clone();
        }
    }
    histories
}

async fn ask(url: &str, operation: &str, body: Value) -> Value {
    let credential = "Credential=local/20270210/us-east-1/dynamodb/aws4_request";
    let reply = reqwest::Client::new()
        .post(url)
        .header("x-amz-target", format!("DynamoDBStreams_20120810.{operation}"))
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-date", "20270210T000000Z")
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"),
        )
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    let (status, text) = (reply.status(), reply.text().await.unwrap());
    assert!(status.is_success(), "{operation}: {text}");
    serde_json::from_str(&text).unwrap()
}
