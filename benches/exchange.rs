//! Measures what an exchange costs above a bare actix-web service, compared with other loggers, in
//! instructions, instruction-cache misses, mispredicted branches and time.
//!
//! ```sh
//! cargo bench --bench exchange                    # the counts need valgrind on the PATH
//! cargo bench --bench exchange -- bodylog logger  # only these variants
//! cargo bench --bench exchange -- bodylog 4-kib   # and only this case
//! ```
//!
//! The exchanges run in process, through `actix_web::test`, without sockets. Callgrind counts the
//! instructions, except those of the kernel, and simulates a first-level instruction cache of 32 KiB and the
//! prediction of branches. Each count is the difference between a run and one of twice the length, minus the same
//! difference of the bare service. Under load a miss costs about as much as 14 instructions.
//!
//! The variant `bodylog` makes each record on the spot. `background` makes records in batches, but callgrind is so slow
//! that a batch ends after two milliseconds with a few exchanges. The case `in-a-row` shows what a full batch costs: 64
//! responses end, and their records are made, one directly after the other.
//!
//! The time is a ratio to the bare service: the median of alternating runs. A service without sockets
//! does little work, so the ratio over sockets is much smaller; the bench `load` measures it.

mod peers;

use std::{
    env,
    path::PathBuf,
    process::{Command, ExitCode},
    time::Instant,
};

use actix_web::test;
use peers::{
    Out, Variant,
    cases::{self, Case},
    quartiles::Quartiles,
    with_app,
};

/// Runs a case and prints the seconds that it took.
fn run(variant: Variant, case: Case, count: usize) {
    let path: PathBuf = env::temp_dir().join(format!("bodylog-bench-{}.log", std::process::id()));
    let out = Out::open(&path, variant);
    actix_web::rt::System::new().block_on(async {
        with_app!(variant, case.body_log(variant, &out), |app| {
            let app = test::init_service(app()).await;
            let start = Instant::now();
            case.run(&app, count).await;
            println!("{}", start.elapsed().as_secs_f64());
        });
    });
    let _ = std::fs::remove_file(&path);
}

/// Runs a case in a new process of this program, and returns what that process wrote.
fn command(
    program: &str,
    args: &[&str],
    variant: Variant,
    case: Case,
    count: usize,
) -> Option<String> {
    let output = Command::new(program)
        .args(args)
        .args(["--run", variant.name(), case.name(), &count.to_string()])
        .output()
        .ok()?;
    let output = match args {
        [] => output.stdout,
        _ => output.stderr,
    };
    Some(String::from_utf8_lossy(&output).into_owned())
}

/// The counts of callgrind.
#[derive(Clone, Copy, Debug)]
struct Counts {
    instructions: f64,
    /// Misses of the first-level instruction cache.
    misses: f64,
    /// Mispredicted branches, conditional and indirect.
    mispredicted: f64,
}

impl Counts {
    /// Counts a run of `count` exchanges.
    fn of_run(this: &str, variant: Variant, case: Case, count: usize) -> Option<Self> {
        let args = [
            "--tool=callgrind",
            "--cache-sim=yes",
            "--branch-sim=yes",
            // Without these the simulated caches are those of the machine.
            "--I1=32768,8,64",
            "--D1=32768,8,64",
            "--LL=524288,8,64",
            "--callgrind-out-file=/dev/null",
            this,
        ];
        let report = command("valgrind", &args, variant, case, count)?;
        let words = |title| {
            let mut lines = report.lines();
            let line = lines.find_map(|line| line.split_once(title))?.1;
            Some(line.split_whitespace())
        };
        let value = |name| {
            let at = words("Events    :")?.position(|event| event == name)?;
            words("Collected :")?.nth(at)?.parse().ok()
        };
        Some(Self {
            instructions: value("Ir")?,
            misses: value("I1mr")?,
            mispredicted: value("Bcm")? + value("Bim")?,
        })
    }

    /// Counts one exchange, without the start and the end of the process.
    fn of_exchange(this: &str, variant: Variant, case: Case) -> Option<Self> {
        let count = case.count();
        let once = Self::of_run(this, variant, case, count)?;
        let twice = Self::of_run(this, variant, case, 2 * count)?;
        let each = |number: fn(&Self) -> f64| (number(&twice) - number(&once)) / count as f64;
        Some(Self {
            instructions: each(|counts| counts.instructions),
            misses: each(|counts| counts.misses),
            mispredicted: each(|counts| counts.mispredicted),
        })
    }

    fn above(self, bare: Self) -> Self {
        Self {
            instructions: self.instructions - bare.instructions,
            misses: self.misses - bare.misses,
            mispredicted: self.mispredicted - bare.mispredicted,
        }
    }

    /// Returns three columns. With `sign`, the counts are differences.
    fn columns(counts: Option<Self>, sign: bool) -> String {
        let column = |number: fn(&Self) -> f64| match (&counts, sign) {
            (None, _) => format!("{:>14}", "?"),
            (Some(counts), true) => format!("{:>+14.0}", number(counts)),
            (Some(counts), false) => format!("{:>14.0}", number(counts)),
        };
        [
            column(|counts| counts.instructions),
            column(|counts| counts.misses),
            column(|counts| counts.mispredicted),
        ]
        .concat()
    }
}

fn seconds(this: &str, variant: Variant, case: Case) -> Option<f64> {
    let text = command(this, &[], variant, case, 20 * case.count())?;
    text.trim().parse().ok()
}

fn main() -> ExitCode {
    let args: Vec<_> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [flag, variant, case, count] = &args[..]
        && let (Ok(variant), Ok(case), Ok(count)) = (variant.parse(), case.parse(), count.parse())
        && flag == "--run"
    {
        run(variant, case, count);
        return ExitCode::SUCCESS;
    }
    let (variants, cases) = match cases::chosen(&args) {
        Ok(chosen) => chosen,
        Err(error) => {
            eprintln!("exchange: {error}");
            return ExitCode::FAILURE;
        }
    };
    let this = env::current_exe().expect("this program has a path");
    let this = this.to_str().expect("its path is text");
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("valgrind was not found: no instructions are counted");
    }
    println!(
        "{:16}{:16}{:>14}{:>14}{:>14}{:>12}",
        "case", "variant", "instructions", "cache misses", "mispredicted", "time"
    );
    for case in cases {
        measure(this, &variants, case);
    }
    ExitCode::SUCCESS
}

/// Prints a row for the bare service and one for each variant.
fn measure(this: &str, variants: &[Variant], case: Case) {
    const RUNS: usize = 9;
    let bare = Counts::of_exchange(this, Variant::Bare, case);
    println!(
        "{:16}{:16}{}{:>12}",
        case.name(),
        Variant::Bare.name(),
        Counts::columns(bare, false),
        "1.00"
    );
    for &variant in variants.iter().filter(|&&variant| case.is_for(variant)) {
        let counts = bare.and_then(|bare| {
            let counts = Counts::of_exchange(this, variant, case)?;
            Some(counts.above(bare))
        });
        let ratios = (0..RUNS).filter_map(|_| {
            let bare = seconds(this, Variant::Bare, case)?;
            Some(seconds(this, variant, case)? / bare)
        });
        let time = Quartiles::of(ratios).median;
        println!(
            "{:16}{:16}{}{time:>12.2}",
            "",
            variant.name(),
            Counts::columns(counts, true)
        );
    }
}
