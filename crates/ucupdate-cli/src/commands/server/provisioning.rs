//! `ucupdate provisioning`: prints the settings of DNS, DHCP and other servers by which phones find
//! the update server.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::shown::Shown;
use crate::output::wrapped::wrapped;
use serde_json::{Value, json};
use std::fmt::Write as _;
use ucupdate::{BaseUrls, Origin, Setting, provisioning};

#[derive(Debug, clap::Args)]
pub(crate) struct ProvisioningArgs {
    /// The origin at which internal devices reach the server, such as `http://updates.contoso.com`
    #[arg(long, value_name = "ORIGIN")]
    internal_url: Origin,
    /// The origin at which external devices reach the server
    #[arg(long, value_name = "ORIGIN")]
    external_url: Option<Origin>,
    /// The DNS domain that DHCP gives to the phones, such as contoso.com
    #[arg(long, value_parser = domain)]
    domain: String,
}

fn domain(text: &str) -> Result<String, String> {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    match text.len() <= 253 && text.split('.').all(is_label) {
        true => Ok(text.to_ascii_lowercase()),
        false => {
            Err("expected letters, digits and hyphens with full stops between, as contoso.com".to_owned())
        }
    }
}

pub(crate) async fn run(args: ProvisioningArgs, context: &mut Context) -> Result<(), Failure> {
    let urls = BaseUrls::new(args.internal_url);
    let urls = args.external_url.into_iter().fold(urls, BaseUrls::with_external);
    let settings = provisioning(&urls, &args.domain);
    context
        .output
        .both(&json!({ "settings": settings.iter().map(value).collect::<Vec<_>>() }), text(&settings))
}

fn value(setting: &Setting) -> Value {
    let Setting { place, name, value, effect, certainty, source, .. } = setting;
    json!({
        "place": place.to_string(), "name": name, "value": value, "effect": effect,
        "certainty": certainty.to_string(), "source": source,
    })
}

fn text(settings: &[Setting]) -> String {
    let mut text = String::new();
    let mut place = None;
    for setting in settings {
        if place != Some(setting.place) {
            // Writing to a string does not fail.
            let _written = writeln!(text, "{}{}", if place.is_some() { "\n" } else { "" }, setting.place);
            place = Some(setting.place);
        }
        let Setting { name, value, effect, certainty, source, .. } = setting;
        let _written = writeln!(
            text,
            "  {} = {}\n      {}\n      {certainty}: {source}",
            Shown(name),
            Shown(value),
            wrapped(effect, 6)
        );
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_made_of_labels() {
        assert_eq!(domain("Contoso.com"), Ok("contoso.com".to_owned()));
        for wrong in ["", "a..b", "a b", ".a", &"a.".repeat(200)] {
            assert!(domain(wrong).is_err(), "{wrong}");
        }
    }
}
