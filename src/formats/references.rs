//! References to characters in XML and HTML.

/// The length of the longest reference that is decoded, `&#1114111;`.
pub(crate) const MAX_REFERENCE_LEN: usize = 10;

/// Decodes references by number, those that XML predefines, and those of HTML for marks that may begin a secret.
pub(crate) fn decode_references(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, reference) = rest.split_at(at);
        out.push_str(before);
        let (c, len) = reference_at(reference).unwrap_or(('&', 1));
        out.push(c);
        rest = &reference[len..];
    }
    out.push_str(rest);
    out
}

/// Returns the character of the reference with which `text`, which begins with `&`, begins, and the length of the
/// reference.
pub(crate) fn reference_at(text: &str) -> Option<(char, usize)> {
    let end = text
        .bytes()
        .take(MAX_REFERENCE_LEN)
        .position(|byte| byte == b';')?;
    let name = &text[1..end];
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "sol" => '/',
        "colon" => ':',
        "equals" => '=',
        "commat" => '@',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((c, end + 1))
}
