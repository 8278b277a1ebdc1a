//! Compressed request bodies, expanded within a bound, and compressed responses.

use std::io::{self, Read, Write};

use bytes::{Buf, Bytes};
use flate2::Compression;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use flate2::write::GzEncoder;
use hyper::HeaderMap;
use hyper::header;

/// Responses from this size on, in bytes, are compressed for clients that accept it. Below it the
/// saving is less than a packet.
pub(crate) const GZIP_MIN_BYTES: usize = 1024;

/// How a request body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Deflate,
}

/// The `Content-Encoding` is none that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnknownCoding;

impl Coding {
    /// The coding that the request's headers name, if any.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, UnknownCoding> {
        let Some(value) = headers.get(header::CONTENT_ENCODING) else {
            return Ok(None);
        };
        let name = value
            .to_str()
            .map_err(|_| UnknownCoding)?
            .trim()
            .to_ascii_lowercase();
        match name.as_str() {
            "" | "identity" => Ok(None),
            "gzip" | "x-gzip" => Ok(Some(Coding::Gzip)),
            "deflate" => Ok(Some(Coding::Deflate)),
            _ => Err(UnknownCoding),
        }
    }
}

/// A body on its way out of its compression, which can stop at a bound and go on.
pub(crate) struct Inflater {
    decoder: Box<dyn Read + Send>,
    output: Vec<u8>,
}

impl Inflater {
    /// Starts on `compressed`.
    pub fn new(coding: Coding, compressed: Bytes) -> Self {
        let input = compressed.reader();
        let decoder: Box<dyn Read + Send> = match coding {
            Coding::Gzip => Box::new(MultiGzDecoder::new(input)),
            // The name means the zlib format; some clients send what it says.
            Coding::Deflate if has_zlib_header(&input) => Box::new(ZlibDecoder::new(input)),
            Coding::Deflate => Box::new(DeflateDecoder::new(input)),
        };
        Inflater {
            decoder,
            output: Vec::new(),
        }
    }

    /// Expands until the end or until there are more than `limit_bytes`; tells whether it was the end.
    pub fn run(&mut self, limit_bytes: usize) -> io::Result<bool> {
        let room = (limit_bytes + 1).saturating_sub(self.output.len());
        (&mut self.decoder)
            .take(room as u64)
            .read_to_end(&mut self.output)?;
        Ok(self.output.len() <= limit_bytes)
    }

    /// What has been expanded.
    pub fn into_output(self) -> Bytes {
        self.output.into()
    }
}

fn has_zlib_header(input: &bytes::buf::Reader<Bytes>) -> bool {
    let bytes = input.get_ref();
    bytes.len() >= 2 && bytes[0] & 0x0f == 8 && u16::from_be_bytes([bytes[0], bytes[1]]).is_multiple_of(31)
}

/// Whether the client takes gzip.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT_ENCODING).iter().any(|value| {
        value.to_str().is_ok_and(|list| {
            list.split(',').any(|entry| {
                let (name, parameters) = entry.split_once(';').unwrap_or((entry, ""));
                let quality = parameters
                    .trim()
                    .strip_prefix("q=")
                    .map(|q| q.trim().parse::<f32>());
                name.trim().eq_ignore_ascii_case("gzip") && !matches!(quality, Some(Ok(0.0) | Err(_)))
            })
        })
    })
}

/// The body as a gzip file, or as it is where compression fails or saves nothing.
pub(crate) fn gzip(body: Bytes) -> (Bytes, bool) {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 2), Compression::fast());
    match encoder.write_all(&body).and_then(|()| encoder.finish()) {
        Ok(compressed) if compressed.len() < body.len() => (compressed.into(), true),
        _ => (body, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::write::{DeflateEncoder, ZlibEncoder};
    use hyper::header::HeaderValue;

    fn gzipped(plain: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap().into()
    }

    fn zlib(plain: &[u8]) -> Bytes {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap().into()
    }

    fn deflated(plain: &[u8]) -> Bytes {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap().into()
    }

    #[test]
    fn all_three_formats_expand() {
        let plain = br#"{"TableName":"t"}"#.repeat(1000);
        for (coding, compressed) in [
            (Coding::Gzip, gzipped(&plain)),
            (Coding::Deflate, zlib(&plain)),
            (Coding::Deflate, deflated(&plain)),
        ] {
            let mut inflater = Inflater::new(coding, compressed);
            assert!(!inflater.run(100).unwrap(), "{coding:?}");
            assert!(inflater.run(plain.len()).unwrap(), "{coding:?}");
            assert_eq!(inflater.into_output(), plain, "{coding:?}");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_bound() {
        let bomb = gzipped(&vec![0; 8 << 20]);
        assert!(bomb.len() < 10_000);
        let mut inflater = Inflater::new(Coding::Gzip, bomb);
        assert!(!inflater.run(1 << 20).unwrap());
        assert_eq!(inflater.into_output().len(), (1 << 20) + 1);
    }

    #[test]
    fn damage_is_an_error() {
        for bytes in [&b"hello"[..], b"", b"\x1f\x8b\x08"] {
            assert!(
                Inflater::new(Coding::Gzip, Bytes::from_static(bytes))
                    .run(100)
                    .is_err()
            );
        }
        let whole = gzipped(b"some text that is long enough");
        assert!(
            Inflater::new(Coding::Gzip, whole.slice(..whole.len() - 4))
                .run(100)
                .is_err()
        );
    }

    #[test]
    fn gzip_is_accepted_where_the_header_says_so() {
        let check = |value: &'static str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(accepts_gzip(&headers), expected, "{value}");
        };
        check("gzip", true);
        check("br, GZIP;q=0.5", true);
        check("gzip, deflate, br", true);
        check("identity", false);
        check("gzip;q=0", false);
        check("gzip; q=0.0", false);
        check("gzip;q=x", false);
        check("", false);
    }

    #[test]
    fn what_does_not_shrink_is_left() {
        let noise = Bytes::from_static(b"abc");
        assert_eq!(gzip(noise.clone()), (noise, false));
        let (body, smaller) = gzip(Bytes::from(vec![b'a'; 5000]));
        assert!(smaller && body.len() < 100);
    }
}
