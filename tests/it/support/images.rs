//! Files that count as images, and how they look in a request.

use std::fs::File;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::env::Env;

pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
pub const JPEG: &[u8] = b"\xff\xd8\xff\xe0";

/// The largest image the API accepts.
pub const MAX_IMAGE: usize = 20 * 1024 * 1024;

/// `len` bytes that begin as a PNG and then are noise.
pub fn png(len: usize) -> Vec<u8> {
    let mut bytes = PNG.to_vec();
    // A linear congruential generator (Knuth's MMIX): noise that is the same in every run.
    let mut state = len as u64;
    while bytes.len() < len {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&state.to_be_bytes()[..4]);
    }
    bytes.truncate(len);
    bytes
}

/// The `data:` URL of an image.
pub fn data_url(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", STANDARD.encode(bytes))
}

/// The part of a message that is an image.
pub fn image(url: &str) -> Value {
    json!({"type": "image_url", "image_url": {"url": url}})
}

/// The same with a level of detail.
pub fn image_with(url: &str, detail: &str) -> Value {
    json!({"type": "image_url", "image_url": {"url": url, "detail": detail}})
}

impl Env {
    /// A PNG of `len` bytes, most of them a hole in the file.
    pub fn sparse_png(&self, name: impl AsRef<Path>, len: usize) -> PathBuf {
        let path = self.write(name, PNG);
        let file = File::options().write(true).open(&path).expect("the file is there");
        file.set_len(len as u64).expect("a hole");
        path
    }
}
