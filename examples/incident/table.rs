//! The results as a text table.

use std::fmt::Write as _;

use crate::{options::Options, size, step::Run};

pub fn table(runs: &[Run], options: &Options) -> String {
    let mut text = String::new();
    let limit = options.limit.map_or("none".to_owned(), size::show);
    let _ = writeln!(text, "limit of the address space: {limit}\n");
    let _ = writeln!(
        text,
        "{:16}{:14}{:>12}{:>10}{:>10}  outcome",
        "logger", "uploads", "peak", "CPU s", "records"
    );
    let mut last = None;
    for run in runs {
        let name = match last == Some(run.variant) {
            true => "",
            false => run.variant.name(),
        };
        last = Some(run.variant);
        let _ = writeln!(
            text,
            "{name:16}{:14}{:>12}{:>10.2}{:>10}  {}",
            run.step.name(options),
            size::show(run.samples.peak),
            run.samples.cpu_seconds,
            run.records,
            run.outcome()
        );
    }
    text
}
