//! A progress bar on a terminal, and nothing elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows how far a pass over a file is: share, rows a second and time left.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn start(verb: &'static str, bytes: u64) -> Self {
        // indicatif draws nothing unless standard error is a terminal.
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr_with_hz(5));
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {percent}% {msg}, {eta} left") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(verb);
        Self(bar)
    }

    pub(crate) fn at(&self, bytes: u64, rows: u64) {
        self.0.set_position(bytes);
        let milliseconds = u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = rows.saturating_mul(1000) / milliseconds;
        self.0.set_message(format!(
            "{} rows, {} rows/s",
            crate::output::number(rows),
            crate::output::number(rate)
        ));
    }

    pub(crate) fn finish(self) {
        self.0.finish_and_clear();
    }
}
