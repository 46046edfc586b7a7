//! What is to be reached. Everything is measured first; then the test fails with all that was missed.

use anyhow::{Result, ensure};
use support::figure::figure;

/// What was measured against its goal so far.
#[derive(Default)]
pub(crate) struct Goals {
    missed: Vec<String>,
}

impl Goals {
    /// Prints what was measured; it is to be `goal` at most.
    pub(crate) fn at_most(&mut self, what: &str, measured: f64, goal: f64) {
        let text = format!("{measured:.1}, goal {goal:.1}");
        figure(&format!("scale: {what}"), &text);
        if measured > goal {
            self.missed.push(format!("{what}: {text}"));
        }
    }

    /// Fails when something was missed.
    pub(crate) fn end(self) -> Result<()> {
        ensure!(self.missed.is_empty(), "goals were missed:\n{}", self.missed.join("\n"));
        Ok(())
    }
}
