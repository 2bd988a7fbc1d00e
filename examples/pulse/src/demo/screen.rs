//! The output of the demo.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::printable::printable;

/// Prints lines, and on a terminal also progress indicators.
#[derive(Clone, Default)]
pub(super) struct Screen {
    bars: MultiProgress,
}

impl Screen {
    pub(super) fn line(&self, text: &str) {
        self.bars.suspend(|| println!("{}", printable(text)));
    }

    pub(super) fn job(&self, document: &str) -> ProgressBar {
        let style = ProgressStyle::with_template("{spinner} {prefix}  {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = self.bars.add(ProgressBar::new_spinner().with_style(style));
        bar.set_prefix(document.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }
}
