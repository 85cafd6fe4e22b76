//! 1.9: dyno selection, quarantine, limits.

use super::codes::line;
use crate::{
    Case, case,
    play::{GET, OK, get, post},
    wire::Conn,
    world::{Setup, State, World, eventually},
};

pub(crate) fn cases() -> Vec<Case> {
    [choice(), affinity()].into_iter().flatten().collect()
}

/// Whichever dyno gets the next request answers it; which one it was.
#[track_caller]
fn served(world: &World, client: &mut Conn, request: &str) -> (usize, crate::wire::Head) {
    client.send(request);
    let mut who = None;
    eventually(|| {
        who = (0..world.count()).find_map(|index| Some((index, world.try_dyno(index)?)));
        who.is_some()
    });
    let (index, mut dyno) = who.unwrap_or_else(|| panic!("no dyno got it: {}", world.said()));
    dyno.head();
    dyno.send(OK);
    (index, client.gets(200, "hello"))
}

fn choice() -> Vec<Case> {
    use State::{Crashed, Refuses, Starting, Up};
    vec![
        case("1.9 every dyno that is up gets requests", || {
            let world = World::dynos(&[Up, Up, Up, Up]);
            let mut client = world.client();
            let mut shares = [0; 4];
            for _ in 0..80 {
                shares[served(&world, &mut client, GET).0] += 1;
            }
            assert!(shares.iter().all(|share| *share > 3), "{shares:?}");
        }),
        case("1.9 dynos that are not up get none", || {
            let world = World::with(Setup { dynos: vec![Crashed, Up, Starting], ..Setup::default() });
            let mut client = world.client();
            for _ in 0..20 {
                assert_eq!(served(&world, &mut client, GET).0, 1);
            }
        }),
        case("1.9 a refused connection is another dyno's request", || {
            let world = World::dynos(&[Up, Refuses]);
            let mut client = world.client();
            for _ in 0..20 {
                client.send(GET);
                let mut dyno = world.dyno();
                dyno.head();
                dyno.send(OK);
                client.gets(200, "hello");
                assert!(world.line().contains(" dyno=web.1 "));
            }
        }),
        case("1.9 a dyno that takes no connection is another dyno's request", || {
            let world = World::with(Setup { dynos: vec![State::Deaf, Up], timeouts: &[("connect", "200ms")], ..Setup::default() });
            let mut client = world.client();
            for _ in 0..6 {
                client.send(GET);
                let mut dyno = world.dyno_at(1);
                dyno.head();
                dyno.send(OK);
                client.gets(200, "hello");
            }
        }),
        case("1.9 once bytes were sent there is no other try", || {
            let world = World::dynos(&[Up, Up]);
            let mut client = world.client();
            client.send(GET);
            let mut who = None;
            eventually(|| {
                who = world.try_dyno(0).or_else(|| world.try_dyno(1));
                who.is_some()
            });
            who.expect("one dyno got it").head();
            assert_eq!(client.response().head.status(), 503);
            world.dynos_are_left_alone();
        }),
        case("1.9 ten attempts are enough", || {
            let world = World::dynos(&[Refuses; 14]);
            let mut client = world.client();
            client.send(GET);
            assert_eq!(client.response().head.status(), 503);
            let said = world.line();
            assert!(
                crate::world::like(&said, &line("at=error code=H21 desc=\"Backend connection refused\"", "dyno=web.# connect=#ms service= status=503 bytes=")),
                "{said}"
            );
        }),
        case("1.9 all in quarantine: a request waits for one to come back", || {
            let world = World::dynos(&[Refuses]);
            let mut first = world.client();
            first.send(GET);
            assert_eq!(first.response().head.status(), 503);
            let mut second = world.client();
            second.send(GET);
            second.stream.set_read_timeout(Some(std::time::Duration::from_millis(500))).expect("a socket takes options");
            assert!(second.stream.peek(&mut [0]).is_err(), "it was answered while the only dyno is in quarantine");
        }),
        case("1.9 a request waits for a boot", || {
            let mut world = World::dynos(&[Starting]);
            let mut client = world.client();
            client.send(GET);
            world.dynos_are_left_alone();
            world.change(|setup| setup.dynos[0] = Up);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send(OK);
            client.gets(200, "hello");
            assert!(world.line().starts_with("at=info "));
        }),
        case("1.9 a waiting request hears of a crash", || {
            let mut world = World::dynos(&[Starting]);
            let mut client = world.client();
            client.send(post("Content-Length: 5", "hello"));
            world.change(|setup| setup.dynos[0] = Crashed);
            assert_eq!(client.response().head.status(), 503);
            assert!(world.line().contains(" code=H10 "));
        }),
        case("4 least-in-flight: of two dynos the idle one gets the request", || {
            let world = World::with(Setup { dynos: vec![Up, Up], features: &["least-in-flight"], ..Setup::default() });
            let mut busy = world.client();
            busy.send(GET);
            let mut held = None;
            eventually(|| {
                held = (0..2).find_map(|index| Some((index, world.try_dyno(index)?)));
                held.is_some()
            });
            let (taken, _connection) = held.expect("one dyno got it");
            let mut client = world.client();
            for _ in 0..15 {
                assert_ne!(served(&world, &mut client, GET).0, taken);
            }
        }),
    ]
}

fn affinity() -> Vec<Case> {
    let sticky = |dynos: usize| World::with(Setup { dynos: vec![State::Up; dynos], features: &["http-session-affinity"], ..Setup::default() });
    let cookie = |head: &crate::wire::Head| {
        let cookies: Vec<_> = head.all("set-cookie").into_iter().filter(|cookie| cookie.starts_with("heroku-session-affinity=")).map(str::to_owned).collect();
        assert_eq!(cookies.len(), 1, "{head:#?}");
        cookies[0].clone()
    };
    let pair = |cookie: &str| cookie.split(';').next().unwrap_or_default().to_owned();
    vec![
        case("1.9 affinity: a cookie keeps a client with its dyno", move || {
            let world = sticky(4);
            let mut client = world.client();
            let (first, head) = served(&world, &mut client, GET);
            let request = get(&format!("Cookie: a=1; {}; b=2", pair(&cookie(&head))));
            for _ in 0..15 {
                assert_eq!(served(&world, &mut client, &request).0, first);
            }
        }),
        case("1.9 affinity: the cookie's attributes", move || {
            let world = sticky(2);
            let cookie = cookie(&served(&world, &mut world.client(), GET).1).to_lowercase();
            for attribute in ["path=/", "httponly", "max-age=86400"] {
                assert!(cookie.contains(attribute), "{cookie}");
            }
            assert!(!cookie.contains("127.0.0.1"), "it tells an address: {cookie}");
        }),
        case("1.9 affinity: without the feature there is no cookie", || {
            let world = World::dynos(&[State::Up, State::Up]);
            assert!(!served(&world, &mut world.client(), GET).1.has("set-cookie"));
        }),
        case("1.9 affinity: a dyno that is gone is another one, and another cookie", move || {
            let mut world = sticky(2);
            let mut client = world.client();
            let (first, head) = served(&world, &mut client, GET);
            let old = pair(&cookie(&head));
            world.change(|setup| setup.dynos[first] = State::Crashed);
            let request = get(&format!("Cookie: {old}"));
            let mut new = None;
            // Until the table is the new one.
            eventually(|| {
                let (who, head) = served(&world, &mut client, &request);
                new = (who != first).then_some(head);
                new.is_some()
            });
            assert_ne!(pair(&cookie(&new.expect("the other dyno got one"))), old);
        }),
        case("1.9 affinity: the cookie is passed to the app, and steers an Upgrade", move || {
            let world = sticky(3);
            let mut client = world.client();
            let (first, head) = served(&world, &mut client, GET);
            let cookie = pair(&cookie(&head));
            for _ in 0..6 {
                let mut client = world.client();
                client.send(get(&format!("Connection: Upgrade\r\nUpgrade: websocket\r\nCookie: {cookie}")));
                assert_eq!(world.dyno_at(first).head().one("cookie"), cookie);
            }
        }),
        case("1.9 affinity: a cookie that is nonsense is none", move || {
            let world = sticky(2);
            let mut client = world.client();
            let (_, head) = served(&world, &mut client, &get(&format!("Cookie: heroku-session-affinity={}", "A".repeat(4000))));
            cookie(&head);
        }),
    ]
}
