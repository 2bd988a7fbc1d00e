//! The page in a real browser: Chromium, driven by its own driver.
//!
//! With `SCREENSHOTS=1`, it renews the pictures in the documentation: `docs/webhook-listen-*.png`.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::ChromiumLikeCapabilities as _;
use thirtyfour::prelude::*;
use tower_svix_tests::net::{Delivery, TIMEOUT};
use tower_svix_tests::process::workspace;

use crate::support::{Application, Listener, folder, genuine_bytes};

/// The arguments with which Chromium runs without a screen, as root, and without requests to the Internet.
const ARGUMENTS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-GB",
];

/// A browser with a new profile. It is closed when the test ends.
struct Browser {
    driver: WebDriver,
    program: Child,
}

impl Browser {
    async fn start(name: &str, dark: bool, size: (u32, u32)) -> Self {
        let mut program = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium and chromium-driver are installed: ./test does so");
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let line = lines
            .find(|line| line.as_ref().unwrap().contains("successfully on port"))
            .unwrap()
            .unwrap();
        let port = line.trim_end_matches('.').rsplit(' ').next().unwrap();
        let mut capabilities = DesiredCapabilities::chrome();
        for argument in ARGUMENTS {
            capabilities.add_arg(argument).unwrap();
        }
        let profile = folder(&format!("profile_{name}"));
        for argument in [
            format!("--user-data-dir={}", profile.display()),
            format!("--window-size={},{}", size.0, size.1),
        ] {
            capabilities.add_arg(&argument).unwrap();
        }
        if dark {
            capabilities
                .add_arg("--blink-settings=preferredColorScheme=0")
                .unwrap();
        }
        if size.0 < 500 {
            // A window cannot be as narrow as a phone.
            let metrics =
                json!({"width": size.0, "height": size.1, "pixelRatio": 2.0, "mobile": true});
            capabilities
                .add_experimental_option("mobileEmulation", json!({"deviceMetrics": metrics}))
                .unwrap();
        }
        // This test uses no TLS. But if another crate of the workspace enables TLS in the client, the client needs a
        // provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities)
            .await
            .unwrap();
        Self { driver, program }
    }

    async fn open(&self, listener: &Listener) {
        let url = format!("http://{}/", listener.page);
        self.driver.goto(url).await.unwrap();
        self.wait_for("#connection", "live").await;
    }

    /// Returns the displayed text of the element that the selector finds.
    async fn text(&self, selector: &str) -> String {
        match self.driver.find(By::Css(selector)).await {
            Ok(element) => element.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Waits until the element shows the text.
    async fn wait_for(&self, selector: &str, text: &str) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let shown = self.text(selector).await;
            if shown.contains(text) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{selector} does not show {text:?}, but {shown:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn click(&self, selector: &str) {
        let element = self.driver.find(By::Css(selector)).await.unwrap();
        element.click().await.unwrap();
    }

    async fn press(&self, keys: &str) {
        let body = self.driver.find(By::Css("body")).await.unwrap();
        body.send_keys(keys).await.unwrap();
    }

    async fn script(&self, script: &str) -> Value {
        let result = self.driver.execute(script, Vec::new()).await.unwrap();
        result.json().clone()
    }

    /// Saves a screenshot for the documentation if `SCREENSHOTS` is set.
    async fn picture(&self, name: &str) {
        if std::env::var_os("SCREENSHOTS").is_none() {
            return;
        }
        // Wait for the highlight of new deliveries to fade.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let file: PathBuf = workspace().join(format!("docs/webhook-listen-{name}.png"));
        self.driver.screenshot(&file).await.unwrap();
        let size = std::fs::metadata(&file).unwrap().len();
        assert!(size <= 200 * 1024, "{name}: {size} bytes");
    }

    async fn stop(self) {
        self.driver.clone().quit().await.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // After SIGTERM the driver also ends the browser, but after SIGKILL it could not.
        let id = self.program.id().to_string();
        let _ = Command::new("kill").arg(id).status();
        let _ = self.program.wait();
    }
}

fn row(number: u64) -> String {
    format!(".delivery[data-number='{number}']")
}

const PAYLOAD: &str = r#"{"type":"job.completed","timestamp":"2024-01-15T10:30:00Z","data":{"job_id":"123e4567-e89b-12d3-a456-426614174000","status":"completed","pages_processed":25,"cost":12345678901234567890.10}}"#;

/// Sends a genuine, a forged, a stale and a duplicate delivery, and one whose JSON a proxy has reformatted.
fn deliver_all(listener: &Listener) {
    listener.deliver(&Delivery::genuine(
        "msg_2ZsXh8Qv0cR1kLw3TnYb5EfJdGa",
        PAYLOAD,
    ));
    listener.deliver(&Delivery::forged(
        "msg_2ZsXhBc7Yw1nVq0LrTzKdUeMxSo",
        r#"{"type":"job.created"}"#,
    ));
    listener.deliver(&Delivery::aged(
        "msg_2ZsWq4Jk9fPtHn2BvXgAyRlCuDi",
        r#"{"type":"job.failed"}"#,
        7_200,
    ));
    listener.deliver(&Delivery::genuine(
        "msg_2ZsXh8Qv0cR1kLw3TnYb5EfJdGa",
        PAYLOAD,
    ));
    let spaced = PAYLOAD.replace("\":", "\": ").replace(",\"", ", \"");
    let mut reprinted = Delivery::genuine("msg_2ZsXhFm3sQbG8xWaNcEpVjLkTzY", spaced);
    reprinted.body = PAYLOAD.into();
    listener.deliver(&reprinted);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_appear_without_a_reload_and_are_explained_and_sent_again() {
    let application = Application::start().await;
    let listener = Listener::start(&["--forward", &application.url()]);
    let browser = Browser::start("workbench", false, (1280, 960)).await;
    browser.open(&listener).await;
    browser
        .wait_for("#empty", "Waiting for the first delivery")
        .await;
    browser.script("window.was_here = true").await;

    deliver_all(&listener);
    for (number, texts) in [
        (
            1,
            &["job.completed", "msg_2ZsXh8Qv0cR1kLw3TnYb5EfJdGa", "200"][..],
        ),
        (2, &["job.created", "signature-mismatch", "not forwarded"]),
        (3, &["job.failed", "timestamp-too-old"]),
        (4, &["duplicate of #1", "200"]),
        (
            5,
            &["msg_2ZsXhFm3sQbG8xWaNcEpVjLkTzY", "signature-mismatch"],
        ),
    ] {
        for text in texts {
            browser.wait_for(&row(number), text).await;
        }
    }
    assert_eq!(browser.text("[data-count=all]").await, "5");
    assert_eq!(browser.text("[data-count=rejected]").await, "3");
    assert_eq!(browser.text("[data-count=duplicate]").await, "1");

    // The genuine delivery: the application's response, and numbers with all of their digits.
    browser.click(&row(1)).await;
    browser.wait_for("#verdict", "Valid").await;
    browser.wait_for("#answer", "\"stored\": true").await;
    browser.wait_for("#body", "12345678901234567890.10").await;
    browser.click(&row(4)).await;
    browser.wait_for("#verdict", "duplicate of #1").await;
    // The forged delivery, for which no common mistake is found.
    browser.click(&row(2)).await;
    browser
        .wait_for("#verdict", "Rejected: signature-mismatch")
        .await;
    browser
        .wait_for("#verdict", "Nothing usual explains it")
        .await;
    // The page shows the same explanation as the program.
    browser.click(&row(5)).await;
    let detail = listener.detail(5);
    let finding = &detail["explanation"]["findings"][0];
    browser
        .wait_for("#notes", finding["text"].as_str().unwrap())
        .await;
    browser
        .wait_for("#notes", finding["advice"].as_str().unwrap())
        .await;
    browser.picture("light").await;

    // The stale delivery reaches the application with a new signature.
    browser.click(&row(3)).await;
    browser.wait_for("#verdict", "timestamp-too-old").await;
    assert_eq!(application.arrived().len(), 2);
    browser.click("#sign").await;
    browser.wait_for("#facts", "#3 signed now").await;
    browser.wait_for("#verdict", "Valid").await;
    browser.wait_for("#answer-status", "200").await;
    let arrived = application.arrived();
    assert_eq!(arrived.len(), 3);
    assert_eq!(
        arrived[2].headers["webhook-id"],
        "msg_2ZsWq4Jk9fPtHn2BvXgAyRlCuDi"
    );
    assert_eq!(arrived[2].body, r#"{"type":"job.failed"}"#);

    // The same delivery, edited in the dialog.
    browser.click("#edit").await;
    browser
        .script("document.getElementById('editor-body').value = '{\"type\":\"edited\"}'")
        .await;
    browser.click("#editor-new").await;
    browser.click("#editor-send").await;
    browser.wait_for("#facts", "#6 edited").await;
    browser.wait_for("#answer-status", "200").await;
    let arrived = application.arrived().pop().unwrap();
    assert_eq!(arrived.body, r#"{"type":"edited"}"#);
    assert_ne!(
        arrived.headers["webhook-id"],
        "msg_2ZsWq4Jk9fPtHn2BvXgAyRlCuDi"
    );

    assert_eq!(
        browser.script("return window.was_here").await,
        true,
        "it was not reloaded"
    );
    browser.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_delivery_becomes_markup_or_code() {
    let listener = Listener::start(&[]);
    let browser = Browser::start("hostile", false, (1280, 960)).await;
    browser.open(&listener).await;
    let markup = "<img src=x onerror=\"window.stolen=1\"><script>window.stolen=2</script><a href=\"javascript:window.stolen=3\">x</a>";
    let hostile = [
        json!({"type": markup, markup: markup}).to_string(),
        markup.to_owned(),
        format!("{{\"type\": \"</script>{markup}\", \"__proto__\": {{\"stolen\": 1}}}}"),
        "{\"type\": \"constructor\", \"toString\": 1}".to_owned(),
        format!("{{\"a\": {}1{}}}", "[".repeat(5_000), "]".repeat(5_000)),
        "\u{202e}\u{2028}\u{0}\u{feff}".to_owned(),
    ];
    let header = ("x-hostile", markup);
    for (number, body) in (1..).zip(&hostile) {
        let mut delivery = Delivery::genuine("msg_1", body.clone());
        if number % 2 == 0 {
            delivery.set("webhook-id", &markup.replace(' ', "/"));
        }
        listener.deliver_with(&delivery, &[header]);
    }
    listener.deliver_with(&genuine_bytes("msg_bytes", &b"\xff<script>"[..]), &[header]);

    for number in 1..=hostile.len() as u64 + 1 {
        // The time of arrival contains a colon.
        browser.wait_for(&row(number), ":").await;
        browser.click(&row(number)).await;
        browser.wait_for("#facts", &format!("#{number}")).await;
        browser.wait_for("#headers", markup).await;
        for view in ["text", "hex", "json"] {
            browser
                .script(&format!(
                    "document.querySelector('[data-view={view}]').click()"
                ))
                .await;
        }
    }
    browser.wait_for(&row(1), "<img src=x").await;
    // Every element that is not part of the page's own file is counted.
    let foreign = "return document.querySelectorAll('img, svg, iframe, script:not([src=\"page.js\"]), a:not(#fixture)').length";
    assert_eq!(browser.script(foreign).await, 0);
    assert_eq!(
        browser
            .script("return window.stolen ?? {}.stolen ?? null")
            .await,
        Value::Null
    );

    // The content security policy also blocks a script that gets into the document by mistake.
    let mistake = "const script = document.createElement('script'); \
        try { script.textContent = 'window.stolen = 4'; } catch {} \
        document.body.append(script); \
        try { document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=window.stolen=5>'); } catch {} \
        return window.stolen ?? null";
    assert_eq!(browser.script(mistake).await, Value::Null);
    browser.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_is_enough() {
    let application = Application::start().await;
    let listener = Listener::start(&["--forward", &application.url()]);
    let browser = Browser::start("keyboard", true, (1280, 960)).await;
    browser.open(&listener).await;
    deliver_all(&listener);
    browser
        .wait_for(&row(5), "msg_2ZsXhFm3sQbG8xWaNcEpVjLkTzY")
        .await;

    // The first `j` selects the latest delivery, and the second one the delivery before it.
    browser.press("jj").await;
    browser
        .wait_for("#id", "msg_2ZsXh8Qv0cR1kLw3TnYb5EfJdGa")
        .await;
    browser.press("k").await;
    browser
        .wait_for("#id", "msg_2ZsXhFm3sQbG8xWaNcEpVjLkTzY")
        .await;
    browser.picture("dark").await;
    browser.press("s").await;
    browser.wait_for("#facts", "#5 signed now").await;
    assert_eq!(application.arrived().len(), 3);
    browser.press("r").await;
    browser.wait_for("#facts", "#6 sent again").await;

    browser.press("/").await;
    let search = browser.driver.active_element().await.unwrap();
    search.send_keys("too-old").await.unwrap();
    browser.wait_for("[data-count=all]", "1").await;
    assert_eq!(browser.text(&row(1)).await, "", "it is filtered out");
    browser.wait_for(&row(3), "timestamp-too-old").await;
    search.send_keys(Key::Escape).await.unwrap();
    browser
        .wait_for(&row(1), "msg_2ZsXh8Qv0cR1kLw3TnYb5EfJdGa")
        .await;
    browser.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_shows_the_list_or_the_delivery() {
    let listener = Listener::start(&[]);
    let browser = Browser::start("phone", false, (390, 780)).await;
    browser.open(&listener).await;
    deliver_all(&listener);
    browser
        .wait_for(&row(5), "msg_2ZsXhFm3sQbG8xWaNcEpVjLkTzY")
        .await;
    let fits = "return document.documentElement.scrollWidth <= window.innerWidth";
    assert_eq!(browser.script(fits).await, true);
    assert_eq!(browser.text("#type").await, "", "the list alone is shown");

    browser.click(&row(5)).await;
    browser.wait_for("#verdict", "Rejected").await;
    assert_eq!(browser.script(fits).await, true);
    assert_eq!(
        browser.text(&row(1)).await,
        "",
        "the delivery alone is shown"
    );
    browser.picture("phone").await;
    browser.click("#back").await;
    browser
        .wait_for(&row(1), "msg_2ZsXh8Qv0cR1kLw3TnYb5EfJdGa")
        .await;
    browser.stop().await;
}
