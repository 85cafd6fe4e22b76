//! Bodies as a server sends them.

use serde_json::{Value, json};

pub(crate) fn app(name: &str, git_url: &str) -> Value {
    let named = |name: &str| json!({"id": "1", "name": name});
    json!({
        "acm": false, "archived_at": null, "build_stack": named("heroku-24"), "buildpack_provided_description": "Node.js",
        "create_status": "complete", "created_at": "2012-01-01T12:00:00Z", "generation": named("cedar"), "git_url": git_url,
        "id": "01234567-89ab-cdef-0123-456789abcdef", "internal_routing": null, "maintenance": false, "name": name,
        "organization": null, "owner": {"id": "1", "email": "me@example.com"}, "process_tier": "production", "region": named("us"),
        "released_at": null, "repo_size": null, "slug_size": 13_000_000, "space": null, "stack": named("heroku-24"), "team": null,
        "updated_at": "2012-01-01T12:00:00Z", "web_url": format!("http://{name}.localhost:5000/"), "something_new": true,
    })
}

pub(crate) fn account() -> Value {
    json!({
        "allow_tracking": true, "beta": false, "country_of_residence": null, "created_at": "2012-01-01T12:00:00Z",
        "default_organization": null, "default_team": null, "delinquent_at": null, "email": "me@example.com", "federated": false,
        "id": "1", "identity_provider": null, "last_login": null, "name": null, "sms_number": null, "suspended_at": null,
        "two_factor_authentication": false, "updated_at": "2012-01-01T12:00:00Z", "verified": true,
    })
}

pub(crate) fn dyno(name: &str, state: &str) -> Value {
    let process_type = name.split('.').next();
    json!({
        "app": {"id": "1", "name": "shop"}, "attach_url": null, "command": "npm start", "created_at": "2012-01-01T12:00:00Z",
        "id": "1", "name": name, "release": {"id": "1", "version": 3}, "size": "Standard-1X", "state": state, "type": process_type,
        "updated_at": "2012-01-01T12:00:00Z",
    })
}

pub(crate) fn formation(process_type: &str, quantity: u32) -> Value {
    json!({
        "app": {"id": "1", "name": "shop"}, "command": "npm start", "created_at": "2012-01-01T12:00:00Z",
        "dyno_size": {"id": "1", "name": "Standard-1X"}, "id": "1", "quantity": quantity, "size": "Standard-1X",
        "type": process_type, "updated_at": "2012-01-01T12:00:00Z",
    })
}

pub(crate) fn release(version: u64, current: bool) -> Value {
    json!({
        "addon_plan_names": [], "app": {"id": "1", "name": "shop"}, "created_at": "2012-01-01T12:00:00Z", "current": current,
        "description": format!("Deploy {version}"), "eligible_for_rollback": true, "id": format!("release-{version}"),
        "oci_image": null, "output_stream_url": null, "slug": {"id": "1"}, "status": "succeeded",
        "updated_at": "2012-01-01T12:00:00Z", "user": {"id": "1", "email": "me@example.com"}, "version": version,
    })
}

pub(crate) fn authorization() -> Value {
    json!({
        "access_token": {"id": "2", "token": "fresh-t0ken", "expires_in": 2_592_000}, "client": null,
        "created_at": "2012-01-01T12:00:00Z", "description": "d", "grant": null, "id": "auth-1", "refresh_token": null,
        "scope": ["global"], "session": null, "updated_at": "2012-01-01T12:00:00Z", "user": {"id": "1", "email": "me@example.com"},
    })
}

pub(crate) fn log_session(url: &str) -> Value {
    json!({"created_at": "2012-01-01T12:00:00Z", "id": "1", "logplex_url": url, "updated_at": "2012-01-01T12:00:00Z"})
}
