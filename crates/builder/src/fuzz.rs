//! Whatever a pushed tree or a buildpack holds. Nothing leaves the folder it is to be in, nothing grows without bound.

use std::{
    collections::BTreeSet,
    io::{Cursor, Write},
};

use fuzz::Target;
use tar::{Archive, EntryType};

use crate::{
    archive::ArchiveWriter,
    error::BuildError,
    glob::Glob,
    release_yml,
    slugignore::Slugignore,
    source::{Bounds, Layout, Source},
};

const BOUNDS: Bounds = Bounds { bytes: 1 << 20, entries: 500, names: 60_000 };

const TAR: Target = Target {
    name: "tar",
    words: &[
        b"ustar\0",
        b"ustar  \0",
        b"././@LongLink",
        b"../",
        b"/etc/passwd",
        b"Procfile",
        b".slugignore",
        b"a/b",
        b"2",
        b"1",
        b"5",
        b"x",
        b"g",
        b"L",
        b"K",
        b"S",
        b"77777777777\0",
        b"\x80\0\0\0\x7f\xff\xff\xff",
        b"19 path=../../etc/x\n",
        b"13 size=1024\n",
        b"14 linkpath=x\n",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ],
    longest: 40_000,
    run: |bytes| format!("{} {}", source(bytes), source(&summed(bytes))),
};

/// The same archive with right checksums: most mutations would end there otherwise.
fn summed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for block in bytes.chunks_exact_mut(512) {
        if &block[257..262] == b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
            let _ = write!(&mut block[148..156], "{sum:06o}\0 ");
        }
    }
    bytes
}

fn source(bytes: &[u8]) -> String {
    [Layout::Tree, Layout::Archive].map(|layout| rewritten(bytes, layout).map_or_else(|why| why, |tar| format!("accepted {}", check(&tar).min(9)))).join(" ")
}

/// As the sandbox gets it, in `build_x`.
fn rewritten(bytes: &[u8], layout: Layout) -> Result<Vec<u8>, String> {
    let looked = Source::read(Cursor::new(bytes.to_vec()), layout, BOUNDS);
    let source = looked.map_err(|error| {
        let sentence = error.to_string();
        assert!(!matches!(error, BuildError::Platform(_)), "blames the platform: {error:?}");
        assert!(!sentence.contains(char::is_control) && sentence.len() < 1_000, "{sentence:?}");
        // Without the path and what else is of the input.
        sentence.split('`').next_back().unwrap_or_default().chars().filter(|c| c.is_ascii_alphabetic()).take(40).collect::<String>()
    })?;
    let mut out = ArchiveWriter::new(Vec::new());
    source.write_under(b"build_x", &mut out).expect("what was looked through can be written");
    Ok(out.finish().expect("memory takes it"))
}

/// What must hold of everything that is unpacked in a sandbox.
fn check(tar: &[u8]) -> usize {
    let mut links = BTreeSet::new();
    let mut count = 0;
    for entry in Archive::new(tar).entries().expect("we wrote it") {
        let entry = entry.expect("we wrote it");
        let path = entry.path_bytes().into_owned();
        let path = path.strip_suffix(b"/").unwrap_or(&path);
        let parts: Vec<_> = path.split(|&byte| byte == b'/').collect();
        assert_eq!(parts[0], b"build_x");
        assert!(parts.iter().all(|part| !part.is_empty() && *part != b".." && *part != b"." && !part.contains(&0)), "{}", path.escape_ascii());
        assert!((1..parts.len()).all(|end| !links.contains(&parts[..end].join(&b'/'))), "{} lies behind a link", path.escape_ascii());
        let header = entry.header();
        assert!(matches!(header.entry_type(), EntryType::Regular | EntryType::Directory | EntryType::Symlink), "{:?}", header.entry_type());
        assert_eq!((header.uid().expect("ours"), header.mode().expect("ours") & 0o7000), (1000, 0));
        if header.entry_type() == EntryType::Symlink {
            links.insert(path.to_vec());
        }
        count += 1;
    }
    // What was put out is a source like any other, and comes out as it is.
    let again = rewritten(tar, Layout::Archive).expect("what we write can be read");
    assert_eq!(again, tar);
    count
}

const SLUGIGNORE: Target = Target {
    name: "slugignore",
    words: &[b"*", b"**/", b"?", b"[", b"]", b"[^a]", b"{", b"}", b"{a,b}", b",", b"/", b"\\", b"!", b"#", b"\n", b"*.md", b"{{a,b},{c,d}}"],
    longest: 20_000,
    run: slugignore,
};

const PATHS: &[(&str, bool)] =
    &[("a", false), ("a", true), ("a/b", false), (".hidden", false), ("docs/a.md", false), ("lib/a/b/c/d/e/f/g.rb", false), ("Procfile", false), ("[", false)];

fn slugignore(bytes: &[u8]) -> String {
    let mut rules = Slugignore::parse(bytes);
    let first: String = PATHS.iter().map(|(path, folder)| if rules.ignores(path, *folder) { '1' } else { '0' }).collect();
    let second: String = PATHS.iter().map(|(path, folder)| if rules.ignores(path, *folder) { '1' } else { '0' }).collect();
    assert_eq!(first, second, "a verdict stands");
    // What is in a folder that is left out is left out.
    if rules.ignores("docs", true) {
        assert!(rules.ignores("docs/a.md", false) && rules.ignores("docs/x/y", true));
    }
    let text = String::from_utf8_lossy(bytes);
    let size: usize = text.lines().map(|line| Glob::parse(line).iter().map(Glob::size).sum::<usize>()).sum();
    assert!(size <= 300 * text.len().max(4_096), "patterns grow out of bounds: {size} of {}", text.len());
    assert!(rules.size() <= 70_000, "patterns grow out of bounds: {}", rules.size());
    first
}

const RELEASE_YML: Target = Target {
    name: "release_yml",
    words: &[
        b"---\n",
        b"default_process_types:\n",
        b"  web: ",
        b"addons:\n",
        b"- ",
        b"config_vars:\n",
        b"  A: b\n",
        b"&a ",
        b"*a",
        b"!!binary ",
        b"<<: *a",
        b"{",
        b"}",
        b"[",
        b"|\n",
        b">\n",
        b"'",
        b": ",
        b"? ",
        b"~",
    ],
    longest: 20_000,
    run: |bytes| match release_yml::parse(bytes) {
        Err(why) => {
            assert!(!why.contains(char::is_control), "{why:?}");
            why.chars().filter(|c| c.is_ascii_alphabetic() || *c == ' ').take(20).collect()
        }
        Ok(release) => {
            assert!(release.process_types.0.len() <= 100 && release.first.addons.len() <= 50);
            assert!(release.process_types.0.values().all(|command| !command.is_empty() && !command.contains('\0') && command.trim() == command));
            assert!(release.first.addons.iter().all(|addon| addon.chars().all(|c| c.is_ascii_graphic())));
            assert!(release.first.config_vars.iter().all(|(key, _)| key.as_str().parse().as_ref() == Ok(key)));
            format!("{} {} {}", release.process_types.0.len().min(9), release.first.addons.len().min(9), release.first.config_vars.iter().count().min(9))
        }
    },
};

#[test]
fn fuzz_tar() {
    fuzz::check(&TAR);
}

#[test]
fn fuzz_slugignore() {
    fuzz::check(&SLUGIGNORE);
}

#[test]
fn fuzz_release_yml() {
    fuzz::check(&RELEASE_YML);
}
