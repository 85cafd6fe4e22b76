//! Whatever comes over the wire, or from whoever finds the hook's socket.

use fuzz::Target;
use http::Method;

use crate::{
    call::{Call, Service, Step, is_git_path},
    frame,
    pkt_line::{List, Progress},
    ssh,
    updates::{Plan, RefUpdate, plan},
};

const PKT_LINE: Target = Target {
    name: "pkt_line",
    words: &[b"0000", b"0001", b"0004", b"0005x", b"fff0", b"FFFF", b"+004", b"-001", b"000g", b"0032want ", b"0009done\n", b"PACK"],
    longest: 300_000,
    run: pkt_line,
};

fn pkt_line(bytes: &[u8]) -> String {
    let (expected, consumed) = reference(bytes);
    assert_eq!(List::default().take(bytes), expected);
    // However it is cut, the same is seen, and at the same byte.
    for size in [1, 3, 7, 1_000] {
        let (mut list, mut taken) = (List::default(), 0);
        let mut told = Some(Progress::Within);
        for piece in bytes.chunks(size) {
            told = list.take(piece);
            taken += piece.len();
            if told != Some(Progress::Within) {
                assert!(taken >= consumed && taken - piece.len() < consumed, "{size}");
                break;
            }
        }
        assert_eq!(told, expected, "in pieces of {size}");
        if size == 1 && bytes.len() > 10_000 {
            break;
        }
    }
    format!("{expected:?}")
}

/// The same, written to be read: what a list comes to, and after how many bytes.
fn reference(bytes: &[u8]) -> (Option<Progress>, usize) {
    let mut at = 0;
    while let Some(digits) = bytes.get(at..at + 4) {
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return (None, at + 4);
        }
        let length = digits.iter().fold(0, |length, &digit| length * 16 + (digit as char).to_digit(16).unwrap_or(0) as usize);
        match length {
            0 => return (Some(Progress::Over), at + 4),
            1..4 => return (None, at + 4),
            _ => at += length,
        }
    }
    (Some(Progress::Within), bytes.len())
}

const HOOK_FRAME: Target = Target {
    name: "hook_frame",
    words: &[b"P\0\0\0", b"E\0\0\0", b"U\0\0\0", b".\0\0\0\0", b"O\0\0\0", b"X\0\0\0\x01", b"\xff\xff\xff\xff", b"\0\x01\0\0"],
    longest: 70_000,
    run: hook_frame,
};

fn hook_frame(mut bytes: &[u8]) -> String {
    let mut kinds = String::new();
    while !bytes.is_empty() {
        let before = bytes;
        match frame::read(&mut bytes) {
            Ok(frame) => {
                assert!(frame.payload.len() <= frame::LONGEST);
                assert_eq!(frame::encode(frame.kind, &frame.payload), before[..before.len() - bytes.len()]);
                if kinds.len() < 40 {
                    kinds += &format!("{:?}", frame.kind)[..1];
                }
            }
            Err(error) => return format!("{kinds} {:?}", error.kind()),
        }
    }
    kinds
}

const REF_UPDATE: Target = Target {
    name: "ref_update",
    words: &[
        b"refs/heads/main",
        b"refs/heads/master",
        b"refs/heads/",
        b"refs/tags/",
        b"HEAD",
        b"..",
        b".lock",
        b" ",
        b"\n",
        b"0000000000000000000000000000000000000000",
        b"1111111111111111111111111111111111111111",
        b"main;curl http://127.0.0.1:1",
        b"--upload-pack=x",
        b"HEAD$(id)",
        b"A",
    ],
    longest: 100_000,
    run: ref_update,
};

fn ref_update(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let updates: Vec<_> = text.split('\n').filter_map(RefUpdate::parse).collect();
    for update in &updates {
        for id in [&update.old, &update.new].into_iter().flatten() {
            let hex = id.as_str().bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
            assert!(hex && matches!(id.as_str().len(), 40 | 64) && id.as_str().bytes().any(|byte| byte != b'0'), "{id}");
        }
    }
    match plan(&updates) {
        // A name is deployed only if it is one of two, and never taken from the push.
        Plan::Deploy(deployment) => {
            let name = format!("refs/heads/{}", deployment.branch);
            assert!(
                ["main", "master"].contains(&deployment.branch)
                    && updates.iter().any(|update| update.name == name && update.new == Some(deployment.commit.clone()))
            );
            format!("deploys {} {}", deployment.branch, deployment.old.is_some())
        }
        other => format!("{other:?}"),
    }
}

const GIT_PATH: Target = Target {
    name: "git_path",
    words: &[
        b"/shop.git",
        b"/info/refs",
        b"?service=git-receive-pack",
        b"?service=git-upload-pack",
        b"/git-receive-pack",
        b"/git-upload-pack",
        b"git-receive-pack ",
        b"git-upload-pack ",
        b"'",
        b"/..",
        b"%2f",
        b"%2e%2e",
        b"%00",
        b"//",
        b";id",
        b"git-upload-archive",
        b"scp -t ",
        b"--upload-pack=x",
        b"GET ",
        b"POST ",
    ],
    longest: 4_000,
    run: git_path,
};

/// One text as a path asked over HTTP, and as a command asked over SSH: only the forms there are, letter by letter.
fn git_path(bytes: &[u8]) -> String {
    let mut said = ssh_command(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return said };
    let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
    for method in [Method::GET, Method::POST, Method::PUT] {
        if let Some(call) = Call::parse(&method, path, query) {
            let (app, service) = (&call.app, call.service.name());
            match call.step {
                Step::Advertise => assert_eq!(text, format!("/{app}.git/info/refs?service=git-{service}")),
                Step::Transfer => assert_eq!(path, format!("/{app}.git/git-{service}")),
            }
            assert!(is_git_path(path));
            said += &format!(" {method} {:?}", call.step);
        }
    }
    said
}

fn ssh_command(bytes: &[u8]) -> String {
    let Some((service, app)) = ssh::understood(bytes) else { return "nothing".to_owned() };
    let program = format!("git-{}", Service::name(service));
    let forms = [format!("{program} '{app}.git'"), format!("{program} {app}.git"), format!("{program} '/{app}.git'"), format!("{program} /{app}.git")];
    assert!(forms.iter().any(|form| form.as_bytes() == bytes), "{}", bytes.escape_ascii());
    program
}

#[test]
fn fuzz_pkt_line() {
    fuzz::check(&PKT_LINE);
}

#[test]
fn fuzz_hook_frame() {
    fuzz::check(&HOOK_FRAME);
}

#[test]
fn fuzz_ref_update() {
    fuzz::check(&REF_UPDATE);
}

#[test]
fn fuzz_git_path() {
    fuzz::check(&GIT_PATH);
}
