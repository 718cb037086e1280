//! The table that is printed.

use std::fmt::{Display, Write};

/// Each row has a task, a quantity for xask, the same for the other program, and their ratio.
pub struct Table {
    /// The heading of the third column.
    other: String,
    rows: Vec<[String; 4]>,
}

/// What a number counts.
#[derive(Clone, Copy)]
pub enum Unit {
    Seconds,
    Bytes,
    Calls,
    /// A rate per second.
    Rate,
    /// Bytes of a file, in the unit in which downloads are counted.
    Size,
}

impl Table {
    /// An empty table that compares with `other`.
    pub fn new(other: &str) -> Self {
        Self { other: other.to_owned(), rows: Vec::new() }
    }

    pub fn add(&mut self, work: &str, unit: Unit, ours: f64, theirs: Option<f64>) {
        self.add_ratio(work, unit, ours, theirs, theirs.map(|theirs| ours / theirs));
    }

    /// With a ratio other than that of the two medians.
    pub fn add_ratio(
        &mut self,
        work: &str,
        unit: Unit,
        ours: f64,
        theirs: Option<f64>,
        ratio: Option<f64>,
    ) {
        let or_blank = |text: Option<String>| text.unwrap_or_default();
        self.rows.push([
            work.to_owned(),
            unit.show(ours),
            or_blank(theirs.map(|theirs| unit.show(theirs))),
            or_blank(ratio.map(|ratio| format!("{ratio:.2}"))),
        ]);
    }

    /// As Markdown, with aligned columns.
    pub fn markdown(&self) -> String {
        let head = ["work", "xask", &self.other, "ratio"].map(str::to_owned);
        let rows = || [&head].into_iter().chain(&self.rows);
        let widths: [usize; 4] = std::array::from_fn(|column| {
            rows().map(|row| row[column].chars().count()).max().unwrap_or(0)
        });
        let [work, ours, theirs, ratio] = widths;
        let mut text = String::new();
        for (index, [a, b, c, d]) in rows().enumerate() {
            push(
                &mut text,
                format_args!("| {a:work$} | {b:>ours$} | {c:>theirs$} | {d:>ratio$} |"),
            );
            if index == 0 {
                let [a, b, c, d] = widths.map(|width| "-".repeat(width));
                push(&mut text, format_args!("|-{a}-|-{b}:|-{c}:|-{d}:|"));
            }
        }
        text
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Seconds if value < 0.001 => format!("{:.0} µs", value * 1e6),
            Self::Seconds if value < 0.01 => format!("{:.2} ms", value * 1e3),
            Self::Seconds if value < 1.0 => format!("{:.0} ms", value * 1e3),
            Self::Seconds => format!("{value:.1} s"),
            Self::Bytes => format!("{:.1} MiB", value / f64::from(1 << 20)),
            Self::Rate if value >= 1e5 => format!("{:.2} million", value / 1e6),
            Self::Calls | Self::Rate => format!("{value:.0}"),
            Self::Size => format!("{:.2} MB", value / 1e6),
        }
    }
}

fn push(text: &mut String, line: impl Display) {
    writeln!(text, "{line}").ok();
}
