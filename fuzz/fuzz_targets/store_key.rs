#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ucupdate_store::laws::store_key(bytes));
