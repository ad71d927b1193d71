//! Shared by the examples, so that all of them start alike: `ADDR` is the address to listen on (port 0 picks a free
//! port), the first line on standard error is `listening on URL`, and an invalid setting ends the program with exit
//! code 2.
#![allow(dead_code, reason = "each example uses a part of it")]

use std::{
    env,
    error::Error,
    fmt,
    net::{SocketAddr, ToSocketAddrs as _},
    process::ExitCode,
};

pub type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The message about an invalid environment variable or argument.
#[derive(Debug)]
pub struct InvalidSetting(pub String);

impl fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for InvalidSetting {}

/// Builds the error for a variable with an invalid value.
pub fn invalid(name: &str, value: &str, why: impl fmt::Display) -> Box<dyn Error> {
    InvalidSetting(format!("{name} is {value:?}: {why}")).into()
}

/// Reads an environment variable.
pub fn variable(name: &str) -> Result<Option<String>> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(InvalidSetting(format!("{name}: {error}")).into()),
    }
}

/// Resolves `ADDR`, or `default` if `ADDR` is not set.
pub fn addresses(default: &str) -> Result<Vec<SocketAddr>> {
    let addr = variable("ADDR")?.unwrap_or_else(|| default.to_owned());
    match addr.to_socket_addrs() {
        Ok(addrs) => Ok(addrs.collect()),
        Err(error) => Err(invalid("ADDR", &addr, error)),
    }
}

/// Prints the URL of each address.
pub fn announce(scheme: &str, addrs: &[SocketAddr]) {
    for addr in addrs {
        eprintln!("listening on {scheme}://{addr}");
    }
}

/// Prints an error and converts the result to an exit code.
pub fn exit(result: Result) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    eprintln!("{}: {error}", env!("CARGO_BIN_NAME"));
    match error.is::<InvalidSetting>() {
        true => ExitCode::from(2),
        false => ExitCode::FAILURE,
    }
}
