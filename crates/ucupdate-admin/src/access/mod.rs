//! Access: roles, tokens, and the trait [`AuthenticateAdmin`](crate::AuthenticateAdmin) for other ways of authentication.

pub(crate) mod authenticate;
pub(crate) mod failures;
pub(crate) mod role;
pub(crate) mod token;
pub(crate) mod token_file;
