//! HTTP: requests to typed input, tasks to replies, and the only error that a caller
//! sees.

mod batch;
mod entity_tag;
mod erasure;
pub(crate) mod event;
#[cfg(feature = "export")]
mod export;
mod feed;
mod page;
mod problem;
mod request;
mod response;

pub use batch::{MAX_BATCH_BYTES, operations, record_results, results};
pub use entity_tag::EntityTags;
pub use erasure::erased;
#[cfg(feature = "export")]
pub use export::{BYTE_ORDER_MARK, COLUMNS, Export, export};
#[cfg(all(feature = "export", feature = "tools"))]
pub use export::{plain, split_labels};
pub use feed::{Change, changes};
pub use lambda_http::http::{Method, StatusCode, header};
pub use lambda_http::{Body, Request};
pub use page::{MAX_PAGE_BYTES, Page};
pub use problem::Problem;
pub use request::{
    MAX_BODY_BYTES, accepts_gzip, authorization, body, body_within, idempotency_key, if_none_match,
    new_id, new_task_id, optional_body, path, path_parameter, precondition, query, task_id,
};
pub(crate) use response::secure;
pub use response::{
    Document, bare, created, created_at, document, list, no_content, ok, ok_json, ok_unless_known,
    query_string, status_json,
};

/// The reply of a function.
pub type Response = lambda_http::Response<lambda_http::Body>;
