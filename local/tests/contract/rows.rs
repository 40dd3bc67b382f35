//! The rows of `template.yaml` that every function has: metrics of alarms, lines of the
//! dashboard, and what the check before a deployment invokes.
//!
//! In each resource, the row of its first function is the pattern for the others.

use std::path::PathBuf;

use local::settings::repository;
use local::template::Function;

use crate::{template_without_docs, whole_template, writes};

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

/// Whether a resource begins with `line`.
fn is_resource(line: &str) -> bool {
    line.strip_prefix("  ").is_some_and(|it| it.ends_with(':') && !it.starts_with([' ', '#']))
}

/// The functions that `resource` has rows for. Alarms come in pairs, because CloudWatch takes
/// few metrics in one: the functions that only read have rows in one with `Read` in its name,
/// those that write in one with `Write`.
fn functions_of<'a>(resource: &str, functions: &'a [Function]) -> Vec<&'a str> {
    let others = |function: &Function| if writes(function) { "Read" } else { "Write" };
    let own = functions.iter().filter(|function| !resource.contains(others(function)));
    own.map(|function| function.name.as_str()).collect()
}

/// `lines` with the rows of all resources.
fn with_all_rows(lines: &[&str], functions: &[Function]) -> Vec<String> {
    let resources = lines.chunk_by(|_, next| !is_resource(next));
    resources.flat_map(|lines| with_rows(lines, &functions_of(lines[0], functions))).collect()
}

/// The functions that are in every stack, in the order of the template.
fn functions(text: &str) -> Vec<Function> {
    let mut functions = template_without_docs().functions;
    functions.sort_by_key(|it| text.find(&format!("\n  {}:\n", it.logical_id)));
    functions
}

fn path() -> PathBuf {
    repository().join("template.yaml")
}

#[test]
fn each_function_has_a_row_wherever_the_first_one_has() {
    let text = std::fs::read_to_string(path()).unwrap();
    // What stands before is the functions themselves.
    let (before, rest) = text.split_once("\n  TasksTable:\n").unwrap();
    let lines: Vec<&str> = rest.lines().collect();
    let rows = with_all_rows(&lines, &functions(&text));
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
fn what_watches_functions_watches_each_of_them() {
    let text = std::fs::read_to_string(path()).unwrap();
    let functions = functions(&text);
    let resources = &whole_template()["Resources"];
    let watches = |watcher: &str, function: &Function| {
        resources[watcher].to_string().contains(&function.logical_id)
    };
    for [of_reads, of_writes] in [
        ["ReadFunctionErrorsAlarm", "WriteFunctionErrorsAlarm"],
        ["ReadFunctionThrottlesAlarm", "WriteFunctionThrottlesAlarm"],
        ["NewVersionReadCrashesAlarm", "NewVersionWriteCrashesAlarm"],
        ["NewVersionReadErrorsAlarm", "NewVersionWriteErrorsAlarm"],
    ] {
        for function in &functions {
            let (name, writes) = (&function.name, writes(function));
            assert_eq!(watches(of_reads, function), !writes, "{of_reads}: {name}");
            assert_eq!(watches(of_writes, function), writes, "{of_writes}: {name}");
        }
    }
    for watcher in ["PreTrafficCheck", "PreTrafficCheckRole", "Dashboard"] {
        assert!(functions.iter().all(|function| watches(watcher, function)), "{watcher}");
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

#[test]
fn the_functions_that_read_and_those_that_write_have_alarms_of_their_own() {
    let text = std::fs::read_to_string(path()).unwrap();
    let functions = functions(&text);
    let lines = ["  ReadAlarm:", "    - list-tasks", "  WriteAlarm:", "    - create-task"];
    let rows = with_all_rows(&lines, &functions);
    let (of_reads, of_writes) =
        rows.split_at(rows.iter().position(|row| row == "  WriteAlarm:").unwrap());
    assert!(of_reads.contains(&"    - health".to_owned()), "{of_reads:?}");
    assert!(of_writes.contains(&"    - update-task".to_owned()), "{of_writes:?}");
    assert_eq!(rows.len(), 2 + functions.len());
}
