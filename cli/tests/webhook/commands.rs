//! `webhook sign`, `verify`, `secret` and `completions`.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use standardwebhooks::Webhook;
use tower_svix_tests::net::{Delivery, SECRET};
use tower_svix_tests::sender::Sender;

use crate::support::{Listener, folder, run, text, webhook, with_secret};

/// A delivery as a file of raw HTTP.
pub(crate) fn raw(delivery: &Delivery) -> Vec<u8> {
    let mut file = b"POST /webhook HTTP/1.1\r\n".to_vec();
    for (name, value) in &delivery.headers() {
        file.extend_from_slice(format!("{name}: {}\r\n", value.to_str().unwrap()).as_bytes());
    }
    file.extend_from_slice(b"\r\n");
    file.extend_from_slice(&delivery.body);
    file
}

#[test]
fn an_official_package_verifies_what_it_signs() {
    let file = folder("sign").join("body");
    let body = b"{ \"type\": \"caf\xc3\xa9\",\r\n\t\"n\": 1e2 }\n";
    fs::write(&file, body).unwrap();
    let (code, stdout, stderr) = run(with_secret().args(["sign", file.to_str().unwrap()]));
    assert_eq!(code, 0, "{stderr}");
    let mut headers = http::HeaderMap::new();
    for line in stdout.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        headers.insert(
            name.parse::<http::HeaderName>().unwrap(),
            value.parse().unwrap(),
        );
    }
    assert_eq!(headers.len(), 3);
    Webhook::new(SECRET)
        .unwrap()
        .verify(body, &headers)
        .unwrap();
}

#[test]
fn a_signature_is_that_of_a_published_vector() {
    let mut command = webhook();
    let secret = concat!("whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    command.env("WEBHOOK_SECRET", secret).args([
        "sign",
        "-",
        "--id",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "--timestamp",
        "1614265330",
        "--family",
        "svix",
        "--json",
    ]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(br#"{"test": 2432232314}"#).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let headers: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(headers["svix-id"], "msg_p5jXN8AQM9LWM0D4loKWxJek");
    assert_eq!(headers["svix-timestamp"], "1614265330");
    let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_eq!(headers["svix-signature"], signature);
}

#[test]
fn verify_says_by_its_exit_code_what_a_receiver_would() {
    let folder = folder("verify");
    let other = concat!("whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let genuine = Delivery::genuine("msg_1", r#"{"type":"a"}"#);
    let old = Delivery::aged("msg_1", "{}", 4_000);
    let forged = Delivery::forged("msg_1", "{}");
    let mut no_id = genuine.clone();
    no_id.set("webhook-id", " ");
    let signed = text(old.timestamp());
    for (name, delivery, secret, args, code, says) in [
        ("genuine", &genuine, SECRET, &[][..], 0, "valid: a msg_1"),
        ("forged", &forged, SECRET, &[], 1, "signature-mismatch"),
        (
            "another secret",
            &genuine,
            other,
            &[],
            1,
            "signature-mismatch",
        ),
        ("old", &old, SECRET, &[], 1, "timestamp-too-old"),
        (
            "old, but then",
            &old,
            SECRET,
            &["--at", "signed"],
            0,
            "msg_1",
        ),
        (
            "old, at that time",
            &old,
            SECRET,
            &["--at", &signed],
            0,
            "msg_1",
        ),
        (
            "old, but tolerated",
            &old,
            SECRET,
            &["--tolerance", "5000"],
            0,
            "msg_1",
        ),
        ("no id", &no_id, SECRET, &[], 1, "header"),
        (
            "a time that is none",
            &genuine,
            SECRET,
            &["--at", "noon"],
            2,
            "",
        ),
    ] {
        let file = folder.join("request.http");
        fs::write(&file, raw(delivery)).unwrap();
        let mut command = webhook();
        command
            .env("WEBHOOK_SECRET", secret)
            .arg("verify")
            .arg(file)
            .args(args);
        let (found, stdout, stderr) = run(&mut command);
        assert_eq!(found, code, "{name}: {stdout}{stderr}");
        assert!(stdout.contains(says), "{name}: {stdout}");
    }
}

#[test]
fn a_request_can_be_given_in_parts() {
    let folder = folder("parts");
    let delivery = Delivery::genuine("msg_1", "{}");
    let body = folder.join("body");
    fs::write(&body, &delivery.body).unwrap();
    let mut command = with_secret();
    command.args(["verify", "--body"]).arg(body);
    for (name, value) in &delivery.headers() {
        command
            .arg("-H")
            .arg(format!("{name}: {}", value.to_str().unwrap()));
    }
    assert_eq!(run(&mut command).0, 0);

    let (code, _, stderr) = run(with_secret().args(["verify", "-H", "no colon"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("colon"), "{stderr}");
    let (code, ..) = run(with_secret().arg("verify"));
    assert_eq!(code, 2);
}

#[test]
fn new_keys_sign_and_verify() {
    let file = folder("secret").join("body");
    fs::write(&file, "{}").unwrap();
    let new_lines = |args: &[&str]| {
        let (code, stdout, _) = run(webhook().arg("secret").args(args));
        assert_eq!(code, 0);
        stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let secret = new_lines(&[]);
    let [secret] = &secret[..] else {
        panic!("{} lines", secret.len())
    };
    assert_ne!(new_lines(&[])[0], *secret, "a secret is new each time");
    let mut keys = vec![("a secret", secret.clone(), secret.clone())];
    if cfg!(feature = "ed25519") {
        let pair = new_lines(&["--key-pair"]);
        let [private, public] = &pair[..] else {
            panic!("{} lines", pair.len())
        };
        keys.push(("a key pair", private.clone(), public.clone()));
    }

    for (name, signs, verifies) in &keys {
        let mut sign = webhook();
        sign.env("WEBHOOK_SECRET", signs).arg("sign").arg(&file);
        let (_, headers, _) = run(&mut sign);
        let mut verify = webhook();
        verify
            .env("WEBHOOK_SECRET", verifies)
            .args(["verify", "--body"])
            .arg(&file);
        for header in headers.lines() {
            verify.args(["-H", header]);
        }
        assert_eq!(run(&mut verify).0, 0, "{name}");
    }
}

#[test]
fn every_shell_gets_a_completion_that_knows_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (code, script, _) = run(webhook().args(["completions", shell]));
        assert_eq!(code, 0, "{shell}");
        for command in ["send", "sign", "verify", "explain", "secret", "listen"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn the_help_documents_the_exit_codes() {
    let (code, help, _) = run(webhook().arg("--help"));
    assert_eq!(code, 0);
    assert!(help.contains("Exit codes:"), "{help}");
}

/// If the program was built without a feature, the error names the feature.
#[test]
fn what_is_not_built_in_names_its_feature() {
    for (args, feature, is_built_in) in [
        (
            &["send", "--url", "https://localhost:1/"][..],
            "tls",
            cfg!(feature = "tls"),
        ),
        (
            &["listen", "--forward", "https://localhost:1/"],
            "tls",
            cfg!(feature = "tls"),
        ),
        (
            &["secret", "--key-pair"],
            "ed25519",
            cfg!(feature = "ed25519"),
        ),
    ] {
        if !is_built_in {
            let (code, _, stderr) = run(with_secret().args(args));
            assert_eq!(code, 2, "{args:?}: {stderr}");
            let expected = format!("--features {feature}");
            assert!(stderr.contains(&expected), "{args:?}: {stderr}");
        }
    }
}

/// Some senders use the text itself as the key, prefix included.
#[test]
fn a_secret_that_is_taken_for_the_key_itself_is_explained() {
    const SECRET: &str = concat!("whsec_", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD");

    let folder = folder("secret_as_text");
    let file = folder.join("body");
    fs::write(&file, "{}").unwrap();
    let key_without_prefix = SECRET.trim_start_matches("whsec_").as_bytes();
    for (name, sender, found) in [
        ("decoded", Sender::with_secret(SECRET), "text-is-no-key"),
        (
            "without its prefix",
            Sender::with_key(key_without_prefix),
            "key-text-without-prefix",
        ),
    ] {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let timestamp = now.as_secs().to_string();
        let signature = sender.sign(b"msg_1", timestamp.as_bytes(), b"{}");
        let mut command = webhook();
        command.env("WEBHOOK_SECRET", SECRET);
        command
            .args(["explain", "--secret-is-text", "--body"])
            .arg(&file);
        for (header, value) in [
            ("id", "msg_1"),
            ("timestamp", &timestamp),
            ("signature", &signature),
        ] {
            command.args(["-H", &format!("webhook-{header}: {value}")]);
        }
        let (code, stdout, _) = run(&mut command);
        assert_eq!(code, 1, "{name}");
        assert!(
            stdout.contains(&format!("Found ({found})")),
            "{name}: {stdout}"
        );
        assert_eq!(stdout.matches("Found (").count(), 1, "{name}: {stdout}");
    }
}

#[test]
fn a_text_can_be_the_key_in_every_command() {
    const TEXT: &str = "polar_whs_0123456789abcdefghijklmnopqrstuv";
    const IS_TEXT: &str = "--secret-is-text";

    let folder = folder("text_key");
    let file = folder.join("body");
    fs::write(&file, "{}").unwrap();
    let with_text = |args: &[&str]| {
        let mut command = webhook();
        command.env("WEBHOOK_SECRET", TEXT).args(args);
        command
    };
    let (code, headers, stderr) = run(with_text(&["sign", IS_TEXT]).arg(&file));
    assert_eq!(code, 0, "{stderr}");
    let signature = |name: &str| {
        let mut lines = headers.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| *found == name)
            .unwrap()
            .1
            .to_owned()
    };
    let sender = Sender::with_key(TEXT.as_bytes());
    let expected = sender.sign(
        signature("webhook-id").as_bytes(),
        signature("webhook-timestamp").as_bytes(),
        b"{}",
    );
    assert_eq!(signature("webhook-signature"), expected);

    let judge = |args: &[&str]| {
        let mut command = with_text(args);
        command.arg("--body").arg(&file);
        for header in headers.lines() {
            command.args(["-H", header]);
        }
        run(&mut command)
    };
    assert_eq!(judge(&["verify", IS_TEXT]).0, 0);
    assert_eq!(judge(&["explain", IS_TEXT]).0, 0);
    // The text is not base64, so it cannot be read as a secret in the usual form.
    assert_eq!(judge(&["verify"]).0, 2);

    let mut listen = webhook();
    listen.env("WEBHOOK_SECRET", TEXT);
    let listener = Listener::start_with(&mut listen, &[IS_TEXT]);
    let mut command = with_text(&["send", IS_TEXT, "--url", &listener.server.url("/")]);
    let (code, stdout, stderr) = run(&mut command);
    assert_eq!(code, 0, "{stdout}{stderr}");

    // An invalid text is reported with the name of the variable.
    let mut short = webhook();
    short.env("WEBHOOK_SECRET", "abc").args(["sign", IS_TEXT]);
    let (code, _, stderr) = run(short.arg(&file));
    assert_eq!(code, 2);
    assert!(stderr.contains("WEBHOOK_SECRET: "), "{stderr}");
}
