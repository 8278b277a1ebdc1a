//! Names of tables and streams across accounts. They are made when they are shown, from the region
//! and the account of who asks; nothing stored holds one.

use api::Context;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A table's ARN.
pub(crate) fn table_arn(context: &Context, table_name: &str) -> String {
    format!(
        "arn:aws:dynamodb:{}:{}:table/{table_name}",
        context.region, context.account_id
    )
}

/// The table's name in a name or an ARN: an ARN counts by its resource part alone, whatever region
/// and account it names.
pub(crate) fn table_name_of(name_or_arn: &str) -> &str {
    if !name_or_arn.starts_with("arn:") {
        return name_or_arn;
    }
    match name_or_arn.split_once(":table/") {
        None => name_or_arn,
        Some((_, resource)) => resource.split('/').next().unwrap_or(resource),
    }
}

/// How a label is written.
const LABEL_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.3f";

/// The label of a stream: the time at which it was enabled, to the millisecond, in UTC.
pub(crate) fn label(label_ms: u64) -> String {
    let label_ms = i64::try_from(label_ms).unwrap_or(i64::MAX);
    let time = Timestamp::from_millisecond(label_ms).unwrap_or(Timestamp::MAX);
    time.strftime(LABEL_FORMAT).to_string()
}

/// Reads what [`label`] writes.
fn parse_label(text: &str) -> Option<u64> {
    let time = DateTime::strptime(LABEL_FORMAT, text).ok()?;
    let time = TimeZone::UTC.to_timestamp(time).ok()?;
    let label_ms = u64::try_from(time.as_millisecond()).ok()?;
    (label(label_ms) == text).then_some(label_ms)
}

/// The ARN of a stream.
pub(crate) fn stream_arn(context: &Context, table_name: &str, label_ms: u64) -> String {
    format!("{}/stream/{}", table_arn(context, table_name), label(label_ms))
}

/// The table's name and the label in the ARN of a stream, whatever region and account it names;
/// `None` where it is none.
pub(crate) fn parse_stream_arn(arn: &str) -> Option<(&str, u64)> {
    let (prefix, resource) = arn.split_once(":table/")?;
    let mut parts = prefix.split(':');
    let is_arn = (parts.next(), parts.next(), parts.next()) == (Some("arn"), Some("aws"), Some("dynamodb"))
        && parts.count() == 2;
    let (table_name, label) = resource.split_once("/stream/").filter(|_| is_arn)?;
    Some((table_name, parse_label(label)?))
}

/// The ARN of a backup, an export or an import of a table, by its kind in lower case and its id.
pub(crate) fn transfer_arn(context: &Context, table_name: &str, kind: &str, id: &str) -> String {
    format!("{}/{kind}/{id}", table_arn(context, table_name))
}

/// The table's name and the id in the ARN of a backup, an export or an import, whatever region and
/// account it names; `None` where it is none.
pub(crate) fn parse_transfer_arn<'a>(arn: &'a str, kind: &str) -> Option<(&'a str, &'a str)> {
    let resource = arn.strip_prefix("arn:aws:dynamodb:")?.split_once(":table/")?.1;
    let (table_name, rest) = resource.split_once('/')?;
    let id = rest.strip_prefix(kind)?.strip_prefix('/')?;
    (!id.is_empty() && !id.contains('/')).then_some((table_name, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_arns_are_read_back() {
        let context = Context::default();
        for (label_ms, text) in [
            (1_767_225_600_000, "2026-01-01T00:00:00.000"),
            (1_767_225_600_001, "2026-01-01T00:00:00.001"),
            (951_782_399_999, "2000-02-28T23:59:59.999"),
        ] {
            assert_eq!(label(label_ms), text);
            let arn = stream_arn(&context, "Music", label_ms);
            assert_eq!(parse_stream_arn(&arn), Some(("Music", label_ms)));
        }
        let arn = stream_arn(&context, "Music", 1_767_225_600_000);
        let elsewhere = arn.replace(&context.account_id, "123456789012");
        assert_eq!(parse_stream_arn(&elsewhere), Some(("Music", 1_767_225_600_000)));
        for text in [
            "",
            "Music",
            "arn:aws:dynamodb:eu-west-2:000000000000:table/Music",
            "arn:aws:dynamodb:eu-west-2:000000000000:table/Music/stream/",
            "arn:aws:dynamodb:eu-west-2:000000000000:table/Music/stream/2026-01-01T00:00:00.00",
            "arn:aws:dynamodb:eu-west-2:000000000000:table/Music/stream/2026-02-30T00:00:00.000",
            "arn:aws:dynamodb:table/Music/stream/2026-01-01T00:00:00.000",
            "arn:aws:kinesis:eu-west-2:000000000000:table/Music/stream/2026-01-01T00:00:00.000",
        ] {
            assert_eq!(parse_stream_arn(text), None, "{text}");
        }
    }
}
