//! Pushing over SSH, with a key of one's own.

use std::process::Command;

use e2e::{Answer, Installation};

#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_push_over_ssh_deploys_until_the_key_is_removed() {
    let installation = Installation::new();
    let repository = installation.repository("node-hello");
    let app = repository.create();
    let folder = tempfile::tempdir().unwrap();
    let (key, comment) = (folder.path().join("key"), format!("e2e@{}", app.name));
    let keygen: Answer = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", &comment, "-f"]).arg(&key).output().unwrap().into();
    keygen.ok();
    repository.mypaas(&["git:remote", "--ssh", "-a", &app.name]).ok();
    let hosts = folder.path().join("known_hosts");
    let ssh = format!(
        "core.sshCommand=ssh -F /dev/null -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes -o StrictHostKeyChecking=accept-new \
         -o UserKnownHostsFile={} -i {}",
        hosts.display(),
        key.display()
    );
    let git = |args: &[&str]| repository.git(&[&["-c", &ssh], args].concat());

    let said = git(&["push", "mypaas", "main"]).refused();
    assert!(said.contains("Permission denied (publickey)"), "{said}");
    repository.mypaas(&["keys:add", key.with_extension("pub").to_str().unwrap()]).ok();
    assert!(repository.mypaas(&["keys"]).ok().stdout.contains(&comment));
    let said = repository.mypaas(&["keys:add", key.to_str().unwrap()]).refused();
    assert!(said.contains("is a private key; it was not sent"), "{said}");

    let said = git(&["push", "mypaas", "main"]).ok().stderr;
    for words in ["remote: -----> Node.js app detected", "remote: Verifying deploy... done.", "main -> main"] {
        assert!(said.contains(words), "the push does not say {words:?}:\n{said}");
    }
    app.page("the page", |page| page == "Hello from web.1\n");
    git(&["fetch", "mypaas"]).ok();
    let url = repository.git(&["remote", "get-url", "mypaas"]).ok().stdout;
    let other = url.trim().replace(&app.name, "no-such-app-here");
    let said = git(&["ls-remote", &other]).refused();
    assert!(said.contains("Couldn't find that app."), "{said}");

    repository.mypaas(&["keys:remove", &comment]).ok();
    let said = git(&["ls-remote", "mypaas"]).refused();
    assert!(said.contains("Permission denied (publickey)"), "{said}");
}
