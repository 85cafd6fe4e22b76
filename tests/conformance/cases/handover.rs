//! Issue 9, point 7: a router hands over to another one, a newer program or the same with another config, and no request fails.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use rustix::process::Signal;

use crate::{
    Case, case,
    play::{GET, OK, get, reach},
    secure::Certificates,
    wire::Conn,
    world::{Setup, State, World, eventually, program, signal},
};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = one_by_one();
    cases.extend(failures());
    cases.push(case("9.7 hand-over, again and again under load: nothing fails", under_load));
    cases
}

/// A process that the world did not start, and that ends with it.
struct Later(u32);

impl Drop for Later {
    fn drop(&mut self) {
        if is_alive(self.0) {
            signal(self.0, Signal::KILL);
        }
    }
}

fn is_alive(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[track_caller]
fn ends(process: u32) {
    assert!(eventually(|| !is_alive(process)), "process {process} goes on");
}

fn one_by_one() -> Vec<Case> {
    vec![
        case("9.7 hand-over: what has begun ends where it began, and what comes goes to the new one", || {
            let mut world = World::shop();
            let (mut begun, mut idle) = (world.client(), None);
            reach(&world, GET.as_bytes(), &mut idle);
            begun.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            let later = Later(world.hands_over(world.process()));
            // A client of the new one.
            reach(&world, GET.as_bytes(), &mut None);
            // One that has kept its connection is answered once more, and told to connect anew.
            let mut idle = idle.expect("it is there");
            idle.send(GET);
            let mut answers = world.dyno();
            answers.head();
            answers.send(OK);
            let message = idle.response();
            assert!(message.head.closes() && message.body == b"hello", "{:#?}", message.head);
            idle.ends();
            assert!(is_alive(world.process()), "it goes on for what has begun");
            dyno.send(OK);
            begun.gets(200, "hello");
            begun.ends();
            assert!(world.exits().success());
            // Each request has its line, whoever served it.
            (0..4).for_each(|_| assert!(world.line().starts_with("at=info ")));
            signal(later.0, Signal::TERM);
            ends(later.0);
            assert!(std::net::TcpStream::connect(world.address).is_err(), "somebody holds the port");
        }),
        case("9.7 hand-over: a WebSocket stays with the one that has it", || {
            let mut world = World::shop();
            let mut client = world.client();
            client.send(get("Connection: Upgrade\r\nUpgrade: websocket"));
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
            client.head();
            let first = Later(world.hands_over(world.process()));
            let second = Later(world.hands_over(first.0));
            ends(first.0);
            client.send("ping");
            dyno.expect("ping");
            dyno.send("pong");
            client.expect("pong");
            // The platform is stopped: so is what the first of three still had.
            signal(second.0, Signal::TERM);
            ends(second.0);
            assert!(eventually(|| world.said().contains("the new program has ended")), "{}", world.said());
            drop((client, dyno));
            assert!(world.exits().success());
        }),
        case("9.7 hand-over: to a router that waits for a dyno, new routes are new", || {
            let mut world = World::with(Setup { dynos: vec![State::Starting], ..Setup::default() });
            let mut client = world.client();
            client.send(GET);
            // It is with the old one once that has taken it, which the line of a request behind it shows.
            let mut other = world.client();
            other.send(GET.replace("shop.test", "elsewhere.test"));
            assert_eq!(other.response().head.status(), 404);
            let _later = Later(world.hands_over(world.process()));
            world.change(|setup| setup.dynos[0] = State::Up);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send(OK);
            client.gets(200, "hello");
            assert!(world.exits().success());
        }),
        case("9.7 hand-over: also at the ports of TLS", || {
            let certificates = Certificates::of(&[&["shop.test"]]);
            let world = World::with(Setup { config: certificates.config(), ..Setup::default() });
            let address = world.secure_address();
            let _later = Later(world.hands_over(world.process()));
            thread::scope(|scope| {
                let asks = scope.spawn(|| certificates.ask(address, "shop.test", &get("Connection: close")));
                let mut dyno = world.dyno();
                dyno.head();
                dyno.send(OK);
                assert!(asks.join().expect("no panic").starts_with("HTTP/1.1 200 "));
            });
        }),
        case("9.7 reload: a new limit holds, an old connection stays", || {
            let world = World::shop();
            let mut client = None;
            reach(&world, GET.as_bytes(), &mut client);
            fs::write(&world.config, "log = \"warn\"\n[router]\napp_connections = 0\n").expect("a file can be written");
            let _later = Later(world.hands_over(world.process()));
            // For a moment both take connections.
            let status = || {
                let mut client = world.client();
                client.send(GET);
                eventually(|| {
                    if let Some(mut dyno) = world.try_dyno(0) {
                        dyno.head();
                        dyno.send(OK);
                    }
                    client.has_more()
                });
                client.response().head.status()
            };
            assert!(eventually(|| status() == 503), "{}", world.said());
            let mut client = client.expect("it is there");
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send(OK);
            client.gets(200, "hello");
        }),
    ]
}

/// The router goes on as if nothing had been asked of it.
#[track_caller]
fn goes_on(world: &World, client: &mut Conn, why: &str) {
    assert!(eventually(|| world.said().contains("this one goes on as it was")), "{}", world.said());
    assert!(world.said().contains(why), "{}", world.said());
    for conn in [client, &mut world.client()] {
        conn.send(GET);
        let mut dyno = world.dyno();
        dyno.head();
        dyno.send(OK);
        let message = conn.response();
        assert!(message.head.status() == 200 && !message.head.closes(), "{:#?}", message.head);
    }
}

fn failures() -> Vec<Case> {
    let becomes = |world: &World, program: &Path| {
        fs::remove_file(&world.program).expect("it is a link");
        symlink(program, &world.program).expect("a link can be made");
    };
    vec![
        case("9.7 reload: a broken config file changes nothing and says why", || {
            let world = World::shop();
            let mut client = world.client();
            fs::write(&world.config, "[router]\nmetrix = 1\n").expect("a file can be written");
            world.reload();
            goes_on(&world, &mut client, "unknown field `metrix`");
            fs::write(&world.config, "[router]\n").expect("a file can be written");
            drop(Later(world.hands_over(world.process())));
        }),
        case("9.7 reload: what cannot change says so and stays", || {
            let world = World::shop();
            let mut client = world.client();
            fs::write(&world.config, "home = \"/elsewhere\"\n").expect("a file can be written");
            world.reload();
            goes_on(&world, &mut client, "home and database.url cannot change while the platform runs");
        }),
        case("9.7 upgrade: to a program that ends at once", move || {
            let world = World::shop();
            let mut client = world.client();
            becomes(&world, Path::new("/bin/false"));
            world.reload();
            goes_on(&world, &mut client, "it ended before it was ready (exit status: 1)");
            becomes(&world, &program());
            drop(Later(world.hands_over(world.process())));
        }),
        case("9.7 upgrade: to a program that is not there", move || {
            let world = World::shop();
            let mut client = world.client();
            fs::remove_file(&world.program).expect("it is a link");
            world.reload();
            goes_on(&world, &mut client, "it could not be started: No such file");
        }),
        case("9.7 upgrade: told to stop while a program hangs that should take over", move || {
            let mut world = World::shop();
            let hangs = world.program.with_extension("hangs");
            fs::write(&hangs, "#!/bin/bash\necho hanging >&2\nexec sleep 1000\n").expect("a file can be written");
            fs::set_permissions(&hangs, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("its mode is set");
            becomes(&world, &hangs);
            world.reload();
            assert!(eventually(|| world.said().contains("hanging")), "{}", world.said());
            world.terminate();
            assert!(world.exits().success());
        }),
    ]
}

/// Answers everything, connection by connection, until told to stop; every eighth answer comes in two pieces, with a hand-over
/// in between if there is one.
fn serve(world: &World, stop: &AtomicBool, turns: &AtomicUsize) {
    while !stop.load(Ordering::Relaxed) {
        let Some(mut dyno) = (0..2).find_map(|index| world.try_dyno(index)) else {
            thread::sleep(Duration::from_micros(200));
            continue;
        };
        let head = dyno.head();
        if head.target() == "/slow" {
            dyno.try_send(&OK[..OK.len() - 2]);
            let turn = turns.load(Ordering::Relaxed);
            eventually(|| turns.load(Ordering::Relaxed) > turn || stop.load(Ordering::Relaxed));
            dyno.try_send(&OK[OK.len() - 2..]);
        } else {
            dyno.try_send(OK);
        }
    }
}

/// Clients that keep their connections, others that come anew each time, and slow answers across each hand-over.
fn under_load() {
    let world = World::dynos(&[State::Up, State::Up]);
    let (enough, gone, turns) = (AtomicBool::new(false), AtomicBool::new(false), AtomicUsize::new(0));
    let (kept, fresh, slow) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let times = if crate::world::full() { 100 } else { 8 };
    let last = thread::scope(|scope| {
        let (fresh, slow) = (&fresh, &slow);
        for _ in 0..12 {
            scope.spawn(|| serve(&world, &gone, &turns));
        }
        let keeps = || {
            let mut client = world.client();
            while !enough.load(Ordering::Relaxed) {
                client.send(GET);
                let message = client.response();
                assert!(message.head.status() == 200 && message.body == b"hello", "{:#?}", message.head);
                kept.fetch_add(1, Ordering::Relaxed);
                if message.head.closes() {
                    client.ends();
                    client = world.client();
                }
            }
        };
        let (world, enough) = (&world, &enough);
        let comes = move |path: &'static str, counter: &AtomicUsize| {
            while !enough.load(Ordering::Relaxed) {
                let mut client = world.client();
                client.send(get("Connection: close").replacen("/ ", path, 1));
                client.gets(200, "hello");
                counter.fetch_add(1, Ordering::Relaxed);
            }
        };
        let mut clients: Vec<_> = (0..6).map(|_| scope.spawn(keeps)).collect();
        clients.extend((0..6).map(|_| scope.spawn(move || comes("/ ", fresh))));
        clients.extend((0..4).map(|_| scope.spawn(move || comes("/slow ", slow))));
        let mut serving = world.process();
        let handed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for turn in 0..times {
                let so_far = [&kept, fresh].map(|counter| counter.load(Ordering::Relaxed));
                let more = || [&kept, fresh].iter().zip(so_far).all(|(counter, before)| counter.load(Ordering::Relaxed) > before + 20);
                assert!(eventually(|| more() || clients.iter().any(thread::ScopedJoinHandle::is_finished)), "requests hang: {}", world.said());
                serving = world.hands_over(serving);
                turns.store(turn + 1, Ordering::Relaxed);
            }
        }));
        enough.store(true, Ordering::Relaxed);
        let failed = clients.into_iter().map(thread::ScopedJoinHandle::join).filter(Result::is_err).count();
        gone.store(true, Ordering::Relaxed);
        let last = Later(serving);
        assert!(handed.is_ok() && failed == 0, "{failed} clients saw a request fail: {}", world.said());
        last
    });
    assert!(slow.load(Ordering::Relaxed) >= times, "only {} slow requests", slow.load(Ordering::Relaxed));
    assert!(is_alive(last.0));
}
