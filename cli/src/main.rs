//! The `proofmark` command. See `proofmark --help`.

fn main() -> std::process::ExitCode {
    proofmark_cli::main()
}
