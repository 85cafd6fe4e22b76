//! 1.10: the pages of errors, and those that apps have of their own.

use super::codes::page;
use crate::{
    Case, case,
    play::{GET, get, is_refused},
    world::{Setup, State, World},
};

/// An app with pages of its own.
const PAGES: &str = "error_page = \"https://pages.test/error.html?a=1&b=2\"\nmaintenance_page = \"//pages.test/back-soon.html\"";
const ERROR: &str = "<iframe src=\"https://pages.test/error.html?a=1&amp;b=2\">";
const MAINTENANCE: &str = "<iframe src=\"//pages.test/back-soon.html\">";

pub(crate) fn cases() -> Vec<Case> {
    let app = || Setup { app: PAGES, ..Setup::default() };
    /// A `GET /` gets this page.
    fn gets(name: &str, setup: Setup, status: u16, holds: &'static str) -> Case {
        case(name, move || {
            let world = World::with(setup.clone());
            let mut client = world.client();
            client.send(GET);
            page(&mut client, status, holds);
            world.dynos_are_left_alone();
        })
    }
    vec![
        gets("1.10 an app's own page of errors, in a frame", Setup { dynos: vec![State::Crashed], ..app() }, 503, ERROR),
        gets("1.10 an app's own page of errors, when none listens", Setup { dynos: vec![State::Refuses], ..app() }, 503, ERROR),
        gets("1.10 an app's own page of maintenance, in a frame", Setup { maintenance: true, ..app() }, 503, MAINTENANCE),
        gets(
            "1.10 maintenance does not show the page of errors",
            Setup { maintenance: true, app: "error_page = \"https://pages.test/\"", ..app() },
            503,
            "undergoing",
        ),
        gets(
            "1.10 an error does not show the page of maintenance",
            Setup { dynos: vec![], app: "maintenance_page = \"https://pages.test/\"", ..app() },
            503,
            "H14",
        ),
        gets("1.10 a blank app shows no page of its own", Setup { blank: true, ..app() }, 503, "Nothing here yet"),
        case("1.10 a dyno's risky answer becomes the app's own page, with its status", move || {
            let world = World::with(app());
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello");
            page(&mut client, 502, ERROR);
        }),
        case("1.10 an app's own error is its own, and passes as it is", move || {
            let world = World::with(app());
            let mut client = world.client();
            client.send(GET);
            let mut dyno = world.dyno();
            dyno.head();
            dyno.send("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\nhello");
            client.gets(500, "hello");
        }),
        case("1.10 a client's mistake is not the app's error", move || {
            let world = World::with(app());
            let mut client = world.client();
            client.send(get("Transfer-Encoding: ,"));
            let answer = client.response();
            assert!(answer.head.status() == 400 && !String::from_utf8_lossy(&answer.body).contains("iframe"), "{answer:?}");
        }),
        case("1.10 a HEAD gets the page's head alone", move || {
            let world = World::with(Setup { maintenance: true, ..app() });
            let mut client = world.client();
            client.send(GET.replace("GET", "HEAD"));
            let head = client.head();
            assert!(head.status() == 503 && head.one("content-length").parse::<usize>().expect("a length") > MAINTENANCE.len(), "{head:?}");
            client.ends();
        }),
        case("1.10 a page changes with the routes", move || {
            let mut world = World::with(Setup { maintenance: true, ..app() });
            let mut client = world.client();
            client.send(GET);
            page(&mut client, 503, MAINTENANCE);
            world.change(|setup| setup.app = "maintenance_page = \"https://pages.test/later.html\"");
            assert!(crate::world::eventually(|| {
                let mut client = world.client();
                client.send(GET);
                String::from_utf8_lossy(&client.response().body).contains("https://pages.test/later.html")
            }));
        }),
        case("1.10 nobody's host is nobody's page", move || {
            let world = World::with(app());
            let mut client = world.client();
            client.send(GET.replace("shop.test", "other.test"));
            is_refused(&mut client, &[404]);
        }),
    ]
}
