//! Webhooks: from a change to a request that arrives here, signed.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use domain::webhook::{Confidential, signature};
use e2e::eventually;
use serde_json::Value;

use crate::driver::Heroku;

/// What came: head and body.
type Request = (String, String);

/// Answers whatever comes with these, the last of them again and again.
fn receiver(statuses: &'static [&'static str]) -> (u16, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (pass, passed) = channel();
    thread::spawn(move || {
        for (count, stream) in listener.incoming().enumerate() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|read| read > 0) {}
            let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
            let mut body = vec![0; length.and_then(|length| length.parse().ok()).unwrap_or(0)];
            reader.read_exact(&mut body).unwrap();
            let status = statuses[count.min(statuses.len() - 1)];
            write!(reader.get_mut(), "HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            let _ = pass.send((head, String::from_utf8(body).unwrap()));
        }
    });
    (port, passed)
}

fn arrived(received: &Receiver<Request>) -> (String, Value, String) {
    let (head, body) = received.recv_timeout(Duration::from_secs(60)).expect("a request within a minute");
    let signed = head.lines().find_map(|line| line.to_ascii_lowercase().starts_with("heroku-webhook-hmac-sha256: ").then(|| line[28..].to_owned()));
    (signed.unwrap_or_default(), serde_json::from_str(&body).unwrap(), body)
}

pub(crate) fn journey(heroku: &mut Heroku<'_>) {
    let (port, received) = receiver(&["500", "200"]);
    let _settings = heroku.installation.with_settings(&format!("[logs]\ndrain_hosts = [\"127.0.0.1:{port}\"]"));
    heroku.says("webhooks -a APP", &["has no webhooks"]);
    heroku.fails("webhooks:add -i dyno -l notify -u https://example.com/hook -a APP", 2, &["dyno is not told of yet"]);
    heroku.fails("webhooks:add -i api:release -l always -u https://example.com/hook -a APP", 2, &["Level is invalid."]);
    heroku.fails("webhooks:add -i api:release -l sync -u ftp://example.com/hook -a APP", 2, &["Url is invalid."]);
    let added = heroku.says(&format!("webhooks:add -i api:release -l sync -u http://127.0.0.1:{port}/hook -a APP"), &["=== Webhooks Signing Secret"]).stdout;
    let secret = Confidential::new(added.trim().lines().last().unwrap().trim()).unwrap();
    heroku.says("webhooks -a APP", &["api:release", "sync", &format!("http://127.0.0.1:{port}/hook")]);
    let id = heroku.ask("/apps/APP/webhooks")[0]["id"].as_str().unwrap().to_owned();
    heroku.says(&format!("webhooks:info {id} -a APP"), &["api:release", "sync"]);

    heroku.says("config:set TOLD=of-value -a APP", &["v3"]);
    let (signed, body, text) = arrived(&received);
    heroku.holds("the request is signed with the secret", signed == signature(&secret, text.as_bytes()));
    heroku.holds("it tells of the release", body["data"]["version"] == 3 && body["action"] == "create" && body["resource"] == "release");
    heroku.holds("it does not tell the value", !text.contains("of-value"));
    // The first answer was a 500.
    let (_, again, _) = arrived(&received);
    heroku.holds("it is the same delivery again", again["webhook_metadata"]["delivery"] == body["webhook_metadata"]["delivery"]);
    eventually("it has arrived", || (heroku.ask("/apps/APP/webhook-deliveries")[0]["status"] == "succeeded").then_some(()));
    heroku.says("webhooks:deliveries -a APP", &["succeeded", "api:release", "200"]);
    heroku.says("webhooks:deliveries -a APP --status failed", &["has no deliveries"]);
    let delivery = heroku.ask("/apps/APP/webhook-deliveries")[0].clone();
    let (delivery_id, event) = (delivery["id"].as_str().unwrap(), delivery["event"]["id"].as_str().unwrap());
    heroku.says(&format!("webhooks:deliveries:info {delivery_id} -a APP"), &["Attempts", "2", "=== Event Payload", "Set TOLD config vars"]);
    heroku.says("webhooks:events -a APP", &[event, "release", "create"]);
    heroku.says(&format!("webhooks:events:info {event} -a APP"), &["Set TOLD config vars"]);

    // This machine's own addresses are nobody's business, unless an admin says so.
    heroku.says(&format!("webhooks:update {id} -i api:app -l notify -u http://127.0.0.1:1/ -a APP"), &["Updating", "done"]);
    heroku.is("/apps/APP/webhooks", "/0/include", serde_json::json!(["api:app"]));
    heroku.says("maintenance:on -a APP", &["done"]);
    eventually("it was given up", || (heroku.ask("/apps/APP/webhook-deliveries?eq[status]=failed")[0]["num_attempts"] == 1).then_some(()));
    heroku.says("webhooks:deliveries -a APP -s failed", &["NotAPublicAddress"]);
    heroku.says(&format!("webhooks:remove {id} -a APP"), &["Removing webhook", "done"]);
    let fits = heroku.ask("/apps/APP/webhooks").as_array().unwrap().is_empty();
    heroku.holds("no webhook is left", fits);
}
