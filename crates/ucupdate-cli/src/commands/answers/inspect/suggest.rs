//! Proposes a dialect for a captured request. A dialect says which name in the XML stands for which
//! [`Item`], such as the MAC address.
//!
//! A name is assigned to an item by its values, such as a MAC address, a version or the vendor of a
//! rule, and by its similarity to names of the item. Each assignment has a certainty.

use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Write as _};
use ucupdate::device::MacAddress;
use ucupdate::upx::{Codec, Dialect, Inspection, Item, MessageKind, NAMES, NameScope};

/// The lowest score of a match that is proposed, from 0 to 1.
const LEAST_SCORE: f64 = 0.35;

/// The values that each item has in the rules and the audit logs, in lower case. If a name in the
/// body has one of these values, it is very probably the name of that item.
#[derive(Debug, Default)]
pub(super) struct KnownValues(HashMap<Item, BTreeSet<String>>);

impl KnownValues {
    pub(super) fn add(&mut self, item: Item, value: &str) {
        let value = value.trim().to_ascii_lowercase();
        if !value.is_empty() {
            self.0.entry(item).or_default().insert(value);
        }
    }

    fn has(&self, item: Item, value: &str) -> bool {
        let value = value.trim().to_ascii_lowercase();
        self.0.get(&item).is_some_and(|known| known.contains(&value))
    }
}

#[derive(Debug, PartialEq)]
pub(super) struct Suggestion {
    matches: Vec<Match>,
}

/// A name in the body that may be the name of an item.
#[derive(Clone, Debug, PartialEq)]
struct Match {
    item: Item,
    name: String,
    score: f64,
    reason: String,
}

/// An element or attribute that the dialect does not know.
#[derive(Debug)]
struct Candidate {
    /// The names from the root to the candidate, including both.
    path: Vec<String>,
    name: String,
    value: String,
}

/// Proposes a dialect for a request. `None` if the body is a response, or if no name in it can be
/// assigned to an item.
pub(super) fn suggest(found: &Inspection, codec: &Codec, known: &KnownValues) -> Option<Suggestion> {
    if found.kind() == Some(MessageKind::Response) {
        return None;
    }
    let candidates: Vec<Candidate> =
        found.unknown().iter().filter_map(|item| Candidate::of(&item.path, &item.value)).collect();
    let recognised: BTreeSet<String> = found.recognised().iter().map(|item| item.item.to_string()).collect();
    let module = module_path(&candidates, found, codec.dialect());
    let mut scored = Vec::new();
    for candidate in candidates.iter().filter(|candidate| !candidate.value.trim().is_empty()) {
        let in_module = module.as_ref().is_some_and(|module| candidate.path.starts_with(module));
        let scope = if in_module { NameScope::RequestModule } else { NameScope::Request };
        for facts in NAMES.iter().filter(|facts| facts.scope == scope) {
            let is_container = matches!(facts.item, Item::RequestModules | Item::RequestModule);
            if is_container || recognised.contains(&facts.item.to_string()) {
                continue;
            }
            scored.extend(score(candidate, facts.item, known));
        }
    }
    let mut matches = best(scored);
    // The proposal extends the dialect that was used, so it keeps the names of recognised items.
    for item in found.recognised().iter().map(|item| item.item) {
        let name = codec.dialect().name(item);
        let is_there = matches.iter().any(|one: &Match| one.item == item);
        if name != item.facts().canonical && !is_there {
            let reason = "the dialect that was used".to_owned();
            matches.push(Match { item, name: name.to_owned(), score: 1.0, reason });
        }
    }
    if let Some(module) = &module {
        matches.extend(containers(module));
    }
    if !found.is_root_known() && !found.root().is_empty() {
        let name = local(found.root()).to_owned();
        let reason = "it is the outermost element".to_owned();
        matches.push(Match { item: Item::RequestRoot, name, score: 1.0, reason });
    }
    matches.retain(|one| is_allowed(&one.name));
    let mut matches = without_conflicts(matches);
    matches.sort_by_key(|one| one.item as usize);
    (!matches.is_empty()).then_some(Suggestion { matches })
}

/// Removes matches until the rest is a valid dialect, in which two items never have the same name.
/// Matches of elements that contain other items are kept first, because the structure of the body
/// shows these elements.
fn without_conflicts(mut matches: Vec<Match>) -> Vec<Match> {
    let is_dialect = |matches: &[Match]| {
        let suggestion = Suggestion { matches: matches.to_vec() };
        Dialect::from_toml(&suggestion.to_toml()).is_ok()
    };
    if is_dialect(&matches) {
        return matches;
    }
    let holds_others = |item| matches!(item, Item::RequestRoot | Item::RequestModules | Item::RequestModule);
    matches.sort_by_key(|one| !holds_others(one.item));
    let mut kept = Vec::new();
    for one in matches {
        kept.push(one);
        if !is_dialect(&kept) {
            kept.pop();
        }
    }
    kept
}

impl Candidate {
    fn of(path: &str, value: &str) -> Option<Self> {
        let path: Vec<String> =
            path.split('/').filter(|part| !part.is_empty()).map(|part| local(part).to_owned()).collect();
        let name = path.last()?.clone();
        // The text between the children of an element has no name.
        (name != "text()" && is_allowed(&name)).then(|| Self { path, name, value: value.to_owned() })
    }
}

/// Returns whether a name is valid in a dialect. An inspection may also contain names that XML does
/// not allow.
fn is_allowed(name: &str) -> bool {
    Dialect::canonical().with_name(Item::RequestRoot, name).is_ok()
}

/// Returns a name without its namespace prefix, and without the `@` that marks an attribute.
fn local(name: &str) -> &str {
    let name = name.strip_prefix('@').unwrap_or(name);
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// Returns the path of the XML element that describes a module. If the dialect recognised modules,
/// the element has a name of a module in this dialect. Otherwise the element is the one that contains
/// a file name. `None` if there is no such element.
fn module_path(candidates: &[Candidate], found: &Inspection, dialect: &Dialect) -> Option<Vec<String>> {
    if found.modules() > 0 {
        let is_module = |name: &String| {
            let item = Item::RequestModule;
            let mut known = dialect.aliases(item).chain([dialect.name(item)]);
            known.any(|known| name.eq_ignore_ascii_case(known))
        };
        return candidates.iter().find_map(|candidate| {
            let at = candidate.path.iter().position(is_module)?;
            Some(candidate.path[..=at].to_vec())
        });
    }
    let file = candidates.iter().find(|candidate| is_file_name(&candidate.value))?;
    (file.path.len() > 2).then(|| file.path[..file.path.len() - 1].to_vec())
}

/// Returns the matches for the element of a module, and for the element around all modules.
/// `module` is the path of the element of a module. An element that has its canonical name already
/// gets no match.
fn containers(module: &[String]) -> Vec<Match> {
    let mut matches = Vec::new();
    let mut add = |item: Item, name: &String, reason: &str| {
        if !name.eq_ignore_ascii_case(item.facts().canonical) {
            matches.push(Match { item, name: name.clone(), score: 0.9, reason: reason.to_owned() });
        }
    };
    if let [.., module] = module {
        add(Item::RequestModule, module, "it holds a file name");
    }
    // The root is not a list of modules.
    if let [_, .., list, _] = module {
        add(Item::RequestModules, list, "it holds the elements with file names");
    }
    matches
}

/// Returns the match of a candidate and an item, with a score from its name and its value. `None`
/// if the score is too low, or if the value is impossible for the item.
fn score(candidate: &Candidate, item: Item, known: &KnownValues) -> Option<Match> {
    let (value_score, value_reason) = value_score(item, &candidate.value, known);
    let (name_score, name_reason) = name_score(item, &candidate.name);
    let score = 1.0 - (1.0 - value_score) * (1.0 - name_score);
    // A value that contradicts the item has more weight than a similar name.
    if score < LEAST_SCORE || contradicts(item, &candidate.value) {
        return None;
    }
    let reason = if value_score >= name_score { value_reason } else { name_reason };
    Some(Match { item, name: candidate.name.clone(), score, reason })
}

fn value_score(item: Item, value: &str, known: &KnownValues) -> (f64, String) {
    let value = value.trim();
    let shown: String = value.chars().take(40).collect();
    if known.has(item, value) {
        return (0.95, format!("the value {shown:?} is known from the rules or the audit log"));
    }
    let looks = |score: f64, what: &str| (score, format!("the value {shown:?} looks like {what}"));
    match item {
        Item::MacAddress if value.parse::<MacAddress>().is_ok() => looks(0.9, "a MAC address"),
        Item::FileName if is_file_name(value) => looks(0.9, "a file name"),
        Item::Version if is_version(value) => looks(0.85, "a version"),
        Item::RequestDateTime | Item::TimeStamp if is_date(value) => looks(0.8, "a time"),
        Item::UserName if value.contains('@') || value.contains('\\') => looks(0.8, "a user"),
        Item::Locale if is_locale(value) => looks(0.5, "a locale"),
        Item::DeviceType if value.to_ascii_lowercase().contains("phone") => looks(0.5, "a device type"),
        Item::SerialNumber if is_serial(value) => looks(0.4, "a serial number"),
        Item::Revision if (1..=3).contains(&value.len()) && is_word(value) => looks(0.35, "a revision"),
        Item::Model if is_word(value) && has_digit(value) && value.len() <= 12 => looks(0.3, "a model"),
        Item::Vendor if is_word(value) && !has_digit(value) && value.len() > 3 => looks(0.2, "a vendor"),
        _ => (0.0, String::new()),
    }
}

/// Returns whether a value is impossible for an item.
fn contradicts(item: Item, value: &str) -> bool {
    let value = value.trim();
    match item {
        Item::MacAddress => value.parse::<MacAddress>().is_err(),
        Item::FileName => !value.contains('.'),
        Item::Version => !has_digit(value),
        Item::RequestDateTime | Item::TimeStamp => !has_digit(value),
        Item::DeviceType | Item::Vendor | Item::Model | Item::Revision | Item::Locale => {
            value.parse::<MacAddress>().is_ok() && value.len() >= 12 || is_date(value)
        }
        _ => false,
    }
}

/// Returns other names that are usual for an item, in lower case.
fn other_words(item: Item) -> &'static [&'static str] {
    match item {
        Item::DeviceType => &["type", "devicefamily", "family", "productline", "class"],
        Item::UserName => &["user", "sipuri", "account", "uri", "login"],
        Item::RequestDateTime => &["datetime", "date", "time", "clock", "now", "timestamp"],
        Item::MacAddress => {
            &["mac", "macid", "ethernetaddress", "physicaladdress", "hardwareaddress", "deviceid"]
        }
        Item::SerialNumber => &["serial", "sn", "serialno", "serialnum"],
        Item::Vendor => &["brand", "maker", "manufacturer", "make", "oem", "company"],
        Item::Model => &["product", "modelname", "devicemodel", "modelno"],
        Item::Revision => &[
            "rev",
            "hardwarerevision",
            "hwrevision",
            "hwrev",
            "hardwareversion",
            "hwversion",
            "boardrevision",
        ],
        Item::Locale => &["language", "lang", "culture", "lcid", "localeid"],
        Item::FileName => &["file", "name", "image", "imagename", "modulename", "filename"],
        Item::Version => &[
            "ver",
            "firmwareversion",
            "fwversion",
            "firmware",
            "build",
            "installedversion",
            "currentversion",
        ],
        Item::TimeStamp => &["time", "date", "builddate", "filetime", "modified"],
        _ => &[],
    }
}

fn name_score(item: Item, name: &str) -> (f64, String) {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '-', '.'], "");
    let name = plain(name);
    let facts = item.facts();
    let words = std::iter::once(facts.canonical).chain(facts.aliases.iter().copied()).map(plain);
    let words = words.chain(other_words(item).iter().map(|word| (*word).to_owned()));
    // A much longer word with the same beginning does not count as similar.
    let words = words.filter(|word| word.len() <= 2 * name.len() && name.len() <= 2 * word.len());
    let best =
        words.map(|word| (strsim::jaro_winkler(&name, &word), word)).max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, word)) if likeness >= 0.8 => (
            if word == name { 0.75 } else { (likeness - 0.6).max(0.0) * 1.5 },
            format!("the name is like {word:?}"),
        ),
        _ => (0.0, String::new()),
    }
}

/// Chooses the matches with the highest scores, such that each item and each name occurs once.
fn best(mut scored: Vec<Match>) -> Vec<Match> {
    scored.sort_by(|one, other| other.score.total_cmp(&one.score));
    let mut chosen: Vec<Match> = Vec::new();
    for candidate in scored {
        let scope = candidate.item.facts().scope;
        let is_taken = chosen.iter().any(|one| {
            one.item == candidate.item
                || (one.item.facts().scope == scope && one.name.eq_ignore_ascii_case(&candidate.name))
        });
        if !is_taken {
            chosen.push(candidate);
        }
    }
    chosen
}

fn is_word(value: &str) -> bool {
    !value.is_empty()
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b' '))
}

fn has_digit(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_digit())
}

fn is_file_name(value: &str) -> bool {
    let extension = value.trim().rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    extension
        .is_some_and(|extension| matches!(&*extension, "nbt" | "cab" | "bin" | "img" | "cat" | "rom" | "ld"))
}

fn is_version(value: &str) -> bool {
    let parts: Vec<&str> = value.split('.').collect();
    (2..=6).contains(&parts.len())
        && parts
            .iter()
            .all(|part| (1..=6).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit()))
}

fn is_date(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let is_separated =
        value.contains(':') && (value.contains('-') || value.contains('/') || value.contains('.'));
    digits >= 8 && is_separated && value.len() <= 40 && value.parse::<MacAddress>().is_err()
}

fn is_locale(value: &str) -> bool {
    let is_letters = |text: &str, most: usize| {
        (2..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    match value.split_once(['-', '_']) {
        Some((language, region)) => is_letters(language, 3) && is_letters(region, 4),
        None => value.len() == 3 && is_letters(value, 3),
    }
}

fn is_serial(value: &str) -> bool {
    (6..=20).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && value.bytes().filter(u8::is_ascii_digit).count() >= 4
}

impl Match {
    /// Returns the certainty of the match in words, such as `likely`.
    fn certainty(&self) -> &'static str {
        if self.score >= 0.9 {
            "almost certain"
        } else if self.score >= 0.6 {
            "likely"
        } else {
            "a guess"
        }
    }
}

impl Suggestion {
    pub(super) fn to_toml(&self) -> String {
        let mut text = "# A dialect that was proposed for a capture. Check it: a name was matched to an item by its values and by \
                        its likeness.\n"
            .to_owned();
        for table in ["request", "request_module"] {
            let mut matches =
                self.matches.iter().filter(|one| one.item.facts().scope.key() == table).peekable();
            if matches.peek().is_some() {
                // Writing to a string does not fail.
                let _written = write!(text, "\n[{table}]\n");
            }
            for one in matches {
                let facts = one.item.facts();
                let others = std::iter::once(facts.canonical).chain(facts.aliases.iter().copied());
                let others =
                    others.filter(|name| !name.eq_ignore_ascii_case(&one.name) && !self.is_taken(one, name));
                let names: Vec<String> = std::iter::once(one.name.as_str())
                    .chain(others)
                    // A string of JSON is a string of TOML. An escape of Rust is not: `\u{300}`.
                    .map(|name| serde_json::Value::from(name).to_string())
                    .collect();
                let _written = write!(
                    text,
                    "# {}: {}\n{} = [{}]\n",
                    one.certainty(),
                    one.reason.replace(char::is_control, " "),
                    facts.key,
                    names.join(", ")
                );
            }
        }
        text
    }

    /// Returns whether the suggestion gives this name to an item other than that of `by`. Only
    /// items in the same part of a message count, because names of different parts may be equal.
    fn is_taken(&self, by: &Match, name: &str) -> bool {
        let scope = by.item.facts().scope.key();
        self.matches.iter().any(|one| {
            one.item != by.item
                && one.item.facts().scope.key() == scope
                && one.name.eq_ignore_ascii_case(name)
        })
    }

    /// Returns the matches as rows: item, name, certainty and reason.
    pub(super) fn rows(&self) -> impl Iterator<Item = [String; 4]> {
        self.matches.iter().map(|one| {
            [one.item.to_string(), one.name.clone(), one.certainty().to_owned(), one.reason.clone()]
        })
    }
}

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("proposed names")?;
        for [item, name, certainty, reason] in self.rows() {
            write!(f, "\n  {item} = {name:?}: {certainty}, {reason}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate::upx::DecodeLimits;

    fn known() -> KnownValues {
        let mut known = KnownValues::default();
        for (item, value) in [
            (Item::Vendor, "Polycom"),
            (Item::Model, "CX700"),
            (Item::DeviceType, "UCPhone"),
            (Item::Locale, "ENU"),
            (Item::Revision, "A"),
        ] {
            known.add(item, value);
        }
        known
    }

    /// Proposes a dialect for a body. Returns the request that this dialect reads from the body.
    #[track_caller]
    fn reads(body: &str, known: &KnownValues) -> ucupdate::request::UpdateRequest {
        let found = Codec::default().inspect(body.as_bytes());
        let toml = suggest(&found, &Codec::default(), known).expect("something is unknown").to_toml();
        let dialect = Dialect::from_toml(&toml).unwrap_or_else(|error| panic!("{error}: {toml}"));
        let decoded = Codec::new(dialect, DecodeLimits::default()).decode_request(body.as_bytes());
        decoded.unwrap_or_else(|error| panic!("{error}: {toml}")).value
    }

    #[test]
    fn names_that_no_table_has_are_found_by_values_and_likeness() {
        let body = "<UpdateQuery><Family>UCPhone</Family><Maker>Polycom</Maker><Product>CX700</Product><HwRev>A</HwRev>\
                    <Lang>ENU</Lang><Ethernet>00-21-63-0F-20-7B</Ethernet><Sn>C185H001209</Sn><Sip>rui@demo.local</Sip>\
                    <Clock>2009-03-06T17:10:39</Clock>\
                    <Files><File><Image>cpe.nbt</Image><Build>1.0.522.34</Build><Made>2009-01-01 10:00:00</Made></File></Files>\
                    </UpdateQuery>";
        let request = reads(body, &known());
        let kind = request.device.kind.to_string();
        assert_eq!(kind, "UCPhone/Polycom/CX700/A/ENU");
        assert_eq!(request.device.mac_address.raw(), "00-21-63-0F-20-7B");
        assert_eq!(request.device.serial_number.raw(), "C185H001209");
        assert_eq!(request.modules[0].version.to_string(), "1.0.522.34");
    }

    #[test]
    fn what_is_unknown_in_a_module_is_found_also_if_the_dialect_has_its_own_name_for_modules() {
        let dialect = Dialect::canonical().with_name(Item::RequestModule, "Part").unwrap();
        let codec = Codec::new(dialect, DecodeLimits::default());
        let body = "<Request><DeviceType>UCPhone</DeviceType><Vendor>Polycom</Vendor><Model>CX700</Model>\
                    <Revision>A</Revision><Locale>ENU</Locale><MacAddress>00-21-63-0F-20-7B</MacAddress>\
                    <Part><FileName>cpe.nbt</FileName><Build>1.0.522.34</Build></Part></Request>";
        let found = codec.inspect(body.as_bytes());
        assert_eq!(found.modules(), 1);
        let toml = suggest(&found, &codec, &KnownValues::default()).expect("Build is unknown").to_toml();
        let codec = Codec::new(Dialect::from_toml(&toml).unwrap(), DecodeLimits::default());
        let request = codec.decode_request(body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {toml}"));
        assert_eq!(request.value.modules[0].version.to_string(), "1.0.522.34");
    }

    #[test]
    fn attributes_and_some_known_names_are_enough() {
        let body = "<Request Type=\"UCPhone\" Manufacturer=\"Polycom\" Model=\"CX700\" Rev=\"A\" Culture=\"ENU\">\
                    <Modules><Module><Name>cpe.nbt</Name><FwVersion>1.0.522.34</FwVersion></Module></Modules></Request>";
        let request = reads(body, &KnownValues::default());
        assert_eq!(request.device.kind.to_string(), "UCPhone/Polycom/CX700/A/ENU");
        assert_eq!(&*request.modules[0].file_name, "cpe.nbt");
    }

    #[test]
    fn a_proposed_dialect_has_only_names_that_a_dialect_may_have() {
        let toml = |name: &str| {
            let body = format!("<{name}><Mac>00-21-63-0F-20-7B</Mac></{name}>");
            suggest(&Codec::default().inspect(body.as_bytes()), &Codec::default(), &known())
                .unwrap()
                .to_toml()
        };
        // An escape of Rust is not valid in TOML.
        let dialect = Dialect::from_toml(&toml("e\u{301}")).unwrap();
        assert_eq!(dialect.name(Item::RequestRoot), "e\u{301}");
        // A combining character does not begin a name.
        let dialect = Dialect::from_toml(&toml("\u{301}")).unwrap();
        assert_eq!(dialect.name(Item::RequestRoot), "Request");
        assert_eq!(dialect.name(Item::MacAddress), "Mac");
    }

    #[test]
    fn a_proposed_dialect_has_no_two_items_of_one_name() {
        let body =
            "<Query><Maker>Polycom<les><Image>cpe.nbt</Image><Build>1.0.522.34</Build></les></Maker></Query>";
        let found = Codec::default().inspect(body.as_bytes());
        let mut known = KnownValues::default();
        known.add(Item::Vendor, "Polycom");
        let toml = suggest(&found, &Codec::default(), &known).unwrap().to_toml();
        assert!(toml.contains("modules = [\"Maker\""), "{toml}");
        assert!(!toml.contains("vendor = "), "{toml}");
        Dialect::from_toml(&toml).unwrap();
    }

    #[test]
    fn a_value_that_contradicts_an_item_is_not_its_value() {
        let body = "<Request><Mac>none</Mac><MacAddr>none at all</MacAddr></Request>";
        let found = Codec::default().inspect(body.as_bytes());
        let suggestion = suggest(&found, &Codec::default(), &known());
        assert!(suggestion.is_none(), "{suggestion:?}");
    }

    #[test]
    fn a_body_that_is_understood_and_an_answer_need_no_dialect() {
        for body in [
            &include_bytes!("../../../../../../vectors/canonical-request.xml")[..],
            include_bytes!("../../../../../../vectors/canonical-offer.xml"),
        ] {
            assert_eq!(suggest(&Codec::default().inspect(body), &Codec::default(), &known()), None);
        }
    }
}
