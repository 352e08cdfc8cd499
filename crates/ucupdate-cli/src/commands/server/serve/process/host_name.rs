//! The host name of the machine, as the default of `--server-name`.

use ucupdate::audit::ServerName;

/// Returns the host name of the machine in a form that is valid in a file name. Returns `localhost`
/// if there is no host name.
pub(crate) fn server_name() -> ServerName {
    let from_system = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let from_variable =
        || ["HOSTNAME", "COMPUTERNAME"].into_iter().find_map(|variable| std::env::var(variable).ok());
    from_system
        .or_else(from_variable)
        .as_deref()
        .and_then(made_safe)
        .unwrap_or_else(|| "localhost".parse().expect("`localhost` is letters"))
}

/// Replaces invalid characters of the name by `-`, and cuts it to the largest length. `None` if no
/// letter or digit is left.
fn made_safe(name: &str) -> Option<ServerName> {
    let safe: String = name
        .trim()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' })
        .take(ucupdate::audit::MAX_SERVER_NAME_BYTES)
        .collect();
    safe.trim_matches(|c: char| !c.is_ascii_alphanumeric()).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_host_name_becomes_a_server_name_or_none() {
        let safe = |name: &str| made_safe(name).map(|name| name.to_string());
        assert_eq!(safe("pool01.contoso.com\n").as_deref(), Some("pool01.contoso.com"));
        assert_eq!(safe("K\u{e4}the's PC").as_deref(), Some("K-the-s-PC"));
        assert_eq!(safe("-a_").as_deref(), Some("a"));
        assert_eq!(safe(&format!("{}.x", "a".repeat(63))).as_deref(), Some(&*"a".repeat(63)));
        for nothing in ["", "\n", "---", "\u{e4}", "con"] {
            assert_eq!(safe(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn this_machine_has_a_name() {
        assert!(!server_name().as_str().is_empty());
    }
}
