//! Random changes of kept inputs: what stands in for a fuzzer where there is none.
//!
//! It sees no coverage. What it has instead are the corpus that fuzzing has left, whose inputs it
//! changes and mixes, and the words of a dictionary.

use fastrand::Rng;

/// The longest input that is made, in bytes.
const INPUT_BYTES_MAX: usize = 4096;

/// Numbers at which things change.
const EDGES: &[&str] = &[
    "0",
    "-1",
    "1",
    "32",
    "33",
    "100",
    "101",
    "255",
    "256",
    "1024",
    "65535",
    "65536",
    "2147483648",
    "9223372036854775807",
    "18446744073709551616",
    "1E125",
    "1E126",
    "1E-130",
    "99999999999999999999999999999999999999",
];

/// Makes inputs.
#[derive(Clone, Debug)]
pub struct Mutator {
    corpus: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

impl Mutator {
    /// Mutations of the inputs of `corpus`, in which `words` turn up.
    pub fn new(corpus: Vec<Vec<u8>>, words: Vec<Vec<u8>>) -> Self {
        Mutator { corpus, words }
    }

    /// The input that `seed` stands for.
    pub fn input(&self, seed: u64) -> Vec<u8> {
        let mut rng = Rng::with_seed(seed);
        let mut input = self.any(&mut rng).to_vec();
        // Mostly few changes, so that what is left still means something.
        let changes = match rng.u8(..4) {
            0 => 1,
            1 | 2 => rng.usize(1..=4),
            _ => rng.usize(1..=24),
        };
        for _ in 0..changes {
            self.change(&mut rng, &mut input);
        }
        input.truncate(INPUT_BYTES_MAX);
        input
    }

    fn any(&self, rng: &mut Rng) -> &[u8] {
        match self.corpus.is_empty() {
            true => &[],
            false => &self.corpus[rng.usize(..self.corpus.len())],
        }
    }

    fn change(&self, rng: &mut Rng, input: &mut Vec<u8>) {
        let at = rng.usize(..=input.len());
        match rng.u8(..11) {
            0 if at < input.len() => input[at] ^= 1 << rng.u8(..8),
            1 if at < input.len() => input[at] = rng.u8(..),
            2 => input.insert(at, rng.u8(..)),
            3 | 4 => {
                let range = some_range(rng, input.len());
                input.drain(range);
            }
            5 => {
                let range = some_range(rng, input.len());
                let copy = input[range].to_vec();
                input.splice(at..at, copy);
            }
            // A part of another input, in place of a part of this one or beside it.
            6 | 7 => {
                let other = self.any(rng);
                let part = &other[some_range(rng, other.len())];
                let range = match rng.bool() {
                    true => at..at,
                    false => some_range(rng, input.len()),
                };
                input.splice(range, part.iter().copied());
            }
            8 => {
                let edge = EDGES[rng.usize(..EDGES.len())].as_bytes();
                let range = digits_near(input, at);
                input.splice(range, edge.iter().copied());
            }
            _ if !self.words.is_empty() => {
                let word = &self.words[rng.usize(..self.words.len())];
                let range = match rng.bool() {
                    true => at..at,
                    false => word_near(input, at),
                };
                input.splice(range, word.iter().copied());
            }
            _ => input.push(rng.u8(..)),
        }
    }
}

/// Mostly short.
fn some_range(rng: &mut Rng, length: usize) -> std::ops::Range<usize> {
    let start = rng.usize(..=length);
    let longest = match rng.u8(..4) {
        0 => length,
        _ => 8,
    };
    start..rng.usize(start..=length.min(start + longest))
}

fn run_near(input: &[u8], at: usize, belongs: impl Fn(u8) -> bool) -> std::ops::Range<usize> {
    let start = input[..at]
        .iter()
        .rposition(|&byte| !belongs(byte))
        .map_or(0, |before| before + 1);
    let end = input[at..]
        .iter()
        .position(|&byte| !belongs(byte))
        .map_or(input.len(), |after| at + after);
    start..end
}

fn digits_near(input: &[u8], at: usize) -> std::ops::Range<usize> {
    run_near(input, at, |byte| byte.is_ascii_digit())
}

fn word_near(input: &[u8], at: usize) -> std::ops::Range<usize> {
    run_near(input, at, |byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The words of a dictionary as libFuzzer reads it: lines with a text in double quotes, in which `\"`,
/// `\\` and `\xAB` stand for bytes.
///
/// # Panics
///
/// Where a line is none.
pub fn dictionary(text: &str) -> Vec<Vec<u8>> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let quoted = line
                .split_once('"')
                .and_then(|(_, rest)| rest.strip_suffix('"'))
                .unwrap_or_else(|| panic!("{line} has no text in quotes"));
            unescape(quoted).unwrap_or_else(|| panic!("{line} is escaped wrongly"))
        })
        .collect()
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest {
            [escaped @ (b'\\' | b'"'), after @ ..] => {
                bytes.push(*escaped);
                rest = after;
            }
            [b'x', high, low, after @ ..] => {
                let digits = [*high, *low];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
                rest = after;
            }
            _ => return None,
        }
    }
    Some(bytes)
}
