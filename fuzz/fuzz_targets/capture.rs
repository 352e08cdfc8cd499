#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ucupdate_cli::laws::capture(bytes));
