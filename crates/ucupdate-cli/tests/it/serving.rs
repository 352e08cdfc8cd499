//! A running server, and requests to it.

use crate::place::{Place, Ran};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// The longest time that a test waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// The arguments that make `ask` send the request of the phone in `vectors/`.
pub(crate) const PHONE: &str = "--as-the-device --device-type UCPhone --vendor LG-Nortel --model IP8540 --hardware-revision A \
    --locale ENU --mac 0021630F207B --serial C185H001209 --user ruisilva@demo.local --version 0.0.0.0";

/// Returns the request of that phone, as `ask` prints it.
pub(crate) fn phone_request(place: &Place) -> Vec<u8> {
    place.call(&format!("ask --print-request {PHONE}")).done().into_bytes()
}

/// A running server. Dropping the value kills it.
pub(crate) struct Serving {
    child: Child,
    pub(crate) lines: Vec<String>,
    more: mpsc::Receiver<String>,
    stderr: thread::JoinHandle<String>,
}

impl Place {
    /// Starts a command that keeps running, and waits for `lines` lines of output.
    pub(crate) fn start(&self, args: &[&str], lines: usize) -> Serving {
        self.start_in(args, &std::env::temp_dir(), lines)
    }

    /// Starts a command with another folder for temporary files.
    pub(crate) fn start_in(&self, args: &[&str], temp: &Path, lines: usize) -> Serving {
        let mut command = self.command(args);
        command.env("TMPDIR", temp);
        Serving::start(command, lines)
    }

    /// Starts another program that behaves like the command, and waits for `lines` lines of output.
    pub(crate) fn start_program(&self, program: &str, args: &[&str], lines: usize) -> Serving {
        let mut command = std::process::Command::new(program);
        command.args(args).current_dir(self.path("")).env("USER", "ann");
        Serving::start(command, lines)
    }
    /// Starts `serve` with these arguments, and waits for a line for each listener.
    pub(crate) fn serve(&self, args: &[&str]) -> Serving {
        let listeners = args.iter().filter(|arg| arg.starts_with("--listen")).count();
        self.start(&[&["serve", "--create", "--server-name", "here"], args].concat(), listeners)
    }

    /// Starts `serve` at one loopback address.
    pub(crate) fn serve_here(&self) -> Serving {
        self.serve(&["--listen", "127.0.0.1:0"])
    }

    /// Returns the log of this kind (`Audit` or `Access`) of the server with the name `here`. Empty if there is no log.
    pub(crate) fn log(&self, kind: &str) -> String {
        let mut log = String::new();
        let mut folders = vec![self.path("ucupdate-data/Logs/Server").join(kind)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "log") {
                    assert!(path.display().to_string().contains("here_"), "{path:?}");
                    log += &std::fs::read_to_string(path).unwrap();
                }
            }
        }
        log
    }
}

impl Serving {
    #[cfg(target_os = "linux")]
    pub(crate) fn threads(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let threads = status.lines().find_map(|line| line.strip_prefix("Threads:")).unwrap();
        threads.trim().parse().unwrap()
    }

    pub(crate) fn start(mut command: std::process::Command, lines: usize) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, more) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let mut stderr = child.stderr.take().unwrap();
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let mut serving = Serving { child, lines: Vec::new(), more, stderr };
        serving.wait_for_lines(lines);
        serving
    }

    pub(crate) fn wait_for_lines(&mut self, count: usize) {
        while self.lines.len() < count {
            match self.more.recv_timeout(PATIENCE) {
                Ok(line) => self.lines.push(line),
                Err(error) => {
                    panic!("{error}: {:?} and then nothing; {:?}", self.lines, self.child.try_wait())
                }
            }
        }
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.lines.iter().filter_map(|line| line.strip_prefix("listening on ")).map(str::to_owned).collect()
    }

    pub(crate) fn url(&self) -> String {
        self.urls().remove(0)
    }

    /// Returns the address and port of the first listener.
    pub(crate) fn address(&self) -> String {
        self.url().split_once("://").unwrap().1.to_owned()
    }

    /// Sends a signal: `TERM`, `INT` or `KILL`.
    pub(crate) fn signal(&self, signal: &str) {
        let kill =
            std::process::Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    #[track_caller]
    pub(crate) fn ended(mut self) -> Ran {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "still runs after {PATIENCE:?}: {:?}", self.lines);
            thread::sleep(Duration::from_millis(10));
        };
        self.lines.extend(self.more.iter());
        let stderr = std::mem::replace(&mut self.stderr, thread::spawn(String::new)).join().unwrap();
        Ran { code: status.code(), stdout: self.lines.join("\n"), stderr }
    }

    /// Sends SIGTERM, and waits until the server ends.
    #[track_caller]
    pub(crate) fn terminated(self) -> Ran {
        self.signal("TERM");
        self.ended()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Sends bytes to an address, and returns all bytes that come back.
pub(crate) fn exchange(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // A server that closes at once may reset the connection after its answer.
    let _end = stream.read_to_end(&mut answer);
    let _closed = stream.shutdown(Shutdown::Both);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends a `POST` with this body and these headers, and returns the answer. The connection is closed afterwards.
pub(crate) fn post(address: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
    let mut request =
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    request += "\r\n";
    exchange(address, &[request.as_bytes(), body].concat())
}

#[track_caller]
pub(crate) fn status(answer: &str) -> u16 {
    answer
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("no answer: {answer:?}"))
}
