//! Talking to a one-off dyno.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};

use super::{
    World,
    stage::{Program, Stage},
};
use crate::rendezvous::serve;

/// `cat`, which says at the end how much it saw.
const CAT: Program = |mut stdin, mut stdout| {
    Box::pin(async move {
        let (mut buffer, mut seen) = (vec![0; 256], 0);
        while let Ok(read @ 1..) = stdin.read(&mut buffer).await {
            seen += read;
            if stdout.write_all(&buffer[..read]).await.is_err() {
                return 1;
            }
        }
        let _ = stdout.write_all(format!("[{seen} bytes]").as_bytes()).await;
        0
    })
};

/// Says something at once and waits for ever.
const SLEEPER: Program = |_stdin, mut stdout| {
    Box::pin(async move {
        let _ = stdout.write_all(b"ready").await;
        std::future::pending().await
    })
};

struct Run {
    world: World,
    engine: Arc<ports::runtime::fake::FakeRuntime>,
    client: DuplexStream,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
    secret: String,
}

async fn run(program: Program, env: &str) -> Run {
    let mut stage = None;
    let world = World::with(|clock| {
        let new = Arc::new(Stage::new(clock, program));
        stage = Some(new.engine.clone());
        new
    });
    let world = world.await;
    let app = world.app("shop").await;
    world.deploy(&app, "11111111aaaa").await;
    let dyno = world.ann("POST", "/apps/shop/dynos", &format!(r#"{{"attach":true,"command":"cat","env":{env}}}"#)).await.json();
    let secret = dyno["attach_url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let (client, server) = tokio::io::duplex(4096);
    let served = tokio::spawn(serve(world.api.platform.clone(), server));
    Run { world, engine: stage.unwrap(), client, served, secret }
}

impl Run {
    async fn send(&mut self, text: &str) {
        self.client.write_all(text.as_bytes()).await.unwrap();
    }

    async fn expect(&mut self, text: &str) {
        let mut got = vec![0; text.len()];
        within(self.client.read_exact(&mut got)).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&got), text);
    }

    /// Everything there still is, up to the server's close.
    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        within(self.client.read_to_string(&mut rest)).await.unwrap();
        rest
    }

    /// The session is over and nothing of it is left.
    async fn over(self) {
        drop(self.client);
        within(self.served).await.unwrap().unwrap();
        assert_eq!(self.engine.picture(), Vec::<String>::new());
        assert_eq!(self.world.ann("GET", "/apps/shop/dynos", "").await.body, "[]");
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("it takes no ten seconds")
}

#[tokio::test]
async fn piped_input_ends_with_an_end_of_transmission() {
    let mut run = run(CAT, r#"{"TERM":"dumb"}"#).await;
    let secret = run.secret.clone();
    run.send(&format!("{secret}\r\n")).await;
    run.expect("rendezvous\r\n").await;
    run.send("hello\n").await;
    run.expect("hello\n").await;
    run.send("\u{4}").await;
    assert_eq!(run.rest().await, "[6 bytes]");
    within(&mut run.served).await.unwrap().unwrap();
    let log = run.world.api.logplex.history(run.world.api.platform.store.read().await.unwrap().apps().await.unwrap()[0].id, &logs::Filter::default(), 1500);
    assert!(log.iter().any(|numbered| numbered.line.text == "Process exited with status 0"), "{log:?}");
    assert_eq!(run.engine.picture(), Vec::<String>::new());
}

#[tokio::test]
async fn a_secret_without_a_line_end_is_enough_and_a_terminal_gets_every_byte() {
    let mut run = run(CAT, r#"{"TERM":"xterm","COLUMNS":80,"LINES":24}"#).await;
    let secret = run.secret.clone();
    run.send(&secret).await;
    run.expect("rendezvous\r\n").await;
    run.send("ls\r\u{4}").await;
    run.expect("ls\r\u{4}").await;
    run.over().await;
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_dyno_along() {
    let mut run = run(SLEEPER, "{}").await;
    let secret = run.secret.clone();
    run.send(&format!("{secret}\r\n")).await;
    run.expect("rendezvous\r\nready").await;
    assert_eq!(run.engine.picture().len(), 1);
    run.over().await;
}

#[tokio::test]
async fn a_secret_opens_once_and_others_never() {
    let mut first = run(SLEEPER, "{}").await;
    let secret = first.secret.clone();
    first.send(&format!("{secret}\r\n")).await;
    first.expect("rendezvous\r\nready").await;
    for wrong in [secret.clone(), "0".repeat(64), "é".repeat(32), "GET / HTTP/1.1\r\nhost: localhost\r\nuser-agent: somebody-lost/1.0\r\n\r\n".to_owned()] {
        let (mut client, server) = tokio::io::duplex(4096);
        let served = tokio::spawn(serve(first.world.api.platform.clone(), server));
        client.write_all(wrong.as_bytes()).await.unwrap();
        let mut answer = String::new();
        within(client.read_to_string(&mut answer)).await.unwrap();
        assert_eq!(answer, "", "{wrong}");
        within(served).await.unwrap().unwrap();
    }
    first.over().await;
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_said_so() {
    let mut run = run(SLEEPER, "{}").await;
    run.engine.break_down();
    let secret = run.secret.clone();
    run.send(&format!("{secret}\r\n")).await;
    assert_eq!(run.rest().await, "rendezvous\r\n !    The dyno could not be started. Please try again in a moment.\r\n");
    within(run.served).await.unwrap().unwrap();
}

/// A server's side of a connection that keeps what it wrote between two flushes, as a TLS record does.
struct Records {
    stream: DuplexStream,
    records: Arc<Mutex<Vec<String>>>,
    open: String,
}

impl AsyncRead for Records {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Records {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.open.push_str(std::str::from_utf8(bytes).unwrap());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let record = std::mem::take(&mut self.open);
        if !record.is_empty() {
            self.records.lock().unwrap().push(record);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = self.as_mut().poll_flush(context);
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[tokio::test]
async fn the_greeting_is_a_record_of_its_own() {
    const TALKER: Program = |_stdin, mut stdout| {
        Box::pin(async move {
            let _ = stdout.write_all(b"said at once").await;
            0
        })
    };
    let run = run(TALKER, "{}").await;
    let (mut client, stream) = tokio::io::duplex(4096);
    let records = Arc::default();
    let server = Records { stream, records: Arc::clone(&records), open: String::new() };
    client.write_all(format!("{}\r\n", run.secret).as_bytes()).await.unwrap();
    within(serve(run.world.api.platform.clone(), server)).await.unwrap();
    assert_eq!(*records.lock().unwrap(), ["rendezvous\r\n", "said at once"]);
}

/// A client that finds the connection gone when it wants to say that its input has ended breaks down.
#[tokio::test]
async fn a_client_gets_a_moment_to_say_that_its_input_has_ended() {
    const BRIEF: Program = |_stdin, _stdout| Box::pin(async { 0 });
    let (mut speaks, mut silent) = (run(BRIEF, "{}").await, run(BRIEF, "{}").await);
    let began = tokio::time::Instant::now();
    for run in [&mut speaks, &mut silent] {
        let secret = run.secret.clone();
        run.send(&format!("{secret}\r\n")).await;
        run.expect("rendezvous\r\n").await;
    }
    speaks.send("\u{4}").await;
    tokio::select! {
        biased;
        rest = silent.rest() => panic!("it was not waited for: {rest:?}"),
        rest = speaks.rest() => assert_eq!(rest, ""),
    }
    assert_eq!(silent.rest().await, "");
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_window_that_becomes_another_is_told() {
    let mut run = run(SLEEPER, r#"{"TERM":"xterm","COLUMNS":"80","LINES":"24"}"#).await;
    let secret = run.secret.clone();
    run.send(&format!("{secret}\r\n")).await;
    run.expect("rendezvous\r\nready").await;
    let world = &run.world;
    let app = world.api.platform.store.read().await.unwrap().app_named(&"shop".parse().unwrap()).await.unwrap().unwrap();
    let name = world.ann("GET", "/apps/shop/dynos", "").await.json()[0]["name"].as_str().unwrap().to_owned();
    let path = format!("/apps/shop/dynos/{name}/actions/resize");
    let key = ports::runtime::ContainerKey { app: app.id, dyno: name.parse().unwrap() };

    assert_eq!(world.ann("POST", &path, r#"{"columns":132,"lines":50}"#).await.body, "{}");
    assert_eq!(run.engine.terminal(&key), Some((132, 50)));
    for (body, verdict) in [
        (r#"{"columns":0,"lines":50}"#, "422 invalid_params: A terminal has at least one column and one line"),
        (r#"{"columns":132}"#, "422 invalid_params: Invalid request body: missing field `lines` at line 1 column 15"),
        (r#"{"columns":-1,"lines":70000}"#, "422 invalid_params: Invalid request body: invalid value: integer `-1`, expected u16 at line 1 column 13"),
    ] {
        assert_eq!(world.ann("POST", &path, body).await.verdict(), verdict);
    }
    // What is no attached dyno has no window, and another's is not there.
    assert_eq!(
        world.ann("POST", "/apps/shop/dynos/web.1/actions/resize", r#"{"columns":1,"lines":1}"#).await.verdict(),
        "404 not_found: Couldn't find that dyno."
    );
    let bob = world.ask("POST", &path, &[("authorization", &world.bob.bearer())], r#"{"columns":1,"lines":1}"#).await;
    assert_eq!(bob.verdict(), "404 not_found: Couldn't find that app.");
    let reading = world.scoped("read").await;
    let reading = world.ask("POST", &path, &[("authorization", &format!("Bearer {reading}"))], r#"{"columns":1,"lines":1}"#).await;
    assert!(reading.verdict().starts_with("403 forbidden: This token may not do that"), "{}", reading.body);
    assert_eq!(run.engine.terminal(&key), Some((132, 50)));
    run.over().await;
}
