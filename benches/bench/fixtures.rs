//! The jobs with the files they need, created before anything is measured.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::command::Job;
use super::show;

/// The largest image that the API accepts.
const IMAGE: usize = 20 << 20;
const PROMPT: usize = 16 << 20;
/// Where systems keep the authorities they trust, all in one file.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// All jobs, and the folder of their files.
pub struct Fixtures {
    pub text: Job,
    pub one_image: Job,
    pub ten_images: Job,
    pub prompt: Job,
    pub stream: Job,
    pub responses_stream: Job,
    folder: TempDir,
}

impl Fixtures {
    /// Writes about 350 MiB into a temporary folder that is removed with this value. `authority` is trusted
    /// in addition to those of the system.
    pub fn create(program: &Path, other: Option<&Path>, authority: &str) -> Result<Self> {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        let bundle = folder.path().join("bundle.pem");
        fs::write(&bundle, system_bundle() + authority)?;
        let image = folder.path().join("image.png");
        fs::write(&image, picture())?;
        let make = |name: &str, args: &[&str], images: usize| {
            let mut job = Job {
                program: program.to_owned(),
                other: other.unwrap_or(program).to_owned(),
                bundle: bundle.clone(),
                ..Job::default()
            };
            job.args.extend(args.iter().map(Into::into));
            for _ in 0..images {
                job.args.extend(["--image".into(), image.clone().into()]);
            }
            job.stdin = args.is_empty().then(prompt);
            job.write_body(&folder.path().join(name))?;
            anyhow::Ok(job)
        };
        Ok(Self {
            text: make("text", &["What is 2 + 2?"], 0)?,
            one_image: make("one-image", &["What is this?"], 1)?,
            ten_images: make("ten-images", &["What are these?"], 10)?,
            prompt: make("prompt", &[], 0)?,
            stream: make("stream", &["--stream", "Tell me a story."], 0)?,
            responses_stream: make(
                "responses-stream",
                &["--api", "responses", "--stream", "Tell me a story."],
                0,
            )?,
            folder,
        })
    }

    /// A temporary file.
    pub fn scratch(&self) -> PathBuf {
        self.folder.path().join("scratch")
    }
}

fn system_bundle() -> String {
    let bundle = BUNDLES.iter().find(|path| Path::new(path).exists());
    bundle.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_else(|| {
        show("no bundle of authorities on this system: HTTPS is measured with one authority");
        String::new()
    })
}

/// Begins as a PNG; the rest is not read.
fn picture() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend((0..=u8::MAX).cycle().take(IMAGE - bytes.len()));
    bytes
}

/// Text with line ends, like a file or a log.
fn prompt() -> Vec<u8> {
    b"The quick brown fox jumps over the lazy dog, and nobody knows why it does so.\n"
        .iter()
        .copied()
        .cycle()
        .take(PROMPT)
        .collect()
}
