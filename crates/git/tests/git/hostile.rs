//! Bytes no git client sends.

use std::{io::Write, process::Stdio, sync::atomic::Ordering};

use flate2::{Compression, write::ZlibEncoder};
use http::{Request, StatusCode, header};

use crate::{
    client::{Client, said},
    platform::{World, until},
};

const NONE: &str = "0000000000000000000000000000000000000000";

/// A push's body: the refs as `(old, new, name)`, then the pack.
fn push(refs: &[(&str, &str, &str)], pack: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (place, (old, new, name)) in refs.iter().enumerate() {
        let capabilities = if place == 0 { "\0report-status side-band-64k" } else { "" };
        let line = format!("{old} {new} {name}{capabilities}");
        body.extend(format!("{:04x}{line}", line.len() + 4).into_bytes());
    }
    [body, b"0000".to_vec(), pack.to_vec()].concat()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Kind and size of an object, as packs have it (gitformat-pack(5)).
fn object(kind: u8, mut size: u64) -> Vec<u8> {
    let mut head = vec![(kind << 4) | u8::try_from(size & 15).unwrap()];
    size >>= 4;
    while size > 0 {
        *head.last_mut().unwrap() |= 0x80;
        head.push(u8::try_from(size & 0x7f).unwrap());
        size >>= 7;
    }
    head
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        bytes.push(if number > 0 { low | 0x80 } else { low });
        if number == 0 {
            return bytes;
        }
    }
}

/// A pack of these objects, with its checksum.
async fn pack(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut pack = [b"PACK\0\0\0\x02".as_slice(), &u32::try_from(objects.len()).unwrap().to_be_bytes()].concat();
    pack.extend(objects.concat());
    let mut sum = tokio::process::Command::new("sha1sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut sum.stdin.take().unwrap(), &pack).await.unwrap();
    let digest = said(sum.wait_with_output().await.unwrap()).must();
    pack.extend((0..40).step_by(2).map(|at| u8::from_str_radix(&digest[at..at + 2], 16).unwrap()));
    pack
}

/// The pack a client would send for its branch.
async fn honest_pack(client: &Client, commit: &str) -> Vec<u8> {
    client.git(&["branch", "--force", "packed", commit]).await.must();
    client.git(&["bundle", "create", "--quiet", "bundle", "packed"]).await.must();
    let bundle = std::fs::read(client.path("bundle")).unwrap();
    let start = bundle.windows(4).position(|bytes| bytes == b"PACK").unwrap();
    bundle[start..].to_vec()
}

impl World {
    async fn send(&self, body: Vec<u8>) -> String {
        let request = self.authorized(Request::post("/shop.git/git-receive-pack"));
        let (answer, body) = self.ask(request.header(header::CONTENT_TYPE, "application/x-git-receive-pack-request"), body).await;
        assert_eq!(answer.status(), StatusCode::OK);
        String::from_utf8_lossy(&body).into_owned()
    }

    /// No ref, no object, no quarantine is left of anything.
    fn assert_untouched(&self) {
        let below = |folder: &str| std::fs::read_dir(self.repository().join(folder)).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
        assert!(below("refs/heads").is_empty() && below("refs/tags").is_empty());
        let objects = below("objects");
        assert!(objects.iter().all(|name| name == "info" || name == "pack"), "{objects:?}");
        assert!(self.commits_deployed().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_packs_leave_no_trace_and_an_honest_one_is_taken() {
    let (world, client) = (World::new().await, Client::new().await);
    let commit = client.commit("server.js", "1").await;
    let honest = honest_pack(&client, &commit).await;
    let main = [(NONE, commit.as_str(), "refs/heads/main")];
    let mut bad_sum = honest.clone();
    *bad_sum.last_mut().unwrap() ^= 1;
    let mut bad_bytes = honest.clone();
    bad_bytes[20] ^= 0xff;
    let sixteen_mib = zlib(&vec![0; 16 << 20]);
    let base = [object(3, 16 << 20), sixteen_mib].concat();
    // 16 MiB copied 1,024 times: 16 GiB out of a few kilobytes.
    let delta = [varint(16 << 20), varint(0xff_ffff * 1024), [0xf0, 0xff, 0xff, 0xff].repeat(1024)].concat();
    let mut distance = vec![u8::try_from(base.len() & 0x7f).unwrap()];
    let mut left = base.len() >> 7;
    while left > 0 {
        left -= 1;
        distance.insert(0, 0x80 | u8::try_from(left & 0x7f).unwrap());
        left >>= 7;
    }
    let bomb = pack(&[base, [object(6, delta.len() as u64), distance, zlib(&delta)].concat()]).await;
    let huge = pack(&[[object(3, 10 << 30), zlib(b"not that much")].concat()]).await;
    for (what, pack) in [
        ("a wrong checksum", bad_sum),
        ("broken bytes", bad_bytes),
        ("half a pack", honest[..honest.len() / 2].to_vec()),
        ("no pack", Vec::new()),
        ("not the object that was promised", pack(&[]).await),
        ("a delta bomb", bomb),
        ("an object of 10 GiB, it says", huge),
        ("no pack at all", b"PUCK".repeat(100)),
    ] {
        let answer = world.send(push(&main, &pack)).await;
        assert!(!answer.contains("unpack ok") || answer.contains("ng refs/heads/main"), "{what}: {answer}");
        world.assert_untouched();
    }
    let answer = world.send(push(&main, &honest)).await;
    assert!(answer.contains("unpack ok") && answer.contains("ok refs/heads/main"), "{answer}");
    assert_eq!(world.commits_deployed(), [commit]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_refs_are_not_made() {
    let (world, client) = (World::new().await, Client::new().await);
    let commit = client.commit("server.js", "1").await;
    let honest = honest_pack(&client, &commit).await;
    for name in [
        "refs/heads/..",
        "refs/heads/../../config",
        "refs/heads/a.lock",
        "refs/heads/",
        "refs/heads//x",
        "refs/heads/a b",
        "refs/heads/a\u{7f}",
        "refs/heads/-x/../y",
        "HEAD",
        "config",
        "../../config",
        "/etc/passwd",
        "refs/heads/x;touch${IFS}canary\t",
    ] {
        let answer = world.send(push(&[(NONE, &commit, name)], &honest)).await;
        assert!(!answer.contains(&format!("ok {name}\n")), "{name}: {answer}");
        let refs = client.git(&["ls-remote", &world.url()]).await.must();
        assert_eq!(refs, "", "{name}");
    }
    assert!(world.commits_deployed().is_empty());
}

/// What a name would do if anybody took it for a command or an option; git itself allows such names.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_10_11_12_names_of_branches_and_tags_are_only_names() {
    let (world, client) = (World::new().await, Client::new().await);
    let commit = client.commit("server.js", "1").await;
    let honest = honest_pack(&client, &commit).await;
    let canary = world.folder.path().join("canary");
    let touch = format!("touch${{IFS}}{}", canary.display());
    for name in [
        format!("refs/heads/main;{touch}"),
        format!("refs/heads/$({touch})"),
        format!("refs/heads/`{touch}`"),
        format!("refs/heads/a|{touch}"),
        format!("refs/heads/--upload-pack={touch}"),
        format!("refs/heads/-u{touch}"),
        format!("refs/tags/HEAD$({touch})"),
    ] {
        let answer = world.send(push(&[(NONE, &commit, &name)], &honest)).await;
        let stored = client.git(&["ls-remote", &world.url(), &name]).await.must();
        let kept = answer.contains(&format!("ok {name}"));
        assert_eq!(stored.contains(&name), kept, "{name} is {stored}, and {answer}");
        assert!(world.commits_deployed().is_empty() && !canary.exists(), "{name}");
    }
    // Nothing that is no hash is a commit.
    for id in [format!("{commit}a"), "HEAD$(id)".to_owned(), "-".repeat(40), commit.to_uppercase().replace(|c: char| c.is_ascii_digit(), "G")] {
        let answer = world.send(push(&[(NONE, &id, "refs/heads/main")], &honest)).await;
        assert!(!answer.contains("ok refs/heads/main") && world.commits_deployed().is_empty(), "{id}: {answer}");
    }
    let answer = world.send(push(&[(NONE, &commit, "refs/heads/main")], &honest)).await;
    assert!(answer.contains("ok refs/heads/main"), "{answer}");
    assert_eq!(world.commits_deployed(), [commit]);
    assert!(!canary.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_28_names_of_pushed_files_are_only_names() {
    let (world, client) = (World::new().await, Client::new().await);
    let names = ["poc'$(touch canary)'x.conf", "-rf", "--output=canary", "a\nb", "`id`;id"];
    names.iter().for_each(|name| std::fs::write(client.path(name), "").unwrap());
    let commit = client.commit("server.js", "1").await;
    client.git(&["push", &world.url(), "main"]).await.must();
    let pushes = world.deployed.pushes.lock().unwrap().clone();
    let expected = names.into_iter().chain(["server.js"]).map(str::to_owned).collect();
    assert_eq!(pushes, [(commit, expected)]);
}

/// Hostile inputs 48.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_refs_are_enough() {
    let (world, client) = (World::new().await, Client::new().await);
    let commit = client.commit("server.js", "1").await;
    let honest = honest_pack(&client, &commit).await;
    let names: Vec<_> = (0..1001).map(|number| format!("refs/tags/v{number}")).collect();
    let refs: Vec<_> = names.iter().map(|name| (NONE, commit.as_str(), name.as_str())).collect();
    let answer = world.send(push(&refs, &honest)).await;
    assert!(answer.contains("You cannot push so many refs at once (maximum is 1000)."), "{answer}");
    world.assert_untouched();
    // A list that does not end is not listened to: git would keep all of it in memory.
    let line = format!("{NONE} {commit} refs/tags/{}", "x".repeat(200));
    let list = format!("{:04x}{line}", line.len() + 4).repeat(50_000);
    assert!(list.len() > 8 << 20);
    let answer = world.send(list.into_bytes()).await;
    assert!(!answer.contains("ok refs"), "{answer}");
    world.assert_untouched();
    let answer = world.send(push(&refs[..1000], &honest)).await;
    assert_eq!(answer.matches("ok refs/tags/v").count(), 1000);
}

/// Hostile inputs 49, 50.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_tree_says_of_submodules_and_attributes_is_never_acted_on() {
    let world = World::new().await;
    let canary = world.folder.path().join("canary");
    let touch = format!("touch {}", canary.display());
    for (modules, refused) in [
        ("[submodule \"../../x\"]\n\tpath = lib\n\turl = https://example.com/x\n".to_owned(), Some("gitmodulesName")),
        ("[submodule \"x\"]\n\tpath = lib\n\turl = -u./x\n".to_owned(), Some("gitmodulesUrl")),
        ("[submodule \"x\"]\n\tpath = -u./x\n\turl = https://example.com/x\n".to_owned(), Some("gitmodulesPath")),
        (format!("[submodule \"x\"]\n\tpath = lib\n\turl = https://example.com/x\n\tupdate = !{touch}\n"), Some("gitmodulesUpdate")),
        // Harmless here: a sandbox fetches what the tree has commits of, and these trees have none.
        ("[submodule \"x\"]\n\tpath = \"lib\\r\"\n\turl = https://example.com/x\n".to_owned(), None),
        (format!("[submodule \"x\"]\n\tpath = lib\n\turl = ext::sh -c {touch}\n"), None),
        ("[submodule \"x\"]\n\tpath = ../../x\n\turl = file:///etc\n".to_owned(), None),
    ] {
        let client = Client::new().await;
        std::fs::write(client.path(".gitattributes"), "* filter=evil diff=evil merge=evil export-subst\n").unwrap();
        for (key, value) in [("filter.evil.clean", "cat"), ("filter.evil.smudge", &touch), ("core.fsmonitor", ""), ("core.sshCommand", &touch)] {
            client.git(&["config", key, value]).await.must();
        }
        std::fs::create_dir(client.path("git-hooks")).unwrap();
        client.commit(".gitmodules", &modules).await;
        let answer = client.git(&["push", "--force", &world.url(), "main"]).await;
        match refused {
            Some(why) => assert!(answer.must_fail().contains(why), "{modules}"),
            None => drop(answer.must()),
        }
    }
    assert!(!canary.exists());
    let config = std::fs::read_to_string(world.repository().join("config")).unwrap();
    assert!(!config.contains("evil") && !config.contains("fsmonitor"), "{config}");
}

/// Hostile inputs 47.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_revoked_during_the_push_is_noticed_before_anything_is_deployed() {
    use secrecy::ExposeSecret;
    let (world, one, two) = (World::new().await, Client::new().await, Client::new().await);
    let brief = world.platform.new_token(world.actor.account.clone(), "brief", None).await.unwrap();
    let theirs = world.url().replace(&world.token, brief.token.expose_secret());
    let first_commit = one.commit("wait", "one").await;
    two.commit("server.js", "two").await;
    let first = one.start(&["push", &world.url(), "main"]);
    until("the first build runs", || world.deployed.waiting.load(Ordering::SeqCst) == 1).await;
    let mut second = two.start(&["push", &theirs, "main:master"]);
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(second.stderr.take().unwrap()));
    assert!(lines.next_line().await.unwrap().unwrap().contains("Another build of this app is under way"));
    world.platform.revoke(&world.actor, brief.authorization.id).await.unwrap();
    world.deployed.gate.add_permits(1);
    said(first.wait_with_output().await.unwrap()).must();
    let mut rest = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        rest += &line;
    }
    assert!(rest.contains("The token or key of this push was revoked meanwhile."), "{rest}");
    assert!(!second.wait().await.unwrap().success());
    assert_eq!(world.commits_deployed(), [first_commit]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_behind_is_cleared_at_the_next_start_and_pushes_go_on() {
    let (world, client) = (World::new().await, Client::new().await);
    client.commit("server.js", "1").await;
    client.git(&["push", &world.url(), "main"]).await.must();
    let left = ["objects/tmp_objdir-incoming-Xy12Zz/pack", "objects/pack"].map(|name| world.repository().join(name));
    left.iter().for_each(|folder| std::fs::create_dir_all(folder).unwrap());
    let files = ["refs/heads/main.lock", "HEAD.lock", "packed-refs.lock", "objects/pack/tmp_pack_abc"].map(|name| world.repository().join(name));
    files.iter().for_each(|file| std::fs::write(file, "").unwrap());
    client.commit("server.js", "2").await;
    client.git(&["push", &world.url(), "main"]).await.must_fail();

    let folder = |name: &str| world.folder.path().join(name);
    let hook = std::path::PathBuf::from(env!("CARGO_BIN_EXE_pre-receive"));
    git::Git::open_with(world.platform.clone(), world.deployed.clone(), git::Limits::default(), &folder("repos"), &folder("run2"), &hook).unwrap();
    assert!(files.iter().all(|file| !file.exists()) && !left[0].exists() && left[1].exists());
    client.git(&["push", &world.url(), "main"]).await.must();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_has_so_many_git_processes() {
    let world = World::with(git::Limits { processes_each: 1, ..git::Limits::default() }, true).await;
    let client = Client::new().await;
    client.commit("wait", "1").await;
    let push = client.start(&["push", &world.url(), "main"]);
    until("the build runs", || world.deployed.waiting.load(Ordering::SeqCst) == 1).await;
    let text = client.git(&["ls-remote", &world.url()]).await.must_fail();
    assert!(text.contains("Too many pushes and clones are under way. Try again in a minute."), "{text}");
    world.deployed.gate.add_permits(1);
    said(push.wait_with_output().await.unwrap()).must();
    client.git(&["ls-remote", &world.url()]).await.must();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ragged_repository_is_packed_after_a_push() {
    let (world, client) = (World::new().await, Client::new().await);
    client.commit("server.js", "0").await;
    client.git(&["push", &world.url(), "main"]).await.must();
    // What git counts is the objects in one folder of 256.
    for number in 0..40 {
        std::fs::create_dir_all(world.repository().join("objects/17")).unwrap();
        std::fs::write(world.repository().join(format!("objects/17/{number:038x}")), "").unwrap();
    }
    let packs = || std::fs::read_dir(world.repository().join("objects/pack")).map_or(0, Iterator::count);
    assert_eq!(packs(), 0);
    client.git(&["push", &world.url(), "main:feature"]).await.must();
    until("it is packed", || packs() > 0).await;
    client.git(&["clone", "--quiet", &world.url(), "copy"]).await.must();
}
