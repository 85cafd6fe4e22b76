//! Builds by the real builder: limits that are met for real, output as it comes, sources that git fetches.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use builder::{BuildError, Builder, Built, Job, Limits, SourceTree, Submodule, Terminal};
use bytes::Bytes;
use domain::{BuildpackRef, ConfigVars};
use futures_util::{StreamExt, stream};
use ports::{ByteStream, Chance, Sandboxes};
use tokio::sync::Notify;

use crate::place::Place;

/// What a person sees, as it comes.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<String>>, Arc<Notify>);

impl Terminal for Screen {
    fn line(&mut self, text: &str) {
        self.bytes(format!("{text}\n").as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        *self.0.lock().unwrap() += &String::from_utf8_lossy(bytes);
        self.1.notify_one();
    }
}

impl Screen {
    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    /// Waits until the last thing it shows is this.
    async fn ends_with(&self, words: &str) {
        let shown = async {
            while !self.text().ends_with(words) {
                self.1.notified().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), shown).await.unwrap_or_else(|_| panic!("it never ended with {words:?}: {}", self.text()));
    }
}

/// One buildpack whose `bin/compile` is this script.
struct Workshop<'a> {
    place: &'a Place,
    builder: Arc<Builder>,
    screen: Screen,
    _folder: tempfile::TempDir,
}

impl<'a> Workshop<'a> {
    fn new(place: &'a Place, compile: &str, limits: &Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("try/bin");
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join("detect"), "#!/bin/sh\necho Try\n").unwrap();
        fs::write(bin.join("compile"), format!("#!/bin/bash\ncd \"$1\"\n{compile}\n")).unwrap();
        let sandboxes: Arc<dyn Sandboxes> = place.docker.clone();
        let limits = Limits { min_free_bytes: 0, ..limits.clone() };
        let builder = Arc::new(Builder::new(sandboxes, place.blobs.clone(), folder.path().to_owned(), limits));
        Self { place, builder, screen: Screen::default(), _folder: folder }
    }

    async fn build(&self, source: impl Into<SourceTree>) -> Result<Built, BuildError> {
        let job = Job {
            build: Chance::from_os().id("2026-11-21T00:00:00Z".parse().unwrap()),
            app: self.place.app,
            stack: "heroku-24".parse().unwrap(),
            source: source.into(),
            source_version: String::new(),
            config: ConfigVars::default(),
            buildpacks: Vec::<BuildpackRef>::new(),
            request_id: "1".to_owned(),
        };
        let built = self.builder.build(job, &mut self.screen.clone()).await;
        self.place.sandboxes_go().await;
        built
    }
}

fn tree(files: &[(&str, &str)]) -> ByteStream {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    stream::iter([Ok(Bytes::from(archive.into_inner().unwrap()))]).boxed()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn memory_that_runs_out_is_told_from_a_compile_that_fails() {
    let place = Place::new().await;
    let limits = Limits { memory_mib: 64, ..Limits::default() };
    let hungry = Workshop::new(&place, "echo eating; tail /dev/zero", &limits);
    let failed = hungry.build(tree(&[])).await.unwrap_err();
    assert_eq!(failed.to_string(), "Push rejected, the build ran out of memory (limit is 64 MB).", "{}", hungry.screen.text());
    let clumsy = Workshop::new(&place, "kill -9 $$", &limits);
    assert_eq!(clumsy.build(tree(&[])).await.unwrap_err().to_string(), "Push rejected, failed to compile Try app.");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn time_that_runs_out_ends_the_build_for_real() {
    let place = Place::new().await;
    let shop = Workshop::new(&place, "echo asleep; sleep 600", &Limits { time: Duration::from_secs(20), ..Limits::default() });
    let failed = shop.build(tree(&[])).await.unwrap_err();
    assert_eq!(failed.to_string(), "Push rejected, the build timed out (limit is 20 seconds).");
    shop.screen.ends_with("asleep\n").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_slug_can_be_warned_of_or_be_too_large() {
    let place = Place::new().await;
    let compile = "head -c 3000000 /dev/urandom >large";
    let limits = Limits { slug_bytes: 4 << 20, slug_soft_bytes: 2 << 20, ..Limits::default() };
    let warned = Workshop::new(&place, compile, &limits);
    warned.build(tree(&[])).await.unwrap();
    warned.screen.ends_with(" !     Warning: Your slug size (2 MB) exceeds our soft limit (2 MB) which may affect boot time.\n").await;
    let refused = Workshop::new(&place, compile, &Limits { slug_bytes: 2 << 20, ..limits });
    let failed = refused.build(tree(&[])).await.unwrap_err();
    assert!(failed.to_string().starts_with("Compiled slug size: 2.9M is too large (max is 2M)."), "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn half_a_line_is_seen_while_the_build_waits_and_lines_keep_their_order() {
    let place = Place::new().await;
    let compile = "for i in $(seq 200); do echo out $i; echo err $i >&2; sleep 0.001; done; printf 'waiting ..'; until [ -e \"$2/go\" ]; do sleep 0.05; done; echo '. gone on'";
    let shop = Workshop::new(&place, compile, &Limits::default());
    let go = async {
        shop.screen.ends_with("\nwaiting ..").await;
        let container = place.listed(&["ps"]).remove(0);
        let touched = Command::new("docker").args(["exec", &container, "touch", "/tmp/codon/tmp/cache/go"]).status().unwrap();
        assert!(touched.success());
    };
    let (built, ()) = tokio::join!(shop.build(tree(&[])), go);
    built.unwrap();
    let text = shop.screen.text();
    assert!(text.contains("waiting ... gone on\n"), "{text}");
    for kind in ["out", "err"] {
        let numbers: Vec<u32> = text.lines().filter_map(|line| line.strip_prefix(kind)?.trim().parse().ok()).collect();
        assert_eq!(numbers, (1..=200).collect::<Vec<_>>(), "{kind}");
    }
}

/// Where containers of these tests may connect to on this machine.
const PORTS: std::ops::RangeInclusive<u16> = 47_140..=47_149;

async fn place_of_a_served_network() -> Place {
    let allow = PORTS.map(|port| format!("10.0.0.0/8:{port}").parse().unwrap()).collect();
    Place::with(|settings| settings.reach.allow = allow).await
}

/// Serves a folder over HTTP to containers, which reach this machine at the first address of their network.
async fn serve(place: &Place, folder: PathBuf) -> String {
    // The network is made for the first sandbox.
    Workshop::new(place, "true", &Limits::default()).build(tree(&[])).await.unwrap();
    let network = place.listed(&["network", "ls"]).remove(0);
    let inspected = Command::new("docker").args(["network", "inspect", &network, "--format", "{{(index .IPAM.Config 0).Subnet}}"]).output().unwrap();
    let subnet = String::from_utf8(inspected.stdout).unwrap();
    let gateway = subnet.trim().rsplit_once('.').map(|(network, _)| format!("{network}.1")).unwrap();
    let listener = PORTS.into_iter().find_map(|port| TcpListener::bind((gateway.as_str(), port)).ok()).expect("one of the ports is free");
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let Some(Ok(request)) = lines.next() else { continue };
            let _ = lines.find(|line| line.as_ref().is_ok_and(String::is_empty));
            let path = request.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().trim_start_matches('/').to_owned();
            let (status, body) = fs::read(folder.join(path)).map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    url
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "protocol.file.allow=always"]).args(arguments);
    let output = command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A bare repository `name` with one file, ready to be served; gives its commit.
fn repository(served: &Path, name: &str, files: &[(&str, &str)]) -> String {
    let work = tempfile::tempdir().unwrap();
    git(work.path(), &["init", "-q", "-b", "main"]);
    for (file, text) in files {
        fs::write(work.path().join(file), text).unwrap();
    }
    git(work.path(), &["add", "-A"]);
    git(work.path(), &["commit", "-q", "-m", "One"]);
    git(served, &["clone", "-q", "--bare", work.path().to_str().unwrap(), name]);
    git(&served.join(name), &["update-server-info"]);
    git(work.path(), &["rev-parse", "HEAD"])
}

const SHOW: &str = "find . -type f | sort; cat lib/*.txt 2>/dev/null; find . -name .git";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn submodules_of_a_push_are_fetched_inside() {
    let (place, served) = (place_of_a_served_network().await, tempfile::tempdir().unwrap());
    let commit = repository(served.path(), "lib.git", &[("hello.txt", "hello from a submodule\n"), ("left.md", "")]);
    let url = serve(&place, served.path().to_owned()).await;
    let submodules = |path: &str| vec![Submodule { path: path.to_owned(), commit: commit.clone() }];
    let modules = format!("[submodule \"lib\"]\n\tpath = lib\n\turl = {url}/lib.git\n");
    let shop = Workshop::new(&place, SHOW, &Limits::default());
    let files = [(".gitmodules", modules.as_str()), (".slugignore", "*.md\n"), ("web.js", "")];
    shop.build(SourceTree::Tree { tar: tree(&files), submodules: submodules("lib") }).await.unwrap();
    let text = shop.screen.text();
    let said = format!("-----> Git submodules detected, installing\n       Submodule 'lib' ({url}/lib.git) registered for path 'lib'\n       Cloning into ");
    assert!(text.contains(&said) && text.contains("       Submodule path 'lib': checked out '"), "{text}");
    assert!(text.contains("./.gitmodules\n./.slugignore\n./lib/hello.txt\n./web.js\nhello from a submodule\n-----> Discovering"), "{text}");

    // What git could be made to do, it does nothing of.
    let canary = "touch /tmp/codon/tmp/cache/canary";
    for (modules, path) in [
        (String::new(), "lib"),
        (format!("[submodule \"lib\"]\n\tpath = lib\n\turl = ext::sh -c {}\n", canary.replace(' ', "% ")), "lib"),
        ("[submodule \"lib\"]\n\tpath = lib\n\turl = file:///etc\n".to_owned(), "lib"),
        ("[submodule \"lib\"]\n\tpath = lib\n\turl = -u./x\n".to_owned(), "lib"),
        (format!("[submodule \"lib\"]\n\tpath = lib\n\turl = {url}/lib.git\n\tupdate = !{canary}\n"), "lib"),
        (format!("[submodule \"../../x\"]\n\tpath = lib\n\turl = {url}/lib.git\n"), "lib"),
        (format!("[submodule \"lib\"]\n\tpath = ../../x\n\turl = {url}/lib.git\n"), "../../x"),
        (format!("[submodule \"lib\"]\n\tpath = \"lib\\r\"\n\turl = {url}/lib.git\n"), "lib"),
        (format!("[submodule \"lib\"]\n\tpath = lib\n\turl = {url}/missing.git\n"), "lib"),
    ] {
        let shop = Workshop::new(&place, "ls \"$2\"", &Limits::default());
        let source = SourceTree::Tree { tar: tree(&[(".gitmodules", &modules)]), submodules: submodules(path) };
        let failed = shop.build(source).await.unwrap_err();
        assert_eq!(failed.to_string(), "Push rejected, submodule install failed.", "{modules}");
    }
    let after = Workshop::new(&place, "ls \"$2\"", &Limits::default());
    after.build(tree(&[])).await.unwrap();
    assert!(!after.screen.text().contains("canary"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_source_in_a_repository_elsewhere_is_fetched_inside() {
    let (place, served) = (place_of_a_served_network().await, tempfile::tempdir().unwrap());
    repository(served.path(), "shop.git", &[("web.js", "one")]);
    // Only a server that speaks the smart protocol gives a commit without its history.
    let smart = smart_server(&place, served.path()).await;
    let shop = Workshop::new(&place, SHOW, &Limits::default());
    let of = |url: String, reference: Option<&str>| SourceTree::Git { url, reference: reference.map(str::to_owned) };
    for reference in [None, Some("main")] {
        shop.build(of(format!("{smart}/shop.git"), reference)).await.unwrap();
        assert!(shop.screen.text().contains("./web.js\n-----> Discovering"), "{}", shop.screen.text());
    }
    for (url, reference) in [(format!("{smart}/shop.git"), Some("no-such-branch")), (format!("{smart}/none.git"), None), ("ext::sh -c id".to_owned(), None)] {
        let failed = shop.build(of(url, reference)).await.unwrap_err();
        assert_eq!(failed.to_string(), "Push rejected, the source could not be fetched with git.");
    }
}

/// git's own server behind a plain HTTP one.
async fn smart_server(place: &Place, folder: &Path) -> String {
    let plain = serve(place, folder.to_owned()).await;
    let host = plain.trim_start_matches("http://").split(':').next().unwrap().to_owned();
    let listener = PORTS.into_iter().find_map(|port| TcpListener::bind((host.as_str(), port)).ok()).expect("one of the ports is free");
    let url = format!("http://{}", listener.local_addr().unwrap());
    let folder = folder.to_owned();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let folder = folder.clone();
            thread::spawn(move || crate::smart_git::answer(stream.unwrap(), &folder));
        }
    });
    url
}
