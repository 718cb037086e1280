//! What is measured, row by row.

use std::path::Path;
use std::{fs, thread};

use anyhow::{Result, ensure};

use super::command::{Asker, Question, version};
use super::cost::{Cost, Costs, Plan, compare, median};
use super::server::{ANSWER, EVENTS, Manner, PIECE, Scheme, Server};
use super::stock::Stock;
use super::table::{Table, Unit};
use super::{probe, say};

/// How many rounds.
#[derive(Clone, Copy)]
pub enum Effort {
    Quick,
    Full,
}

/// What the rows are made with, and the table they go into.
struct Bench {
    effort: Effort,
    server: Server,
    tools: Tools,
    table: Table,
}

/// What there is to compare with, and to measure with.
struct Tools {
    /// What it says of its version.
    curl: Option<String>,
    /// Beside curl also sed and jq.
    pipeline: bool,
    strace: bool,
}

/// Something to ask, and how often.
struct Work<'a> {
    name: &'a str,
    question: &'a Question,
    scheme: Scheme,
    /// Runs of each program a round.
    runs: usize,
}

/// The table, and below it what it was made on.
pub fn measure(program: &Path, effort: Effort) -> Result<String> {
    let tools = Tools::look();
    let server = Server::start()?;
    let stock = Stock::lay_in(program, server.authority())?;
    let mut bench = Bench { effort, server, tools, table: Table::default() };
    bench.text(&stock)?;
    bench.four_at_once(&stock)?;
    bench.images(&stock)?;
    bench.prompt(&stock)?;
    bench.first_event(&stock)?;
    bench.events(&stock)?;
    bench.size(program)?;
    Ok(bench.table.markdown() + "\n" + &bench.made_on())
}

impl Effort {
    fn rounds(self) -> usize {
        match self {
            Self::Quick => 3,
            Self::Full => 15,
        }
    }
}

impl Tools {
    fn look() -> Self {
        let curl = version("curl", "--version");
        let jq = version("jq", "--version").is_some();
        let sed = version("sed", "--version").is_some();
        let strace = version("strace", "-V").is_some();
        if curl.is_none() {
            say("curl is missing: xask is measured alone");
        } else if !(jq && sed) {
            say("jq or sed is missing: events are measured without them");
        }
        if !strace {
            say("strace is missing: system calls are not counted");
        }
        Self { pipeline: curl.is_some() && jq && sed, curl, strace }
    }

    fn curl(&self) -> Option<Asker> {
        self.curl.as_ref().map(|_| Asker::Curl)
    }

    fn pipeline(&self) -> Option<Asker> {
        self.pipeline.then_some(Asker::Pipeline)
    }
}

impl Bench {
    fn text(&mut self, stock: &Stock) -> Result<()> {
        for (scheme, name) in [(Scheme::Http, "text, HTTP"), (Scheme::Https, "text, HTTPS")] {
            let work = Work { name, question: &stock.text, scheme, runs: 20 };
            let costs = self.add_work(&work)?;
            self.add_calls(&work, stock)?;
            if scheme == Scheme::Http {
                self.add_rate("runs a second, one after another", 1, &costs);
            }
        }
        Ok(())
    }

    fn four_at_once(&mut self, stock: &Stock) -> Result<()> {
        let name = "runs a second, four at once";
        say(name);
        let plan = Plan { rounds: self.effort.rounds(), runs: 40, at_once: 4 };
        let url = self.server.url(Scheme::Http, Manner::AtOnce);
        let costs = compare_askers(plan, &stock.text, &url, self.tools.curl())?;
        self.add_rate(name, 1, &costs);
        Ok(())
    }

    fn images(&mut self, stock: &Stock) -> Result<()> {
        let (one, ten) = (&stock.one_image, &stock.ten_images);
        for (name, question, scheme, runs) in [
            ("1 image, HTTP", one, Scheme::Http, 4),
            ("1 image, HTTPS", one, Scheme::Https, 4),
            ("10 images, HTTP", ten, Scheme::Http, 1),
            ("10 images, HTTPS", ten, Scheme::Https, 1),
        ] {
            self.add_work(&Work { name, question, scheme, runs })?;
        }
        Ok(())
    }

    fn prompt(&mut self, stock: &Stock) -> Result<()> {
        let question = &stock.prompt;
        let name = "16 MiB on stdin, HTTP";
        self.add_work(&Work { name, question, scheme: Scheme::Http, runs: 4 })?;
        Ok(())
    }

    /// Single runs in turns: a run has one first event.
    fn first_event(&mut self, stock: &Stock) -> Result<()> {
        let name = "first event to first byte";
        say(name);
        let url = self.server.url(Scheme::Http, Manner::FirstEvent);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..self.effort.rounds() * 4 {
            ours.push(probe::first_byte(
                &mut self.server,
                stock.stream.command(Asker::Xask, &url)?,
            )?);
            if let Some(curl) = self.tools.curl() {
                let command = stock.stream.command(curl, &url)?;
                theirs.push(probe::first_byte(&mut self.server, command)?);
            }
        }
        let ratio = median(ours.iter().zip(&theirs).map(|(our, their)| our / their));
        let theirs = (!theirs.is_empty()).then(|| median(theirs));
        self.table.add_ratio(name, Unit::Seconds, median(ours), theirs, theirs.map(|_| ratio));
        Ok(())
    }

    /// Beside what a shell has to do for the same output; that takes its time, so rounds are few.
    fn events(&mut self, stock: &Stock) -> Result<()> {
        let name = "100,000 events (curl with sed and jq)";
        say(name);
        let url = self.server.url(Scheme::Http, Manner::Events);
        for asker in [Asker::Xask].into_iter().chain(self.tools.pipeline()) {
            let answer = probe::answer(stock.stream.command(asker, &url)?)?;
            let answer = answer.strip_suffix(b"\n").unwrap_or(&answer);
            ensure!(answer == PIECE.repeat(EVENTS).as_bytes(), "a wrong answer to {name}");
        }
        let alone = Plan { rounds: self.effort.rounds(), runs: 10, at_once: 1 };
        let alone = compare_askers(alone, &stock.stream, &url, None)?;
        let plan = Plan { rounds: 1, runs: 1, at_once: 1 };
        let beside = compare_askers(plan, &stock.stream, &url, self.tools.pipeline())?;
        let ours = alone.ours.wall;
        let theirs = beside.theirs.map(|cost| cost.wall);
        self.table.add(&format!("{name}, wall"), Unit::Seconds, ours, theirs);
        let costs = Costs { ours: alone.ours, theirs: beside.theirs, ratio: None };
        self.add_rate("events a second", EVENTS, &costs);
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "a program of a few MB")]
    fn size(&mut self, program: &Path) -> Result<()> {
        let size = fs::metadata(program)?.len() as f64;
        self.table.add("size of the program", Unit::Size, size, None);
        Ok(())
    }

    /// Time and peak memory.
    fn add_work(&mut self, work: &Work<'_>) -> Result<Costs> {
        say(work.name);
        let curl = self.tools.curl();
        let url = self.server.url(work.scheme, Manner::AtOnce);
        let answer = probe::answer(work.question.command(Asker::Xask, &url)?)?;
        ensure!(answer.trim_ascii() == ANSWER.as_bytes(), "a wrong answer to {}", work.name);
        let plan = Plan { rounds: self.effort.rounds(), runs: work.runs, at_once: 1 };
        let costs = compare_askers(plan, work.question, &url, curl)?;
        let row = |quantity| format!("{}: {quantity}", work.name);
        for (quantity, of) in [("wall", wall as fn(Cost) -> f64), ("CPU", cpu)] {
            let (theirs, ratio) = (costs.theirs.map(of), costs.ratio.map(of));
            self.table.add_ratio(&row(quantity), Unit::Seconds, of(costs.ours), theirs, ratio);
        }
        let url = self.server.url(work.scheme, Manner::Held);
        let mut peak =
            |asker| probe::peak_memory(&mut self.server, || work.question.command(asker, &url));
        let (ours, theirs) = (peak(Asker::Xask)?, curl.map(peak).transpose()?);
        self.table.add(&row("peak memory"), Unit::Bytes, ours, theirs);
        Ok(costs)
    }

    fn add_calls(&mut self, work: &Work<'_>, stock: &Stock) -> Result<()> {
        if !self.tools.strace {
            return Ok(());
        }
        let url = self.server.url(work.scheme, Manner::AtOnce);
        let calls =
            |asker| probe::system_calls(&stock.scratch(), || work.question.command(asker, &url));
        let (ours, theirs) = (calls(Asker::Xask)?, self.tools.curl().map(calls).transpose()?);
        self.table.add(&format!("{}: system calls", work.name), Unit::Calls, ours, theirs);
        Ok(())
    }

    /// So many of something a run, as a number a second.
    #[expect(clippy::cast_precision_loss, reason = "100,000 at most")]
    fn add_rate(&mut self, name: &str, a_run: usize, costs: &Costs) {
        let rate = |cost: Cost| a_run as f64 / cost.wall;
        let (ours, theirs) = (rate(costs.ours), costs.theirs.map(rate));
        let ratio = costs.ratio.map(|ratio| 1.0 / ratio.wall).or(theirs.map(|their| ours / their));
        self.table.add_ratio(name, Unit::Rate, ours, theirs, ratio);
    }

    fn made_on(&self) -> String {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpu.lines().find(|line| line.starts_with("model name"));
        let cpu = cpu.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, name)| name);
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let cores = thread::available_parallelism().map_or(0, Into::into);
        // What follows names libraries.
        let curl = self.tools.curl.as_deref().and_then(|line| line.split(" (").next());
        format!(
            "Medians of {} rounds (CPU: means) on {} ({cores} cores), Linux {}, beside {}.\n",
            self.effort.rounds(),
            cpu.trim(),
            kernel.trim(),
            curl.unwrap_or("nothing"),
        )
    }
}

fn compare_askers(
    plan: Plan,
    question: &Question,
    url: &str,
    other: Option<Asker>,
) -> Result<Costs> {
    let ours = || question.command(Asker::Xask, url);
    match other {
        Some(other) => compare(plan, &ours, Some(&|| question.command(other, url))),
        None => compare(plan, &ours, None),
    }
}

fn wall(cost: Cost) -> f64 {
    cost.wall
}

fn cpu(cost: Cost) -> f64 {
    cost.cpu
}
