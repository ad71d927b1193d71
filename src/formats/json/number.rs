//! The grammar of numbers (RFC 8259, section 6).

/// The state after some bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Minus,
    Zero,
    Int,
    Point,
    Fraction,
    E,
    Sign,
    Exponent,
}

impl Number {
    /// Returns the state after the first byte, which is a digit or a minus sign.
    pub(crate) fn first(byte: u8) -> Self {
        match byte {
            b'-' => Self::Minus,
            b'0' => Self::Zero,
            _ => Self::Int,
        }
    }

    /// Returns the state after another byte, or `None` if the byte is not part of the number.
    pub(crate) fn step(self, byte: u8) -> Option<Self> {
        use Number::*;
        Some(match (self, byte) {
            (Minus, b'0') => Zero,
            (Minus, b'1'..=b'9') | (Int, b'0'..=b'9') => Int,
            (Zero | Int, b'.') => Point,
            (Point | Fraction, b'0'..=b'9') => Fraction,
            (Zero | Int | Fraction, b'e' | b'E') => E,
            (E, b'+' | b'-') => Sign,
            (E | Sign | Exponent, b'0'..=b'9') => Exponent,
            _ => return None,
        })
    }

    /// Returns whether the bytes so far are a complete number.
    pub(crate) fn may_end(self) -> bool {
        matches!(
            self,
            Self::Zero | Self::Int | Self::Fraction | Self::Exponent
        )
    }
}
