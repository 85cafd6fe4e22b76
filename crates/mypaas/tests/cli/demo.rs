//! The server that `docs/cli` shows: one account, one app, always the same.

use serde_json::{Value, json};

use crate::support::{Answer, Request, Server, error, json as answer};
use crate::{admin, bodies};

const CREATED: &str = "2012-01-01T12:00:00Z";

/// Starts it.
pub(crate) fn server() -> Server {
    Server::start(|request, _| reply(request).with("mypaas-version", env!("CARGO_PKG_VERSION")).with("request-id", "01234567-89ab-cdef-0123-456789abcdef"))
}

fn reply(request: &Request) -> Answer {
    let host = format!("http://{}", request.header("host").unwrap());
    let of = |name: &str| {
        let mut app = bodies::app(name, &format!("{host}/{name}.git"));
        app["web_url"] = json!(format!("https://{name}.example.com/"));
        app
    };
    let (method, path) = request.call.split_once(' ').unwrap();
    if let Some(path) = path.strip_prefix("/apps/shop/") {
        return of_app(&host, method, path, &request.body);
    }
    match request.call.as_str() {
        "POST /oauth/authorizations" if request.body.contains("mypaas login") => answer(bodies::authorization()),
        "GET /oauth/authorizations" => answer(json!([authorization("laptop"), authorization("deploys")])),
        "POST /oauth/authorizations" => answer(authorization("deploys")),
        call if call.contains(" /oauth/authorizations/") => answer(authorization("deploys")),
        "GET /account" => answer(bodies::account()),
        "GET /account/two-factor" => answer(json!({"enabled": true, "recovery_codes": 10})),
        "POST /account/two-factor/url" => answer(json!({
            "secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
            "url": "otpauth://totp/mypaas:me%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=mypaas",
        })),
        "PUT /account/two-factor" | "POST /account/two-factor/recovery-codes" => {
            answer(json!({"recovery_codes": ["gayt-emzu-gu3d-oobz", "mfxg-27lb-q4rt-w5oa"]}))
        }
        "PATCH /account" => answer(bodies::account()),
        "GET /apps" => answer(json!([of("shop"), of("blog")])),
        "POST /apps" => answer(of(if request.body.contains("blog") { "blog" } else { "quiet-snow-1" })),
        "PATCH /apps/shop" if request.body.contains("bakery") => answer(of("bakery")),
        "GET /apps/shop" | "PATCH /apps/shop" => answer(of("shop")),
        "GET /apps/blog" | "DELETE /apps/blog" => answer(of("blog")),
        "GET /regions" => answer(json!([{
            "country": "-", "created_at": CREATED, "description": "This server", "id": "1", "locale": "-", "name": "us", "private_capable": false,
            "provider": {"name": "mypaas", "region": "us"}, "updated_at": CREATED,
        }])),
        "GET /stacks" => answer(json!([stack("heroku-24", true), stack("debian-12", false)])),
        "GET /account/keys" => answer(json!([key()])),
        "POST /account/keys" | "DELETE /account/keys/key-1" => answer(key()),
        "GET /mypaas/disk" => answer(json!({
            "free_bytes": 45_097_156_608_u64, "floor_bytes": 1_073_741_824, "kinds": [{"kind": "slug", "count": 12, "bytes": 2_097_152}],
            "apps": [{"name": "shop", "bytes": 1_048_576}],
        })),
        "GET /mypaas/apps" => answer(admin::apps()),
        "GET /mypaas/accounts" => answer(admin::accounts()),
        "GET /mypaas/nodes" => answer(admin::nodes()),
        "GET /mypaas/audit-events" => answer(json!([{
            "action": "PATCH /apps/{app}/config-vars", "actor": "me@example.com", "app": "shop", "created_at": CREATED, "credential": "1",
            "detail": "GREETING", "id": "1", "request_id": "01234567", "source": "192.0.2.7", "status": 200,
        }])),
        "GET /account/app-transfers" => answer(json!([transfer("pending")])),
        "POST /account/app-transfers" => answer(transfer("pending")),
        "PATCH /account/app-transfers/shop" => answer(transfer("accepted")),
        "DELETE /account/app-transfers/shop" => answer(transfer("pending")),
        "GET /mypaas/garbage" | "POST /mypaas/garbage/actions/collect" => answer(json!({
            "bytes": 1_048_576, "garbage": [{"kind": "build-cache", "name": "cache", "app": null, "bytes": 1_048_576, "reason": "its app is gone"}],
        })),
        call if call.starts_with("GET /stream/") => Answer::new(
            200,
            "2012-01-01T12:00:00.000000+00:00 heroku[web.1]: State changed from starting to up\n\
             2012-01-01T12:00:05.000000+00:00 app[web.1]: listening on 5000\n\
             2012-01-01T12:00:06.000000+00:00 heroku[router]: at=info method=GET path=\"/\" host=shop.example.com dyno=web.1 status=200\n",
        ),
        call if call.starts_with("GET /output/") => Answer::new(200, "-----> Node.js app detected\n-----> Compressing...\n       Done: 12M\n"),
        call if call.starts_with("GET /phase/") => Answer::new(200, "migrating\n"),
        "PUT /sources/put-it" => Answer::new(200, ""),
        "GET /apps/shoop" | "GET /apps/shoop/config-vars" => error(404, r#"{"id":"not_found","resource":"app","message":"Couldn't find that app."}"#),
        _ => error(404, r#"{"id":"not_found","message":"Not found here."}"#),
    }
}

fn of_app(host: &str, method: &str, path: &str, body: &str) -> Answer {
    match (method, path) {
        ("GET" | "PATCH", "config-vars") => answer(json!({"DATABASE_URL": "postgres://u:p@db.example.com/shop", "GREETING": "it's open"})),
        ("GET", "dynos") => {
            let mut worker = bodies::dyno("worker.1", "crashed");
            worker["command"] = json!("node worker.js");
            answer(json!([bodies::dyno("web.1", "up"), bodies::dyno("web.2", "up"), worker]))
        }
        ("POST", "dynos") => answer(bodies::dyno("run.4821", "starting")),
        ("GET" | "PATCH", "formation") => answer(json!([bodies::formation("web", 2), bodies::formation("worker", 1), bodies::formation("release", 0)])),
        ("GET", "releases") => answer(json!([release(host, 3, true), release(host, 2, false), release(host, 1, false)])),
        ("POST", "releases") => answer(release(host, 4, true)),
        ("GET", "releases/2") => answer(release(host, 2, false)),
        ("POST", "log-sessions") => answer(bodies::log_session(&format!("{host}/stream/s3cret"))),
        ("GET", "webhooks") => answer(json!([webhook()])),
        ("POST", "webhooks") => answer(webhook()).with("heroku-webhook-secret", "5e1f2ab9c0"),
        (_, "webhooks/webhook-1") => answer(webhook()),
        ("GET", "webhook-deliveries") => answer(json!([delivery()])),
        ("GET", "webhook-deliveries/delivery-1") => answer(delivery()),
        ("GET", "webhook-events") => answer(json!([event()])),
        ("GET", "webhook-events/event-1") => answer(event()),
        ("POST", "sources") => answer(json!({"source_blob": {"put_url": format!("{host}/sources/put-it"), "get_url": format!("{host}/sources/get-it")}})),
        ("GET", "builds") => answer(json!([build(host)])),
        ("POST", "builds") => answer(build(host)),
        (_, "builds/01234567-89ab-cdef-0123-456789abcdef") => answer(build(host)),
        ("GET", "buildpack-installations") => answer(json!([installed(0, "heroku/nodejs")])),
        ("PUT", "buildpack-installations") => {
            let asked: Value = serde_json::from_str(body).unwrap();
            let asked = asked["updates"].as_array().unwrap().iter().enumerate();
            let name = |one: &Value| one["buildpack"].as_str().unwrap().trim_start_matches("urn:buildpack:").to_owned();
            answer(json!(asked.map(|(ordinal, one)| installed(ordinal, &name(one))).collect::<Vec<_>>()))
        }
        ("GET", "domains") => answer(json!([domain("shop.paas.example.com", "heroku"), domain("www.example.com", "custom")])),
        ("POST", "domains") | (_, "domains/www.example.com") => answer(domain("www.example.com", "custom")),
        ("DELETE", _) if path.starts_with("domains/") => answer(domain("www.example.com", "custom")),
        ("GET", "log-drains") => answer(json!([drain()])),
        ("POST", "log-drains") | ("DELETE", "log-drains/drain-1") => answer(drain()),
        ("GET", "features") => answer(json!([feature("preboot", "general"), feature("log-runtime-metrics", "beta")])),
        (_, "features/preboot") => answer(feature("preboot", "general")),
        (_, "features/log-runtime-metrics") => answer(feature("log-runtime-metrics", "beta")),
        ("GET", "collaborators") => answer(json!([person("me@example.com", "owner"), person("you@example.com", "collaborator")])),
        (_, _) if path.starts_with("collaborators") => answer(person("you@example.com", "collaborator")),
        ("DELETE" | "POST", _) => answer(json!({})),
        _ => error(404, r#"{"id":"not_found","message":"Not found here."}"#),
    }
}

fn authorization(description: &str) -> Value {
    let mut one = bodies::authorization();
    one["id"] = json!(if description == "laptop" { "01234567-89ab-cdef-0123-456789abcdef" } else { "89abcdef-0123-4567-89ab-cdef01234567" });
    one["description"] = json!(description);
    one["access_token"]["token"] = json!("HRKU-0123456789abcdef");
    one
}

fn installed(ordinal: usize, name: &str) -> Value {
    json!({"ordinal": ordinal, "buildpack": {"url": format!("urn:buildpack:{name}"), "name": name}})
}

fn stack(name: &str, default: bool) -> Value {
    json!({
        "base": {"dynos": 3, "dynos_on_older": if default { 2 } else { 0 }, "image": "mypaas/heroku-24:run", "image_id": "sha256:0123456789abcdef0123456789abcdef", "variant": "run"}, "created_at": CREATED,
        "default": default, "id": "1", "name": name, "state": "public", "updated_at": CREATED,
    })
}

fn transfer(state: &str) -> Value {
    let user = |email: &str| json!({"id": "1", "email": email});
    json!({
        "app": {"id": "1", "name": "shop"}, "created_at": CREATED, "id": "transfer-1", "owner": user("me@example.com"), "recipient": user("you@example.com"),
        "state": state, "updated_at": CREATED,
    })
}

fn webhook() -> Value {
    json!({
        "app": {"id": "1", "name": "shop"}, "created_at": CREATED, "id": "webhook-1", "include": ["api:release", "api:build"], "level": "sync",
        "updated_at": CREATED, "url": "https://example.com/hooks",
    })
}

fn delivery() -> Value {
    json!({
        "created_at": CREATED, "event": {"id": "event-1", "include": "api:release"}, "id": "delivery-1",
        "last_attempt": {"code": 503, "created_at": CREATED, "error_class": null, "id": "1", "status": "failed", "updated_at": CREATED},
        "next_attempt_at": "2012-01-01T12:00:15Z", "num_attempts": 1, "status": "retrying", "updated_at": CREATED,
        "webhook": {"id": "webhook-1", "level": "sync"},
    })
}

fn event() -> Value {
    json!({
        "created_at": CREATED, "id": "event-1", "include": "api:release", "updated_at": CREATED,
        "payload": {"action": "create", "actor": {"id": "1", "email": "me@example.com"}, "data": {"version": 3}, "previous_data": {}, "resource": "release", "version": "application/vnd.heroku+json; version=3"},
    })
}

fn key() -> Value {
    json!({
        "comment": "me@laptop", "created_at": CREATED, "email": "me@example.com", "fingerprint": "SHA256:XXoZBHKqmxmyvXtnUkCrCl9zxqwZEgPvkVmnkNuuc6U",
        "id": "key-1", "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPx5 me@laptop", "updated_at": CREATED,
    })
}

fn release(host: &str, version: u64, current: bool) -> Value {
    let mut one = bodies::release(version, current);
    one["description"] = json!(["", "Initial release", "Deploy 1a2b3c4d", "Set GREETING config vars", "Rollback to v2"][usize::try_from(version).unwrap()]);
    if version == 4 {
        one["output_stream_url"] = json!(format!("{host}/phase/s3cret"));
    }
    one
}

fn build(host: &str) -> Value {
    json!({
        "app": {"id": "1"}, "buildpacks": [{"name": "heroku/nodejs", "url": "urn:buildpack:heroku/nodejs"}], "created_at": CREATED, "failure": null,
        "id": "01234567-89ab-cdef-0123-456789abcdef", "output_stream_url": format!("{host}/output/s3cret"), "release": {"id": "release-3"},
        "slug": {"id": "slug-1"}, "source_blob": {"checksum": null, "url": null, "version": "1a2b3c4d5e6f", "version_description": null},
        "stack": "heroku-24", "status": "succeeded", "updated_at": CREATED, "user": {"id": "1", "email": "me@example.com"},
    })
}

fn domain(hostname: &str, kind: &str) -> Value {
    let custom = kind == "custom";
    json!({
        "acm_status": null, "acm_status_reason": null, "app": {"id": "1", "name": "shop"}, "cname": custom.then_some("shop.paas.example.com"),
        "created_at": CREATED, "hostname": hostname, "id": format!("domain-{kind}"), "kind": kind, "sni_endpoint": null,
        "status": if custom { "succeeded" } else { "none" }, "updated_at": CREATED,
    })
}

fn drain() -> Value {
    json!({
        "addon": null, "app": {"id": "1", "name": "shop"}, "created_at": CREATED, "id": "drain-1", "token": "d.01234567-89ab-cdef-0123-456789abcdef", "updated_at": CREATED,
        "url": "syslog+tls://logs.example.com:6514",
    })
}

fn feature(name: &str, state: &str) -> Value {
    let description = if state == "general" { "New web dynos come up before the old ones go" } else { "Lines with each dyno's load and memory in the log" };
    json!({
        "created_at": CREATED, "description": description, "display_name": null, "doc_url": "https://paas.example.com", "enabled": state == "general",
        "feedback_email": null, "id": "1", "name": name, "state": state, "updated_at": CREATED,
    })
}

fn person(email: &str, role: &str) -> Value {
    json!({
        "app": {"id": "1", "name": "shop"}, "created_at": CREATED, "id": "1", "permissions": [], "role": role, "updated_at": CREATED,
        "user": {"email": email, "federated": false, "id": "1"},
    })
}
