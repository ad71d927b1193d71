//! The incident, replayed: what a large upload does to a service, by the logger around it.
//!
//! ```sh
//! cargo run --release --example incident                # Linux only; some minutes
//! cargo run --release --example incident -- --limit 2G  # as on the machine that it happened on
//! ```
//!
//! One server for each logger and step, in a process of its own and under a limit of its address space,
//! gets uploads of 257 MiB and of 1 GiB, one and eight at once. Its memory is sampled meanwhile. What
//! comes out is a table, and `incident.svg`: memory over time, one line for each logger.
//!
//! The loggers are those of the benches: none (`bare`), this crate (`bodylog`), actix-web's `Logger`,
//! the body logger that is found when one searches for one (`copy-paste`), a port of the middleware
//! that brought the service down (`incident`), and the same after its first fix (`incident-fixed`).

mod chart;
mod options;
#[path = "../../benches/peers/mod.rs"]
mod peers;
mod sample;
mod server;
mod size;
mod step;
mod table;

use std::{env, fs, process::ExitCode};

use options::{Options, USAGE};
use step::{Run, STEPS};

fn main() -> ExitCode {
    let args: Vec<_> = env::args().skip(1).collect();
    if let Some(served) = server::serve_if_asked(&args) {
        return served;
    }
    let options = match Options::parse(&args) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("incident: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if !cfg!(target_os = "linux") {
        println!("incident: only Linux tells the memory of a process");
        return ExitCode::SUCCESS;
    }

    let mut runs = Vec::new();
    for &variant in &options.variants {
        for step in STEPS {
            match Run::new(variant, step, &options) {
                Ok(run) => runs.push(run),
                Err(error) => {
                    eprintln!("incident: {}: {error}", variant.name());
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    print!("{}", table::table(&runs, &options));
    let chart = chart::chart(&runs, &options);
    match fs::write(&options.out, chart) {
        Ok(()) => {
            println!("\nmemory over time: {}", options.out.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("incident: {}: {error}", options.out.display());
            ExitCode::FAILURE
        }
    }
}
