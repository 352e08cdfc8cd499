//! The keys of the objects in a store.
//!
//! ```text
//! state/revisions/<20 digits>.json     the history of the rule book, dense from 1, never deleted
//! state/checkpoints/<20 digits>.json   a cache of the whole book; losing one costs only time
//! state/continued/<20 digits>.json     the whole book where the history was continued after a loss, and the lost revisions
//! state/probes/probe-<random>          a small object, deleted at once: its time is the time of the store
//! images/<ingest id>/<n>-<file name>   members of one ingested package; a key is never used twice
//! images/<ingest id>/package.json      the description of the package, written last
//! inventory/<server>.jsonl             the devices that a server knows of; losing one costs the devices that the logs no longer have
//! Logs/Server/...                      as `ucupdate-audit` names them
//! Logs/Client/<kind>/<id>.capture      bodies that are kept, as `captures` names them
//! ```

use ucupdate_core::book::IngestId;
use ucupdate_core::value::ObjectKey;
use ucupdate_store::StoreKey;

pub(crate) const CHECKPOINTS: &str = "state/checkpoints/";

/// The folder of the records of lost revisions.
pub(crate) const CONTINUED: &str = "state/continued/";

/// Returns the key of the record that revisions were lost. `number` is the revision at which the
/// history was continued after the loss.
pub(crate) fn continued(number: u64) -> StoreKey {
    key(format!("{CONTINUED}{number:020}.json"))
}

/// Returns the revision at which the history was continued after a loss, from the key of the record
/// of this loss. `None` if the key has another form.
pub(crate) fn continued_number(key: &StoreKey) -> Option<u64> {
    number_in(CONTINUED, key)
}

pub(crate) const INVENTORY: &str = "inventory/";

/// Returns the key of the inventory that a server keeps. `None` if no key can hold the name.
pub(crate) fn inventory(server: &str) -> Option<StoreKey> {
    StoreKey::parse(&format!("{INVENTORY}{server}.jsonl")).ok()
}

pub(crate) const IMAGES: &str = "images/";

/// Returns the id of the ingest that wrote an object below [`IMAGES`]. `None` if the key has
/// another form.
pub(crate) fn ingest_of(key: &StoreKey) -> Option<IngestId> {
    let (ingest, _) = key.as_str().strip_prefix(IMAGES)?.split_once('/')?;
    let is_ours = ingest.len() == 32 && ingest.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_ours.then(|| u128::from_str_radix(ingest, 16).ok())?.map(IngestId::from_bits)
}

/// The folder of the objects that are written to read the clock of the store. They are deleted at once.
pub(crate) const PROBES: &str = "state/probes/";

pub(crate) const REVISIONS: &str = "state/revisions/";

pub(crate) fn revision(number: u64) -> StoreKey {
    key(format!("{REVISIONS}{number:020}.json"))
}

pub(crate) fn revision_number(key: &StoreKey) -> Option<u64> {
    number_in(REVISIONS, key)
}

/// Returns the key of the checkpoint at a revision.
pub(crate) fn checkpoint(number: u64) -> StoreKey {
    key(format!("{CHECKPOINTS}{number:020}.json"))
}

/// Returns the revision of the checkpoint with this key.
pub(crate) fn checkpoint_number(key: &StoreKey) -> Option<u64> {
    number_in(CHECKPOINTS, key)
}

fn number_in(folder: &str, key: &StoreKey) -> Option<u64> {
    let digits = key.as_str().strip_prefix(folder)?.strip_suffix(".json")?;
    let is_ours = digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_ours.then(|| digits.parse().ok())?
}

/// Returns the key of a member of a package. If the name is not valid in a key, the key has the name `member`.
pub(crate) fn member(ingest: IngestId, index: usize, name: &str) -> ObjectKey {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let member = |name: &str| format!("{IMAGES}{ingest}/{index}-{name}").parse().ok();
    member(name).unwrap_or_else(|| member("member").expect(MADE_OF_PARTS))
}

/// Converts the key of a file in the rule book into a key of a store.
pub(crate) fn object(key: &ObjectKey) -> StoreKey {
    StoreKey::parse(key.as_str()).expect("every object key is a key of a store")
}

/// Returns the key of the description of a package.
pub(crate) fn package(ingest: IngestId) -> StoreKey {
    key(format!("images/{ingest}/package.json"))
}

fn key(text: String) -> StoreKey {
    StoreKey::parse(&text).expect(MADE_OF_PARTS)
}

/// The reason why a key made by this module is always valid.
const MADE_OF_PARTS: &str = "fixed names, digits and hexadecimal digits make a key";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn things_lie_where_the_layout_says() {
        assert_eq!(revision(7).as_str(), "state/revisions/00000000000000000007.json");
        assert_eq!(checkpoint_number(&checkpoint(64)), Some(64));
        assert_eq!((revision_number(&revision(7)), revision_number(&checkpoint(7))), (Some(7), None));
        let ingest = IngestId::from_bits(0xab);
        let folder = format!("images/{}ab", "0".repeat(30));
        assert_eq!(member(ingest, 3, r"A\ENU\CPE.nbt").as_str(), format!("{folder}/3-CPE.nbt"));
        assert_eq!(member(ingest, 4, "../..").as_str(), format!("{folder}/4-member"));
        assert_eq!(member(ingest, 5, "a:b").as_str(), format!("{folder}/5-member"));
        assert_eq!(member(ingest, 6, "a\u{fffe}.nbt").as_str(), format!("{folder}/6-member"));
        assert_eq!(package(ingest).as_str(), format!("{folder}/package.json"));
        assert_eq!(ingest_of(&package(ingest)), Some(ingest));
        assert_eq!(ingest_of(&"images/mine/x".parse().unwrap()), None);
    }
    proptest! {
        #[test]
        fn every_object_key_is_a_key_of_a_store(text in "[ -~]{0,4}[/.a-zA-Z0-9$\u{b9} ]{0,24}|\\PC{0,24}|.{0,24}|(com|LPT|nul|aux)[0-9.]{0,3}") {
            if let Ok(key) = text.parse::<ObjectKey>() {
                let object = object(&key);
                prop_assert_eq!(object.as_str(), text);
            }
        }
    }
}
