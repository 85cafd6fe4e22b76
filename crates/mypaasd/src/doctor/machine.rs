//! The engine, the kernel, the disk and the clock.

use std::{fs, path::Path};

use docker::About;
use jiff::Timestamp;
use ports::{Clock, clock::SystemClock};

use super::Finding;
use crate::config::Config;

/// The oldest API of the engine that is tried: Docker 20.10.
const OLDEST_API: (u32, u32) = (1, 41);

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let images: Vec<String> = config.stack.iter().flat_map(|stack| [stack.run_image.clone(), stack.build_image.clone()]).collect();
    let mut findings = match docker::about(config.docker.socket.clone(), &images).await {
        Ok(about) => engine(&about),
        Err(error) => {
            let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            vec![Finding::wrong(
                "engine",
                format!("the Docker engine does not answer: {why}"),
                "start it; `docker info` tells when it is there, docker.socket where it is looked for",
            )]
        }
    };
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let finds = |name: &str| on_path(name);
    findings.push(kernel(config.docker.mount_slugs, &read("/proc/filesystems"), Path::new("/dev/loop-control").exists(), finds("mksquashfs")));
    findings.push(packet_rules(finds("iptables")));
    findings.push(cgroups(&read("/sys/fs/cgroup/cgroup.controllers")));
    findings.push(match rustix::fs::statvfs(existing(&config.home)) {
        Ok(figures) => {
            let of = |blocks: u64| blocks.saturating_mul(figures.f_frsize) >> 20;
            disk(config, of(figures.f_bavail), of(figures.f_blocks), figures.f_favail, figures.f_files)
        }
        Err(error) => Finding::wrong("disk", format!("{} cannot be looked at: {error}", config.home.display()), "make the folder, or set MYPAAS_HOME"),
    });
    let kept = ["/run/systemd/timesync/synchronized", "/run/chrony/chronyd.pid", "/run/chronyd.pid", "/run/ntpd.pid", "/var/run/ntp.pid"];
    findings.push(clock(SystemClock.now(), youngest(&config.home), kept.into_iter().any(|path| Path::new(path).exists())));
    findings
}

fn engine(about: &About) -> Vec<Finding> {
    let said = format!("Docker {} (API {}, {}, cgroups v{})", about.version, about.api_version, about.storage, about.cgroups);
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    let mut parts = about.api_version.split('.');
    let api = (number(parts.next()), number(parts.next()));
    let engine = if api < OLDEST_API {
        Finding::wrong("engine", said, "update Docker: 20.10 is the oldest that is tried")
    } else if let Some(warning) = about.warnings.iter().find(|warning| warning.contains("limit")) {
        Finding::warning("engine", format!("{said}; it says: {warning}"), "boot a kernel with that limit, or dynos are held by fewer")
    } else {
        Finding::good("engine", said)
    };
    let stacks = if about.missing.is_empty() {
        Finding::good("stacks", "all images are there")
    } else {
        Finding::wrong("stacks", format!("not there: {}", about.missing.join(", ")), "deploy/stack/build makes them; [[stack]] names them")
    };
    vec![engine, stacks]
}

fn kernel(wanted: bool, filesystems: &str, loops: bool, squashes: bool) -> Finding {
    let knows = |name: &str| filesystems.split_whitespace().any(|word| word == name);
    let there = [("overlay in the kernel", knows("overlay")), ("squashfs in the kernel", knows("squashfs")), ("loop devices", loops), ("mksquashfs", squashes)];
    let missing: Vec<_> = there.into_iter().filter(|(_, there)| !there).map(|(name, _)| name).collect();
    match (wanted, missing.as_slice()) {
        (false, _) => Finding::good("kernel", "slugs are not mounted (docker.mount_slugs)"),
        (true, []) => Finding::good("kernel", "overlay, squashfs and loop devices: slugs can be mounted"),
        (true, missing) => {
            let todo = "install squashfs-tools, `modprobe overlay squashfs loop`; until then each slug is made an image, and starts take longer";
            Finding::warning("kernel", format!("missing: {}", missing.join(", ")), todo)
        }
    }
}

fn packet_rules(there: bool) -> Finding {
    if there {
        Finding::good("packet rules", "iptables is there")
    } else {
        Finding::wrong("packet rules", "there is no iptables", "install it: without packet rules around dynos, nothing is started")
    }
}

fn cgroups(controllers: &str) -> Finding {
    let missing: Vec<_> = ["cpu", "memory", "pids"].into_iter().filter(|name| !controllers.split_whitespace().any(|word| word == *name)).collect();
    if missing.is_empty() {
        return Finding::good("cgroups", "v2, with cpu, memory and pids");
    }
    let todo = "boot with cgroups v2 (systemd.unified_cgroup_hierarchy=1, cgroup_enable=memory): limits and R14 need them";
    Finding::warning("cgroups", format!("not unified, or without {}", missing.join(", ")), todo)
}

/// All in MiB, but for the files.
fn disk(config: &Config, free: u64, of: u64, files_free: u64, files: u64) -> Finding {
    let said = format!("{free} MiB of {of} MiB are free where {} lies", config.home.display());
    let todo = "`mypaas gc` and `mypaas admin:disk` show what could go; a full disk refuses changes and loses nothing";
    if free < config.build.min_free_mib {
        Finding::wrong("disk", format!("{said}, less than build.min_free_mib ({})", config.build.min_free_mib), todo)
    } else if free < of / 10 {
        Finding::warning("disk", said, todo)
    } else if files > 0 && files_free < files / 20 {
        Finding::warning("disk", format!("{said}, but only {files_free} more files can be made"), todo)
    } else {
        Finding::good("disk", said)
    }
}

fn clock(now: Timestamp, youngest: Option<Timestamp>, kept: bool) -> Finding {
    if let Some(youngest) = youngest.filter(|youngest| *youngest > now + jiff::SignedDuration::from_secs(60)) {
        return Finding::wrong("clock", format!("it says {now}, and something here was written at {youngest}"), "set it: waits and expiries are counted by it");
    }
    if kept {
        Finding::good("clock", "something keeps it right")
    } else {
        Finding::warning("clock", "nothing was seen that keeps it right", "run systemd-timesyncd or chrony: certificates, tokens and cycling go by it")
    }
}

/// When something was last written to the database or the log.
fn youngest(home: &Path) -> Option<Timestamp> {
    let written = |name: &str| fs::metadata(home.join(name)).and_then(|metadata| metadata.modified()).ok().and_then(|at| Timestamp::try_from(at).ok());
    ["mypaas.db", "mypaas.db-wal", "keys/instance"].into_iter().filter_map(written).max()
}

/// The folder itself, or the first above it that is there.
fn existing(path: &Path) -> &Path {
    path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"))
}

fn on_path(name: &str) -> bool {
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].into_iter().any(|folder| Path::new(folder).join(name).exists())
}

#[cfg(test)]
mod tests {
    use super::{super::Status, *};

    #[test]
    fn an_engine_is_old_or_lacks_images_or_is_good() {
        let about = About {
            version: "28.1.0".into(),
            api_version: "1.49".into(),
            storage: "overlay2".into(),
            cgroups: "2".into(),
            warnings: vec!["WARNING: bridge-nf is disabled".into()],
            missing: vec![],
        };
        let status = |about: &About| engine(about).into_iter().map(|finding| finding.status).collect::<Vec<_>>();
        assert_eq!(status(&about), [Status::Good, Status::Good]);
        assert_eq!(status(&About { api_version: "1.40".into(), ..about.clone() }), [Status::Wrong, Status::Good]);
        assert_eq!(status(&About { warnings: vec!["WARNING: No swap limit support".into()], ..about.clone() }), [Status::Warning, Status::Good]);
        assert_eq!(status(&About { missing: vec!["heroku:run".into()], ..about }), [Status::Good, Status::Wrong]);
    }

    #[test]
    fn a_machine_is_judged_by_what_dynos_need() {
        let filesystems = "nodev\toverlay\n\tsquashfs\n";
        assert_eq!(kernel(true, filesystems, true, true).status, Status::Good);
        let lacking = kernel(true, "nodev\toverlay\n", true, false);
        assert_eq!((lacking.status, lacking.found.as_str()), (Status::Warning, "missing: squashfs in the kernel, mksquashfs"));
        assert_eq!(kernel(false, "", false, false).status, Status::Good);
        assert_eq!(cgroups("cpuset cpu io memory pids").status, Status::Good);
        assert_eq!(cgroups("").found, "not unified, or without cpu, memory, pids");
        let config = Config::default();
        let status = |free, of, files_free| disk(&config, free, of, files_free, 1000).status;
        assert_eq!(
            [status(20_000, 40_000, 900), status(3_000, 40_000, 900), status(1_000, 2_000, 900), status(20_000, 40_000, 10)],
            [Status::Good, Status::Warning, Status::Wrong, Status::Warning]
        );
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-01-01T00:00:00Z");
        assert_eq!(clock(now, Some(at("2026-01-01T00:02:00Z")), true).status, Status::Wrong);
        assert_eq!(clock(now, Some(now), true).status, Status::Good);
        assert_eq!(clock(now, None, false).status, Status::Warning);
    }
}
