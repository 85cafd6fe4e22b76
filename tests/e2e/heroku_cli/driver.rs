//! Drives the unmodified official command line. What does not turn out as wanted is noted, and the journey goes on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

use e2e::{Answer, Installation, eventually};
use serde_json::Value;

/// The release that is driven.
const VERSION: &str = "11.10.0";
/// So long a terminal may stay silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// The command line, with a home of its own, led to the installation by what `mypaas heroku:env` prints.
pub(crate) struct Heroku<'a> {
    pub(crate) installation: &'a Installation,
    home: tempfile::TempDir,
    program: PathBuf,
    settings: BTreeMap<String, String>,
    /// What `APP` stands for in a command.
    pub(crate) app: String,
    folder: PathBuf,
    invocations: BTreeSet<String>,
    failures: Vec<String>,
}

/// Another person with an account.
pub(crate) struct Somebody {
    pub(crate) email: String,
    pub(crate) password: &'static str,
    pub(crate) token: String,
}

impl<'a> Heroku<'a> {
    pub(crate) fn new(installation: &'a Installation, folder: &Path, app: &str) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let printed = installation.mypaas(home.path(), &["heroku:env"]).ok().stdout;
        let setting = |line: &str| {
            let (key, value) = line.strip_prefix("export ")?.split_once('=')?;
            Some((key.to_owned(), value.trim_matches('\'').to_owned()))
        };
        let settings = printed.lines().map(|line| setting(line).unwrap_or_else(|| panic!("{line} is for eval"))).collect();
        let program = installed(installation);
        let (app, folder) = (app.to_owned(), folder.to_owned());
        Self { installation, program, settings, app, folder, home, invocations: BTreeSet::new(), failures: Vec::new() }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// One of the settings that `heroku:env` prints.
    pub(crate) fn setting(&self, key: &str) -> String {
        self.settings[key].clone()
    }

    fn filled(&self, text: &str) -> String {
        text.replace("APP", &self.app).replace("HOME", self.home.path().to_str().expect("the folder's name is text"))
    }

    /// A program with the command line's settings and home, and with the command line in its path.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let bin = self.program.parent().expect("the program lies in a folder");
        command
            .env_clear()
            .envs(&self.settings)
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display()))
            .env("HOME", self.home.path())
            .env("NO_COLOR", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        command
    }

    /// `heroku` with these words: `APP` is the app, `HOME` its home, `␣` a space in a word.
    pub(crate) fn heroku(&mut self, words: &str) -> Command {
        let mut command = self.command(&self.program);
        command.args(words.split_whitespace().map(|word| self.filled(word).replace('␣', " ")));
        self.invocations.insert(words.to_owned());
        command
    }

    /// Runs it: it has to succeed and to say all this, on whichever output.
    pub(crate) fn says(&mut self, words: &str, wanted: &[&str]) -> Answer {
        self.ends(words, Some(0), wanted)
    }

    /// Runs it: it has to fail with this status and to say all this.
    pub(crate) fn fails(&mut self, words: &str, status: i32, wanted: &[&str]) -> Answer {
        self.ends(words, Some(status), wanted)
    }

    fn ends(&mut self, words: &str, status: Option<i32>, wanted: &[&str]) -> Answer {
        let answer: Answer = self.heroku(words).output().expect("heroku runs").into();
        self.check(words, &answer, status, wanted);
        answer
    }

    /// Holds an answer against what is wanted.
    pub(crate) fn check(&mut self, words: &str, answer: &Answer, status: Option<i32>, wanted: &[&str]) {
        let said = format!("{}{}", answer.stdout, answer.stderr);
        let unfolded = said.replace('›', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        // The client folds long sentences.
        let missing: Vec<_> = wanted.iter().map(|text| self.filled(text)).filter(|text| !said.contains(text) && !unfolded.contains(text)).collect();
        if status.is_some_and(|status| status != answer.status) || !missing.is_empty() {
            self.note(format!("heroku {words}: status {}, without {missing:?}:\n{}\n--- stderr\n{}", answer.status, answer.stdout, answer.stderr));
        }
    }

    /// Runs it in a terminal without a token: answers what it asks, each once it has said what stands before. A word beginning
    /// with `→` is not typed: it stands for what somebody does elsewhere, who is told what was said so far.
    pub(crate) fn talks(&mut self, words: &str, talk: &[(&str, &str)], mut elsewhere: impl FnMut(&str)) -> Answer {
        self.invocations.insert(words.to_owned());
        let mut script = self.command(Path::new("script"));
        script.args(["-qefc", &format!("heroku {words}"), "/dev/null"]).env_remove("HEROKU_API_KEY").env("TERM", "xterm");
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script runs");
        let (mut keys, mut screen) = (child.stdin.take().expect("stdin is piped"), child.stdout.take().expect("stdout is piped"));
        let (say, heard) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                if say.send(String::from_utf8_lossy(&bytes[..count]).into_owned()).is_err() {
                    return;
                }
            }
        });
        let (mut said, mut answered) = (String::new(), 0);
        for (question, answer) in talk {
            while !said[answered..].contains(question) {
                match heard.recv_timeout(PATIENCE) {
                    Ok(more) => said.push_str(&more),
                    Err(_) => {
                        child.kill().expect("a child can be ended");
                        self.note(format!("heroku {words}: ended or waited without {question:?}: {said}"));
                        break;
                    }
                }
            }
            answered = said.len();
            if answer.starts_with('→') {
                elsewhere(&said);
            } else {
                keys.write_all(answer.as_bytes()).expect("the terminal takes keys");
            }
        }
        while let Ok(more) = heard.recv_timeout(PATIENCE) {
            said.push_str(&more);
        }
        child.kill().ok();
        let status = child.wait().expect("a child is waited for").code().unwrap_or(-1);
        Answer { status, stdout: said, stderr: String::new() }
    }

    /// Runs it until it says this; the rest is cut off.
    pub(crate) fn tails(&mut self, words: &str, wanted: &str) {
        let mut child = self.heroku(words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("heroku runs");
        let lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let heard = lines.map_while(Result::ok).any(|line| line.contains(wanted));
        child.kill().expect("a child can be ended");
        child.wait().expect("a child is waited for");
        if !heard {
            self.note(format!("heroku {words}: ended without {wanted:?}"));
        }
    }

    /// What the API says of a path.
    pub(crate) fn ask(&self, path: &str) -> Value {
        let (server, token) = (&self.settings["HEROKU_HOST"], &self.settings["HEROKU_API_KEY"]);
        let newest_first = if path.ends_with("/releases") { "header = \"Range: version ..; order=desc\"\n" } else { "" };
        let config = format!("header = \"Authorization: Bearer {token}\"\n{newest_first}");
        let file = self.home.path().join("curl");
        fs::write(&file, config).expect("a file is written");
        let url = format!("{server}{}", self.filled(path));
        let curl = Command::new("curl").args(["-sS", "-g", "--cacert", &self.settings["NODE_EXTRA_CA_CERTS"], "-K"]).arg(&file).args(["--", &url]).output();
        let answer = Answer::from(curl.expect("curl runs")).ok().stdout;
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"))
    }

    /// Notes it unless the API says this at this place (RFC 6901).
    #[track_caller]
    pub(crate) fn is(&mut self, path: &str, place: &str, wanted: impl Into<Value>) {
        let (answer, wanted) = (self.ask(path), wanted.into());
        if answer.pointer(place) != Some(&wanted) {
            self.note(format!("line {}: {path}{place} is not {wanted}: {answer}", std::panic::Location::caller().line()));
        }
    }

    /// Notes it unless it holds.
    pub(crate) fn holds(&mut self, what: &str, holds: bool) {
        if !holds {
            self.note(what.to_owned());
        }
    }

    /// Makes another account.
    pub(crate) fn somebody_else(&self) -> Somebody {
        let email = format!("bob-{}@example.com", self.app);
        let password = "correct horse battery staple";
        let mut made = Command::new(self.installation.source("target/debug/mypaasd"))
            .arg("--config")
            .arg(self.installation.home.join("config.toml"))
            .args(["account:create", "--", &email])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("mypaasd runs");
        made.stdin.take().expect("stdin is piped").write_all(password.as_bytes()).expect("the password is taken");
        assert!(made.wait().expect("mypaasd ends").success(), "an account is made");
        let file = self.home.path().join("curl-login");
        fs::write(&file, format!("user = \"{email}:{password}\"\n")).expect("a file is written");
        let url = format!("{}/oauth/authorizations", self.settings["HEROKU_HOST"]);
        let curl =
            Command::new("curl").args(["-sS", "--cacert", &self.settings["NODE_EXTRA_CA_CERTS"], "-X", "POST", "-K"]).arg(&file).args(["--", &url]).output();
        let made: Value = serde_json::from_str(&Answer::from(curl.expect("curl runs")).ok().stdout).expect("an authorization is JSON");
        Somebody { email, password, token: made["access_token"]["token"].as_str().expect("with a token").to_owned() }
    }

    /// The same journey with somebody else's token, for a while.
    pub(crate) fn as_somebody(&mut self, somebody: &Somebody, journey: impl FnOnce(&mut Self)) {
        let own = self.settings.insert("HEROKU_API_KEY".to_owned(), somebody.token.clone());
        journey(self);
        self.settings.insert("HEROKU_API_KEY".to_owned(), own.expect("heroku:env gives a token"));
    }

    /// Waits until every dyno of a type is up, and there are so many.
    pub(crate) fn until_up(&self, process_type: &str, count: usize) {
        eventually("the dynos are up", || {
            let dynos = self.ask("/apps/APP/dynos");
            let states: Vec<&Value> = dynos.as_array()?.iter().filter(|dyno| dyno["type"] == process_type).map(|dyno| &dyno["state"]).collect();
            (states.len() == count && states.iter().all(|state| *state == "up")).then_some(())
        });
    }

    fn note(&mut self, failure: String) {
        eprintln!("FAILED {failure}\n");
        self.failures.push(failure);
    }

    /// How many different commands were run, if all went as wanted.
    pub(crate) fn end(self) -> usize {
        assert!(self.failures.is_empty(), "{} of {} did not go as wanted:\n\n{}", self.failures.len(), self.invocations.len(), self.failures.join("\n\n"));
        self.invocations.len()
    }
}

/// The official command line, from its registry, once: it stays below `target`.
pub(crate) fn installed(installation: &Installation) -> PathBuf {
    let folder = installation.source("target").join(format!("heroku-cli-{VERSION}"));
    let program = folder.join("node_modules/.bin/heroku");
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().expect("an installation that failed has failed the test");
    if !program.exists() {
        fs::create_dir_all(&folder).expect("a folder is made");
        let package = format!("heroku@{VERSION}");
        let npm = Command::new("npm").args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]).arg(&folder).arg(&package).output();
        Answer::from(npm.expect("npm runs")).ok();
    }
    program
}
