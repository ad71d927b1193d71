//! Prints what a crate makes public, a line for each item, from the JSON that rustdoc makes of it.

use std::{env, error::Error};

use public_api::Builder;

fn main() -> Result<(), Box<dyn Error>> {
    let json = env::args_os()
        .nth(1)
        .ok_or("the path of rustdoc's JSON is missing")?;
    let api = Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_derived_impls(true)
        .build()?;
    // Not stable, and nobody can rely on them.
    let internal = ["core::marker::Freeze", "core::marker::UnsafeUnpin"];
    for item in api.items() {
        let line = item.to_string();
        if !internal.iter().any(|name| line.contains(name)) {
            println!("{line}");
        }
    }
    Ok(())
}
