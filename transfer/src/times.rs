//! Times as the manifests write them.

use jiff::Timestamp;

/// A time in milliseconds since the Unix epoch as `2020-11-04T07:28:34.028Z`.
pub fn text_of(time_ms: u64) -> String {
    let time = i64::try_from(time_ms)
        .ok()
        .and_then(|time_ms| Timestamp::from_millisecond(time_ms).ok());
    time.map_or_else(String::new, |time| {
        time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_have_milliseconds() {
        assert_eq!(super::text_of(1_604_474_914_028), "2020-11-04T07:28:34.028Z");
        assert_eq!(super::text_of(0), "1970-01-01T00:00:00.000Z");
    }
}
