//! The machine that the measurements ran on.

use std::fs;
use std::io;
use std::process::Command;
use std::thread;

use peers::results::is_quick;

pub(super) fn describe() -> io::Result<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let field = |name: &str| {
        let line = cpu.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(": "))
            .map_or("unknown", |(_, value)| value)
    };
    let has_sha = field("flags").split(' ').any(|flag| flag == "sha_ni");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    let rustc = Command::new("rustc").arg("--version").output()?;
    let rows = [
        ("CPU", field("model name").to_owned()),
        ("Cores", thread::available_parallelism()?.to_string()),
        (
            "SHA extensions",
            if has_sha { "yes" } else { "no" }.to_owned(),
        ),
        ("Kernel", format!("Linux {}", kernel.trim())),
        (
            "Compiler",
            String::from_utf8_lossy(&rustc.stdout).trim().to_owned(),
        ),
        ("Profile", "release, as Cargo has it".to_owned()),
        ("Load average after it all", load.to_owned()),
        (
            "Length",
            if is_quick() {
                "quick: not a result"
            } else {
                "full"
            }
            .to_owned(),
        ),
    ];
    let mut table = "| | |\n| --- | --- |\n".to_owned();
    for (name, value) in rows {
        table += &format!("| {name} | {value} |\n");
    }
    Ok(table)
}
