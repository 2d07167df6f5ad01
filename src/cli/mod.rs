//! Arguments and nothing else: one file per subcommand, its args struct on top.

/// The program's entry: parses the arguments, runs, and returns the documented exit code.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
