//! The tasks that a call of `add_tasks` or `update_tasks` contains.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::argument::Argument;
use super::{Refusal, parse};

/// The members of a task in a call. Those without a type here are parsed by the rules of a create
/// or an update; here, they are only known.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members<'a> {
    #[serde(default)]
    id: Argument,
    /// Only of an update.
    #[serde(default)]
    revision: Argument,
    #[serde(default, rename = "title")]
    _title: IgnoredAny,
    #[serde(default, rename = "description")]
    _description: IgnoredAny,
    #[serde(default, rename = "priority")]
    _priority: IgnoredAny,
    #[serde(default, rename = "labels")]
    _labels: IgnoredAny,
    #[serde(borrow, default)]
    due: Option<&'a RawValue>,
    /// Known only to say which tools it belongs to.
    #[serde(default)]
    completed: Option<IgnoredAny>,
}

/// The members of `due`. Lists of the API also have `at`, which may be sent back there. Here it
/// would be a change that is not made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Due {
    #[serde(default, rename = "date")]
    _date: IgnoredAny,
    #[serde(default, rename = "local")]
    _local: IgnoredAny,
    #[serde(default, rename = "time_zone")]
    _time_zone: IgnoredAny,
    #[serde(default, rename = "instant")]
    _instant: IgnoredAny,
}

/// What a call says of a task besides its content.
pub(super) struct Element {
    pub(super) id: Option<String>,
    pub(super) revision: Option<String>,
}

/// Parses the elements of `tasks`, which `check` may refuse.
pub(super) fn parse_all(
    tasks: &[&RawValue],
    check: impl Fn(&Element) -> Result<(), &'static str>,
) -> Result<Vec<Element>, Refusal> {
    let element = |(index, json): (usize, &&RawValue)| {
        let name = format!("tasks[{index}]");
        let element = read(&name, json)?;
        check(&element).map_err(|rule| format!("{name}: {rule}"))?;
        Ok(element)
    };
    tasks.iter().enumerate().map(element).collect()
}

fn read(name: &str, json: &RawValue) -> Result<Element, Refusal> {
    let Members { id, revision, due, completed, .. } = parse(name, json.get())?;
    if completed.is_some() {
        return Err(format!("{name}: completed is set by complete_tasks and reopen_tasks"));
    }
    // Whatever is no object, the rules of a task refuse.
    if let Some(due) = due.filter(|due| due.get().starts_with('{')) {
        parse::<Due>(&format!("{name}.due"), due.get())?;
    }
    Ok(Element {
        id: id.text(&format!("{name}.id"))?,
        revision: revision.text(&format!("{name}.revision"))?,
    })
}
