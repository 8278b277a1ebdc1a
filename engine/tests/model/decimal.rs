//! Numbers as a schoolbook has them: a sign, digits, and the power of ten of the first one.
//!
//! Knows the way in which it was written, so that a request can spell one number in many ways;
//! equality and order do not look at it.

use std::cmp::Ordering;
use std::fmt;

/// A decimal number.
#[derive(Clone)]
pub struct Decimal {
    negative: bool,
    /// Neither the first nor the last is zero; none for zero itself.
    digits: Vec<u8>,
    /// The power of ten of the first digit.
    exponent: i32,
    spelling: String,
}

/// Sums are worked out in columns, one for each power of ten from this one up.
const LOWEST_POWER: i32 = -180;
const COLUMNS: usize = 320;

impl Decimal {
    /// Reads a number. Panics where there is none: the test writes them itself.
    pub fn parse(spelling: &str) -> Self {
        let (mantissa, exponent) = match spelling.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse().expect("an exponent")),
            None => (spelling, 0),
        };
        let negative = mantissa.starts_with('-');
        let mantissa = mantissa.trim_start_matches(['-', '+']);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all: Vec<u8> = whole
            .bytes()
            .chain(fraction.bytes())
            .map(|digit| digit - b'0')
            .collect();
        let first_power = exponent + whole.len() as i32 - 1;
        Self::from_digits(negative, &all, first_power).spelled(spelling)
    }

    fn from_digits(negative: bool, digits: &[u8], first_power: i32) -> Self {
        let leading = digits.iter().take_while(|digit| **digit == 0).count();
        let trailing = digits[leading..]
            .iter()
            .rev()
            .take_while(|digit| **digit == 0)
            .count();
        let digits = digits[leading..digits.len() - trailing].to_vec();
        let is_zero = digits.is_empty();
        let exponent = if is_zero { 0 } else { first_power - leading as i32 };
        let number = Decimal {
            negative: negative && !is_zero,
            digits,
            exponent,
            spelling: String::new(),
        };
        let spelling = number.canonical_spelling();
        number.spelled(&spelling)
    }

    fn spelled(mut self, spelling: &str) -> Self {
        self.spelling = spelling.to_owned();
        self
    }

    fn canonical_spelling(&self) -> String {
        if self.digits.is_empty() {
            return "0".to_owned();
        }
        let digits: String = self.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}{digits}E{}", self.exponent + 1 - digits.len() as i32)
    }

    /// The same number, spelled in the one way that does not depend on where it comes from.
    pub fn canonical(&self) -> Self {
        self.clone().spelled(&self.canonical_spelling())
    }

    /// How it is written.
    pub fn spelling(&self) -> &str {
        &self.spelling
    }

    /// The sum, or the message of the error that it is.
    pub fn add(&self, other: &Self) -> Result<Self, &'static str> {
        let (larger, smaller) = if self.cmp_magnitude(other).is_ge() {
            (self, other)
        } else {
            (other, self)
        };
        let mut columns = [0i32; COLUMNS];
        larger.add_to(&mut columns, 1);
        smaller.add_to(
            &mut columns,
            if larger.negative == smaller.negative {
                1
            } else {
                -1
            },
        );
        for column in 0..COLUMNS - 1 {
            let carry = columns[column].div_euclid(10);
            columns[column] -= carry * 10;
            columns[column + 1] += carry;
        }
        let digits: Vec<u8> = columns.iter().rev().map(|digit| *digit as u8).collect();
        let sum = Self::from_digits(larger.negative, &digits, LOWEST_POWER + COLUMNS as i32 - 1);
        sum.check()
    }

    /// The difference, or the message of the error that it is.
    pub fn subtract(&self, other: &Self) -> Result<Self, &'static str> {
        self.add(&Decimal {
            negative: !other.negative,
            ..other.clone()
        })
    }

    fn add_to(&self, columns: &mut [i32; COLUMNS], factor: i32) {
        for (place, digit) in self.digits.iter().enumerate() {
            let column = self.exponent - place as i32 - LOWEST_POWER;
            columns[column as usize] += factor * i32::from(*digit);
        }
    }

    /// AWS-FACTS 29.
    fn check(self) -> Result<Self, &'static str> {
        if self.digits.len() > 38 {
            return Err("Attempting to store more than 38 significant digits in a Number");
        }
        if self.exponent > 125 {
            return Err(
                "Number overflow. Attempting to store a number with magnitude larger than supported range",
            );
        }
        if self.exponent < -130 {
            return Err(
                "Number underflow. Attempting to store a number with magnitude smaller than supported range",
            );
        }
        Ok(self)
    }

    /// AWS-FACTS 28.
    pub fn size_bytes(&self) -> usize {
        if self.digits.is_empty() {
            return 1;
        }
        let whole = (self.exponent + 1).clamp(0, self.digits.len() as i32) as usize;
        let fraction = self.digits.len() - whole;
        1 + whole.div_ceil(2) + fraction.div_ceil(2) + usize::from(self.negative)
    }

    fn cmp_magnitude(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => (self.exponent, &self.digits).cmp(&(other.exponent, &other.digits)),
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.cmp_magnitude(other),
            (true, true) => other.cmp_magnitude(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Decimal {}

impl fmt::Debug for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.spelling)
    }
}

#[test]
fn decimals_add_and_compare() {
    let number = Decimal::parse;
    let cases = [
        ("1", "2", "3"),
        ("1.0", "-1", "0"),
        ("99", "1", "1E2"),
        ("-0.5", "0.25", "-0.25"),
        ("1E-130", "-0", "1E-130"),
        ("9.99E125", "-9.98E125", "0.01E125"),
        (
            "12345678901234567890123456789012345678",
            "-12345678901234567890123456789012345670",
            "8",
        ),
    ];
    for (left, right, sum) in cases {
        assert_eq!(
            number(left).add(&number(right)),
            Ok(number(sum)),
            "{left} + {right}"
        );
        assert_eq!(
            number(sum).subtract(&number(right)),
            Ok(number(left)),
            "{sum} - {right}"
        );
    }
    assert!(number("1E125").add(&number("1")).is_err());
    assert!(number("9E125").add(&number("1E125")).is_err());
    let ascending = [
        "-1E2", "-9", "-1.5", "-1", "-1E-130", "-0", "1E-3", "0.5", "1", "1.01", "2", "10", "1E125",
    ];
    assert!(ascending.map(number).is_sorted());
    for (spelling, size_bytes) in [
        ("0", 1),
        ("-0", 1),
        ("1.5", 3),
        ("15", 2),
        ("100.5", 4),
        ("1E125", 2),
        ("-1", 3),
    ] {
        assert_eq!(number(spelling).size_bytes(), size_bytes, "{spelling}");
    }
}
