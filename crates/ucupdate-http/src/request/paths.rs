//! The paths of the request handler and of the files. ASCII case is ignored, because devices differ
//! in case. For example, real logs have requests to `/requestHandler/` and to `/RequestHandler/`.

use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use ucupdate::UrlStyle;
use ucupdate::request::Side;

/// The paths of the request handler, each with its side.
///
/// The first two paths are those of OCS. The third is the path that firmware 1.0.452.0 uses. OCS
/// did not serve the third path, so phones with this firmware got 404 until an administrator added
/// the path. A real log (`vectors/iis-2009-04-15.log`) shows requests to the third path with 404,
/// and later ones with 200.
pub const HANDLER_PATHS: [(&str, Side); 3] = [
    ("/RequestHandler/ucdevice.upx", Side::Internal),
    ("/RequestHandlerExt/ucdevice.upx", Side::External),
    ("/UCDeviceUpdates/ucdevice.upx", Side::Internal),
];

/// The paths of the request handler, each with its side. They are compared without regard to ASCII
/// case.
#[derive(Clone, Debug)]
pub(crate) struct HandlerPaths(Vec<(Box<str>, Side)>);

impl Default for HandlerPaths {
    fn default() -> Self {
        Self(HANDLER_PATHS.iter().map(|(path, side)| ((*path).into(), *side)).collect())
    }
}

impl HandlerPaths {
    /// Adds a path. A path that is already in the list gets the new side.
    pub(crate) fn insert(&mut self, path: &str, side: Side) {
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(path));
        self.0.push((path.into(), side));
    }

    fn find(&self, path: &str) -> Option<Side> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(path)).map(|(_, side)| *side)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The request handler for devices of this side.
    Handler(Side),
    /// A file for devices of this side, and its path below the root of the files. The file may not
    /// exist.
    File(Side, Box<str>),
    /// The path is not one of this service.
    Unknown,
}

impl Target {
    /// Returns the resource that a decoded path names.
    pub(crate) fn of(path: &str, handlers: &HandlerPaths) -> Self {
        if let Some(side) = handlers.find(path) {
            return Self::Handler(side);
        }
        for layout in UrlStyle::ALL {
            for side in [Side::Internal, Side::External] {
                if let Some(below) = below(layout.files_root(side), path) {
                    return Self::File(side, below.into());
                }
            }
        }
        Self::Unknown
    }
}

/// Returns the rest of a path after `root` and a slash. Returns `None` if the path does not begin
/// with them.
fn below<'p>(root: &str, path: &'p str) -> Option<&'p str> {
    let (start, rest) = path.split_at_checked(root.len())?;
    start.eq_ignore_ascii_case(root).then(|| rest.strip_prefix('/'))?
}

/// Decodes the percent encoding (`%XX`) of a path once. If the result is not UTF-8, the path is
/// returned unchanged, and then does not match any file.
pub(crate) fn decoded(path: &str) -> Cow<'_, str> {
    percent_decode_str(path).decode_utf8().unwrap_or(Cow::Borrowed(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn stands_for(path: &str, target: Target) {
        assert_eq!(Target::of(&decoded(path), &HandlerPaths::default()), target, "{path}");
    }

    fn file(side: Side, path: &str) -> Target {
        Target::File(side, path.into())
    }

    #[test]
    fn handler_paths_match_without_case() {
        stands_for("/RequestHandler/ucdevice.upx", Target::Handler(Side::Internal));
        stands_for("/requestHandler/UCDEVICE.UPX", Target::Handler(Side::Internal));
        stands_for("/REQUESTHANDLEREXT/ucdevice.upx", Target::Handler(Side::External));
        stands_for("/UCDeviceUpdates/ucdevice.upx", Target::Handler(Side::Internal));
        stands_for("/RequestHandler/ucdevice%2Eupx", Target::Handler(Side::Internal));
        for path in [
            "/",
            "",
            "*",
            "/RequestHandler",
            "/RequestHandler/ucdevice.upx/",
            "//RequestHandler/ucdevice.upx",
        ] {
            stands_for(path, Target::Unknown);
        }
    }

    #[test]
    fn files_lie_under_both_layouts_of_both_sides() {
        stands_for(
            "/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt",
            file(Side::Internal, "OCInterim/ENU/CPE.nbt"),
        );
        stands_for("/deviceupdatefiles_ext/a", file(Side::External, "a"));
        stands_for("/RequestHandler/Files/a/b", file(Side::Internal, "a/b"));
        stands_for("/requesthandlerEXT/files/a/b", file(Side::External, "a/b"));
        stands_for("/DeviceUpdateFiles_Int/", file(Side::Internal, ""));
        stands_for("/DeviceUpdateFiles_Int", Target::Unknown);
        stands_for("/DeviceUpdateFiles_Internal/a", Target::Unknown);
    }

    #[test]
    fn a_path_is_decoded_once() {
        stands_for("/RequestHandler/Files/A%20B/%C3%A4", file(Side::Internal, "A B/\u{e4}"));
        stands_for("/RequestHandler/Files/%2541", file(Side::Internal, "%41"));
        stands_for("/RequestHandler/Files/a%zz%", file(Side::Internal, "a%zz%"));
        stands_for("/RequestHandler/Files/%2e%2e%2Fx", file(Side::Internal, "../x"));
        stands_for("/RequestHandler/Files/%ff", file(Side::Internal, "%ff"));
    }

    #[test]
    fn a_path_added_twice_has_the_side_of_the_second() {
        let mut paths = HandlerPaths::default();
        paths.insert("/requesthandler/UCDEVICE.upx", Side::External);
        paths.insert("/other", Side::Internal);
        assert_eq!(Target::of("/RequestHandler/ucdevice.upx", &paths), Target::Handler(Side::External));
        assert_eq!(Target::of("/OTHER", &paths), Target::Handler(Side::Internal));
    }

    proptest! {
        #[test]
        fn any_path_has_a_target(path in "\\PC{0,40}|/(RequestHandler|DeviceUpdateFiles_Int)/?\\PC{0,20}") {
            let _: Target = Target::of(&decoded(&path), &HandlerPaths::default());
        }
    }
}
