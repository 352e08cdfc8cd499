//! [`TokenFile`]: bearer tokens in a file, hashed.

use super::authenticate::{AdminVerdict, AuthenticateAdmin};
use super::role::{AdminRole, Administrator};
use super::token::{self, MAX_TOKEN_BYTES, Token};
use async_trait::async_trait;
use http::{header, request};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use ucupdate::value::{Sha256Digest, UnixTime, is_unseen};
use ucupdate_folder::{Folder, open_regular};

/// The number of the file format that this program writes.
const FORMAT: u32 = 1;

/// The largest size of the file in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The time limit of waiting for another process that changes the file.
const LOCK_TIME: Duration = Duration::from_secs(10);

/// The pause between two tries of taking the lock of the file.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// The largest number of bytes of the name of an administrator.
const MAX_NAME_BYTES: usize = 128;

/// A token file: a file of bearer tokens. It has the SHA-256 of each token, with the name, the role and the expiry of the token.
///
/// The token file is read again when it changes, so a revoked token is refused from the next request on. While the token file
/// cannot be read, every request gets the status 503.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    known: Mutex<Option<KnownTokens>>,
}

/// The tokens as of the last reading of the file, with the modification time and the size that the file had then. If
/// both are unchanged, the tokens need not be read again.
#[derive(Clone, Debug)]
struct KnownTokens {
    modified: Option<SystemTime>,
    size: u64,
    tokens: Arc<[TokenEntry]>,
}

/// An entry of a token file. It has the SHA-256 of the token, and not the token itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TokenEntry {
    /// The name of the administrator, which the history shows as the author of changes. Two names that differ only in ASCII case
    /// are the same name.
    pub name: Box<str>,
    /// The role, which decides what the token may do.
    pub role: AdminRole,
    /// The time at which the token expires. `None` if it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<UnixTime>,
    /// The time at which the token was added, by the clock of the machine that added it.
    pub added: UnixTime,
    sha256: Sha256Digest,
}

#[derive(Serialize, Deserialize)]
struct TokenDocument {
    format: u32,
    tokens: Vec<TokenEntry>,
}

/// Error of reading or changing a token file.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum TokenFileError {
    /// The token file cannot be read or written, or another process is changing it. Also if there are no random numbers for a new
    /// token.
    #[error("cannot use the token file `{}`", path.display())]
    File { path: PathBuf, source: io::Error },
    /// The file at this path is not a token file.
    #[error("`{}` is not a file of tokens", path.display())]
    Malformed { path: PathBuf, source: Box<dyn Error + Send + Sync> },
    /// A newer program wrote the token file.
    #[error("`{}` has format {found}, expected at most {FORMAT}; use a newer program", path.display())]
    NewerFormat { path: PathBuf, found: u32 },
    /// The name of a new token is empty, too long, or has more than one line.
    #[error("the name {what}, expected one line of 1 to {MAX_NAME_BYTES} bytes")]
    Name { what: &'static str },
    /// Another token in the token file has this name.
    #[error("a token is named {name} already; revoke it first, or use another name")]
    NameTaken { name: Box<str> },
    /// No token in the token file has this name, so it cannot be revoked. Names are compared
    /// without regard to ASCII case.
    #[error("no token is named {name}")]
    NoToken { name: Box<str> },
    /// The expiry of a new token is in the past.
    #[error("the token would expire at {expires}, which is in the past")]
    Expired { expires: UnixTime },
}

impl TokenFile {
    /// Opens an existing token file.
    ///
    /// # Errors
    /// When the file cannot be read, is not a token file, or was written by a newer program.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, TokenFileError> {
        let file = Self { path: path.into(), known: Mutex::new(None) };
        file.tokens()?;
        Ok(file)
    }

    /// Opens a token file, which need not exist. If it does not exist, it has no tokens, and [`add`](Self::add)
    /// creates it.
    ///
    /// # Errors
    /// When the file exists and cannot be read, is not a token file, or was written by a newer program.
    pub fn open_or_new(path: impl Into<PathBuf>) -> Result<Self, TokenFileError> {
        let path = path.into();
        match Self::open(&path) {
            Err(TokenFileError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(Self { path, known: Mutex::new(None) })
            }
            opened => opened,
        }
    }

    /// Returns the path as it was passed to [`open`](Self::open) or [`open_or_new`](Self::open_or_new).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the tokens, in the order in which they were added.
    ///
    /// # Errors
    /// When the file does not exist, cannot be read, is not a token file, or was written by a newer program.
    pub fn tokens(&self) -> Result<Arc<[TokenEntry]>, TokenFileError> {
        let failed = |source| TokenFileError::File { path: self.path.clone(), source };
        let mut file = open_regular(&self.path).map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        let (modified, size) = (meta.modified().ok(), meta.len());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // A file that was written within the last seconds may be written again with the same time.
        let is_settled = modified.is_some_and(|at| at.elapsed().is_ok_and(|age| age.as_secs() >= 2));
        if let Some(known) =
            known.as_ref().filter(|known| is_settled && known.modified == modified && known.size == size)
        {
            return Ok(Arc::clone(&known.tokens));
        }
        let mut bytes = Vec::new();
        (&mut file).take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(failed(io::Error::other(format!("the file has more than {MAX_FILE_BYTES} bytes"))));
        }
        let tokens: Arc<[TokenEntry]> = self.read(&bytes)?.into();
        *known = Some(KnownTokens { modified, size, tokens: Arc::clone(&tokens) });
        Ok(tokens)
    }

    fn read(&self, bytes: &[u8]) -> Result<Vec<TokenEntry>, TokenFileError> {
        let malformed = |source: serde_json::Error| TokenFileError::Malformed {
            path: self.path.clone(),
            source: source.into(),
        };
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let Version { format } = serde_json::from_slice(bytes).map_err(malformed)?;
        if format > FORMAT {
            return Err(TokenFileError::NewerFormat { path: self.path.clone(), found: format });
        }
        let TokenDocument { tokens, .. } = serde_json::from_slice(bytes).map_err(malformed)?;
        Ok(tokens)
    }

    /// Adds a new random token to the token file and returns the token. The token file has only its SHA-256, so the
    /// token cannot be read later.
    ///
    /// # Errors
    /// When the name is not usable or is taken, when `expires` is not later than `now`, when the system has no random
    /// numbers, when the file cannot be read or written or is not a token file of this program's format, and when
    /// another process keeps the lock of the file.
    pub fn add(
        &self,
        name: &str,
        role: AdminRole,
        expires: Option<UnixTime>,
        now: UnixTime,
    ) -> Result<Token, TokenFileError> {
        let name = checked_name(name)?;
        if let Some(expires) = expires.filter(|expires| *expires <= now) {
            return Err(TokenFileError::Expired { expires });
        }
        let token =
            Token::random().map_err(|source| TokenFileError::File { path: self.path.clone(), source })?;
        loop {
            let lock = self.lock()?;
            let mut tokens = if lock.is_some() { self.tokens()?.to_vec() } else { Vec::new() };
            if let Some(taken) = tokens.iter().find(|token| token.name.eq_ignore_ascii_case(name)) {
                return Err(TokenFileError::NameTaken { name: taken.name.clone() });
            }
            let sha256 = token::digest(token.reveal());
            tokens.push(TokenEntry { name: name.into(), role, expires, added: now, sha256 });
            match self.write(tokens, lock.as_ref()) {
                // Another process has created the file in the meantime.
                Err(TokenFileError::File { source, .. })
                    if lock.is_none() && source.kind() == io::ErrorKind::AlreadyExists => {}
                written => return written.map(|()| token),
            }
        }
    }

    /// Removes the token with this name from the token file, and returns its entry.
    ///
    /// # Errors
    /// When no token has the name, when the file cannot be read or written or is not a token file of this program's
    /// format, and when another process keeps the lock of the file.
    pub fn revoke(&self, name: &str) -> Result<TokenEntry, TokenFileError> {
        let lock = self.lock()?;
        let mut tokens = self.tokens()?.to_vec();
        let found = tokens.iter().position(|token| token.name.eq_ignore_ascii_case(name.trim()));
        let found = found.ok_or_else(|| TokenFileError::NoToken { name: name.into() })?;
        let revoked = tokens.remove(found);
        self.write(tokens, lock.as_ref())?;
        Ok(revoked)
    }

    /// Takes the lock of the file, so that no other process changes it between reading and writing. Returns `None` if the file does
    /// not exist.
    fn lock(&self) -> Result<Option<File>, TokenFileError> {
        let failed = |source| TokenFileError::File { path: self.path.clone(), source };
        let ended = Instant::now() + LOCK_TIME;
        loop {
            let file = match open_regular(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                opened => opened.map_err(failed)?,
            };
            match fs4::FileExt::try_lock(&file) {
                // A change replaces the file, so the lock may be that of the file before.
                Ok(()) if is_at(&file, &self.path).map_err(failed)? => return Ok(Some(file)),
                Ok(()) => {}
                Err(fs4::TryLockError::WouldBlock) if Instant::now() < ended => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                Err(fs4::TryLockError::WouldBlock) => {
                    return Err(failed(io::Error::other("another process is changing it")));
                }
                Err(fs4::TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    /// Writes the whole file, which only its owner can read. `lock` is the lock of the existing file. If it is
    /// `None`, the file must not exist yet.
    fn write(&self, tokens: Vec<TokenEntry>, lock: Option<&File>) -> Result<(), TokenFileError> {
        let failed = |source| TokenFileError::File { path: self.path.clone(), source };
        let name = self.path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| failed(io::Error::other("the path names no file")))?;
        let mut bytes = serde_json::to_vec_pretty(&TokenDocument { format: FORMAT, tokens })
            .map_err(|source| TokenFileError::Malformed { path: self.path.clone(), source: source.into() })?;
        bytes.push(b'\n');
        let write = || {
            let folder = Folder::open(self.path.parent().unwrap_or(Path::new("")))?;
            let mut staged = folder.stage_private("")?;
            staged.write_all(&bytes)?;
            if lock.is_some() { staged.replace(name) } else { staged.create(name) }
        };
        write().map_err(failed)?;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    /// Returns the verdict on the token that a client sent. The token is compared with every entry, so the time
    /// that this takes does not show which entry is similar to it.
    fn verdict(tokens: &[TokenEntry], sent: &str, now: UnixTime) -> AdminVerdict {
        let digest = token::digest(sent);
        let mut found = None;
        for entry in tokens {
            if token::is_same(&entry.sha256, &digest) {
                found = Some(entry);
            }
        }
        match found {
            None => AdminVerdict::Refuse { reason: "the token is not known".into(), name: None },
            Some(entry) if entry.expires.is_some_and(|expires| expires <= now) => AdminVerdict::Refuse {
                reason: "the token has expired".into(),
                name: Some(entry.name.clone()),
            },
            Some(entry) => AdminVerdict::Allow(Administrator::new(entry.name.clone(), entry.role)),
        }
    }
}

#[async_trait]
impl AuthenticateAdmin for TokenFile {
    async fn authenticate(&self, request: &request::Parts) -> AdminVerdict {
        let refuse = |reason: &str| AdminVerdict::Refuse { reason: reason.into(), name: None };
        let mut sent = request.headers.get_all(header::AUTHORIZATION).iter();
        let (Some(sent), None) = (sent.next(), sent.next()) else {
            return refuse("no token, expected one `Authorization: Bearer TOKEN`");
        };
        let bearer = sent.to_str().ok().and_then(|sent| {
            let (scheme, token) = sent.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let Some(token) = bearer else { return refuse("no token, expected `Authorization: Bearer TOKEN`") };
        if token.is_empty() || token.len() > MAX_TOKEN_BYTES {
            return refuse("the token is not known");
        }
        match self.tokens() {
            Ok(tokens) => Self::verdict(&tokens, token, UnixTime::from(SystemTime::now())),
            Err(_) => AdminVerdict::Unavailable,
        }
    }
}

/// Returns whether an open file is still the file at this path. It is another file if a process has replaced the
/// file since it was opened.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let opened = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (opened.dev(), opened.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}

fn checked_name(name: &str) -> Result<&str, TokenFileError> {
    let name = name.trim();
    match name {
        "" => Err(TokenFileError::Name { what: "is blank" }),
        name if name.len() > MAX_NAME_BYTES => Err(TokenFileError::Name { what: "is too long" }),
        name if name.chars().any(is_unseen) => {
            Err(TokenFileError::Name { what: "has a character that is invisible or looks like another one" })
        }
        name => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);
    const LATER: UnixTime = UnixTime::from_seconds(1_900_000_000);

    #[test]
    fn changes_at_the_same_time_are_all_kept() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("tokens.json");
        let at_once = |work: &(dyn Fn(TokenFile, usize) + Sync)| {
            std::thread::scope(|scope| {
                for number in 0..8 {
                    let file = TokenFile::open_or_new(&path).unwrap();
                    scope.spawn(move || work(file, number));
                }
            });
            TokenFile::open(&path).unwrap().tokens().unwrap().len()
        };
        let add =
            |file: TokenFile, name: String| drop(file.add(&name, AdminRole::Viewer, None, NOW).unwrap());
        assert_eq!(at_once(&|file, number| add(file, format!("first {number}"))), 8);
        let left = at_once(&|file, number| match number % 2 {
            0 => add(file, format!("second {number}")),
            _ => drop(file.revoke(&format!("first {number}")).unwrap()),
        });
        assert_eq!(left, 8);
        let names = std::fs::read_dir(place.path()).unwrap().count();
        assert_eq!(names, 1, "nothing else is left in the folder");
    }

    #[test]
    fn a_file_holds_no_token_and_is_for_its_owner_only() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("tokens.json");
        let file = TokenFile::open_or_new(&path).unwrap();
        let token = file.add("ann", AdminRole::Approver, None, NOW).unwrap();
        assert_eq!(token.reveal().len(), 68);
        assert_eq!(format!("{token:?}"), "Token(..)");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(token.reveal()) && !text.contains(&token.reveal()[4..]));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let verdict = TokenFile::verdict(&file.tokens().unwrap(), token.reveal(), NOW);
        assert_eq!(verdict, AdminVerdict::Allow(Administrator::new("ann", AdminRole::Approver)));
    }

    #[test]
    fn expired_revoked_and_unknown_tokens_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let file = TokenFile::open_or_new(place.path().join("tokens.json")).unwrap();
        let token = file.add("ann", AdminRole::Viewer, Some(LATER), NOW).unwrap();
        let verdict = |sent: &str, now| TokenFile::verdict(&file.tokens().unwrap(), sent, now);
        assert!(matches!(verdict(token.reveal(), NOW), AdminVerdict::Allow(_)));
        let expired =
            AdminVerdict::Refuse { reason: "the token has expired".into(), name: Some("ann".into()) };
        assert_eq!(verdict(token.reveal(), LATER), expired);
        let unknown = AdminVerdict::Refuse { reason: "the token is not known".into(), name: None };
        assert_eq!(verdict("ucu_00", NOW), unknown);
        assert_eq!(file.revoke("ANN").unwrap().name, "ann".into());
        assert_eq!(verdict(token.reveal(), NOW), unknown);
    }

    #[test]
    fn names_are_unique_and_of_one_line_and_an_expiry_lies_ahead() {
        let place = tempfile::tempdir().unwrap();
        let file = TokenFile::open_or_new(place.path().join("tokens.json")).unwrap();
        file.add("ann", AdminRole::Viewer, None, NOW).unwrap();
        for (name, expires, message) in [
            ("Ann", None, "a token is named ann already; revoke it first, or use another name"),
            (" ", None, "the name is blank, expected one line of 1 to 128 bytes"),
            (
                "a\nb",
                None,
                "the name has a character that is invisible or looks like another one, expected one line of 1 to 128 bytes",
            ),
        ] {
            let error = file.add(name, AdminRole::Viewer, expires, NOW).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        assert!(matches!(
            file.add("bob", AdminRole::Viewer, Some(NOW), NOW),
            Err(TokenFileError::Expired { .. })
        ));
        assert_eq!(file.revoke("eve").unwrap_err().to_string(), "no token is named eve");
    }

    #[test]
    fn a_file_of_a_newer_program_and_one_of_something_else_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("tokens.json");
        std::fs::write(&path, r#"{"format":2,"keys":[]}"#).unwrap();
        assert!(matches!(TokenFile::open(&path), Err(TokenFileError::NewerFormat { found: 2, .. })));
        std::fs::write(&path, "hello").unwrap();
        assert!(matches!(TokenFile::open_or_new(&path), Err(TokenFileError::Malformed { .. })));
    }
}
