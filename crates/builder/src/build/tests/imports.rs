//! Slugs made elsewhere.

use std::io::{Read, Write};

use flate2::{Compression, bufread::MultiGzDecoder, write::GzEncoder};
use futures_util::TryStreamExt;
use ports::Blobs as _;

use super::*;
use crate::{job::Imported, testing::link};

fn gzipped(tar: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(tar).unwrap();
    gzip.finish().unwrap()
}

async fn imported(scene: &Scene, entries: &[Given<'_>]) -> Result<Imported, String> {
    scene.builder.import(stream_of(&gzipped(&tar(entries)))).await.map_err(|error| error.to_string())
}

async fn stored(scene: &Scene) -> usize {
    scene.blobs.list().await.unwrap().len()
}

#[tokio::test]
async fn a_slug_made_elsewhere_is_stored_as_one_of_ours() {
    let scene = scene(|_, _| 0, Trouble::None, Limits::default()).await;
    let entries = [
        folder("./"),
        folder("./app/"),
        Given { mode: 0o4775, ..file("./app/bin/web", "serve") },
        file("./app/.slugignore", "bin\n"),
        // What a slug's files say is not read: they do not have to be anything.
        file("./app/Procfile", "nonsense"),
        link(EntryType::Symlink, "./app/latest", "bin/web"),
        file("./app/.git/config", "x"),
    ];
    let slug = imported(&scene, &entries).await.unwrap();
    let archive: Vec<u8> = scene.blobs.open(slug.sha256).await.unwrap().try_collect::<Vec<_>>().await.unwrap().concat();
    assert_eq!(archive.len() as u64, slug.bytes);
    let mut plain = Vec::new();
    MultiGzDecoder::new(archive.as_slice()).read_to_end(&mut plain).unwrap();
    let expected = [
        "d0755 1000:1000 app",
        "d0755 1000:1000 app/bin",
        "-0775 1000:1000 app/bin/web \"serve\"",
        "-0664 1000:1000 app/.slugignore \"bin\\n\"",
        "-0664 1000:1000 app/Procfile \"nonsense\"",
        "l0777 1000:1000 app/latest -> bin/web",
    ];
    assert_eq!(listing(&plain), expected);
    assert_eq!(stored(&scene).await, 1);
    // Its own archive is one, and stays the same.
    assert_eq!(scene.builder.import(stream_of(&archive)).await.unwrap(), slug);
    assert_eq!(scene.playground.opened.load(Ordering::SeqCst), 0, "nothing runs");
}

#[tokio::test]
async fn what_is_no_slug_leaves_nothing() {
    let scene = scene(|_, _| 0, Trouble::None, Limits { slug_bytes: 200, ..Limits::default() }).await;
    let elsewhere = "Push rejected, everything in a slug lies in the folder `app`, and not everything in this does.";
    let noise: String = (0..9_000_u32).map(|n| char::from(b'!' + u8::try_from(n.wrapping_mul(2_654_435_761) >> 26).unwrap())).collect();
    for (entries, sentence) in [
        (vec![], elsewhere),
        (vec![file("web.js", "")], elsewhere),
        (vec![file("app", "")], elsewhere),
        (vec![link(EntryType::Symlink, "app", "/etc"), file("app/passwd", "")], "Push rejected, `app/passwd` lies behind a symbolic link."),
        (vec![file("src/web.js", "")], elsewhere),
        (vec![file("app/web.js", ""), file("etc/passwd", "")], elsewhere),
        (vec![file("app/../etc/passwd", "")], "Push rejected, `app/../etc/passwd` has `..` in its path."),
        (vec![file("/app/web.js", "")], "Push rejected, `/app/web.js` has an absolute path."),
        (vec![link(EntryType::Fifo, "app/pipe", "")], "Push rejected, `app/pipe` is a named pipe; a source is made of files, folders and symbolic links."),
        (vec![file("app/noise", &noise)], "Compiled slug size: "),
    ] {
        let refused = imported(&scene, &entries).await.unwrap_err();
        assert!(refused.starts_with(sentence), "{refused}");
    }
    let plain = scene.builder.import(stream_of(&tar(&[file("app/web.js", "")]))).await.unwrap_err();
    assert_eq!(plain.to_string(), "Push rejected, a slug is a gzipped tar archive, and this is not gzipped.");
    let whole = gzipped(&tar(&[file("app/web.js", "")]));
    let cut = scene.builder.import(stream_of(&whole[..whole.len() - 9])).await.unwrap_err();
    assert!(cut.to_string().starts_with("Push rejected, the source is not a readable tar archive"), "{cut}");
    assert_eq!(stored(&scene).await, 0);
}
