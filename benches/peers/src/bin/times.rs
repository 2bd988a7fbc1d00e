//! The time of a delivery at the level of Tower, with its body in memory: the median over many processes.
//!
//! ```text
//! times [--quick] [LABEL=PROGRAM...] [NAME...]
//! ```
//!
//! The place of a process in memory matters as much as some changes to the code, so each process of `measure` is one
//! measurement. The order of the processes is random, and so is the order within each. With names, only these are
//! measured, and nothing is stored for the report. A label and a program add a build of `measure`, such as one from
//! before a change, which takes turns with the present one.

use std::path::PathBuf;
use std::process::Command;
use std::{env, io};

use fastrand::Rng;
use peers::contender::OURS;
use peers::results::{Added, Build, Spread, Stored as _, TimeOf, Times, TimesOfSize, is_quick};
use peers::tables;

/// The measurements of one process.
type Measured = Vec<TimesOfSize<f64>>;

/// Processes of the same program.
struct Group {
    /// `None` for the table of all contenders.
    label: Option<String>,
    program: PathBuf,
    names: Vec<String>,
    measured: Vec<Measured>,
}

fn main() -> io::Result<()> {
    let (processes, rounds) = if is_quick() { (4, 10) } else { (20, 40) };
    let (builds, names): (Vec<_>, Vec<_>) = env::args()
        .skip(1)
        .filter(|argument| argument != "--quick")
        .partition(|argument| argument.contains('='));
    let is_whole = names.is_empty();

    let program = |name: &str| Ok::<_, io::Error>(env::current_exe()?.with_file_name(name));
    let mut groups = vec![Group::new(None, program("measure")?, names)];
    let mut add = |label: &str, program| {
        groups.push(Group::new(
            Some(label.to_owned()),
            program,
            vec![OURS.to_owned()],
        ));
    };
    if is_whole || !builds.is_empty() {
        let label = if is_whole { "without features" } else { "now" };
        add(label, program("measure")?);
    }
    if is_whole {
        add("`tracing`, no subscriber", program("measure-tracing")?);
        add("`metrics`, no recorder", program("measure-metrics")?);
    }
    for (label, program) in builds.iter().filter_map(|build| build.split_once('=')) {
        add(label, program.into());
    }

    let seed = fastrand::u64(..);
    eprintln!(
        "{processes} processes of {} kinds, seed {seed}",
        groups.len()
    );
    let mut random = Rng::with_seed(seed);
    let mut order: Vec<_> = (0..groups.len())
        .flat_map(|group| vec![group; processes])
        .collect();
    random.shuffle(&mut order);
    for group in order {
        groups[group].measure(random.u64(..), rounds)?;
    }

    let mut groups = groups.into_iter();
    let times = Times {
        processes,
        rounds,
        seed,
        sizes: over_processes(&groups.next().expect("the first").measured),
        builds: groups.map(Group::into_build).collect(),
    };
    print!("{}\n{}", tables::ratios(&times), tables::nanos(&times));
    print!("\n{}\n{}", tables::cases(&times), tables::builds(&times));
    if is_whole {
        times.save()?;
    }
    Ok(())
}

impl Group {
    fn new(label: Option<String>, program: PathBuf, names: Vec<String>) -> Self {
        Self {
            label,
            program,
            names,
            measured: vec![],
        }
    }

    fn measure(&mut self, seed: u64, rounds: usize) -> io::Result<()> {
        let output = Command::new(&self.program)
            .args([seed.to_string(), rounds.to_string()])
            .args(&self.names)
            .stderr(std::process::Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(io::Error::other(format!("{}", self.program.display())));
        }
        self.measured.push(serde_json::from_slice(&output.stdout)?);
        Ok(())
    }

    fn into_build(self) -> Build {
        Build {
            label: self.label.unwrap_or_default(),
            sizes: over_processes(&self.measured),
        }
    }
}

/// Returns the quartiles over the processes.
fn over_processes(measured: &[Measured]) -> Vec<TimesOfSize<Spread>> {
    let first = &measured[0];
    let of_size = |(size, first): (usize, &TimesOfSize<f64>)| {
        let spread = |value: &dyn Fn(&TimesOfSize<f64>) -> f64| {
            let values = measured.iter().map(|process| value(&process[size]));
            values.collect::<Spread>()
        };
        let time_of = |(index, first): (usize, &TimeOf<f64>)| {
            let added = |value: fn(&Added<f64>) -> f64| {
                spread(&|size| size.contenders[index].added.as_ref().map_or(0.0, value))
            };
            TimeOf {
                name: first.name.clone(),
                table: first.table,
                total: spread(&|size| size.contenders[index].total),
                added: first.added.as_ref().map(|_| Added {
                    nanos: added(|added| added.nanos),
                    ratio: added(|added| added.ratio),
                }),
            }
        };
        TimesOfSize {
            body_len: first.body_len,
            limit: spread(&|size| size.limit),
            contenders: first.contenders.iter().enumerate().map(time_of).collect(),
        }
    };
    first.iter().enumerate().map(of_size).collect()
}
