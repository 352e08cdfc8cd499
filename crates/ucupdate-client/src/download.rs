//! Downloads an image and its signature. A file gets its final name only after it was received and verified as a whole.

use crate::client::{Client, FileResponse};
use crate::error::{ClientError, ContentFault};
use crate::part::{self, Entity, PartialFile, Paths};
use crate::{headers, target};
use reqwest::header::HeaderMap;
use reqwest::{Response, Url};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use ucupdate_core::request::{OfferedModule, Side};
use ucupdate_core::value::{FileName, Sha256Digest};

/// One of the two files of an offered module: the image or its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "a module is an image and its signature")]
pub enum UpdateFile {
    /// The image (`.nbt`). It is fetched first.
    Image,
    /// The signature catalogue (`.cat`).
    Signature,
}

/// The number of bytes of one file that have arrived, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The file that is being fetched.
    pub file: UpdateFile,
    /// Number of bytes on the disk, including those of earlier tries. The number falls when the
    /// download of a file starts over.
    pub bytes: u64,
    /// Size of the file in bytes; `None` when the server does not declare it.
    pub total: Option<u64>,
}

/// The strongest check that the bytes of a downloaded file passed. A greater value is a stronger
/// check.
///
/// The signature is not checked here. The device or `ucupdate-cab` checks whether the catalogue
/// matches the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verification {
    /// No check: the server declared neither a size nor a hash.
    Nothing,
    /// The size is the one that the server declared.
    SizeOnly,
    /// The SHA-256 is the one in the server's ETag.
    Sha256,
}

/// A complete download of one offered module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Download {
    /// The image (`.nbt`).
    pub image: DownloadedFile,
    /// The signature catalogue (`.cat`).
    pub signature: DownloadedFile,
}

impl Download {
    /// Returns the weaker of the checks that the two files passed.
    pub fn verified(&self) -> Verification {
        self.image.verified.min(self.signature.verified)
    }
}

/// A file that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadedFile {
    /// Path of the file in the download folder.
    pub path: PathBuf,
    /// URL that was requested, before any redirect.
    pub url: Box<str>,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes, computed during the download.
    pub sha256: Sha256Digest,
    /// Strong ETag with its quotes; `None` when the server sent no strong ETag.
    pub etag: Option<Box<str>>,
    /// The strongest check that the bytes passed.
    pub verified: Verification,
    /// Offset in bytes at which the last try resumed the file. `None` if the last try received the
    /// whole file.
    pub resumed_from: Option<u64>,
    /// Number of tries to download the file, at least 1.
    pub tries: u32,
    /// Duration of all tries, including the waits between them.
    pub elapsed: Duration,
}

impl Client {
    /// Fetches the image of an offer and then its signature into the folder `into`. Creates the folder if necessary.
    ///
    /// Each file is written as `<name>.part`. When both files are whole, verified and synced, they are renamed to
    /// their names and replace older files. The signature is renamed first, so an image never exists without its
    /// signature. A later try, in this program or another one, resumes an incomplete file if a strong ETag of the
    /// server says that the file is still the same. Only one download at a time may use a folder. If the future is
    /// dropped, only `.part` files and their notes (`<name>.part.note`) remain.
    ///
    /// # Errors
    /// When the base URL that the offer has for `side` is blank or not an http or https URL; when a redirect is not
    /// allowed; when the names of the two files would overwrite one another; when the server does not have a file
    /// (404 and 410 are final); when a file is longer than [`with_file_limit`](crate::ClientOptions::with_file_limit)
    /// allows; when its bytes differ from what the server declares; or when the folder cannot be written. Temporary
    /// errors ([`may_pass`](ClientError::may_pass)) are retried by the schedule of
    /// [`with_retry`](crate::ClientOptions::with_retry).
    pub async fn download(
        &self,
        offer: &OfferedModule,
        side: Side,
        into: &Path,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<Download, ClientError> {
        let base = offer.base_url_for(side);
        let image_url = target::file_url(base, &offer.file_name)?;
        let signature_url = target::file_url(base, &offer.signature_file_name)?;
        check_names(std::slice::from_ref(offer))?;
        let folder = part::open_folder(into).await?;
        let paths = |name: &FileName| Paths::new(&folder, name);
        let (image_paths, signature_paths) = (paths(&offer.file_name), paths(&offer.signature_file_name));
        let image = self.fetch(&image_url, &image_paths, UpdateFile::Image, &mut progress).await?;
        let signature =
            self.fetch(&signature_url, &signature_paths, UpdateFile::Signature, &mut progress).await?;
        part::place(&signature_paths)?;
        part::place(&image_paths)?;
        folder.sync("").map_err(ClientError::disk("sync", folder.path()))?;
        Ok(Download { image, signature })
    }

    /// Downloads one file into its `.part` file, with as many tries as the options allow.
    async fn fetch(
        &self,
        url: &Url,
        paths: &Paths,
        file: UpdateFile,
        progress: &mut (impl FnMut(Progress) + Send),
    ) -> Result<DownloadedFile, ClientError> {
        let started = Instant::now();
        let mut part = PartialFile::open(paths, url.as_str()).await?;
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.fetch_once(url, &mut part, file, progress).await {
                Ok(fetched) => {
                    part.sync().await?;
                    return Ok(DownloadedFile {
                        path: paths.whole(),
                        url: url.as_str().into(),
                        bytes: part.bytes(),
                        sha256: part.sha256(),
                        etag: fetched.etag,
                        verified: fetched.verified,
                        resumed_from: fetched.resumed_from,
                        tries,
                        elapsed: started.elapsed(),
                    });
                }
                Err(error) => error,
            };
            if !error.may_pass() {
                part.discard();
                return Err(error);
            }
            part.note().await?;
            self.wait_after(tries, error).await?;
        }
    }

    /// Downloads one file of an offered module without storing it, to measure a server. Returns the
    /// size in bytes.
    ///
    /// There is one try. The number of bytes is compared with `Content-Length`; the bytes are not verified.
    ///
    /// # Errors
    /// When the URL is not usable, when the server does not send the file, when the number of bytes
    /// differs from `Content-Length`, or when the file is longer than
    /// [`with_file_limit`](crate::ClientOptions::with_file_limit) allows.
    pub async fn receive(
        &self,
        offered: &OfferedModule,
        side: Side,
        file: UpdateFile,
    ) -> Result<u64, ClientError> {
        let name = match file {
            UpdateFile::Image => &offered.file_name,
            UpdateFile::Signature => &offered.signature_file_name,
        };
        let url = target::file_url(offered.base_url_for(side), name)?;
        let FileResponse { mut response, .. } = self.get(&url, None).await?;
        let (total, most) = (response.content_length(), self.options.file_limit);
        let failed = |error: reqwest::Error| ClientError::connection(url.as_str(), &error);
        let mut bytes = 0_u64;
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            bytes = bytes.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            if bytes > most {
                return Err(ClientError::TooLarge { url: url.as_str().into(), most });
            }
        }
        match total {
            Some(expected) if expected != bytes => {
                Err(ClientError::content(url.as_str(), ContentFault::Size { expected, found: bytes }))
            }
            _ => Ok(bytes),
        }
    }

    async fn fetch_once(
        &self,
        url: &Url,
        part: &mut PartialFile,
        file: UpdateFile,
        progress: &mut (impl FnMut(Progress) + Send),
    ) -> Result<VerifiedDownload, ClientError> {
        let mut resumed_from = part.rest().map(|(_, offset)| offset);
        let rest = part.rest().map(|(entity, offset)| (&*entity.etag, offset));
        let mut found = self.get(url, rest).await?;
        if let Some((entity, offset)) = part.rest()
            && found.response.status() != 200
            && !found.continues(entity, offset)
        {
            // The response is a part of another file. A server that ignores `If-Range` may send
            // this.
            resumed_from = None;
            found = self.get(url, None).await?;
        }
        let FileResponse { response, etag } = found;
        if let Some(found) = headers::encoding(response.headers()) {
            let fault = ContentFault::Encoding { found: found.into() };
            return Err(ClientError::content(url.as_str(), fault));
        }
        let total = if response.status() == 200 {
            resumed_from = None;
            let total = response.content_length();
            part.start_over(etag.clone().map(|etag| Entity { etag, total })).await?;
            total
        } else if resumed_from.is_some() {
            headers::content_range(response.headers()).and_then(|range| range.total)
        } else {
            return Err(ClientError::content(url.as_str(), ContentFault::UnaskedPart));
        };
        receive(response, url, part, self.options.file_limit, |bytes| {
            progress(Progress { file, bytes, total });
        })
        .await?;
        let verified = verify(url, part, total, etag.as_deref())?;
        Ok(VerifiedDownload { etag, verified, resumed_from })
    }
}

/// Returns an error if files of the offers, or their `.part` and `.part.note` files, would
/// overwrite one another in one folder.
pub(crate) fn check_names(offers: &[OfferedModule]) -> Result<(), ClientError> {
    let names: Vec<&FileName> =
        offers.iter().flat_map(|offer| [&offer.file_name, &offer.signature_file_name]).collect();
    for (index, first) in names.iter().enumerate() {
        if let Some(second) = names.iter().skip(index + 1).find(|second| !part::are_apart(first, second)) {
            let (first, second) = (first.as_str().into(), second.as_str().into());
            return Err(ClientError::Names { first, second });
        }
    }
    Ok(())
}

struct VerifiedDownload {
    etag: Option<Box<str>>,
    verified: Verification,
    resumed_from: Option<u64>,
}

impl FileResponse {
    /// Returns whether the response has the bytes of the file that are still missing in the `.part` file.
    fn continues(&self, entity: &Entity, offset: u64) -> bool {
        let status = self.response.status().as_u16();
        continues(status, self.response.headers(), self.etag.as_deref(), entity, offset)
    }
}

/// Returns whether a response has the bytes that are still missing in a `.part` file: it has the strong ETag of
/// `entity`, and the bytes from `offset` to the end of the file.
fn continues(status: u16, headers: &HeaderMap, etag: Option<&str>, entity: &Entity, offset: u64) -> bool {
    let Some(range) = headers::content_range(headers) else { return false };
    status == 206
        && etag == Some(&entity.etag)
        && range.first == offset
        && range.total.is_some_and(|total| range.last + 1 == total)
        && entity.total.is_none_or(|total| range.total == Some(total))
}

async fn receive(
    mut response: Response,
    url: &Url,
    part: &mut PartialFile,
    most: u64,
    mut progress: impl FnMut(u64) + Send,
) -> Result<(), ClientError> {
    progress(part.bytes());
    let too_large = || ClientError::TooLarge { url: url.as_str().into(), most };
    let left = response.content_length().unwrap_or(0);
    if part.bytes().saturating_add(left) > most {
        return Err(too_large());
    }
    let failed = |error: reqwest::Error| ClientError::connection(url.as_str(), &error);
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        if part.bytes().saturating_add(length) > most {
            return Err(too_large());
        }
        part.write(&chunk).await?;
        progress(part.bytes());
    }
    Ok(())
}

/// Compares the received bytes with the size (`total`) and the ETag that the server declared.
/// Returns the strongest check that passed.
fn verify(
    url: &Url,
    part: &PartialFile,
    total: Option<u64>,
    etag: Option<&str>,
) -> Result<Verification, ClientError> {
    if let Some(expected) = total
        && expected != part.bytes()
    {
        let fault = ContentFault::Size { expected, found: part.bytes() };
        return Err(ClientError::content(url.as_str(), fault));
    }
    if let Some(expected) = etag.and_then(headers::etag_sha256) {
        let found = part.sha256();
        if found != expected {
            return Err(ClientError::content(url.as_str(), ContentFault::Hash { expected, found }));
        }
        return Ok(Verification::Sha256);
    }
    Ok(if total.is_some() { Verification::SizeOnly } else { Verification::Nothing })
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{CONTENT_RANGE, ETAG};

    #[test]
    fn only_the_rest_of_the_same_file_continues_a_part() {
        let answer = |range: &str, etag: &str| {
            HeaderMap::from_iter([(CONTENT_RANGE, range.parse().unwrap()), (ETAG, etag.parse().unwrap())])
        };
        let continues = |status, headers: &HeaderMap, entity: &Entity, offset| {
            super::continues(status, headers, headers::strong_etag(headers), entity, offset)
        };
        let entity = Entity { etag: "\"v1\"".into(), total: Some(10) };
        let good = answer("bytes 4-9/10", "\"v1\"");
        assert!(continues(206, &good, &entity, 4));
        assert!(!continues(416, &good, &entity, 4));
        assert!(!continues(206, &good, &entity, 5));
        assert!(!continues(206, &HeaderMap::new(), &entity, 4));
        for (range, etag) in [
            ("bytes 4-9/10", "\"v2\""),
            ("bytes 4-9/10", "W/\"v1\""),
            ("bytes 0-9/10", "\"v1\""),
            ("bytes 4-8/10", "\"v1\""),
            ("bytes 4-9/*", "\"v1\""),
            ("bytes 4-10/11", "\"v1\""),
        ] {
            assert!(!continues(206, &answer(range, etag), &entity, 4), "{range}, {etag}");
        }
        let of_unknown_size = Entity { total: None, ..entity };
        assert!(continues(206, &answer("bytes 4-10/11", "\"v1\""), &of_unknown_size, 4));
    }
}
