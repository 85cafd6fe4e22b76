//! Issue 5, point 5: `mypaasd router --routes FILE`.

use std::{
    fs,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use crate::{
    Case, case,
    play::{GET, OK, answer, is_refused, reach},
    world::{Setup, State, World, eventually, program},
};

pub(crate) fn cases() -> Vec<Case> {
    [tables(), changes(), ends(), under_load()].into_iter().flatten().collect()
}

fn tables() -> Vec<Case> {
    let hosts = || World::with(Setup { hosts: &["*.shop.test", "Exact.test"], ..Setup::default() });
    let asks = |world: &World, host: &str| {
        let mut client = world.client();
        client.send(GET.replace("shop.test", host));
        client
    };
    let mut cases = vec![case("5.5 a host in the file has no case", move || {
        answer(&hosts(), "GET / HTTP/1.1\r\nHost: exact.test\r\n\r\n", OK.as_bytes());
    })];
    for host in ["a.shop.test", "A.SHOP.TEST:80", "a.b.shop.test", "a-b.shop.test."] {
        cases.push(case(format!("5.5 *.shop.test is for {host}"), move || {
            let world = hosts();
            let mut client = asks(&world, host);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send(OK);
            client.gets(200, "hello");
        }));
    }
    for host in ["shop.test", "ashop.test", "a.shop.test.evil.test", "*.shop.tes"] {
        cases.push(case(format!("5.5 *.shop.test is not for {host}"), move || {
            let world = hosts();
            is_refused(&mut asks(&world, host), &[400, 404]);
        }));
    }
    cases
}

/// Asks until the answer is what it should be.
#[track_caller]
fn becomes(world: &World, status: u16) {
    let mut last = 0;
    let became = eventually(|| {
        let mut client = world.client();
        client.send(GET);
        eventually(|| {
            if let Some(mut dyno) = world.try_dyno(0) {
                dyno.head();
                dyno.send(OK);
            }
            client.has_more()
        });
        last = client.head().status();
        last == status
    });
    assert!(became, "the answer stayed {last}; the router says {}", world.said());
}

fn changes() -> Vec<Case> {
    vec![
        case("5.5 maintenance goes on and off", || {
            let mut world = World::shop();
            world.change(|setup| setup.maintenance = true);
            becomes(&world, 503);
            world.change(|setup| setup.maintenance = false);
            becomes(&world, 200);
        }),
        case("5.5 an app that is gone is 404", || {
            let mut world = World::shop();
            world.change(|setup| setup.hosts = &["elsewhere.test"]);
            becomes(&world, 404);
        }),
        case("5.5 a file written in place is read too", || {
            let world = World::shop();
            fs::write(&world.routes, world.text(|setup| setup.maintenance = true)).expect("a file can be written");
            becomes(&world, 503);
        }),
        case("5.5 a bad file keeps the last good table and is said in a sentence", || {
            let world = World::shop();
            world.replace_file("listen = \"127.0.0.1:0\"\n[[app]]\nname = \"shop\"\nhost = \"typo\"\n");
            assert!(eventually(|| world.said().contains("unknown field `host`")), "{}", world.said());
            assert!(world.said().contains("line 4") && world.said().contains("the last good table stays"), "{}", world.said());
            becomes(&world, 200);
            world.replace_file(&world.text(|setup| setup.maintenance = true));
            becomes(&world, 503);
        }),
        case("5.5 a file that is gone keeps the last good table", || {
            let world = World::shop();
            fs::remove_file(&world.routes).expect("it is there");
            assert!(eventually(|| world.said().contains("could not be read")), "{}", world.said());
            becomes(&world, 200);
        }),
        case("5.5 a request under way is left alone", || {
            let mut world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            world.change(|setup| setup.hosts = &["elsewhere.test"]);
            becomes(&world, 404);
            dyno.send(OK);
            client.gets(200, "hello");
        }),
    ]
}

/// What `mypaasd router` says of a file that it does not take.
#[track_caller]
fn refuses_to_start(text: &str) -> String {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = folder.path().join("routes.toml");
    fs::write(&file, text).expect("a file can be written");
    let mut process = Command::new(program()).args(["router", "--routes"]).arg(&file).stderr(Stdio::piped()).spawn().expect("it is a program");
    let ended = eventually(|| process.try_wait().expect("it is our child").is_some());
    let _ = process.kill();
    let output = process.wait_with_output().expect("it is our child");
    assert!(ended && !output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn ends() -> Vec<Case> {
    vec![
        case("5.5 a bad file at the start is an end with a sentence", || {
            let said = refuses_to_start("listen = \"127.0.0.1:0\"\n[[app]]\nname = \"shop\"\nhosts = [\"a.test\"]\nfeatures = [\"sticky\"]\n");
            assert!(said.contains("there is no feature \"sticky\""), "{said}");
        }),
        case("5.5 a port that is taken is an end with a sentence", || {
            let world = World::shop();
            let said = refuses_to_start(&format!("listen = \"{}\"\n", world.address));
            assert!(said.contains(&world.address.to_string()) && said.contains("something else"), "{said}");
        }),
        case("5.5 SIGTERM: no new connections, requests under way finish, exit 0", || {
            let mut world = World::shop();
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            world.terminate();
            assert!(eventually(|| std::net::TcpStream::connect(world.address).is_err()), "it takes connections");
            dyno.send(OK);
            client.gets(200, "hello");
            client.ends();
            assert!(world.exits().success());
            assert!(world.line().starts_with("at=info "));
        }),
        case("5.5 SIGTERM: an idle connection does not hold it up", || {
            let mut world = World::shop();
            let mut client = None;
            reach(&world, GET.as_bytes(), &mut client);
            world.terminate();
            assert!(world.exits().success());
        }),
        case("4 SIGTERM: a WebSocket counts as under way", || {
            let mut world = World::shop();
            let mut client = world.client();
            client.send(crate::play::get("Connection: Upgrade\r\nUpgrade: websocket"));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
            client.head();
            world.terminate();
            assert!(eventually(|| std::net::TcpStream::connect(world.address).is_err()), "it takes connections");
            client.send("ping");
            dyno.expect("ping");
            drop((client, dyno));
            assert!(world.exits().success());
        }),
    ]
}

/// Answers everything, connection by connection, until told to stop.
fn serve(world: &World, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let Some(mut dyno) = (0..2).find_map(|index| world.try_dyno(index)) else {
            thread::sleep(Duration::from_micros(200));
            continue;
        };
        dyno.head();
        dyno.try_send(OK);
    }
}

fn under_load() -> Vec<Case> {
    vec![case("5 a hundred tables each second under load: nothing fails", || {
        let world = World::dynos(&[State::Up, State::Up]);
        let tables = [
            world.text(|setup| setup.dynos[0] = State::Starting),
            world.text(|setup| setup.dynos[1] = State::Crashed),
            world.text(|setup| setup.hosts = &["shop.test", "*.more.test"]),
        ];
        let (enough, gone, served) = (AtomicBool::new(false), AtomicBool::new(false), AtomicUsize::new(0));
        let turns = if crate::world::full() { 6000 } else { 300 };
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| serve(&world, &gone));
            }
            let ask = || {
                let mut client = world.client();
                while !enough.load(Ordering::Relaxed) {
                    client.send(GET);
                    client.gets(200, "hello");
                    served.fetch_add(1, Ordering::Relaxed);
                }
            };
            let clients: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            for turn in 0..turns {
                world.replace_file(&tables[turn % tables.len()]);
                thread::sleep(Duration::from_millis(10));
            }
            enough.store(true, Ordering::Relaxed);
            let failed = clients.into_iter().map(|client| client.join()).filter(Result::is_err).count();
            gone.store(true, Ordering::Relaxed);
            assert_eq!(failed, 0, "requests failed: {}", world.said());
        });
        assert!(served.load(Ordering::Relaxed) > 100, "only {} requests", served.load(Ordering::Relaxed));
    })]
}
