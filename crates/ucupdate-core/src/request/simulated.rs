//! The mark of simulated requests. A person sends such a request, and not a device.

/// The mark of a simulated request, at the beginning of its user name.
const MARK: &str = "(simulated)";

/// Returns the user name with the mark of a simulated request. The domain of the user stays as it is.
///
/// The audit log has no column for the mark, so it is in the column of the user. Inventories, loops and outcomes ignore
/// requests with the mark, because they do not come from devices.
///
/// ```
/// use ucupdate_core::request::{is_simulated, simulated_user};
///
/// assert_eq!(simulated_user("ann@contoso.com"), "(simulated)ann@contoso.com");
/// assert_eq!(simulated_user("CONTOSO\\ann"), "CONTOSO\\(simulated)ann");
/// assert!(is_simulated(&simulated_user("")) && !is_simulated("ann@contoso.com"));
/// ```
pub fn simulated_user(user_name: &str) -> String {
    match user_name.split_once('\\') {
        _ if is_simulated(user_name) => user_name.to_owned(),
        Some((domain, user)) => format!("{domain}\\{MARK}{user}"),
        None => format!("{MARK}{user_name}"),
    }
}

/// Returns whether a user name has the mark of a simulated request.
pub fn is_simulated(user_name: &str) -> bool {
    let account = user_name.split_once('\\').map_or(user_name, |(_, account)| account);
    account.trim_start().starts_with(MARK)
}

/// Returns a user name without the mark of a simulated request.
pub fn without_simulated_mark(user_name: &str) -> String {
    if is_simulated(user_name) { user_name.replacen(MARK, "", 1) } else { user_name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_put_on_once_and_taken_off() {
        for user in ["", "ann", "ann@contoso.com", "CONTOSO\\ann"] {
            let marked = simulated_user(user);
            assert!(is_simulated(&marked) && !is_simulated(user), "{user}");
            assert_eq!(simulated_user(&marked), marked);
            assert_eq!(without_simulated_mark(&marked), user);
        }
    }
}
