//! Archives of the list of hostile inputs (`docs/HOSTILE.md`) that the other tests do not have.

use super::{tests::gzipped, *};
use crate::testing::{Given, file, folder, header, link, listing, stream_of, tar};

async fn verdict(archive: Vec<u8>) -> String {
    match Source::receive(stream_of(&archive), Layout::Archive, BOUNDS).await {
        Ok(source) => {
            let mut out = ArchiveWriter::new(Vec::new());
            source.write_under(b"x", &mut out).unwrap();
            listing(&out.finish().unwrap()).join("\n")
        }
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn hostile_28_names_of_files_are_only_names() {
    let names = ["poc'$(touch c)'x.conf", "-rf", "--help", "a\nb", "a b;id", "`id`", "é\u{202e}", "...", "~", "%2e%2e"];
    let entries: Vec<_> = names.iter().map(|name| file(name, "1")).collect();
    let expected: Vec<_> = names.iter().map(|name| format!("-0664 1000:1000 x/{name} \"1\"")).collect();
    assert_eq!(verdict(tar(&entries)).await, format!("d0755 1000:1000 x\n{}", expected.join("\n")));
}

#[tokio::test]
async fn hostile_35_37_39_links() {
    // A link may lead anywhere, and round in circles: nobody follows it but the app in its own container.
    let circle =
        [link(EntryType::Symlink, "a", "b"), link(EntryType::Symlink, "b", "a"), link(EntryType::Symlink, "c", "."), link(EntryType::Symlink, "d", "/tmp")];
    assert!(verdict(tar(&circle)).await.ends_with("x/d -> /tmp"));
    for through in [
        vec![link(EntryType::Symlink, "d", "/tmp"), file("d/x", "")],
        vec![link(EntryType::Symlink, "d", "."), folder("d/e"), file("z", "")],
        vec![file("d", ""), link(EntryType::Symlink, "d", "/tmp"), file("./d//x", "")],
        vec![link(EntryType::Symlink, "e/d", "/tmp"), file("e/d/f/g", "")],
    ] {
        let verdict = verdict(tar(&through)).await;
        assert!(verdict.ends_with("lies behind a symbolic link."), "{verdict}");
    }
    // Twice the same name: the later one counts, as everywhere, and still inside.
    let twice = [file("a", "1"), link(EntryType::Symlink, "a", "/etc/passwd")];
    assert_eq!(verdict(tar(&twice)).await, "d0755 1000:1000 x\n-0664 1000:1000 x/a \"1\"\nl0777 1000:1000 x/a -> /etc/passwd");
}

#[tokio::test]
async fn hostile_38_modes_lose_what_could_hurt() {
    for mode in [0o4755, 0o2755, 0o1777, 0o7777] {
        let given = Given { mode, ..file("run", "") };
        assert!(verdict(tar(&[given, file("z", "")])).await.contains(&format!("-0{:03o} 1000:1000 x/run", mode & 0o777)), "{mode:o}");
    }
}

#[tokio::test]
async fn hostile_40_sizes_counts_and_garbage() {
    // Gzip in gzip is no archive, however deep: only the outermost is taken off.
    let inner = gzipped(&gzipped(&vec![0; 1 << 20]));
    assert!(verdict(inner).await.starts_with("Push rejected, the source is not a readable tar archive: "));
    // A thousand to one, far over the bound, is read up to the bound only.
    let bomb = gzipped(&vec![0; 8 << 20]);
    let received = Source::receive(stream_of(&bomb), Layout::Archive, Bounds { bytes: 1 << 20, ..BOUNDS }).await;
    assert_eq!(received.err().unwrap().to_string(), "Push rejected, the source is larger than 1M.");

    let mut negative = header(&file("a", ""));
    negative.as_old_mut().size = [0xff; 12];
    let mut overflow = header(&file("a", ""));
    overflow.as_old_mut().size = *b"777777777777";
    for mut header in [negative, overflow] {
        header.set_cksum();
        let verdict = verdict([header.as_bytes().as_slice(), &[0; 1024]].concat()).await;
        assert!(verdict.starts_with("Push rejected, ") && !verdict.contains("platform"), "{verdict}");
    }
    // What follows the end is not read, and not taken for an end.
    let mut garbage = tar(&[file("a", "1"), file("z", "")]);
    garbage.extend(b"trailing garbage".repeat(100));
    assert!(verdict(garbage).await.contains("the archive ends in the middle"));
    for magic in [b"PK\x03\x04".as_slice(), b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"\x7fELF"] {
        let verdict = verdict([magic, &[b'x'; 2000]].concat()).await;
        assert!(verdict.starts_with("Push rejected, the source is not a readable tar archive: "), "{verdict}");
    }
    assert!(verdict(tar(&[file("a", "1"), file("z", "")])).await.contains("x/a \"1\""));
}
