//! Pushes that are built, stored, or refused, each with its sentence.

use std::process::Command;

use e2e::{Answer, Installation, eventually};

#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_build_that_fails_rejects_the_push_and_the_old_release_runs_on() {
    let installation = Installation::new();
    let repository = installation.repository("node-hello");
    let app = repository.create();
    repository.push().ok();
    app.page("the first page", |page| page == "Hello from web.1\n");

    repository.write("package.json", r#"{"name":"x","scripts":{"build":"exit 9"},"engines":{"node":"24.x"},"dependencies":{"ms":"2.1.3"}}"#);
    repository.commit("A build that fails");
    let said = repository.push().refused();
    for words in ["Push rejected, failed to compile Node.js app.", &format!("!\tPush rejected to {}.", app.name), "main -> main (pre-receive hook declined)"] {
        assert!(said.contains(words), "the push does not say {words:?}:\n{said}");
    }

    repository.write("Procfile", "web node server.js\n");
    repository.commit("A Procfile that does not parse");
    let said = repository.push().refused();
    assert!(said.contains("Procfile line 1 does not read `type: command`: web node server.js"), "{said}");

    app.page("the old release", |page| page == "Hello from web.1\n");
    let releases = repository.mypaas(&["releases"]).ok().stdout;
    assert!(releases.contains("v3") && !releases.contains("v4"), "{releases}");

    // Another branch is stored and not deployed, and says so.
    repository.git(&["checkout", "-q", "-b", "idea"]).ok();
    let said = repository.git(&["push", "mypaas", "idea"]).ok().stderr;
    assert!(said.contains("Pushed to non-main/master branch, skipping build."), "{said}");
    let said = repository.git(&["push", "mypaas", "--delete", "main"]).refused();
    assert!(said.contains("main"), "{said}");

    // What was pushed can be fetched and cloned, by those who may.
    repository.git(&["fetch", "mypaas"]).ok();
    assert_eq!(repository.git(&["rev-parse", "mypaas/idea"]).ok().stdout, repository.git(&["rev-parse", "idea"]).ok().stdout);
    let folder = tempfile::tempdir().unwrap();
    let (url, target) = (repository.git(&["remote", "get-url", "mypaas"]).ok().stdout, folder.path().join("copy"));
    let clone = |url: &str| repository.git(&["clone", "-q", "--", url.trim(), target.to_str().unwrap()]);
    clone(&url).refused();
    clone(&url.replacen("://", &format!("://x:{}@", installation.env()["MYPAAS_TOKEN"]), 1)).ok();
    assert!(target.join("server.js").exists());
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_push_that_no_buildpack_fits_is_told_so() {
    let installation = Installation::new();
    let repository = installation.repository("node-hello");
    for file in ["package.json", "package-lock.json", "server.js", "worker.js"] {
        std::fs::remove_file(repository.path().join(file)).unwrap();
    }
    repository.commit("Nothing that anything fits");
    let _app = repository.create();
    let said = repository.push().refused();
    for words in ["No default language could be detected for this app.", "HINT: This occurs when", "Push failed"] {
        assert!(said.contains(words), "the push does not say {words:?}:\n{said}");
    }
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_python_app_runs() {
    let installation = Installation::new();
    let repository = installation.repository("python-hello");
    let app = repository.create();
    let push = repository.push().ok().stderr;
    assert!(push.contains("-----> Python app detected"), "{push}");
    app.page("the python page", |page| page.contains("web.1"));
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn strangers_are_turned_away_and_bad_names_refused() {
    let installation = Installation::new();
    let repository = installation.repository("node-hello");
    let app = repository.create();
    let server = installation.env()["MYPAAS_SERVER"].clone();
    let push = |url: &str| -> Answer {
        let mut git = Command::new("git");
        git.args(["-c", "credential.helper=", "push", "--", url, "main"]).current_dir(repository.path());
        git.env("GIT_TERMINAL_PROMPT", "0").env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap().into()
    };
    let with = |user: &str, name: &str| server.replacen("://", &format!("://{user}@"), 1) + &format!("/{name}.git");
    let said = push(&with("x:wrong-token", &app.name)).refused();
    assert!(said.contains("Authentication failed") || said.contains("Invalid credentials"), "{said}");
    let token = installation.env()["MYPAAS_TOKEN"].clone();
    let said = push(&with(&format!("x:{token}"), "no-such-app-here")).refused();
    assert!(said.contains("not found") || said.contains("Couldn't find that app"), "{said}");

    for (name, sentence) in [
        (app.name.as_str(), "Name is already taken"),
        ("ab", "Name is too short (minimum is 3 characters)"),
        ("Shop!", "Name must start with a letter, end with a letter or digit and can only contain lowercase letters, digits, and dashes"),
        ("a;touch${IFS}canary", "Name must start with a letter"),
        ("api", "Name is reserved"),
    ] {
        let said = repository.mypaas(&["create", "--", name]).refused();
        assert!(said.contains(sentence), "{name}: {said}");
    }
    assert!(!repository.path().join("canary").exists());
    let scale = |text: &str| repository.mypaas(&["ps:scale", "-a", &app.name, "--", text]).refused();
    assert!(scale("web=2").contains("Couldn't find that process type (web)"), "nothing was deployed yet");
    let run = repository.mypaas(&["run", "-a", &app.name, "--", "true"]).refused();
    assert!(run.contains("Nothing was deployed yet"), "{run}");
    let mut other = installation.mypaas_command(repository.path(), &["apps"]);
    let answer: Answer = other.env("MYPAAS_TOKEN", "MPS-wrong").output().unwrap().into();
    assert!(answer.refused().contains("is not valid any more"));
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn an_archive_is_built_followed_and_its_build_cancelled() {
    let installation = Installation::new();
    let repository = installation.repository("node-hello");
    let app = repository.create();
    let archive = tempfile::tempdir().unwrap();
    let tar = archive.path().join("app.tgz");
    repository.git(&["archive", "--format=tar.gz", "--prefix=shop-1.0/", "-o", tar.to_str().unwrap(), "HEAD"]).ok();

    let built = repository.mypaas(&["builds:create", "--source-tar", tar.to_str().unwrap(), "--version", "v1.0"]).ok();
    for words in ["-----> Node.js app detected", "-----> Compressing...", "Verifying deploy... done."] {
        assert!(built.stdout.contains(words), "the build does not say {words:?}:\n{}", built.stdout);
    }
    app.page("the page of the archive", |page| page == "Hello from web.1\n");
    assert_eq!(repository.mypaas(&["builds:output"]).ok().stdout, built.stdout, "afterwards it is there as a whole");
    assert!(repository.mypaas(&["builds:info"]).ok().stdout.contains("succeeded"));
    repository.mypaas(&["builds:cache:purge"]).ok();

    // A build that sleeps is stopped, and its container is gone.
    repository.write("package.json", r#"{"name":"x","scripts":{"build":"echo asleep && sleep 600"},"engines":{"node":"24.x"},"dependencies":{"ms":"2.1.3"}}"#);
    let mut command = installation.mypaas_command(repository.path(), &["builds:create", "--version", "asleep"]);
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let sandboxes = || {
        let instance = std::fs::read_to_string(installation.home.join("keys/instance")).unwrap();
        let filters = [format!("label=mypaas.instance={}", instance.trim()), "label=mypaas.kind=sandbox".to_owned()];
        installation.docker(&["ps", "-aq", "--filter", &filters[0], "--filter", &filters[1]]).ok().stdout
    };
    eventually("the build has a container", || (!sandboxes().is_empty()).then_some(()));
    eventually("the build sleeps", || {
        let ids = sandboxes();
        let id = ids.lines().next()?.to_owned();
        installation.docker(&["top", &id]).stdout.contains("sleep 600").then_some(())
    });
    repository.mypaas(&["builds:cancel"]).ok();
    let said: Answer = child.wait_with_output().unwrap().into();
    assert!(said.stdout.contains("asleep") && said.stdout.contains(" !     Build cancelled by "), "{}", said.stdout);
    assert!(said.refused().contains("Error: Build cancelled by "));
    eventually("the container is gone", || sandboxes().is_empty().then_some(()));
    app.page("the old release", |page| page == "Hello from web.1\n");

    // What lies inside is not fetched, however it is named.
    for url in ["http://127.0.0.1:1/a.tgz", "http://169.254.169.254/latest/a.tgz"] {
        let said = repository.mypaas(&["builds:create", "--source-url", url]).refused();
        assert!(said.contains("is not a public address"), "{url}: {said}");
    }
}
