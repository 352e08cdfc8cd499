//! The limit of file descriptors of the process, and the limits of connections that follow from it.

use crate::commands::server::serve::connection::limits::ConnectionLimits;
use crate::failure::Failure;

/// The default of `--connections`, if there are enough file descriptors for it.
const DEFAULT_CONNECTIONS: usize = 4096;

/// The number of file descriptors that are reserved for the store, the logs, the listeners and the
/// runtime.
const RESERVE: usize = 56;

/// The smallest number of file descriptors with which a server starts.
const LEAST: usize = 96;

/// Raises the limit of open files of this process to the largest one that the system allows.
/// Returns the limit. `None` if there is no limit.
#[cfg(unix)]
pub(crate) fn raise() -> Option<usize> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    current.map(|descriptors| usize::try_from(descriptors).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
pub(crate) fn raise() -> Option<usize> {
    None
}

/// Returns the limits of connections for this number of file descriptors. `None` means no limit of
/// descriptors. The other arguments are the options of `serve`.
///
/// With a store in a folder, a download needs a second descriptor in addition to that of its
/// connection. Therefore connections get two thirds of the descriptors that are not reserved, and
/// downloads one third. `kinds` is 2 if there are listeners with TLS and without; each kind has its
/// own places. Fails when there are too few descriptors.
pub(crate) fn limits(
    descriptors: Option<usize>,
    kinds: usize,
    wanted: Option<usize>,
    of_one: Option<usize>,
    most_downloads: Option<usize>,
) -> Result<ConnectionLimits, Failure> {
    let descriptors = descriptors.unwrap_or(usize::MAX);
    if descriptors < LEAST {
        return Err(Failure::new(format_args!(
            "the system allows {descriptors} open files, expected at least {LEAST}: raise the limit with `ulimit -n` or \
             LimitNOFILE= of the unit"
        )));
    }
    let left = descriptors.saturating_sub(RESERVE);
    let possible = left / 3 * 2 / kinds.max(1);
    let connections = match wanted {
        Some(wanted) if wanted > possible => {
            return Err(Failure::new(format_args!(
                "--connections is {wanted}, expected at most {possible}: the system allows {descriptors} open files, and a \
                 download needs two; raise the limit with `ulimit -n` or LimitNOFILE= of the unit"
            )));
        }
        Some(wanted) => wanted,
        None => possible.min(DEFAULT_CONNECTIONS),
    };
    let connections_of_one = of_one.unwrap_or(connections / 4).clamp(1, connections);
    let possible = (left / 3).max(1);
    let downloads = match most_downloads {
        Some(wanted) if wanted > possible => {
            return Err(Failure::new(format_args!(
                "--max-downloads is {wanted}, expected at most {possible}: the system allows {descriptors} open files, and \
                 each download may open a file; raise the limit with `ulimit -n` or LimitNOFILE= of the unit"
            )));
        }
        Some(wanted) => wanted,
        None => possible.min(connections.saturating_mul(kinds) / 2).max(1),
    };
    Ok(ConnectionLimits {
        connections,
        connections_of_one,
        downloads,
        downloads_of_one: (connections_of_one / 2).clamp(1, downloads),
        ..ConnectionLimits::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_downloads_leave_descriptors_to_the_store() {
        for descriptors in [LEAST, 128, 256, 1024, 4096, 20_000, 1_048_576] {
            for kinds in [1, 2] {
                let limits = limits(Some(descriptors), kinds, None, None, None).unwrap();
                let used = limits.connections * kinds + limits.downloads;
                assert!(used + RESERVE <= descriptors, "{descriptors}: {limits:?}");
                assert!(limits.connections <= DEFAULT_CONNECTIONS && limits.connections_of_one >= 1);
                assert!(limits.downloads < limits.connections * kinds, "polls find a place: {limits:?}");
                assert!(limits.downloads_of_one <= limits.connections_of_one);
            }
        }
        assert_eq!(limits(None, 1, None, None, None).unwrap().connections, DEFAULT_CONNECTIONS);
    }

    #[test]
    fn more_connections_than_descriptors_are_refused_with_the_remedy() {
        let reason = |result: Result<ConnectionLimits, Failure>| match result {
            Err(Failure::Explained(_, reason)) => reason,
            other => format!("{other:?}"),
        };
        let refused = reason(limits(Some(1024), 1, Some(1000), None, None));
        assert!(
            refused.starts_with("--connections is 1000, expected at most 644: the system allows 1024"),
            "{refused}"
        );
        let refused = reason(limits(Some(64), 1, None, None, None));
        assert!(refused.starts_with("the system allows 64 open files, expected at least 96"), "{refused}");
        assert_eq!(limits(Some(1024), 1, Some(600), Some(10), None).unwrap().connections_of_one, 10);
        let refused = reason(limits(Some(1024), 1, None, None, Some(1000)));
        assert!(
            refused.starts_with("--max-downloads is 1000, expected at most 322: the system allows"),
            "{refused}"
        );
        assert_eq!(limits(Some(1024), 1, None, None, Some(7)).unwrap().downloads, 7);
    }

    #[cfg(unix)]
    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let raised = raise();
        let now = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        assert_eq!(now.current, now.maximum);
        assert_eq!(raised, now.maximum.map(|most| usize::try_from(most).unwrap()));
    }
}
