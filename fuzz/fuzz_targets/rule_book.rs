#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ucupdate::laws::rule_book(bytes));
