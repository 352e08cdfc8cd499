#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ucupdate_audit::laws::w3c_log(bytes));
