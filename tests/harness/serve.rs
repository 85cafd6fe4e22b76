//! Files over HTTP, for builds that fetch something.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::PathBuf,
    thread,
};

use crate::Installation;

impl Installation {
    /// Serves a folder's files to builds, from where builds can reach this machine; for as long as the test runs. Gives its URL.
    pub fn serve(&self, folder: PathBuf) -> String {
        let instance = fs::read_to_string(self.home.join("keys/instance")).expect("the installation has a name");
        let network = self.docker(&["network", "ls", "-q", "--filter", &format!("label=mypaas.instance={}", instance.trim())]).ok().stdout;
        let subnet = self.docker(&["network", "inspect", network.trim(), "--format", "{{(index .IPAM.Config 0).Subnet}}"]).ok().stdout;
        // The first address of the containers' network is this machine.
        let gateway = subnet.trim().rsplit_once('.').map(|(network, _)| format!("{network}.1")).expect("the network has a subnet");
        // The ports that tests/run lets builds connect to.
        let mut ports = 47_120..47_130;
        let listener = ports.find_map(|port| TcpListener::bind((gateway.as_str(), port)).ok()).expect("one of the ports is free");
        let url = format!("http://{}", listener.local_addr().expect("the listener has an address"));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection comes in");
                let mut lines = BufReader::new(stream.try_clone().expect("a socket has two ends")).lines();
                let request = lines.next().and_then(Result::ok).unwrap_or_default();
                let _ = lines.find(|line| line.as_ref().is_ok_and(String::is_empty));
                let path = request.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().trim_start_matches('/').to_owned();
                let (status, body) = fs::read(folder.join(path)).map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            }
        });
        url
    }
}
