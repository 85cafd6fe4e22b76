//! The same lines from the same container to the same receiver: through this platform, and through rsyslog as a forwarder.

use std::{fs, path::PathBuf, process::Command, sync::Arc};

use docker::{DiskLimits, Docker, LogRate, Reach, Settings, StackImages};
use ports::{
    Chance, LogSink, Runtime,
    blobs::disk::DiskBlobs,
    clock::SystemClock,
    runtime::{ContainerKey, ContainerSpec, Image},
};

use crate::{
    Receiver, cpu, given,
    pipeline::{drain, logplex},
};

const IMAGE: &str = "mypaas/heroku-24:run-runtimes";

/// At an even rate, in writes of ten milliseconds each.
fn generator(rate: u64, seconds: u64) -> String {
    format!(
        "import os, time\nbegan = time.monotonic()\nn = 0\nfor turn in range({}):\n  os.write(1, b''.join(b'line~ %d {}\\n' % i for i in range(n, n + {})))\n  n += {}\n  time.sleep(max(0, began + (turn + 1) / 100 - time.monotonic()))\n",
        seconds * 100,
        "x".repeat(80),
        rate / 100,
        rate / 100
    )
}

fn run(program: &str, words: &[&str]) -> String {
    String::from_utf8_lossy(&Command::new(program).args(words).output().unwrap().stdout).trim().to_owned()
}

fn engine() -> u32 {
    run("pidof", &["dockerd"]).split(' ').next().unwrap().parse().unwrap()
}

fn report(what: &str, sent: u64, came: u64, cost: f64, engine: f64) {
    println!(
        "{what}: {came} of {sent} lines, {:.0} lines per processor second of its own, {:.0} with the engine's",
        came as f64 / cost,
        came as f64 / (cost + engine)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a benchmark; needs Docker and rsyslog"]
async fn container_to_drain() {
    let (rate, seconds) = (given("RATE", 10_000), given("SECONDS", 20));
    let sent = rate * seconds;
    let program = generator(rate, seconds);

    let chance = Chance::from_os();
    let instance = chance.bytes::<4>().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let folder = tempfile::tempdir().unwrap();
    let dyno_init: PathBuf = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("dyno-init");
    let stack = StackImages { name: "heroku-24".parse().unwrap(), run_image: IMAGE.to_owned(), build_image: IMAGE.to_owned() };
    let settings = Settings {
        socket: None,
        instance: instance.clone(),
        stacks: vec![stack],
        dyno_init,
        extra_ca_file: None,
        reach: Reach::default(),
        disk: DiskLimits { build: 1 << 30, dyno: 1 << 30, min_free: 0 },
        home: folder.path().to_owned(),
        mount_slugs: false,
        spares: 0,
        log_rate: LogRate { lines: 1_000_000, bytes: 1 << 30 },
    };
    let logs = Arc::new(logplex());
    let blobs = Arc::new(DiskBlobs::open(folder.path().join("blobs")).await.unwrap());
    let runtime = Docker::connect(settings, blobs, Arc::new(SystemClock), logs.clone()).await.unwrap();
    let key = ContainerKey { app: chance.id(jiff::Timestamp::UNIX_EPOCH), dyno: "worker.1".parse().unwrap() };
    let mut receiver = Receiver::new();
    logs.drain_to(key.app, vec![drain(key.app, receiver.port)]);
    let spec = ContainerSpec {
        key: key.clone(),
        generation: 1,
        app_name: "bench".parse().unwrap(),
        release: 1,
        image: Image { stack: "heroku-24".parse().unwrap(), slug: None },
        command: format!("exec python3 -c \"{program}\""),
        env: Vec::new(),
        limits: domain::DynoSizes::default().limits(&"Basic".parse().unwrap()),
        port: None,
        beside: None,
    };
    runtime.ensure_image(&spec.image).await.unwrap();
    let (own, of_engine) = (cpu(std::process::id()), cpu(engine()));
    runtime.ensure_running(&spec).await.unwrap();
    runtime.wait(&key).await.unwrap();
    let came = receiver.until(sent);
    report("mypaas", sent, came, cpu(std::process::id()) - own, cpu(engine()) - of_engine);
    runtime.ensure_gone(&key, 1).await.unwrap();
    drop(runtime);
    let label = format!("label=mypaas.instance={instance}");
    for (list, remove) in [(["image", "ls", "--no-trunc"], ["image", "rm", "--force"]), (["network", "ls", "--no-trunc"], ["network", "rm", "--"])] {
        for id in run("docker", &[&list[..], &["--quiet", "--filter", &label]].concat()).lines() {
            run("docker", &[&remove[..], &[id]].concat());
        }
    }
    docker::remove_rules(&instance).await.unwrap();
    assert_eq!(came, sent);

    let mut receiver = Receiver::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let conf = folder.path().join("rsyslog.conf");
    let text = format!(
        "module(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n\
         action(type=\"omfwd\" target=\"127.0.0.1\" port=\"{}\" protocol=\"tcp\" tcp_framing=\"octet-counted\" template=\"RSYSLOG_SyslogProtocol23Format\")\n",
        receiver.port
    );
    fs::write(&conf, text).unwrap();
    let mut rsyslogd = Command::new("rsyslogd").arg("-n").arg("-f").arg(&conf).arg("-i").arg(folder.path().join("pid")).spawn().unwrap();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let (own, of_engine) = (cpu(rsyslogd.id()), cpu(engine()));
    let address = format!("syslog-address=tcp://127.0.0.1:{port}");
    let words =
        ["run", "--rm", "--network=none", "--log-driver=syslog", "--log-opt", &address, "--log-opt", "syslog-format=rfc5424micro", "--detach", "--entrypoint"];
    let id = run("docker", &[&words[..], &["python3", IMAGE, "-c", &program]].concat());
    run("docker", &["wait", &id]);
    let came = receiver.until(sent);
    report("rsyslog", sent, came, cpu(rsyslogd.id()) - own, cpu(engine()) - of_engine);
    rsyslogd.kill().unwrap();
    rsyslogd.wait().unwrap();
}
