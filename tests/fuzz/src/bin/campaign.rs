//! The coverage-guided engine (libFuzzer) around one target, which the variable `FUZZ_TARGET` names. All arguments are the engine's.
#![no_main]

use std::sync::OnceLock;

use fuzz::Target;

static TARGET: OnceLock<&'static Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    TARGET.get_or_init(chosen).attack(bytes);
});

fn chosen() -> &'static Target {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let Some(target) = Target::named(&name) else {
        eprintln!("FUZZ_TARGET is {name:?}: name one of those that `corpus targets` lists");
        std::process::exit(64);
    };
    target
}
