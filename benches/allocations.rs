//! Counts the allocations of an exchange above a bare actix-web service, compared with other loggers.
//!
//! ```sh
//! cargo bench --bench allocations
//! cargo bench --bench allocations -- bodylog logger small    # only these variants and cases
//! ```
//!
//! After some exchanges to warm up, the allocator counts. A count is the difference between runs of different
//! length, minus the same difference of the bare service. `bytes` is the sum of all allocated sizes.

mod peers;

use std::{
    env,
    path::PathBuf,
    pin::pin,
    process::{Command, ExitCode},
    task::{Context, Waker},
};

use actix_web::test;
use allocation_counter::AllocationInfo;
use peers::{
    Out, Variant,
    cases::{self, Case},
    with_app,
};

/// Runs a case and prints its allocations and bytes. Some loggers are global, so each variant runs in another
/// process.
fn measure(variant: Variant, case: Case) {
    let path: PathBuf = env::temp_dir().join(format!("bodylog-bench-{}.log", std::process::id()));
    let out = Out::open(&path, variant);
    let count = case.count();
    actix_web::rt::System::new().block_on(async {
        with_app!(variant, case.body_log(variant, &out), |app| {
            let app = test::init_service(app()).await;
            case.run(&app, count).await;
            let measured = |count| -> AllocationInfo {
                let mut run = pin!(case.run(&app, count));
                let mut cx = Context::from_waker(Waker::noop());
                // Nothing in these exchanges is ever pending.
                allocation_counter::measure(|| assert!(run.as_mut().poll(&mut cx).is_ready()))
            };
            let (once, twice) = (measured(count), measured(2 * count));
            let each = |once: u64, twice: u64| (twice as f64 - once as f64) / count as f64;
            println!(
                "{} {}",
                each(once.count_total, twice.count_total),
                each(once.bytes_total, twice.bytes_total)
            );
        });
    });
    let _ = std::fs::remove_file(&path);
}

fn measured(variant: Variant, case: Case) -> (f64, f64) {
    let output = Command::new(env::current_exe().expect("this program has a path"))
        .args(["--measure", variant.name(), case.name()])
        .output()
        .expect("this program can be started again");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text.split_whitespace().map(|word| word.parse());
    match (numbers.next(), numbers.next()) {
        (Some(Ok(allocations)), Some(Ok(bytes))) => (allocations, bytes),
        _ => panic!("{}", String::from_utf8_lossy(&output.stderr)),
    }
}

fn main() -> ExitCode {
    let args: Vec<_> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [flag, variant, case] = &args[..]
        && let (Ok(variant), Ok(case)) = (variant.parse(), case.parse())
        && flag == "--measure"
    {
        measure(variant, case);
        return ExitCode::SUCCESS;
    }
    let (variants, cases) = match cases::chosen(&args) {
        Ok(chosen) => chosen,
        Err(error) => {
            eprintln!("allocations: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!(
        "{:16}{:16}{:>14}{:>12}",
        "case", "variant", "allocations", "bytes"
    );
    for case in cases {
        let (bare, bare_bytes) = measured(Variant::Bare, case);
        println!(
            "{:16}{:16}{bare:>14.2}{bare_bytes:>12.0}",
            case.name(),
            "bare"
        );
        for &variant in variants.iter().filter(|&&variant| case.is_for(variant)) {
            let (each, bytes) = measured(variant, case);
            println!(
                "{:16}{:16}{:>14}{:>12}",
                "",
                variant.name(),
                format!("{:+.2}", each - bare),
                format!("{:+.0}", bytes - bare_bytes)
            );
        }
    }
    ExitCode::SUCCESS
}
