//! Responses as they arrive: no bytes cause a panic, and in what pieces they arrive does not matter.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xask::client::Incoming;

fuzz_target!(|bytes: &[u8]| {
    let (mut whole, mut pieces) = (Incoming::default(), Incoming::default());
    let pushed = whole.push(bytes).is_ok();
    // The first byte says how long the pieces are.
    let len = bytes.first().map_or(1, |byte| usize::from(*byte) % 64 + 1);
    let all_pushed = bytes.chunks(len).all(|piece| pieces.push(piece).is_ok());
    assert_eq!(pushed, all_pushed);
    if pushed {
        assert_eq!(whole.unread(), pieces.unread());
        assert_eq!((whole.wants_rest(), whole.is_whole()), (pieces.wants_rest(), pieces.is_whole()));
    }
});
