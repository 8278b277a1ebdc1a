//! Plots as SVG, from the same figures as the tables.

use plotters::coord::Shift;
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::prelude::*;

use crate::figures::{Case, Figures};
use crate::sections;
use crate::servers::Server;
use crate::table::with_commas;
use crate::tables::{ratio_text, workloads_of};
use crate::targets;
use crate::workloads::{Group, Workload};
use harness::failure::{Context, Result};
use harness::server_process::Durability;

const FONT: &str = "sans-serif";
const TITLE_SIZE: i32 = 18;
const TEXT_SIZE: i32 = 13;

const WIDTH: u32 = 960;
const LINES_HEIGHT: u32 = 460;

/// Longer bars end here; their figures stand beside them.
const RATIO_MAX: f64 = 1.05;

/// The place beside lines for their names.
const LEGEND_WIDTH: u32 = 190;
const LEGEND_TOP: i32 = 48;
const LEGEND_LINE_HEIGHT: i32 = 20;
const LEGEND_LINE_LENGTH: i32 = 26;

/// Pieces of dashed lines, and what is between them.
const DASH: u32 = 6;
const GAP: u32 = 4;

/// Lines behind figures.
const GRID: RGBColor = RGBColor(220, 220, 220);

/// Bars: the place for workloads' names, the bar of a ratio of one, and how high everything is.
const NAMES_WIDTH: i32 = 300;
const BAR_WIDTH: f64 = 560.0;
const BAR_HEIGHT: i32 = 13;
const GROUP_GAP: i32 = 12;
const HEADER_HEIGHT: i32 = 104;

/// A plot: the name of its file, without an ending, and its text.
pub type Plot = (String, String);

/// A line of points.
struct Line {
    name: String,
    color: RGBColor,
    is_dashed: bool,
    points: Vec<(f64, f64)>,
}

/// The words around lines.
struct Frame<'a> {
    title: &'a str,
    x: &'a str,
    y: &'a str,
    axes: Axes,
}

/// Which axis is logarithmic.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Axes {
    LogarithmicX,
    LogarithmicY,
}

/// All plots that there are figures for.
pub fn all(figures: &Figures) -> Result<Vec<Plot>> {
    let mut plots = Vec::new();
    for (group, name, title) in [
        (
            Group::Reads,
            "throughput-reads",
            "Reads: requests a second, as a part of the bare server's",
        ),
        (
            Group::Writes,
            "throughput-writes",
            "Writes: requests a second, as a part of the bare server's",
        ),
        (
            Group::Mixes,
            "throughput-ycsb",
            "YCSB: requests a second, as a part of the bare server's",
        ),
    ] {
        plots.extend(throughput(figures, group, title)?.map(|text| (name.to_owned(), text)));
    }
    for workload in workloads_of(figures, sections::LOAD) {
        let plot = latency(figures, workload)?;
        plots.extend(plot.map(|text| (format!("latency-{}", workload.name), text)));
    }
    for workload in workloads_of(figures, sections::CONNECTIONS) {
        let title = format!(
            "{}: requests a second against connections, as a part of the bare server's",
            workload.title
        );
        let plot = ratios(figures, sections::CONNECTIONS, workload, "connections", &title)?;
        plots.extend(plot.map(|text| (format!("connections-{}", workload.name), text)));
    }
    for workload in workloads_of(figures, sections::ITEM_SIZE) {
        let title = format!(
            "{}: requests a second against the size of an item, as a part of the bare server's",
            workload.name
        );
        let plot = ratios(figures, sections::ITEM_SIZE, workload, "item_bytes", &title)?;
        plots.extend(plot.map(|text| (format!("item-size-{}", workload.name), text)));
    }
    plots.extend(table_size(figures)?.map(|text| ("table-size".to_owned(), text)));
    Ok(plots)
}

fn color(server: Server) -> RGBColor {
    match server {
        Server::Bare => RGBColor(150, 150, 150),
        Server::Stator(Durability::Memory) => RGBColor(144, 190, 240),
        Server::Stator(Durability::Os) => RGBColor(60, 130, 215),
        Server::Stator(Durability::Sync) => RGBColor(15, 60, 140),
        Server::DynoxideMemory => RGBColor(250, 180, 90),
        Server::DynoxideFile => RGBColor(205, 95, 10),
        Server::DynaliteMemory => RGBColor(150, 205, 130),
        Server::DynaliteFile => RGBColor(45, 125, 45),
        Server::DynamoDbLocal => RGBColor(160, 60, 140),
    }
}

/// Ratios to the bare server as bars: a group for each workload, a bar for each server.
fn throughput(figures: &Figures, group: Group, title: &str) -> Result<Option<String>> {
    let servers: Vec<Server> = figures
        .servers(sections::THROUGHPUT)
        .into_iter()
        .filter(|server| *server != Server::Bare)
        .collect();
    let workloads: Vec<&Workload> = workloads_of(figures, sections::THROUGHPUT)
        .into_iter()
        .filter(|workload| workload.group == group)
        .collect();
    if workloads.is_empty() || servers.is_empty() {
        return Ok(None);
    }
    let group_height = servers.len() as i32 * BAR_HEIGHT + GROUP_GAP;
    let height = HEADER_HEIGHT + workloads.len() as i32 * group_height + GROUP_GAP;
    let mut text = String::new();
    let drawn = {
        let root = SVGBackend::with_string(&mut text, (WIDTH, height as u32)).into_drawing_area();
        draw_bars(&root, figures, title, &servers, &workloads, group_height).and_then(|()| root.present())
    };
    drawn.context("a plot cannot be drawn")?;
    Ok(Some(text))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<'a> = std::result::Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

fn draw_bars<'a>(
    root: &Area<'a>,
    figures: &Figures,
    title: &str,
    servers: &[Server],
    workloads: &[&Workload],
    group_height: i32,
) -> Drawn<'a> {
    let words = |size: i32| (FONT, size).into_font().color(&BLACK);
    root.fill(&WHITE)?;
    root.draw(&Text::new(title.to_owned(), (12, 10), words(TITLE_SIZE)))?;
    for (position, server) in servers.iter().enumerate() {
        let (x, y) = (12 + position as i32 % 4 * 160, 40 + position as i32 / 4 * 18);
        root.draw(&Rectangle::new(
            [(x, y), (x + 12, y + 12)],
            color(*server).filled(),
        ))?;
        root.draw(&Text::new(server.name(), (x + 18, y), words(TEXT_SIZE)))?;
    }
    let case = |workload: &Workload, server: Server| Case {
        section: Some(sections::THROUGHPUT),
        workload: workload.name,
        server: server.name(),
        connections: Some(targets::CONNECTIONS),
        ..Case::default()
    };
    let ratio = |workload: &Workload, server: Server| {
        let ratio = figures.ratio(case(workload, server), case(workload, Server::Bare))?;
        Some(ratio.median)
    };
    // What is faster than the bare server is so by chance, or was disturbed less.
    let x_of = |ratio: f64| NAMES_WIDTH + (ratio.min(RATIO_MAX) * BAR_WIDTH) as i32;
    let bottom = HEADER_HEIGHT + workloads.len() as i32 * group_height;
    for quarter in 0..=4 {
        let value = f64::from(quarter) / 4.0;
        let x = x_of(value);
        let line = vec![(x, HEADER_HEIGHT - 4), (x, bottom)];
        root.draw(&PathElement::new(line, GRID))?;
        let place = (x - 8, HEADER_HEIGHT - 20);
        root.draw(&Text::new(tick(value), place, words(TEXT_SIZE - 2)))?;
    }
    for (position, workload) in workloads.iter().enumerate() {
        let top = HEADER_HEIGHT + position as i32 * group_height;
        let middle = top + (group_height - GROUP_GAP - TEXT_SIZE) / 2;
        root.draw(&Text::new(workload.title, (12, middle), words(TEXT_SIZE)))?;
        for (bar, &server) in servers.iter().enumerate() {
            let y = top + bar as i32 * BAR_HEIGHT;
            let (end, label) = match ratio(workload, server) {
                Some(ratio) => (x_of(ratio), ratio_text(ratio)),
                None => match figures.why_failed(case(workload, server)) {
                    Some(_) => (NAMES_WIDTH, "failed".to_owned()),
                    None => continue,
                },
            };
            // Even the shortest can be seen.
            let end_seen = end.max(NAMES_WIDTH + 1);
            let corners = [(NAMES_WIDTH, y), (end_seen, y + BAR_HEIGHT - 2)];
            root.draw(&Rectangle::new(corners, color(server).filled()))?;
            root.draw(&Text::new(label, (end_seen + 5, y), words(TEXT_SIZE - 2)))?;
        }
    }
    Ok(())
}

/// Percentiles of the open loop against how much of its capacity a server is asked for.
fn latency(figures: &Figures, workload: &Workload) -> Result<Option<String>> {
    let mut lines = Vec::new();
    for server in figures.servers(sections::LOAD) {
        let is_stator = matches!(server, Server::Stator(_));
        let shades = match is_stator {
            true => [
                RGBColor(120, 170, 230),
                RGBColor(40, 100, 190),
                RGBColor(10, 40, 100),
            ],
            false => [
                RGBColor(250, 190, 110),
                RGBColor(225, 120, 30),
                RGBColor(150, 65, 0),
            ],
        };
        for ((member, percentile), color) in [("p50_us", "p50"), ("p99_us", "p99"), ("p999_us", "p99.9")]
            .into_iter()
            .zip(shades)
        {
            let rows = figures.rows("open", sections::LOAD);
            let points = rows
                .filter(|row| row["workload"] == workload.name && row["server"] == server.name())
                .filter_map(|row| Some((row["load_percent"].as_f64()?, row[member].as_f64()? / 1e3)))
                .collect();
            lines.push(Line {
                name: format!("{} {percentile}", server.name()),
                color,
                is_dashed: !is_stator,
                points,
            });
        }
    }
    let frame = Frame {
        title: &format!("{}: latency against load, open loop", workload.title),
        x: "per cent of what the server does in the closed loop",
        y: "milliseconds",
        axes: Axes::LogarithmicY,
    };
    draw_lines(&frame, lines)
}

/// Ratios to the bare server against a member of the rounds.
fn ratios(
    figures: &Figures,
    section: &str,
    workload: &Workload,
    member: &str,
    title: &str,
) -> Result<Option<String>> {
    let values = figures.values(section, workload.name, member);
    let servers = figures.servers(section);
    let lines = servers
        .into_iter()
        .filter(|server| *server != Server::Bare)
        .map(|server| {
            let points = values.iter().filter_map(|&value| {
                let case = Case::at(section, workload.name, server.name(), member, value);
                let bare = Case {
                    server: Server::Bare.name(),
                    ..case
                };
                Some((value as f64, figures.ratio(case, bare)?.median))
            });
            Line {
                name: server.name().to_owned(),
                color: color(server),
                is_dashed: false,
                points: points.collect(),
            }
        });
    let frame = Frame {
        title,
        x: match member {
            "item_bytes" => "bytes of an item",
            member => member,
        },
        y: "part of the bare server's rate",
        axes: Axes::LogarithmicX,
    };
    draw_lines(&frame, lines.collect())
}

/// Rates with larger tables, as parts of those with the smallest.
fn table_size(figures: &Figures) -> Result<Option<String>> {
    let section = sections::TABLE_SIZE;
    let colors = [
        RGBColor(15, 60, 140),
        RGBColor(205, 95, 10),
        RGBColor(45, 125, 45),
    ];
    let lines = workloads_of(figures, section)
        .into_iter()
        .zip(colors)
        .map(|(workload, color)| {
            let sizes = figures.values(section, workload.name, "items");
            let case = |items: u64| Case::at(section, workload.name, "stator-sync", "items", items);
            let points = sizes.iter().filter_map(|&items| {
                let ratio = figures.ratio(case(items), case(*sizes.first()?))?;
                Some((items as f64, ratio.median))
            });
            Line {
                name: workload.title.to_owned(),
                color,
                is_dashed: false,
                points: points.collect(),
            }
        });
    let frame = Frame {
        title: "Stator, sync: requests a second against items in the table",
        x: "items",
        y: "part of the rate with the smallest table",
        axes: Axes::LogarithmicX,
    };
    draw_lines(&frame, lines.collect())
}

fn draw_lines(frame: &Frame<'_>, mut lines: Vec<Line>) -> Result<Option<String>> {
    lines.retain(|line| !line.points.is_empty());
    let points = || lines.iter().flat_map(|line| &line.points);
    let Some(&(first_x, first_y)) = points().next() else {
        return Ok(None);
    };
    let bounds = |of: fn(&(f64, f64)) -> f64, first: f64| {
        points().map(of).fold((first, first), |(least, most), value| {
            (least.min(value), most.max(value))
        })
    };
    let (x_least, x_most) = bounds(|point| point.0, first_x);
    let (y_least, y_most) = bounds(|point| point.1, first_y);
    // A range that is empty cannot be drawn.
    let (x_range, y_range) = match frame.axes {
        Axes::LogarithmicX => (
            x_least * 0.9..(x_most * 1.1).max(x_least * 2.0),
            0.0..(y_most * 1.1).max(0.1),
        ),
        Axes::LogarithmicY => (0.0..100.0, (y_least * 0.7).max(1e-4)..(y_most * 1.5).max(1e-3)),
    };
    let mut text = String::new();
    let drawn = {
        let root = SVGBackend::with_string(&mut text, (WIDTH, LINES_HEIGHT)).into_drawing_area();
        let (chart_area, legend_area) = root.split_horizontally(WIDTH - LEGEND_WIDTH);
        let filled = root.fill(&WHITE).and_then(|()| draw_legend(&legend_area, &lines));
        filled.and_then(|()| {
            let mut builder = ChartBuilder::on(&chart_area);
            builder
                .caption(frame.title, (FONT, TITLE_SIZE))
                .margin(10)
                .margin_right(24)
                .x_label_area_size(44)
                .y_label_area_size(64);
            // Each kind of axis makes a type of its own.
            match frame.axes {
                Axes::LogarithmicX => draw_into(
                    builder.build_cartesian_2d(x_range.log_scale(), y_range)?,
                    frame,
                    &lines,
                )?,
                Axes::LogarithmicY => draw_into(
                    builder.build_cartesian_2d(x_range, y_range.log_scale())?,
                    frame,
                    &lines,
                )?,
            }
            root.present()
        })
    };
    drawn.context("a plot cannot be drawn")?;
    Ok(Some(text))
}

fn draw_into<'a, X, Y>(
    mut chart: ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>,
    frame: &Frame<'_>,
    lines: &[Line],
) -> Drawn<'a>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    chart
        .configure_mesh()
        .x_desc(frame.x)
        .y_desc(frame.y)
        .x_label_formatter(&|value| tick(*value))
        .y_label_formatter(&|value| tick(*value))
        .label_style((FONT, TEXT_SIZE))
        .axis_desc_style((FONT, TEXT_SIZE))
        .light_line_style(RGBColor(244, 244, 244))
        .bold_line_style(GRID)
        .draw()?;
    for line in lines {
        let style = line.color.stroke_width(2);
        let points = line.points.iter().copied();
        match line.is_dashed {
            true => chart.draw_series(DashedLineSeries::new(points, DASH, GAP, style))?,
            false => chart.draw_series(LineSeries::new(points, style))?,
        };
        let dots = line
            .points
            .iter()
            .map(|&point| Circle::new(point, 3, line.color.filled()));
        chart.draw_series(dots)?;
    }
    Ok(())
}

/// The names of lines, beside a piece of each.
fn draw_legend<'a>(area: &Area<'a>, lines: &[Line]) -> Drawn<'a> {
    for (position, line) in (0..).zip(lines) {
        let y = LEGEND_TOP + position * LEGEND_LINE_HEIGHT;
        let dash = if line.is_dashed {
            DASH as i32
        } else {
            LEGEND_LINE_LENGTH
        };
        let mut x = 4;
        while x < 4 + LEGEND_LINE_LENGTH {
            let end = (x + dash).min(4 + LEGEND_LINE_LENGTH);
            let piece = vec![(x, y), (end, y)];
            area.draw(&PathElement::new(piece, line.color.stroke_width(2)))?;
            x = end + GAP as i32;
        }
        let style = (FONT, TEXT_SIZE).into_font().color(&BLACK);
        let place = (12 + LEGEND_LINE_LENGTH, y - TEXT_SIZE / 2);
        area.draw(&Text::new(line.name.clone(), place, style))?;
    }
    Ok(())
}

/// A number at an axis.
fn tick(value: f64) -> String {
    if value.abs() >= 1000.0 {
        return with_commas(value);
    }
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_axes_have_no_digits_that_say_nothing() {
        for (value, expected) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (0.1, "0.1"),
            (1.0, "1"),
            (100.0, "100"),
            (20_000.0, "20,000"),
        ] {
            assert_eq!(tick(value), expected);
        }
    }
}
