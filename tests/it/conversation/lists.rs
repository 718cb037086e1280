//! What a conversation, or a list given with `--messages`, may contain: nothing is repaired, and
//! broken messages are named.

use super::{assert_file, body, exchange, lines, message};
use crate::support::{Env, Response, Server, Tty, chat, four};

const HI: &str = r#"{"role":"user","content":"hi"}"#;

/// Broken files, and the line of the error.
fn broken() -> Vec<(Vec<u8>, usize)> {
    let second = |line: &str| (format!("{HI}\n{line}\n").into_bytes(), 2);
    let alone = |line: &str| (line.as_bytes().to_vec(), 1);
    let mut cases = vec![
        second("hello"),
        second("{]"),
        second("{} {}"),
        second(&format!("{HI} {HI}")),
        second(&format!("{HI},")),
        second("[]"),
        second(r#"["user","hi",null]"#),
        second(r#""hello""#),
        second("7"),
        second("null"),
        second("{}"),
        second(r#"{"content":"hi"}"#),
        second(r#"{"role":null,"content":"hi"}"#),
        second(r#"{"role":"robot","content":"hi"}"#),
        second(r#"{"role":"User","content":"hi"}"#),
        second(r#"{"role":["user"],"content":"hi"}"#),
        second(r#"{"role":"user"}"#),
        second(r#"{"role":"user","content":null}"#),
        second(r#"{"role":"user","content":""}"#),
        second(r#"{"role":"user","content":[]}"#),
        second(r#"{"role":"user","content":7}"#),
        second(r#"{"role":"assistant","content":null}"#),
        second(r#"{"role":"user","content":null,"tool_calls":[{"id":"1"}]}"#),
        second(&message("system", "Be brief.")),
        second(&message("developer", "Be brief.")),
        alone("hello"),
        alone("\u{feff}hello"),
        (lines(&[message("system", "a"), message("system", "a")]).into_bytes(), 2),
        (format!("\n\r\n{HI}\n\n{HI}\nhello").into_bytes(), 6),
        // A killed run does not leave a partial line with a line feed.
        (format!("{HI}\n{}\n", &HI[..HI.len() - 1]).into_bytes(), 2),
        (format!("{HI}\n{}\n", &HI[..1]).into_bytes(), 2),
        ([HI.as_bytes(), b"\n", HI.as_bytes(), b"\n\xff\n"].concat(), 3),
    ];
    // A whole message after the broken one does not help.
    let more: Vec<_> = cases
        .iter()
        .map(|(bytes, line)| ([bytes, &b"\n"[..], HI.as_bytes(), b"\n"].concat(), *line))
        .collect();
    cases.extend(more);
    cases
}

#[test]
fn a_broken_file_is_named_with_its_line_and_nothing_is_sent_or_changed() {
    let server = Server::never();
    for (bytes, line) in broken() {
        let env = Env::new();
        env.write("kept", &bytes);
        for args in [
            &["-c", "kept", "more"][..],
            &["-c", "kept", "--dry-run", "more"],
            &["-c", "kept", "--rehearse", "more"],
            &["--messages", "kept", "more"],
        ] {
            let run = env.xask(args).server(&server);
            run.refused(2, &[&format!("kept: line {line}: ")]);
        }
        let run = env.xask(["--messages", "-", "more"]).server(&server).stdin(&*bytes);
        run.refused(2, &[&format!(": line {line}: ")]);
        assert_eq!(env.read("kept"), bytes);
    }
}

#[test]
fn a_broken_array_is_named_with_its_message() {
    let server = Server::never();
    for (array, words) in [
        (format!("[{HI},\n7]"), "given: message 2: "),
        (format!("[{HI},{HI},{}]", message("system", "a")), "given: message 3: "),
        (format!("[{HI},{{}}]"), "given: message 2: "),
        (format!("[[{HI}]]"), "given: message 1: "),
        (format!("[{HI}"), "given: "),
        (format!("[{HI}] {HI}"), "given: "),
        (format!("[{HI}]\n[{HI}]"), "given: "),
        ("[".into(), "given: "),
        (r#"{"messages":[]}"#.into(), "given: line 1: "),
    ] {
        let env = Env::new();
        env.write("given", array);
        let run = env.xask(["--messages", "given", "more"]).server(&server);
        run.refused(2, &[words]);
    }
}

/// Earlier messages, a flag, and what is sent of a conversation and of a list; `None` is a usage error. Messages are
/// named by their first words.
type SystemCase<'a> = (&'a str, &'a [&'a str], Option<&'a str>, Option<&'a str>);

#[test]
fn a_system_prompt_comes_first_and_only_once() {
    let named = |name: &str| match name {
        "system" | "developer" => message(name, "Be brief."),
        "hi" | "more" => message("user", name),
        _ => message("assistant", name),
    };
    let messages = |names: &str| names.split_whitespace().map(named).collect::<Vec<_>>();
    let system = &["--system", "Be brief."][..];
    let file = &["--system-file", "brief"][..];
    let developer = &["--developer", "Be brief."][..];
    let other = &["--system", "Be long."][..];
    let longer = &["--system", "Be brief. "][..];
    let rows: &[SystemCase] = &[
        ("", system, Some("system more"), Some("system more")),
        ("", file, Some("system more"), Some("system more")),
        ("", developer, Some("developer more"), Some("developer more")),
        ("hi hello", &[], Some("hi hello more"), Some("hi hello more")),
        ("hi hello", system, None, Some("system hi hello more")),
        ("hi hello", developer, None, Some("developer hi hello more")),
        ("system hi hello", &[], Some("system hi hello more"), Some("system hi hello more")),
        ("system hi hello", system, Some("system hi hello more"), Some("system hi hello more")),
        ("system hi hello", file, Some("system hi hello more"), Some("system hi hello more")),
        ("system", system, Some("system more"), Some("system more")),
        ("system hi hello", other, None, None),
        ("system hi hello", longer, None, None),
        ("system hi hello", developer, None, None),
        (
            "developer hi hello",
            developer,
            Some("developer hi hello more"),
            Some("developer hi hello more"),
        ),
        ("developer hi hello", system, None, None),
    ];
    for (earlier, flag, in_conversation, in_list) in rows {
        let env = Env::new();
        env.write("brief", "Be brief.\n");
        env.write("earlier", lines(&messages(earlier)));
        for (from, sent) in [("-c", in_conversation), ("--messages", in_list)] {
            // An empty list is a mistake.
            if earlier.is_empty() && from == "--messages" {
                continue;
            }
            let run = env.xask([from, "earlier", "more"]).args(*flag).case((from, earlier, flag));
            if let Some(sent) = sent {
                run.args(["--dry-run"]).stdout(body(&messages(sent)) + "\n").success();
            } else {
                run.server(&Server::never()).refused(2, &["earlier"]);
            }
        }
        assert_file(&env, "earlier", &lines(&messages(earlier)));
    }
}

#[test]
fn a_system_prompt_can_be_added_after_blank_lines() {
    let env = Env::new();
    env.write("blank", "\n \n");
    let sent = body(&[message("system", "Be brief."), message("user", "more")]) + "\n";
    let run = env.xask(["-c", "blank", "--dry-run", "-s", "Be brief.", "more"]);
    run.stdout(&*sent).success();
}

#[test]
fn a_list_is_an_array_or_json_lines_from_a_file_or_standard_input() {
    let odd = r#"{ "role":"user", "content":"hi\u00e9", "x": 1.50,"x":[ ] }"#;
    let hello = message("assistant", "hello");
    let sent = [odd, &hello, &message("user", "more")];
    for list in [
        lines(&[odd, &hello]),
        format!("{odd}\r\n\r\n  {hello}"),
        format!("[{odd},{hello}]"),
        format!("\n [\n {odd} ,\n\t{hello}\r\n]\n\n"),
    ] {
        let env = Env::new();
        env.write("given", &list);
        let run = || env.xask(["--messages", "given", "--dry-run", "more"]);
        run().stdout(body(&sent) + "\n").success();
        run().stdin("not read").stdout(body(&sent) + "\n").success();
        let run = env.xask(["more", "--dry-run", "--messages", "-"]).stdin(&*list);
        run.stdout(body(&sent) + "\n").success();
        // Nothing is appended to it.
        let server = Server::respond(four());
        let run = env.xask(["--messages", "given", "more"]).server(&server);
        run.stdout("Four.\n").success();
        assert_file(&env, "given", &list);
    }
    let pretty = "{\n  \"role\": \"user\",\n  \"content\": \"hi\"\n}";
    let env = Env::new();
    let run = env.xask(["--messages", "-", "--dry-run"]).stdin(format!("[{pretty}]"));
    run.stdout(body(&[pretty]) + "\n").success();
    for empty in ["[]", " [ ]\n"] {
        let run = env.xask(["--messages", "-", "--dry-run", "hi"]).stdin(empty);
        run.stdout(body(&[HI]) + "\n").success();
    }
}

#[test]
fn a_list_that_ends_with_a_prompt_is_the_whole_request() {
    let env = Env::new();
    let list = [message("user", "hi"), message("assistant", "hello"), message("user", "and?")];
    env.write("asked", lines(&list));
    env.write("answered", lines(&list[..2]));
    let tool = [HI, r#"{"role":"tool","tool_call_id":"1","content":"7"}"#];
    env.write("tool", lines(&tool));
    let more = message("user", "more");

    // Standard input is not read as text: nothing is written to it, and xask does not wait.
    let server = Server::play([four(), four()]);
    let run = || env.xask(["--messages", "asked"]).server(&server).stdout("Four.\n");
    run().stdin_open().success();
    run().stdin("unread").stderr_like("note: ").success();
    for request in server.requests() {
        super::assert_body(&request, &list);
    }
    let run = env.xask(["--dry-run", "--messages", "-"]).stdin(lines(&list));
    run.stdout(body(&list) + "\n").success();
    let system = message("system", "Be brief.");
    let run = env.xask(["--dry-run", "--messages", "asked", "-s", "Be brief."]);
    run.stdout(body(&[&[system][..], &list].concat()) + "\n").success();

    // With a prompt, or if the list ends with another message, there is one more message.
    let asked_more = body(&[&list[..], std::slice::from_ref(&more)].concat()) + "\n";
    let run = |args: &[&str]| env.xask([&["--dry-run", "--messages"], args].concat());
    run(&["asked", "more"]).stdout(&*asked_more).success();
    run(&["asked", "-"]).stdin("more").stdout(&*asked_more).success();
    let answered_more = body(&[&list[..2], std::slice::from_ref(&more)].concat()) + "\n";
    run(&["answered"]).stdin("more\n").stdout(answered_more).success();
    run(&["tool"]).stdin("more").stdout(body(&[tool[0], tool[1], &more]) + "\n").success();

    let unasked = ["there is no prompt"];
    run(&["answered"]).tty(Tty::Stdin).refused(2, &unasked);
    run(&["-"]).stdin(lines(&list[..2])).refused(2, &unasked);
}

#[test]
fn a_conversation_that_ends_with_a_prompt_needs_another_prompt() {
    let env = Env::new();
    env.write("kept", lines(&[HI]));
    let run = env.xask(["-c", "kept", "--dry-run"]).stdin("more");
    run.stdout(body(&[HI, &message("user", "more")]) + "\n").success();
}

#[test]
fn a_conversation_and_a_list_cannot_be_combined() {
    let env = Env::new();
    env.write("given", exchange("hi", "hello"));
    let run = env.xask(["-c", "given", "--messages", "given", "hi"]).stdin(HI);
    run.refused(2, &["--conversation", "--messages"]);
    assert_file(&env, "given", &exchange("hi", "hello"));
}

#[test]
fn an_unreadable_list_is_a_usage_error() {
    let env = Env::new();
    env.folder("folder");
    let server = Server::never();
    for name in ["missing", "folder", "missing/list"] {
        let run = env.xask(["--messages", name, "hi"]).server(&server);
        run.refused(2, &[&format!("{name}: ")]);
    }
    assert_eq!(env.names(), ["folder"]);
}

#[test]
fn nothing_is_ever_appended_to_a_list() {
    let env = Env::new();
    env.write("given", exchange("hi", "hello"));
    let cut = Response::sse(&chat::stream_of(&["Fo"], None));
    let server = Server::play([four(), cut]);
    env.xask(["--messages", "given", "more"]).server(&server).stdout("Four.\n").success();
    let run = env.xask(["--messages", "given", "--stream", "more"]).server(&server);
    run.stdout("Fo").fails(7, &["incomplete"]);
    assert_file(&env, "given", &exchange("hi", "hello"));
}

#[test]
fn a_list_of_only_white_space_is_a_usage_error() {
    let env = Env::new();
    for blank in ["", " \n\t\n", "\u{a0}\u{2003}\n"] {
        env.write("blank", blank);
        env.dry(["hi", "--messages", "blank"]).case(blank).fails(2, &["blank"]);
    }
}
