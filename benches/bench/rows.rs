//! The measurements, row by row.

use std::path::Path;
use std::{fs, thread};

use anyhow::{Result, ensure};

use super::command::{Client, Job, version};
use super::cost::{Cost, Costs, Plan, compare, median};
use super::fixtures::Fixtures;
use super::server::{ANSWER, EVENTS, Mode, PIECE, Scheme, Server};
use super::table::{Table, Unit};
use super::{probe, show};

/// How many rounds.
#[derive(Clone, Copy)]
pub enum Effort {
    Quick,
    Full,
}

/// The tools for the rows, and the table they go into.
struct Bench {
    effort: Effort,
    server: Server,
    tools: Tools,
    table: Table,
}

/// The programs to compare with, and to measure with.
struct Tools {
    /// The first line of `curl --version`.
    curl: Option<String>,
    /// Another build of xask replaces curl.
    beside: Option<String>,
    /// curl, and also sed and jq.
    pipeline: bool,
    strace: bool,
}

/// One row: the job, and how often to run it.
struct Work<'a> {
    name: &'a str,
    job: &'a Job,
    scheme: Scheme,
    /// Runs of each program per round.
    runs: usize,
}

/// The table, and below it the machine and the versions.
pub fn measure(program: &Path, beside: Option<&Path>, effort: Effort) -> Result<String> {
    let tools = Tools::find(beside);
    let server = Server::start()?;
    let fixtures = Fixtures::create(program, beside, server.authority())?;
    let table = Table::new(if beside.is_some() { "other xask" } else { "curl" });
    let mut bench = Bench { effort, server, tools, table };
    bench.text(&fixtures)?;
    bench.four_at_once(&fixtures)?;
    bench.images(&fixtures)?;
    bench.prompt(&fixtures)?;
    bench.first_event(&fixtures)?;
    bench.events(&fixtures)?;
    bench.size(program, beside)?;
    Ok(bench.table.markdown() + "\n" + &bench.made_on())
}

impl Effort {
    fn rounds(self) -> usize {
        match self {
            Self::Quick => 3,
            Self::Full => 20,
        }
    }
}

impl Tools {
    fn find(beside: Option<&Path>) -> Self {
        let curl = version("curl", "--version");
        let jq = version("jq", "--version").is_some();
        let sed = version("sed", "--version").is_some();
        let strace = version("strace", "-V").is_some();
        if curl.is_none() {
            show("curl is missing: xask is measured alone");
        } else if !(jq && sed) {
            show("jq or sed is missing: events are measured without them");
        }
        if !strace {
            show("strace is missing: system calls are not counted");
        }
        let beside = beside.and_then(|program| version(program, "--version"));
        Self { pipeline: curl.is_some() && jq && sed, curl, beside, strace }
    }

    fn other(&self) -> Option<Client> {
        match (&self.beside, &self.curl) {
            (Some(_), _) => Some(Client::OtherXask),
            (None, Some(_)) => Some(Client::Curl),
            (None, None) => None,
        }
    }
}

impl Bench {
    fn text(&mut self, fixtures: &Fixtures) -> Result<()> {
        for (scheme, name) in [(Scheme::Http, "text, HTTP"), (Scheme::Https, "text, HTTPS")] {
            let work = Work { name, job: &fixtures.text, scheme, runs: 20 };
            let costs = self.add_work(&work)?;
            self.add_calls(&work, fixtures)?;
            if scheme == Scheme::Http {
                self.add_rate("runs a second, one after another", 1, &costs);
            }
        }
        Ok(())
    }

    fn four_at_once(&mut self, fixtures: &Fixtures) -> Result<()> {
        let name = "runs a second, four at once";
        show(name);
        let plan = Plan { rounds: self.effort.rounds(), runs: 40, at_once: 4 };
        let url = self.server.url(Scheme::Http, Mode::AtOnce);
        let costs = compare_clients(plan, &fixtures.text, &url, self.tools.other())?;
        self.add_rate(name, 1, &costs);
        Ok(())
    }

    fn images(&mut self, fixtures: &Fixtures) -> Result<()> {
        let (one, ten) = (&fixtures.one_image, &fixtures.ten_images);
        for (name, job, scheme, runs) in [
            ("1 image, HTTP", one, Scheme::Http, 4),
            ("1 image, HTTPS", one, Scheme::Https, 4),
            ("10 images, HTTP", ten, Scheme::Http, 1),
            ("10 images, HTTPS", ten, Scheme::Https, 1),
        ] {
            self.add_work(&Work { name, job, scheme, runs })?;
        }
        Ok(())
    }

    fn prompt(&mut self, fixtures: &Fixtures) -> Result<()> {
        let job = &fixtures.prompt;
        let name = "16 MiB on stdin, HTTP";
        self.add_work(&Work { name, job, scheme: Scheme::Http, runs: 4 })?;
        Ok(())
    }

    /// Single runs in turns, because a run has only one first event.
    fn first_event(&mut self, fixtures: &Fixtures) -> Result<()> {
        let name = "first event to first byte";
        show(name);
        let url = self.server.url(Scheme::Http, Mode::FirstEvent);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..self.effort.rounds() * 4 {
            ours.push(probe::first_byte(
                &mut self.server,
                fixtures.stream.command(Client::Xask, &url)?,
            )?);
            if let Some(other) = self.tools.other() {
                let command = fixtures.stream.command(other, &url)?;
                theirs.push(probe::first_byte(&mut self.server, command)?);
            }
        }
        let ratio = median(ours.iter().zip(&theirs).map(|(our, their)| our / their));
        let theirs = (!theirs.is_empty()).then(|| median(theirs));
        self.table.add_ratio(name, Unit::Seconds, median(ours), theirs, theirs.map(|_| ratio));
        Ok(())
    }

    /// Compared with another xask in rounds; compared with a shell pipeline for the same output only once, because
    /// that is slow.
    fn events(&mut self, fixtures: &Fixtures) -> Result<()> {
        for (name, job, mode) in [
            ("100,000 events, chat completions", &fixtures.stream, Mode::Events),
            ("100,000 events, Responses API", &fixtures.responses_stream, Mode::ResponsesEvents),
        ] {
            show(name);
            let url = self.server.url(Scheme::Http, mode);
            let other = match (&self.tools.beside, mode) {
                (Some(_), Mode::Events) => Some(Client::OtherXask),
                (None, Mode::Events) if self.tools.pipeline => Some(Client::Pipeline),
                _ => None,
            };
            for client in [Client::Xask].into_iter().chain(other) {
                let answer = probe::answer(job.command(client, &url)?)?;
                let answer = answer.strip_suffix(b"\n").unwrap_or(&answer);
                ensure!(answer == PIECE.repeat(EVENTS).as_bytes(), "a wrong answer to {name}");
            }
            let plan = Plan { rounds: self.effort.rounds(), runs: 10, at_once: 1 };
            let paired = other.filter(|client| *client == Client::OtherXask);
            let mut costs = compare_clients(plan, job, &url, paired)?;
            if other == Some(Client::Pipeline) {
                let once = Plan { rounds: 1, runs: 1, at_once: 1 };
                costs.theirs = compare_clients(once, job, &url, other)?.theirs;
            }
            let (theirs, ratio) = (costs.theirs.map(wall), costs.ratio.map(wall));
            let ratio = ratio.or(theirs.map(|theirs| costs.ours.wall / theirs));
            let row = format!("{name}: wall");
            self.table.add_ratio(&row, Unit::Seconds, costs.ours.wall, theirs, ratio);
            self.add_rate(&format!("{name}: events a second"), EVENTS, &costs);
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "a program of a few MB")]
    fn size(&mut self, program: &Path, beside: Option<&Path>) -> Result<()> {
        let size = |program| anyhow::Ok(fs::metadata(program)?.len() as f64);
        let other = beside.map(size).transpose()?;
        self.table.add("size of the program", Unit::Size, size(program)?, other);
        Ok(())
    }

    /// Time and peak memory.
    fn add_work(&mut self, work: &Work<'_>) -> Result<Costs> {
        show(work.name);
        let other = self.tools.other();
        let url = self.server.url(work.scheme, Mode::AtOnce);
        let answer = probe::answer(work.job.command(Client::Xask, &url)?)?;
        ensure!(answer.trim_ascii() == ANSWER.as_bytes(), "a wrong answer to {}", work.name);
        let plan = Plan { rounds: self.effort.rounds(), runs: work.runs, at_once: 1 };
        let costs = compare_clients(plan, work.job, &url, other)?;
        let row = |quantity| format!("{}: {quantity}", work.name);
        for (quantity, of) in [("wall", wall as fn(Cost) -> f64), ("CPU", cpu)] {
            let (theirs, ratio) = (costs.theirs.map(of), costs.ratio.map(of));
            self.table.add_ratio(&row(quantity), Unit::Seconds, of(costs.ours), theirs, ratio);
        }
        let url = self.server.url(work.scheme, Mode::Held);
        let mut peak =
            |client| probe::peak_memory(&mut self.server, || work.job.command(client, &url));
        let (ours, theirs) = (peak(Client::Xask)?, other.map(peak).transpose()?);
        self.table.add(&row("peak memory"), Unit::Bytes, ours, theirs);
        Ok(costs)
    }

    fn add_calls(&mut self, work: &Work<'_>, fixtures: &Fixtures) -> Result<()> {
        if !self.tools.strace {
            return Ok(());
        }
        let url = self.server.url(work.scheme, Mode::AtOnce);
        let calls =
            |client| probe::system_calls(&fixtures.scratch(), || work.job.command(client, &url));
        let (ours, theirs) = (calls(Client::Xask)?, self.tools.other().map(calls).transpose()?);
        self.table.add(&format!("{}: system calls", work.name), Unit::Calls, ours, theirs);
        Ok(())
    }

    /// The rate per second of something that occurs `a_run` times in each run.
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
        // The rest names libraries.
        let curl = self.tools.curl.as_deref().and_then(|line| line.split(" (").next());
        format!(
            "Medians of {} rounds (CPU: means) on {} ({cores} cores), Linux {}, beside {}.\n",
            self.effort.rounds(),
            cpu.trim(),
            kernel.trim(),
            self.tools.beside.as_deref().or(curl).unwrap_or("nothing"),
        )
    }
}

fn compare_clients(plan: Plan, job: &Job, url: &str, other: Option<Client>) -> Result<Costs> {
    let ours = || job.command(Client::Xask, url);
    match other {
        Some(other) => compare(plan, &ours, Some(&|| job.command(other, url))),
        None => compare(plan, &ours, None),
    }
}

fn wall(cost: Cost) -> f64 {
    cost.wall
}

fn cpu(cost: Cost) -> f64 {
    cost.cpu
}
