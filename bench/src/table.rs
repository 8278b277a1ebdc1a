//! Columns that line up.

/// Lines of cells; the first cell of a line is set to the left, all others to the right.
#[derive(Debug, Default)]
pub struct Table {
    lines: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub fn new(headings: &[&str]) -> Self {
        let mut table = Table::default();
        table.line(headings.iter().map(|&heading| heading.to_owned()));
        table
    }

    /// Adds a line.
    pub fn line(&mut self, cells: impl IntoIterator<Item = String>) {
        self.lines.push(cells.into_iter().collect());
    }

    /// How many lines there are, the headings among them.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The same as Markdown writes tables.
    pub fn markdown(&self) -> String {
        let row = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let mut text = String::new();
        for (number, line) in self.lines.iter().enumerate() {
            text += &row(line);
            if number == 0 {
                let rules: Vec<String> = (0..line.len())
                    .map(|column| if column == 0 { "---" } else { "---:" }.to_owned())
                    .collect();
                text += &row(&rules);
            }
        }
        text
    }

    /// The text, each line indented by two spaces.
    pub fn render(&self) -> String {
        let columns = self.lines.iter().map(Vec::len).max().unwrap_or_default();
        let mut widths = vec![0; columns];
        for line in &self.lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = cell.chars().count().max(*width);
            }
        }
        let mut text = String::new();
        for line in &self.lines {
            let mut rendered = String::new();
            for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
                rendered += &match column {
                    0 => format!("  {cell:<width$}"),
                    _ => format!("  {cell:>width$}"),
                };
            }
            text += rendered.trim_end();
            text.push('\n');
        }
        text
    }
}

/// A whole number with commas between thousands.
pub fn with_commas(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let sign = if number < 0.0 && digits != "0" { "-" } else { "" };
    let mut text = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len() - index;
        if index > 0 && left % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["server", "req/s"]);
        table.line(["a".to_owned(), "1,000".to_owned()]);
        table.line(["longer name".to_owned(), "7".to_owned()]);
        let expected = "  server       req/s\n  a            1,000\n  longer name      7\n";
        assert_eq!(table.render(), expected);
    }

    #[test]
    fn markdown_has_a_rule_under_its_headings() {
        let mut table = Table::new(&["server", "req/s"]);
        table.line(["a|b".to_owned(), "1".to_owned()]);
        let expected = "| server | req/s |\n| --- | ---: |\n| a\\|b | 1 |\n";
        assert_eq!(table.markdown(), expected);
        assert_eq!(table.line_count(), 2);
    }

    #[test]
    fn thousands_are_set_apart() {
        for (number, expected) in [
            (0.0, "0"),
            (999.4, "999"),
            (1000.0, "1,000"),
            (1234567.0, "1,234,567"),
            (-200.0, "-200"),
            (-1200.0, "-1,200"),
            (-0.2, "0"),
        ] {
            assert_eq!(with_commas(number), expected);
        }
    }
}
