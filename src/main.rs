//! The `xask` program; the library of the same name is all of it.

fn main() -> std::process::ExitCode {
    xask::main()
}
