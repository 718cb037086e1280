//! `data:` URLs instead of image files: passed through after the same checks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::support::images::{JPEG, PNG, data_url, image, png};
use crate::support::{Env, Server};

#[test]
fn an_image_is_passed_through() {
    let env = Env::new();
    for url in [
        data_url("image/png", &png(100)),
        data_url("image/png", &png(101)),
        data_url("image/jpeg", JPEG),
        data_url("image/jpg", JPEG),
        data_url("image/png", PNG).replace("data:image/png", "DATA:Image/PNG"),
    ] {
        assert_eq!(env.dry(["-i", &url]).content(), json!([image(&url)]));
    }
}

#[test]
fn an_invalid_data_url_is_a_usage_error_with_the_reason() {
    let (env, never) = (Env::new(), Server::never());
    let base64 = |bytes: &[u8]| STANDARD.encode(bytes);
    let picture = base64(&png(100));
    for (url, word) in [
        // The content has another type than the URL says.
        (data_url("image/jpeg", PNG), "PNG"),
        (data_url("image/png", JPEG), "JPEG"),
        (data_url("image/png", b"GIF89a"), "GIF"),
        (data_url("image/png", b"only text"), "text"),
        (data_url("image/gif", b"GIF89a"), "gif"),
        (data_url("image/webp", PNG), "webp"),
        (data_url("text/plain", b"hi"), "text/plain"),
        ("data:image/png;base64,".to_owned(), "empty"),
        // Not base64.
        (format!("data:image/png,{picture}"), "base64"),
        (format!("data:image/png;base64,{}*", &picture[1..]), "base64"),
        (format!("data:image/png;base64,{}\n{}", &picture[..76], &picture[76..]), "base64"),
        (format!("data:image/png;base64, {picture}"), "base64"),
        (format!("data:image/png;base64,{}", picture.trim_end_matches('=')), "base64"),
        (format!("data:image/png;base64,{}", picture.replace('A', "%41")), "base64"),
        (
            format!("data:image/png;base64,{}", data_url("", b"\xfb\xff").replace("+/", "-_")),
            "base64",
        ),
    ] {
        let run = env.xask(["hi", "-i", &url]).server(&never).case(&url);
        let stderr = run.refused(2, &["data:", word]);
        assert!(!stderr.contains(&picture), "{stderr}");
    }
}

#[test]
fn a_long_data_url_is_passed_through() {
    // As long as an argument may be.
    let url = data_url("image/png", &png(90_000));
    assert_eq!(Env::new().dry(["-i", &url]).content(), json!([image(&url)]));
}
