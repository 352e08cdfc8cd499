//! Reads a package from a cabinet in one pass. Each byte is hashed and passed to a sink.

use super::limits::PackageLimits;
use super::member::{MANIFEST_FILE_NAME, Member, MemberRole, MemberSink, MemberStart, NoSink};
use super::options::PackageOptions;
use super::package::{Package, PackageForm};
use super::problem::{Problem, ProblemKind};
use super::understand::{KeptBytes, understand};
use crate::cabinet::{Cabinet, FileReader, Irregularity};
use crate::error::CabError;
use crate::hashing::{Hashes, Hashing};
use crate::path::SafePath;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};

/// Reads a package from a cabinet, and passes the bytes of its members to `sink`.
///
/// Reading any valid cabinet returns a [`Package`]. A cabinet without releases has the problem
/// [`NoRelease`](super::ProblemKind::NoRelease). The sink receives the members in the order of the
/// cabinet's data. The purpose of a member is known only at the end. So a sink must keep all
/// members until the package is known not to be [refused](Package::is_refused).
///
/// A member that is itself a cabinet is replaced by the members in this cabinet, up to a depth of
/// two. The digest of the package is the digest of the outer cabinet.
///
/// An input can contain several cabinets. The package is the one cabinet with a manifest or images. The other cabinets
/// are reported as problems. If several cabinets have a manifest or images, the package is refused.
/// [`with_offset`](crate::CabinetOptions::with_offset) then chooses one of them.
///
/// Reading needs memory for one chunk of at most 32 KiB, and for the manifest and signatures up to
/// [`PackageLimits::with_kept_bytes`]. Members and cabinets of more than 1 MiB are hashed on two
/// further threads, whose buffers have at most 512 KiB each. If no thread can be started, the
/// calling thread hashes.
///
/// ```
/// use ucupdate_cab::package::{NoSink, PackageForm, PackageOptions, read_package, sample};
/// use ucupdate_cab::{Cabinet, CabinetLimits};
/// let bytes = sample::uc_updates(1000);
/// let cabinet = Cabinet::open(&bytes[..], CabinetLimits::default()).unwrap();
/// let package = read_package(cabinet, PackageOptions::default(), &mut NoSink).unwrap();
/// assert_eq!(package.form, PackageForm::Manifest);
/// assert_eq!(package.releases[0].key.to_string(), "UCPhone/LG-Nortel/IP8540/A/ENU/CPE");
/// assert_eq!(package.releases[0].version.as_str(), "3.5.6907.0");
/// assert!(!package.is_refused());
/// ```
///
/// # Errors
/// Fails when the cabinet cannot be read to its end, and when the sink fails. The error names the
/// member if one is concerned.
pub fn read_package<R: Read>(
    cabinet: Cabinet<R>,
    options: impl Into<PackageOptions>,
    sink: &mut dyn MemberSink,
) -> Result<Package, PackageError> {
    let options = options.into();
    let (mut chosen, mut next) = CabinetRead::new(cabinet, &options, sink)?;
    let mut others = Vec::new();
    let mut rivals = Vec::new();
    while let Some(cabinet) = next.take() {
        let has_package = chosen.has_package();
        if !has_package {
            sink.start_over().map_err(PackageError::StartOver)?;
        }
        let offset = cabinet.stub_bytes();
        let sink = if has_package { &mut NoSink } else { &mut *sink };
        let (mut read, following) = match CabinetRead::new(cabinet, &options, sink) {
            Err(error) if has_package && !error.is_of_input() => {
                rivals.push(format!("a cabinet at byte {offset} that cannot be read ({error})"));
                break;
            }
            read => read?,
        };
        next = following;
        if !has_package {
            std::mem::swap(&mut chosen, &mut read);
        }
        let same_file = if read.has_package() { &mut rivals } else { &mut others };
        same_file.push(read.to_string());
    }
    let at = chosen.to_string();
    let mut package = chosen.package;
    let problem = |kind, expected: &str, found: String| Problem::new(kind, expected).found(found);
    if !rivals.is_empty() {
        rivals.insert(0, at);
        let expected = "one, or the offset of the right one (`--cabinet-at`)";
        package.problems.push(problem(ProblemKind::SeveralPackages, expected, rivals.join(" and ")));
    }
    let others = others.into_iter();
    package.problems.extend(others.map(|other| problem(ProblemKind::OtherCabinet, "one cabinet", other)));
    Ok(package)
}

/// The package of a cabinet that was read to its end, with the position of the cabinet in the
/// input.
struct CabinetRead {
    offset: u64,
    bytes: u64,
    package: Package,
}

impl CabinetRead {
    /// Reads a cabinet to its end, and opens the next cabinet in the same input. The second value
    /// is `None` if there is no next cabinet.
    fn new<R: Read>(
        mut cabinet: Cabinet<R>,
        options: &PackageOptions,
        sink: &mut dyn MemberSink,
    ) -> Result<(Self, Option<Cabinet<R>>), PackageError> {
        let mut reading = MemberReading {
            limits: &options.limits,
            sink,
            members: Vec::new(),
            kept: BTreeMap::new(),
            kept_bytes: 0,
            nested: 0,
            irregularities: Vec::new(),
        };
        let offset = cabinet.stub_bytes();
        reading.members(&mut cabinet, 0)?;
        let (finished, next) = cabinet.next_cabinet()?;
        let MemberReading { members, kept, mut irregularities, .. } = reading;
        irregularities.extend(finished.irregularities);
        let mut package = understand(finished.sha256, members, &kept, options.clone());
        package.problems.extend(irregularities.iter().map(irregularity_problem));
        Ok((Self { offset, bytes: finished.cabinet_bytes, package }, next))
    }

    fn has_package(&self) -> bool {
        let is_of_package = |member: &Member| matches!(member.role, MemberRole::Manifest | MemberRole::Image);
        self.package.form != PackageForm::Neither || self.package.members.iter().any(is_of_package)
    }
}

impl fmt::Display for CabinetRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a cabinet of {} bytes at byte {}", self.bytes, self.offset)
    }
}

/// The largest depth of a cabinet inside other cabinets.
const MAX_DEPTH: usize = 2;
/// The largest number of nested cabinets that are read. Further nested cabinets are ordinary files.
const MAX_NESTED: usize = 8;

/// The state of reading the members of a cabinet, including the members of nested cabinets.
struct MemberReading<'a> {
    limits: &'a PackageLimits,
    sink: &'a mut dyn MemberSink,
    members: Vec<Member>,
    kept: BTreeMap<usize, KeptBytes>,
    kept_bytes: usize,
    nested: usize,
    irregularities: Vec<Irregularity>,
}

impl MemberReading<'_> {
    /// Reads the members of a cabinet. A member that is itself a cabinet is replaced by the members
    /// in this cabinet.
    fn members<R: Read>(&mut self, cabinet: &mut Cabinet<R>, depth: usize) -> Result<(), PackageError> {
        let options = cabinet.options().clone();
        while let Some(mut file) = cabinet.next_file()? {
            let entry = file.entry();
            let path = entry.path().cloned().map_err(Clone::clone);
            let name = entry.name_as_given().into_owned();
            let (size, modified) = (entry.size(), entry.modified());
            let start = MemberStart::at(self.members.len(), &name, path, size, modified);
            let damaged = |source| PackageError::Member { member: name.clone(), source };
            let mut first = Vec::new();
            if start.role == MemberRole::Other && depth < MAX_DEPTH && self.nested < MAX_NESTED {
                first.extend_from_slice(file.read_chunk().map_err(damaged)?);
            }
            if first.starts_with(b"MSCF") {
                self.nested += 1;
                let input: Box<dyn Read + '_> = Box::new(io::Cursor::new(first).chain(file));
                let mut inner = Cabinet::open(input, options.clone()).map_err(damaged)?;
                self.members(&mut inner, depth + 1)?;
                self.irregularities.extend(inner.finish().map_err(damaged)?.irregularities);
                continue;
            }
            self.member(&mut file, start, &first)?;
        }
        Ok(())
    }

    fn member<R: Read>(
        &mut self,
        file: &mut FileReader<'_, R>,
        start: MemberStart,
        first: &[u8],
    ) -> Result<(), PackageError> {
        let mut keeping = Keeping::new(&start, self.limits, self.kept_bytes);
        self.sink.begin(&start).map_err(|cause| PackageError::sink(&start, cause))?;
        let member = read_member(file, start, first, &mut keeping, self.sink)?;
        self.sink.end(&member).map_err(|cause| PackageError::Sink { member: member.name.clone(), cause })?;
        if let Some(bytes) = keeping.kept() {
            if let KeptBytes::Whole(bytes) = &bytes {
                self.kept_bytes += bytes.len();
            }
            self.kept.insert(member.index, bytes);
        }
        self.members.push(member);
        Ok(())
    }
}

fn irregularity_problem(irregularity: &Irregularity) -> Problem {
    let (kind, expected) = match (irregularity.is_incomplete(), irregularity.is_ambiguous()) {
        (true, _) => (
            ProblemKind::UnreadFolder,
            "folders without compression, in MSZIP or in LZX; extract the cabinet with cabextract or 7-Zip and build it again with `ucupdate package build`",
        ),
        (false, true) => (ProblemKind::AmbiguousCabinet, "one table of files"),
        _ if matches!(irregularity, Irregularity::NoCabinet { .. }) => {
            (ProblemKind::IrregularCabinet, "one cabinet in the program")
        }
        (false, false) => (ProblemKind::IrregularCabinet, "files that fill their folders one after another"),
    };
    Problem::new(kind, expected).found(irregularity.to_string())
}

/// Reads a member and passes its bytes to the sink. `first` has the first bytes, which were read
/// already. It is empty if none were.
fn read_member<R: Read>(
    file: &mut FileReader<'_, R>,
    start: MemberStart,
    first: &[u8],
    keeping: &mut Keeping,
    sink: &mut dyn MemberSink,
) -> Result<Member, PackageError> {
    let may_be_image = start.role.may_be_image();
    let mut hashing = Hashing::new(if may_be_image { Hashes::with_sha1() } else { Hashes::default() });
    let mut take = |chunk: &[u8]| {
        hashing.update(chunk);
        keeping.push(chunk);
        sink.write(chunk).map_err(|cause| PackageError::sink(&start, cause))
    };
    if !first.is_empty() {
        take(first)?;
    }
    loop {
        let chunk = file
            .read_chunk()
            .map_err(|cause| PackageError::Member { member: start.name.clone(), source: cause })?;
        if chunk.is_empty() {
            break;
        }
        take(chunk)?;
    }
    let hashes = hashing.hashes();
    Ok(Member::new(start, hashes.sha256(), hashes.sha1()))
}

/// The bytes of a member that are kept in memory, up to a limit.
enum Keeping {
    /// The bytes of this member are not kept, because of its role.
    Nothing,
    Bytes {
        bytes: Vec<u8>,
        most: usize,
        /// The name and the value of the limit, for the error. `most` is less than the limit
        /// `kept_bytes` if earlier members have used a part of this limit.
        limit: (&'static str, usize),
    },
    TooLong {
        which: &'static str,
        limit: usize,
    },
}

impl Keeping {
    fn new(start: &MemberStart, limits: &PackageLimits, kept_bytes: usize) -> Self {
        // A manifest in a leading folder looks like a description, so the name is checked too.
        let is_manifest = |path: &SafePath| path.file_name().eq_ignore_ascii_case(MANIFEST_FILE_NAME);
        let limit = match start.role {
            _ if start.path.as_ref().is_ok_and(is_manifest) => ("manifest_bytes", limits.manifest_bytes),
            _ if !start.role.is_kept() => return Self::Nothing,
            _ => ("catalogue_bytes", limits.catalogue_bytes),
        };
        let left = limits.kept_bytes.saturating_sub(kept_bytes);
        match left < limit.1 {
            true => Self::Bytes { bytes: Vec::new(), most: left, limit: ("kept_bytes", limits.kept_bytes) },
            false => Self::Bytes { bytes: Vec::new(), most: limit.1, limit },
        }
    }

    fn push(&mut self, chunk: &[u8]) {
        if let Self::Bytes { bytes, most, limit: (which, limit) } = self {
            if bytes.len() + chunk.len() > *most {
                *self = Self::TooLong { which, limit: *limit };
            } else {
                bytes.extend_from_slice(chunk);
            }
        }
    }

    fn kept(self) -> Option<KeptBytes> {
        match self {
            Self::Nothing => None,
            Self::Bytes { bytes, .. } => Some(KeptBytes::Whole(bytes)),
            Self::TooLong { which, limit } => Some(KeptBytes::TooLong { which, limit }),
        }
    }
}

/// The reason why a package was not read to its end.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum PackageError {
    /// The cabinet cannot be read, and the error concerns no single member.
    #[error(transparent)]
    Cabinet(#[from] CabError),
    /// A member of the cabinet cannot be read.
    #[error("{member:?} cannot be read from the cabinet")]
    Member { member: String, source: CabError },
    /// The sink failed in [`MemberSink::start_over`], so members of a cabinet without a package
    /// were not discarded.
    #[error("members of a cabinet without a package cannot be removed")]
    StartOver(#[source] io::Error),
    /// The sink failed to store a member.
    #[error("{member:?} cannot be stored")]
    Sink {
        member: String,
        #[source]
        cause: io::Error,
    },
}

impl PackageError {
    /// Returns whether reading the input failed. In this case nothing is known about the cabinet.
    fn is_of_input(&self) -> bool {
        matches!(self, Self::Cabinet(CabError::Io { .. }) | Self::Member { source: CabError::Io { .. }, .. })
    }

    fn sink(start: &MemberStart, cause: io::Error) -> Self {
        Self::Sink { member: start.name.clone(), cause }
    }
}
