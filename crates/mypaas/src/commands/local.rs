//! `local`: the Procfile on the person's own machine, with `.env`.
//!
//! No shell is started for its lines (see `words`): who wants one names it there, `web: sh serve.sh`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use clap::Args;
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::assignments;
use crate::context::Context;
use crate::environment;
use crate::error::Error;
use crate::output;
use crate::procfile::{self, Process};
use crate::words;

/// What processes have from SIGTERM to SIGKILL; the platform gives 30 seconds, a person at a keyboard has less patience.
const GRACE: Duration = Duration::from_secs(10);
/// The next process type's ports begin this much higher.
const PORTS_PER_TYPE: u16 = 100;

#[derive(Debug, Args)]
pub(crate) struct Local {
    /// Process types to run: web, or web,worker; all but release when left out
    #[arg(value_name = "TYPES", value_delimiter = ',')]
    types: Vec<String>,
    /// The Procfile
    #[arg(short = 'f', long, value_name = "FILE", default_value = "Procfile")]
    procfile: String,
    /// File with KEY=VALUE lines; again for another one
    #[arg(short, long, value_name = "FILE")]
    env: Vec<String>,
    /// The first process's PORT
    #[arg(short, long, default_value_t = 5000)]
    port: u16,
    /// How many of each type: web=2,worker=1
    #[arg(short, long, value_name = "TYPE=N", value_delimiter = ',')]
    concurrency: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct LocalRun {
    /// File with KEY=VALUE lines; again for another one
    #[arg(short, long, value_name = "FILE")]
    env: Vec<String>,
    /// The command's PORT
    #[arg(short, long, default_value_t = 5000)]
    port: u16,
    /// The command; options for this program go before it
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// One process to be started.
#[derive(Debug, PartialEq, Eq)]
struct Planned {
    /// `web.1`
    name: String,
    command: String,
    port: u16,
}

enum Event {
    Line { process: usize, text: Vec<u8> },
    Ended { process: usize, status: ExitStatus },
    Asked,
    GraceIsOver,
}

/// Runs the processes until one of them ends, or the person ends them; then all end. The status is that of the first that ended.
pub(crate) fn start(context: &Context, args: &Local) -> Result<u8, Error> {
    let text = fs::read_to_string(&args.procfile)
        .map_err(|error| Error::failed_with_hint(format!("{} cannot be read: {error}.", args.procfile), "go to the app's folder, or name the file with -f"))?;
    let planned = plan(&procfile::parse(&text), &args.types, &args.concurrency, args.port)?;
    let variables = variables(&args.env)?;

    let commands: Result<Vec<_>, _> = planned.iter().map(|one| command(one, &variables)).collect();
    let mut commands = commands?;

    let (tell, events) = mpsc::channel();
    // Before the first process is there: none may be left behind.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|error| Error::failed(format!("Signals cannot be waited for: {error}.")))?;
    let asked = tell.clone();
    thread::spawn(move || signals.forever().take_while(|_| asked.send(Event::Asked).is_ok()).for_each(drop));

    let width = planned.iter().map(|one| one.name.len()).max().unwrap_or(0);
    let prefixes: Vec<_> = planned.iter().map(|one| prefix(&one.name, width, output::colour(context.environment.no_color))).collect();
    let mut groups: Vec<Option<Pid>> = Vec::new();
    for (process, one) in planned.iter().enumerate() {
        let started = commands[process].stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        match started {
            Ok(child) => {
                groups.push(Pid::from_child(&child).into());
                follow(process, child, &tell);
                say(&prefixes[process], format!("started on port {}: {}", one.port, one.command).as_bytes())?;
            }
            Err(error) => {
                signal(&groups, Signal::KILL);
                return Err(Error::failed(format!("{} cannot be started: {error}.", one.name)));
            }
        }
    }
    let status = watch(&events, &tell, &mut groups, &prefixes);
    if status.is_err() {
        signal(&groups, Signal::KILL);
    }
    status
}

/// Runs one command in the environment that the processes have.
pub(crate) fn run(args: &LocalRun) -> Result<u8, Error> {
    let variables = variables(&args.env)?;
    let [program, rest @ ..] = args.command.as_slice() else { return Err(Error::Usage("A command is needed.".into())) };
    // In this program's place: the terminal and its keys are the command's.
    let error = Command::new(program).args(rest).env("PORT", args.port.to_string()).envs(variables).exec();
    Err(Error::failed(format!("{program} cannot be started: {error}.")))
}

/// What is to run, with which port: 5000 and up for the first type, 5100 and up for the second.
fn plan(processes: &[Process], types: &[String], concurrency: &[String], first_port: u16) -> Result<Vec<Planned>, Error> {
    let known: Vec<_> = processes.iter().map(|process| process.process_type.as_str()).collect();
    if known.is_empty() {
        return Err(Error::failed_with_hint("The Procfile names no process.", "a line is `web: COMMAND`"));
    }
    let mut wanted = Vec::new();
    for one in concurrency {
        let parsed = one.split_once('=').and_then(|(name, count)| Some((name, count.parse::<u16>().ok().filter(|count| *count <= PORTS_PER_TYPE)?)));
        wanted.push(parsed.ok_or_else(|| Error::Usage(format!("{one:?} is no number of processes: write web=2.")))?);
    }
    for name in types.iter().map(String::as_str).chain(wanted.iter().map(|(name, _)| *name)) {
        if !known.contains(&name) {
            return Err(Error::failed(format!("The Procfile has no {name:?}; it has {}.", known.join(", "))));
        }
    }
    let mut planned = Vec::new();
    for (index, process) in processes.iter().enumerate() {
        let name = &process.process_type;
        let chosen = if types.is_empty() { name != "release" } else { types.contains(name) };
        let count = wanted.iter().find(|(asked, _)| asked == name).map_or(u16::from(chosen), |(_, count)| *count);
        let base = u16::try_from(index).ok().and_then(|index| index.checked_mul(PORTS_PER_TYPE)).and_then(|offset| first_port.checked_add(offset));
        let base =
            base.filter(|base| base.checked_add(PORTS_PER_TYPE).is_some()).ok_or_else(|| Error::Usage("There are not enough ports above that one.".into()))?;
        planned.extend((0..count).map(|number| Planned { name: format!("{name}.{}", number + 1), command: process.command.clone(), port: base + number }));
    }
    Ok(planned)
}

fn variables(files: &[String]) -> Result<Vec<(String, String)>, Error> {
    let mut all = Vec::new();
    // `.env` need not be there; a file that was named must.
    let usual = [".env".to_owned()];
    for file in if files.is_empty() { &usual } else { files } {
        match fs::read_to_string(file) {
            Ok(text) => all.extend(assignments::parse(&text).map_err(|error| Error::failed(format!("{file}: {error}.")))?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && files.is_empty() => {}
            Err(error) => return Err(Error::failed(format!("{file} cannot be read: {error}."))),
        }
    }
    Ok(all)
}

/// A group of its own: Ctrl-C is for this program, which ends them in order, with all that they have started.
fn command(one: &Planned, variables: &[(String, String)]) -> Result<Command, Error> {
    let known = |name: &str| match variables.iter().rev().find(|(key, _)| key == name) {
        Some((_, value)) => value.clone(),
        None if name == "PORT" => one.port.to_string(),
        None => environment::variable(name).unwrap_or_default(),
    };
    let parts = words::split(&one.command, known).map_err(|error| {
        let hint = "put the line into a file and name the shell: `web: sh serve.sh`";
        Error::failed_with_hint(format!("{} cannot be started: {error}.", one.name), hint)
    })?;
    let [program, arguments @ ..] = parts.words.as_slice() else { return Err(Error::failed(format!("{} names no program.", one.name))) };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).process_group(0);
    command.env("PORT", one.port.to_string()).envs(variables.iter().map(|(key, value)| (key, value))).envs(parts.variables);
    Ok(command)
}

/// Tells of each line and of the end.
fn follow(process: usize, mut child: Child, tell: &Sender<Event>) {
    let read = |stream: Option<Box<dyn Read + Send>>| {
        let tell = tell.clone();
        stream.map(|stream| {
            thread::spawn(move || {
                let mut stream = BufReader::new(stream);
                let mut text = Vec::new();
                while stream.read_until(b'\n', &mut text).is_ok_and(|length| length > 0) {
                    let text = std::mem::take(&mut text);
                    if tell.send(Event::Line { process, text }).is_err() {
                        break;
                    }
                }
            })
        })
    };
    let out = read(child.stdout.take().map(|stream| Box::new(stream) as _));
    let err = read(child.stderr.take().map(|stream| Box::new(stream) as _));
    let tell = tell.clone();
    thread::spawn(move || {
        let status = child.wait();
        // A process that has ended may have left children that hold its output: that is not waited for long.
        let (done, is_done) = mpsc::channel::<()>();
        thread::spawn(move || {
            for reader in [out, err].into_iter().flatten() {
                let _ = reader.join();
            }
            drop(done);
        });
        let _ = is_done.recv_timeout(Duration::from_secs(1));
        if let Ok(status) = status {
            let _ = tell.send(Event::Ended { process, status });
        }
    });
}

/// The story from the start of the last process to the end of all.
fn watch(events: &Receiver<Event>, tell: &Sender<Event>, groups: &mut [Option<Pid>], prefixes: &[String]) -> Result<u8, Error> {
    let mut first: Option<u8> = None;
    let mut stopping = false;
    while groups.iter().any(Option::is_some) {
        let Ok(event) = events.recv() else { break };
        let stop_now = match event {
            Event::Line { process, text } => {
                say(&prefixes[process], text.strip_suffix(b"\n").unwrap_or(&text))?;
                false
            }
            Event::Ended { process, status } => {
                let code = status.code().or(status.signal().map(|signal| 128 + signal)).and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
                say(&prefixes[process], format!("ended with status {code}").as_bytes())?;
                // What it has started goes with it.
                signal(&[groups[process].take()], Signal::TERM);
                first.get_or_insert(code);
                true
            }
            Event::Asked if stopping => {
                signal(groups, Signal::KILL);
                false
            }
            Event::Asked => {
                first.get_or_insert(130);
                true
            }
            Event::GraceIsOver => {
                signal(groups, Signal::KILL);
                false
            }
        };
        if stop_now && !stopping {
            stopping = true;
            signal(groups, Signal::TERM);
            let tell = tell.clone();
            thread::spawn(move || {
                thread::sleep(GRACE);
                let _ = tell.send(Event::GraceIsOver);
            });
        }
    }
    Ok(first.unwrap_or(0))
}

fn signal(groups: &[Option<Pid>], signal: Signal) {
    for group in groups.iter().flatten() {
        // One that has gone needs no signal.
        let _ = kill_process_group(*group, signal);
    }
}

fn prefix(name: &str, width: usize, colour: bool) -> String {
    let text = format!("{name:<width$} | ");
    if colour { output::paint(name, &text) } else { text }
}

fn say(prefix: &str, text: &[u8]) -> Result<(), Error> {
    output::bytes(&[prefix.as_bytes(), text, b"\n"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(types: &[&str], concurrency: &[&str]) -> String {
        let processes = procfile::parse("web: a\nrelease: b\nworker: c\n");
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        match plan(&processes, &words(types), &words(concurrency), 5000) {
            Ok(planned) => planned.iter().map(|one| format!("{}:{}", one.name, one.port)).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn each_type_has_ports_of_its_own() {
        assert_eq!(check(&[], &[]), "web.1:5000 worker.1:5200");
        assert_eq!(check(&["release"], &[]), "release.1:5100");
        assert_eq!(check(&[], &["web=2", "worker=0"]), "web.1:5000 web.2:5001");
        assert_eq!(check(&["wrok"], &[]), "The Procfile has no \"wrok\"; it has web, release, worker.");
        assert_eq!(check(&[], &["web=many"]), "\"web=many\" is no number of processes: write web=2.");
    }
}
