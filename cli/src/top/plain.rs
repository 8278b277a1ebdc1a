//! One snapshot in lines, for scripts and for who has no terminal.

use std::fmt::Write;

use super::reading::HotKey;
use super::view::{Order, TableRow, View, number, time};

/// What the columns of tables are called.
pub const COLUMNS: [&str; 8] = [
    "table",
    "requests/s",
    "p50",
    "p99",
    "RCU/s",
    "WCU/s",
    "throttles/s",
    "errors/s",
];

/// The columns of a table.
pub fn cells(row: &TableRow) -> [String; 8] {
    [
        row.name.clone(),
        number(row.requests),
        time(row.p50),
        time(row.p99),
        number(row.read_units),
        number(row.write_units),
        number(row.throttles),
        number(row.errors),
    ]
}

/// The first line: who it is, and how busy.
pub fn heading(view: &View) -> String {
    let mut line = format!(
        "Stator {} at {}: {} requests/s, {} wrong/s, {} in flight, {} connections",
        view.version,
        view.endpoint,
        number(view.requests),
        number(view.user_errors),
        number(view.in_flight),
        number(view.connections)
    );
    if view.tables_omitted > 0.0 {
        let _ = write!(line, "; {} tables are not shown", number(view.tables_omitted));
    }
    line
}

/// A hot key: where it is, what it is, and how hot.
pub fn hot_key(key: &HotKey) -> [String; 3] {
    let what = if key.is_throttled { "throttles" } else { "units" };
    [
        key.place.clone(),
        key.key.clone(),
        format!("{} {what}", number(key.weight)),
    ]
}

/// All of it.
pub fn lines(view: &View, order: Order) -> String {
    let mut text = heading(view) + "\n\n";
    let header = COLUMNS.map(str::to_owned);
    let rows: Vec<[String; 8]> = std::iter::once(header)
        .chain(view.ordered(order).into_iter().map(cells))
        .collect();
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    for row in &rows {
        let mut line = format!("{:<width$}", row[0], width = widths[0]);
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            let _ = write!(line, "  {cell:>width$}");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if !view.hot_keys.is_empty() {
        text.push_str("\nhottest keys\n");
    }
    for key in view.hot_keys.iter().map(hot_key) {
        let _ = writeln!(text, "{}  {}  {}", key[0], key[1], key[2]);
    }
    if !view.store.is_empty() {
        text.push_str("\nstore\n");
    }
    for (name, value) in &view.store {
        let _ = writeln!(text, "{name:<10}  {value}");
    }
    text
}
