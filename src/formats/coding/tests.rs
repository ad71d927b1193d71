#[cfg(any(feature = "compress-brotli", feature = "compress-zstd"))]
use proptest::prelude::*;

use super::*;

const TEXT: &[u8] = b"{\"code\":500,\"text\":\"The quick brown fox jumps over the lazy dog.\"}";
const NAMES: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

fn codings(value: &str) -> Codings {
    Codings::parse(std::iter::once(value.as_bytes()))
}

/// Applies the codings of a header value. Returns `None` if one of them is not enabled.
fn encoded(value: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut names = value.split(',');
    names.try_fold(bytes.to_vec(), |bytes, name| encode(name.trim(), &bytes))
}

fn encode(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match name.to_ascii_lowercase().as_str() {
        "" | "identity" => out.extend_from_slice(bytes),
        #[cfg(feature = "compress-gzip")]
        "gzip" | "x-gzip" => {
            let level = flate2::Compression::best();
            let mut encoder = flate2::bufread::GzEncoder::new(bytes, level);
            encoder.read_to_end(&mut out).unwrap();
        }
        #[cfg(feature = "compress-gzip")]
        "deflate" => {
            let level = flate2::Compression::best();
            let mut encoder = flate2::bufread::ZlibEncoder::new(bytes, level);
            encoder.read_to_end(&mut out).unwrap();
        }
        #[cfg(feature = "compress-brotli")]
        "br" => {
            let params = ::brotli::enc::BrotliEncoderParams::default();
            ::brotli::BrotliCompress(&mut &*bytes, &mut out, &params).unwrap();
        }
        #[cfg(feature = "compress-zstd")]
        "zstd" => out = ::zstd::stream::encode_all(bytes, 3).unwrap(),
        _ => return None,
    }
    Some(out)
}

fn decoded(bytes: &[u8], whole: bool) -> Option<Decoded> {
    Some(Decoded {
        bytes: bytes.to_vec(),
        whole,
    })
}

#[test]
fn codings_are_decoded_last_to_first() {
    for value in [
        "gzip",
        "X-GZip",
        "deflate",
        "br",
        "zstd",
        "gzip, br",
        "identity, zstd ,,deflate, gzip",
    ] {
        let codings = codings(value);
        let Some(encoded) = encoded(value, TEXT) else {
            assert!(codings.unsupported().is_some(), "{value}");
            continue;
        };
        assert!(
            !codings.is_identity() && codings.unsupported().is_none(),
            "{value}"
        );
        let result = codings.decode(&encoded, true, 4096);
        assert_eq!(result, decoded(TEXT, true), "{value}");
    }
}

#[cfg(feature = "compress-brotli")]
#[test]
fn brotli_of_another_encoder_is_decoded() {
    let items = (0..40).map(|nth| format!("{{\"id\":{nth},\"name\":\"item number {nth}\"}},"));
    let text: String = items.collect();
    // Made by the encoder in C.
    let digits = "1b3b05f82d0aec98065ea81d1c0e716256d594326caf4f6563a99309b35ba5b9a50e195d8a94b5\
        41cffe043cd5ab77f06b68231ec26aaceb025e98651ebf22f0753cf7f907efef26dc42db7887eca276d37b98bdec\
        3eee9be04510280649c17288124a155a1d4613561b8ebb160e21500c9282e51025942ab43a8c26ac361c776d1c46\
        a0182405cb214a28556875184d586db8bb03";
    let digits = digits.as_bytes().chunks(2);
    let encoded = digits.map(|hex| u8::from_str_radix(str::from_utf8(hex).unwrap(), 16).unwrap());
    let encoded: Vec<_> = encoded.collect();
    let codings = codings("br");
    assert_eq!(
        codings.decode(&encoded, true, 4096),
        decoded(text.as_bytes(), true)
    );
    let cut = codings.decode(&encoded[..120], false, 4096).unwrap();
    assert!(text.as_bytes().starts_with(&cut.bytes) && cut.bytes.len() > 100 && !cut.whole);
}

#[test]
fn the_result_is_cut_at_the_limit() {
    for value in NAMES {
        let Some(encoded) = encoded(value, TEXT) else {
            continue;
        };
        let all = codings(value).decode(&encoded, true, TEXT.len());
        assert_eq!(all, decoded(TEXT, true), "{value}");
        let some = codings(value).decode(&encoded, true, 9);
        assert_eq!(some, decoded(&TEXT[..9], false), "{value}");
    }
}

/// The names of the codings whose bodies may have several members.
const MULTI_MEMBER_NAMES: [&str; 2] = ["gzip", "zstd"];

#[test]
fn all_members_of_a_body_are_decoded() {
    for name in MULTI_MEMBER_NAMES {
        let parts = [&TEXT[..9], b"", b"", &TEXT[9..], b""];
        let members = parts.map(|part| encode(name, part).unwrap_or_default());
        if codings(name).unsupported().is_some() {
            continue;
        }
        for limit in [TEXT.len(), 4096] {
            let result = codings(name).decode(&members.concat(), true, limit);
            assert_eq!(result, decoded(TEXT, true), "{name} {limit}");
        }
        let cut = codings(name).decode(&members.concat(), true, 20);
        assert_eq!(cut, decoded(&TEXT[..20], false), "{name}");
    }
}

#[test]
fn bytes_after_the_end_of_the_coding_are_ignored() {
    for name in NAMES {
        let Some(member) = encode(name, TEXT) else {
            continue;
        };
        for rest in [
            &b"\n"[..],
            b"\r\n",
            b"\0",
            &[0; 600],
            b"rubbish that follows",
            b"\x1f",
            b"\x28\xb5",
            b"\x50\x2a",
        ] {
            for limit in [TEXT.len(), 4096] {
                let body = [&member, rest].concat();
                let result = codings(name).decode(&body, true, limit);
                assert_eq!(result, decoded(TEXT, true), "{name} {rest:?} {limit}");
                let prefix = codings(name).decode(&body, false, limit);
                assert_eq!(prefix, decoded(TEXT, false), "{name} {rest:?} {limit}");
            }
            // Members after such bytes are ignored, too.
            let body = [&member, rest, b"-", &member].concat();
            let result = codings(name).decode(&body, true, 4096);
            assert_eq!(result, decoded(TEXT, true), "{name} {rest:?}");
        }
    }
}

#[test]
fn a_damaged_or_truncated_member_makes_the_body_invalid() {
    for name in MULTI_MEMBER_NAMES {
        let Some(member) = encode(name, TEXT) else {
            continue;
        };
        let two = [&member[..], &member].concat();
        // Fewer bytes are not recognized as the beginning of a member.
        for end in member.len() + 4..two.len() {
            let result = codings(name).decode(&two[..end], true, 4096);
            assert_eq!(result, None, "{name} {end}");
            let cut = codings(name).decode(&two[..end], false, 4096).unwrap();
            assert!(cut.bytes.starts_with(TEXT) && !cut.whole, "{name} {end}");
        }
    }
}

#[cfg(feature = "compress-zstd")]
#[test]
fn damaged_zstd_bodies_are_not_decoded() {
    let valid = zstd_encoded(TEXT, 20, true, true);
    let in_checksum = valid.len() - 1;
    for at in [4, 10, in_checksum] {
        let mut damaged = valid.clone();
        damaged[at] ^= 0xff;
        assert_eq!(codings("zstd").decode(&damaged, true, 4096), None, "{at}");
        let second = [&valid[..], &damaged].concat();
        assert_eq!(codings("zstd").decode(&second, true, 4096), None, "{at}");
    }
}

#[cfg(feature = "compress-zstd")]
#[test]
fn skippable_frames_are_skipped() {
    let skippable = b"\x5f\x2a\x4d\x18\x03\0\0\0abc";
    let frame = encode("zstd", TEXT).unwrap();
    let body = [&skippable[..], &frame, skippable, skippable].concat();
    let result = codings("zstd").decode(&body, true, 4096);
    assert_eq!(result, decoded(TEXT, true));
    let cut = &body[..body.len() - 1];
    assert_eq!(codings("zstd").decode(cut, true, 4096), None);
}

#[test]
fn many_empty_members_are_decoded() {
    for name in MULTI_MEMBER_NAMES {
        let (Some(empty), Some(member)) = (encode(name, b""), encode(name, TEXT)) else {
            continue;
        };
        let body = [&empty.repeat(2000)[..], &member].concat();
        let result = codings(name).decode(&body, true, 4096);
        assert_eq!(result, decoded(TEXT, true), "{name}");
    }
}

#[cfg(feature = "compress-gzip")]
#[test]
fn deflate_without_zlib_wrapper_is_decoded() {
    for level in [0, 1, 9] {
        let level = flate2::Compression::new(level);
        let mut raw = Vec::new();
        let mut encoder = flate2::bufread::DeflateEncoder::new(TEXT, level);
        encoder.read_to_end(&mut raw).unwrap();
        let result = codings("deflate").decode(&raw, true, 4096);
        assert_eq!(result, decoded(TEXT, true));
        for end in 0..raw.len() {
            let result = codings("deflate").decode(&raw[..end], true, 4096);
            assert_eq!(result, None, "{end}");
            if let Some(cut) = codings("deflate").decode(&raw[..end], false, 4096) {
                assert!(TEXT.starts_with(&cut.bytes) && !cut.whole, "{end}");
            }
        }
    }
    // The checksum of a zlib stream is still verified.
    let mut damaged = encode("deflate", TEXT).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(codings("deflate").decode(&damaged, true, 4096), None);
}

#[test]
fn a_truncated_body_is_decoded_up_to_its_end() {
    let text: String = (0..40)
        .map(|id| format!("{{\"id\":{id},\"name\":\"item number {id}\"}},"))
        .collect();
    for value in NAMES {
        let Some(encoded) = encoded(value, text.as_bytes()) else {
            continue;
        };
        let mut longest = 0;
        for end in 0..encoded.len() {
            let prefix = &encoded[..end];
            // A complete body that ends here is invalid.
            let whole = codings(value).decode(prefix, true, 4096);
            assert_eq!(whole, None, "{value} {end}");
            if let Some(decoded) = codings(value).decode(prefix, false, 4096) {
                assert!(text.as_bytes().starts_with(&decoded.bytes) && !decoded.whole);
                assert!(decoded.bytes.len() >= longest);
                longest = decoded.bytes.len();
            }
        }
        // A truncated block of zstd cannot be decoded.
        assert!(longest > 100 || value == "zstd", "{value}: {longest}");
    }
}

#[test]
fn invalid_bodies_are_not_decoded() {
    for value in NAMES
        .into_iter()
        .filter(|value| codings(value).unsupported().is_none())
    {
        assert_eq!(codings(value).decode(b"\xffplain", true, 4096), None);
    }
}

#[cfg(feature = "compress-gzip")]
#[test]
fn damaged_gzip_bodies_are_not_decoded() {
    let valid = encode("gzip", TEXT).unwrap();
    let in_checksum = valid.len() - 8;
    for at in [20, in_checksum] {
        let mut damaged = valid.clone();
        damaged[at] ^= 0xff;
        assert_eq!(codings("gzip").decode(&damaged, true, 4096), None, "{at}");
    }
    assert_eq!(codings("gzip").decode(b"", true, 4096), None);
}

#[test]
fn unknown_codings_and_identity_are_recognized() {
    for value in ["compress", "gzip, x", "gzip, gzip, gzip, gzip"] {
        assert!(codings(value).unsupported().is_some(), "{value}");
        assert_eq!(codings(value).decode(TEXT, true, 4096), None, "{value}");
    }
    for value in [
        "",
        "identity",
        " , Identity,",
        "utf-8",
        "UTF8",
        "iso-8859-1",
        "us-ascii, identity",
        "UTF-8",
        "charset=utf-8",
        "Charset=\"UTF-8\"",
        "none",
        "binary",
        "7bit",
        "8BIT",
        "windows-1252",
    ] {
        assert!(codings(value).is_identity(), "{value}");
    }
    assert_eq!(codings("utf-8, gzip"), codings("gzip"));
}

/// A text with repetitions, some of them from far away. Each of `pieces` is a number of new bytes, then the distance
/// and the length of a copy.
#[cfg(any(feature = "compress-brotli", feature = "compress-zstd"))]
fn text_with_copies(pieces: &[(usize, usize, usize)]) -> Vec<u8> {
    let (mut text, mut random) = (Vec::new(), 1_u64);
    for &(new, distance, len) in pieces {
        text.extend(
            std::iter::repeat_with(|| {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                b' ' + (random >> 59) as u8
            })
            .take(new),
        );
        for _ in 0..len {
            let from = text.len().checked_sub(distance);
            text.push(from.map_or(b'?', |from| text[from]));
        }
    }
    text
}

#[cfg(feature = "compress-brotli")]
fn brotli_encoded(text: &[u8], window_log: i32, quality: i32) -> Vec<u8> {
    let mut out = Vec::new();
    let params = ::brotli::enc::BrotliEncoderParams {
        lgwin: window_log,
        quality,
        ..Default::default()
    };
    ::brotli::BrotliCompress(&mut &*text, &mut out, &params).unwrap();
    out
}

#[cfg(feature = "compress-zstd")]
fn zstd_encoded(text: &[u8], window_log: u32, has_size: bool, has_checksum: bool) -> Vec<u8> {
    use std::io::Write as _;

    let mut encoder = ::zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(window_log).unwrap();
    encoder.long_distance_matching(window_log > 20).unwrap();
    encoder.include_contentsize(has_size).unwrap();
    encoder.include_checksum(has_checksum).unwrap();
    let size = has_size.then_some(text.len() as u64);
    encoder.set_pledged_src_size(size).unwrap();
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Decodes with the window that the body declares.
#[cfg(feature = "compress-zstd")]
fn zstd_with_declared_window(body: &[u8], whole: bool, limit: usize) -> Option<Decoded> {
    let mut decoder = ::zstd::stream::read::Decoder::with_buffer(body).unwrap();
    decoder.window_log_max(31).unwrap();
    prefix(decoder, whole, limit)
}

#[cfg(feature = "compress-brotli")]
#[test]
fn a_smaller_window_of_brotli_changes_nothing_before_the_limit() {
    const SMALL_WINDOW: usize = 1 << 18;
    // The copy begins near the end of the smaller window, and comes from outside of it.
    for before in (SMALL_WINDOW - 20..SMALL_WINDOW + 2).step_by(3) {
        let text = text_with_copies(&[(before, before, 300), (500, 0, 0)]);
        let body = brotli_encoded(&text, 24, 5);
        for limit in [
            0,
            9,
            4096,
            SMALL_WINDOW - 17,
            SMALL_WINDOW - 16,
            SMALL_WINDOW - 15,
        ] {
            let result = codings("br").decode(&body, true, limit);
            assert_eq!(result, decoded(&text[..limit], false), "{before} {limit}");
        }
        let result = codings("br").decode(&body, true, text.len());
        assert_eq!(result, decoded(&text, true), "{before}");
    }
}

#[cfg(feature = "compress-brotli")]
#[test]
fn brotli_of_every_window_is_decoded() {
    for text in [&b""[..], TEXT] {
        for window_log in 10..=24 {
            let body = brotli_encoded(text, window_log, 5);
            let result = codings("br").decode(&body, true, 4096);
            assert_eq!(result, decoded(text, true), "{window_log}");
        }
    }
}

#[cfg(feature = "compress-zstd")]
#[test]
fn a_smaller_window_of_zstd_changes_nothing_before_the_limit() {
    const BLOCK: usize = 128 << 10;
    for len in [1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1, 5 * BLOCK + 7] {
        let half = len.div_ceil(2);
        let text = text_with_copies(&[(half, half, len - half)]);
        for window_log in 10..=27 {
            for has_size in [false, true] {
                let body = zstd_encoded(&text, window_log, has_size, true);
                for limit in [1, BLOCK - 1, BLOCK, BLOCK + 1, len - 1, len, len + 1] {
                    let expected = decoded(&text[..limit.min(len)], limit >= len);
                    let result = codings("zstd").decode(&body, true, limit);
                    assert!(result == expected, "{len} {window_log} {has_size} {limit}");
                    // The same holds for a frame that follows.
                    let two = [&body[..], &body].concat();
                    let text = [&text[..], &text].concat();
                    let expected = decoded(&text[..limit.min(2 * len)], limit >= 2 * len);
                    let result = codings("zstd").decode(&two, true, limit);
                    assert!(result == expected, "{len} {window_log} {has_size} {limit}");
                }
            }
        }
    }
}

/// Changes the byte at a fraction of the body.
#[cfg(any(feature = "compress-brotli", feature = "compress-zstd"))]
fn damage_one_byte(body: &mut [u8], damage: Option<(f64, u8)>) {
    let len = body.len() as f64;
    if let Some((at, mask)) = damage
        && let Some(byte) = body.get_mut((at * len) as usize)
    {
        *byte ^= mask;
    }
}

#[cfg(any(feature = "compress-brotli", feature = "compress-zstd"))]
fn pieces() -> impl Strategy<Value = Vec<(usize, usize, usize)>> {
    let piece = (0..80_000_usize, 1..300_000_usize, 0..60_000_usize);
    prop::collection::vec(piece, 1..8)
}

#[cfg(any(feature = "compress-brotli", feature = "compress-zstd"))]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[cfg(feature = "compress-brotli")]
    #[test]
    fn brotli_is_decoded_as_with_the_declared_window(
        pieces in pieces(),
        window_log in 10..=24_i32,
        quality in 2..6_i32,
        limit in prop_oneof![0..5000_usize, 0..600_000_usize],
        cut in prop::option::of(0.0..1.0_f64),
        damage in prop::option::of((0.0..1.0_f64, 1..=255_u8)),
    ) {
        let text = text_with_copies(&pieces);
        let mut body = brotli_encoded(&text, window_log, quality);
        damage_one_byte(&mut body, damage);
        let end = cut.map_or(body.len(), |cut| (cut * body.len() as f64) as usize);
        let whole = cut.is_none();
        let expected = prefix(brotli::Brotli::new(&body[..end], usize::MAX), whole, limit);
        let result = codings("br").decode(&body[..end], whole, limit);
        prop_assert!(result == expected);
        if whole && damage.is_none() {
            let expected = decoded(&text[..limit.min(text.len())], limit >= text.len());
            prop_assert!(result == expected);
        }
    }

    #[cfg(feature = "compress-zstd")]
    #[test]
    fn zstd_is_decoded_as_with_the_declared_window(
        pieces in pieces(),
        window_log in 10..=27_u32,
        has_size in any::<bool>(),
        has_checksum in any::<bool>(),
        limit in prop_oneof![0..5000_usize, 0..600_000_usize],
        cut in prop::option::of(0.0..1.0_f64),
        damage in prop::option::of((0.0..1.0_f64, 1..=255_u8)),
    ) {
        let text = text_with_copies(&pieces);
        let mut body = zstd_encoded(&text, window_log, has_size, has_checksum);
        // Not the header, where the other decoder refuses a window of more than 2 GiB.
        damage_one_byte(body.get_mut(18..).unwrap_or_default(), damage);
        let end = cut.map_or(body.len(), |cut| (cut * body.len() as f64) as usize);
        let whole = cut.is_none();
        let expected = zstd_with_declared_window(&body[..end], whole, limit);
        let result = codings("zstd").decode(&body[..end], whole, limit);
        prop_assert!(result == expected);
        if whole && damage.is_none() {
            let expected = decoded(&text[..limit.min(text.len())], limit >= text.len());
            prop_assert!(result == expected);
        }
    }
}
