//! Links `dyno-init` statically: it is put into images whose C library may be older, newer, or another one.
//!
//! `-C target-feature=+crt-static` would have to be set for the whole build, and everything else compiled once more. The
//! standard library, as it is linked otherwise, asks for shared system libraries by name; the linker scripts written here
//! bear those names, are found first, and name the static libraries that hold the same code.

use std::{env, fs, io, path::PathBuf};

/// What the standard library asks for, and what it gets.
const LIBRARIES: &[(&str, &str)] = &[
    ("c", "-l:libc.a -l:libgcc_eh.a -l:libgcc.a"),
    ("gcc_s", "-l:libgcc_eh.a -l:libgcc.a"),
    ("m", "-l:libm.a"),
    ("rt", "-l:librt.a"),
    ("pthread", "-l:libpthread.a"),
    ("dl", "-l:libdl.a"),
    ("util", "-l:libutil.a"),
];

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |name: &str, value: &str| env::var_os(name).is_some_and(|found| found == value);
    if target("CARGO_CFG_TARGET_OS", "linux") && target("CARGO_CFG_TARGET_ENV", "gnu") {
        let folder = PathBuf::from(env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?);
        for (name, archives) in LIBRARIES {
            fs::write(folder.join(format!("lib{name}.so")), format!("GROUP ( {archives} )\n"))?;
        }
        println!("cargo:rustc-link-arg-bins=-L{}", folder.display());
        println!("cargo:rustc-link-arg-bins=-static-pie");
    }
    Ok(())
}
