//! Values as files and environment variables have them.

use std::{
    convert::Infallible,
    fmt::{self, Display},
    net::IpAddr,
    str::FromStr,
};

use actix_web::http::header::HeaderName;
use bytesize::ByteSize;
use ipnet::IpNet;
use log::Level;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IntoDeserializer as _, SeqAccess, Visitor},
};

/// A number of bytes, or a text such as `16 MiB`.
pub(super) fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = usize;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number of bytes, or a text such as \"16 MiB\"")
        }

        fn visit_u64<E: Error>(self, bytes: u64) -> Result<usize, E> {
            usize::try_from(bytes).map_err(|_| E::custom(format!("{bytes} bytes are too many")))
        }

        fn visit_i64<E: Error>(self, bytes: i64) -> Result<usize, E> {
            usize::try_from(bytes).map_err(|_| E::custom(format!("{bytes} is no number of bytes")))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<usize, E> {
            match text.trim().parse::<ByteSize>() {
                // What is too large for the parser becomes the largest number.
                Ok(ByteSize(u64::MAX)) => Err(E::custom(format!("{text:?} are too many bytes"))),
                Ok(ByteSize(bytes)) => self.visit_u64(bytes),
                Err(_) => Err(E::custom(format!(
                    "{text:?} is no number of bytes; one is written 4096 or \"16 MiB\""
                ))),
            }
        }
    }

    deserializer.deserialize_any(Bytes)
}

/// A number, or a text that is one, as variables of the environment are.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    struct Number;

    impl Visitor<'_> for Number {
        type Value = f64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number")
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
            Ok(number)
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
            Ok(number as f64)
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
            Ok(number as f64)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
            let number = text.trim().parse();
            number.map_err(|_| E::custom(format!("{text:?} is no number")))
        }
    }

    deserializer.deserialize_any(Number)
}

/// One of several words, in upper or lower case.
pub(super) fn word<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let word = String::deserialize(deserializer)?
        .trim()
        .to_ascii_lowercase();
    T::deserialize(word.into_deserializer())
}

pub(super) fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Level, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.trim().parse().map_err(|_| {
        D::Error::custom(format!(
            "{text:?} is no level: one of error, warn, info, debug, trace"
        ))
    })
}

/// An element of a list.
pub(super) trait Item: Sized {
    type Error: Display;
    fn parse(text: &str) -> Result<Self, Self::Error>;
}

impl Item for String {
    type Error = Infallible;

    fn parse(text: &str) -> Result<Self, Infallible> {
        Ok(text.to_owned())
    }
}

impl Item for HeaderName {
    type Error = <HeaderName as FromStr>::Err;

    fn parse(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl Item for IpNet {
    type Error = &'static str;

    fn parse(text: &str) -> Result<Self, Self::Error> {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        address
            .or_else(|_| text.parse())
            .map_err(|_| "neither an address nor a network such as 10.0.0.0/8")
    }
}

/// A list of texts, or one text with commas.
pub(super) fn list<'de, D: Deserializer<'de>, T: Item>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct List<T>(Vec<T>);

    impl<T: Item> List<T> {
        fn push<E: Error>(&mut self, text: &str) -> Result<(), E> {
            let item = T::parse(text).map_err(|error| E::custom(format!("{text:?}: {error}")))?;
            self.0.push(item);
            Ok(())
        }
    }

    impl<'de, T: Item> Visitor<'de> for List<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of texts, or a text with commas")
        }

        fn visit_str<E: Error>(mut self, text: &str) -> Result<Vec<T>, E> {
            let texts = text.split(',').map(str::trim);
            for text in texts.filter(|text| !text.is_empty()) {
                self.push(text)?;
            }
            Ok(self.0)
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut texts: A) -> Result<Vec<T>, A::Error> {
            while let Some(text) = texts.next_element::<String>()? {
                self.push(&text)?;
            }
            Ok(self.0)
        }
    }

    deserializer.deserialize_any(List(Vec::new()))
}
