//! The settings that lead devices to a server: DNS, DHCP, in-band values, certificates.

use crate::urls::{BaseUrls, Origin};
use std::fmt;
use ucupdate_core::request::Side;
use ucupdate_upx::Certainty;

/// A setting that leads devices to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// The place where the setting is made, such as DNS.
    pub place: SettingPlace,
    /// The name of the setting: a host name with the type of its record, the number of a DHCP option, or the name of an in-band value.
    pub name: String,
    /// The value of the setting, in the form in which an administrator types it.
    pub value: String,
    /// The effect of the setting, as a sentence.
    pub effect: &'static str,
    /// The certainty that devices use the setting.
    pub certainty: Certainty,
    /// The public source that describes the setting: a page, a standard, or a log. If there is
    /// none, the text says so.
    pub source: &'static str,
}

/// The place where a setting is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SettingPlace {
    /// A record in the zone of the domain, on the name server.
    Dns,
    /// An option of the DHCP server.
    Dhcp,
    /// A value that a device gets from its pool when a user signs in.
    InBand,
    /// The certificate of the server or its proxy.
    Certificate,
    /// A rule of the firewall.
    Firewall,
}

impl fmt::Display for SettingPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Dns => "DNS",
            Self::Dhcp => "DHCP",
            Self::InBand => "in-band",
            Self::Certificate => "certificate",
            Self::Firewall => "firewall",
        })
    }
}

const PROCESS: &str =
    "https://learn.microsoft.com/en-us/previous-versions/office/skype-server-2010/gg398740(v=ocs.14)";
const DHCP: &str =
    "https://learn.microsoft.com/en-us/previous-versions/office/skype-server-2010/gg398088(v=ocs.14)";
const DNS: &str =
    "https://learn.microsoft.com/en-us/previous-versions/office/skype-server-2010/gg425900(v=ocs.14)";
const IN_BAND: &str = "https://msdn.microsoft.com/en-us/library/Dn454660(v=office.15)";
const WMI: &str = "https://learn.microsoft.com/en-us/previous-versions/office/developer/communication-server-2007-R2/dd129972(v=office.13)";
const POOL: &str = "https://technet.microsoft.com/en-us/library/Gg429698(v=OCS.15)";
const CERTIFICATE: &str = "https://www.msxfaq.de/skype_for_business/telefon/lyncdeviceupdate.htm";
const TLS: &str = "https://thamaraw.com/2018/05/22/end-of-life-for-lync-phone-edition-lpe-devices/";
const LOG: &str = "seen in a web server log of 2009";

/// Returns the settings that lead the devices of a domain to a server.
///
/// `domain` is the DNS domain that DHCP gives to devices. Each setting names the source of the knowledge about it, or says that
/// there is no public source.
///
/// ```
/// use ucupdate::{BaseUrls, SettingPlace, provisioning};
/// let urls = BaseUrls::new("http://updates.contoso.com".parse()?);
/// let settings = provisioning(&urls, "contoso.com");
/// assert_eq!(settings[0].place, SettingPlace::Dns);
/// assert_eq!(settings[0].name, "ucupdates-r2.contoso.com A");
/// # Ok::<(), ucupdate::OriginError>(())
/// ```
pub fn provisioning(urls: &BaseUrls, domain: &str) -> Vec<Setting> {
    let mut settings = vec![
        Setting {
            place: SettingPlace::Dns,
            name: format!("ucupdates-r2.{domain} A"),
            value: "the address of the server or its proxy, inside".to_owned(),
            effect: "A phone that nobody has signed in to asks for this name (OCS 2007 R2, Lync, Skype for Business).",
            certainty: Certainty::Confirmed,
            source: PROCESS,
        },
        Setting {
            place: SettingPlace::Dns,
            name: format!("ucupdates.{domain} A"),
            value: "the address of the server or its proxy, inside".to_owned(),
            effect: "The same for phones with the firmware of OCS 2007.",
            certainty: Certainty::Confirmed,
            source: DNS,
        },
    ];
    settings.extend(host_record(urls.internal(), "inside"));
    settings.extend(urls.external().and_then(|external| host_record(external, "outside")));
    settings.extend(dhcp(domain));
    settings.extend(in_band(urls));
    settings.extend(certificates(urls, domain));
    settings.push(Setting {
        place: SettingPlace::Firewall,
        name: "TCP 80 and 443".to_owned(),
        value: "open from the phones to the server or its proxy".to_owned(),
        effect: "Phones ask and fetch files at both ports.",
        certainty: Certainty::Confirmed,
        source: LOG,
    });
    settings
}

fn host_record(origin: &Origin, side: &str) -> Option<Setting> {
    let host = host(origin);
    // An address needs no record.
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    (!is_address).then(|| Setting {
        place: SettingPlace::Dns,
        name: format!("{host} A"),
        value: format!("the address of the server or its proxy, {side}"),
        effect: "Answers send devices to this name for their files.",
        certainty: Certainty::Confirmed,
        source: LOG,
    })
}

fn dhcp(domain: &str) -> [Setting; 3] {
    [
        Setting {
            place: SettingPlace::Dhcp,
            name: "option 15 (domain name)".to_owned(),
            value: domain.to_owned(),
            effect: "A phone that nobody has signed in to puts this domain behind ucupdates-r2. That it is this option is \
                     inferred: the source says only that DHCP gives the domain.",
            certainty: Certainty::Inferred,
            source: PROCESS,
        },
        Setting {
            place: SettingPlace::Dhcp,
            name: "option 42 (time servers)".to_owned(),
            value: "the addresses of your time servers".to_owned(),
            effect: "A phone with a wrong clock refuses certificates. That it takes the time from this option is inferred.",
            certainty: Certainty::Inferred,
            source: CERTIFICATE,
        },
        Setting {
            place: SettingPlace::Dhcp,
            name: "options 43 and 120".to_owned(),
            value: "leave them as they are".to_owned(),
            effect: "They lead phones to their pool for signing in, not to the update service.",
            certainty: Certainty::Confirmed,
            source: DHCP,
        },
    ]
}

fn in_band(urls: &BaseUrls) -> Vec<Setting> {
    let value = |name: &str, value: String, effect| Setting {
        place: SettingPlace::InBand,
        name: name.to_owned(),
        value,
        effect,
        certainty: Certainty::Confirmed,
        source: IN_BAND,
    };
    let handler = |side: Side, origin: &Origin| match side {
        Side::Internal => format!("{origin}/RequestHandler/ucdevice.upx"),
        Side::External => format!("{origin}/RequestHandlerExt/ucdevice.upx"),
    };
    let effect = "A signed-in phone asks there.";
    let mut settings = vec![
        value("updatesServerEnabled", "true".to_owned(), "Phones look for updates."),
        value("updatesServerInternalUrl", handler(Side::Internal, urls.internal()), effect),
    ];
    if let Some(external) = urls.external() {
        let url = handler(Side::External, external);
        settings.push(value("updatesServerExternalUrl", url, effect));
    }
    settings.push(Setting {
        place: SettingPlace::InBand,
        name: "where OCS 2007 R2 has these URLs".to_owned(),
        value: "the WMI class MSFT_SIPUpdatesServerSetting".to_owned(),
        effect: "Its properties InternalUpdatesDownloadURL and ExternalUpdatesDownloadURL are what phones get.",
        certainty: Certainty::Confirmed,
        source: WMI,
    });
    settings.push(Setting {
        place: SettingPlace::InBand,
        name: "where Lync and Skype for Business have their hosts".to_owned(),
        value: "InternalFqdn and ExternalFqdn of Get-CsService -WebServer".to_owned(),
        effect: "All web services of the pool have these names. Let a proxy at these names send the paths of the update \
                 service to this server, and all other paths to the pool. That nothing else sets the hosts is inferred.",
        certainty: Certainty::Inferred,
        source: POOL,
    });
    settings
}

fn certificates(urls: &BaseUrls, domain: &str) -> Vec<Setting> {
    let mut names: Vec<String> = Vec::new();
    let origins = [Some(urls.internal()), urls.external()];
    names.extend(
        origins
            .into_iter()
            .flatten()
            .filter(|origin| origin.is_https())
            .map(|origin| host(origin).to_owned()),
    );
    names.push(format!("ucupdates-r2.{domain}"));
    names.dedup();
    vec![
        Setting {
            place: SettingPlace::Certificate,
            name: "subject alternative names".to_owned(),
            value: names.join(", "),
            effect: "A phone compares the name that it asked for with the certificate.",
            certainty: Certainty::Confirmed,
            source: CERTIFICATE,
        },
        Setting {
            place: SettingPlace::Certificate,
            name: "signature and TLS version".to_owned(),
            value: "SHA-1 and TLS 1.0 for Lync Phone Edition and older firmware, at a proxy".to_owned(),
            effect: "Lync Phone Edition speaks nothing newer than TLS 1.0, and early firmware cannot check SHA-2 signatures. \
                     deploy/ has configurations of proxies.",
            certainty: Certainty::Confirmed,
            source: TLS,
        },
    ]
}

/// Returns the host of an origin, without its port.
fn host(origin: &Origin) -> &str {
    let rest = origin.as_str().split_once("://").map_or("", |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or(rest);
    match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or(bracketed),
        None => host.split(':').next().unwrap_or(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_url_has_its_record_and_every_setting_a_source() {
        let urls = BaseUrls::new("http://updates.contoso.com:8080".parse().unwrap())
            .with_external("https://ext.contoso.com".parse().unwrap());
        let settings = provisioning(&urls, "contoso.com");
        let names: Vec<&str> = settings.iter().map(|setting| setting.name.as_str()).collect();
        for name in ["ucupdates-r2.contoso.com A", "updates.contoso.com A", "ext.contoso.com A"] {
            assert!(names.contains(&name), "{name}");
        }
        let external = settings.iter().find(|setting| setting.name == "updatesServerExternalUrl").unwrap();
        assert_eq!(external.value, "https://ext.contoso.com/RequestHandlerExt/ucdevice.upx");
        for setting in &settings {
            assert!(!setting.source.is_empty() && setting.certainty != Certainty::Unknown, "{setting:?}");
        }
        let at_address = BaseUrls::new("http://10.1.1.5".parse().unwrap());
        let settings = provisioning(&at_address, "contoso.com");
        assert!(settings.iter().all(|setting| !setting.name.starts_with("10.1.1.5")));
    }
}
