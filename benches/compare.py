#!/usr/bin/env python3
"""Run xask and five other tools against the same responses, and print what came of it as a Markdown table.

The cases are those of the rows of README.md's comparison that are measured. A server on loopback gives canned responses of the chat
completions API; the path of the base URL selects the case. Each run has an empty HOME, a made-up key, a process
group of its own and a time limit. Nothing is sent beyond this machine. A tool that is not found is left out.

The other tools need environments of their own, because their dependencies conflict (shell-gpt 1.5.1 does not
install click, which it imports; chatblade 0.7.0 does not work with newer versions of httpx):

    for tool in 'llm==0.36' 'shell-gpt==1.5.1 click' 'chatblade==0.7.0 httpx<0.28'; do
        venv=/tmp/compare/${tool%%=*}
        python3 -m venv "$venv" && (set -f; "$venv/bin/pip" install $tool)
    done
    cargo install aichat --version 0.30.0 --locked --root /tmp/compare/aichat

To run it, from the root of the repository:

    cargo build --release --locked
    export PATH="$PATH:/tmp/compare/llm/bin:/tmp/compare/shell-gpt/bin:/tmp/compare/chatblade/bin"
    python3 benches/compare.py --xask target/release/xask --aichat /tmp/compare/aichat/bin/aichat

A cell has the exit status and the beginning of standard output; "message" means that standard error was not empty.
"–" stands where a tool has no such way to run. For runs at once, "kept" counts the prompts that the tool's own
conversation or log holds afterwards; a range is over several rounds.
"""

import argparse
import collections
import functools
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIMIT = 60  # seconds for a run that should end
IDLE = 5  # seconds after which a run on an idle pipe hangs
RUNS = 16  # runs at once
ROUNDS = 3  # of those
NOISE = "Warning: Input is not a terminal (fd=0)."  # what sgpt says in every run without a terminal
KEY = "made-up-key"
HALF = ["Once upon", " a time"]

# Each case of the server: the pieces of the answer, and its finish_reason. Without one, the response breaks off.
ANSWERS = {
    "ok": (["Four."], "stop"),
    "length": (HALF, "length"),
    "filtered": (HALF, "content_filter"),
    "empty": ([], "stop"),
    "cut": (HALF, None),  # the connection is closed in the middle of the response
    "short": (HALF, None),  # the response is complete for HTTP, but has no finish_reason and no [DONE]
    "long": ([f"line {n:95}\n" for n in range(1000)], "stop"),  # more than a pipe holds
}

CURL = """curl -s "$BASE_URL/chat/completions" -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \
-d "{\\"model\\": \\"mock\\", \\"messages\\": [{\\"role\\": \\"user\\", \\"content\\": \\"$prompt\\"}]}" """

# How each tool is run by bash: for a whole answer, for a stream, and so that it keeps the conversation.
Tool = collections.namedtuple("Tool", "whole stream keep")
TOOLS = {
    "llm": Tool('llm -m mock --no-stream "$prompt"', 'llm -m mock "$prompt"', 'llm -m mock "$prompt"'),
    "aichat": Tool('aichat -S "$prompt"', 'aichat "$prompt"', 'aichat -s chat --save-session "$prompt"'),
    "sgpt": Tool(None, 'sgpt --no-md "$prompt"', 'sgpt --no-md --chat chat "$prompt"'),  # it asks only for streams
    "chatblade": Tool('chatblade -rno "$prompt"', 'chatblade -rno -s "$prompt"', 'chatblade -rno -S chat "$prompt"'),
    "curl": Tool(CURL + "| jq -r '.choices[0].message.content'", None, None),
    "xask": Tool('xask "$prompt"', 'xask --stream "$prompt"', 'xask -c chat.jsonl "$prompt"'),
}


class Api(BaseHTTPRequestHandler):
    """POST /CASE/v1/chat/completions"""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        case = self.path.split("/")[1]
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            if case == "401":
                self.send_whole(401, {"error": {"message": "Incorrect API key", "type": "invalid_request_error"}})
            elif request.get("stream"):
                self.send_stream(case, *ANSWERS[case])
            else:
                pieces, reason = ANSWERS[case]
                message = {"role": "assistant", "content": "".join(pieces)}
                body = completion("chat.completion", message=message, finish_reason=reason)
                usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
                self.send_whole(200, {**body, "usage": usage})
        except ConnectionError:
            self.close_connection = True  # the tool has gone

    def send_whole(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_stream(self, case, pieces, reason):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.send_event({"role": "assistant", "content": ""}, None)
        for piece in pieces:
            self.send_event({"content": piece}, None)
        if reason:
            self.send_event({}, reason)
            self.send_chunk(b"data: [DONE]\n\n")
        if case == "cut":
            self.close_connection = True
        else:
            self.send_chunk(b"")

    def send_event(self, delta, reason):
        event = completion("chat.completion.chunk", delta=delta, finish_reason=reason)
        self.send_chunk(f"data: {json.dumps(event)}\n\n".encode())

    def send_chunk(self, data):
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 4 * RUNS

    def handle_error(self, *_):
        pass  # a tool that closes its connection is not an error


def completion(kind, **choice):
    return {"id": "1", "object": kind, "created": 1, "model": "mock", "choices": [{"index": 0, **choice}]}


class Bench:
    """Where the tools are, and the server that they talk to."""

    def __init__(self, folder, programs):
        self.folder, self.numbers = folder, itertools.count()
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name, program in programs.items():
            (self.bin / name).symlink_to(program)
        self.server = Server(("127.0.0.1", 0), Api)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def home(self, case):
        """A new HOME with the settings of every tool for this case, and the environment that goes with it."""
        home = self.folder / f"home{next(self.numbers)}"
        base = f"http://127.0.0.1:{self.server.server_port}/{case}/v1"
        for file, text in {
            ".config/aichat/config.yaml": f"model: mock:mock\nclients:\n- type: openai-compatible\n  name: mock\n"
            f"  api_base: {base}\n  api_key: {KEY}\n  models:\n  - name: mock\n",
            "llm/extra-openai-models.yaml": f"- model_id: mock\n  model_name: mock\n  api_base: {base}\n",
        }.items():
            (home / file).parent.mkdir(parents=True)
            (home / file).write_text(text)
        return {
            "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(home),
            "TMPDIR": str(home), "LLM_USER_PATH": str(home / "llm"), "KEY": KEY, "BASE_URL": base,
            "XAI_API_KEY": KEY, "XAI_BASE_URL": base,
            "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": base, "API_BASE_URL": base, "DEFAULT_MODEL": "mock",
            "https_proxy": "http://127.0.0.1:9", "prompt": "Hello",  # nothing listens there: HTTPS cannot leave
        }  # fmt: skip

    def start(self, script, env, stdin=subprocess.DEVNULL):
        return subprocess.Popen(
            ["bash", "-c", script], env=env, cwd=env["HOME"], stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def run(self, script, case="ok"):
        """The exit status (None: not finished in time), standard output, standard error, and HOME."""
        env = self.home(case)
        process = self.start(script, env)
        return (*finish(process, LIMIT), pathlib.Path(env["HOME"]))


def finish(process, limit):
    """Wait for a process, and end it and its children if they take too long."""
    try:
        out, err = process.communicate(timeout=limit)
        out, err = out.decode(errors="replace"), err.decode(errors="replace")
        return process.returncode, out.strip(), err.replace(NOISE, "").strip()
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None, "", ""


def described(status, out, err):
    text = out.replace("\n", " ").replace("|", "\\|")
    text = f"`{text[:20]}…`" if len(text) > 20 else f"`{text}`" if text else "nothing"
    return "not finished" if status is None else f"{status}, {text}{', message' if err else ''}"


def answer(case):
    return lambda bench, script: described(*bench.run(script, case)[:3])


def idle_pipe(bench, script):
    reader, writer = os.pipe()
    process = bench.start(script, bench.home("ok"), reader)
    os.close(reader)
    result = finish(process, IDLE)
    os.close(writer)
    return "hangs" if result[0] is None else described(*result)


def while_loop(bench, script):
    body = f'printf "%s\\n" "$prompt" >>lines; {script} >/dev/null 2>&1'
    *_, home = bench.run(f"printf '%s\\n' 1 2 3 | while read -r prompt; do {body}; done")
    return f"{len((home / 'lines').read_text().split())} of 3"


def head(bench, script):
    status, _, err, home = bench.run(f"{{ {script}; echo $? >status; }} | head -1", "long")
    if status is None:
        return "not finished"
    message = "panic" if "panicked" in err else "traceback" if "Traceback" in err else "message"
    return (home / "status").read_text().strip() + (f", {message}" if err else "")


def at_once(bench, script, used_before=False):
    """How many of the runs fail, and how many of their prompts are in a file below HOME afterwards."""
    failed, kept = [], []
    for _ in range(ROUNDS):
        env = bench.home("ok")
        if used_before:
            finish(bench.start(script, env), LIMIT)
        runs = [bench.start(script, {**env, "prompt": f"prompt-{n:02}"}) for n in range(RUNS)]
        failed.append(sum(finish(run, LIMIT)[0] != 0 for run in runs))
        files = (path.read_bytes() for path in pathlib.Path(env["HOME"]).rglob("*") if path.is_file())
        kept.append(len({prompt for file in files for prompt in re.findall(rb"prompt-\d\d", file)}))
    return f"{spread(failed)} fail, {spread(kept)} kept"


def spread(numbers):
    """The smallest and the largest number, or the only one."""
    return "–".join(map(str, sorted({min(numbers), max(numbers)})))


# Each case, its rows (of the ways in a row, a tool is run in the first that it has), and what is measured.
WHOLE, STREAM, EITHER, KEEP = ["whole"], ["stream"], ["whole", "stream"], ["keep"]
CASES = [
    ("a complete answer", [WHOLE, STREAM], answer("ok")),
    ("truncated", [WHOLE, STREAM], answer("length")),
    ("filtered", [WHOLE, STREAM], answer("filtered")),
    ("empty", [WHOLE, STREAM], answer("empty")),
    ("ends early", [STREAM], answer("short")),
    ("connection closed in the middle", [STREAM], answer("cut")),
    ("401", [WHOLE, STREAM], answer("401")),
    ("an idle pipe on standard input", [EITHER], idle_pipe),
    ("iterations of a `while read` loop", [EITHER], while_loop),
    ("the output goes to `head -1`", [WHOLE, STREAM], head),
    (f"{RUNS} runs at once, nothing kept before", [KEEP], at_once),
    (f"{RUNS} runs at once, one run kept before", [KEEP], functools.partial(at_once, used_before=True)),
]


def main():
    parser = argparse.ArgumentParser(description="Compare xask with other tools; see the top of this file.")
    for name in TOOLS:
        parser.add_argument(f"--{name}", metavar="PATH", help=f"the program {name}, if it is not on PATH")
    options = parser.parse_args()
    found = {name: shutil.which(getattr(options, name, None) or name) for name in (*TOOLS, "jq")}
    programs = {name: os.path.abspath(program) for name, program in found.items() if program}
    names = [name for name in TOOLS if name in programs and (name != "curl" or "jq" in programs)]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(pathlib.Path(folder), programs)
        versions = [re.search(r"[\d.]*\d", bench.run(f"{name} --version")[1]) for name in programs]
        print(", ".join(f"{name} {version and version[0]}" for name, version in zip(programs, versions)), end="\n\n")
        print("| case |", " | ".join(names), "|")
        print("|---" * (len(names) + 1) + "|")
        for case, rows, measure in CASES:
            for ways in rows:
                scripts = [next(filter(None, (getattr(TOOLS[name], way) for way in ways)), None) for name in names]
                cells = [measure(bench, script) if script else "–" for script in scripts]
                print(f"| {case}{', streamed' * (ways == STREAM)} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
