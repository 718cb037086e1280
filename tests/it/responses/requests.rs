//! What is sent to the Responses API, and what is not.

use serde_json::json;

use super::ask;
use crate::support::images::{JPEG, PNG, data_url};
use crate::support::{Env, Server};

#[test]
fn reserved_or_unknown_fields_are_usage_errors_with_the_right_name() {
    let (env, never) = (Env::new(), Server::never());
    for (field, hint) in [
        ("model", "--model"),
        ("input", ""),
        ("instructions", ""),
        ("stream", "--stream"),
        ("store", ""),
        ("previous_response_id", ""),
        ("background", ""),
        ("conversation", ""),
        ("messages", ""),
        ("n", ""),
        ("deferred", ""),
        ("stream_options", ""),
        ("max_tokens", "max_output_tokens"),
        ("max_completion_tokens", "max_output_tokens"),
        ("response_format", "--schema"),
        ("reasoning_effort", "--reasoning-effort"),
        ("seed", "--api chat"),
        ("stop", "--api chat"),
    ] {
        let param = format!("{field}=1");
        ask(&env, ["-p", &param]).server(&never).case(field).refused(2, &[field, hint]);
    }
    env.write("s.json", "{}");
    for args in [
        &["--max-tokens", "7", "-p", "max_output_tokens=7"][..],
        &["--temperature", "1", "-p", "temperature=1"],
        &["--top-p", "1", "-p", "top_p=1"],
        &["--reasoning-effort", "low", "-p", "reasoning={}"],
        &["--schema", "s.json", "-p", "text={}"],
        &["--choice", "a,b", "-p", "text={}"],
        &["--web-search", "-p", "tools=[]"],
        &["--x-search", "-p", "tools=[]"],
    ] {
        ask(&env, args.iter().copied()).server(&never).case(args).refused(2, &["--param"]);
    }
    // Rare fields are passed on, and so are unknown ones.
    let sent =
        env.dry(["--api", "responses", "hi", "-p", "include=[\"no_inline_citations\"]"]).text();
    assert!(sent.ends_with(r#","store":false,"include":["no_inline_citations"]}"#), "{sent}");
    let sent = env.dry(["--api", "responses", "hi", "-p", "new_field=x"]).text();
    assert!(sent.ends_with(r#""new_field":"x"}"#), "{sent}");
}

#[test]
fn a_system_prompt_is_the_first_item() {
    let env = Env::new();
    env.write(
        "list",
        "{\"role\":\"user\",\"content\":\"one\"}\n{\"role\":\"assistant\",\"content\":\"two\"}\n",
    );
    for (flag, role) in [("-s", "system"), ("--developer", "developer")] {
        let args = ["--api", "responses", "--messages", "list", "three", flag, "Be brief."];
        let body: serde_json::Value = serde_json::from_str(&env.dry(args).text()).expect("JSON");
        let expected = json!([
            {"role": role, "content": "Be brief."}, {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"}, {"role": "user", "content": "three"},
        ]);
        assert_eq!(body["input"], expected);
    }
}

#[test]
fn parts_of_earlier_messages_are_renamed_and_the_rest_is_unchanged() {
    let env = Env::new();
    let png = data_url("image/png", PNG);
    let jpeg = data_url("image/jpeg", JPEG);
    for (message, sent) in [
        (
            json!({"role": "user", "content": [{"type": "text", "text": "a"}], "name": "me"}),
            json!({"role": "user", "content": [{"type": "input_text", "text": "a"}], "name": "me"}),
        ),
        (
            json!({"role": "assistant", "content": [{"type": "text", "text": "a"}]}),
            json!({"role": "assistant", "content": [{"type": "output_text", "text": "a"}]}),
        ),
        (
            json!({"role": "system", "content": [{"type": "text", "text": "a"}]}),
            json!({"role": "system", "content": [{"type": "input_text", "text": "a"}]}),
        ),
        (
            json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": png}}]}),
            json!({"role": "user", "content": [{"type": "input_image", "image_url": png}]}),
        ),
        (
            json!({"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": jpeg, "detail": "low"}}]}),
            json!({"role": "user", "content": [
                {"type": "input_image", "image_url": jpeg, "detail": "low"}]}),
        ),
        (
            json!({"role": "assistant", "content": "a", "refusal": null, "tool_calls": []}),
            json!({"role": "assistant", "content": "a"}),
        ),
        (
            json!({"role": "assistant", "content": "a", "refusal": "", "tool_calls": null}),
            json!({"role": "assistant", "content": "a"}),
        ),
        // In the names of this API already.
        (
            json!({"role": "user", "content": [{"type": "input_text", "text": "a"}]}),
            json!({"role": "user", "content": [{"type": "input_text", "text": "a"}]}),
        ),
    ] {
        env.write("list", message.to_string());
        let args = ["--api", "responses", "--messages", "list", "hi"];
        let body: serde_json::Value = serde_json::from_str(&env.dry(args).text()).expect("JSON");
        assert_eq!(body["input"][0], sent);
    }
}
