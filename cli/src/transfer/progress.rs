//! Progress for a person who waits: a bar on a terminal, nothing elsewhere.

use ::transfer::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar that shows how far something has come.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar for so many items; for `None`, where nobody knows how many there will be.
    pub fn new(doing: &'static str, item_count: Option<u64>) -> Self {
        let (bar, template) = match item_count {
            Some(item_count) => (
                ProgressBar::new(item_count),
                "{msg} {wide_bar} {human_pos} of {human_len} items, {per_sec}, {eta} left",
            ),
            None => (
                ProgressBar::new_spinner(),
                "{msg} {spinner} {human_pos} items, {per_sec}",
            ),
        };
        let style = ProgressStyle::with_template(template).expect("the template is one");
        Bar(bar.with_style(style).with_message(doing))
    }

    /// Shows how far it has come.
    pub fn show(&self, progress: Progress) {
        self.0.set_position(progress.items);
    }

    /// Takes the bar away: what comes next is the result.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// A number of bytes for a person.
pub fn size_text(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// "1 item", "2 items".
pub fn items_text(count: u64) -> String {
    match count {
        1 => "1 item".to_owned(),
        count => format!("{count} items"),
    }
}
