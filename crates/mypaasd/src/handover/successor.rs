//! The one to which this process hands over.

use std::{
    fs, io,
    os::fd::AsFd,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::time::{sleep, timeout};

use super::{Estate, VARIABLE, lasting, wire::Channel};
use crate::{config::Config, keys, notify};

/// To read a config and a table of routes.
const COMES: Duration = Duration::from_secs(60);
/// To bring a database up to date, and to look at every dyno.
const READY: Duration = Duration::from_secs(10 * 60);
/// To end, once it has let go of the channel: it has yet to say why.
const LOOKS: u32 = 200;
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

/// Why nobody takes over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSuccessor {
    #[error("it could not be started: {0}")]
    NotStarted(#[from] io::Error),
    #[error("this program does not know its own name")]
    Nameless,
    #[error("it ended before it was ready ({0}); what it had to say is above")]
    Ended(String),
    #[error("it was not ready within {} seconds", .0.as_secs())]
    Late(Duration),
}

/// A process that is about to take over. Dropped before it has, it ends.
pub(crate) struct Successor {
    process: Option<Child>,
    channel: Channel,
}

impl Successor {
    /// Starts the program that lies where this one was started from, with the same arguments, and waits until it could lead.
    pub(crate) async fn start(config: &Config, estate: &Estate) -> Result<Self, NoSuccessor> {
        let (channel, theirs) = Channel::pair()?;
        let mut words = std::env::args_os();
        let program = words.next().ok_or(NoSuccessor::Nameless)?;
        let mut command = Command::new(program);
        // systemd's watchdog looks at whoever is the main process, which is not this one any more.
        command.args(words).stdin(Stdio::from(theirs)).env(VARIABLE, "1").env_remove("WATCHDOG_PID");
        let process = command.spawn()?;
        // It holds the other end of the pair as long as it lives.
        drop(command);
        let mut successor = Self { process: Some(process), channel };
        let told = async {
            for (role, socket) in &estate.listeners {
                successor.channel.send(&format!("listener {}", role.name()), Some(socket.as_fd())).await?;
            }
            for socket in &estate.draining {
                successor.channel.send("draining", Some(socket.as_fd())).await?;
            }
            successor.channel.send(&format!("all {}", lasting(config)), None).await
        };
        // One that has ended says so below.
        let _ = timeout(COMES, told).await;
        successor.says("here", COMES).await?;
        Ok(successor)
    }

    /// Lets it lead, and waits until it takes connections.
    pub(crate) async fn leads(&mut self) -> Result<(), NoSuccessor> {
        let _ = self.channel.send("lead", None).await;
        self.says("ready", READY).await
    }

    /// It is the one from now on, whatever becomes of this process.
    pub(crate) async fn is_the_one(&mut self, config: &Config) {
        if let Some(process) = self.process.take() {
            notify::main_process(process.id());
            keep_true(config, process.id());
            tracing::info!(process = process.id(), "handed over; what has begun here comes to its end");
        }
        let _ = self.channel.send("go", None).await;
    }

    /// Ready when it has ended, and so have all that took over from it.
    pub(crate) async fn gone(&self) {
        while let Ok(Some(_)) = self.channel.receive().await {}
    }

    async fn says(&mut self, expected: &str, within: Duration) -> Result<(), NoSuccessor> {
        let said = async {
            loop {
                match self.channel.receive().await {
                    Ok(Some((word, _))) if word == expected => return true,
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => return false,
                }
            }
        };
        match timeout(within, said).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(NoSuccessor::Ended(self.end().await)),
            Err(_) => Err(NoSuccessor::Late(within)),
        }
    }

    /// How it ended, if it does.
    async fn end(&mut self) -> String {
        let Some(process) = &mut self.process else { return String::new() };
        for _ in 0..LOOKS {
            match process.try_wait() {
                Ok(None) => sleep(BETWEEN_LOOKS).await,
                Ok(Some(status)) => return status.to_string(),
                Err(error) => return error.to_string(),
            }
        }
        "it hangs".to_owned()
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Whoever started the server, as `deploy/quickstart`, may have written down which process it is.
fn keep_true(config: &Config, successor: u32) {
    let path = config.home.join("run/mypaasd.pid");
    let own = std::process::id().to_string();
    if fs::read_to_string(&path).is_ok_and(|text| text.trim() == own)
        && let Err(error) = keys::write_once(&path, format!("{successor}\n").as_bytes())
    {
        tracing::warn!("{} names the wrong process now: {error:#}", path.display());
    }
}
