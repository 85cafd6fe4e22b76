//! Inputs 80 and 81 of the list of hostile inputs: what code of strangers tries from inside a build and a dyno. Each attempt
//! is denied, and what is legal beside it works.

use std::{
    fmt::Write,
    net::{SocketAddr, ToSocketAddrs},
    process::Command,
    time::Duration,
};

use docker::Reach;
use ports::{Runtime, RuntimeError, Sandboxes, runtime::Condition, sandbox::SandboxSpec};

use crate::{
    neighbours::{ECHO, Machine, Targets, answer_everywhere, answers, container, inspect, own_addresses, run, targets},
    place::Place,
    sandboxes,
};

const ATTEMPTS: &str = include_str!("attempts.py");

/// A dyno that answers on port 5000.
async fn answering(place: &Place, dyno: &str) -> SocketAddr {
    let mut spec = place.spec(dyno, 1, "python3 -c \"$ECHO\"");
    spec.env.push(("ECHO".to_owned(), ECHO.replace("PORTS", "[5000]")));
    spec.port = Some(5000);
    place.docker.ensure_running(&spec).await.unwrap();
    match place.until(dyno, |condition| matches!(condition, Condition::Running { bound: true, .. })).await.condition {
        Condition::Running { address: Some(address), .. } => address,
        other => panic!("{other:?}"),
    }
}

/// What must not be reached, and what must.
struct Around {
    denied: Targets,
    legal: Targets,
    _machine: Machine,
    _other: Place,
}

impl Around {
    async fn of(place: &Place) -> Self {
        let machine = Machine::new(place);
        let other = Place::new().await;
        let mut denied = targets("a dyno", answering(place, "other.1").await.ip(), 5000);
        denied.extend(targets("another installation's dyno", answering(&other, "web.1").await.ip(), 5000));
        let id = container(place, &["--publish", "7000"], "[7000]");
        let published: u16 = inspect(&id, "{{(index (index .NetworkSettings.Ports \"7000/tcp\") 0).HostPort}}").parse().unwrap();
        denied.extend(targets("a container", inspect(&id, "{{.NetworkSettings.Networks.bridge.IPAddress}}").parse().unwrap(), 7000));
        denied.insert("metadata".to_owned(), ("tcp", Machine::metadata(), 80));
        let port = answer_everywhere();
        for address in own_addresses() {
            denied.extend(targets("the host", address, port));
            if address.is_ipv4() {
                denied.insert(format!("a published port at {address}"), ("tcp", address, published));
            }
        }
        let legal = targets("a machine on the network", machine.address, 5432);
        // A target that nobody reaches proves nothing.
        for (name, target) in denied.iter().chain(&legal) {
            assert!(answers(*target), "{name} does not answer this machine");
        }
        Self { denied, legal, _machine: machine, _other: other }
    }

    /// The argument of the attempts, as JSON.
    fn told(&self, pids: i64) -> String {
        let mut text = String::from("{\"files\": [], ");
        for (name, targets) in [("targets", &self.denied), ("legal", &self.legal)] {
            let list = targets.iter().map(|(name, (protocol, address, port))| format!("\"{name}\": [\"{protocol}\", \"{address}\", {port}]"));
            write!(text, "\"{name}\": {{{}}}, ", list.collect::<Vec<_>>().join(", ")).unwrap();
        }
        // Names resolve inside as they do outside.
        let names = ["deb.debian.org"].map(|name| (name, 80)).into_iter().filter(|name| name.to_socket_addrs().is_ok());
        let names = names.map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        write!(text, "\"names\": [{names}], \"process\": {}, \"pids\": {pids}}}", std::process::id()).unwrap();
        text
    }

    fn check(&self, said: &str) {
        let wrong: Vec<_> = said.lines().filter(|line| line.contains("POSSIBLE") || line.contains("BROKEN") || line.contains("Error")).collect();
        assert_eq!(wrong, [""; 0], "{said}");
        assert!(said.contains("all tried"), "{said}");
        for name in self.denied.keys() {
            assert!(said.contains(&format!("denied reach {name}")), "{name}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn hostile_80_a_build_gets_nowhere() {
    let place = Place::new().await;
    let around = Around::of(&place).await;
    let sandbox = place.docker.open(&sandboxes::spec(&place, "b1")).await.unwrap();
    let mut kept = sandboxes::Kept::default();
    let mut program = sandboxes::bash("");
    program.argv = ["python3", "-c", ATTEMPTS, &around.told(100)].map(str::to_owned).into();
    program.env.push(("HOME".to_owned(), "/app".to_owned()));
    let finished = sandbox.run(&program, &mut kept).await.unwrap();
    around.check(&(kept.stdout + &kept.stderr));
    assert_eq!(finished.status, 0);
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn hostile_81_a_dyno_gets_nowhere() {
    let place = Place::new().await;
    let around = Around::of(&place).await;
    let slug = place.slug(&[("attempts.py", ATTEMPTS)]).await;
    let mut spec = place.spec("worker.1", 1, "python3 attempts.py \"$GIVEN\" 2>&1");
    spec.image.slug = Some(slug);
    spec.env.push(("GIVEN".to_owned(), around.told(spec.limits.pids)));
    place.docker.ensure_running(&spec).await.unwrap();
    let status = place.until_exited("worker.1").await;
    place.docker.ensure_gone(&spec.key, 1).await.unwrap();
    around.check(&place.logs.texts().join("\n").replace("app[worker.1]: ", ""));
    assert_eq!(status, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn hostile_81_a_dyno_is_reached_by_the_platform_alone() {
    let place = Place::new().await;
    let machine = Machine::new(&place);
    let address = answering(&place, "web.1").await;
    assert!(answers(("tcp", address.ip(), 5000)));
    // From elsewhere, through this machine.
    assert!(!machine.reaches(address));
    // Another user of this machine.
    let probe = format!("timeout 5 bash -c 'exec 3<>/dev/tcp/{}/5000'", address.ip());
    let probed = |user: &str| Command::new("setpriv").args(["--reuid", user, "--clear-groups", "bash", "-c", &probe]).output().unwrap().status.success();
    assert!(probed("0"));
    assert!(!probed("65534"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn an_admin_says_what_else_is_reached_and_what_is_not() {
    let host = answer_everywhere();
    let own = own_addresses().into_iter().find(std::net::IpAddr::is_ipv4).unwrap();
    let allow = ["198.18.0.0/15:5432".to_owned(), format!("{own}:{host}")].map(|text| text.parse().unwrap());
    let place = Place::with(|settings| settings.reach = Reach { allow: allow.into(), deny: vec!["198.18.0.0/15".parse().unwrap()] }).await;
    let machine = Machine::new(&place);
    let (denied, allowed) = (targets("the rest of it", machine.address, 7000), targets("what is allowed of it", machine.address, 5432));
    let proxy = targets("what is allowed of the host", own, host);
    let sandbox = place.docker.open(&sandboxes::spec(&place, "b1")).await.unwrap();
    for (targets, status) in [(denied, 1), (allowed, 0), (proxy, 0)] {
        // The shell reads datagrams byte by byte, which loses them.
        for (name, (protocol, address, port)) in targets.into_iter().filter(|(_, (protocol, ..))| *protocol == "tcp") {
            assert!(answers((protocol, address, port)), "{name}");
            let script = format!("exec 3<>/dev/{protocol}/{address}/{port} && echo hello >&3 && read -r -t 5 line <&3 && [ $line = hello ]");
            assert_eq!(sandboxes::run(&*sandbox, &format!("timeout 5 bash -c '{script}' || exit 1")).await.0.status, status, "{name}");
        }
    }
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn rules_that_somebody_removed_come_back() {
    let place = Place::new().await;
    let rules = || run("iptables", &["-w", "5", "-S"]).lines().filter(|line| line.contains(&place.instance)).map(str::to_owned).collect::<Vec<_>>();
    let before = rules();
    assert!(before.len() > 10, "{before:?}");
    for how in ["all", "one", "in front"] {
        match how {
            "all" => docker::remove_rules(&place.instance).await.unwrap(),
            "one" => drop(run("iptables", &["-w", "5", "-D", &format!("mypaas-{}-host", place.instance), "3"])),
            // A test must not let anybody in: a rule that lets nothing through is in front as well.
            _ => drop(run("iptables", &["-w", "5", "-I", "INPUT", "-s", "192.0.2.99", "-j", "DROP"])),
        }
        let back = async {
            while rules() != before || run("iptables", &["-w", "5", "-S", "INPUT", "1"]).contains("192.0.2.99") {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), back).await.unwrap_or_else(|_| panic!("{how}: {:?}", rules()));
    }
    run("iptables", &["-w", "5", "-D", "INPUT", "-s", "192.0.2.99", "-j", "DROP"]);
    // And they go for good with the installation.
    docker::remove_rules(&place.instance).await.unwrap();
    docker::remove_rules(&place.instance).await.unwrap();
    assert_eq!(rules(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn hostile_81_a_fork_bomb_hurts_only_itself() {
    let place = Place::new().await;
    let neighbour = answering(&place, "web.1").await;
    place.docker.ensure_running(&place.spec("worker.1", 1, "echo begins; bomb() { bomb | bomb & }; bomb; sleep 600")).await.unwrap();
    place.until_logged("begins").await;
    place.until_logged("Resource temporarily unavailable").await;
    assert!(answers(("tcp", neighbour.ip(), 5000)));
    place.docker.ensure_running(&place.spec("worker.2", 1, "echo well")).await.unwrap();
    assert_eq!(place.until_exited("worker.2").await, 0);
    place.docker.kill(&place.key("worker.1"), 1).await.unwrap();
    assert_eq!(place.until_exited("worker.1").await, 137);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn what_a_dyno_wrote_is_gone_when_it_starts_anew() {
    let place = Place::new().await;
    let slug = place.slug(&[("file", "from the slug")]).await;
    for generation in 1..=2 {
        let mut spec = place.spec("worker.1", generation, "cat file /tmp/other 2>&1; echo; echo changed > file; echo more > /tmp/other; ls /app");
        spec.image.slug = Some(slug);
        place.docker.ensure_running(&spec).await.unwrap();
        assert_eq!(place.until_exited("worker.1").await, 0);
    }
    place.docker.ensure_gone(&place.key("worker.1"), 2).await.unwrap();
    let said = place.logs.texts().join("\n");
    assert_eq!(said.matches("from the slug").count(), 2, "{said}");
    assert_eq!(said.matches("/tmp/other: No such file").count(), 2, "{said}");
    assert!(!said.contains("changed") && !said.contains("more"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn hostile_80_a_build_that_fills_the_disk_is_stopped_and_others_are_not() {
    let place = Place::new().await;
    let other = domain::AppId::new("2026-11-21T00:00:00Z".parse().unwrap(), [9; 10]);
    let small = place.docker.open(&SandboxSpec { app: other, ..sandboxes::spec(&place, "b1") }).await.unwrap();
    // In its own files, and in the cache that outlives it.
    for (name, file) in [("b2", "/tmp/big"), ("b3", "/tmp/codon/tmp/cache/big")] {
        let big = place.docker.open(&sandboxes::spec(&place, name)).await.unwrap();
        let mut kept = sandboxes::Kept::default();
        let stopped = big.run(&sandboxes::bash(&format!("fallocate -l 3G {file} && sleep 600")), &mut kept).await;
        assert!(matches!(stopped, Err(RuntimeError::OutOfDisk { limit }) if limit == 1 << 30), "{stopped:?} {}", kept.stderr);
        big.close().await.unwrap();
        place.docker.purge_cache(place.app).await.unwrap();
    }
    assert_eq!(sandboxes::run(&*small, "fallocate -l 100M /tmp/small && echo well").await.1.stdout, "well\n");
    small.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn hostile_81_a_dyno_that_fills_the_disk_is_stopped_and_told_so() {
    let place = Place::new().await;
    place.docker.ensure_running(&place.spec("worker.1", 1, "fallocate -l 3G /tmp/big && sleep 600")).await.unwrap();
    assert_eq!(place.until_exited("worker.1").await, 137);
    place.until_logged("heroku[worker.1]: Disk quota exceeded: 3").await;
    place.until_logged("heroku[worker.1]: Stopping process with SIGKILL").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn hostile_80_a_build_that_writes_without_end_waits_for_its_reader() {
    #[derive(Default)]
    struct Counted(u64);
    impl ports::sandbox::OutputSink for Counted {
        fn stdout(&mut self, bytes: &[u8]) {
            self.0 += bytes.len() as u64;
        }
        fn stderr(&mut self, _: &[u8]) {}
    }
    let place = Place::new().await;
    let sandbox = place.docker.open(&sandboxes::spec(&place, "b1")).await.unwrap();
    let mut counted = Counted::default();
    // What it has written by itself when it is ended after three seconds of its own.
    let finished = sandbox.run(&sandboxes::bash("timeout 3 yes; true"), &mut counted).await.unwrap();
    assert_eq!(finished.status, 0);
    // Read at 8 MB a second, besides what waits on the way; unread it is hundreds of megabytes.
    assert!((1 << 20..100 << 20).contains(&counted.0), "{} bytes", counted.0);
    sandbox.close().await.unwrap();
}
