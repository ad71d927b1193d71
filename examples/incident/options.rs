//! The command line.

use std::path::PathBuf;

use crate::{peers::Variant, size};

pub const USAGE: &str =
    "usage: incident [--limit SIZE|none] [--quick] [--out FILE] [--variants A,B]

  --limit SIZE     address space of each server, such as 2G or 512M; default 6G
  --quick          16 and 64 MiB instead of 257 MiB and 1 GiB
  --out FILE       path of the chart; default incident.svg
  --variants A,B   of bare, bodylog, logger, copy-paste, incident, incident-fixed; default all";

/// The variants in the order of the chart and the table.
const VARIANTS: [Variant; 6] = [
    Variant::Bare,
    Variant::BodyLog,
    Variant::Logger,
    Variant::CopyAndPaste,
    Variant::Incident,
    Variant::IncidentFixed,
];

#[derive(Debug, PartialEq)]
pub struct Options {
    /// The limit of the address space of each server, in bytes.
    pub limit: Option<u64>,
    pub quick: bool,
    pub out: PathBuf,
    pub variants: Vec<Variant>,
}

impl Options {
    /// Parses the command line. Returns `None` if it asks for help.
    pub fn parse(args: &[String]) -> Result<Option<Self>, String> {
        let mut options = Self {
            // Without a limit, eight uploads of 1 GiB would exhaust the memory of most machines.
            limit: Some(6 << 30),
            quick: false,
            out: "incident.svg".into(),
            variants: VARIANTS.to_vec(),
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--help" | "-h" => return Ok(None),
                "--quick" => options.quick = true,
                "--out" => options.out = value()?.into(),
                "--limit" => {
                    options.limit = match value()?.as_str() {
                        "none" => None,
                        limit => Some(size::parse(limit)?),
                    }
                }
                "--variants" => {
                    let variants = value()?.split(',').map(|name| match name.parse() {
                        Ok(variant) if VARIANTS.contains(&variant) => Ok(variant),
                        _ => Err(format!("{name:?} is not a variant")),
                    });
                    options.variants = variants.collect::<Result<_, _>>()?;
                }
                other => return Err(format!("{other:?} is not an option")),
            }
        }
        Ok(Some(options))
    }

    /// Returns the two sizes of uploads, in bytes.
    pub fn uploads(&self) -> [u64; 2] {
        match self.quick {
            true => [16 << 20, 64 << 20],
            false => [257 << 20, 1 << 30],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, String> {
        let args: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&args)
    }

    #[test]
    fn options_are_parsed() {
        let options = parse("--limit 2G --quick --variants bare,incident");
        let options = options.unwrap().unwrap();
        assert_eq!(options.limit, Some(2 << 30));
        assert_eq!(options.variants, [Variant::Bare, Variant::Incident]);
        assert!(options.quick);
        assert_eq!(parse("--limit none").unwrap().unwrap().limit, None);
        assert_eq!(parse("-h"), Ok(None));
    }

    #[test]
    fn invalid_option_is_an_error() {
        for line in ["--limit", "--limit much", "--variants nobody", "--fast"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
