//! Each language's smallest app, built by our own buildpack out of what the stack has, and answering.

use e2e::Installation;

/// Pushes a fixture; its buildpack, and no other, takes it, and its page says `words`.
#[track_caller]
fn runs(fixture: &str, language: &str, words: &str) {
    let installation = Installation::new();
    let repository = installation.repository(fixture);
    let app = repository.create();
    let push = repository.push().ok().stderr;
    assert!(push.contains(&format!("-----> {language} app detected")), "{push}");
    assert!(!push.contains("Multiple default buildpacks"), "{push}");
    app.page("the page", |page| page.contains(words));
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_static_site_is_served() {
    runs("static-hello", "Static HTML", "Hello from static-hello");
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_go_app_runs() {
    runs("go-hello", "Go", "Hello from web.1");
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_ruby_app_runs() {
    runs("ruby-hello", "Ruby", "Hello from web.1");
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_java_app_runs() {
    runs("java-hello", "Java", "Hello from web.1");
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_php_app_runs() {
    runs("php-hello", "PHP", "Hello from web.1");
}
