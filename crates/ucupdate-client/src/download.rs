//! Downloads: an image and its signature, whole and verified, or nothing under their names.

use crate::client::{Client, FoundFile};
use crate::error::{ClientError, ContentFault};
use crate::part::{self, Entity, Part, Paths};
use crate::{headers, target};
use reqwest::header::HeaderMap;
use reqwest::{Response, Url};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use ucupdate_core::request::{OfferedModule, Side};
use ucupdate_core::value::{FileName, Sha256Digest};

/// Which of the two files of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "a module is an image and its signature")]
pub enum UpdateFile {
    /// The image (`.nbt`), which comes first.
    Image,
    /// The signature catalogue (`.cat`).
    Signature,
}

/// How far a download has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Of which file.
    pub file: UpdateFile,
    /// The bytes that are there, those of an earlier try among them. Falls back when a file has to be started over.
    pub bytes: u64,
    /// The bytes there will be, where the server says so.
    pub total: Option<u64>,
}

/// What is known of a file's bytes. A later one says more.
///
/// None of it is the signature: whether the catalogue signs the image is for the device to check, or for `ucupdate-cab`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verification {
    /// Nothing: the server said neither size nor hash.
    Nothing,
    /// There are as many as the server said.
    SizeOnly,
    /// They have the SHA-256 the server said: its ETag was one.
    Sha256,
}

/// An update that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Download {
    /// The image.
    pub image: DownloadedFile,
    /// The signature catalogue.
    pub signature: DownloadedFile,
}

impl Download {
    /// What is known of both files.
    pub fn verified(&self) -> Verification {
        self.image.verified.min(self.signature.verified)
    }
}

/// A file that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadedFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Where it came from, before any redirect.
    pub url: Box<str>,
    /// Its size.
    pub bytes: u64,
    /// Its hash, computed while it came.
    pub sha256: Sha256Digest,
    /// Its strong ETag, quotes included, where the server gave one.
    pub etag: Option<Box<str>>,
    /// What is known of its bytes.
    pub verified: Verification,
    /// From which byte on it was resumed the last time; `None` when it came in one piece.
    pub resumed_from: Option<u64>,
    /// How many tries it took.
    pub tries: u32,
    /// How long it took, all tries and the waits between them included.
    pub elapsed: Duration,
}

impl Client {
    /// Fetches the image of an offer, then its signature, into the folder `into`, which is made if it is not there.
    ///
    /// Both come as `<name>.part` and get their names, over older files, when both are whole, verified and synced: the
    /// signature first, so that an image never lies there without. What a try leaves behind is gone on with by the next
    /// one, in the same program or another, as long as the server says by a strong ETag that the file is still the same.
    /// Only one download at a time may use a folder. A dropped future leaves at most parts.
    ///
    /// # Errors
    /// When the base URL of this side is blank or no http or https URL, the server does not have a file (404 and 410 are
    /// final), a file is longer than [`file_limit`](crate::ClientOptions::file_limit), its bytes are not those the server
    /// says, or the folder does not take it. What [may pass](ClientError::may_pass) is tried again as
    /// [`retry`](crate::ClientOptions::retry) says.
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
        tokio::fs::create_dir_all(into).await.map_err(ClientError::disk("make the folder", into))?;
        let paths = |name: &FileName| Paths::new(into, name);
        let (image_paths, signature_paths) = (paths(&offer.file_name), paths(&offer.signature_file_name));
        let image = self.fetch(&image_url, &image_paths, UpdateFile::Image, &mut progress).await?;
        let signature =
            self.fetch(&signature_url, &signature_paths, UpdateFile::Signature, &mut progress).await?;
        part::place(&signature_paths).await?;
        part::place(&image_paths).await?;
        part::sync_folder(into).await?;
        Ok(Download { image, signature })
    }

    /// Fetches one file into its part, as often as it needs.
    async fn fetch(
        &self,
        url: &Url,
        paths: &Paths,
        file: UpdateFile,
        progress: &mut (impl FnMut(Progress) + Send),
    ) -> Result<DownloadedFile, ClientError> {
        let started = Instant::now();
        let mut part = Part::open(paths, url.as_str()).await?;
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.fetch_once(url, &mut part, file, progress).await {
                Ok(fetched) => {
                    part.sync().await?;
                    return Ok(DownloadedFile {
                        path: paths.whole.clone(),
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
                part.discard().await;
                return Err(error);
            }
            part.note().await?;
            self.wait_after(tries, error).await?;
        }
    }

    async fn fetch_once(
        &self,
        url: &Url,
        part: &mut Part,
        file: UpdateFile,
        progress: &mut (impl FnMut(Progress) + Send),
    ) -> Result<Fetched, ClientError> {
        let mut resumed_from = part.rest().map(|(_, offset)| offset);
        let rest = part.rest().map(|(entity, offset)| (&*entity.etag, offset));
        let mut found = self.get(url, rest).await?;
        if let Some((entity, offset)) = part.rest()
            && found.response.status() != 200
            && !found.continues(entity, offset)
        {
            // A part of something else, or of nobody knows what: a server that does not heed `If-Range` sends such.
            resumed_from = None;
            found = self.get(url, None).await?;
        }
        let FoundFile { response, etag } = found;
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
        Ok(Fetched { etag, verified, resumed_from })
    }
}

/// Refuses offers whose files would overwrite one another in one folder.
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

struct Fetched {
    etag: Option<Box<str>>,
    verified: Verification,
    resumed_from: Option<u64>,
}

impl FoundFile {
    /// Whether it is the rest of what we have a part of.
    fn continues(&self, entity: &Entity, offset: u64) -> bool {
        let status = self.response.status().as_u16();
        continues(status, self.response.headers(), self.etag.as_deref(), entity, offset)
    }
}

/// Whether an answer is the rest of what we have a part of: the same strong ETag, from the byte asked for to the last.
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
    part: &mut Part,
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

/// Holds what came against what the server said of it.
fn verify(
    url: &Url,
    part: &Part,
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
