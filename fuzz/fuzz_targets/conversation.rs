//! Earlier messages: no bytes cause a panic, and what is accepted is a list of JSON objects.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xask::prompt::{parse_conversation, parse_messages};

fuzz_target!(|bytes: &[u8]| {
    if let Ok((messages, torn)) = parse_conversation("f", bytes) {
        assert!(messages.iter().all(|message| message.json.starts_with('{')));
        if let Some(start) = torn {
            let rest = parse_conversation("f", &bytes[..usize::try_from(start).expect("an index")]);
            let (whole, torn) = rest.expect("it was accepted before");
            assert_eq!((whole.len(), torn), (messages.len(), None));
        }
    }
    if let Ok(messages) = parse_messages("f", bytes) {
        assert!(messages.iter().all(|message| message.json.starts_with('{')));
    }
});
