//! Time: how long whole runs take on the clock and on the processor, in rounds in which two commands
//! take turns.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};

use super::command::succeeded;

/// Ticks per second in /proc; the same on Linux for all supported machines.
const TICKS: f64 = 100.0;

/// How many runs to make.
#[derive(Clone, Copy)]
pub struct Plan {
    pub rounds: usize,
    /// Runs of each command per round.
    pub runs: usize,
    /// How many of them at the same time.
    pub at_once: usize,
}

/// What a run costs on average, in seconds.
#[derive(Clone, Copy)]
pub struct Cost {
    pub wall: f64,
    pub cpu: f64,
}

/// What was measured in all rounds.
pub struct Costs {
    pub ours: Cost,
    /// Those of the other command, if there is one.
    pub theirs: Option<Cost>,
    /// Ours divided by theirs.
    pub ratio: Option<Cost>,
}

type Make<'a> = dyn Fn() -> Result<Command> + Sync + 'a;

/// Runs both in turns; the first one alternates with each round.
pub fn compare(plan: Plan, ours: &Make<'_>, theirs: Option<&Make<'_>>) -> Result<Costs> {
    let mut rounds = Vec::new();
    for round in 0..plan.rounds {
        let first =
            if round % 2 == 1 { theirs.map(|it| block(plan, it)).transpose()? } else { None };
        let mine = block(plan, ours)?;
        let other = match first {
            Some(cost) => Some(cost),
            None => theirs.map(|it| block(plan, it)).transpose()?,
        };
        rounds.push((mine, other));
    }
    Ok(Costs::of(&rounds))
}

/// The median.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.as_slice() {
        [] => f64::NAN,
        _ if values.len() % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

impl Costs {
    /// Medians of the wall time, and the mean of the processor time, whose ticks are too coarse for a median.
    fn of(rounds: &[(Cost, Option<Cost>)]) -> Self {
        let ours: Vec<Cost> = rounds.iter().map(|round| round.0).collect();
        let theirs: Option<Vec<Cost>> = rounds.iter().map(|round| round.1).collect();
        let ours_at_all = Cost::of(&ours);
        let Some(theirs) = theirs else {
            return Self { ours: ours_at_all, theirs: None, ratio: None };
        };
        let theirs_at_all = Cost::of(&theirs);
        let ratio = Cost {
            wall: median(ours.iter().zip(&theirs).map(|(our, their)| our.wall / their.wall)),
            cpu: ours_at_all.cpu / theirs_at_all.cpu,
        };
        Self { ours: ours_at_all, theirs: Some(theirs_at_all), ratio: Some(ratio) }
    }
}

impl Cost {
    #[expect(clippy::cast_precision_loss, reason = "a handful of rounds")]
    fn of(rounds: &[Self]) -> Self {
        Self {
            wall: median(rounds.iter().map(|cost| cost.wall)),
            cpu: rounds.iter().map(|cost| cost.cpu).sum::<f64>() / rounds.len() as f64,
        }
    }
}

/// One command's part of a round.
#[expect(clippy::cast_precision_loss, reason = "a handful of runs")]
fn block(plan: Plan, make: &Make<'_>) -> Result<Cost> {
    let turns = plan.runs / plan.at_once;
    let cpu = children_seconds()?;
    let start = Instant::now();
    thread::scope(|scope| -> Result<()> {
        let line = || (0..turns).try_for_each(|_| run(make()?));
        let others: Vec<_> = (1..plan.at_once).map(|_| scope.spawn(line)).collect();
        line()?;
        for other in others {
            other.join().ok().context("a thread failed")??;
        }
        Ok(())
    })?;
    let wall = start.elapsed().as_secs_f64();
    let runs = (turns * plan.at_once) as f64;
    Ok(Cost { wall: wall / runs, cpu: (children_seconds()? - cpu) / runs })
}

fn run(mut command: Command) -> Result<()> {
    let status = command.status()?;
    succeeded(&command, status)
}

/// The processor time of all children that have ended, theirs included: `cutime` and `cstime` of
/// proc(5), fields 16 and 17. The kernel adds them up exactly and rounds to ticks when they are read.
fn children_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field may hold blanks; the third follows its bracket.
    let fields = stat.rsplit_once(") ").context("an odd /proc/self/stat")?.1;
    let ticks = fields.split(' ').skip(13).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS)
}
