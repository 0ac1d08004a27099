//! The picture: what each player has more than honesty, job by job, and what colluding brings by the
//! share of the workers that do.

use crate::{
    market::Seat,
    players::Play,
    report::{Case, Report, Row, WORKERS},
    rules::{Economy, Rules},
};
use anyhow::{anyhow, Result};
use plotters::{coord::Shift, prelude::*};
use std::path::Path;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Curve = Vec<(f64, f64)>;

/// Players whose curves are drawn, with their colours: those that stay near honesty.
const DRAWN: [(&str, RGBColor); 7] = [
    ("selective", RGBColor(214, 39, 40)),
    ("colluding, 30 %", RGBColor(255, 127, 14)),
    ("withholding, 30 %", RGBColor(148, 103, 189)),
    ("trusting auditor", RGBColor(140, 86, 75)),
    ("idling auditor", RGBColor(227, 119, 194)),
    ("declining", RGBColor(127, 127, 127)),
    ("farming", RGBColor(31, 119, 180)),
];
/// Shares of the workers that collude, in fortieths.
const SHARES: [usize; 9] = [1, 4, 8, 12, 16, 20, 24, 28, 32];

/// Draws it into a file.
pub fn draw(file: &Path, report: &Report) -> Result<()> {
    let root = SVGBackend::new(file, (1_120, 460)).into_drawing_area();
    root.fill(&WHITE).map_err(failed)?;
    let (left, right) = root.split_horizontally(600);

    let by_job: Vec<_> = DRAWN
        .iter()
        .filter_map(|(name, colour)| {
            let row = report.rows.iter().find(|row| row.case.name == *name)?;
            Some((*name, *colour, row.curve()))
        })
        .collect();
    let jobs = f64::from(report.runs.jobs);
    let title = "More than honesty in its place (% of what that earns)";
    let names = SeriesLabelPosition::LowerLeft;
    chart(&left, title, "jobs", (0.0, jobs), (-100.0, 10.0), &by_job, names)?;

    let by_share = [
        ("colluding", RGBColor(255, 127, 14), sweep(Play::Colluding, report)),
        (
            "and withholding 1/3 of blocks",
            RGBColor(148, 103, 189),
            sweep(Play::Withholding, report),
        ),
    ];
    let title = "The same, by the share that colludes";
    let names = SeriesLabelPosition::UpperLeft;
    chart(&right, title, "share of the workers (%)", (0.0, 80.0), (-40.0, 40.0), &by_share, names)?;
    root.present().map_err(failed)
}

/// The margin for each of the shares.
fn sweep(play: Play, report: &Report) -> Curve {
    let margin = |share: usize| {
        let mut case = Case::new("", "", play, share);
        case.seats = vec![Seat { play, group: 1, price: 100 }; share];
        let row = Row::run(case, Rules::default(), Economy::default(), report.runs);
        (100.0 * share as f64 / WORKERS as f64, row.margin())
    };
    SHARES.into_iter().map(margin).collect()
}

/// Curves over a line at 0, with their names. What leaves the chart is cut off at its edge.
fn chart(
    area: &Area<'_>,
    title: &str,
    along: &str,
    x: (f64, f64),
    y: (f64, f64),
    curves: &[(&str, RGBColor, Curve)],
    names: SeriesLabelPosition,
) -> Result<()> {
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 17))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(44)
        .build_cartesian_2d(x.0..x.1, y.0..y.1)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .x_desc(along)
        .x_labels(6)
        .y_labels(12)
        .max_light_lines(0)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .draw()
        .map_err(failed)?;
    let zero = [(x.0, 0.0), (x.1, 0.0)];
    chart.draw_series(LineSeries::new(zero, &BLACK)).map_err(failed)?;
    for (name, colour, points) in curves {
        let inside = points.iter().map(|(at, value)| (*at, value.clamp(y.0, y.1)));
        let colour = *colour;
        chart
            .draw_series(LineSeries::new(inside, colour.stroke_width(2)))
            .map_err(failed)?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(names)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.2))
        .draw()
        .map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the picture cannot be drawn: {error}")
}
