//! The rows of `template.yaml` that every function has: metrics of alarms, lines of the
//! dashboard, and what the check before a deployment invokes.
//!
//! The row of the first function is the pattern for the others.

use std::path::PathBuf;

use local::settings::repository;

use crate::{template_without_docs, whole_template};

/// CloudWatch takes so many metrics in an alarm.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html>
const MOST_METRICS: usize = 10;

/// How the template spells a function: `list-tasks`, `listTasks`, `ListTasksFunction`.
pub(super) fn spellings(name: &str) -> [String; 3] {
    let capitalized = |word: &str| word[..1].to_uppercase() + &word[1..];
    let pascal: String = name.split('-').map(capitalized).collect();
    let camel = pascal[..1].to_lowercase() + &pascal[1..];
    [name.to_owned(), camel, format!("{pascal}Function")]
}

/// `row` with one function in the place of another.
fn replaced(row: &str, from: &str, to: &str) -> String {
    let pairs = spellings(from).into_iter().zip(spellings(to));
    pairs.fold(row.to_owned(), |row, (from, to)| row.replace(&from, &to))
}

/// A row without what ends it: in JSON, the last one ends differently.
fn core(row: &str) -> &str {
    row.trim_end_matches([',', ']', '}', ' '])
}

/// `lines` with a row for each of `functions`, wherever the first of them has one.
fn with_rows(lines: &[&str], functions: &[&str]) -> Vec<String> {
    let first = functions[0];
    let mut rows = Vec::new();
    let mut rest = lines;
    while let Some((&pattern, behind)) = rest.split_first() {
        rest = behind;
        if !spellings(first).iter().any(|name| pattern.contains(name)) {
            rows.push(pattern.to_owned());
            continue;
        }
        let mut end = pattern;
        let is_row = |line: &str| {
            functions.iter().any(|name| core(line) == replaced(core(pattern), first, name))
        };
        while let Some((&row, behind)) = rest.split_first().filter(|(row, _)| is_row(row)) {
            (end, rest) = (row, behind);
        }
        for name in functions {
            let is_last = Some(name) == functions.last();
            let end = if is_last { end } else { pattern };
            rows.push(replaced(core(pattern), first, name) + &end[core(end).len()..]);
        }
    }
    rows
}

/// The functions that are in every stack, in the order of the template.
fn functions(text: &str) -> Vec<String> {
    let template = template_without_docs();
    let mut names: Vec<String> = template.names().into_iter().map(str::to_owned).collect();
    names.sort_by_key(|name| text.find(&format!("\n  {}:\n", spellings(name)[2])));
    names
}

fn path() -> PathBuf {
    repository().join("template.yaml")
}

#[test]
fn each_function_has_a_row_wherever_the_first_one_has() {
    let text = std::fs::read_to_string(path()).unwrap();
    let names = functions(&text);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // What stands before is the functions themselves.
    let (before, rest) = text.split_once("\n  TasksTable:\n").unwrap();
    let lines: Vec<&str> = rest.lines().collect();
    let rows = with_rows(&lines, &names);
    let expected = format!("{before}\n  TasksTable:\n{}\n", rows.join("\n"));
    if std::env::var_os("UPDATE_TEMPLATE").is_some() {
        // At once: other tests read it meanwhile.
        let new = path().with_extension("new");
        std::fs::write(&new, &expected).unwrap();
        std::fs::rename(new, path()).unwrap();
    } else {
        let missing = rows.iter().find(|row| !lines.contains(&row.as_str()));
        assert!(
            text == expected,
            "template.yaml lacks the row {missing:?}, or has one too many; \
             UPDATE_TEMPLATE=1 cargo test -p local --test contract puts that right"
        );
    }
}

#[test]
fn what_watches_all_functions_watches_the_first_one() {
    let text = std::fs::read_to_string(path()).unwrap();
    let [_, _, first] = spellings(&functions(&text)[0]);
    let resources = &whole_template()["Resources"];
    for watcher in [
        "FunctionErrorsAlarm",
        "FunctionThrottlesAlarm",
        "NewVersionCrashesAlarm",
        "NewVersionErrorsAlarm",
    ] {
        let resource = resources[watcher].to_string();
        assert!(resource.contains(&first), "{watcher}");
        assert!(resource.matches("MetricStat").count() <= MOST_METRICS, "{watcher}");
    }
    for watcher in ["PreTrafficCheck", "PreTrafficCheckRole", "Dashboard"] {
        assert!(resources[watcher].to_string().contains(&first), "{watcher}");
    }
}

#[test]
fn a_new_function_gets_its_rows_and_the_last_row_keeps_its_end() {
    let text = r#"  - Value: !Ref ListTasksFunction }
  - Value: !Ref GetTaskFunction }
    ["a", "list-tasks"],
    ["a", "get-task"]]}},
    end"#;
    let lines: Vec<&str> = text.lines().collect();
    let rows = with_rows(&lines, &["list-tasks", "count-tasks", "get-task"]).join("\n");
    assert_eq!(
        rows,
        r#"  - Value: !Ref ListTasksFunction }
  - Value: !Ref CountTasksFunction }
  - Value: !Ref GetTaskFunction }
    ["a", "list-tasks"],
    ["a", "count-tasks"],
    ["a", "get-task"]]}},
    end"#
    );
}
