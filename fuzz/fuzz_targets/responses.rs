//! Responses in one JSON: no bytes cause a panic, and no usable answer is blank.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xask::api::{Api, Expectations, read_deferred, read_models};
use xask::response::Response;
use xask_fuzz::{Pieces, read, response};

fuzz_target!(|body: &[u8]| {
    for api in Api::ALL {
        let whole = response(200, "application/json", Pieces::new(body, 0));
        if let (Ok(answer), _) = read(api, whole) {
            assert!(!answer.is_usable() || !answer.text.trim().is_empty());
        }
    }
    let _ = read_models(Response::json(200, body));
    let _ = read_deferred(Response::json(200, body), Expectations::default());
});
