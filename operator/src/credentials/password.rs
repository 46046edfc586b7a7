//! What may be a password.

use std::fmt;

/// bcrypt looks at no more bytes than these: a longer password would be accepted with any ending.
const MAX_BYTES: usize = 72;

/// A password that can be hashed: 1 to 72 bytes of UTF-8 without NUL. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Why a value is not a password. The text ends with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Nothing is left of it.
    #[error("is empty: write a password of 1 to 72 bytes")]
    Empty,
    /// It is longer than bcrypt reads.
    #[error("has {0} bytes: bcrypt reads 72 at most, write a shorter one")]
    TooLong(usize),
    /// It has a NUL in it, at which bcrypt implementations stop.
    #[error("contains a NUL byte: write one without")]
    Nul,
    /// It is not text.
    #[error("is not valid UTF-8: write it as text")]
    NotText,
}

impl Password {
    /// Reads a Secret's value. One line feed at the end, which `kubectl create secret --from-file` brings along, is not part of
    /// the password.
    ///
    /// # Errors
    /// When the value cannot be a password.
    pub fn parse(value: &[u8]) -> Result<Self, PasswordError> {
        let text = std::str::from_utf8(value).map_err(|_| PasswordError::NotText)?;
        let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        match text.len() {
            0 => Err(PasswordError::Empty),
            length if length > MAX_BYTES => Err(PasswordError::TooLong(length)),
            _ if text.contains('\0') => Err(PasswordError::Nul),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// A new one of 32 characters that need no quoting anywhere, with 192 random bits.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, aws_lc_rs::error::Unspecified> {
        random_text().map(Self)
    }

    /// The password itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(..)")
    }
}

/// 192 random bits as 32 characters of the URL-safe base64 alphabet.
///
/// # Errors
/// When the system gives no random bytes.
pub fn random_text() -> Result<String, aws_lc_rs::error::Unspecified> {
    use base64::Engine as _;
    let mut bytes = [0; 24];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_feed_at_the_end_is_not_part_of_it() {
        assert_eq!(Password::parse(b"s3cret\n").unwrap().expose(), "s3cret");
        assert_eq!(Password::parse(b"s3cret\r\n").unwrap().expose(), "s3cret");
        assert_eq!(Password::parse(b"two\nlines").unwrap().expose(), "two\nlines");
    }

    #[test]
    fn what_bcrypt_would_misread_is_refused() {
        assert_eq!(Password::parse(b""), Err(PasswordError::Empty));
        assert_eq!(Password::parse(b"\n"), Err(PasswordError::Empty));
        assert_eq!(Password::parse(&[b'x'; 73]), Err(PasswordError::TooLong(73)));
        assert!(Password::parse(&[b'x'; 72]).is_ok());
        assert_eq!(Password::parse(b"a\0b"), Err(PasswordError::Nul));
        assert_eq!(Password::parse(&[0xff]), Err(PasswordError::NotText));
    }

    #[test]
    fn generated_ones_differ_and_are_not_shown() {
        let (one, other) = (Password::generate().unwrap(), Password::generate().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.expose().len(), 32);
        assert_eq!(format!("{one:?}"), "Password(..)");
    }
}
