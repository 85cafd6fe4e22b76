//! Holds answers against Heroku's published schema: the part of JSON schema (draft 4) that it uses.

use std::sync::LazyLock;

use serde_json::Value;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(crate::schema::SCHEMA).unwrap());
static LINKS: LazyLock<Vec<Link>> = LazyLock::new(links);

/// Fields that the schema does not have and clients read (heroku's own command line, or ours).
const EXTRAS: &[&str] = &["base", "create_status", "oci_image", "organization", "process_tier", "ssh_git_url", "waiting_for"];

/// One request that the schema describes.
pub(super) struct Link {
    pub(super) method: String,
    /// `*` where a name or an id stands.
    pub(super) path: Vec<String>,
    /// What stands there: `app`, `log-drain`, ….
    pub(super) named: Vec<String>,
    pub(super) body: Option<&'static Value>,
    list: bool,
    /// The schema says that there is nothing to read; clients want a body all the same.
    empty: bool,
    answer: &'static Value,
}

fn links() -> Vec<Link> {
    let mut all = Vec::new();
    for definition in SCHEMA["definitions"].as_object().unwrap().values() {
        for link in definition["links"].as_array().unwrap() {
            let (mut path, mut named) = (Vec::new(), Vec::new());
            for part in link["href"].as_str().unwrap().trim_start_matches('/').split('/') {
                let parameter = part.strip_prefix("{(%23%2Fdefinitions%2F").map(|rest| rest.split("%2F").next().unwrap().to_owned());
                path.push(if parameter.is_some() { "*".to_owned() } else { part.to_owned() });
                named.extend(parameter);
            }
            all.push(Link {
                method: link["method"].as_str().unwrap().to_owned(),
                path,
                named,
                body: link.get("schema"),
                empty: link.get("targetSchema").is_none() && link["rel"] == "empty",
                list: link.get("targetSchema").is_none() && link["rel"] == "instances",
                answer: link.get("targetSchema").unwrap_or(definition),
            });
        }
    }
    all
}

pub(super) fn all() -> &'static [Link] {
    &LINKS
}

/// What is wrong with an answer to this request; nothing if the schema does not know the request.
pub(super) fn faults(method: &str, path: &str, body: &str) -> Vec<String> {
    let parts: Vec<&str> = path.split('?').next().unwrap().trim_start_matches('/').split('/').collect();
    let fits = |link: &&Link| {
        link.method == method && link.path.len() == parts.len() && link.path.iter().zip(&parts).all(|(known, given)| known == "*" || known == given)
    };
    let found: Vec<_> = LINKS.iter().filter(fits).collect();
    let Some(fewest) = found.iter().map(|link| link.named.len()).min() else { return Vec::new() };
    let value: Value = match serde_json::from_str(body) {
        Ok(value) => value,
        Err(error) => return vec![format!("no JSON: {error}")],
    };
    // Of several descriptions of one request one must fit.
    let mut faults = Vec::new();
    for link in found.into_iter().filter(|link| link.named.len() == fewest) {
        let mut here = Vec::new();
        match (link.list, &value) {
            (_, Value::Object(_)) if link.empty => {}
            (true, Value::Array(items)) => items.iter().for_each(|item| check(link.answer, item, "[]", &mut here)),
            (true, _) => here.push("no array".to_owned()),
            (false, value) => check(link.answer, value, "", &mut here),
        }
        if here.is_empty() {
            return here;
        }
        faults = here;
    }
    faults
}

pub(super) fn resolve(schema: &'static Value) -> &'static Value {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => resolve(SCHEMA.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference}"))),
        None => schema,
    }
}

fn check(schema: &'static Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let schema = resolve(schema);
    if let Some(any) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
        let fits = any.iter().any(|one| {
            let mut wrong = Vec::new();
            check(one, value, at, &mut wrong);
            wrong.is_empty()
        });
        if !fits {
            faults.push(format!("{at}: none of those it may be: {value}"));
        }
    }
    if !types(schema).is_empty() && !types(schema).iter().any(|kind| is(kind, value)) {
        faults.push(format!("{at}: {value} is no {:?}", types(schema)));
        return;
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
        && !value.is_null()
    {
        faults.push(format!("{at}: {value} is none of {words:?}"));
    }
    if let Some(text) = value.as_str()
        && !looks_like(schema["format"].as_str().unwrap_or_default(), text)
    {
        faults.push(format!("{at}: {text:?} is no {}", schema["format"]));
    }
    if let (Some(number), Some(least)) = (value.as_f64(), schema["minimum"].as_f64())
        && number < least
    {
        faults.push(format!("{at}: {number} is below {least}"));
    }
    if let Value::Array(items) = value
        && let Some(of) = schema.get("items")
    {
        items.iter().for_each(|item| check(of, item, &format!("{at}[]"), faults));
    }
    if let Value::Object(fields) = value {
        let known = schema["properties"].as_object();
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(required) {
                faults.push(format!("{at}.{required} is missing"));
            }
        }
        let patterned = schema["patternProperties"].as_object().and_then(|patterns| patterns.values().next());
        let closed = schema["additionalProperties"] == false || schema["strictProperties"] == true;
        for (name, field) in fields {
            match (known.and_then(|known| known.get(name)).or(patterned), closed) {
                (Some(schema), _) => check(schema, field, &format!("{at}.{name}"), faults),
                (None, true) if known.is_some() && !EXTRAS.contains(&name.as_str()) => faults.push(format!("{at}.{name} is not in the schema")),
                (None, _) => {}
            }
        }
    }
}

pub(super) fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => panic!("{kind}"),
    }
}

fn looks_like(format: &str, text: &str) -> bool {
    match format {
        "uuid" => text.parse::<uuid::Uuid>().is_ok(),
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "email" => text.contains('@'),
        _ => true,
    }
}

#[test]
fn what_is_wrong_is_found() {
    let region = r#"{"id":"01234567-89ab-cdef-0123-456789abcdef","name":"us"}"#;
    let good = r#"{"app":{"id":"01234567-89ab-cdef-0123-456789abcdef","name":"shop"},"created_at":"2012-01-01T12:00:00Z","id":"01234567-89ab-cdef-0123-456789abcdef","owner":{"id":"01234567-89ab-cdef-0123-456789abcdef","email":"a@example.com"},"recipient":{"id":"01234567-89ab-cdef-0123-456789abcdef","email":"b@example.com"},"state":"pending","updated_at":"2012-01-01T12:00:00Z"}"#;
    let path = "/account/app-transfers/x";
    assert_eq!(faults("GET", path, good), Vec::<String>::new());
    for (from, to, fault) in [
        ("pending", "lost", ".state: \"lost\" is none of"),
        ("2012-01-01T", "yesterday ", ".created_at: \"yesterday 12:00:00Z\" is no \"date-time\""),
        ("\"state\"", "\"status\"", ".status is not in the schema"),
        ("\"shop\"", "7", ".app.name: 7 is no [\"string\"]"),
    ] {
        let found = faults("GET", path, &good.replacen(from, to, 1));
        assert!(found.iter().any(|found| found.starts_with(fault)), "{fault}: {found:?}");
    }
    assert!(matches!(faults("GET", "/regions", region).as_slice(), [fault] if fault.ends_with("is no [\"array\"]")));
    assert_eq!(faults("GET", "/nothing/of/heroku", "?"), Vec::<String>::new());
}
