//! The tokens with which lists go on: the last id, in hexadecimal digits. Clients and the shape of
//! ListImports want at least 112 of them, so that zeros fill the end.

use api::Error;

/// How many digits a token has at least; a multiple of 16, as the shape wants it.
const DIGITS: usize = 112;

/// The token to go on behind this id.
pub(super) fn next_token(last_id: &str) -> String {
    let mut token: String = last_id.bytes().map(|byte| format!("{byte:02x}")).collect();
    while token.len() < DIGITS || !token.len().is_multiple_of(16) {
        token.push('0');
    }
    token
}

/// The id in a token.
pub(super) fn parse(token: &str) -> Result<String, Error> {
    let invalid = || Error::validation("Invalid NextToken");
    let bytes: Option<Vec<u8>> = (0..token.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(token.get(at..at + 2)?, 16).ok())
        .collect();
    let bytes = bytes.ok_or_else(invalid)?;
    let id = String::from_utf8(bytes).map_err(|_| invalid())?;
    Ok(id.trim_end_matches('\0').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_back() {
        for id in ["01658528578619-c4d4e311", "", "a"] {
            let token = next_token(id);
            assert!(token.len() >= 112 && token.len().is_multiple_of(16), "{token}");
            assert_eq!(parse(&token).unwrap(), id);
        }
        for token in ["zz", "123", "ü", "ff"] {
            assert!(parse(token).is_err(), "{token}");
        }
    }
}
