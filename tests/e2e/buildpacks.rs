//! Buildpacks from elsewhere: a git repository at a branch and an archive, one after the other.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use std::{fs, path::Path, process::Command};

use e2e::Installation;

fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A buildpack's scripts. None is executable: that is seen to.
fn buildpack(folder: &Path, scripts: &[(&str, &str)]) {
    fs::create_dir_all(folder.join("bin")).unwrap();
    for (name, script) in scripts {
        fs::write(folder.join("bin").join(name), format!("#!/usr/bin/env bash\n{script}\n")).unwrap();
    }
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn buildpacks_from_elsewhere_run_in_order() {
    let installation = Installation::new();
    let served = tempfile::tempdir().unwrap();
    let (first, second) = (served.path().join("first"), served.path().join("second"));
    let compile = "echo '-----> In a tool'; echo \"export TOOL=$(cat \"$3/TOOL_NAME\")-$SOURCE_VERSION\" >\"$(dirname \"$0\")/../export\"";
    buildpack(&first, &[("detect", "echo First"), ("compile", compile), ("release", "echo 'default_process_types: {web: never}'")]);
    for arguments in [
        ["init", "-q", "-b", "main"].as_slice(),
        &["checkout", "-q", "-b", "v1"],
        &["add", "-A"],
        &["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "commit", "-q", "-m", "A buildpack"],
        &["update-server-info"],
    ] {
        run(&first, "git", arguments);
    }
    let compile =
        "echo \"-----> Built with $TOOL\"; echo \"$TOOL\" >\"$1/index.html\"; echo 'web: python3 -m http.server $PORT' >\"$1/Procfile\"; cat beside.txt";
    buildpack(
        &second,
        &[("detect", "[ -f \"$1/marker\" ] && echo Second || { echo 'There is no marker.'; exit 1; }"), ("compile", compile), ("report", "exit 9")],
    );
    fs::write(second.join("beside.txt"), "relative paths work\n").unwrap();
    run(served.path(), "tar", &["-czf", "second.tgz", "second"]);
    let server = installation.serve(served.path().to_owned());

    let repository = installation.repository("node-hello");
    let app = repository.create();
    repository.mypaas(&["config:set", "TOOL_NAME=drill"]).ok();
    let first = format!("{server}/first/.git#v1");
    repository.mypaas(&["buildpacks:set", &format!("{server}/second.tgz")]).ok();
    let said = repository.mypaas(&["buildpacks:add", "-i", "1", &first]).ok().stdout;
    assert_eq!(
        said,
        format!(
            "Buildpack added. Next release on ⬢ {} will use:\n  1. {first}\n  2. {server}/second.tgz\n\
             Run git push mypaas main to create a new release using these buildpacks.\n",
            app.name
        )
    );
    let said = repository.push().refused();
    for words in ["-----> App not compatible with buildpack: ", "       There is no marker.", "       More info: https://devcenter.heroku.com"] {
        assert!(said.contains(words), "the push does not say {words:?}:\n{said}");
    }

    repository.write("marker", "");
    repository.commit("A marker");
    let said = repository.push().ok().stderr;
    let commit = repository.git(&["rev-parse", "HEAD"]).ok().stdout;
    let built = format!("remote: -----> Built with drill-{}", commit.trim());
    for words in ["-----> Using buildpacks:", "-----> First app detected", "-----> Second app detected", &built, "relative paths work", "types -> web"] {
        assert!(said.contains(words), "the push does not say {words:?}:\n{said}");
    }
    app.page("what the buildpacks made", |page| page == format!("drill-{}\n", commit.trim()));

    // A config var comes before the list, and what cannot be fetched says so, without the password.
    repository.mypaas(&["config:set", &format!("BUILDPACK_URL={}", server.replace("://", "://ann:hunter2@") + "/none.git")]).ok();
    repository.commit("Elsewhere");
    let said = repository.push().refused();
    assert!(said.contains("Push rejected, error fetching buildpack http://****@") && !said.contains("hunter2"), "{said}");
}
