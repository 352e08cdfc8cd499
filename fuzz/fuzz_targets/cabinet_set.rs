#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ucupdate_cab::laws::cabinet_set(bytes));
