use super::*;
use crate::testing::{Given, file, folder, header, link, listing, stream_of, tar};

async fn receive(tar: Vec<u8>) -> Result<Source, BuildError> {
    Source::receive(stream_of(&tar), Layout::Tree, BOUNDS).await
}

async fn rewritten(entries: &[Given<'_>]) -> Vec<String> {
    let source = receive(tar(entries)).await.unwrap();
    let mut out = ArchiveWriter::new(Vec::new());
    source.write_under(b"build_x", &mut out).unwrap();
    listing(&out.finish().unwrap())
}

async fn refusal(tar: Vec<u8>) -> String {
    match receive(tar).await {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_source_is_rewritten_for_the_sandbox() {
    let long = format!("deep/{}/{}", "a".repeat(150), "b".repeat(150));
    let entries = [
        Given { kind: EntryType::XGlobalHeader, path: "pax_global_header", ..file("", "52 comment=0123456789012345678901234567890123456789\n") },
        file("a.js", "1"),
        Given { mode: 0o4775, ..file("bin/run", "2") },
        folder("lib/"),
        Given { mode: 0o000, ..file("./lib//secret", "3") },
        link(EntryType::Symlink, "lib/out", "../../../etc/passwd"),
        file(&long, "4"),
    ];
    let expected = [
        "d0755 1000:1000 build_x".to_owned(),
        "-0664 1000:1000 build_x/a.js \"1\"".to_owned(),
        "d0755 1000:1000 build_x/bin".to_owned(),
        "-0775 1000:1000 build_x/bin/run \"2\"".to_owned(),
        "d0775 1000:1000 build_x/lib".to_owned(),
        "-0600 1000:1000 build_x/lib/secret \"3\"".to_owned(),
        "l0777 1000:1000 build_x/lib/out -> ../../../etc/passwd".to_owned(),
        "d0755 1000:1000 build_x/deep".to_owned(),
        format!("d0755 1000:1000 build_x/deep/{}", "a".repeat(150)),
        format!("-0664 1000:1000 build_x/{long} \"4\""),
    ];
    assert_eq!(rewritten(&entries).await, expected);
}

#[tokio::test]
async fn slugignore_takes_entries_out() {
    let entries = [
        file(".slugignore", "*.psd\n/docs\n"),
        file("Procfile", "web: node ."),
        folder("docs"),
        file("docs/a.md", ""),
        file("docs/b.md", ""),
        file("art/x.psd", ""),
        file("art/x.png", ""),
    ];
    let source = receive(tar(&entries)).await.unwrap();
    assert_eq!(source.files_left_out, 3);
    let kept: Vec<_> = rewritten(&entries).await.iter().filter_map(|line| line.split(' ').nth(2).map(str::to_owned)).collect();
    assert_eq!(kept, ["build_x", "build_x/.slugignore", "build_x/Procfile", "build_x/art", "build_x/art/x.png"]);
}

#[tokio::test]
async fn a_procfile_that_slugignore_takes_out_does_not_count() {
    receive(tar(&[file(".slugignore", "Procfile"), file("Procfile", "no procfile")])).await.unwrap();
    assert!(matches!(receive(tar(&[file("Procfile", "no procfile")])).await, Err(BuildError::ProcfileInvalid(_))));
}

/// Hostile inputs 33, 34, 35–39.
#[tokio::test]
async fn what_could_do_harm_is_refused_with_a_sentence() {
    let long = "x/".repeat(2_100);
    let name = "y".repeat(256);
    for (given, sentence) in [
        (vec![file("/etc/passwd", "")], "Push rejected, `/etc/passwd` has an absolute path."),
        (vec![file("a/../../b", "")], "Push rejected, `a/../../b` has `..` in its path."),
        (vec![file("..", "")], "Push rejected, `..` has `..` in its path."),
        (vec![link(EntryType::Link, "a", "/etc/passwd")], "Push rejected, `a` is a hard link; a source is made of files, folders and symbolic links."),
        (vec![link(EntryType::Char, "null", "")], "Push rejected, `null` is a device; a source is made of files, folders and symbolic links."),
        (vec![link(EntryType::Block, "sda", "")], "Push rejected, `sda` is a device; a source is made of files, folders and symbolic links."),
        (vec![link(EntryType::Fifo, "p", "")], "Push rejected, `p` is a named pipe; a source is made of files, folders and symbolic links."),
        (vec![link(EntryType::new(b'Z'), "z", "")], "Push rejected, `z` is neither a file nor a folder nor a symbolic link."),
        (vec![link(EntryType::Symlink, "a", "/tmp"), file("a/b", "")], "Push rejected, `a/b` lies behind a symbolic link."),
        (vec![link(EntryType::Symlink, "a", "")], "Push rejected, `a` is a symbolic link without a usable target."),
        (vec![link(EntryType::Symlink, "Procfile", "x")], "Push rejected, `Procfile` must be a plain file of at most 1 MB."),
        (vec![folder(".slugignore")], "Push rejected, `.slugignore` must be a plain file of at most 1 MB."),
        (
            vec![file("a\u{1b}[2J\n", ""), link(EntryType::Link, "\u{1b}[2J", "a")],
            "Push rejected, `\\u{1b}[2J` is a hard link; a source is made of files, folders and symbolic links.",
        ),
        (vec![file(&name, "")], &format!("Push rejected, `{}` has too long a path.", &name[..120])),
        (vec![file(&long, "")], &format!("Push rejected, `{}` has too long a path.", &long[..120])),
    ] {
        assert_eq!(refusal(tar(&given)).await, sentence);
    }
}

/// Hostile inputs 40.
#[tokio::test]
async fn headers_that_lie_about_sizes_are_refused() {
    for (kind, size, sentence) in [
        (EntryType::Regular, 1 << 40, "Push rejected, `bomb` is larger than the whole source."),
        (EntryType::Regular, u64::MAX / 2, "Push rejected, `bomb` is larger than the whole source."),
        (EntryType::GNULongName, 1 << 40, "Push rejected, `bomb` is larger than the whole source."),
        (EntryType::GNUSparse, 1 << 40, "Push rejected, `bomb` is larger than the whole source."),
    ] {
        let mut header = header(&Given { kind, ..file("bomb", "") });
        header.set_size(size);
        header.set_cksum();
        let lying = [header.as_bytes().as_slice(), &[0; 1024]].concat();
        assert_eq!(refusal(lying).await, sentence);
    }
    let huge = "x".repeat(2 << 20);
    let named = Given { kind: EntryType::GNULongName, ..file("long", &huge) };
    assert_eq!(refusal(tar(&[named, file("a", "")])).await, "Push rejected, `long` has too large a header.");
    for (record, sentence) in [
        ("13 size=1024\n", "Push rejected, `pax` describes a file that is too large."),
        ("12 size=1024\n", "Push rejected, `pax` has a malformed header."),
        ("size=1024\n", "Push rejected, `pax` has a malformed header."),
    ] {
        let extension = Given { kind: EntryType::XHeader, ..file("pax", record) };
        assert_eq!(refusal(tar(&[extension, file("a", "x")])).await, sentence);
    }
}

/// Hostile inputs 40.
#[tokio::test]
async fn names_cost_memory_and_are_bounded() {
    let deep = |depth: usize| tar(&[file(&format!("{}x", "a/".repeat(depth)), "")]);
    assert_eq!(refusal(deep(255)).await, "accepted");
    assert!(refusal(deep(256)).await.ends_with("a/` lies too deep."));
    // Git has such trees for next to nothing: all of them are the same one, a hundred deep.
    let names: Vec<_> = (0..100).map(|number| format!("{number:02}/{}x", "a/".repeat(100))).collect();
    let bomb = tar(&names.iter().map(|name| file(name, "")).collect::<Vec<_>>());
    let refused = async |names| Source::receive(stream_of(&bomb), Layout::Tree, Bounds { names, ..BOUNDS }).await.err().map(|error| error.to_string());
    assert_eq!(refused(2 << 20).await, None);
    assert_eq!(refused(1 << 20).await.as_deref(), Some("Push rejected, the source has too many folders and links."));
}

/// Hostile inputs 40.
#[tokio::test]
async fn what_is_no_archive_is_refused() {
    assert!(!refusal(vec![0x1b; 4096]).await.contains('\u{1b}'), "what cannot be read is not shown as it is");
    assert!(refusal(vec![b'x'; 4096]).await.starts_with("Push rejected, the source is not a readable tar archive: "));
    let whole = tar(&[file("a", "1"), file("b", "2")]);
    let cut = "Push rejected, the source is not a readable tar archive: the archive ends in the middle.";
    assert_eq!(refusal(whole[..1024].to_vec()).await, cut);
    assert_eq!(refusal(Vec::new()).await, cut);
    assert_eq!(refusal(tar(&[])).await, "accepted");
}

/// Hostile inputs 40.
#[tokio::test]
async fn a_source_has_its_bounds() {
    let names: Vec<String> = (0..11).map(|number| number.to_string()).collect();
    let many = tar(&names.iter().map(|name| file(name, "")).collect::<Vec<_>>());
    let refusal = |bounds| {
        let stream = stream_of(&many);
        async move { Source::receive(stream, Layout::Tree, bounds).await.err().map(|error| error.to_string()) }
    };
    assert_eq!(refusal(Bounds { entries: 11, ..BOUNDS }).await, None);
    assert_eq!(refusal(Bounds { entries: 10, ..BOUNDS }).await.unwrap(), "Push rejected, the source has more than 10 entries.");
    assert_eq!(refusal(Bounds { bytes: 6 << 10, ..BOUNDS }).await.unwrap(), "Push rejected, the source is larger than 6K.");
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_not_the_fault_of_the_source() {
    use futures_util::{StreamExt, stream};
    let broken = stream_of(&tar(&[file("a", "1")])).take(1).chain(stream::iter([Err(io::Error::other("git died"))])).boxed();
    assert!(matches!(Source::receive(broken, Layout::Tree, BOUNDS).await, Err(BuildError::Platform(_))));
}

pub(super) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// The names of what an archive holds, as it is built.
async fn unpacked(archive: &[u8]) -> Result<(Vec<String>, Source), BuildError> {
    let receive = || Source::receive(stream_of(archive), Layout::Archive, BOUNDS);
    let mut out = ArchiveWriter::new(Vec::new());
    receive().await?.write_under(b"x", &mut out)?;
    let names = listing(&out.finish()?).iter().filter_map(|line| line.split(' ').nth(2).map(str::to_owned)).collect();
    Ok((names, receive().await?))
}

#[tokio::test]
async fn one_folder_around_everything_is_taken_off_an_archive() {
    let global = || Given { kind: EntryType::XGlobalHeader, path: "pax_global_header", ..file("", "52 comment=0123456789012345678901234567890123456789\n") };
    let wrapped = [
        global(),
        folder("shop-1a2b/"),
        file("shop-1a2b/Procfile", "web: x"),
        file("shop-1a2b/.slugignore", "*.psd"),
        file("shop-1a2b/lib/a.psd", ""),
        file("shop-1a2b/lib/b.js", ""),
    ];
    for archive in [tar(&wrapped), gzipped(&tar(&wrapped)), tar(&wrapped[2..])] {
        let (names, source) = unpacked(&archive).await.unwrap();
        assert_eq!(names, ["x", "x/Procfile", "x/.slugignore", "x/lib", "x/lib/b.js"]);
        assert_eq!(source.files_left_out, 1);
    }
    for plain in [
        vec![folder("./"), folder("./lib"), file("./lib/a", ""), file("./Procfile", "web: x")],
        vec![file("lib/a", ""), file("web/b", "")],
        vec![link(EntryType::Symlink, "lib", "x")],
    ] {
        let (names, _) = unpacked(&gzipped(&tar(&plain))).await.unwrap();
        assert!(names.iter().any(|name| name.starts_with("x/lib")), "{names:?}");
    }
}

/// Hostile inputs 33, 34.
#[tokio::test]
async fn an_archive_is_no_way_around_the_rules() {
    let refused = async |archive: Vec<u8>| unpacked(&archive).await.err().map_or_else(|| "accepted".to_owned(), |error| error.to_string());
    assert_eq!(refused(gzipped(&tar(&[file("a/../../b", "")]))).await, "Push rejected, `a/../../b` has `..` in its path.");
    assert_eq!(
        refused(gzipped(&tar(&[link(EntryType::Symlink, "a/b", "/tmp"), file("a/b/c", "")]))).await,
        "Push rejected, `a/b/c` lies behind a symbolic link."
    );
    let whole = gzipped(&tar(&[file("a", "1")]));
    assert!(refused(whole[..whole.len() / 2].to_vec()).await.starts_with("Push rejected, the source is not a readable tar archive: "));
    assert!(refused(b"PK\x03\x04 a zip".to_vec()).await.starts_with("Push rejected, the source is not a readable tar archive: "));
    // A little that becomes much is still bounded.
    let bomb = gzipped(&tar(&[Given { content: &vec![0; 1 << 20], ..file("zeros", "") }]));
    let received = Source::receive(stream_of(&bomb), Layout::Archive, Bounds { bytes: 1 << 18, ..BOUNDS }).await;
    assert_eq!(received.err().unwrap().to_string(), "Push rejected, the source is larger than 256K.");
}

#[tokio::test]
async fn a_stream_that_breaks_off_for_a_reason_says_it() {
    use futures_util::{StreamExt, stream};
    let reason = io::Error::other(BuildError::SourceInvalid("the source is not the one that was promised.".to_owned()));
    let broken = stream_of(&gzipped(&tar(&[file("a", "1")]))).chain(stream::iter([Err(reason)])).boxed();
    let error = Source::receive(broken, Layout::Archive, BOUNDS).await.err().unwrap();
    assert_eq!(error.to_string(), "Push rejected, the source is not the one that was promised.");
}
