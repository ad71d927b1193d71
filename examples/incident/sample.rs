//! Samples of a process's memory, from the kernel.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

const INTERVAL: Duration = Duration::from_millis(10);
/// The unit of processor time in `/proc`: 10 ms on each architecture of Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Resident memory at a time since the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub seconds: f64,
    pub bytes: u64,
}

#[derive(Debug, Default)]
pub struct Samples {
    pub memory: Vec<Sample>,
    /// The peak of resident memory that the kernel reports.
    pub peak: u64,
    pub cpu_seconds: f64,
}

/// A thread that samples a process until it is stopped or the process ends.
pub struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Samples>,
}

impl Sampler {
    pub fn start(process: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let start = Instant::now();
            let mut samples = Samples::default();
            loop {
                // Read the flag first, so that one sample is taken after the stop.
                let last = stopped.load(Relaxed);
                if samples.take(process, start.elapsed()).is_none() || last {
                    return samples;
                }
                thread::sleep(INTERVAL);
            }
        });
        Self { stop, thread }
    }

    pub fn stop(self) -> Samples {
        self.stop.store(true, Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

impl Samples {
    fn take(&mut self, process: u32, at: Duration) -> Option<()> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // A zombie has no memory.
        let bytes = field(&status, "VmRSS:")?;
        self.peak = self.peak.max(field(&status, "VmHWM:")?).max(bytes);
        self.memory.push(Sample {
            seconds: at.as_secs_f64(),
            bytes,
        });
        self.cpu_seconds = cpu_seconds(&stat)?;
        Some(())
    }
}

/// Parses a line such as `VmRSS:     5120 kB`.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// Parses user and system time, the fields 14 and 15. The second field is a name in parentheses that may contain any
/// character.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// Reduces the samples to at most `most`, each the largest of its interval.
pub fn thinned(samples: &[Sample], most: usize) -> Vec<Sample> {
    let stretch = samples.len().div_ceil(most.max(1)).max(1);
    let largest = |stretch: &[Sample]| stretch.iter().copied().max_by_key(|sample| sample.bytes);
    samples.chunks(stretch).filter_map(largest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_kernel_are_parsed() {
        let status = "Name:\tincident\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(field(status, "VmRSS:"), Some(1 << 20));
        assert_eq!(field(status, "VmSwap:"), None);
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0";
        assert_eq!(cpu_seconds(stat), Some(3.0));
    }

    #[test]
    fn thinning_keeps_peaks() {
        let samples: Vec<_> = (0..1000)
            .map(|nth| Sample {
                seconds: f64::from(nth),
                bytes: if nth == 777 { 5000 } else { 1 },
            })
            .collect();
        let thin = thinned(&samples, 100);
        assert_eq!(thin.len(), 100);
        assert_eq!(thin.iter().map(|sample| sample.bytes).max(), Some(5000));
        assert_eq!(thinned(&samples[..3], 100), samples[..3]);
    }
}
