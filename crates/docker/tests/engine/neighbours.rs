//! Everything there is around an installation's network, each answering whoever gets to it.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::Command,
    thread,
    time::Duration,
};

use crate::place::{Place, docker};

/// Says everything back, on some ports of both protocols; the program of every neighbour that is a container.
pub(crate) const ECHO: &str = "import socketserver as s, threading, time\n\
    class T(s.BaseRequestHandler):\n\
    \x20   def handle(self): self.request.send(self.request.recv(100))\n\
    class U(s.BaseRequestHandler):\n\
    \x20   def handle(self): self.request[1].sendto(self.request[0], self.client_address)\n\
    for kind, handler in [(s.ThreadingTCPServer, T), (s.ThreadingUDPServer, U)]:\n\
    \x20   for port in PORTS:\n\
    \x20       threading.Thread(target=kind(('0.0.0.0', port), handler).serve_forever).start()\n\
    print('answering', flush=True)\n";

const IMAGE: &str = "mypaas/heroku-24:run-runtimes";
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// Targets by name: protocol, address, port.
pub(crate) type Targets = BTreeMap<String, (&'static str, IpAddr, u16)>;

/// Answers on every address of this machine, as the platform's own ports may.
pub(crate) fn answer_everywhere() -> u16 {
    let listener = TcpListener::bind("[::]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut bytes = [0; 100];
            let read = socket.read(&mut bytes).unwrap_or(0);
            let _ = socket.write_all(&bytes[..read]);
        }
    });
    for address in own_addresses() {
        // One each, or answers would leave with another address than the one that was asked.
        let datagrams = UdpSocket::bind((address, port)).unwrap();
        thread::spawn(move || {
            let mut bytes = [0; 100];
            while let Ok((read, from)) = datagrams.recv_from(&mut bytes) {
                let _ = datagrams.send_to(&bytes[..read], from);
            }
        });
    }
    port
}

/// Every address of this machine but loopback.
pub(crate) fn own_addresses() -> Vec<IpAddr> {
    let listed = run("ip", &["-o", "address", "show", "scope", "global"]);
    let address = |line: &str| line.split_whitespace().nth(3)?.split('/').next()?.parse().ok();
    listed.lines().filter_map(address).collect()
}

/// Both protocols of one address.
pub(crate) fn targets(name: &str, address: IpAddr, port: u16) -> Targets {
    ["tcp", "udp"].map(|protocol| (format!("{name} by {protocol} at {address}"), (protocol, address, port))).into()
}

/// Whether this machine itself gets an answer.
pub(crate) fn answers((protocol, address, port): (&str, IpAddr, u16)) -> bool {
    let address = SocketAddr::new(address, port);
    let mut bytes = [0; 100];
    let patience = Some(Duration::from_secs(5));
    let answered = if protocol == "tcp" {
        TcpStream::connect_timeout(&address, Duration::from_secs(5)).and_then(|mut socket| {
            socket.set_read_timeout(patience)?;
            socket.write_all(b"hello\n")?;
            socket.read(&mut bytes)
        })
    } else {
        UdpSocket::bind(if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).and_then(|socket| {
            socket.set_read_timeout(patience)?;
            socket.connect(address)?;
            socket.send(b"hello\n")?;
            socket.recv(&mut bytes)
        })
    };
    answered.is_ok_and(|read| &bytes[..read] == b"hello\n")
}

/// A container that belongs to nobody's apps. Its label lets [`Place`] remove it.
pub(crate) fn container(place: &Place, options: &[&str], ports: &str) -> String {
    let label = format!("mypaas.instance={}", place.instance);
    let program = ECHO.replace("PORTS", ports);
    let common = ["run", "--detach", "--user", "0", "--init", "--label", &label];
    let id = docker(&[&common[..], options, &["--entrypoint", "python3", IMAGE, "-c", &program]].concat()).trim().to_owned();
    while !docker(&["logs", &id]).contains("answering") {
        thread::sleep(Duration::from_millis(50));
    }
    id
}

pub(crate) fn inspect(id: &str, what: &str) -> String {
    docker(&["inspect", "--format", what, id]).trim().to_owned()
}

/// Another machine on this machine's network: a database, say. It answers at the clouds' metadata address, too.
pub(crate) struct Machine {
    pub(crate) address: IpAddr,
    pid: String,
    link: String,
}

impl Machine {
    pub(crate) fn new(place: &Place) -> Self {
        let id = container(place, &["--network", "none"], "80, 5432, 7000");
        let pid = inspect(&id, "{{.State.Pid}}");
        let number = u32::from_str_radix(&place.instance, 16).unwrap();
        let ours = Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 0).to_bits() | (number & 0x7fff) << 2 | 1);
        let theirs = Ipv4Addr::from_bits(ours.to_bits() + 1);
        let link = format!("lan{}", place.instance);
        let inside = |arguments: &[&str]| run("nsenter", &[&["--net", "--target", &pid, "ip"], arguments].concat());
        run("ip", &["link", "add", &link, "type", "veth", "peer", "name", "lan0", "netns", &pid]);
        run("ip", &["address", "add", &format!("{ours}/30"), "dev", &link]);
        run("ip", &["link", "set", &link, "up"]);
        inside(&["address", "add", &format!("{theirs}/30"), "dev", "lan0"]);
        inside(&["address", "add", &format!("{METADATA}/32"), "dev", "lan0"]);
        inside(&["link", "set", "lan0", "up"]);
        inside(&["route", "add", "default", "via", &ours.to_string()]);
        run("ip", &["route", "replace", &METADATA.to_string(), "via", &theirs.to_string()]);
        Self { address: theirs.into(), pid, link }
    }

    pub(crate) fn metadata() -> IpAddr {
        METADATA.into()
    }

    /// Whether it gets an answer.
    pub(crate) fn reaches(&self, address: SocketAddr) -> bool {
        let script =
            format!("timeout 5 bash -c 'exec 3<>/dev/tcp/{}/{} && echo hello >&3 && read -r line <&3 && [ $line = hello ]'", address.ip(), address.port());
        Command::new("nsenter").args(["--net", "--target", &self.pid, "bash", "-c", &script]).output().unwrap().status.success()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        run("ip", &["link", "delete", &self.link]);
    }
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success() || thread::panicking(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
