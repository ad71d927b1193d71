//! The shapes by which a secret is recognized without a name.

use crate::util::text_enum::text_enum;

text_enum! {
    /// A kind of secret that is recognized by its shape and hidden without a sensitive name.
    ///
    /// All shapes are hidden by default. [`BodyLog::keep_shape`](crate::BodyLog::keep_shape) shows one of them.
    pub enum Shape {
        /// The token after `Bearer` or `Basic`.
        AuthScheme = "auth_scheme",
        /// A JSON web token.
        Jwt = "jwt",
        /// The user information of a URL, `ann:password` in `https://ann:password@host/`, and the password in
        /// `curl -u ann:password`.
        UserInfo = "user_info",
        /// A private key in PEM form, from `-----BEGIN ... PRIVATE KEY-----` to its end marker.
        PrivateKey = "private_key",
        /// A token whose prefix names its issuer, such as `ghp_`, `sk_live_` or `AKIA`.
        VendorToken = "vendor_token",
        /// The number of a payment card.
        CardNumber = "card_number",
    }
}

/// A set of shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shapes(u8);

impl Shapes {
    pub(crate) const ALL: Self = Self(u8::MAX);
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn has(self, shape: Shape) -> bool {
        self.0 & Self::bit(shape) != 0
    }

    pub(crate) fn remove(&mut self, shape: Shape) {
        self.0 &= !Self::bit(shape);
    }

    fn bit(shape: Shape) -> u8 {
        1 << shape as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removing_a_shape_leaves_the_other_shapes_in_the_set() {
        let all = Shape::TEXTS.iter().map(|text| text.parse().unwrap());
        let all: Vec<Shape> = all.collect();
        for &removed in &all {
            let mut shapes = Shapes::ALL;
            shapes.remove(removed);
            assert!(
                all.iter()
                    .all(|&shape| shapes.has(shape) == (shape != removed))
            );
            assert!(!Shapes::NONE.has(removed));
        }
    }
}
