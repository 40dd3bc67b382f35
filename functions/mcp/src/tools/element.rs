//! The tasks that a call of `add_tasks` or `update_tasks` contains.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{Refusal, parse};

/// The members of a task in a call. Those without a type here are parsed by the rules of a create
/// or an update; here, they are only known.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Element {
    #[serde(default)]
    pub(super) id: Option<String>,
    /// Only of an update.
    #[serde(default)]
    pub(super) revision: Option<String>,
    #[serde(default, rename = "title")]
    _title: IgnoredAny,
    #[serde(default, rename = "description")]
    _description: IgnoredAny,
    #[serde(default, rename = "priority")]
    _priority: IgnoredAny,
    #[serde(default, rename = "labels")]
    _labels: IgnoredAny,
    #[serde(default, rename = "due")]
    _due: IgnoredAny,
}

/// Parses the elements of `tasks`, which `check` may refuse.
pub(super) fn parse_all(
    tasks: &[&RawValue],
    check: impl Fn(&Element) -> Result<(), &'static str>,
) -> Result<Vec<Element>, Refusal> {
    let element = |(index, json): (usize, &&RawValue)| {
        let name = format!("tasks[{index}]");
        let element = parse(&name, json.get())?;
        check(&element).map_err(|rule| format!("{name}: {rule}"))?;
        Ok(element)
    };
    tasks.iter().enumerate().map(element).collect()
}
