//! The migrations are compiled into this crate: when one is added, it has to be built again.

fn main() {
    #[allow(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]
    {
        println!("cargo::rerun-if-changed=../../migrations");
    }
}
