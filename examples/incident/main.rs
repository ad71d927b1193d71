//! A replay of the incident: the memory of a service during large uploads, by logger.
//!
//! ```sh
//! cargo run --release --example incident                # Linux only; some minutes
//! cargo run --release --example incident -- --limit 2G  # as on the machine of the incident
//! ```
//!
//! For each logger and step, a server process with a limited address space receives uploads of 257 MiB or 1 GiB, one or
//! eight at once, while its memory is sampled. The results are a table and `incident.svg`, a chart of memory over time
//! with one line per logger.
//!
//! The loggers are those of the benchmarks: none (`bare`), this crate (`bodylog`), actix-web's `Logger`, a widely
//! copied body logger (`copy-paste`), a port of the middleware that crashed the service (`incident`), and the same
//! after its first fix (`incident-fixed`).

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
        println!("incident: sampling the memory of a process needs Linux");
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
