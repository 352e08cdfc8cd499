//! Tests of the client version filter, with rules as in the dialog of the original.

use proptest::prelude::*;
use ucupdate_core::device::*;

fn rule(text: &str, action: ClientAction) -> ClientRule {
    text.parse::<ClientRule>().unwrap().with_action(action)
}

fn filter(rules: &[(&str, ClientAction)], default_action: ClientAction) -> ClientFilter {
    let rules = rules.iter().map(|(text, action)| rule(text, action.clone())).collect();
    ClientFilter { rules, default_action }
}

#[test]
fn lowering_the_minimum_of_ocphone_lets_old_phones_in() {
    let old_phone =
        UserAgent::new("CPE/1.0.199.123 OCPhone/1.0.199.123 (Microsoft Office Communicator Phone)");
    let strict = filter(&[("OCPhone >=1.0.522.0", ClientAction::Allow)], ClientAction::Block);
    let lowered = filter(&[("OCPhone >=1.0.199", ClientAction::Allow)], ClientAction::Block);
    assert!(!strict.decide(&old_phone).action.allows());
    assert!(lowered.decide(&old_phone).action.allows());
}

#[test]
fn the_first_rule_that_holds_decides_and_says_which_it_was() {
    let page = ClientAction::BlockWithUrl("https://contoso.com/upgrade".into());
    let filter = filter(
        &[
            ("OC <2.0", page.clone()),
            ("ocphone >=1.0.199", ClientAction::Allow),
            ("OCPhone", ClientAction::Block),
            ("OC", ClientAction::BlockAndUpgrade),
        ],
        ClientAction::AllowWithUrl("https://contoso.com".into()),
    );
    for (agent, rule, allows) in [
        ("OC/1.9", Some(0), false),
        ("OC/2.0", Some(3), false),
        ("OCPHONE/1.0.199", Some(1), true),
        ("OCPhone/1.0.198", Some(2), false),
        ("OCPhone/unreadable", Some(2), false),
        ("OCPhone", Some(2), false),
        // Any of several products can match. The order of rules has priority over the order of products.
        ("OC/2.0 OCPhone/1.0.522.34", Some(1), true),
        ("Microsoft UCPhone Device", None, true),
        ("", None, true),
    ] {
        let verdict = filter.decide(&UserAgent::new(agent));
        assert_eq!((verdict.rule, verdict.action.allows()), (rule, allows), "{agent}");
    }
    assert_eq!(filter.decide(&UserAgent::new("OC/1.0")).action.url(), page.url());
}

#[test]
fn each_comparison_leaves_out_what_the_pattern_leaves_out() {
    let versions = ["1.0.521.9", "1.0.522", "1.0.522.98", "1.1"];
    for (text, expected) in [
        ("1.0.522", [false, true, true, false]),
        ("=1.0.522.*", [false, true, true, false]),
        ("=1.0.522.0", [false, true, false, false]),
        ("!=1.0.522", [true, false, false, true]),
        (">1.0.522", [false, false, false, true]),
        (">= 1.0.522.98", [false, false, true, true]),
        ("<1.0.522.98", [true, true, false, false]),
        ("<=1.0.522", [true, true, true, false]),
        ("1", [true; 4]),
        ("!=1.*", [false; 4]),
    ] {
        let test: ClientVersions = text.parse().unwrap();
        assert_eq!(versions.map(|version| test.hold(&version.parse().unwrap())), expected, "{text}");
    }
}

#[test]
fn a_version_that_cannot_be_read_is_held_by_no_comparison() {
    for text in ["OCPhone >=0", "OCPhone !=1.0", "OCPhone <2147483647"] {
        let filter = filter(&[(text, ClientAction::Block)], ClientAction::Allow);
        assert_eq!(filter.decide(&UserAgent::new("OCPhone/1.0.1b")).rule, None, "{text}");
    }
}

#[test]
fn what_is_no_rule_says_why() {
    let refused = |text: &str| text.parse::<ClientRule>().unwrap_err().to_string();
    assert_eq!(refused(" "), "client type is blank");
    assert_eq!(refused("OC >="), "part 1 of the client version is blank, expected digits");
    assert_eq!(refused("OC ~1.0"), "part 1 of the client version contains '~', expected digits");
    assert_eq!(refused("OC 1.2.3.4.5"), "client version has 5 parts, expected 1 to 4");
    assert_eq!(refused("OC 1.*.2"), "part 2 of the client version contains '*', expected digits");
    assert_eq!(refused("OC *"), "part 1 of the client version contains '*', expected digits");
}

#[cfg(feature = "serde")]
#[test]
fn a_filter_has_this_form_in_a_store() {
    let filter = filter(
        &[
            ("OCPhone >=1.0.199", ClientAction::Allow),
            ("OC", ClientAction::BlockWithUrl("https://contoso.com".into())),
        ],
        ClientAction::AllowAndUpgrade,
    );
    let stored = serde_json::to_value(&filter).unwrap();
    let expected = serde_json::json!({
        "rules": [
            { "client_type": "OCPhone", "versions": ">=1.0.199", "action": "allow" },
            { "client_type": "OC", "versions": null, "action": { "block-with-url": "https://contoso.com" } },
        ],
        "default_action": "allow-and-upgrade",
    });
    assert_eq!(stored, expected);
    assert_eq!(serde_json::from_value::<ClientFilter>(stored).unwrap(), filter);
}

proptest! {
    #[test]
    fn versions_that_are_written_read_back(
        sign in prop::sample::select(vec!["", "=", "!=", ">", ">=", "<", "<="]),
        parts in prop::collection::vec(0..=2_147_483_647_u32, 1..=4),
        star in any::<bool>(),
        versions in prop::collection::vec(prop::collection::vec(0..3_u32, 2..=4), 10),
    ) {
        let joined = |parts: &[u32]| parts.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        let text = format!("{sign}{}{}", joined(&parts), if star { ".*" } else { "" });
        let read: ClientVersions = text.parse().unwrap();
        prop_assert_eq!(read.to_string().parse(), Ok(read));
        for version in versions {
            let version = joined(&version).parse().unwrap();
            let again: ClientVersions = read.to_string().parse().unwrap();
            prop_assert_eq!(read.hold(&version), again.hold(&version));
        }
    }
}
