//! Runs each case in its own process, as the usual harness runs tests in threads.

use std::env;
use std::process::{Command, ExitCode, Stdio};

/// The argument that makes a process run one case. The name of the case follows.
const CASE: &str = "--case";

/// The options of the usual harness that take a value.
const WITH_VALUE: [&str; 6] = [
    "--color",
    "--format",
    "--logfile",
    "--shuffle-seed",
    "--test-threads",
    "-Z",
];

#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: fn(),
}

/// The functions of a module as cases: `cases![module: first second]`.
macro_rules! cases {
    ($module:ident: $($name:ident)+) => {
        &[$($crate::runner::Case {
            name: concat!(stringify!($module), "::", stringify!($name)),
            run: $crate::$module::$name,
        }),+]
    };
}
pub(crate) use cases;

/// What to do with the cases.
#[derive(Default)]
enum Action {
    #[default]
    Run,
    List,
}

/// The parsed arguments.
#[derive(Default)]
struct Request {
    action: Action,
    /// A case runs if its name contains one of these (with `exact`: is one of these), or if there are none.
    filters: Vec<String>,
    skipped: Vec<String>,
    exact: bool,
    /// Shows the output of cases that pass, too.
    nocapture: bool,
    /// Runs only ignored cases, of which there are none.
    ignored_only: bool,
}

impl Request {
    /// The other options of the usual harness change only its output and the order of its tests.
    fn from(arguments: impl Iterator<Item = String>) -> Self {
        let mut request = Self::default();
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--exact" => request.exact = true,
                "--list" => request.action = Action::List,
                "--nocapture" | "--no-capture" | "--show-output" => request.nocapture = true,
                "--ignored" => request.ignored_only = true,
                "--skip" => request.skipped.extend(arguments.next()),
                option if WITH_VALUE.contains(&option) => drop(arguments.next()),
                option if option.starts_with('-') => {
                    let skipped = option.strip_prefix("--skip=");
                    request.skipped.extend(skipped.map(str::to_owned));
                }
                _ => request.filters.push(argument),
            }
        }
        request
    }

    fn includes(&self, name: &str) -> bool {
        let is_named = |filter: &String| {
            if self.exact {
                name == filter
            } else {
                name.contains(filter.as_str())
            }
        };
        (self.filters.is_empty() || self.filters.iter().any(is_named))
            && !self.skipped.iter().any(is_named)
            && !self.ignored_only
    }
}

/// Runs the cases that the arguments of this process select.
pub(crate) fn run(cases: &[Case]) -> ExitCode {
    let mut arguments = env::args().skip(1).peekable();
    if arguments.next_if(|first| first == CASE).is_some() {
        let name = arguments.next().unwrap_or_default();
        let case = cases.iter().find(|case| case.name == name);
        (case
            .unwrap_or_else(|| panic!("there is no case {name}"))
            .run)();
        return ExitCode::SUCCESS;
    }
    let request = Request::from(arguments);
    let cases = cases.iter().filter(|case| request.includes(case.name));
    if matches!(request.action, Action::List) {
        cases.for_each(|case| println!("{}: test", case.name));
        return ExitCode::SUCCESS;
    }
    let (mut passed, mut failed) = (0, 0);
    for case in cases {
        if passes(case, request.nocapture) {
            passed += 1;
            println!("test {} ... ok", case.name);
        } else {
            failed += 1;
            println!("test {} ... FAILED", case.name);
        }
    }
    println!("{passed} passed, {failed} failed");
    // The exit code of the usual harness.
    ExitCode::from(if failed == 0 { 0 } else { 101 })
}

fn passes(case: &Case, nocapture: bool) -> bool {
    let mut command = Command::new(env::current_exe().expect("a process has a program"));
    command.args([CASE, case.name]).stdin(Stdio::null());
    if nocapture {
        let status = command.status().expect("this program starts again");
        return status.success();
    }
    let output = command.output().expect("this program starts again");
    if !output.status.success() {
        print!("{}", String::from_utf8_lossy(&output.stdout));
        print!("{}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}
