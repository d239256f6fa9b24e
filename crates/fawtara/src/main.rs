//! The one binary of Fawtara.

use std::process::ExitCode;

fn main() -> ExitCode {
    fawtara::cli::main()
}
