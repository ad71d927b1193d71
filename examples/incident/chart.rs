//! The chart of memory over time, as SVG.

use std::fmt::Write as _;

use crate::{
    options::Options,
    peers::Variant,
    sample::{Sample, thinned},
    size,
    step::{Run, STEPS, Step},
};

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 520.0;
const LEFT: f64 = 98.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 104.0;
const BOTTOM: f64 = 58.0;
const GAP: f64 = 14.0;
/// The lower end of the logarithmic memory scale, in bytes.
const LOWEST: u64 = 4 << 20;
const MOST_POINTS: usize = 120;

pub fn chart(runs: &[Run], options: &Options) -> String {
    let peaks = runs.iter().map(|run| run.samples.peak);
    let highest = peaks.chain(options.limit).max().unwrap_or(LOWEST);
    let frame = Frame {
        highest: (highest as f64 * 1.5).max(2.0 * LOWEST as f64),
    };
    let mut svg = String::new();
    frame.begin(&mut svg, options);
    frame.legend(&mut svg, options);
    for (nth, step) in STEPS.into_iter().enumerate() {
        let panel: Vec<_> = runs.iter().filter(|run| run.step == step).collect();
        frame.panel(&mut svg, nth, step, &panel, options);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Returns colour, width and dash pattern of a line. The colours are those of Okabe and Ito, which colour-blind people
/// can distinguish; the patterns distinguish lines that overlap.
fn style(variant: Variant) -> (&'static str, f64, &'static str) {
    match variant {
        Variant::Bare => ("#000000", 4.5, ""),
        Variant::BodyLog => ("#009e73", 2.5, ""),
        Variant::Background => ("#009e73", 2.5, "2 4"),
        Variant::Events => ("#009e73", 2.5, "7 3"),
        Variant::Logger => ("#56b4e9", 2.0, "7 5"),
        Variant::Tracing => ("#f0e442", 2.0, ""),
        Variant::CopyAndPaste => ("#cc79a7", 2.0, ""),
        Variant::Incident => ("#d55e00", 2.5, ""),
        Variant::IncidentFixed => ("#e69f00", 2.0, ""),
    }
}

fn title(variant: Variant) -> &'static str {
    match variant {
        Variant::Bare => "no logger",
        Variant::BodyLog => "actix-bodylog",
        Variant::Background => "actix-bodylog, background thread",
        Variant::Events => "actix-bodylog, events",
        Variant::Logger => "actix-web's Logger (no bodies)",
        Variant::Tracing => "tracing-actix-web",
        Variant::CopyAndPaste => "widely copied body logger",
        Variant::Incident => "the incident's middleware",
        Variant::IncidentFixed => "the same after its first fix",
    }
}

struct Frame {
    /// The upper end of the scale, in bytes.
    highest: f64,
}

impl Frame {
    fn y(&self, bytes: f64) -> f64 {
        let lowest = LOWEST as f64;
        let part = (bytes.max(lowest) / lowest).ln() / (self.highest / lowest).ln();
        HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
    }

    fn begin(&self, svg: &mut String, options: &Options) {
        let _ = writeln!(
            svg,
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13" fill="#222" role="img">
<title>Resident memory during large uploads, by logger</title>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="{LEFT}" y="26" font-size="17" font-weight="bold">Memory of a service during uploads, by logger</text>
<text transform="translate(18 {}) rotate(-90)" text-anchor="middle">resident memory (log scale)</text>"##,
            (TOP + HEIGHT - BOTTOM) / 2.0
        );
        let marks = (22..40).step_by(2).map(|power| 1_u64 << power);
        for mark in marks.filter(|&mark| (mark as f64) < self.highest) {
            let y = self.y(mark as f64);
            let _ = writeln!(
                svg,
                r##"<path d="M{LEFT} {y:.1}H{}" stroke="#ddd"/><text x="{}" y="{:.1}" text-anchor="end">{}</text>"##,
                WIDTH - RIGHT,
                LEFT - 8.0,
                y + 4.0,
                size::show(mark)
            );
        }
        if let Some(limit) = options.limit {
            let y = self.y(limit as f64);
            let _ = writeln!(
                svg,
                r##"<path d="M{LEFT} {y:.1}H{}" stroke="#c00" stroke-dasharray="4 4"/><text x="{}" y="{:.1}" fill="#c00">limit: {} of address space</text>"##,
                WIDTH - RIGHT,
                LEFT + 4.0,
                y - 6.0,
                size::show(limit)
            );
        }
    }

    fn legend(&self, svg: &mut String, options: &Options) {
        const COLUMN: f64 = 300.0;
        const ROW: f64 = 20.0;
        for (nth, &variant) in options.variants.iter().enumerate() {
            let x = LEFT + COLUMN * (nth % 3) as f64;
            let y = 48.0 + ROW * (nth / 3) as f64;
            let (colour, width, dashes) = style(variant);
            let _ = writeln!(
                svg,
                r##"<path d="M{x} {y}h28" stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dashes}"/><text x="{}" y="{}">{}</text>"##,
                x + 36.0,
                y + 4.5,
                title(variant)
            );
        }
    }

    fn panel(&self, svg: &mut String, nth: usize, step: Step, runs: &[&Run], options: &Options) {
        let count = STEPS.len() as f64;
        let width = (WIDTH - LEFT - RIGHT - GAP * (count - 1.0)) / count;
        let left = LEFT + (width + GAP) * nth as f64;
        let bottom = HEIGHT - BOTTOM;
        let ends = runs.iter().filter_map(|run| run.samples.memory.last());
        let longest = ends.map(|end| end.seconds).fold(0.1, f64::max);
        let x = |seconds: f64| left + seconds / longest * width;
        let _ = writeln!(
            svg,
            r##"<rect x="{left:.1}" y="{TOP}" width="{width:.1}" height="{:.1}" fill="none" stroke="#999"/>
<text x="{:.1}" y="{}" text-anchor="middle" font-weight="bold">{}</text>
<text x="{:.1}" y="{}" text-anchor="middle" fill="#666">{longest:.1} seconds</text>"##,
            bottom - TOP,
            left + width / 2.0,
            bottom + 22.0,
            step.name(options),
            left + width / 2.0,
            bottom + 42.0,
        );
        for run in runs {
            let (colour, line, dashes) = style(run.variant);
            let mut path = String::new();
            let samples = thinned(&run.samples.memory, MOST_POINTS);
            for (nth, Sample { seconds, bytes }) in samples.iter().enumerate() {
                let letter = if nth == 0 { 'M' } else { 'L' };
                let (x, y) = (x(*seconds), self.y(*bytes as f64));
                let _ = write!(path, "{letter}{x:.1} {y:.1}");
            }
            let _ = writeln!(
                svg,
                r##"<path d="{path}" fill="none" stroke="{colour}" stroke-width="{line}" stroke-dasharray="{dashes}" stroke-linejoin="round"/>"##,
            );
            if let (true, Some(last)) = (run.killed, samples.last()) {
                let (x, y) = (x(last.seconds), self.y(run.samples.peak as f64));
                let _ = writeln!(
                    svg,
                    r##"<path d="M{:.1} {:.1}l12 12m0 -12l-12 12" stroke="{colour}" stroke-width="4"/>"##,
                    x - 6.0,
                    y - 6.0
                );
            }
        }
        if runs.iter().any(|run| run.killed) {
            let _ = writeln!(
                svg,
                r##"<text x="{:.1}" y="{}" text-anchor="end" fill="#c00">&#x2715; killed</text>"##,
                left + width - 6.0,
                bottom - 8.0
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_scale_is_logarithmic() {
        let frame = Frame {
            highest: (LOWEST << 10) as f64,
        };
        let bottom = frame.y(LOWEST as f64);
        let middle = frame.y((LOWEST << 5) as f64);
        let top = frame.y((LOWEST << 10) as f64);
        assert_eq!((bottom, top), (HEIGHT - BOTTOM, TOP));
        assert!((bottom - middle - (middle - top)).abs() < 1e-6);
        assert_eq!(frame.y(1.0), bottom);
    }
}
