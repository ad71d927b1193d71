//! Enums whose variants have a text form.

use std::{error::Error, fmt};

/// The error of parsing the text form of an enum of this crate, such as
/// [`BodyPolicy`](crate::BodyPolicy) or [`Schema`](crate::Schema). The message lists all valid texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseEnumError {
    text: String,
    expected: &'static [&'static str],
}

impl ParseEnumError {
    pub(crate) fn new(text: &str, expected: &'static [&'static str]) -> Self {
        let text = text.to_owned();
        Self { text, expected }
    }
}

impl fmt::Display for ParseEnumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expected = self.expected.join(", ");
        write!(f, "{:?} is unknown, expected one of: {expected}", self.text)
    }
}

impl Error for ParseEnumError {}

/// Defines an enum with the text form of each variant: `as_str`, `Display` and `FromStr`, and the same text for serde.
macro_rules! text_enum {
    (
        $(#[$attribute:meta])*
        pub enum $name:ident {
            $($(#[$variant_attribute:meta])* $variant:ident = $text:literal $(| $alias:literal)?,)*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_attribute])* $variant,)*
        }

        impl $name {
            const TEXTS: &[&str] = &[$($text,)*];

            /// Returns the text form, as in records and configurations.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::util::text_enum::ParseEnumError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text $(| $alias)? => Ok(Self::$variant),)*
                    _ => Err(Self::Err::new(text, Self::TEXTS)),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let unknown = |_| serde::de::Error::unknown_variant(&text, Self::TEXTS);
                text.parse().map_err(unknown)
            }
        }
    };
}

pub(crate) use text_enum;
