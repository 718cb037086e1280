//! Which code block `--extract` finds, according to the specification of `CommonMark`.

use proptest::prelude::*;

use super::*;

const NONE: Result<&str, &str> = Err("the answer has no code block");
const EMPTY: Result<&str, &str> = Err("the code block in the answer is empty");
const UNCLOSED: Result<&str, &str> = Err("the code block in the answer is not closed");

#[track_caller]
fn check(text: &str, expected: Result<&str, &str>) {
    let extracted = extract_code(text).map_err(|failure| failure.to_string());
    let expected = expected.map(str::to_owned).map_err(str::to_owned);
    assert_eq!(extracted, expected, "{text:?}");
}

/// The specification's examples of fenced code blocks, 119 to 147, in their order.
#[test]
fn the_examples_of_the_specification_hold() {
    for (text, expected) in [
        ("```\n<\n >\n```\n", Ok("<\n >\n")),
        ("~~~\n<\n >\n~~~\n", Ok("<\n >\n")),
        ("``\nfoo\n``\n", NONE),
        ("```\naaa\n~~~\n```\n", Ok("aaa\n~~~\n")),
        ("~~~\naaa\n```\n~~~\n", Ok("aaa\n```\n")),
        ("````\naaa\n```\n``````\n", Ok("aaa\n```\n")),
        ("~~~~\naaa\n~~~\n~~~~\n", Ok("aaa\n~~~\n")),
        ("```\n", UNCLOSED),
        ("`````\n\n```\naaa\n", UNCLOSED),
        ("> ```\n> aaa\n\nbbb\n", UNCLOSED),
        ("```\n\n  \n```\n", EMPTY),
        ("```\n```\n", EMPTY),
        (" ```\n aaa\naaa\n```\n", Ok("aaa\naaa\n")),
        ("  ```\naaa\n  aaa\naaa\n  ```\n", Ok("aaa\naaa\naaa\n")),
        ("   ```\n   aaa\n    aaa\n  aaa\n   ```\n", Ok("aaa\n aaa\naaa\n")),
        ("    ```\n    aaa\n    ```\n", NONE),
        ("```\naaa\n  ```\n", Ok("aaa\n")),
        ("   ```\naaa\n  ```\n", Ok("aaa\n")),
        ("```\naaa\n    ```\n", UNCLOSED),
        ("``` ```\naaa\n", NONE),
        ("~~~~~~\naaa\n~~~ ~~\n", UNCLOSED),
        ("foo\n```\nbar\n```\nbaz\n", Ok("bar\n")),
        ("foo\n---\n~~~\nbar\n~~~\n# baz\n", Ok("bar\n")),
        ("```ruby\ndef foo(x)\n  return 3\nend\n```\n", Ok("def foo(x)\n  return 3\nend\n")),
        ("~~~~    ruby startline=3 $%@#$\ndef foo(x)\nend\n~~~~~~~\n", Ok("def foo(x)\nend\n")),
        ("````;\n````\n", EMPTY),
        ("``` aa ```\nfoo\n", NONE),
        ("~~~ aa ``` ~~~\nfoo\n~~~\n", Ok("foo\n")),
        ("```\n``` aaa\n```\n", Ok("``` aaa\n")),
    ] {
        check(text, expected);
    }
}

#[test]
fn a_block_is_found_in_lists_and_block_quotes() {
    for (text, expected) in [
        ("- a\n  ```\n  b\n   c\n\n  d\n  ```\n", Ok("b\n c\n\nd\n")),
        ("1. a\n\n   ```sh\n   b\n   ```\n", Ok("b\n")),
        ("10) ```\n    b\n    ```\n", Ok("b\n")),
        ("-\n  ```\n  b\n  ```\n", Ok("b\n")),
        ("-\n\n  ```\n  b\n  ```\n", Ok("b\n")),
        ("- a\n\n      ```\n      b\n      ```\n", NONE),
        ("- a\n  - b\n    > ```\n    > c\n    > ```\n", Ok("c\n")),
        ("> a\n> ~~~\n>  b\n>c\n>\n> ~~~\n", Ok(" b\nc\n\n")),
        (">\t```\n>\tb\n>\t```\n", Ok("b\n")),
        ("-\t```\n\tb\n\t\tc\n\t```\n", Ok("b\n\tc\n")),
        ("> ```\n>\tb\n> ```\n", Ok("  b\n")),
        ("- ```\n  b\n", UNCLOSED),
        ("- ```\n  b\nc\n```\n", UNCLOSED),
        ("> ```\n> b\n```\n", UNCLOSED),
        // A paragraph continues without the markers of its containers, but a fence does not.
        ("> - a\nb\n> - ```\n>   c\n>   ```\n", Ok("c\n")),
        ("a\n2. b\n   ```\n   c\n   ```\n", Ok("c\n")),
        ("a\n    ```\n    b\n    ```\n", NONE),
        ("- - -\n```\na\n```\n", Ok("a\n")),
    ] {
        check(text, expected);
    }
}

#[test]
fn a_fence_in_html_does_not_count_until_the_html_ends() {
    for (text, expected) in [
        ("<details>\n```\na\n```\n", NONE),
        ("<details>\n\n```\na\n```\n", Ok("a\n")),
        ("<pre>\n\n```\na\n```\n", NONE),
        ("<PRE>\n```\n</pre> x\n```\na\n```\n", Ok("a\n")),
        ("<!-- ```\n\n-->\n```\na\n```\n", Ok("a\n")),
        ("<!-- x -->\n```\na\n```\n", Ok("a\n")),
        ("<?\n```\n?>\n```\na\n```\n", Ok("a\n")),
        ("<!DOCTYPE\n```\n>\n```\na\n```\n", Ok("a\n")),
        ("<![CDATA[\n```\n]]>\n```\na\n```\n", Ok("a\n")),
        ("<x-y a='1' b = \"2\" c=3 :d />\n```\n\n~~~\na\n~~~\n", Ok("a\n")),
        ("</x>\n```\n\n~~~\na\n~~~\n", Ok("a\n")),
        ("</pre>\n```\n\n~~~\na\n~~~\n", Ok("a\n")),
        ("<x> y\n```\na\n```\n", Ok("a\n")),
        ("<x a=>\n```\na\n```\n", Ok("a\n")),
        ("<x a='>\n```\na\n```\n", Ok("a\n")),
        ("< x>\n```\na\n```\n", Ok("a\n")),
        ("y\n<x>\n```\na\n```\n", Ok("a\n")),
        ("y\n<div>\n```\n\n~~~\na\n~~~\n", Ok("a\n")),
        ("> <div>\n```\na\n```\n", Ok("a\n")),
    ] {
        check(text, expected);
    }
}

#[test]
fn only_the_first_block_counts_and_its_bytes_are_kept() {
    for (text, expected) in [
        ("", NONE),
        ("Four.", NONE),
        ("```\na\n```\n\n```\nb\n```", Ok("a\n")),
        ("```\n```\n\n```\nb\n```\n", EMPTY),
        ("x\r\n```sh\r\na\r\n\r\n\tb \r\n```\r\ny", Ok("a\r\n\r\n\tb \r\n")),
        ("```\ra\rb\n```", Ok("a\rb\n")),
        ("```\n\0\u{feff}\u{e9}\x1b\n```", Ok("\0\u{feff}\u{e9}\x1b\n")),
        ("```\na\n``` \t", Ok("a\n")),
        ("```\n\u{3000}\n```", EMPTY),
    ] {
        check(text, expected);
    }
}

proptest! {
    #[test]
    fn the_content_of_a_fence_stays_unchanged(code in "[ -_a-}\t\u{e9}\n]{0,40}", prefix in 0..3_usize) {
        prop_assume!(!code.trim().is_empty());
        let (first, next) = [("", ""), ("- ", "  "), ("> ", "> ")][prefix];
        let mut text = format!("Here it is:\n\n{first}~~~ lang\n");
        // Tabs after a marker are narrower than at the beginning of a line.
        let code = if prefix == 0 { code } else { code.replace('\t', " ") };
        for line in code.lines() {
            text.extend([next, line, "\n"]);
        }
        text.extend([next, "~~~\n\nThat is all."]);
        let lines: String = code.lines().flat_map(|line| [line, "\n"]).collect();
        prop_assert_eq!(extract_code(&text).map_err(|failure| failure.to_string()), Ok(lines));
    }

    #[test]
    fn no_text_causes_a_panic(text in "([-`~>*_#=1.) \t\r\n<!/?\\[\\]a-c\"'\u{e9}]|```|~~~|</?pre>|<!--|-->){0,40}") {
        let _ = extract_code(&text);
    }
}
