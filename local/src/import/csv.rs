//! Reads tables of tasks, also after a spreadsheet has saved them.

use anyhow::{Context, Result, ensure};
use csv::{ReaderBuilder, StringRecord};
use serde_json::{Map, Value, json};
use shared::http::{COLUMNS, plain, split_labels};

use super::Place;

/// Reads the rows. The columns may be in any order; those that are missing are empty.
pub(super) fn read(text: &str) -> Result<Vec<Place>> {
    let mut builder = ReaderBuilder::new();
    let mut reader = builder.delimiter(separator(text)).flexible(true).from_reader(text.as_bytes());
    let names = reader.headers().context("not CSV")?.clone();
    for name in ["id", "title"] {
        let is_there = names.iter().any(|it| it == name);
        ensure!(is_there, "the first line must name the columns, among them {name}");
    }
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.context("not CSV")?;
        if row.iter().all(str::is_empty) {
            continue;
        }
        let line = row.position().map_or(0, csv::Position::line);
        rows.push((format!("line {line}"), object(&names, &row), Vec::new()));
    }
    Ok(rows)
}

/// Returns what is between the names of the columns: in some countries, spreadsheets save files
/// with semicolons.
fn separator(text: &str) -> u8 {
    let names = text.lines().next().unwrap_or_default();
    [b';', b'\t'].into_iter().find(|it| names.contains(char::from(*it))).unwrap_or(b',')
}

fn object(names: &StringRecord, row: &StringRecord) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, cell) in names.iter().zip(row) {
        let is_known = COLUMNS.contains(&name);
        if !is_known || cell.is_empty() {
            continue;
        }
        let value = match name {
            "title" | "description" => json!(plain(cell)),
            "labels" => split_labels(plain(cell)).map_or_else(|| json!(cell), |them| json!(them)),
            // As spreadsheets write it.
            "completed" => match cell.to_ascii_lowercase().as_str() {
                "true" => json!(true),
                "false" => json!(false),
                _ => json!(cell),
            },
            // Spreadsheets write a space before the time.
            "due" => json!(cell.replacen(' ', "T", 1)),
            _ => json!(cell),
        };
        object.insert(name.to_owned(), value);
    }
    match (object.remove("due"), object.remove("due_time_zone")) {
        (Some(local), Some(time_zone)) => {
            object.remove("due_date");
            object.insert("due".to_owned(), json!({"local": local, "time_zone": time_zone}));
        }
        // It means what its form says, as `due_date` does.
        (Some(text), None) => {
            object.insert("due_date".to_owned(), json!(text));
        }
        (None, _) => {}
    }
    object
}
