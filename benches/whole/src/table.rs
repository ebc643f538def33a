//! The table of what was found.

use std::fmt::Write as _;

/// A median, and the values that it lies between.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of one value or more.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let half = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => f64::midpoint(sorted[half - 1], sorted[half]),
            _ => sorted[half],
        };
        Self { median, least: sorted[0], most: sorted[sorted.len() - 1] }
    }
}

/// One goal and what was found.
pub(crate) struct Line {
    pub(crate) work: String,
    pub(crate) peer: String,
    pub(crate) measure: &'static str,
    /// Of the absolute values.
    pub(crate) unit: &'static str,
    /// What the median must not be above, and the word for it; `None` for a figure that is only told.
    pub(crate) goal: Option<(f64, &'static str)>,
    pub(crate) found: Spread,
    /// The median of ours alone, where what was found is a ratio.
    pub(crate) ours: Option<f64>,
    /// The median of the peer alone.
    pub(crate) peers: Option<f64>,
}

impl Line {
    /// A goal that no peer is needed for.
    pub(crate) fn absolute(
        work: &str,
        measure: &'static str,
        unit: &'static str,
        goal: f64,
        found: Spread,
    ) -> Self {
        Self {
            work: work.to_owned(),
            peer: String::new(),
            measure,
            unit,
            goal: Some((goal, unit)),
            found,
            ours: None,
            peers: None,
        }
    }

    /// The line of the table.
    pub(crate) fn markdown(&self) -> String {
        let Spread { median, least, most } = self.found;
        let side = |value: Option<f64>| {
            value.map_or_else(String::new, |value| format!("{} {}", short(value), self.unit))
        };
        let own = self.ours.is_none().then_some(median);
        let goal = self.goal.map_or_else(String::new, |(goal, unit)| format!("{} {unit}", short(goal)));
        let reached = self.goal.map_or("", |(goal, _)| if median <= goal { "yes" } else { "no" });
        format!(
            "| {} | {} | {} | {} | {} | {}-{} | {} | {} | {} |",
            self.work,
            self.peer,
            self.measure,
            goal,
            short(median),
            short(least),
            short(most),
            side(self.ours.or(own)),
            side(self.peers),
            reached,
        )
    }
}

/// The whole answer.
pub(crate) fn page(heading: &str, lines: &[Line], failures: &[String]) -> String {
    let mut text = format!("{heading}\n");
    text.push_str("| work | peer | measure | goal at most | median | spread | ours | peer's | reached |\n");
    text.push_str("|---|---|---|---|---|---|---|---|---|\n");
    for line in lines {
        let _ = writeln!(text, "{}", line.markdown());
    }
    for failure in failures {
        let _ = write!(text, "\n{failure}\n");
    }
    text
}

/// Three digits that count, or all before the point.
fn short(value: f64) -> String {
    match value.abs() {
        size if size == 0.0 || size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        size if size >= 0.01 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

/// A count as a floating-point number.
#[expect(clippy::as_conversions, reason = "a count of rows or bytes is far below 2^53")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        let spread = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!((spread.median, spread.least, spread.most), (2.0, 1.0, 3.0));
        assert_eq!(Spread::of([4.0, 1.0]).median, 2.5);
        assert_eq!(Spread::of([7.0]).median, 7.0);
    }

    #[test]
    fn a_goal_is_reached_at_its_value_and_missed_above() {
        let line = |median| {
            let found = Spread { median, least: 0.5, most: 123.4 };
            Line::absolute("work", "wall", "ms", 10.0, found).markdown()
        };
        assert_eq!(line(10.0), "| work |  | wall | 10.0 ms | 10.0 | 0.50-123 | 10.0 ms |  | yes |");
        assert!(line(10.01).ends_with("| no |"));
    }
}
