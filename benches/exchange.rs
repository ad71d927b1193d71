//! What an exchange costs above a bare actix-web service, beside other loggers: in instructions, and
//! in time.
//!
//! ```sh
//! cargo bench --bench exchange                    # instructions need valgrind on the PATH
//! cargo bench --bench exchange -- bodylog logger  # some variants only
//! cargo bench --bench exchange -- bodylog 4-kib   # and some cases
//! ```
//!
//! Exchanges run in process, through `actix_web::test`, without sockets. Instructions are exact, but for
//! those of the kernel: the difference of runs of different length, less the same of the bare service.
//! Time is a ratio to the bare service, the median of runs in turns on a machine that may be busy; a
//! service without sockets does little, so a ratio over sockets is much smaller: see the bench `load`.

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

/// Does a case, in a process of its own; prints the seconds that it took.
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

/// This program again, to do a case.
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

/// Instructions of `count` times.
fn instructions(this: &str, variant: Variant, case: Case, count: usize) -> Option<u64> {
    let args = ["--tool=callgrind", "--callgrind-out-file=/dev/null", this];
    let report = command("valgrind", &args, variant, case, count)?;
    let total = report
        .lines()
        .find_map(|line| line.split_once("Collected :"))?;
    total.1.trim().parse().ok()
}

fn instructions_each(this: &str, variant: Variant, case: Case) -> Option<f64> {
    let count = case.count();
    let once = instructions(this, variant, case, count)?;
    let twice = instructions(this, variant, case, 2 * count)?;
    Some((twice as f64 - once as f64) / count as f64)
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
        "{:16}{:16}{:>14}{:>12}",
        "case", "variant", "instructions", "time"
    );
    for case in cases {
        let bare = instructions_each(this, Variant::Bare, case);
        let shown = bare.map_or("?".into(), |each| format!("{each:.0}"));
        println!("{:16}{:16}{shown:>14}{:>12}", case.name(), "bare", "1.00");
        for &variant in variants.iter().filter(|&&variant| case.is_for(variant)) {
            let above = match (instructions_each(this, variant, case), bare) {
                (Some(each), Some(bare)) => format!("{:+.0}", each - bare),
                _ => "?".to_owned(),
            };
            const RUNS: usize = 9;
            let ratios = (0..RUNS).filter_map(|_| {
                let bare = seconds(this, Variant::Bare, case)?;
                Some(seconds(this, variant, case)? / bare)
            });
            let time = Quartiles::of(ratios).median;
            println!("{:16}{:16}{above:>14}{time:>12.2}", "", variant.name());
        }
    }
    ExitCode::SUCCESS
}
