//! Requests drawn from the schema, with what it asks for and with what it does not: none is the platform's fault. The same
//! ones every time; `API_SEED` draws others, `API_RUNS` more.

use fuzz::Chance;
use serde_json::{Map, Value, json};

use super::{World, official};

const RUNS: u64 = 2_500;

const STRANGE: &[&str] = &[
    "",
    " ",
    "0",
    "-1",
    "~",
    "null",
    "shop",
    "web",
    "web.1",
    "v2",
    "2",
    "heroku-24",
    "ann@example.com",
    "bob@example.com",
    "..",
    "a/b",
    "-rf",
    "\u{0}",
    "\n",
    "\u{202e}",
    "\u{1f600}",
    "01234567-89ab-7def-8123-456789abcdef",
    "99999999999999999999999",
    "https://example.com/x.tgz",
    "syslog://example.com:514",
    "$(id)",
    "KEY",
    "preboot",
    "www.example.com",
    "*.example.com",
    "pending",
    "2012-01-01T12:00:00Z",
];

fn setting(name: &str, otherwise: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test's own setting")]
    let given = std::env::var(name);
    given.ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn text(chance: &mut Chance) -> String {
    match chance.below(12) {
        0 => "x".repeat(chance.below(5_000)),
        1 => STRANGE[chance.below(STRANGE.len())].repeat(1 + chance.below(4)),
        _ => STRANGE[chance.below(STRANGE.len())].to_owned(),
    }
}

/// Something of this schema, or, one time in eight, of any kind.
fn value(schema: &'static Value, chance: &mut Chance, depth: usize) -> Value {
    let schema = official::resolve(schema);
    if chance.below(8) == 0 || depth > 6 {
        return match chance.below(8) {
            0 => Value::Null,
            1 => json!(chance.below(2) == 0),
            2 => json!(i64::MAX),
            3 => json!(-1),
            4 => json!(1.5e300),
            5 => json!([text(chance)]),
            6 => json!({ text(chance): text(chance) }),
            _ => json!(text(chance)),
        };
    }
    if let Some(any) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
        return value(&any[chance.below(any.len())], chance, depth + 1);
    }
    if let Some(words) = schema["enum"].as_array() {
        return words[chance.below(words.len())].clone();
    }
    let kinds = official::types(schema);
    match kinds.get(chance.below(kinds.len().max(1))).copied().unwrap_or("string") {
        "object" => {
            let mut fields = Map::new();
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                if chance.below(4) > 0 {
                    fields.insert(name.clone(), value(field, chance, depth + 1));
                }
            }
            if schema.get("patternProperties").is_some() || chance.below(10) == 0 {
                fields.insert(text(chance), json!(text(chance)));
            }
            Value::Object(fields)
        }
        "array" => (0..chance.below(4)).map(|_| schema.get("items").map_or(Value::Null, |item| value(item, chance, depth + 1))).collect(),
        "integer" | "number" => json!([0, 1, 2, 100, 1_000_000_000_000_u64, 70_000][chance.below(6)]),
        "boolean" => json!(chance.below(2) == 0),
        "null" => Value::Null,
        _ => json!(text(chance)),
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() || b"-.~@".contains(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// What stands in the path: something that is there, more often than not.
fn named(what: &str, chance: &mut Chance) -> String {
    let known = match what {
        _ if chance.below(4) == 0 => return encoded(&text(chance)),
        "app" => "shop",
        "release" => "2",
        "formation" => "web",
        "dyno" => "web.1",
        "account" => "~",
        "collaborator" => "bob@example.com",
        "stack" => "heroku-24",
        "app-feature" => "preboot",
        "domain" => "www.example.com",
        _ => "01234567-89ab-7def-8123-456789abcdef",
    };
    known.to_owned()
}

#[tokio::test]
async fn nothing_that_can_be_asked_is_the_platforms_fault() {
    let mut chance = Chance::seeded(setting("API_SEED", 1));
    let mut world = World::new().await;
    let mut outcomes = std::collections::BTreeMap::<u16, u32>::new();
    let links = official::all();
    for run in 0..setting("API_RUNS", RUNS) {
        // Somebody destroys the app now and then, or spends all there is to ask.
        if run % 100 == 0 {
            world = World::new().await;
            let app = world.app("shop").await;
            world.deploy(&app, "11111111aaaa").await;
            world.ann("POST", "/apps/shop/collaborators", r#"{"user":"bob@example.com"}"#).await;
        }
        // What is built is tried more often than what is not.
        let mut link = &links[chance.below(links.len())];
        for _ in 0..3 {
            if !matches!(link.path[0].as_str(), "apps" | "account" | "oauth" | "stacks" | "users") {
                link = &links[chance.below(links.len())];
            }
        }
        let mut names = link.named.iter();
        let parts: Vec<String> = link.path.iter().map(|part| if part == "*" { named(names.next().unwrap(), &mut chance) } else { encoded(part) }).collect();
        let path = format!("/{}", parts.join("/"));
        let body = match link.body {
            Some(schema) => value(schema, &mut chance, 0).to_string(),
            None if chance.below(6) == 0 => text(&mut chance),
            None => String::new(),
        };
        // Passwords cost a second each, and are tried elsewhere.
        let body = if path.starts_with("/account") { body.replace("password", "pass") } else { body };
        let range = ["", "id ..", "version ..; max=1, order=desc", "x ]y..z[; max=3", "id ..; max=0", "\u{7f}"][chance.below(6)];
        let bearer = if chance.below(5) == 0 { world.bob.bearer() } else { world.ann.bearer() };
        let mut headers = vec![("authorization", bearer.as_str())];
        if !range.is_empty() && range.is_ascii() && !range.contains('\u{7f}') {
            headers.push(("range", range));
        }
        let answer = world.ask(&link.method, &path, &headers, &body).await;
        let status = answer.status.as_u16();
        assert!(status < 500 || status == 501, "{} {path} {body}\n{status} {}", link.method, answer.body);
        *outcomes.entry(status).or_default() += 1;
    }
    // It does not only bounce off.
    let success: u32 = outcomes.range(200..300).map(|(_, count)| count).sum();
    assert!(success > 200 && outcomes.contains_key(&404) && outcomes.contains_key(&422), "{outcomes:?}");
}
