//! The pre-receive hook and nothing else.

fn main() -> std::process::ExitCode {
    git::hook::main()
}
