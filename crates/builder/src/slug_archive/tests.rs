use flate2::read::GzDecoder;
use futures_util::TryStreamExt;
use ports::blobs::disk::DiskBlobs;

use super::*;
use crate::testing::{Given, file, folder, link, listing, stream_of, tar};

async fn blobs() -> (tempfile::TempDir, DiskBlobs) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = DiskBlobs::open(folder.path().join("blobs")).await.unwrap();
    (folder, blobs)
}

async fn slug(entries: &[Given<'_>]) -> Result<Vec<String>, BuildError> {
    let (_folder, blobs) = blobs().await;
    let stored = store(stream_of(&tar(entries)), None, &blobs, 1 << 30).await?;
    let read: Vec<_> = blobs.open(stored.sha256).await?.try_collect().await?;
    let gzipped = read.concat();
    assert_eq!(stored.bytes, gzipped.len() as u64);
    assert_eq!(stored.sha256, Sha256(Hasher::digest(&gzipped).into()));
    let mut tar = Vec::new();
    GzDecoder::new(gzipped.as_slice()).read_to_end(&mut tar)?;
    assert_eq!(stored.diff_id, Sha256(Hasher::digest(&tar).into()));
    Ok(listing(&tar))
}

#[tokio::test]
async fn a_slug_holds_the_build_folder_under_app() {
    let long = format!("build_x/node_modules/{}/{}", "a".repeat(120), "b".repeat(120));
    let target = format!("../{}", "c".repeat(200));
    let entries = [
        folder("build_x/"),
        folder("build_x/empty/"),
        Given { mode: 0o755, ..file("build_x/bin/run", "#!/bin/sh") },
        Given { mode: 0o6755, ..file("build_x/setuid", "") },
        link(EntryType::Symlink, "build_x/.heroku/node", "/app//x/./y"),
        link(EntryType::Symlink, "build_x/far", &target),
        file(&long, "deep"),
        link(EntryType::Link, "build_x/same", "build_x/bin/run"),
        link(EntryType::Link, "build_x/same-deep", &long),
        folder("build_x/.git"),
        file("build_x/.git/HEAD", "x"),
        file("build_x/vendor/.git/HEAD", "x"),
        file("build_x/.wh.bin", ""),
        file("build_x/.wh...", ""),
        link(EntryType::Fifo, "build_x/pipe", ""),
        link(EntryType::Char, "build_x/null", ""),
    ];
    let deep = long.replace("build_x/", "app/");
    let expected = [
        "d0755 1000:1000 app".to_owned(),
        "d0775 1000:1000 app/empty".to_owned(),
        "-0755 1000:1000 app/bin/run \"#!/bin/sh\"".to_owned(),
        "-0755 1000:1000 app/setuid \"\"".to_owned(),
        "l0777 1000:1000 app/.heroku/node -> /app//x/./y".to_owned(),
        format!("l0777 1000:1000 app/far -> {target}"),
        format!("-0664 1000:1000 {deep} \"deep\""),
        "h0777 1000:1000 app/same => app/bin/run".to_owned(),
        format!("h0777 1000:1000 app/same-deep => {deep}"),
        "-0664 1000:1000 app/vendor/.git/HEAD \"x\"".to_owned(),
    ];
    assert_eq!(slug(&entries).await.unwrap(), expected);
}

#[tokio::test]
async fn times_are_kept() {
    let mut taken = ArchiveWriter::new(Vec::new());
    taken.file(b"b/a", 0o644, 1_234_567_890, 0, io::empty()).unwrap();
    let mut rewritten = ArchiveWriter::new(Vec::new());
    rewrite(taken.finish().unwrap().as_slice(), &mut rewritten).unwrap();
    let tar = rewritten.finish().unwrap();
    let times: Vec<u64> = Archive::new(tar.as_slice()).entries().unwrap().map(|entry| entry.unwrap().header().mtime().unwrap()).collect();
    assert_eq!(times, [0, 1_234_567_890]);
}

#[tokio::test]
async fn long_names_in_the_pax_way_are_understood() {
    let name = format!("build_x/{}", "n".repeat(180));
    let record = |length: usize| format!("{length} path={name}\n");
    let length = (0..).find(|&length| record(length).len() == length).unwrap();
    let record = record(length);
    let entries = [Given { kind: EntryType::XHeader, ..file("pax", &record) }, file("build_x/short", "x")];
    assert_eq!(slug(&entries).await.unwrap()[1], format!("-0664 1000:1000 app/{} \"x\"", "n".repeat(180)));
}

#[tokio::test]
async fn what_cannot_be_in_a_slug_fails_the_platform_and_not_silently() {
    for entries in [
        vec![file("build_x/../../etc/passwd", "")],
        vec![link(EntryType::Link, "build_x/a", "build_x/.git/HEAD")],
        vec![link(EntryType::Link, "build_x/a", "/etc/passwd")],
    ] {
        assert!(matches!(slug(&entries).await, Err(BuildError::Platform(_))));
    }
}

#[tokio::test]
async fn a_stream_that_was_cut_makes_no_slug() {
    let (folder, blobs) = blobs().await;
    let whole = tar(&[file("build_x/a", "1"), file("build_x/b", "2")]);
    for end in [0, 700, 1024, 1536, 2048] {
        assert!(matches!(store(stream_of(&whole[..end]), None, &blobs, 1 << 20).await, Err(BuildError::Platform(_))), "{end}");
    }
    assert_eq!(files(folder.path()), 0);
}

/// Hostile inputs 43.
#[tokio::test]
async fn a_slug_that_is_too_large_is_not_kept() {
    let (folder, blobs) = blobs().await;
    // Digests of digests do not compress.
    let mut noise: Vec<u8> = Vec::new();
    while noise.len() < 4 << 20 {
        let next = Hasher::digest(&noise[noise.len().saturating_sub(32)..]);
        noise.extend_from_slice(&next);
    }
    let taken = tar(&[Given { content: &noise, ..file("build_x/noise", "") }]);
    let size = |limit| {
        let (taken, blobs) = (stream_of(&taken), blobs.clone());
        async move {
            match store(taken, None, &blobs, limit).await {
                Err(BuildError::SlugTooLarge { bytes, limit: told }) if told == limit => Some(bytes),
                Err(error) => panic!("{error:?}"),
                Ok(_) => None,
            }
        }
    };
    assert_eq!(size(8 << 20).await, None);
    let kept = files(folder.path());
    // Not twice too large: the size is exact.
    assert!(size(4_000_000).await.is_some_and(|bytes| bytes >= 4 << 20));
    // Far too large: nobody counts to the end.
    assert!(size(10_000).await.is_some_and(|bytes| (20_000..2 << 20).contains(&bytes)));
    assert_eq!(files(folder.path()), kept);
}

fn files(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

/// Notes what it is given.
struct Tree(Vec<u8>, bool, std::sync::mpsc::Sender<(Vec<u8>, bool, Sha256)>);

impl SlugTree for Tree {
    fn write(&mut self, tar: &[u8]) {
        self.0.extend_from_slice(tar);
    }

    fn seal(&mut self) {
        self.1 = true;
    }

    fn keep(self: Box<Self>, slug: Sha256) {
        self.2.send((self.0, self.1, slug)).unwrap();
    }
}

#[tokio::test]
async fn what_is_packed_is_laid_out_too_and_kept_only_if_it_becomes_a_slug() {
    let (_folder, blobs) = blobs().await;
    let taken = tar(&[file("build_x/a", "1"), folder("build_x/b/")]);
    let (sender, kept) = std::sync::mpsc::channel();
    let tree = || Some(Box::new(Tree(Vec::new(), false, sender.clone())) as Box<dyn SlugTree>);
    let stored = store(stream_of(&taken), tree(), &blobs, 1 << 20).await.unwrap();
    let (laid, sealed, slug) = kept.try_recv().unwrap();
    assert_eq!((Sha256(Hasher::digest(&laid).into()), sealed, slug), (stored.diff_id, true, stored.sha256));

    assert!(store(stream_of(&taken[..700]), tree(), &blobs, 1 << 20).await.is_err());
    assert!(store(stream_of(&taken), tree(), &blobs, 10).await.is_err());
    assert!(kept.try_recv().is_err());
}
