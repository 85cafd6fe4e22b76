//! What a build says while it goes on, and a release command that fails. The app is its own buildpack, which is quick.

use std::{fs, io::Read, process::Stdio, thread};

use e2e::{Installation, eventually};

#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_release_command_that_fails_leaves_the_old_release_running() {
    let installation = Installation::new();
    let repository = installation.inline("worker: sleep infinity\n", "echo compiled");
    let _app = repository.create();
    let push = repository.push().ok().stderr;
    assert!(push.contains("-----> Using buildpack: heroku/inline") && push.contains("Released v3"), "{push}");
    assert!(repository.mypaas(&["buildpacks"]).ok().stdout.contains("heroku/inline"), "what app.json asks for is set");

    repository.write("Procfile", "worker: sleep infinity\nrelease: echo migrating; exit 3\n");
    repository.commit("A release command that fails");
    let push = repository.push().ok().stderr;
    for words in ["Running release command...", "remote: migrating", "Waiting for release.... failed.", "main -> main"] {
        assert!(push.contains(words), "the push does not say {words:?}:\n{push}");
    }
    let info = repository.mypaas(&["builds:info"]).ok().stdout;
    assert!(info.contains("The release command of v4 failed; the release before it runs on.") && info.contains("heroku/inline"), "{info}");
    let json = repository.mypaas(&["builds:info", "--json"]).ok().stdout;
    assert!(json.contains("\"id\": \"release_phase\"") && json.contains("\"status\": \"succeeded\""), "{json}");
    let releases = repository.mypaas(&["releases"]).ok().stdout;
    assert!(releases.contains("v4"), "{releases}");
    assert_eq!(repository.mypaas(&["releases:output", "v4"]).ok().stdout, "migrating\n", "kept, without what the build said");
    let none = repository.mypaas(&["releases:output", "v3"]).ok();
    assert!(format!("{}{}", none.stdout, none.stderr).contains("v3 has no release output"), "{none:?}");

    repository.write("Procfile", "worker: sleep infinity\nrelease: echo migrating\n");
    repository.commit("A release command that works");
    let push = repository.push().ok().stderr;
    assert!(push.contains("Waiting for release.... done."), "{push}");
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn half_a_line_is_heard_while_the_build_waits() {
    let installation = Installation::new();
    let repository =
        installation.inline("worker: sleep infinity\n", r#"printf '       waiting ..'; until [ -e "$2/go" ]; do sleep 0.05; done; echo '. gone on'"#);
    let _app = repository.create();
    let mut create = installation.mypaas_command(repository.path(), &["builds:create", "--buildpack", "heroku/inline"]);
    let mut build = create.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut heard = String::new();
    let mut stdout = build.stdout.take().unwrap();
    let mut hear = |words: &str, heard: &mut String| {
        let mut bytes = [0; 4096];
        while !heard.ends_with(words) {
            let read = stdout.read(&mut bytes).unwrap();
            assert_ne!(read, 0, "it ended without {words:?}: {heard}");
            heard.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    };
    // Nothing has told the build to go on: what is heard here came while it waits.
    hear("       waiting ..", &mut heard);
    let instance = fs::read_to_string(installation.home.join("keys/instance")).unwrap();
    let filters = [format!("label=mypaas.instance={}", instance.trim()), "label=mypaas.kind=sandbox".to_owned()];
    let listed = eventually("the build's container", || {
        let ids = installation.docker(&["ps", "-q", "--filter", &filters[0], "--filter", &filters[1]]).ok().stdout;
        // One that is kept ready for the next build has no such folder, or nobody looks into it.
        (!ids.is_empty()).then_some(ids)
    });
    for id in listed.lines() {
        installation.docker(&["exec", id, "touch", "/tmp/codon/tmp/cache/go"]);
    }
    let rest = thread::spawn(move || {
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).map(|_| rest)
    });
    assert!(build.wait().unwrap().success());
    let rest = rest.join().unwrap().unwrap();
    assert!(rest.starts_with(". gone on\n"), "{rest}");
}
