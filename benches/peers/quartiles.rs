//! Quartiles of many runs.

use std::fmt;

/// The median and the quartiles of some numbers.
#[derive(Clone, Copy, Debug)]
pub struct Quartiles {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Quartiles {
    /// # Panics
    ///
    /// Panics if there are no numbers.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let mut numbers: Vec<_> = numbers.into_iter().collect();
        numbers.sort_by(f64::total_cmp);
        let at = |quarter| numbers[(numbers.len() - 1) * quarter / 4];
        Self {
            low: at(1),
            median: at(2),
            high: at(3),
        }
    }
}

impl fmt::Display for Quartiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { low, median, high } = self;
        f.pad(&format!("{median:.2} ({low:.2}-{high:.2})"))
    }
}
