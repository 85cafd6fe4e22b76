//! What people see who sit at a terminal.

use std::fs;
use std::sync::Mutex;
use std::sync::mpsc;

use serde_json::json;

use crate::pty::{Terminal, is_here, settled};
use crate::support::{Answer, Home, Server, error, json as answer};
use crate::{bodies, run};

fn shop() -> Server {
    Server::with(vec![
        ("GET /apps/shop", bodies::app("shop", "http://git.test/shop.git")),
        ("DELETE /apps/shop", bodies::app("shop", "")),
        ("POST /oauth/authorizations", bodies::authorization()),
        ("GET /apps/shop/config-vars", json!({"GREETING": "hello"})),
        ("PATCH /apps/shop/config-vars", json!({"GREETING": "bye"})),
        ("GET /apps/shop/releases", json!([bodies::release(4, true)])),
    ])
}

#[test]
fn destroying_asks_for_the_name() {
    let server = shop();
    let home = Home::at(&server);
    let mut terminal = Terminal::run(&home, 80, &["destroy"]);
    terminal.until("--confirm shop\r\n\r\n> ");
    terminal.type_in("ship\n");
    let (status, shown) = terminal.end();
    assert_eq!(status, 1);
    assert!(shown.contains("Error: Confirmation \"ship\" did not match shop; nothing was destroyed."), "{shown}");
    assert_eq!(server.calls(), ["GET /apps/shop"]);

    let mut terminal = Terminal::run(&home, 80, &["destroy"]);
    terminal.until("> ");
    terminal.type_in("shop\n");
    let (status, shown) = terminal.end();
    assert_eq!(status, 0, "{shown}");
    assert!(settled(&shown).contains(&"Destroying ⬢ shop (including all add-ons)... done".to_owned()), "{shown:?}");
}

#[test]
fn a_password_is_not_shown_while_it_is_typed() {
    let server = shop();
    let home = Home::new();
    let mut terminal = Terminal::run(&home, 80, &["login", "--server", &server.url]);
    terminal.until("Email: ");
    terminal.type_in("me@example.com\n");
    terminal.until("Password: ");
    terminal.until_silent();
    terminal.type_in("pass word\n");
    let (status, shown) = terminal.end();
    assert_eq!(status, 0, "{shown}");
    assert!(!shown.contains("pass word") && shown.contains("me@example.com"), "{shown}");
    assert_eq!(server.request("POST /oauth/authorizations").header("authorization"), Some("Basic bWVAZXhhbXBsZS5jb206cGFzcyB3b3Jk"));
}

#[test]
fn a_login_asks_for_the_second_factor_when_it_is_wanted() {
    let server = Server::start(|request, _| match request.header("heroku-two-factor-code") {
        None => error(403, r#"{"id":"two_factor","message":"A second authentication factor is required."}"#),
        Some("123456") => answer(bodies::authorization()),
        Some(_) => error(403, r#"{"id":"two_factor","message":"The two-factor code is wrong."}"#),
    });
    for (code, status) in [("123456", 0), ("654321", 1)] {
        let mut terminal = Terminal::run(&Home::new(), 80, &["login", "--server", &server.url, "--email", "me@example.com"]);
        terminal.until("Password: ");
        terminal.until_silent();
        terminal.type_in("pass word\n");
        terminal.until("Two-factor code: ");
        terminal.until_silent();
        terminal.type_in(&format!("{code}\n"));
        let (ended, shown) = terminal.end();
        assert_eq!(ended, status, "{shown}");
        assert!(!shown.contains(code), "{shown}");
        assert_eq!(shown.contains("hint: your authenticator app shows a new code every 30 seconds"), status == 1, "{shown}");
    }
}

/// A server that answers `config:set` when it is told to.
fn slow() -> (Server, mpsc::Sender<()>) {
    let (go, gone) = mpsc::channel();
    let gone = Mutex::new(gone);
    let server = Server::start(move |request, _| match request.call.as_str() {
        "PATCH /apps/shop/config-vars" => {
            gone.lock().unwrap().recv().unwrap();
            answer(json!({"A": "b"})).with("x-heroku-warning", "It is late.")
        }
        _ => answer(json!([bodies::release(4, true)])),
    });
    (server, go)
}

#[test]
fn something_turns_while_work_goes_on_and_is_gone_afterwards() {
    let (server, go) = slow();
    let terminal = Terminal::run(&Home::at(&server), 80, &["config:set", "A=b"]);
    for frame in ["⣾", "⣽", "⣻", "⢿"] {
        terminal.until(&format!("\rSetting A and restarting ⬢ shop... {frame}"));
    }
    go.send(()).unwrap();
    let (status, shown) = terminal.end();
    let expected = ["Warning: It is late.", "Setting A and restarting ⬢ shop... done, v4", "A:  b", ""];
    assert_eq!((status, settled(&shown)), (0, expected.map(str::to_owned).to_vec()));
}

#[test]
fn nothing_turns_in_a_window_that_is_too_narrow() {
    let (server, go) = slow();
    let terminal = Terminal::run(&Home::at(&server), 30, &["config:set", "A=b"]);
    terminal.until("shop... ");
    go.send(()).unwrap();
    let (status, shown) = terminal.end();
    assert!(status == 0 && shown.starts_with("Setting A and restarting ⬢ shop... Warning: It is late.\r\ndone, v4\r\n"), "{shown:?}");
}

#[test]
fn an_edit_is_agreed_to() {
    let server = shop();
    let home = Home::at(&server).with("EDITOR", "sed -i s/hello/bye/");
    for (key, status) in [("n\n", 1), ("y\n", 0)] {
        let mut terminal = Terminal::run(&home, 80, &["config:edit"]);
        terminal.until("change  GREETING\r\nUpdate config on ⬢ shop with these values? (y/N) ");
        assert!(!server.calls().contains(&"PATCH /apps/shop/config-vars".to_owned()));
        terminal.type_in(key);
        let (ended, shown) = terminal.end();
        assert_eq!(ended, status, "{shown}");
    }
    assert_eq!(server.request("PATCH /apps/shop/config-vars").body, r#"{"GREETING":"bye"}"#);
}

#[test]
fn a_tail_is_coloured_by_dyno_and_ends_with_ctrl_c() {
    let server = || {
        Server::start(|request, _| match (request.call.as_str(), request.header("last-event-id")) {
            ("POST /apps/shop/log-sessions", _) => answer(bodies::log_session(&format!("http://{}/stream/s3cret", request.header("host").unwrap()))),
            (_, None) => Answer::new(200, "retry: 60000\n\nid: 1\ndata: 2026 app[web.1]: one\n\nid: 2\ndata: 2026 app[web.2]: two\n\n"),
            _ => error(500, "{}"),
        })
    };
    let mut terminal = Terminal::run(&Home::at(&server()), 80, &["logs", "--tail"]);
    terminal.until("web.2]:\u{1b}[0m two");
    terminal.type_in("\u{3}");
    let (_, shown) = terminal.end();
    let colour = |line: &str| line.split_once("2026").unwrap().0.to_owned();
    let lines: Vec<_> = shown.lines().filter(|line| line.contains("2026")).collect();
    assert_ne!(colour(lines[0]), colour(lines[1]));

    let mut terminal = Terminal::run(&Home::at(&server()).with("NO_COLOR", "1"), 80, &["logs", "--tail"]);
    terminal.until("2026 app[web.2]: two");
    terminal.type_in("\u{3}");
    assert!(!terminal.end().1.contains('\u{1b}'));
}

#[test]
fn run_hands_on_every_key_and_gives_the_terminal_back() {
    let rendezvous = run::rendezvous(|stream| {
        use std::io::{Read, Write};
        stream.write_all(b"\x1b[31m$ \x1b[0m").unwrap();
        stream.flush().unwrap();
        let mut said = Vec::new();
        let mut byte = [0];
        while said.last() != Some(&b'q') && stream.read(&mut byte).unwrap() > 0 {
            said.push(byte[0]);
        }
        stream.write_all("bye\r\n\u{FFFF} heroku-command-exit-status: 7\r\n".as_bytes()).unwrap();
        said
    });
    let server = run::api(&rendezvous.url);
    let home = run::home(&server, &rendezvous.certificate);
    let mut terminal = Terminal::run(&home, 97, &["run", "bash"]);
    terminal.until("\u{1b}[31m$ \u{1b}[0m");
    // Ctrl-C, an arrow, Ctrl-D: none of them is for this side.
    terminal.type_in("\u{3}\u{1b}[A\u{4}q");
    let (status, shown) = terminal.end();
    assert_eq!(status, 7, "{shown}");
    assert!(shown.contains("bye") && !shown.contains("heroku-command-exit-status"), "{shown:?}");
    assert_eq!(rendezvous.conversation.join().unwrap(), b"\x03\x1b[A\x04q");
    let body: serde_json::Value = serde_json::from_str(&server.request("POST /apps/shop/dynos").body).unwrap();
    assert_eq!((&body["env"]["COLUMNS"], &body["env"]["TERM"], &body["force_no_tty"]), (&json!("97"), &json!("xterm-256color"), &json!(null)));
}

#[test]
fn ctrl_c_ends_everything_that_local_has_started() {
    let home = Home::new();
    let stubborn = "trap 'echo going; exit 0' TERM; sh -c 'echo $$ > child; exec sleep 600' & echo up; wait\n";
    fs::write(home.path("work/web"), stubborn).unwrap();
    fs::write(home.path("work/worker"), "echo working; exec sleep 600\n").unwrap();
    fs::write(home.path("work/Procfile"), "web: sh web\nworker: sh worker\n").unwrap();
    let mut terminal = Terminal::run(&home, 80, &["local"]);
    terminal.until("up\r\n");
    terminal.until("working\r\n");
    let child = home.path("work/child");
    while fs::read_to_string(&child).unwrap_or_default().trim().is_empty() {
        std::thread::yield_now();
    }
    let child = fs::read_to_string(child).unwrap().trim().to_owned();
    terminal.type_in("\u{3}");
    let (status, shown) = terminal.end();
    assert_eq!((status, shown.contains("going")), (130, true), "{shown:?}");
    assert!(shown.contains("going") && shown.contains("worker.1 | \u{1b}[0mended with status 143"), "{shown:?}");
    // A process that is waited for by nobody here may be seen as a zombie for a moment.
    let alive = || fs::read_to_string(format!("/proc/{child}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    for _ in 0..1_000_000 {
        if !alive() {
            return;
        }
        std::thread::yield_now();
    }
    panic!("what a process had started is still there");
}

#[test]
fn shells_complete_commands_with_colons_and_apps() {
    let server = Server::with(vec![("GET /apps", json!([bodies::app("shop", ""), bodies::app("blog", "")]))]);
    let home = Home::at(&server);
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_mypaas")).parent().unwrap().display().to_string();
    let path = format!("{program}:{}", std::env::var_os("PATH").unwrap().to_str().unwrap());
    let home = home.with("PATH", &path);
    let bash = |line: &str| {
        let script = format!(
            "source <(mypaas completions bash); COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; COMP_WORDBREAKS=$' :'; _mypaas; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        home.run("bash", &["-c", &script], "").out
    };
    assert_eq!(bash("mypaas ps:sc"), "scale\n");
    assert_eq!(bash("mypaas maint"), "maintenance\nmaintenance:on\nmaintenance:off\n");
    assert_eq!(bash("mypaas ps -a sh"), "shop\n");
    assert_eq!(bash("mypaas config --js"), "--json\n");
    if is_here("fish") {
        let said = home.run("fish", &["-c", "mypaas completions fish | source; complete -C 'mypaas ps:sc'"], "");
        assert!(said.out.starts_with("ps:scale\t"), "{said:?}");
    }
    if is_here("zsh") {
        let said = home.run("zsh", &["-n", "/dev/stdin"], &home.mypaas(&["completions", "zsh"]).out);
        assert_eq!((said.status, said.err.as_str()), (0, ""));
    }
}
