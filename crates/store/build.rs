//! A new migration is a new file, which cargo notices only if it is told to look.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
