"""Measures `mypaasd router` beside nginx on this machine: what tests/scripts/bench-router and bench-instructions run.

Everything is on the loopback. One nginx plays the dyno (GET /1k, GET /10m) on one core, with the load; the proxy that is
measured has the other core to itself. Compare ratios: figures are this machine's. Proxies take turns in every round, and the
best round counts: whatever else the machine does only ever slows a round down.
"""
import argparse, json, os, re, resource, shutil, signal, socket, subprocess, sys, tempfile, threading, time

# Below what the kernel gives out by itself: whoever asks a port of its own for long enough is answered by itself.
BACKEND, SOCKETS, PROXY, METRICS = 27780, 27770, 27781, 27799
HOST = "bench.test"
FEATURES = {"ours": ["keep-alive"], "ours-close": []}
HEADERS = """proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Port $server_port; proxy_set_header X-Request-Id $request_id;
proxy_set_header X-Request-Start $msec; proxy_set_header Via "1.1 router"; add_header Via "1.1 router"; proxy_http_version 1.1;"""
TICK = os.sysconf("SC_CLK_TCK")

work = tempfile.mkdtemp(prefix="bench-router.")
os.chmod(work, 0o755)
running = []
children = []


def path(name):
    return os.path.join(work, name)


def write(name, text):
    with open(path(name + ".new"), "w") as file:
        file.write(text)
    os.rename(path(name + ".new"), path(name))
    return path(name)


def start(argv, cpu=None, log="log", port=None, patience=20, level="info"):
    if cpu is not None:
        argv = ["taskset", "-c", str(cpu)] + argv
    with open(path(log), "w") as out, open(path(log + ".err"), "w") as err:
        process = subprocess.Popen(argv, stdout=out, stderr=err, start_new_session=True, env={**os.environ, "MYPAAS_LOG": level})
    running.append(process)
    end = time.monotonic() + patience
    while port and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    if port:
        sys.exit(f"{argv} does not listen at {port}:\n{open(path(log + '.err')).read()[-2000:]}")
    return process


def stop(process, how=signal.SIGTERM, patience=20):
    running.remove(process)
    for sign in (how, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(patience)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            pass


def clean_up():
    for process in list(running):
        stop(process, patience=3)
    for child in children:
        os.kill(child, signal.SIGKILL)
    shutil.rmtree(work, ignore_errors=True)


def nginx(name, body, workers=1):
    paths = "".join(f"{kind}_temp_path {work}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return ["nginx", "-c", write(name + ".conf", f"""daemon off; pid {work}/{name}.pid; error_log {work}/{name}.errors; worker_processes {workers};
worker_rlimit_nofile {limit}; events {{ worker_connections {limit}; }}
http {{ access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 1000000000; keepalive_timeout 120s; {paths} {body} }}""")]


def backend():
    os.makedirs(path("www"), exist_ok=True)
    with open(path("www/10m"), "wb") as file:
        file.write(b"x" * (10 << 20))
    os.chmod(path("www"), 0o755)
    page = f"location = /1k {{ default_type text/plain; return 200 '{'x' * 1024}'; }} location / {{ root {work}/www; }}"
    return start(nginx("dyno", f"server {{ listen 127.0.0.1:{BACKEND} backlog=4096; {page} }}"), cpu=1, port=BACKEND)


def nginx_proxy(keep, port=BACKEND, upgrade=False):
    pool = "keepalive 256; keepalive_requests 1000000000;" if keep else ""
    how = 'proxy_set_header Connection "";' if keep else "proxy_set_header Connection close;"
    if upgrade:
        how = 'proxy_set_header Connection "upgrade"; proxy_set_header Upgrade $http_upgrade; proxy_read_timeout 300s;'
    buffers = "proxy_max_temp_file_size 0; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;"
    location = f"location / {{ proxy_pass http://dynos; {HEADERS} {how} {buffers} }}"
    return nginx("proxy", f"upstream dynos {{ server 127.0.0.1:{port}; {pool} }} server {{ listen 127.0.0.1:{PROXY} backlog=4096; {location} }}")


def routes(features, apps=(), port=BACKEND):
    """The routes file: the app that is measured, and others besides, as (name, hosts)."""
    text = f'listen = "127.0.0.1:{PROXY}"\n[timeouts]\nbetween_bytes = "600s"\nhead = "600s"\n'
    dyno = f'dynos = [{{ name = "web.1", address = "127.0.0.1:{port}", state = "up" }}]\n'
    apps = [("bench", [HOST, f"*.{HOST}"]), *apps]
    return text + "".join(f'[[app]]\nname = "{name}"\nhosts = {json.dumps(hosts)}\nfeatures = {json.dumps(features)}\n{dyno}' for name, hosts in apps)


def proxy(name, program, cpu=0, upgrade=False):
    port = SOCKETS if upgrade else BACKEND
    if name.startswith("nginx"):
        return start(nginx_proxy(not name.endswith("close"), port, upgrade), cpu, port=PROXY)
    # With everything on: a line for each request, which somebody keeps, time limits, metrics.
    config = write("config.toml", f'[router]\nmetrics = "127.0.0.1:{METRICS}"\n')
    file = write("routes.toml", routes(FEATURES[name], port=port))
    return start([program, "--config", config, "router", "--routes", file], cpu, port=PROXY)


def family(pid):
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        for task in os.listdir(f"/proc/{found[-1]}/task"):
            try:
                todo += [int(child) for child in open(f"/proc/{found[-1]}/task/{task}/children").read().split()]
            except OSError:
                pass
    return found


def cpu_us(pid):
    def ticks(one):
        fields = open(f"/proc/{one}/stat").read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    return sum(ticks(one) for one in family(pid)) * 1e6 / TICK


def memory_kb(pid):
    return sum(int(re.search(r"^Pss:\s+(\d+)", open(f"/proc/{one}/smaps_rollup").read(), re.M)[1]) for one in family(pid))


def wrk(target, seconds, connections, close=False, host=HOST, cpu=1):
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency", "-H", f"Host: {host}"]
    argv += ["-H", "Connection: close"] if close else []
    said = subprocess.run(["taskset", "-c", str(cpu), *argv, f"http://127.0.0.1:{PROXY}{target}"], capture_output=True, text=True).stdout
    first = lambda pattern: (re.search(pattern, said) or [None, "0"])[1]
    unit = {"us": 1, "ms": 1e3, "s": 1e6}
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    rate = re.search(r"Transfer/sec:\s+([\d.]+)([KMG]?)B", said)
    failed = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", said))) + int(first(r"Non-2xx or 3xx responses: (\d+)"))
    return {
        "requests": int(first(r"(\d+) requests in")),
        "rps": float(first(r"Requests/sec:\s+([\d.]+)")),
        "p99_us": float(p99[1]) * unit[p99[2]] if p99 else 0.0,
        "bytes": float(rate[1]) * {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}[rate[2]] * seconds if rate else 0.0,
        "failed": failed,
    }


def best(rounds, names, measure):
    """For each name the smallest figure of each kind, over rounds in which they take turns."""
    found = {name: {} for name in names}
    for _ in range(rounds):
        for name in names:
            for key, value in measure(name).items():
                found[name].setdefault(key, []).append(value)
    total = lambda key, values: sum(values) if key == "failed" else max(values) if key == "rps" else min(values)
    return {name: {key: total(key, values) for key, values in kinds.items()} for name, kinds in found.items()}


def loaded(options, target, connections, close=False):
    def measure(name):
        process = proxy(name, options.program)
        wrk(target, 1, 16)
        before = cpu_us(process.pid)
        result = wrk(target, options.seconds, connections, close)
        used = cpu_us(process.pid) - before
        stop(process)
        if result["failed"]:
            print(f"!! {name}: {result['failed']} requests failed")
        figures = {"rps": result["rps"], "p99_us": result["p99_us"], "failed": result["failed"]}
        if target == "/10m":
            figures["cpu_ms_gb"] = used / 1e3 / max(result["bytes"] / 1e9, 1e-9)
        else:
            figures["cpu_us"] = used / max(result["requests"], 1)
        return figures
    return measure


def say(title, found, key):
    base = next(iter(found.values()))[key]
    for name, figures in found.items():
        rest = "  ".join(f"{kind} {value:.0f}" for kind, value in figures.items() if kind != key)
        print(f"{title:34} {name:12} {key} {figures[key]:9.1f}   x {figures[key] / base if base else 0:.2f}   {rest}", flush=True)


def socket_dyno():
    """Switches protocols and then says nothing, for idle WebSockets. In a process of its own: it needs file descriptors."""
    listener = socket.create_server(("127.0.0.1", SOCKETS), backlog=4096)
    kept = []
    while True:
        connection, _ = listener.accept()
        while b"\r\n\r\n" not in (connection.recv(4096) or b"\r\n\r\n"):
            pass
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        kept.append(connection)


def idle(options, upgrade):
    wish = "Connection: Upgrade\r\nUpgrade: websocket\r\n" if upgrade else ""
    request = f"GET /1k HTTP/1.1\r\nHost: {HOST}\r\n{wish}\r\n".encode()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500
    count = min(10_000, limit // 2 if upgrade else limit)
    def measure(name):
        process = proxy(name, options.program, cpu=None, upgrade=upgrade)
        wrk("/1k", 1, 16) if not upgrade else None
        before, clients = memory_kb(process.pid), []
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", PROXY), 10)
            client.sendall(request)
            answer = b""
            while b"\r\n\r\n" not in answer or (not upgrade and len(answer) < answer.index(b"\r\n\r\n") + 4 + 1024):
                part = client.recv(65536)
                if not part:
                    sys.exit(f"{name} ended a client that should be idle after {answer!r}")
                answer += part
            clients.append(client)
        time.sleep(1)
        after = memory_kb(process.pid)
        for client in clients:
            client.close()
        stop(process)
        return {"kb": (after - before) / count, "connections": count}
    return measure


def compare(options):
    backend()
    children.append(os.fork())
    if children[-1] == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        socket_dyno()
    pairs = (["nginx", "ours"], ["nginx-close", "ours-close"])
    for names in pairs:
        say("CPU a request, " + ("dyno kept" if names == pairs[0] else "dyno closed"), best(options.rounds, names, loaded(options, "/1k", 64)), "cpu_us")
    for names in pairs:
        title = "new client each, " + ("dyno kept" if names == pairs[0] else "dyno closed")
        say(title, best(options.rounds, names, loaded(options, "/1k", 32, close=True)), "cpu_us")
    say("10 MiB bodies", best(options.rounds, pairs[0], loaded(options, "/10m", 8)), "cpu_ms_gb")
    say("memory, idle client", best(1, pairs[0], idle(options, False)), "kb")
    say("memory, idle WebSocket", best(1, pairs[0], idle(options, True)), "kb")


def table_size(options):
    """The same requests with ever more routes: one app's names first, wildcards among them."""
    backend()
    sizes = [10, 1_000, 100_000]
    def apps(size):
        names = lambda number: [f"app-{number}.test", f"*.app-{number}.test"] if number % 10 == 0 else [f"app-{number}.test"]
        return [(f"app-{number}", names(number)) for number in range(size)]
    def measure(size):
        file = write("routes.toml", routes(FEATURES["ours"], apps(size)))
        process = start([options.program, "router", "--routes", file], 0, port=PROXY, patience=120)
        figures = {}
        # Its own name, one that only a wildcard has, and other apps' names.
        for kind, host in (("own", HOST), ("wildcard", f"a.b.c.{HOST}"), ("other", f"app-{size - 7}.test")):
            wrk("/1k", 1, 16, host=host)
            before = cpu_us(process.pid)
            result = wrk("/1k", options.seconds, 64, host=host)
            figures[kind] = (cpu_us(process.pid) - before) / max(result["requests"], 1)
            figures["failed"] = figures.get("failed", 0) + result["failed"]
        stop(process)
        return figures
    found = best(options.rounds, sizes, measure)
    for size, figures in found.items():
        print(f"{size:7} routes: CPU a request by name {figures['own']:.1f} us, by wildcard {figures['wildcard']:.1f} us, another app {figures['other']:.1f} us; failed {figures['failed']}")


def swaps(options):
    """A hundred new tables a second under full load. Not one request may fail."""
    backend()
    second = "127.0.0.1:%d" % BACKEND
    def table(turn):
        text = routes(FEATURES["ours"] if turn % 2 else [], [(f"app-{n}", [f"app-{n}.test", f"*.app-{n}.test"]) for n in range(turn % 50)])
        # The dyno comes and goes under other names and beside others.
        other = {0: "", 1: ', { name = "web.2", address = "%s", state = "starting" }' % second, 2: ', { name = "web.3", address = "127.0.0.1:1", state = "crashed" }'}[turn % 3]
        return text.replace(' state = "up" }]', f' state = "up" }}{other}]', 1)
    file = write("routes.toml", table(0))
    process = start([options.program, "router", "--routes", file], port=PROXY, level="info,mypaasd=debug")
    results = []
    load = threading.Thread(target=lambda: results.append(wrk("/1k", options.seconds, 64)))
    began, turn = time.monotonic(), 0
    load.start()
    while load.is_alive():
        turn += 1
        write("routes.toml", table(turn))
        time.sleep(max(0, began + turn / 100 - time.monotonic()))
    seconds = time.monotonic() - began
    stop(process)
    text = open(path("log.err")).read()
    taken = text.count("a new route table")
    lines = sum(1 for _ in open(path("log")))
    # At its end the load leaves in the middle of its last requests.
    bad = [line for line in open(path("log")) if " status=200 " not in line and " code=H27 " not in line]
    result = results[0]
    print(f"{turn} tables written and {taken} taken up in {seconds:.0f} s, {result['requests']} requests, {result['failed']} failed, {lines} lines, {len(bad)} of them not 200")
    if result["failed"] or bad or result["requests"] < 100 * options.seconds or taken < turn // 10 or lines < result["requests"]:
        sys.exit("".join(bad[:5]) + text[-1000:] + "a request failed, or too little happened")


def collected(options, name, count):
    file = write("routes.toml", routes(FEATURES[name]))
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=" + path("callgrind.out"), "--fair-sched=yes"]
    process = start([*tool, options.program, "router", "--routes", file], log="callgrind", port=PROXY, patience=120)
    client = socket.create_connection(("127.0.0.1", PROXY), 30)
    request = f"GET /1k HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n".encode()
    for _ in range(count):
        client.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer or len(answer) < answer.index(b"\r\n\r\n") + 4 + 1024:
            part = client.recv(65536)
            if not part:
                sys.exit(f"the router ended a connection: {answer!r}")
            answer += part
    client.close()
    stop(process, signal.SIGINT, patience=60)
    if options.profile:
        shutil.copy(path("callgrind.out"), f"{options.profile}.{name}.{count}")
    return int(re.search(r"Collected : (\d+)", open(path("callgrind.err")).read())[1])


def instructions(options):
    """User instructions a request: the difference of a long and a short run, by callgrind, which counts and does not measure."""
    start(nginx("dyno", f"server {{ listen 127.0.0.1:{BACKEND}; location = /1k {{ default_type text/plain; return 200 '{'x' * 1024}'; }} }}"), port=BACKEND)
    worst = 0.0
    for name in FEATURES:
        each = (collected(options, name, 3000) - collected(options, name, 1000)) / 2000
        print(f"{name}: {each:.0f} user instructions a request", flush=True)
        worst = max(worst, each if name == "ours" else 0)
    if options.most and worst > options.most:
        sys.exit(f"more than {options.most}")


def main():
    words = argparse.ArgumentParser()
    words.add_argument("what", choices=["compare", "routes", "swaps", "instructions"])
    words.add_argument("program")
    words.add_argument("--seconds", type=int, default=4)
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--most", type=int)
    words.add_argument("--profile")
    options = words.parse_args()
    for port in (BACKEND, SOCKETS, PROXY, METRICS):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    try:
        {"compare": compare, "routes": table_size, "swaps": swaps, "instructions": instructions}[options.what](options)
    finally:
        clean_up()


main()
