//! Records of counts, one file for each platform, and how new counts compare with one.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::Counts;
use crate::platform::Platform;

/// A path may grow by one part in so many before that is a failure.
const GROWTH_PARTS: u64 = 10;

/// The counts of a platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub platform: Platform,
    /// Instructions of one request, by path.
    pub counts: Counts,
}

/// Where records are kept beside the sources.
pub fn directory() -> PathBuf {
    let sources = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("counts"), PathBuf::from);
    sources.join("records")
}

impl Record {
    /// The record of a platform, where there is one.
    pub fn find(directory: &Path, platform: &Platform) -> Result<Option<Self>, String> {
        let Ok(entries) = fs::read_dir(directory) else {
            return Ok(None);
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let unreadable = |why: String| format!("the record {} cannot be read: {why}", path.display());
            let text = fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
            let value: Value = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
            let record = Self::from_json(&value).ok_or_else(|| unreadable("it is no record".to_owned()))?;
            if record.platform == *platform {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// Writes the record over that of the same platform, and tells where.
    pub fn save(&self, directory: &Path) -> Result<PathBuf, String> {
        let path = directory.join(format!("{}.json", self.file_name()));
        let text = serde_json::to_string_pretty(&self.to_json()).map_err(|error| error.to_string())?;
        fs::create_dir_all(directory)
            .and_then(|()| fs::write(&path, text + "\n"))
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        Ok(path)
    }

    /// The platform in the letters of a file's name.
    fn file_name(&self) -> String {
        let kept = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
        let text = self.platform.to_string();
        let words: Vec<&str> = text
            .split(|letter| !kept(letter))
            .filter(|word| !word.is_empty())
            .collect();
        words.join("-")
    }

    fn to_json(&self) -> Value {
        json!({"platform": self.platform.to_json(), "counts": self.counts})
    }

    fn from_json(value: &Value) -> Option<Self> {
        let counts = value["counts"].as_object()?;
        Some(Record {
            platform: Platform::from_json(&value["platform"])?,
            counts: counts
                .iter()
                .map(|(path, count)| Some((path.clone(), count.as_u64()?)))
                .collect::<Option<_>>()?,
        })
    }
}

/// New counts beside those on record.
#[derive(Debug)]
pub struct Comparison {
    rows: Vec<(String, Option<u64>, u64)>,
}

impl Comparison {
    /// Compares.
    pub fn of(recorded: &Counts, counted: &Counts) -> Self {
        let rows = counted
            .iter()
            .map(|(path, count)| (path.clone(), recorded.get(path).copied(), *count));
        Comparison { rows: rows.collect() }
    }

    /// Whether no path has grown by more than a tenth.
    pub fn is_fine(&self) -> bool {
        !self
            .rows
            .iter()
            .any(|(_, recorded, count)| has_grown(*recorded, *count))
    }
}

fn has_grown(recorded: Option<u64>, count: u64) -> bool {
    recorded.is_some_and(|recorded| count > recorded + recorded / GROWTH_PARTS)
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{:24} {:>10} {:>10} {:>8}",
            "instructions", "recorded", "now", "change"
        )?;
        for (path, recorded, count) in &self.rows {
            let Some(recorded) = recorded else {
                writeln!(formatter, "{path:24} {:>10} {count:>10}", "-")?;
                continue;
            };
            let percent = (*count as f64 / *recorded as f64 - 1.0) * 100.0;
            let mark = if has_grown(Some(*recorded), *count) {
                "  too much"
            } else {
                ""
            };
            writeln!(
                formatter,
                "{path:24} {recorded:>10} {count:>10} {percent:>+7.1}%{mark}"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(list: &[(&str, u64)]) -> Counts {
        list.iter()
            .map(|(path, count)| ((*path).to_owned(), *count))
            .collect()
    }

    #[test]
    fn a_tenth_more_is_fine_and_more_is_not() {
        let recorded = counts(&[("a", 1000), ("b", 1000)]);
        for (now, is_fine) in [(500, true), (1100, true), (1101, false)] {
            let comparison = Comparison::of(&recorded, &counts(&[("a", 1000), ("b", now), ("new", 5)]));
            assert_eq!(comparison.is_fine(), is_fine, "{comparison}");
        }
    }

    #[test]
    fn records_are_read_back() {
        let record = Record {
            platform: Platform {
                toolchain: "rustc 1.95.0 (x)".to_owned(),
                libc: "glibc 2.36".to_owned(),
                processor: "x86_64 avx2".to_owned(),
            },
            counts: counts(&[("a", 1)]),
        };
        assert_eq!(Record::from_json(&record.to_json()), Some(record.clone()));
        assert_eq!(record.file_name(), "rustc-1.95.0-x-glibc-2.36-x86-64-avx2");
    }
}
