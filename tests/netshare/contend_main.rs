//! See `contend.rs`, which needs the rooms behind the library's doors.

fn main() -> std::process::ExitCode {
    media_converter::contend::main()
}
