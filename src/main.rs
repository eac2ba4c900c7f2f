//! The binary: everything is in the library, the verbs in `bugrelay::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bugrelay::cli::main()
}
