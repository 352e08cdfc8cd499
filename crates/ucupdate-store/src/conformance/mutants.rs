//! Tests the suite itself. A store that breaks one sentence of the contract must fail the cases for that sentence.

use super::support::for_turns;
use crate::error::StoreError;
use crate::ext::ImageStoreExt;
use crate::image_store::{ByteStream, ImageStore, MAX_CREATE_BYTES, Object, ObjectMeta, stream_of};
use crate::key::StoreKey;
use crate::memory::MemoryStore;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use std::collections::HashMap;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

/// Creates a test for each fault. Every named case must fail on a store with that fault.
macro_rules! mutants {
    ($($fault:ident breaks $($case:ident),+;)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum Fault { $($fault),+ }

        $(
            #[tokio::test]
            #[allow(non_snake_case, reason = "named as the fault is")]
            async fn $fault() {
                $(
                    let case = super::$case(Broken::new(Fault::$fault));
                    let end = AssertUnwindSafe(case).catch_unwind().await;
                    assert!(end.is_err(), "{} passed {}", stringify!($fault), stringify!($case));
                )+
            }
        )+

        #[test]
        fn every_case_fails_some_mutant() {
            let proved = [$($(stringify!($case)),+),+];
            let list = include_str!("mod.rs").split_once("@tests $fresh;").unwrap().1.split_once('}').unwrap().0;
            for case in list.split_whitespace() {
                assert!(proved.contains(&case), "no mutant breaks {case}");
            }
        }
    };
}

mutants! {
    CreateReplaces breaks create_refuses_an_existing_key_and_leaves_its_object, of_many_creates_of_one_key_exactly_one_wins;
    CreateLooksThenWrites breaks of_many_creates_of_one_key_exactly_one_wins;
    CreateTakesAnySize breaks create_takes_eight_mebibytes_and_not_one_byte_more;
    CreateWritesTwice breaks a_create_dropped_anywhere_leaves_nothing_or_all;
    PutLeavesTheTail breaks put_replaces_an_object_whole;
    PutLosesTheLastByte breaks an_object_is_read_back_as_it_was_written, a_large_object_is_read_back_whole;
    PutKeepsBrokenBytes breaks an_error_in_the_bytes_leaves_the_old_object, an_error_in_the_bytes_leaves_no_object_where_none_was;
    PutHidesWhoseErrorItWas breaks an_error_in_the_bytes_leaves_the_old_object, an_error_in_the_bytes_leaves_no_object_where_none_was;
    PutWritesAsItComes breaks an_unfinished_put_is_not_seen, a_put_dropped_between_two_pieces_leaves_the_old_object,
        a_put_dropped_anywhere_leaves_old_or_new, of_two_puts_at_once_one_is_kept_whole,
        readers_see_whole_objects_while_writers_replace_them;
    PutStagesInSight breaks an_unfinished_put_is_not_seen, a_put_dropped_between_two_pieces_leaves_the_old_object;
    PutTellsAnotherSize breaks head_tells_what_get_and_put_tell;
    HeadIsCached breaks what_is_written_is_seen_by_every_call_after, an_append_is_seen_by_every_call_after;
    ListLagsBehind breaks what_is_written_is_seen_by_every_call_after;
    GetEndsEarly breaks a_large_object_is_read_back_whole, a_range_gives_just_its_bytes;
    GetKeepsAPlace breaks reads_that_nobody_takes_hold_up_no_other;
    GetFollowsReplacements breaks a_read_begun_before_a_replacement_never_mixes;
    RangeTakesItsEnd breaks a_range_gives_just_its_bytes;
    RangeMustEndInside breaks a_range_that_ends_beyond_the_object_gives_what_there_is;
    RangeMustHoldSomething breaks an_empty_range_is_no_error;
    RangeBeyondIsEmpty breaks a_range_that_begins_beyond_the_object_is_refused;
    RangeReversedIsEmpty breaks a_range_that_ends_before_it_begins_is_refused;
    MissingIsEmpty breaks what_is_not_there_is_not_found;
    DeleteMarksOnly breaks a_deleted_object_is_gone_and_its_key_can_be_taken_again;
    DeleteMustFind breaks deleting_what_is_not_there_is_no_error;
    DeleteTakesAllThatBeginsSo breaks deleting_leaves_the_neighbours;
    DeleteClearsTheFolder breaks creating_beside_a_deletion_loses_nothing;
    KeysLoseTheirCase breaks keys_that_differ_in_case_are_never_mixed;
    KeysAreCut breaks keys_at_every_limit_are_held;
    KeysBelowReplace breaks a_key_and_one_below_it_are_never_mixed;
    ListSortsByParts breaks a_listing_is_sorted_by_bytes;
    ListTakesFolders breaks a_prefix_is_text_and_not_a_folder;
    ListRefusesOddPrefixes breaks a_prefix_that_no_key_has_lists_nothing;
    ListRepeatsTheLast breaks a_listing_goes_on_after_any_key, pages_join_without_gap_or_repetition;
    ListMustFindAfter breaks a_listing_goes_on_after_any_key, what_is_deleted_between_pages_disturbs_no_other;
    ListEndsAfterAPage breaks pages_join_without_gap_or_repetition;
    ListKnowsNoSizes breaks a_listing_tells_what_head_tells;
    AppendReplaces breaks an_append_adds_its_bytes_at_the_end;
    AppendIsMissing breaks an_append_adds_its_bytes_at_the_end;
    AppendIsHidden breaks an_append_adds_its_bytes_at_the_end;
    AppendTakesAnySize breaks an_append_at_another_size_is_refused, an_append_dropped_anywhere_keeps_the_bytes_before;
    AppendMakesAnObject breaks an_append_to_what_is_not_there_is_not_found;
    AppendWritesFromTheStart breaks an_append_dropped_anywhere_keeps_the_bytes_before, readers_beside_an_append_see_a_beginning;
}

#[derive(Debug)]
struct Broken {
    store: MemoryStore,
    fault: Fault,
    seen: Mutex<HashMap<StoreKey, ObjectMeta>>,
    /// The number of its clones is the number of open reads from which a piece was requested. Only
    /// [`Fault::GetKeepsAPlace`] makes clones: each such read holds one until the read is dropped,
    /// and `get` fails while there are ten.
    places: Arc<()>,
}

impl Broken {
    fn new(fault: Fault) -> Self {
        Self { store: MemoryStore::default(), fault, seen: Mutex::default(), places: Arc::default() }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn key(&self, key: &StoreKey) -> StoreKey {
        match self.fault {
            Fault::KeysLoseTheirCase => StoreKey::parse(&key.as_str().to_lowercase()).unwrap(),
            Fault::KeysAreCut if key.as_str().len() > 300 => StoreKey::parse(&key.as_str()[..100]).unwrap(),
            _ => key.clone(),
        }
    }

    async fn everything(&self) -> Vec<ObjectMeta> {
        self.store.list_all("", usize::MAX).await.unwrap()
    }

    async fn make_room(&self, key: &StoreKey) {
        if self.has(Fault::KeysBelowReplace) {
            for folder in key.folders() {
                self.store.delete(&StoreKey::parse(folder).unwrap()).await.unwrap();
            }
        }
    }
}

async fn let_others_run() {
    for_turns(1, std::future::pending::<()>()).await;
}

fn backend() -> StoreError {
    StoreError::backend("being broken", "on purpose")
}

#[async_trait]
impl ImageStore for Broken {
    async fn create(&self, key: &StoreKey, bytes: Bytes) -> Result<(), StoreError> {
        let key = &self.key(key);
        self.make_room(key).await;
        match self.fault {
            Fault::CreateReplaces => self.store.put_bytes(key, bytes).await.map(drop),
            Fault::CreateTakesAnySize if bytes.len() > MAX_CREATE_BYTES => {
                self.store.put_bytes(key, bytes).await.map(drop)
            }
            Fault::CreateLooksThenWrites => {
                if self.store.exists(key).await? {
                    return Err(StoreError::AlreadyExists { key: key.clone() });
                }
                let_others_run().await;
                self.store.put_bytes(key, bytes).await.map(drop)
            }
            Fault::CreateWritesTwice => {
                self.store.create(key, bytes.slice(..bytes.len() / 2)).await?;
                let_others_run().await;
                self.store.put_bytes(key, bytes).await.map(drop)
            }
            Fault::DeleteClearsTheFolder => {
                let_others_run().await;
                self.store.create(key, bytes).await?;
                let_others_run().await;
                Ok(())
            }
            _ => self.store.create(key, bytes).await,
        }
    }

    async fn put(&self, key: &StoreKey, mut bytes: ByteStream) -> Result<ObjectMeta, StoreError> {
        let key = &self.key(key);
        self.make_room(key).await;
        match self.fault {
            Fault::PutLeavesTheTail => {
                let mut old = self.store.get_bytes(key, usize::MAX).await.unwrap_or_default().to_vec();
                let meta = self.store.put(key, bytes).await?;
                let new = self.store.get_bytes(key, usize::MAX).await?;
                old.truncate(old.len().max(new.len()));
                old.splice(..new.len().min(old.len()), new.iter().copied());
                self.store.put_bytes(key, old).await?;
                Ok(meta)
            }
            Fault::PutLosesTheLastByte => {
                let meta = self.store.put(key, bytes).await?;
                let all = self.store.get_bytes(key, usize::MAX).await?;
                self.store.put_bytes(key, all.slice(..all.len().saturating_sub(1))).await?;
                Ok(meta)
            }
            Fault::PutKeepsBrokenBytes => {
                let mut whole = Vec::new();
                while let Some(piece) = bytes.next().await {
                    match piece {
                        Ok(piece) => whole.extend_from_slice(&piece),
                        Err(source) => {
                            self.store.put_bytes(key, whole).await?;
                            return Err(StoreError::Input { key: key.clone(), source });
                        }
                    }
                }
                self.store.put_bytes(key, whole).await
            }
            Fault::PutHidesWhoseErrorItWas => self.store.put(key, bytes).await.map_err(|_| backend()),
            Fault::PutWritesAsItComes => {
                let mut meta = self.store.put_bytes(key, Bytes::new()).await?;
                while let Some(piece) = bytes.next().await {
                    let piece = piece.map_err(|source| StoreError::Input { key: key.clone(), source })?;
                    let so_far = self.store.get_bytes(key, usize::MAX).await?;
                    meta = self.store.put_bytes(key, [so_far, piece].concat()).await?;
                    let_others_run().await;
                }
                Ok(meta)
            }
            Fault::PutStagesInSight => {
                let staged = StoreKey::parse("staged").unwrap();
                self.store.put_bytes(&staged, "").await?;
                let end = self.store.put(key, bytes).await;
                self.store.delete(&staged).await?;
                end
            }
            Fault::PutTellsAnotherSize => {
                let meta = self.store.put(key, bytes).await?;
                Ok(ObjectMeta { size: meta.size + 1, ..meta })
            }
            _ => self.store.put(key, bytes).await,
        }
    }

    async fn get(&self, key: &StoreKey, range: Option<Range<u64>>) -> Result<Object, StoreError> {
        let key = &self.key(key);
        if self.has(Fault::MissingIsEmpty) && !self.store.exists(key).await? {
            let meta = self.head(key).await?;
            return Ok(Object::new(meta, 0..0, stream_of("")));
        }
        let size = self.store.head(key).await?.size;
        let refused = |range: Range<u64>| StoreError::InvalidRange { key: key.clone(), range, size };
        let range = match (self.fault, range) {
            (Fault::RangeTakesItsEnd, Some(range)) if range.end < size => Some(range.start..range.end + 1),
            (Fault::RangeMustEndInside, Some(range)) if range.end > size => return Err(refused(range)),
            (Fault::RangeMustHoldSomething, Some(range)) if range.start == size || range.is_empty() => {
                return Err(refused(range));
            }
            (Fault::RangeBeyondIsEmpty, Some(range)) if range.start > size => Some(size..size),
            (Fault::RangeReversedIsEmpty, Some(range)) if range.start > range.end => Some(0..0),
            (_, range) => range,
        };
        if Arc::strong_count(&self.places) > 10 {
            return Err(backend());
        }
        let mut object = self.store.get(key, range).await?;
        if self.has(Fault::GetKeepsAPlace) {
            let (places, mut place, mut bytes) = (Arc::downgrade(&self.places), None, object.bytes);
            object.bytes = Box::pin(stream::poll_fn(move |cx| {
                place.get_or_insert_with(|| places.upgrade());
                bytes.poll_next_unpin(cx)
            }));
        }
        if self.has(Fault::GetEndsEarly) {
            let bytes = object.bytes.next().await.transpose().unwrap().unwrap_or_default();
            object.bytes = stream_of(bytes.slice(..bytes.len().min(500_000)));
        }
        if self.has(Fault::GetFollowsReplacements) {
            let (store, key, end) = (self.store.clone(), key.clone(), object.range.end);
            object.bytes = Box::pin(stream::unfold(object.range.start, move |at| {
                let (store, key) = (store.clone(), key.clone());
                async move {
                    if at == end {
                        return None;
                    }
                    let next = end.min(at + 65_536);
                    let piece = match store.get(&key, Some(at..next)).await {
                        Ok(part) => part.into_bytes(65_536).await.map_err(std::io::Error::other),
                        Err(error) => Err(std::io::Error::other(error)),
                    };
                    Some((piece, next))
                }
            }));
        }
        Ok(object)
    }

    async fn head(&self, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
        let key = &self.key(key);
        let found = match self.store.head(key).await {
            Err(StoreError::NotFound { .. }) if self.has(Fault::MissingIsEmpty) => {
                Ok(ObjectMeta::new(key.clone(), 0, std::time::UNIX_EPOCH))
            }
            found => found,
        };
        if self.has(Fault::HeadIsCached)
            && let Ok(meta) = &found
        {
            return Ok(self.seen.lock().unwrap().entry(key.clone()).or_insert_with(|| meta.clone()).clone());
        }
        found
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        let key = &self.key(key);
        match self.fault {
            Fault::DeleteMarksOnly => self.store.put_bytes(key, "").await.map(drop),
            Fault::DeleteMustFind => {
                self.store.head(key).await?;
                self.store.delete(key).await
            }
            Fault::DeleteTakesAllThatBeginsSo => {
                for meta in self.store.list_all(key.as_str(), usize::MAX).await? {
                    self.store.delete(&meta.key).await?;
                }
                Ok(())
            }
            Fault::DeleteClearsTheFolder => {
                self.store.delete(key).await?;
                let_others_run().await;
                let_others_run().await;
                let folder = format!("{}/", key.folder().unwrap_or_default());
                for meta in self.store.list_all(&folder, usize::MAX).await? {
                    self.store.delete(&meta.key).await?;
                }
                Ok(())
            }
            _ => self.store.delete(key).await,
        }
    }

    async fn list(&self, prefix: &str, after: Option<&StoreKey>) -> Result<Vec<ObjectMeta>, StoreError> {
        match self.fault {
            Fault::ListLagsBehind => {
                let seen: Vec<_> = self.seen.lock().unwrap().values().cloned().collect();
                let now = self.everything().await;
                *self.seen.lock().unwrap() = now.into_iter().map(|meta| (meta.key.clone(), meta)).collect();
                let is_asked = |meta: &ObjectMeta| {
                    meta.key.as_str().starts_with(prefix) && after.is_none_or(|after| meta.key > *after)
                };
                Ok(seen.into_iter().filter(is_asked).collect())
            }
            Fault::ListSortsByParts => {
                let mut all = self.everything().await;
                all.retain(|meta| meta.key.as_str().starts_with(prefix));
                all.sort_by(|a, b| a.key.parts().cmp(b.key.parts()));
                let from = after.and_then(|after| all.iter().position(|meta| meta.key == *after));
                Ok(all.split_off(from.map_or(0, |at| at + 1)))
            }
            Fault::ListTakesFolders => {
                let mut page = self.store.list(prefix, after).await?;
                page.retain(|meta| meta.key.starts_with(prefix));
                Ok(page)
            }
            Fault::ListRefusesOddPrefixes if prefix.starts_with(['/', '.']) => Err(backend()),
            Fault::ListRepeatsTheLast => {
                let mut page = self.store.list(prefix, after).await?;
                if let Some(after) = after
                    && let Ok(last) = self.store.head(after).await
                {
                    page.insert(0, last);
                }
                Ok(page)
            }
            Fault::ListMustFindAfter => match after {
                Some(after) if !self.store.exists(after).await? => Ok(Vec::new()),
                _ => self.store.list(prefix, after).await,
            },
            Fault::ListEndsAfterAPage if after.is_some() => Ok(Vec::new()),
            Fault::ListKnowsNoSizes => {
                let mut page = self.store.list(prefix, after).await?;
                page.iter_mut().for_each(|meta| meta.size = 0);
                Ok(page)
            }
            _ => self.store.list(prefix, after).await,
        }
    }

    fn can_append(&self) -> bool {
        !self.has(Fault::AppendIsHidden)
    }

    async fn append(&self, key: &StoreKey, at: u64, bytes: Bytes) -> Result<(), StoreError> {
        let key = &self.key(key);
        match self.fault {
            Fault::AppendReplaces => self.store.put_bytes(key, bytes).await.map(drop),
            Fault::AppendIsMissing => Err(StoreError::Refused { reason: "the store cannot append".into() }),
            Fault::AppendTakesAnySize => {
                let store = self.store.clone();
                let key = key.clone();
                // The work goes on after the future is dropped.
                let work = tokio::spawn(async move {
                    let_others_run().await;
                    let size = store.head(&key).await?.size;
                    store.append(&key, size, bytes).await
                });
                work.await.unwrap()
            }
            Fault::AppendMakesAnObject if !self.store.exists(key).await? => {
                self.store.create(key, bytes).await
            }
            Fault::AppendWritesFromTheStart => {
                let old = self.store.get_bytes(key, usize::MAX).await?;
                self.store.put_bytes(key, "").await?;
                let_others_run().await;
                self.store.put_bytes(key, [old, bytes].concat()).await.map(drop)
            }
            _ => self.store.append(key, at, bytes).await,
        }
    }
}
