//! Numbers: decimals of up to 38 significant digits, kept exactly.
//!
//! A [`Number`] is `coefficient * 10^exponent` with no trailing zero in the coefficient, so that equal
//! numbers are equal bit for bit. Range: 1E-130 to 9.99...E+125, either sign, and zero (AWS-FACTS 28 to 30).

use std::cmp::Ordering;
use std::fmt;

use crate::limits::{NUMBER_DIGITS_MAX, NUMBER_EXPONENT_MAX, NUMBER_EXPONENT_MIN};

/// An exact decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Number {
    coefficient: i128,
    exponent: i16,
}

/// Why a text or a result is no number of the service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// The text is not a decimal number.
    NotANumber,
    /// More than 38 significant digits.
    TooManyDigits,
    /// The magnitude is above 9.99...E+125.
    Overflow,
    /// The magnitude is below 1E-130 and not zero.
    Underflow,
}

/// How many decimal digits a positive value has.
fn digit_count(value: u128) -> u32 {
    value.checked_ilog10().map_or(0, |log| log + 1)
}

/// The base in which wide coefficients are kept as two halves: see [`WideCoefficient`].
const HALF_BASE: i128 = 10_i128.pow(19);

/// A coefficient of up to 40 digits, `top * 10^19 + low`, both of one sign or of two: the sum of two
/// 39-digit coefficients does not fit an `i128`.
struct WideCoefficient {
    top: i128,
    low: i128,
}

impl WideCoefficient {
    /// `coefficient * 10^shift`, where the product has at most 39 digits.
    fn shifted(coefficient: i128, shift: u32) -> Self {
        if shift >= 19 {
            return WideCoefficient {
                top: coefficient * 10_i128.pow(shift - 19),
                low: 0,
            };
        }
        let split = 10_i128.pow(19 - shift);
        WideCoefficient {
            top: coefficient / split,
            low: (coefficient % split) * 10_i128.pow(shift),
        }
    }

    fn add(self, other: Self) -> Self {
        WideCoefficient {
            top: self.top + other.top,
            low: self.low + other.low,
        }
    }

    /// The value and its exponent after trailing zeros that do not fit 38 digits are moved there.
    fn narrow(self, mut exponent: i64) -> Result<(i128, i64), NumberError> {
        // Give both halves one sign, with the lower one below the base.
        let mut top = self.top + self.low / HALF_BASE;
        let mut low = self.low % HALF_BASE;
        if top > 0 && low < 0 {
            top -= 1;
            low += HALF_BASE;
        } else if top < 0 && low > 0 {
            top += 1;
            low -= HALF_BASE;
        }
        while top.abs() >= HALF_BASE {
            if low % 10 != 0 {
                return Err(NumberError::TooManyDigits);
            }
            low = low / 10 + (top % 10) * (HALF_BASE / 10);
            top /= 10;
            exponent += 1;
        }
        Ok((top * HALF_BASE + low, exponent))
    }
}

impl Number {
    /// Zero.
    pub const ZERO: Number = Number {
        coefficient: 0,
        exponent: 0,
    };

    /// `coefficient * 10^exponent`, checked and normalized.
    fn new(mut coefficient: i128, mut exponent: i64) -> Result<Self, NumberError> {
        if coefficient == 0 {
            return Ok(Self::ZERO);
        }
        while coefficient % 10 == 0 {
            coefficient /= 10;
            exponent += 1;
        }
        let digits = digit_count(coefficient.unsigned_abs());
        if digits > NUMBER_DIGITS_MAX {
            return Err(NumberError::TooManyDigits);
        }
        let leading = exponent + i64::from(digits) - 1;
        if leading > NUMBER_EXPONENT_MAX {
            return Err(NumberError::Overflow);
        }
        if leading < NUMBER_EXPONENT_MIN {
            return Err(NumberError::Underflow);
        }
        Ok(Number {
            coefficient,
            exponent: exponent as i16,
        })
    }

    /// Reads a decimal as the service accepts it: an optional sign, digits with an optional point
    /// before, between or after them, an optional exponent; no white space.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let bytes = text.as_bytes();
        let (negative, mut at) = match bytes.first() {
            Some(b'-') => (true, 1),
            Some(b'+') => (false, 1),
            _ => (false, 0),
        };
        let mut coefficient: i128 = 0;
        let mut digits = 0; // significant digits in `coefficient`
        let mut exponent: i64 = 0;
        let mut pending_zeros: i64 = 0; // zeros after the last non-zero digit
        let mut any_digit = false;
        let mut after_point = false;
        let mut too_many = false;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'0'..=b'9' => {
                    any_digit = true;
                    exponent -= i64::from(after_point);
                    if byte == b'0' {
                        pending_zeros += i64::from(digits > 0);
                    } else {
                        digits += 1 + pending_zeros;
                        if digits > i64::from(NUMBER_DIGITS_MAX) {
                            too_many = true;
                        } else {
                            coefficient *= 10_i128.pow(pending_zeros as u32 + 1);
                            coefficient += i128::from(byte - b'0');
                        }
                        pending_zeros = 0;
                    }
                }
                b'.' if !after_point => after_point = true,
                _ => break,
            }
            at += 1;
        }
        if !any_digit {
            return Err(NumberError::NotANumber);
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            let written: i64 = bytes
                .get(at + 1..)
                .and_then(|rest| std::str::from_utf8(rest).ok())
                .and_then(|rest| rest.parse().ok())
                .ok_or(NumberError::NotANumber)?;
            exponent = exponent.saturating_add(written);
        } else if at != bytes.len() {
            return Err(NumberError::NotANumber);
        }
        if digits == 0 {
            // Zero is checked by the exponent that it was written with (AWS-FACTS 30).
            return match exponent {
                e if e > NUMBER_EXPONENT_MAX => Err(NumberError::Overflow),
                e if e < NUMBER_EXPONENT_MIN => Err(NumberError::Underflow),
                _ => Ok(Self::ZERO),
            };
        }
        // The power of ten of the first significant digit decides the range, before the digits do.
        let leading = exponent.saturating_add(digits + pending_zeros - 1);
        if leading > NUMBER_EXPONENT_MAX {
            return Err(NumberError::Overflow);
        }
        if leading < NUMBER_EXPONENT_MIN {
            return Err(NumberError::Underflow);
        }
        if too_many {
            return Err(NumberError::TooManyDigits);
        }
        Self::new(
            if negative { -coefficient } else { coefficient },
            exponent + pending_zeros,
        )
    }

    /// The sum, exact.
    pub fn checked_add(self, other: Self) -> Result<Self, NumberError> {
        if self.coefficient == 0 {
            return Ok(other);
        }
        if other.coefficient == 0 {
            return Ok(self);
        }
        let (high, low) = if self.exponent >= other.exponent {
            (self, other)
        } else {
            (other, self)
        };
        let shift = (high.exponent - low.exponent) as u32;
        // The last digit of `low` is not zero and stays, so that 40 digits can't become 38.
        if digit_count(high.coefficient.unsigned_abs()) + shift > NUMBER_DIGITS_MAX + 1 {
            return Err(NumberError::TooManyDigits);
        }
        let sum = WideCoefficient::shifted(high.coefficient, shift)
            .add(WideCoefficient::shifted(low.coefficient, 0));
        let (coefficient, exponent) = sum.narrow(i64::from(low.exponent))?;
        Self::new(coefficient, exponent)
    }

    /// The difference, exact.
    pub fn checked_sub(self, other: Self) -> Result<Self, NumberError> {
        self.checked_add(Number {
            coefficient: -other.coefficient,
            exponent: other.exponent,
        })
    }

    /// The power of ten of the first digit. Meaningless for zero.
    fn leading_exponent(self) -> i64 {
        i64::from(self.exponent) + i64::from(digit_count(self.coefficient.unsigned_abs())) - 1
    }

    /// The coefficient, without trailing zeros, and the power of ten that it is multiplied by.
    pub fn parts(self) -> (i128, i16) {
        (self.coefficient, self.exponent)
    }

    /// What the number costs in an item, in bytes (AWS-FACTS 28): one, and one for every two
    /// significant digits before the point, and again after it, and one for a minus sign.
    pub fn size_bytes(self) -> usize {
        if self.coefficient == 0 {
            return 1;
        }
        let digits = i64::from(digit_count(self.coefficient.unsigned_abs()));
        let exponent = i64::from(self.exponent);
        let fraction_digits = (-exponent).clamp(0, digits);
        let integer_digits = digits - fraction_digits;
        let size = 1 + (integer_digits + 1) / 2 + (fraction_digits + 1) / 2 + i64::from(self.coefficient < 0);
        size as usize
    }

    /// Writes the number in the order-preserving form that keys use: sign, first digit's power of
    /// ten, digits two to a byte, and an end mark, so that it also tells where it ends.
    pub fn append_ordered(self, out: &mut Vec<u8>) {
        if self.coefficient == 0 {
            out.push(0x80);
            return;
        }
        let negative = self.coefficient < 0;
        let flip = |byte: u8| if negative { !byte } else { byte };
        out.push(if negative { 0x40 } else { 0xC0 });
        out.push(flip((self.leading_exponent() - NUMBER_EXPONENT_MIN) as u8));
        let mut coefficient = self.coefficient.unsigned_abs();
        let digits = digit_count(coefficient);
        if digits % 2 == 1 {
            coefficient *= 10;
        }
        let mut pairs = [0u8; NUMBER_DIGITS_MAX as usize / 2];
        let count = digits.div_ceil(2) as usize;
        for pair in pairs[..count].iter_mut().rev() {
            *pair = (coefficient % 100) as u8 + 1;
            coefficient /= 100;
        }
        out.extend(pairs[..count].iter().map(|&pair| flip(pair)));
        out.push(flip(0));
    }

    /// Whether the parts are those of a number within the service's limits: true of every number but
    /// one that was read from damaged bytes.
    pub(crate) fn is_normal(self) -> bool {
        Self::new(self.coefficient, i64::from(self.exponent)) == Ok(self)
    }

    /// Writes the number in its stored form: exponent and coefficient as signed variable-length integers.
    pub(crate) fn append_stored(self, out: &mut Vec<u8>) {
        let exponent = ((self.exponent << 1) ^ (self.exponent >> 15)) as u16;
        append_variable(out, u128::from(exponent));
        append_variable(out, ((self.coefficient << 1) ^ (self.coefficient >> 127)) as u128);
    }

    /// Reads what [`Number::append_stored`] wrote at the start of `bytes`, and how long it is.
    #[inline]
    pub(crate) fn read_stored(bytes: &[u8]) -> (Self, usize) {
        let (exponent, exponent_bytes) = read_variable(bytes);
        let (coefficient, coefficient_bytes) = read_variable(&bytes[exponent_bytes..]);
        let exponent = exponent as u16;
        let number = Number {
            coefficient: ((coefficient >> 1) as i128) ^ -((coefficient & 1) as i128),
            exponent: ((exponent >> 1) as i16) ^ -((exponent & 1) as i16),
        };
        (number, exponent_bytes + coefficient_bytes)
    }

    /// Appends the decimal expansion, without exponent: `1E3` is written `1000`.
    pub fn append_decimal(self, out: &mut Vec<u8>) {
        if self.coefficient < 0 {
            out.push(b'-');
        }
        let mut buffer = [0u8; NUMBER_DIGITS_MAX as usize + 1];
        let mut start = buffer.len();
        let mut rest = self.coefficient.unsigned_abs();
        loop {
            // A u64 divides several times faster than a u128.
            if let Ok(mut small) = u64::try_from(rest) {
                loop {
                    start -= 1;
                    buffer[start] = b'0' + (small % 10) as u8;
                    small /= 10;
                    if small == 0 {
                        break;
                    }
                }
                break;
            }
            start -= 1;
            buffer[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let digits = &buffer[start..];
        let exponent = i64::from(self.exponent);
        if exponent >= 0 {
            out.extend_from_slice(digits);
            out.resize(out.len() + exponent as usize, b'0');
            return;
        }
        let fraction_digits = (-exponent) as usize;
        if fraction_digits >= digits.len() {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + fraction_digits - digits.len(), b'0');
            out.extend_from_slice(digits);
        } else {
            let (integer, fraction) = digits.split_at(digits.len() - fraction_digits);
            out.extend_from_slice(integer);
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
    }

    /// The whole part of the number, where it is not negative and a `u64` holds it.
    pub fn whole_u64(self) -> Option<u64> {
        let exponent = i32::from(self.exponent);
        let Ok(digits_dropped) = u32::try_from(-exponent) else {
            let scale = 10_i128.checked_pow(exponent.unsigned_abs())?;
            return u64::try_from(self.coefficient.checked_mul(scale)?).ok();
        };
        if self.coefficient < 0 {
            return None;
        }
        // A power of ten that is out of range is above any coefficient.
        let whole = 10_i128
            .checked_pow(digits_dropped)
            .map_or(0, |scale| self.coefficient / scale);
        u64::try_from(whole).ok()
    }
}

/// Appends an unsigned integer, seven bits to a byte, lowest first.
pub(crate) fn append_variable(out: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads what [`append_variable`] wrote at the start of `bytes`, and how long it is. Panics where
/// the bytes end first: stored bytes are checked when they are read from disk.
pub(crate) fn read_variable(bytes: &[u8]) -> (u128, usize) {
    let mut small: u64 = 0;
    let mut at = 0;
    // Nine bytes fit a u64; nearly every value ends there.
    while at < 9 {
        let byte = bytes[at];
        small |= u64::from(byte & 0x7F) << (7 * at);
        at += 1;
        if byte < 0x80 {
            return (u128::from(small), at);
        }
    }
    let mut value = u128::from(small);
    loop {
        let byte = bytes[at];
        value |= u128::from(byte & 0x7F) << (7 * at);
        at += 1;
        if byte < 0x80 || at == 19 {
            return (value, at);
        }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        let mut coefficient = i128::from(value);
        let mut exponent = 0;
        while coefficient != 0 && coefficient % 10 == 0 {
            coefficient /= 10;
            exponent += 1;
        }
        Number {
            coefficient,
            exponent,
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = self.coefficient.signum().cmp(&other.coefficient.signum());
        if sign != Ordering::Equal || self.coefficient == 0 {
            return sign;
        }
        let (left, right) = (self.coefficient.unsigned_abs(), other.coefficient.unsigned_abs());
        let magnitude = self
            .leading_exponent()
            .cmp(&other.leading_exponent())
            .then_with(|| {
                // Equal first digits' places: write both with the same number of digits.
                let (left_digits, right_digits) = (digit_count(left), digit_count(right));
                let left = left * 10_u128.pow(right_digits.saturating_sub(left_digits));
                let right = right * 10_u128.pow(left_digits.saturating_sub(right_digits));
                left.cmp(&right)
            });
        if self.coefficient < 0 {
            magnitude.reverse()
        } else {
            magnitude
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        self.append_decimal(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
    }

    #[test]
    fn texts_are_read_and_written_expanded() {
        let nines = "9".repeat(38);
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("00042", "42"),
            ("1.0", "1"),
            ("+5", "5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1.e5", "100000"),
            ("1E-3", "0.001"),
            ("-12.50", "-12.5"),
            ("0e125", "0"),
            ("120e-1", "12"),
            (nines.as_str(), nines.as_str()),
            ("1e0", "1"),
            ("100", "100"),
            ("0.00", "0"),
            ("10.01", "10.01"),
        ] {
            assert_eq!(number(text).to_string(), expected, "{text}");
        }
        assert_eq!(number("1E125").to_string().len(), 126);
        assert_eq!(number("1E-130").to_string().len(), 132);
    }

    #[test]
    fn bad_texts_are_refused() {
        use NumberError::*;
        let (many, large) = (format!("1{}1", "0".repeat(37)), format!("{}e89", "9".repeat(38)));
        for (text, expected) in [
            ("", NotANumber),
            (" 1", NotANumber),
            ("1 ", NotANumber),
            ("0x10", NotANumber),
            ("NaN", NotANumber),
            ("-", NotANumber),
            (".", NotANumber),
            ("1e", NotANumber),
            ("1.2.3", NotANumber),
            ("e5", NotANumber),
            ("1e99999999999999999999", NotANumber),
            ("1E126", Overflow),
            ("0e126", Overflow),
            ("1E-131", Underflow),
            (many.as_str(), TooManyDigits),
            (large.as_str(), Overflow),
            ("1e2147483647", Overflow),
        ] {
            assert_eq!(Number::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn sizes_are_the_services() {
        let digits = "1".repeat(38);
        for (text, size_bytes) in [
            ("0", 1),
            ("-0", 1),
            ("1.5", 3),
            ("15", 2),
            ("100.5", 4),
            ("1E125", 2),
            (digits.as_str(), 20),
            ("-1", 3),
            ("1", 2),
            ("0.001", 2),
            ("123", 3),
        ] {
            assert_eq!(number(text).size_bytes(), size_bytes, "{text}");
        }
    }

    #[test]
    fn sums_are_exact_or_refused() {
        let nines = "9".repeat(38);
        for (left, right, expected) in [
            ("1", "2", Ok("3")),
            ("0.1", "0.2", Ok("0.3")),
            ("5", "-5", Ok("0")),
            ("1e20", "-1", Ok("99999999999999999999")),
            ("1e38", "-1", Ok(nines.as_str())),
            ("1e38", "1", Err(NumberError::TooManyDigits)),
            (nines.as_str(), "1", Ok("100000000000000000000000000000000000000")),
            (nines.as_str(), nines.as_str(), Err(NumberError::TooManyDigits)),
            ("9e125", "9e125", Err(NumberError::Overflow)),
            ("1.1e-130", "-1e-130", Err(NumberError::Underflow)),
            ("-3", "1.5", Ok("-1.5")),
        ] {
            let sum = number(left).checked_add(number(right)).map(|sum| sum.to_string());
            assert_eq!(sum, expected.map(str::to_owned), "{left} + {right}");
        }
        let wide = number("1.8e38")
            .checked_add(number(&format!("-{}", "9".repeat(38))))
            .map(|sum| sum.to_string());
        assert_eq!(wide.as_deref(), Ok("80000000000000000000000000000000000001"));
    }

    #[test]
    fn all_three_orders_agree() {
        let texts = [
            "-9.9e125", "-1e125", "-100", "-99.5", "-99", "-2", "-1.5", "-1", "-0.5", "-1e-130", "0",
            "1e-130", "0.001", "0.5", "1", "1.5", "1.51", "2", "9", "10", "10.5", "11", "99", "100", "1e125",
            "9.9e125",
        ];
        for (i, left) in texts.iter().enumerate() {
            for (j, right) in texts.iter().enumerate() {
                let (left, right) = (number(left), number(right));
                assert_eq!(left.cmp(&right), i.cmp(&j), "{left} {right}");
                let (mut left_key, mut right_key) = (Vec::new(), Vec::new());
                left.append_ordered(&mut left_key);
                right.append_ordered(&mut right_key);
                assert_eq!(left_key.cmp(&right_key), i.cmp(&j), "keys of {left} {right}");
            }
        }
    }

    #[test]
    fn the_whole_part_is_told_where_it_fits() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1.9", Some(1)),
            ("0.5", Some(0)),
            ("1e-130", Some(0)),
            ("17e8", Some(1_700_000_000)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551615.5", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("1e125", None),
            ("-1", None),
            ("-0.5", None),
            ("-1e3", None),
        ] {
            assert_eq!(number(text).whole_u64(), expected, "{text}");
        }
    }

    #[test]
    fn the_stored_form_is_read_back() {
        for text in [
            "0",
            "1",
            "-1",
            "1e125",
            "-9.9e-130",
            "12345678901234567890123456789012345678",
            "0.5",
        ] {
            let mut stored = Vec::new();
            number(text).append_stored(&mut stored);
            assert_eq!(
                Number::read_stored(&stored),
                (number(text), stored.len()),
                "{text}"
            );
        }
    }
}
