//! The command is a program, and this library is empty without the feature `fuzzing`.
//!
//! With the feature, the library contains the files of the command that read untrusted bytes, and the laws of these
//! readers. The fuzz targets call the laws, and so do the tests that replay their corpora.

#![cfg(feature = "fuzzing")]
#![allow(dead_code, reason = "the laws need a part of what the command uses of these files")]
#![allow(unused_crate_dependencies, reason = "the program needs them")]

/// The modules of the command that read untrusted bytes, in their folders.
mod commands {
    pub(crate) mod answers {
        pub(crate) mod inspect {
            mod capture_file;
            mod exports;
            mod har;
            mod http_message;
            pub(crate) mod laws;
            mod messages;
            mod packets;
            mod suggest;
        }
    }
    pub(crate) mod devices {
        pub(crate) mod member_list;
    }
    pub(crate) mod server {
        pub(crate) mod serve {
            pub(crate) mod network {
                pub(crate) mod forwarded;
            }
        }
    }
}
pub mod laws;
