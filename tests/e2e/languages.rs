//! Each language's smallest app, built by our own buildpack out of what the stack has, and answering.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

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

#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_clojure_app_runs() {
    runs("clojure-hello", "Clojure", "Hello from web.1");
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The stand-in for sbt's launcher, compiled by the stack's own Java, at the place a mirror of Maven Central has it.
fn stand_in(installation: &Installation, mirror: &Path, version: &str) -> PathBuf {
    let source = fs::read_to_string(installation.source("tests/fixtures/sbt-stand-in/Boot.java")).unwrap();
    let config = fs::read_to_string(installation.home.join("config.toml")).unwrap();
    let image = config.lines().find_map(|line| line.strip_prefix("build_image = \"")?.strip_suffix('"')).unwrap();
    let compile =
        "cd /tmp && printf %s \"$0\" >Boot.java && javac Boot.java && jar --create --file launcher.jar --main-class Boot *.class && cp launcher.jar /made/";
    let folder = mirror.join(format!("org/scala-sbt/sbt-launch/{version}"));
    fs::create_dir_all(&folder).unwrap();
    let volume = format!("{}:/made", folder.display());
    installation.docker(&["run", "--rm", "--network", "none", "--volume", &volume, image, "sh", "-ec", compile, &source]).ok();
    let jar = folder.join(format!("sbt-launch-{version}.jar"));
    fs::rename(folder.join("launcher.jar"), &jar).unwrap();
    jar
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_scala_app_runs_with_a_launcher_from_a_mirror() {
    let installation = Installation::new();
    let served = tempfile::tempdir().unwrap();
    let table = fs::read_to_string(installation.source("buildpacks/scala/sbt.tsv")).unwrap();
    let (version, released) = table.lines().find(|line| !line.starts_with('#')).and_then(|line| line.split_once('\t')).unwrap();
    let jar = stand_in(&installation, served.path(), version);
    let server = installation.serve(served.path().to_owned());
    let repository = installation.repository("scala-hello");
    let app = repository.create();
    repository.mypaas(&["config:set", &format!("MAVEN_MIRROR_URL={server}")]).ok();

    // A mirror is not believed. Its address is a config var's value, so it is not shown.
    let said = repository.push().refused();
    for words in ["-----> Scala app detected", &format!("What came from [redacted]/org/scala-sbt/sbt-launch/{version}/"), released] {
        assert!(said.contains(words), "the push does not say {words:?}:\n{said}");
    }

    // The same buildpack, whose table knows the stand-in.
    let folder = served.path().join("scala");
    run("cp", &["-r", installation.source("buildpacks/scala").to_str().unwrap(), folder.to_str().unwrap()]);
    let sum = run("sha256sum", &[jar.to_str().unwrap()]);
    fs::write(folder.join("sbt.tsv"), table.replace(released, sum.split(' ').next().unwrap())).unwrap();
    run("tar", &["-czf", served.path().join("scala.tgz").to_str().unwrap(), "-C", served.path().to_str().unwrap(), "scala"]);
    repository.mypaas(&["buildpacks:set", &format!("{server}/scala.tgz")]).ok();
    repository.commit("Another buildpack");
    let said = repository.push().ok().stderr;
    for words in [
        "-----> Installing sbt 1.11.7",
        &format!("Downloading sbt-launch {version}"),
        "-----> Running: sbt compile stage",
        "Repositories: local, [redacted], [redacted]",
        "-----> Dropping compilation artifacts from the slug",
        "Default types for buildpack -> web",
    ] {
        assert!(said.contains(words), "the push does not say {words:?}:\n{said}");
    }
    app.page("the page", |page| page.contains("Hello from web.1"));

    repository.commit("Once more");
    let said = repository.push().ok().stderr;
    assert!(said.contains(&format!("Using sbt-launch {version} from the cache")), "{said}");
}
