//! Measures what an exchange costs above a bare actix-web service, compared with other loggers, in
//! instructions, instruction-cache misses and time.
//!
//! ```sh
//! cargo bench --bench exchange                    # the counts need valgrind on the PATH
//! cargo bench --bench exchange -- bodylog logger  # only these variants
//! cargo bench --bench exchange -- bodylog 4-kib   # and only this case
//! ```
//!
//! The exchanges run in process, through `actix_web::test`, without sockets. Callgrind counts the
//! instructions, except those of the kernel, and simulates a first-level instruction cache of 32 KiB.
//! Both counts are the difference between a run and one of twice the length, minus the same difference
//! of the bare service. Under load a miss costs about as much as 14 instructions.
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
        })
    }

    /// Counts one exchange, without the start and the end of the process.
    fn of_exchange(this: &str, variant: Variant, case: Case) -> Option<Self> {
        let count = case.count();
        let once = Self::of_run(this, variant, case, count)?;
        let twice = Self::of_run(this, variant, case, 2 * count)?;
        let each = |once, twice| (twice - once) / count as f64;
        Some(Self {
            instructions: each(once.instructions, twice.instructions),
            misses: each(once.misses, twice.misses),
        })
    }

    fn above(self, bare: Self) -> Self {
        Self {
            instructions: self.instructions - bare.instructions,
            misses: self.misses - bare.misses,
        }
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
        "{:16}{:16}{:>14}{:>14}{:>12}",
        "case", "variant", "instructions", "cache misses", "time"
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
    let (instructions, misses) = match bare {
        Some(bare) => (
            format!("{:.0}", bare.instructions),
            format!("{:.0}", bare.misses),
        ),
        None => ("?".into(), "?".into()),
    };
    let (case_name, bare_name) = (case.name(), Variant::Bare.name());
    println!(
        "{case_name:16}{bare_name:16}{instructions:>14}{misses:>14}{:>12}",
        "1.00"
    );
    for &variant in variants.iter().filter(|&&variant| case.is_for(variant)) {
        let counts = bare.and_then(|bare| {
            let counts = Counts::of_exchange(this, variant, case)?;
            Some(counts.above(bare))
        });
        let (instructions, misses) = match counts {
            Some(above) => (
                format!("{:+.0}", above.instructions),
                format!("{:+.0}", above.misses),
            ),
            None => ("?".into(), "?".into()),
        };
        let ratios = (0..RUNS).filter_map(|_| {
            let bare = seconds(this, Variant::Bare, case)?;
            Some(seconds(this, variant, case)? / bare)
        });
        let time = Quartiles::of(ratios).median;
        let name = variant.name();
        println!(
            "{:16}{name:16}{instructions:>14}{misses:>14}{time:>12.2}",
            ""
        );
    }
}
