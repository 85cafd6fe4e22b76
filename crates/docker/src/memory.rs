//! What the processes of a container use, read where the kernel keeps it: a twentieth of a millisecond, where the engine's own
//! call takes up to a second.
//!
//! Works with both layouts of control groups. Only on the engine's machine; from elsewhere nothing is measured.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

/// In bytes and pages, as the kernel counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Measured {
    pub(crate) rss: u64,
    pub(crate) cache: u64,
    pub(crate) swap: u64,
    pub(crate) pages_in: u64,
    pub(crate) pages_out: u64,
    /// Threads that want a processor.
    pub(crate) runnable: u64,
    /// Processes killed for want of memory.
    pub(crate) killed: u64,
}

/// What the control group of this process uses.
pub(crate) fn measure(pid: u32) -> io::Result<Measured> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
    let (folder, unified) = folder_of(&groups).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    let mut measured = read(&folder, unified)?;
    measured.runnable = threads(&folder).filter(|state| matches!(state, 'R' | 'D')).count() as u64;
    Ok(measured)
}

/// Where a process's memory is counted, and whether in the unified layout (v2).
fn folder_of(groups: &str) -> Option<(PathBuf, bool)> {
    let mut unified = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let path = path.trim_start_matches('/');
        if controllers.split(',').any(|controller| controller == "memory") {
            return Some((Path::new("/sys/fs/cgroup/memory").join(path), false));
        }
        if controllers.is_empty() {
            unified = Some(Path::new("/sys/fs/cgroup").join(path));
        }
    }
    unified.map(|folder| (folder, true))
}

fn read(folder: &Path, unified: bool) -> io::Result<Measured> {
    let text = fs::read_to_string(folder.join("memory.stat"))?;
    let stat = numbers(&text);
    let of = |name: &str| stat.get(name).copied().unwrap_or(0);
    let number = |name: &str| fs::read_to_string(folder.join(name)).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let event = |name: &str| fs::read_to_string(folder.join(name)).map(|text| numbers(&text).get("oom_kill").copied().unwrap_or(0)).unwrap_or(0);
    let measured = Measured { runnable: 0, ..Measured::default() };
    Ok(if unified {
        Measured {
            rss: of("anon"),
            cache: of("file"),
            swap: number("memory.swap.current"),
            pages_in: of("pgfault"),
            pages_out: of("pgsteal"),
            killed: event("memory.events"),
            ..measured
        }
    } else {
        Measured {
            rss: of("total_rss"),
            cache: of("total_cache"),
            swap: of("total_swap"),
            pages_in: of("total_pgpgin"),
            pages_out: of("total_pgpgout"),
            killed: event("memory.oom_control"),
            ..measured
        }
    })
}

/// `name number` per line.
fn numbers(text: &str) -> HashMap<&str, u64> {
    text.lines().filter_map(|line| line.split_once(' ')).filter_map(|(name, number)| Some((name, number.trim().parse().ok()?))).collect()
}

/// The state of every thread in a control group.
fn threads(folder: &Path) -> impl Iterator<Item = char> {
    let processes = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    let pids: Vec<u32> = processes.lines().filter_map(|line| line.parse().ok()).collect();
    let tasks = pids.into_iter().flat_map(|pid| fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten());
    // The name of a program, in parentheses, may hold anything.
    tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok()?.rsplit_once(") ")?.1.chars().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_layouts_are_found() {
        let hybrid = "12:pids:/docker/ab\n5:cpu,memory:/docker/ab\n1:name=systemd:/docker/ab\n0::/docker/ab\n";
        assert_eq!(folder_of(hybrid), Some(("/sys/fs/cgroup/memory/docker/ab".into(), false)));
        assert_eq!(folder_of("0::/system.slice/docker-ab.scope\n"), Some(("/sys/fs/cgroup/system.slice/docker-ab.scope".into(), true)));
        assert_eq!(folder_of("3:cpu:/x\n"), None);
    }

    #[test]
    fn both_layouts_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("memory.stat", "cache 1\ntotal_rss 4096\ntotal_cache 8192\ntotal_swap 10\ntotal_pgpgin 3\ntotal_pgpgout 2\nanon 100\nfile 200\npgfault 7\n");
        write("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
        write("memory.events", "oom 4\noom_kill 1\n");
        write("memory.swap.current", "50\n");
        let old = Measured { rss: 4096, cache: 8192, swap: 10, pages_in: 3, pages_out: 2, runnable: 0, killed: 2 };
        assert_eq!(read(folder.path(), false).unwrap(), old);
        assert_eq!(read(folder.path(), true).unwrap(), Measured { rss: 100, cache: 200, swap: 50, pages_in: 7, pages_out: 0, runnable: 0, killed: 1 });
    }
}
