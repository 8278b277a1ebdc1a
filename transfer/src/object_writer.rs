//! An object written bit by bit: in parts where it is large, so that memory holds one part.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};

use crate::error::Error;
use crate::location::Location;

/// How large a part is: stores want at least 5 MiB and take at most 10,000 parts.
const PART_BYTES: usize = 8 << 20;

/// An object that is being written.
pub(crate) struct ObjectWriter {
    location: Location,
    name: String,
    upload: Option<Box<dyn MultipartUpload>>,
    /// What is not sent yet; less than a part.
    part: Vec<u8>,
    part_sums: Vec<u8>,
    part_count: usize,
    sum: Md5,
}

/// What was written.
pub(crate) struct Written {
    /// The MD5 checksum of the content, in base64.
    pub md5_base64: String,
    /// The entity tag: the store's, or where it has none worth the name, as S3 makes it of parts.
    pub etag: String,
}

impl ObjectWriter {
    /// Begins an object; it is there when [`Self::finish`] returns, and not before.
    pub fn new(location: &Location, name: &str) -> Self {
        ObjectWriter {
            location: location.clone(),
            name: name.to_owned(),
            upload: None,
            part: Vec::new(),
            part_sums: Vec::new(),
            part_count: 0,
            sum: Md5::new(),
        }
    }

    /// Appends to the object.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        self.sum.update(bytes);
        while self.part.len() + bytes.len() >= PART_BYTES {
            let (fits, rest) = bytes.split_at(PART_BYTES - self.part.len());
            self.part.extend_from_slice(fits);
            bytes = rest;
            self.send_part().await?;
        }
        self.part.extend_from_slice(bytes);
        Ok(())
    }

    async fn send_part(&mut self) -> Result<(), Error> {
        let part = std::mem::take(&mut self.part);
        self.add_part_sum(&part);
        let path = self.location.path(&self.name);
        let failed = |error| self.location.failed(&self.name, error);
        let upload = match &mut self.upload {
            Some(upload) => upload,
            None => {
                let begun = self
                    .location
                    .store()
                    .put_multipart_opts(&path, Default::default())
                    .await;
                self.upload.insert(begun.map_err(failed)?)
            }
        };
        let sent = upload.put_part(PutPayload::from_bytes(Bytes::from(part))).await;
        if let Err(error) = sent {
            // The first failure is the one to tell.
            let _aborted = upload.abort().await;
            return Err(self.location.failed(&self.name, error));
        }
        Ok(())
    }

    fn add_part_sum(&mut self, part: &[u8]) {
        self.part_sums.extend_from_slice(&Md5::digest(part));
        self.part_count += 1;
    }

    /// Makes the object what was written.
    pub async fn finish(mut self) -> Result<Written, Error> {
        let put = match self.upload.is_some() {
            true => {
                if !self.part.is_empty() {
                    self.send_part().await?;
                }
                let upload = self.upload.as_mut().expect("there is an upload");
                upload.complete().await
            }
            false => {
                let part = std::mem::take(&mut self.part);
                self.add_part_sum(&part);
                let path = self.location.path(&self.name);
                let payload = PutPayload::from_bytes(Bytes::from(part));
                self.location.store().put(&path, payload).await
            }
        };
        let put = put.map_err(|error| self.location.failed(&self.name, error))?;
        let given = put.e_tag.filter(|_| !self.location.is_directory());
        Ok(Written {
            md5_base64: BASE64_STANDARD.encode(self.sum.finalize()),
            etag: match given {
                Some(etag) => etag.trim_matches('"').to_owned(),
                None => format!("{}-{}", hex(&Md5::digest(&self.part_sums)), self.part_count),
            },
        })
    }

    /// Gives the object up: nothing of it stays.
    pub async fn abort(mut self) {
        if let Some(upload) = &mut self.upload {
            // It is given up because of a failure that is told already.
            let _aborted = upload.abort().await;
        }
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
