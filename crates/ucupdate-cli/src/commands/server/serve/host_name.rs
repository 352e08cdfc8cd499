//! The machine's name, for the names of its logs.

use ucupdate::audit::ServerName;

/// Returns the machine's host name, made such that it can stand in a file's name; `localhost` where it has none.
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

/// Returns the name with `-` for what a server name cannot hold, cut to what fits; `None` when nothing is left.
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
