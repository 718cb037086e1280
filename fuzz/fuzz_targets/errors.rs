//! Error responses: whatever their body, they are an error with the exit status of their kind. The first
//! two bytes choose the status.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xask::api::Api;
use xask_fuzz::{Pieces, read, response};

fuzz_target!(|input: &[u8]| {
    let Some((choice, body)) = input.split_first_chunk::<2>() else { return };
    let status = 300 + u16::from_le_bytes(*choice) % 300;
    for content_type in ["application/json", "text/html", "text/event-stream"] {
        let (answer, printed) =
            read(Api::Chat, response(status, content_type, Pieces::new(body, 0)));
        assert!(matches!(answer, Err(3..=5 | 8)), "{answer:?}");
        assert_eq!(printed.text, "");
    }
});
