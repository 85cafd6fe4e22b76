//! Git over SSH, with the real `ssh`, `scp` and `git`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::Ordering,
    time::Duration,
};

use domain::{Account, SshKey};
use engine::Actor;
use git::{
    Limits, SshLimits,
    ssh::{HostKey, serve},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::Command,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    client::{Client, Said, said},
    platform::{World, token, until},
};

/// The server's SSH side, and a folder with what a client needs for it.
struct Ssh {
    address: SocketAddr,
    folder: TempDir,
    stop: CancellationToken,
    connections: TaskTracker,
}

impl Ssh {
    async fn of(world: &World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, folder) = (listener.local_addr().unwrap(), tempfile::tempdir().unwrap());
        let host_key = HostKey::parse(&HostKey::generate(world.platform.chance.bytes())).unwrap();
        std::fs::write(folder.path().join("known_hosts"), format!("[127.0.0.1]:{} {}\n", address.port(), host_key.public_line())).unwrap();
        let (stop, connections) = (CancellationToken::new(), TaskTracker::new());
        tokio::spawn(serve(world.git.clone(), host_key, listener, connections.clone(), stop.clone()));
        Self { address, folder, stop, connections }
    }

    fn url(&self, app: &str) -> String {
        format!("ssh://git@{}/{app}.git", self.address)
    }

    /// A new key of this kind: where the private half lies, and the public half.
    async fn key(&self, kind: &[&str]) -> (PathBuf, String) {
        let path = self.folder.path().join(kind.join("-").replace("-t-", ""));
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(kind).args(["-q", "-N", "", "-C", "ann@laptop", "-f"]).arg(&path);
        said(keygen.output().await.unwrap()).must();
        let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
        (path, public)
    }

    fn options(&self, key: &Path) -> Vec<String> {
        let known = self.folder.path().join("known_hosts");
        ["IdentitiesOnly=yes", "IdentityAgent=none", "BatchMode=yes", "StrictHostKeyChecking=yes", "LogLevel=VERBOSE"]
            .map(str::to_owned)
            .into_iter()
            .chain([format!("IdentityFile={}", key.display()), format!("UserKnownHostsFile={}", known.display())])
            .flat_map(|option| ["-o".to_owned(), option])
            .chain(["-F".to_owned(), "/dev/null".to_owned()])
            .collect()
    }

    /// A git client with this key.
    async fn client(&self, key: &Path) -> Client {
        let quiet: Vec<_> = self.options(key).into_iter().map(|option| option.replace("LogLevel=VERBOSE", "LogLevel=ERROR")).collect();
        Client { ssh_command: Some(format!("ssh {}", quiet.join(" "))), ..Client::new().await }
    }

    /// `ssh OPTIONS git@here COMMAND`, ended after a while if it does not end by itself.
    async fn ssh(&self, key: &Path, options: &[&str], command: &[&str]) -> Said {
        let mut ssh = Command::new("ssh");
        ssh.args(self.options(key)).args(options).args(["-p", &self.address.port().to_string(), "git@127.0.0.1"]).args(command);
        ssh.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(Duration::from_secs(30), ssh.output()).await.expect("ssh comes to an end");
        said(output.unwrap())
    }
}

impl World {
    async fn add_key(&self, public: &str) -> SshKey {
        self.platform.add_key(&self.actor, public).await.unwrap()
    }

    /// A world, its SSH side, and a key that is Ann's.
    async fn with_ssh() -> (Self, Ssh, PathBuf) {
        let world = Self::new().await;
        let ssh = Ssh::of(&world).await;
        let (key, public) = ssh.key(&["-t", "ed25519"]).await;
        world.add_key(&public).await;
        (world, ssh, key)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_over_ssh_deploys_and_can_be_cloned() {
    let (world, ssh, key) = World::with_ssh().await;
    let client = ssh.client(&key).await;
    let commit = client.commit("server.js", "listen()").await;
    let text = client.git(&["push", &ssh.url("shop"), "main"]).await.must();
    let told = "remote: Compressing source files... done.\nremote: Building source:\nremote:\nremote: -----> Node.js app detected\n\
                remote:        installing things\nremote:        Released v3\n";
    assert!(text.starts_with(told), "{text}");
    assert!(text.contains("* [new branch]      main -> main"), "{text}");
    assert_eq!(world.commits_deployed(), std::slice::from_ref(&commit));
    assert_eq!(client.git(&["push", &ssh.url("shop"), "main"]).await.must(), "Everything up-to-date\n");

    for version in ["0", "1", "2"] {
        let copy = format!("copy{version}");
        client.git(&["-c", &format!("protocol.version={version}"), "clone", "--quiet", &ssh.url("shop"), &copy]).await.must();
        assert_eq!(std::fs::read_to_string(client.path(&copy).join("server.js")).unwrap(), "listen()");
    }
    client.commit("fail", "").await;
    let text = client.git(&["push", &ssh.url("shop"), "main"]).await.must_fail();
    assert!(text.contains("remote: !\tPush rejected to shop.") && text.contains("(pre-receive hook declined)"), "{text}");
    // What came over SSH is there over HTTP.
    assert!(client.git(&["ls-remote", &world.url(), "main"]).await.must().starts_with(&commit));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_key_that_is_taken_works() {
    let (world, ssh, _) = World::with_ssh().await;
    for kind in [&["-t", "ecdsa"][..], &["-t", "ecdsa", "-b", "384"], &["-t", "ecdsa", "-b", "521"], &["-t", "rsa", "-b", "2048"], &["-t", "rsa", "-b", "4096"]]
    {
        let (key, public) = ssh.key(kind).await;
        let client = ssh.client(&key).await;
        let stranger = client.git(&["ls-remote", &ssh.url("shop")]).await.must_fail();
        assert!(stranger.contains("Permission denied (publickey)"), "{kind:?}: {stranger}");
        world.add_key(&public).await;
        client.git(&["ls-remote", &ssh.url("shop")]).await.must();
        // What OpenSSH calls the key is what we call it.
        let listed = said(Command::new("ssh-keygen").arg("-lf").arg(key.with_extension("pub")).output().await.unwrap()).must();
        assert!(listed.contains(world.platform.keys(&world.actor).await.unwrap().last().unwrap().key.fingerprint().as_str()), "{listed}");
    }
    // RSA with SHA-1 signatures is not taken, whoever's key it is.
    let rsa = ssh.folder.path().join("rsa-b-2048");
    let text = ssh.ssh(&rsa, &["-o", "PubkeyAcceptedAlgorithms=ssh-rsa"], &["git-upload-pack", "'shop.git'"]).await.must_fail();
    assert!(text.contains("no mutual signature") || text.contains("Permission denied"), "{text}");
}

/// Hostile inputs 46.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_removed_keys_get_nowhere() {
    let (world, ssh, key) = World::with_ssh().await;
    let (theirs, public) = ssh.key(&["-t", "ecdsa"]).await;
    let bob = world.platform.actor(&token(&world.platform, "bob@example.com").await).await.unwrap().unwrap();
    world.platform.add_key(&bob, &public).await.unwrap();
    let bobs = ssh.client(&theirs).await;
    bobs.commit("server.js", "1").await;
    for app in ["shop", "nothing"] {
        for arguments in [["push", &ssh.url(app), "main"], ["fetch", &ssh.url(app), "main"]] {
            let text = bobs.git(&arguments).await.must_fail();
            assert!(text.contains(" !     Couldn't find that app.\n"), "{text}");
        }
    }
    assert!(!world.repository().exists());
    // A key is one person's.
    let taken = world.platform.add_key(&world.actor, &public).await.unwrap_err();
    assert_eq!(taken.to_string(), "Fingerprint has already been taken");

    let client = ssh.client(&key).await;
    client.git(&["ls-remote", &ssh.url("shop")]).await.must();
    let id = world.platform.keys(&world.actor).await.unwrap()[0].id.to_string();
    world.platform.remove_key(&world.actor, &id).await.unwrap();
    let text = client.git(&["ls-remote", &ssh.url("shop")]).await.must_fail();
    assert!(text.contains("Permission denied (publickey)"), "{text}");
    assert!(client.git(&["ls-remote", &world.url()]).await.ok, "the token goes on");
}

/// Hostile inputs 47.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_outlives_its_key_is_of_no_use() {
    let (world, ssh, key) = World::with_ssh().await;
    let socket = ssh.folder.path().join("mux");
    let mux = format!("ControlPath={}", socket.display());
    let master = ssh.ssh(&key, &["-f", "-N", "-o", "ControlMaster=yes", "-o", "ControlPersist=yes", "-o", &mux, "-E", "/dev/null"], &[]).await;
    master.must();
    let client = ssh.client(&key).await;
    let over_it = Client { ssh_command: client.ssh_command.as_ref().map(|command| format!("{command} -o ControlMaster=no -o {mux}")), ..client };
    over_it.git(&["ls-remote", &ssh.url("shop")]).await.must();
    over_it.git(&["ls-remote", &ssh.url("shop")]).await.must();
    let id = world.platform.keys(&world.actor).await.unwrap()[0].id.to_string();
    world.platform.remove_key(&world.actor, &id).await.unwrap();
    let text = over_it.git(&["ls-remote", &ssh.url("shop")]).await.must_fail();
    assert!(text.contains(" !     This key does not hold any more."), "{text}");
    // Told to stop, the server does not wait for those who ask for nothing.
    ssh.stop.cancel();
    ssh.connections.close();
    ssh.connections.wait().await;
}

/// Hostile inputs 53.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_two_commands_is_answered() {
    let (world, ssh, key) = World::with_ssh().await;
    let canary = world.folder.path().join("canary");
    let touch = format!("git-receive-pack 'shop';touch {}", canary.display());
    for command in [
        &[][..],
        &["id"],
        &[&touch],
        &["git-receive-pack 'a';id"],
        &["git-receive-pack", "'shop.git'", "--help"],
        &["git-receive-pack '../shop.git'"],
        &["git-upload-archive 'shop.git'"],
        &["git-receive-pack"],
        &["scp", "-t", "/tmp"],
        &["rsync --server"],
    ] {
        let answer = ssh.ssh(&key, &[], command).await;
        let text = answer.must_fail();
        assert!(text.contains(" !     Only `git push`, `git fetch` and `git clone` are answered here."), "{command:?}: {text}");
    }
    assert!(!canary.exists());
    let client = ssh.client(&key).await;
    let archive = format!("--remote={}", ssh.url("shop"));
    let text = client.git(&["archive", &archive, "HEAD"]).await.must_fail();
    assert!(text.contains("Only `git push`"), "{text}");
    assert!(!world.repository().exists());
}

/// Hostile inputs 53.
#[tokio::test(flavor = "multi_thread")]
async fn terminals_forwardings_agents_and_files_are_refused() {
    let (world, ssh, key) = World::with_ssh().await;
    let text = ssh.ssh(&key, &["-tt"], &["git-upload-pack 'nothing.git'"]).await.must_fail();
    assert!(text.contains("PTY allocation request failed"), "{text}");
    // A listener nobody may reach through us.
    let secret = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("127.0.0.1:{}", secret.local_addr().unwrap().port());
    let text = ssh.ssh(&key, &["-W", &target], &[]).await.must_fail();
    assert!(text.contains("administratively prohibited"), "{text}");
    let text = ssh.ssh(&key, &["-o", "ExitOnForwardFailure=yes", "-N", "-R", "0:127.0.0.1:1"], &[]).await.must_fail();
    assert!(text.contains("remote port forwarding failed"), "{text}");
    let far = format!("{}:{}", ssh.folder.path().join("far").display(), ssh.folder.path().join("near").display());
    let text = ssh.ssh(&key, &["-o", "ExitOnForwardFailure=yes", "-N", "-R", &far], &[]).await.must_fail();
    assert!(text.contains("forwarding failed"), "{text}");
    assert!(tokio::time::timeout(Duration::from_millis(50), secret.accept()).await.is_err());

    let subsystem = ssh.ssh(&key, &["-s"], &["sftp"]).await.must_fail();
    assert!(subsystem.contains("subsystem request failed"), "{subsystem}");
    for old in [&[][..], &["-O"]] {
        let mut scp = Command::new("scp");
        scp.args(ssh.options(&key)).args(old).args(["-P", &ssh.address.port().to_string(), "/etc/hostname", "git@127.0.0.1:copied"]);
        said(scp.output().await.unwrap()).must_fail();
    }
    // An agent that is offered is left alone; what was asked for still works.
    let client = ssh.client(&key).await;
    let offering = Client { ssh_command: client.ssh_command.as_ref().map(|command| format!("{command} -A -X -o SetEnv=GIT_DIR=/etc")), ..client };
    offering.git(&["ls-remote", &ssh.url("shop")]).await.must();
    let text = ssh.ssh(&key, &["-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password,keyboard-interactive"], &["id"]).await.must_fail();
    assert!(text.contains("Permission denied (publickey)"), "{text}");
    drop(world);
}

/// Hostile inputs 51.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_goes_on_when_the_ssh_client_is_gone() {
    let (world, ssh, key) = World::with_ssh().await;
    let client = ssh.client(&key).await;
    let commit = client.commit("wait", "").await;
    let mut push = client.start(&["push", &ssh.url("shop"), "main"]);
    until("the build runs", || world.deployed.waiting.load(Ordering::SeqCst) == 1).await;
    push.kill().await.unwrap();
    world.deployed.gate.add_permits(1);
    until("the branch has moved", || std::fs::read_to_string(world.repository().join("refs/heads/main")).is_ok_and(|tip| tip.trim() == commit)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_push_and_a_large_fetch_come_through() {
    let (world, ssh, key) = World::with_ssh().await;
    let client = ssh.client(&key).await;
    for part in 0..24 {
        std::fs::write(client.path(&format!("part{part}")), world.platform.chance.bytes::<300_000>()).unwrap();
    }
    let commit = client.commit("server.js", "1").await;
    client.git(&["push", &ssh.url("shop"), "main"]).await.must();
    assert_eq!(world.commits_deployed(), [commit]);
    client.git(&["clone", "--quiet", &ssh.url("shop"), "copy"]).await.must();
    assert_eq!(std::fs::read(client.path("copy/part23")).unwrap(), std::fs::read(client.path("part23")).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_too_large_over_ssh_is_refused_with_a_sentence() {
    let world = World::with(Limits { pack_bytes: 10_000, ..Limits::default() }, true).await;
    let ssh = Ssh::of(&world).await;
    let (key, public) = ssh.key(&["-t", "ed25519"]).await;
    world.add_key(&public).await;
    let client = ssh.client(&key).await;
    std::fs::write(client.path("large"), world.platform.chance.bytes::<20_000>()).unwrap();
    client.commit("server.js", "1").await;
    let text = client.git(&["push", &ssh.url("shop"), "main"]).await.must_fail();
    assert!(text.contains("pack exceeds maximum allowed size"), "{text}");
}

/// Hostile inputs 52.
#[tokio::test(flavor = "multi_thread")]
async fn those_who_say_nothing_are_not_waited_for_and_one_address_has_so_many_connections() {
    let hello = Duration::from_millis(500);
    let world = World::with(Limits { ssh: SshLimits { connections: 10, connections_each: 2, hello }, ..Limits::default() }, true).await;
    let ssh = Ssh::of(&world).await;
    let mut held = (TcpStream::connect(ssh.address).await.unwrap(), TcpStream::connect(ssh.address).await.unwrap());
    let greeting = async |stream: &mut TcpStream| {
        let mut text = [0; 16];
        stream.read_exact(&mut text).await.map(|_| String::from_utf8_lossy(&text).into_owned())
    };
    assert_eq!((greeting(&mut held.0).await.unwrap().as_str(), greeting(&mut held.1).await.unwrap().as_str()), ("SSH-2.0-mypaas\r\n", "SSH-2.0-mypaas\r\n"));
    assert!(greeting(&mut TcpStream::connect(ssh.address).await.unwrap()).await.is_err(), "the third is not greeted");
    // One says nothing, the other its name and no more.
    held.1.write_all(b"SSH-2.0-x\r\n").await.unwrap();
    let mut rest = Vec::new();
    held.0.read_to_end(&mut rest).await.unwrap();
    held.1.read_to_end(&mut rest).await.unwrap();
    ssh.connections.close();
    ssh.connections.wait().await;
    assert!(greeting(&mut TcpStream::connect(ssh.address).await.unwrap()).await.is_ok());

    // Somebody known who then asks for nothing is sent away as well.
    let (key, public) = ssh.key(&["-t", "ed25519"]).await;
    world.add_key(&public).await;
    let text = ssh.ssh(&key, &["-N"], &[]).await.must_fail();
    assert!(text.contains("nothing was asked for") || text.contains("closed"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_go_with_their_account() {
    let (world, ssh, _) = World::with_ssh().await;
    let now = world.platform.clock.now();
    let eve = Account { id: world.platform.chance.id(now), email: "eve@example.com".parse().unwrap(), created_at: now };
    let mut tx = world.platform.store.write().await.unwrap();
    tx.insert_account(&eve, None).await.unwrap();
    tx.commit().await.unwrap();
    let nobody = Actor { account: Account { id: world.platform.chance.id(now), ..eve }, ..world.actor.clone() };
    let (_, public) = ssh.key(&["-t", "ecdsa"]).await;
    assert!(world.platform.add_key(&nobody, &public).await.is_err(), "a key is somebody's");
}
