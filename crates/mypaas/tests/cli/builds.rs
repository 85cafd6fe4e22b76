use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Answer, Home, Server, error, json as body};

fn build(server: &str, status: &str, failure: &Value) -> Value {
    json!({
        "app": {"id": "1"}, "buildpacks": [{"name": "heroku/go", "url": "urn:buildpack:heroku/go"}, {"url": "https://example.com/b.git"}], "created_at": "2012-01-01T12:00:00Z", "failure": failure, "id": "build-1",
        "output_stream_url": format!("{server}/builds/build-1/output/s3cret"), "release": null, "slug": null,
        "source_blob": {"checksum": null, "url": null, "version": "v7", "version_description": null}, "stack": "heroku-24", "status": status,
        "updated_at": "2012-01-01T12:00:00Z", "user": {"id": "1", "email": "me@example.com"},
    })
}

/// A server with one build that ends as it is told.
fn server(status: &'static str, failure: Value) -> Server {
    Server::start(move |request, _| {
        let host = format!("http://{}", request.header("host").unwrap());
        match request.call.as_str() {
            "POST /apps/shop/sources" => {
                body(json!({"source_blob": {"put_url": format!("{host}/sources/put-it"), "get_url": format!("{host}/sources/get-it")}}))
            }
            "PUT /sources/put-it" => Answer::new(200, ""),
            "POST /apps/shop/builds" => body(build(&host, "pending", &Value::Null)),
            "GET /apps/shop/builds" => body(json!([build(&host, status, &failure)])),
            "GET /apps/shop/builds/build-1" => body(build(&host, status, &failure)),
            "GET /builds/build-1/output/s3cret" => Answer::new(200, "-----> Node.js app detected\n"),
            "DELETE /apps/shop/builds/build-1" => body(build(&host, status, &failure)),
            "DELETE /apps/shop/build-cache" => body(json!({})),
            _ => error(404, r#"{"id":"not_found","message":"Not found here."}"#),
        }
    })
}

#[test]
fn an_archive_is_uploaded_and_its_build_followed() {
    let server = server("succeeded", Value::Null);
    let home = Home::at(&server);
    fs::write(home.path("work/app.tgz"), "an archive").unwrap();
    let said = home.mypaas(&["builds:create", "--source-tar", "app.tgz", "--version", "v7", "--buildpack", "heroku/go", "--buildpack", "emk/rust"]);
    assert_eq!((said.status, said.out.as_str()), (0, "-----> Node.js app detected\n"), "{}", said.err);
    let put = server.request("PUT /sources/put-it");
    assert_eq!((put.body.as_str(), put.header("content-length"), put.header("authorization")), ("an archive", Some("10"), None));
    let post = server.request("POST /apps/shop/builds").body;
    assert!(post.contains(r#""buildpacks":[{"url":"heroku/go"},{"url":"emk/rust"}]"#), "{post}");
    assert!(post.contains("/sources/get-it") && post.contains(r#""version":"v7""#), "{post}");
}

#[test]
fn a_build_that_fails_fails_the_command_with_its_sentence() {
    let server = server("failed", json!({"id": "compile", "message": "Push rejected, failed to compile Node.js app."}));
    let home = Home::at(&server);
    let said = home.mypaas(&["builds:create", "--source-url", "https://example.com/a.tgz"]);
    assert_eq!(said.status, 1);
    assert!(said.err.ends_with("Error: Push rejected, failed to compile Node.js app.\n"), "{}", said.err);
    assert!(!server.calls().iter().any(|call| call.starts_with("PUT")), "nothing is uploaded");
    let info = home.mypaas(&["builds:info"]).out;
    assert!(info.contains("Buildpacks:  heroku/go, https://example.com/b.git\n"), "{info}");
    assert!(info.contains("Failure:     Push rejected, failed to compile Node.js app.\n"), "{info}");
}

#[test]
fn the_current_folder_is_packed_as_git_sees_it() {
    let server = server("succeeded", Value::Null);
    let home = Home::at(&server);
    home.git(&["init", "-q", "-b", "main"]);
    for (name, text) in [("Procfile", "web: x\n"), (".gitignore", "ignored\n"), ("ignored", "x"), ("gone", "x"), ("odd\nname", "x")] {
        fs::write(home.path("work").join(name), text).unwrap();
    }
    home.git(&["add", "gone"]);
    fs::remove_file(home.path("work/gone")).unwrap();
    std::os::unix::fs::symlink("Procfile", home.path("work/link")).unwrap();
    let packed = home.path("packed.tgz");
    // The small server reads bodies as text: the archive is looked at where it was read.
    let said = home.mypaas(&["builds:create", "--source-tar", "no-such-file"]);
    assert!(said.err.starts_with("Error: no-such-file cannot be read: "), "{}", said.err);
    let said = home.mypaas(&["builds:create"]);
    assert_eq!(said.status, 0, "{}", said.err);
    assert!(said.err.contains("Packing the current folder... done, 5 files\n"), "{}", said.err);
    fs::write(&packed, server.request("PUT /sources/put-it").bytes).unwrap();
    let listed = Command::new("tar").arg("-tf").arg(&packed).output().unwrap();
    let mut names: Vec<_> = std::str::from_utf8(&listed.stdout).unwrap().lines().collect();
    names.sort_unstable();
    assert_eq!(names, [".gitignore", "Procfile", "link", "odd\\nname"]);
}

#[test]
fn builds_are_followed_and_cancelled() {
    let server = server("pending", Value::Null);
    let home = Home::at(&server);
    assert_eq!(home.mypaas(&["builds:output", "build-1"]).out, "-----> Node.js app detected\n");
    assert_eq!(server.request("GET /builds/build-1/output/s3cret").header("authorization"), None);
    assert_eq!(home.mypaas(&["builds:cancel"]).err, "Cancelling build build-1 of ⬢ shop... done\n");
    assert_eq!(server.request("GET /apps/shop/builds").header("range"), Some("started_at ..; max=1, order=desc"));
    server.request("DELETE /apps/shop/builds/build-1");
    assert_eq!(home.mypaas(&["builds:cache:purge"]).status, 0);
    server.request("DELETE /apps/shop/build-cache");
}
