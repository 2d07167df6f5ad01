//! The program: everything happens in [`media_converter::cli`].

fn main() -> std::process::ExitCode {
    media_converter::cli::main()
}
