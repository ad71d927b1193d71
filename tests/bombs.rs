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
    /// The growth of the peak of resident memory.
    resident: u64,
    /// The growth of the peak of address space, used or not.
    reserved: u64,
}

const GZIP: Cost = Cost {
    resident: 512,
    reserved: 512,
};

/// The costs of Brotli and Zstandard, whatever window the body declares.
const LARGE_WINDOW: Cost = Cost {
    resident: 1024,
    reserved: 1024,
};

/// The cost of Brotli with the largest number of prefix codes, whose tables the decoder allocates at once.
const MANY_TREES: Cost = Cost {
    resident: 2048,
    reserved: 2048,
};

#[test]
fn a_bomb_costs_the_memory_of_its_decoder() {
    let text = vec![b'a'; 32 << 20];
    let gzip = gzip(&text);
    // The largest windows of the codings, and of the encoders.
    let (br, zstd) = (brotli(&text, 24), zstd(&text, 27, false));
    assert!(br[0] & 0xf == 0xf && zstd[5] >> 3 == 27 - 10);
    let small_frame = self::zstd(b"text", 10, false);
    for (name, coding, bomb, cost) in [
        ("gzip", "gzip", &gzip, GZIP),
        ("gzip twice", "gzip, gzip", &self::gzip(&gzip), GZIP),
        ("br", "br", &br, LARGE_WINDOW),
        (
            "br with many trees",
            "br",
            &brotli_with_many_trees(),
            MANY_TREES,
        ),
        ("br twice", "br, br", &brotli(&br, 24), LARGE_WINDOW),
        ("zstd", "zstd", &zstd, LARGE_WINDOW),
        (
            "zstd of a declared size",
            "zstd",
            &self::zstd(&text, 27, true),
            LARGE_WINDOW,
        ),
        (
            "zstd in the second frame",
            "zstd",
            &[small_frame, zstd.clone()].concat(),
            LARGE_WINDOW,
        ),
    ] {
        let kept = &bomb[..bomb.len().min(4096)];
        let (resident, reserved) = measure(coding, kept);
        println!("{name}: {resident} KiB, {reserved} KiB");
        assert!(
            resident <= cost.resident && reserved <= cost.reserved,
            "{name}: {resident} KiB resident, {reserved} KiB reserved"
        );
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = flate2::bufread::GzEncoder::new(bytes, flate2::Compression::best());
    encoder.read_to_end(&mut out).unwrap();
    out
}

fn brotli(bytes: &[u8], window_log: i32) -> Vec<u8> {
    let mut out = Vec::new();
    let params = brotli::enc::BrotliEncoderParams {
        quality: 2,
        lgwin: window_log,
        ..Default::default()
    };
    brotli::BrotliCompress(&mut &*bytes, &mut out, &params).unwrap();
    out
}

/// Makes a Brotli stream that declares the largest number of prefix codes (RFC 7932, section 9.2).
fn brotli_with_many_trees() -> Vec<u8> {
    let mut bits = Vec::new();
    let mut write = |value: u32, len: u32| bits.extend((0..len).map(|at| (value >> at) & 1 == 1));
    // A window of 2^24 bytes, and the header of the last meta-block, whose 7-byte commands need no bits.
    write(0xf, 4);
    write(0b01, 2);
    write(0, 2);
    write(7 * 9000 - 1, 16);
    // The code of 256.
    const MANY: (u32, u32) = (0x7ff, 11);
    for _ in ["literals", "commands", "distances"] {
        write(MANY.0, MANY.1);
        // Block types and counts, each as the prefix code of one symbol, and the first count.
        write(0b0001, 4);
        write(0, 9);
        write(0b0001, 4);
        write(25, 5);
        write(0xff_ffff, 24);
    }
    write(0, 6);
    for _ in 0..256 {
        write(0, 2);
    }
    for _ in ["literals", "distances"] {
        write(MANY.0, MANY.1);
        // A context map that contains only 0.
        write(0, 1);
        write(0b0001, 4);
        write(0, 8);
        write(0, 1);
    }
    // A literal; the insertion of 5 literals and a copy of 2 bytes; a distance.
    for (symbol, len) in [(u32::from(b'a'), 8), (5 << 3, 10), (0, 6)] {
        for _ in 0..256 {
            write(0b0001, 4);
            write(symbol, len);
        }
    }
    let bytes = bits.chunks(8).map(|bits| {
        let bits = bits.iter().enumerate();
        bits.map(|(at, bit)| u8::from(*bit) << at).sum()
    });
    bytes.collect()
}

fn zstd(bytes: &[u8], window_log: u32, declares_size: bool) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(window_log).unwrap();
    let size = declares_size.then_some(bytes.len() as u64);
    encoder.set_pledged_src_size(size).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
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
