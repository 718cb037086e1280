//! Streams: no bytes cause a panic, no usable answer is blank or was printed otherwise, and it does not
//! matter in which pieces they arrive. The first byte is the size of the pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xask::api::Api;
use xask_fuzz::{Pieces, read, response};

fuzz_target!(|input: &[u8]| {
    let Some((size, body)) = input.split_first() else { return };
    for api in Api::ALL {
        let stream = |size| response(200, "text/event-stream", Pieces::new(body, size));
        let (whole, printed) = read(api, stream(0));
        let (pieces, _) = read(api, stream(usize::from(*size)));
        match (whole, pieces) {
            (Ok(whole), Ok(pieces)) => {
                assert_eq!(whole.text, pieces.text);
                assert_eq!(whole.is_usable(), pieces.is_usable());
                if whole.is_usable() {
                    assert!(!whole.text.trim().is_empty());
                    // What is no stream in spite of its label is not printed on the way.
                    assert!(whole.body.is_some() || whole.text == printed.text);
                }
            }
            (Err(whole), Err(pieces)) => assert_eq!(whole, pieces),
            (whole, pieces) => panic!("{whole:?}, but in pieces {pieces:?}"),
        }
    }
});
