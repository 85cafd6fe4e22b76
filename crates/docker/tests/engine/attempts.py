"""Everything an app might try, from inside. Says of each attempt whether it was denied, and of its legal counterpart
whether it works. Arguments: a JSON object with `files` and `targets` ({name: [protocol, address, port]}) that must not be
reached, `legal` ones that must, `names` that resolve, the number of a process of the host, and `pids`, the most processes there may be."""
import concurrent.futures, ctypes, errno, json, os, socket, stat, sys, time

given = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)


def say(good, bad, name, why=""):
    # In one piece: several may speak at once.
    sys.stdout.write(f"{good if bad is None else bad} {name} {why}\n")
    sys.stdout.flush()


def denied(name, attempt):
    """An attempt that fails is denied; one that is over without an error is not."""
    try:
        done = attempt()
        say(None, "POSSIBLE", name, repr(done))
    except OSError as error:
        say("denied", None, name, errno.errorcode.get(error.errno, str(error)))


def works(name, attempt):
    try:
        attempt()
        say("works", None, name)
    except OSError as error:
        say(None, "BROKEN", name, str(error))


def call(name, *arguments):
    function = getattr(libc, name)
    arguments = [argument.encode() if isinstance(argument, str) else argument for argument in arguments]
    if function(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def syscall(number, *arguments):
    done = libc.syscall(ctypes.c_long(number), *arguments)
    if done < 0:
        raise OSError(ctypes.get_errno(), str(number))
    return done


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def connect(protocol, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect((address, port))
        s.send(b"hello\n")
        answer = s.recv(100)
        if not answer:
            raise OSError(errno.ECONNRESET, "hung up")
        return answer


def bound(port, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("0.0.0.0", port))


# The engine, and files that lead to the host.
for path in given["files"] + ["/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda"]:
    denied("open " + path, lambda: os.stat(path) and os.open(path, os.O_RDWR))
for path in ["/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/sys/net/ipv4/ip_forward", "/proc/self/oom_score_adj"]:
    denied("write " + path, lambda: write(path, "-1"))
denied("read /proc/kcore", lambda: open("/proc/kcore", "rb").read(4096) or (_ for _ in ()).throw(OSError(errno.ENODATA, "empty")))
denied("read /proc/keys", lambda: open("/proc/keys").read() or (_ for _ in ()).throw(OSError(errno.ENODATA, "empty")))

# Control groups.
groups = "/sys/fs/cgroup"
for path in [groups, groups + "/memory", groups + "/pids"]:
    denied("mkdir " + path, lambda: os.mkdir(path + "/own"))
for path in ["/memory/memory.limit_in_bytes", "/pids/pids.max", "/memory.max", "/pids.max", "/cgroup.procs", "/memory/release_agent"]:
    denied("write cgroup " + path, lambda: write(groups + path, "1000000000"))

# The kernel.
denied("mount", lambda: call("mount", "none", "/mnt", "tmpfs", 0, None))
denied("umount /proc", lambda: call("umount2", "/proc", 2))
denied("new mounts", lambda: call("unshare", 0x00020000))
denied("new users", lambda: call("unshare", 0x10000000))
denied("pivot_root", lambda: syscall(155, b"/", b"/"))
denied("chroot", lambda: os.chroot("/tmp"))
denied("mknod", lambda: os.mknod("/tmp/disk", stat.S_IFBLK | 0o666, os.makedev(8, 0)))
denied("setns", lambda: call("setns", os.open("/proc/1/ns/net", os.O_RDONLY), 0))
denied("reboot", lambda: call("reboot", 0x1234567))
denied("load a module", lambda: syscall(175, b"", 0, b""))
denied("bpf", lambda: syscall(321, 0, b"\0" * 64, 64))
denied("perf", lambda: syscall(298, b"\0" * 128, 0, -1, -1, 0))
denied("clock", lambda: time.clock_settime(time.CLOCK_REALTIME, 1_000_000_000))
denied("host name", lambda: socket.sethostname("other"))
denied("kernel log", lambda: syscall(103, 3, ctypes.create_string_buffer(100), 100))
denied("add_key", lambda: syscall(248, b"user", b"name", b"text", 4, -2))
denied("request_key", lambda: syscall(249, b"user", b"name", None, -2))
denied("keyctl", lambda: syscall(250, 0, -3, 1))

# Somebody else.
denied("become root", lambda: os.setuid(0))
denied("become root by su", lambda: os.spawnvp(os.P_WAIT, "su", ["su", "-c", "true"]) and (_ for _ in ()).throw(OSError(errno.EPERM, "su")))
denied("give away a file", lambda: (write("/tmp/own", ""), os.chown("/tmp/own", 0, 0)))
denied("signal a process of the host", lambda: os.kill(given["process"], 0))
denied("trace a process of the host", lambda: syscall(101, 16, given["process"], 0, 0))
denied("see others' processes", lambda: len([name for name in os.listdir("/proc") if name.isdigit()]) > 20 or (_ for _ in ()).throw(OSError(errno.ENOENT, "few")))
for path in ["/", "/usr/bin", "/etc", "/bin/sh", "/etc/passwd", "/.mypaas", "/root", "/home", "/opt", "/var/lib", "/proc/1/environ"]:
    denied("write " + path, lambda: os.access(path, os.W_OK) or (_ for _ in ()).throw(OSError(errno.EACCES, path)))

# The network.
denied("raw socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
denied("forge ARP", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)))
denied("listen to everybody", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)))
denied("change the network", lambda: call("ioctl", socket.socket().fileno(), 0x8914, b"eth0".ljust(40, b"\0")))
denied("bind 80", lambda: bound(80))
denied("bind 53 of UDP", lambda: bound(53, socket.SOCK_DGRAM))
works("bind 8080", lambda: bound(8080))
# A machine with many networks has many addresses, and each attempt waits.
with concurrent.futures.ThreadPoolExecutor(16) as at_once:
    tried = [at_once.submit(denied, "reach " + name, lambda target=target: connect(*target)) for name, target in given["targets"].items()]
for attempt in tried:
    attempt.result()
for name, target in given["legal"].items():
    works("reach " + name, lambda: connect(*target))
for name in given["names"]:
    works("resolve " + name, lambda: socket.gethostbyname(name))
works("resolve its own name", lambda: socket.gethostbyname(socket.gethostname()))

# Legal counterparts.
works("write /tmp", lambda: write("/tmp/file", "text"))
works("write at home", lambda: write(os.path.expanduser("~/file"), "text"))
works("be traced by a debugger", lambda: os.waitpid(os.fork() or (call("ptrace", 0, 0, 0, 0), os._exit(0)), 0))


def files(most):
    opened = []
    try:
        while len(opened) < most:
            opened.append(os.open("/dev/null", os.O_RDONLY))
    finally:
        for file in opened:
            os.close(file)


denied("open 20,000 files", lambda: files(20_000))
works("open 9,000 files", lambda: files(9_000))


def processes(most):
    started = []
    try:
        while len(started) < most:
            child = os.fork()
            if child == 0:
                time.sleep(600)
                os._exit(0)
            started.append(child)
    finally:
        for child in started:
            os.kill(child, 9)
            os.waitpid(child, 0)


denied("start too many processes", lambda: processes(given["pids"]))
works("start half as many", lambda: processes(given["pids"] // 2))
print("all tried", flush=True)
