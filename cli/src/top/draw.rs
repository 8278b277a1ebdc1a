//! A view on a screen.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table};

use super::plain::{COLUMNS, cells, heading, hot_key};
use super::view::{Order, View};

/// How high the lower half is: the lines of the store, and its frame.
const LOWER_LINES: u16 = 11;

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, view: &View, order: Order) {
    let [top, tables, lower, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(4),
        Constraint::Length(LOWER_LINES),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let bold = Style::new().add_modifier(Modifier::BOLD);
    frame.render_widget(Paragraph::new(heading(view)).style(bold), top);
    draw_tables(frame, tables, view, order);
    let [keys, store] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(lower);
    draw_keys(frame, keys, view);
    draw_store(frame, store, view);
    let last = match &view.trouble {
        Some(trouble) => Line::styled(trouble.clone(), Style::new().fg(Color::Red)),
        None => Line::raw(help()),
    };
    frame.render_widget(last, bottom);
}

/// Which keys do what.
fn help() -> String {
    let orders = Order::ALL.map(|(_, key, name)| format!("{key} {name}"));
    format!("q quit   order by: {}", orders.join("   "))
}

fn draw_tables(frame: &mut Frame<'_>, area: Rect, view: &View, order: Order) {
    let rows = view.ordered(order).into_iter().map(|table| {
        let style = match table.throttles + table.errors > 0.0 {
            true => Style::new().fg(Color::Yellow),
            false => Style::new(),
        };
        Row::new(cells(table)).style(style)
    });
    let header = Row::new(COLUMNS.map(Cell::from)).style(Style::new().add_modifier(Modifier::REVERSED));
    let narrow = COLUMNS
        .iter()
        .skip(1)
        .map(|name| Constraint::Length(name.len().max(8) as u16));
    let widths: Vec<Constraint> = std::iter::once(Constraint::Fill(1)).chain(narrow).collect();
    let ordered_by = Order::ALL.into_iter().find(|(known, ..)| *known == order);
    let title = format!(" tables by {} ", ordered_by.map_or("", |(.., name)| name));
    let table = Table::new(rows, widths)
        .header(header)
        .block(Block::bordered().title(title));
    frame.render_widget(table, area);
}

fn draw_keys(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let block = Block::bordered().title(" hottest keys, five minutes ");
    if view.hot_keys.is_empty() {
        let hint = "None: UpdateContributorInsights switches this on for a table.";
        frame.render_widget(Paragraph::new(hint).block(block), area);
        return;
    }
    let rows = view.hot_keys.iter().map(|key| Row::new(hot_key(key)));
    let widths = [Constraint::Fill(1), Constraint::Fill(1), Constraint::Length(16)];
    frame.render_widget(Table::new(rows, widths).block(block), area);
}

fn draw_store(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let block = Block::bordered().title(" store ");
    if view.store.is_empty() {
        frame.render_widget(Paragraph::new("In memory.").block(block), area);
        return;
    }
    let rows = view
        .store
        .iter()
        .map(|(name, value)| Row::new([(*name).to_owned(), value.clone()]));
    let widths = [Constraint::Length(10), Constraint::Fill(1)];
    frame.render_widget(Table::new(rows, widths).block(block), area);
}
