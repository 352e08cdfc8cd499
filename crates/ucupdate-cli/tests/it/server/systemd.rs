//! `serve` under systemd: its notifications, its sockets, and a reload.

use crate::place::Place;
use crate::serving::Serving;
use rcgen::generate_simple_self_signed;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

fn notification(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 4096];
    let length = socket.recv(&mut bytes).unwrap();
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

#[test]
fn systemd_learns_when_devices_are_answered_when_files_are_read_again_and_when_it_ends() {
    let place = Place::with_package();
    place.file("u.toml", b"[serve]\nlog-days = 3\n");
    let socket = UnixDatagram::bind(place.path("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut command = place.command(&["--config", "u.toml", "serve", "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", place.path("notify"));
    let serving = Serving::start(command, 1);
    assert!(notification(&socket).starts_with("READY=1"));
    place.file("u.toml", b"[serve]\nlog-days = 4\n");
    serving.signal("HUP");
    let reloading = notification(&socket);
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert!(notification(&socket).starts_with("READY=1"));
    place.file("u.toml", b"[serve]\nlog-days = 0\n");
    serving.signal("HUP");
    assert!(notification(&socket).starts_with("RELOADING=1"));
    assert!(notification(&socket).starts_with("READY=1"));
    let ended = serving.terminated();
    assert!(notification(&socket).starts_with("STOPPING=1"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("changed settings need a restart: serve.log-days"), "{ended:?}");
    assert!(ended.stderr.contains("u.toml:2: `serve.log-days` is"), "{ended:?}");
    assert!(ended.stderr.contains("the server keeps the previous settings"), "{ended:?}");
}

#[test]
fn networks_and_the_choice_of_lines_change_at_the_signal_and_devices_are_answered_by_them() {
    let place = Place::with_package();
    place.run(&["approve", "IP8540"]).done();
    place.file("u.toml", b"[serve]\ninternal-network = [\"127.0.0.0/8\"]\n");
    let command = place.command(&["--config", "u.toml", "serve", "--listen", "127.0.0.1:0"]);
    let serving = Serving::start(command, 1);
    let ask = format!(
        "ask --url http://{} --device-type UCPhone --vendor LG-Nortel --model IP8540 --hardware-revision A --locale ENU",
        serving.address()
    );
    assert_eq!(place.call(&ask).code, Some(0));
    place.file("u.toml", b"[serve]\ninternal-network = [\"10.0.0.0/8\"]\nlog = \"info\"\nlog-days = 3\n");
    serving.signal("HUP");
    let wait_until_answered = |is_answered: bool| {
        let until = std::time::Instant::now() + Duration::from_secs(60);
        while (place.call(&ask).code == Some(0)) != is_answered {
            assert!(std::time::Instant::now() < until, "the networks of before hold");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait_until_answered(false);
    place.file("u.toml", b"[serve]\ninternal-network = [\"127.0.0.0/8\"]\nlog = \"info\"\nlog-days = 3\n");
    serving.signal("HUP");
    wait_until_answered(true);
    let ended = serving.terminated();
    let stderr = &ended.stderr;
    assert!(stderr.contains("changed settings hold now: serve.internal-network, serve.log\n"), "{ended:?}");
    let restart = "changed settings need a restart: serve.log-days\n";
    assert_eq!(stderr.matches(restart).count(), 2, "it is named until the restart: {ended:?}");
}

#[test]
fn a_renewed_certificate_is_used_at_the_signal_and_a_wrong_name_is_warned_about() {
    let place = Place::with_package();
    let write = |name: &str| {
        let made = generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        place.file("cert.pem", made.cert.pem().as_bytes());
        place.file("key.pem", made.signing_key.serialize_pem().as_bytes());
    };
    write("old.contoso.com");
    let args = [
        "serve",
        "--listen-tls",
        "127.0.0.1:0",
        "--tls-cert",
        "cert.pem",
        "--tls-key",
        "key.pem",
        "--external-url",
        "https://localhost",
    ];
    let serving = place.start(&args, 1);
    let port = serving.address().rsplit_once(':').unwrap().1.to_owned();
    let ask = format!(
        "ask --url https://localhost:{port} --ca-cert cert.pem --device-type UCPhone --vendor LG-Nortel --model IP8540 \
         --hardware-revision A --locale ENU"
    );
    let refused = place.call(&ask);
    assert_ne!(refused.code, Some(0), "{refused:?}");
    write("localhost");
    serving.signal("HUP");
    let until = std::time::Instant::now() + Duration::from_secs(60);
    while place.call(&ask).code != Some(0) {
        assert!(std::time::Instant::now() < until, "the renewed certificate is not used");
        std::thread::sleep(Duration::from_millis(100));
    }
    let ended = serving.terminated();
    assert!(ended.stderr.contains("no certificate is for the name of https://localhost"), "{ended:?}");
    assert!(ended.stderr.contains("the certificate was read again"), "{ended:?}");
}

#[test]
fn a_socket_of_systemd_is_used_where_no_address_is_given() {
    let program = "systemd-socket-activate";
    if std::process::Command::new(program).arg("--version").output().is_err() {
        return;
    }
    let place = Place::with_package();
    place.run(&["approve", "IP8540"]).done();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut command = std::process::Command::new(program);
    command.args(["-l", &address, env!("CARGO_BIN_EXE_ucupdate"), "serve"]).current_dir(place.path(""));
    let _serving = Serving::start(command, 0);
    let url = format!("http://{address}");
    let ask = format!(
        "ask --url {url} --device-type UCPhone --vendor LG-Nortel --model IP8540 --hardware-revision A --locale ENU"
    );
    // The program starts at the first connection, which waits until then.
    let until = std::time::Instant::now() + Duration::from_secs(60);
    let answered = loop {
        let ran = place.call(&ask);
        if ran.code == Some(0) {
            break ran.stdout;
        }
        assert!(std::time::Instant::now() < until, "{ran:?}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(answered.contains("1.0.522.103"), "{answered}");
}
