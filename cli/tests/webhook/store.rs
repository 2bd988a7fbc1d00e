//! `webhook listen --store`, which keeps deliveries across restarts.

use std::fs;

use serde_json::json;
use tower_svix_tests::net::Delivery;

use crate::support::{Listener, folder, genuine_bytes, run, with_secret};

#[test]
fn deliveries_are_there_after_a_restart() {
    let file = folder("store").join("deliveries.jsonl");
    let path = file.to_str().unwrap();
    let body = vec![0, 0xff, b'\n'];
    {
        let listener = Listener::start(&["--store", path]);
        listener.deliver(&genuine_bytes("msg_1", body.clone()));
        listener.deliver(&Delivery::forged("msg_2", "{}"));
    }
    #[cfg(unix)]
    {
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "others cannot read it");
    }
    // Simulate a crash in the middle of a line.
    let mut kept = fs::read(&file).unwrap();
    kept.extend_from_slice(b"{\"number\":3,\"recei");
    fs::write(&file, kept).unwrap();

    let listener = Listener::start(&["--store", path]);
    assert_eq!(listener.detail(1)["body"], json!({"base64": "AP8K"}));
    assert_eq!(listener.detail(2)["code"], "signature-mismatch");
    // Duplicates are recognised across the restart, and numbers continue.
    listener.deliver(&genuine_bytes("msg_1", body));
    assert_eq!(listener.detail(3)["duplicate_of"], 1);
}

#[test]
fn the_file_stays_small() {
    let file = folder("small").join("deliveries.jsonl");
    let path = file.to_str().unwrap();
    let lines = || fs::read_to_string(&file).unwrap().lines().count();
    let listener = Listener::start(&["--store", path]);
    let url = listener.server.url("/");
    let mut send = with_secret();
    send.args([
        "send",
        "--url",
        &url,
        "--count",
        "2100",
        "--concurrency",
        "8",
    ]);
    assert_eq!(run(&mut send).0, 0);
    assert!(lines() <= 2_000, "{}", lines());
    drop(listener);
    let listener = Listener::start(&["--store", path]);
    assert_eq!(lines(), 1_000);
    assert_eq!(listener.get("/deliveries/1100").status, 404);
    assert_eq!(listener.get("/deliveries/1101").status, 200);
}

#[cfg(target_os = "linux")]
#[test]
fn memory_stays_bounded_while_large_deliveries_arrive() {
    let listener = Listener::start(&[]);
    let resident = || -> usize {
        let path = format!("/proc/{}/status", listener.server.process_id());
        let status = fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
        kilobytes.parse::<usize>().unwrap() / 1024
    };
    let before = resident();
    let delivery = genuine_bytes("msg_1", vec![b'x'; 2 * 1024 * 1024]);
    for _ in 0..80 {
        assert_eq!(listener.deliver(&delivery).status, 200);
    }
    // The program keeps 64 MiB of 160. Deliveries in flight take some more.
    let grown = resident() - before;
    assert!(grown < 120, "{grown} MiB");
    assert!(grown > 50, "{grown} MiB: the latest are kept");
    assert_eq!(listener.get("/deliveries/1").status, 404);
    assert_eq!(listener.get("/deliveries/80").status, 200);
}

#[test]
fn a_file_that_cannot_be_used_is_an_error_and_stays_as_it_is() {
    let folder = folder("foreign");
    for (name, content) in [
        ("prose", "what is this\n"),
        ("one line of prose", "what is this"),
        ("JSON of another kind", "{\"number\": 1}\n"),
    ] {
        let file = folder.join("file");
        fs::write(&file, content).unwrap();
        let mut listen = with_secret();
        listen.args(["listen", "--store"]).arg(&file);
        let (code, _, stderr) = run(&mut listen);
        assert_eq!(code, 2, "{name}");
        assert!(stderr.contains("--store"), "{name}: {stderr}");
        assert_eq!(fs::read_to_string(&file).unwrap(), content, "{name}");
    }
    let (code, ..) = run(with_secret().args(["listen", "--store", "/nowhere/at/all"]));
    assert_eq!(code, 2);
}
