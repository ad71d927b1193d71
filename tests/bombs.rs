//! The memory that a compressed bomb costs, as the kernel counts it: that of the decoder and of what is kept,
//! however large the decoded body is.
#![cfg(all(
    target_os = "linux",
    feature = "compress-gzip",
    feature = "compress-brotli",
    feature = "compress-zstd"
))]

use std::{
    env, fs,
    io::{Read as _, Write as _},
    process::{Command, Stdio},
};

use actix_bodylog::BodyLog;
use actix_web::http::header::{self, HeaderMap, HeaderValue};

/// The variable that gives the child process its `Content-Encoding`.
const CODING: &str = "BODYLOG_BOMB_CODING";

/// What a decoder may cost, in KiB.
struct Cost {
    coding: &'static str,
    /// The growth of the peak of resident memory.
    resident: u64,
    /// The growth of the peak of address space, used or not.
    reserved: u64,
}

/// Brotli and Zstandard allocate the window that the body asks for. Zstandard uses as much of it as it decodes,
/// `brotli-decompressor` initializes all of it.
const COSTS: [Cost; 4] = [
    Cost {
        coding: "gzip",
        resident: 512,
        reserved: 512,
    },
    Cost {
        coding: "gzip, gzip",
        resident: 512,
        reserved: 512,
    },
    Cost {
        coding: "br",
        resident: 18 * 1024,
        reserved: 18 * 1024,
    },
    Cost {
        coding: "zstd",
        resident: 1024,
        reserved: 9 * 1024,
    },
];

#[test]
fn a_bomb_costs_the_memory_of_its_decoder() {
    let text = vec![b'a'; 32 << 20];
    for cost in COSTS {
        let bomb = encoded(cost.coding, &text);
        let kept = &bomb[..bomb.len().min(4096)];
        let (resident, reserved) = measure(cost.coding, kept);
        println!("{}: {resident} KiB, {reserved} KiB", cost.coding);
        assert!(
            resident <= cost.resident && reserved <= cost.reserved,
            "{}: {resident} KiB resident, {reserved} KiB reserved",
            cost.coding
        );
    }
}

fn encoded(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match coding {
        "gzip, gzip" => return encoded("gzip", &encoded("gzip", bytes)),
        "gzip" => {
            let mut encoder = flate2::bufread::GzEncoder::new(bytes, flate2::Compression::best());
            encoder.read_to_end(&mut out).unwrap();
        }
        // Both with the largest window that the decoder accepts.
        "br" => {
            let params = brotli::enc::BrotliEncoderParams {
                quality: 2,
                lgwin: 24,
                ..Default::default()
            };
            brotli::BrotliCompress(&mut &*bytes, &mut out, &params).unwrap();
        }
        "zstd" => {
            let mut encoder = zstd::stream::Encoder::new(&mut out, 1).unwrap();
            encoder.window_log(23).unwrap();
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap();
        }
        _ => unreachable!("{coding}"),
    }
    out
}

/// Decodes a body in another process, and returns the growth of its two peaks in KiB.
fn measure(coding: &str, body: &[u8]) -> (u64, u64) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "decode_in_this_process",
            "--ignored",
            "--nocapture",
        ])
        .env(CODING, coding)
        // The arena of another thread would reserve more than a decoder does.
        .env("MALLOC_ARENA_MAX", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(body).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{coding}");
    let output = String::from_utf8(output.stdout).unwrap();
    let costs = output.lines().find_map(|line| line.split_once("costs: "));
    let (resident, reserved) = costs.unwrap().1.split_once(' ').unwrap();
    (resident.parse().unwrap(), reserved.parse().unwrap())
}

#[test]
#[ignore = "this is the child process of another test"]
fn decode_in_this_process() {
    let coding = env::var(CODING).unwrap();
    let mut body = Vec::new();
    std::io::stdin().read_to_end(&mut body).unwrap();
    let log = BodyLog::new();
    // Set up the heap and what is initialized once.
    let plain = log.preview(&headers("identity"), b"plain text");
    assert_eq!(plain.content.as_deref(), Some("plain text"));
    let before = peaks();
    let preview = log.preview(&headers(&coding), &body);
    let after = peaks();
    assert!(preview.content.is_some(), "{preview:?}");
    println!("costs: {} {}", after.0 - before.0, after.1 - before.1);
}

fn headers(coding: &str) -> HeaderMap {
    let coding = HeaderValue::from_str(coding).unwrap();
    let text = HeaderValue::from_static("text/plain");
    HeaderMap::from_iter([
        (header::CONTENT_TYPE, text),
        (header::CONTENT_ENCODING, coding),
    ])
}

/// Reads the peaks of resident memory and of address space, in KiB.
fn peaks() -> (u64, u64) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let value = |name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.unwrap().split_whitespace().next().unwrap();
        number.parse().unwrap()
    };
    (value("VmHWM:"), value("VmPeak:"))
}
