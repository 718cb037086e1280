//! Where the answer goes: checked before the request is sent, written once the answer is known.

use std::path::Path;

use anyhow::Result;

use crate::api::{Answer, Citation};
use crate::cli::OutputPlan;
use crate::error::Failure;
use crate::output::{
    OutputFile, Printer, Reporter, Stdout, extract_code, is_same_file, source_lines,
};

/// Where the answer goes.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct Outputs {
    /// Standard output, or the `--output` file.
    pub printer: Printer,
    sources: Option<OutputFile>,
    json: bool,
    /// The text is printed as it arrives.
    is_live: bool,
    extract: bool,
    usage: bool,
}

impl Outputs {
    /// Finds out whether everything can be written.
    ///
    /// # Errors
    ///
    /// Exit status 1 for a file that cannot be written, 2 for one file that two outputs would go to.
    pub fn check(
        plan: &OutputPlan,
        stdout: Stdout,
        stream: bool,
        conversation: Option<&Path>,
    ) -> Result<Self> {
        let check = |option, path: &Option<_>| {
            path.as_deref().map(|path| OutputFile::check(option, path)).transpose()
        };
        let file = check("--output", &plan.file)?;
        let sources = check("--sources", &plan.sources)?;
        check_distinct(&[
            ("--output", plan.file.as_deref()),
            ("--sources", plan.sources.as_deref()),
            ("--log", plan.log.as_deref()),
            ("--conversation", conversation),
        ])?;
        let printer = Printer::new(stdout, plan.json, stream, file);
        let OutputPlan { json, extract, usage, .. } = *plan;
        Ok(Self { printer, sources, json, is_live: stream, extract, usage })
    }

    /// The code block that is printed instead of a usable answer. Without one, the answer is not usable.
    pub fn extract(&self, answer: &mut Answer) -> Option<String> {
        if !self.extract || !answer.is_usable() {
            return None;
        }
        match extract_code(&answer.text) {
            Ok(block) => Some(block),
            Err(why) => {
                answer.reject(why);
                None
            }
        }
    }

    /// Whether an answer is usable here: a code block may be needed.
    pub fn can_use(&self, answer: &Answer) -> bool {
        answer.is_usable() && (!self.extract || extract_code(&answer.text).is_ok())
    }

    /// Writes the sources and the answer, and says on standard error what belongs to them. `saved` is whether
    /// the answer was saved elsewhere: the files are written only for exit status 0.
    ///
    /// # Errors
    ///
    /// Exit status 1 or 141 where something cannot be written, 9 for an answer that is not usable.
    pub fn finish(
        self,
        answer: Answer,
        block: Option<&str>,
        saved: Result<()>,
        reporter: &Reporter,
    ) -> Result<()> {
        let Self { printer, sources, json, is_live, extract: _, usage } = self;
        let is_good = answer.is_usable() && saved.is_ok();
        let listed = match &sources {
            Some(file) if is_good => write_sources(file, &answer.citations),
            _ => Ok(()),
        };
        let text = block.unwrap_or(&answer.text);
        let whole = match &answer.body {
            // The pieces of a stream are with the printer.
            None if json || is_live => None,
            Some(body) if json => Some(&body[..]),
            _ => Some(text.as_bytes()),
        };
        let printed = printer.finish(whole, is_good && listed.is_ok());
        if usage {
            reporter.usage(answer.usage.as_ref());
        }
        saved.and(listed).and(printed)?;
        if let Some(late) = answer.late_error {
            reporter.minor_error(&late.into());
        }
        if let Some(why) = answer.unusable {
            return Err(why.into());
        }
        if sources.is_none() {
            answer.citations.iter().for_each(|citation| reporter.source(&citation.url));
        }
        Ok(())
    }
}

/// One file cannot take two outputs, unless it is a device or a pipe.
fn check_distinct(files: &[(&str, Option<&Path>)]) -> Result<()> {
    for (at, (flag, path)) in files.iter().enumerate() {
        for (other, other_path) in &files[at + 1..] {
            if let (Some(path), Some(other_path)) = (path, other_path)
                && is_same_file(path, other_path)
            {
                return Err(Failure::usage(format!("{flag} and {other} are the same file")).into());
            }
        }
    }
    Ok(())
}

fn write_sources(file: &OutputFile, citations: &[Citation]) -> Result<()> {
    let sources = citations.iter().map(|Citation { url, title }| (&**url, title.as_deref()));
    file.write(&[source_lines(sources).as_bytes()])
}
