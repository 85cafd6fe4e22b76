use std::{sync::Arc, time::Duration};

use futures_util::TryStreamExt;
use ports::{
    Blobs, Runtime, RuntimeError,
    runtime::{Condition, Image, Kept},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::place::Place;

const SERVER: &str = "import http.server, os\n\
    class Hello(http.server.BaseHTTPRequestHandler):\n\
    \x20   def do_GET(self):\n\
    \x20       self.send_response(200); self.end_headers(); self.wfile.write(os.environ['GREETING'].encode())\n\
    http.server.HTTPServer(('0.0.0.0', int(os.environ['PORT'])), Hello).serve_forever()\n";

async fn get(address: std::net::SocketAddr) -> String {
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_web_dyno_starts_binds_answers_and_is_adopted_by_the_next_platform() {
    let mut place = Place::new().await;
    let slug = place.slug(&[("server.py", SERVER), (".profile.d/greet.sh", "export GREETING=\"$GREETING, friend\"")]).await;
    let mut spec = place.spec("web.1", 1, "python3 server.py");
    spec.image.slug = Some(slug);
    spec.port = Some(5000);
    spec.env.push(("PORT".to_owned(), "5000".to_owned()));

    place.docker.ensure_running(&spec).await.unwrap();
    let seen = place.until("web.1", |condition| matches!(condition, Condition::Running { bound: true, .. })).await;
    let Condition::Running { address: Some(address), .. } = seen.condition else { panic!("{seen:?}") };
    assert!(get(address).await.ends_with("good day, friend"));
    assert_eq!((seen.generation, seen.one_off), (1, false));

    // Doing it again is the same as doing it once.
    place.docker.ensure_running(&spec).await.unwrap();
    assert_eq!(place.seen("web.1").await.unwrap(), seen);
    place.until_logged("GET / HTTP/1.0").await;

    place.restart().await;
    let adopted = place.until("web.1", |condition| matches!(condition, Condition::Running { bound: true, .. })).await;
    assert_eq!(adopted, seen);
    place.until_logged("GET / HTTP/1.0").await;

    // What is in use stays, whatever is asked; then the slug's image goes, and the stack's stays.
    place.docker.retain(&Kept::default()).await.unwrap();
    assert_eq!(place.made_slugs(), 1);
    place.docker.ensure_gone(&spec.key, 1).await.unwrap();
    place.docker.retain(&Kept { slugs: [slug].into(), ..Kept::default() }).await.unwrap();
    assert_eq!(place.made_slugs(), 1);
    place.docker.retain(&Kept::default()).await.unwrap();
    assert_eq!(place.docker.list().await.unwrap(), []);
    assert_eq!(place.listed(&["image", "ls", "--filter", "label=mypaas.kind=stack-image"]).len(), 1);
    assert_eq!(place.made_slugs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn it_is_bound_only_when_others_can_reach_it() {
    let place = Place::new().await;
    let mut spec = place.spec(
        "web.1",
        1,
        "echo \"import socket,time\ns=socket.create_server(('127.0.0.1',5000))\nprint('listening', flush=True)\ntime.sleep(600)\" | python3 -",
    );
    spec.port = Some(5000);
    place.docker.ensure_running(&spec).await.unwrap();
    place.until_logged("listening").await;
    let seen = place.seen("web.1").await.unwrap();
    assert!(matches!(seen.condition, Condition::Running { bound: false, .. }), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn newer_generations_replace_and_older_ones_are_refused() {
    let place = Place::new().await;
    place.docker.ensure_running(&place.spec("worker.1", 2, "sleep 600")).await.unwrap();
    let error = place.docker.ensure_running(&place.spec("worker.1", 1, "sleep 600")).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Stale { asked: 1, current: 2, .. }), "{error}");
    // Late acts for the old one do nothing.
    place.docker.kill(&place.key("worker.1"), 1).await.unwrap();
    place.docker.ensure_gone(&place.key("worker.1"), 1).await.unwrap();
    assert!(matches!(place.seen("worker.1").await.unwrap().condition, Condition::Running { bound: true, .. }));

    place.docker.ensure_running(&place.spec("worker.1", 3, "exit 4")).await.unwrap();
    assert_eq!(place.until_exited("worker.1").await, 4);
    // One that has ended is not started again under the same number.
    place.docker.ensure_running(&place.spec("worker.1", 3, "exit 4")).await.unwrap();
    assert_eq!(place.seen("worker.1").await.unwrap().generation, 3);
    place.docker.ensure_gone(&place.key("worker.1"), 3).await.unwrap();
    assert_eq!(place.seen("worker.1").await, None);
    // Where there is none, everything is fine.
    place.docker.terminate(&place.key("worker.1"), 3).await.unwrap();
    place.docker.ensure_gone(&place.key("worker.1"), 3).await.unwrap();
    assert_eq!(place.docker.wait(&place.key("worker.1")).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_termination_is_asked_for_and_a_kill_is_not() {
    let place = Place::new().await;
    place.docker.ensure_running(&place.spec("worker.1", 1, "trap 'echo not yet' TERM; echo ready; while :; do sleep 0.1; done")).await.unwrap();
    place.docker.ensure_running(&place.spec("worker.2", 1, "echo prepared; sleep 600")).await.unwrap();
    place.until_logged("ready").await;
    place.until_logged("prepared").await;
    for dyno in ["worker.1", "worker.2"] {
        place.docker.terminate(&place.key(dyno), 1).await.unwrap();
    }
    assert_eq!(place.docker.wait(&place.key("worker.2")).await.unwrap(), Some(143));
    place.until_logged("not yet").await;
    assert!(matches!(place.seen("worker.1").await.unwrap().condition, Condition::Running { .. }));
    place.docker.kill(&place.key("worker.1"), 1).await.unwrap();
    assert_eq!(place.until_exited("worker.1").await, 137);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn every_line_is_logged_once_and_the_last_one_before_a_removal_too() {
    let place = Place::new().await;
    place.docker.ensure_running(&place.spec("worker.1", 1, "for i in $(seq 1 3000); do echo line $i; done; echo problem >&2; printf last")).await.unwrap();
    assert_eq!(place.docker.wait(&place.key("worker.1")).await.unwrap(), Some(0));
    place.docker.ensure_gone(&place.key("worker.1"), 1).await.unwrap();
    // Errors are read beside the output, so only each of the two is in order.
    let (errors, output): (Vec<_>, Vec<_>) = place.logs.texts().into_iter().partition(|line| line.ends_with("problem"));
    let expected = (1..=3000).map(|n| format!("app[worker.1]: line {n}")).chain(["app[worker.1]: last".to_owned()]).collect::<Vec<_>>();
    assert_eq!(errors, ["app[worker.1]: problem"]);
    assert!(output == expected, "{} lines, the last one {:?}", output.len(), output.last());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_long_line_arrives_whole_in_pieces() {
    let place = Place::new().await;
    place.docker.ensure_running(&place.spec("worker.1", 1, "head -c 50000 /dev/zero | tr '\\0' x; echo; echo end")).await.unwrap();
    place.until_logged("end").await;
    let lengths: Vec<_> = place.logs.texts().iter().map(|line| line.matches('x').count()).collect();
    assert_eq!(lengths, [10_000, 10_000, 10_000, 10_000, 10_000, 0]);
}

/// Hostile inputs 80, 81.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn dynos_are_confined() {
    let place = Place::new().await;
    let command = "id -u; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status | tr -d '\\t'; ulimit -n; echo $HOME $PWD $DYNO_RAM; touch /app/writable && echo writable; hostname | wc -c";
    place.docker.ensure_running(&place.spec("worker.1", 1, command)).await.unwrap();
    assert_eq!(place.until_exited("worker.1").await, 0);
    place.docker.ensure_gone(&place.key("worker.1"), 1).await.unwrap();
    let said: Vec<_> = place.logs.texts().iter().map(|line| line.trim_start_matches("app[worker.1]: ").to_owned()).collect();
    assert_eq!(said, ["1000", "CapEff:0000000000000000", "CapBnd:0000000000000000", "NoNewPrivs:1", "10000", "/app /app 512", "writable", "37"]);
}

/// Hostile inputs 80, 81.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_dyno_that_takes_twice_its_quota_is_killed() {
    let place = Place::new().await;
    place.docker.ensure_running(&place.spec("worker.1", 1, "exec python3 -c 'x = bytearray(1200 << 20)'")).await.unwrap();
    let seen = place.until("worker.1", |condition| matches!(condition, Condition::Exited { .. })).await;
    assert_eq!(seen.condition, Condition::Exited { status: 137, oom_killed: true });
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn two_installations_do_not_see_each_other_nor_their_dynos() {
    let (one, other) = (Place::new().await, Place::new().await);
    let mut spec = one.spec("web.1", 1, "echo \"import socket,time\ns=socket.create_server(('0.0.0.0',5000))\ntime.sleep(600)\" | python3 -");
    spec.port = Some(5000);
    one.docker.ensure_running(&spec).await.unwrap();
    let seen = one.until("web.1", |condition| matches!(condition, Condition::Running { bound: true, .. })).await;
    assert_eq!(other.docker.list().await.unwrap(), []);
    other.docker.kill(&spec.key, 1).await.unwrap();
    other.docker.ensure_gone(&spec.key, 9).await.unwrap();
    other.docker.retain(&Kept::default()).await.unwrap();
    assert_eq!(one.docker.list().await.unwrap(), std::slice::from_ref(&seen));

    // Nor can dynos of one installation connect to each other.
    let Condition::Running { address: Some(address), .. } = seen.condition else { panic!("{seen:?}") };
    let probe = format!("timeout 2 bash -c '</dev/tcp/{}/{}' 2>/dev/null && echo reached || echo out of reach", address.ip(), address.port());
    one.docker.ensure_running(&one.spec("worker.1", 1, &probe)).await.unwrap();
    one.until_logged("worker.1]: out of reach").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn what_dynos_start_from_is_made_once_and_never_half() {
    let place = Place::new().await;
    let stack = "heroku-24".parse().unwrap();
    let slug = place.slug(&[("a", "b")]).await;
    let image = Image { stack, slug: Some(slug) };
    let all = (0..6).map(|_| {
        let (docker, image) = (place.docker.clone(), image.clone());
        tokio::spawn(async move { docker.ensure_image(&image).await })
    });
    for made in all.collect::<Vec<_>>() {
        made.await.unwrap().unwrap();
    }
    assert_eq!(place.made_slugs(), 1);

    // A slug that breaks off, is no archive, or is missing leaves no image and no container.
    let whole = stored(&place, slug).await;
    for (bytes, what) in [(&whole[..whole.len() / 2], "half"), (&b"not an archive at all, only text"[..], "text")] {
        let slug = Some(place.blob(bytes).await);
        let error = place.docker.ensure_image(&Image { slug, ..image.clone() }).await.unwrap_err();
        assert!(matches!(error, RuntimeError::Refused(_) | RuntimeError::Slug(_)), "{what}: {error}");
    }
    place.blobs.retain(&std::collections::BTreeSet::new(), "2100-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
    let missing = Image { slug: Some(domain::Sha256([7; 32])), ..image.clone() };
    assert!(matches!(place.docker.ensure_image(&missing).await, Err(RuntimeError::Slug(_))));
    assert_eq!(place.made_slugs(), 1);
    assert_eq!(place.listed(&["ps", "--all", "--filter", "label=mypaas.kind=preparation"]), [""; 0]);

    let unknown = Image { stack: "heroku-99".parse().unwrap(), slug: None };
    assert!(matches!(place.docker.ensure_image(&unknown).await, Err(RuntimeError::NoStack(_))));
}

async fn stored(place: &Place, slug: domain::Sha256) -> Vec<u8> {
    let chunks: Vec<bytes::Bytes> = place.blobs.open(slug).await.unwrap().try_collect().await.unwrap();
    chunks.concat()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn extra_certificates_are_trusted_everywhere() {
    let place = Place::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nour own\n-----END CERTIFICATE-----\n").unwrap();
    let settings = docker::Settings { extra_ca_file: Some(file), ..place.settings() };
    let docker = docker::Docker::connect(settings, place.blobs.clone(), Arc::new(ports::clock::SystemClock), place.logs.clone()).await.unwrap();
    let mut spec = place.spec(
        "worker.1",
        1,
        "tail -n 3 $PIP_CERT; grep -c BEGIN $SSL_CERT_FILE; echo $CURL_CA_BUNDLE; cat /usr/local/share/ca-certificates/mypaas-extra.crt | wc -l",
    );
    spec.env.push(("CURL_CA_BUNDLE".to_owned(), "/own".to_owned()));
    docker.ensure_running(&spec).await.unwrap();
    docker.wait(&spec.key).await.unwrap();
    docker.ensure_gone(&spec.key, 1).await.unwrap();
    let said = place.logs.texts().join("\n");
    for expected in ["our own", ": /own", ": 3"] {
        assert!(said.contains(expected), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn an_engine_that_does_not_answer_is_unreachable() {
    let place = Place::new().await;
    let settings = docker::Settings { socket: Some("/nowhere/docker.sock".into()), ..place.settings() };
    let connected = docker::Docker::connect(settings, place.blobs.clone(), Arc::new(ports::clock::SystemClock), place.logs.clone());
    let connected = tokio::time::timeout(Duration::from_secs(30), connected).await.unwrap();
    assert!(matches!(connected, Err(RuntimeError::Unreachable(_))));
}
