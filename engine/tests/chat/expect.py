#!/usr/bin/env python3
"""Writes expected.json: what Jinja2, set up as transformers sets it up, makes of the templates and
of the snippets here. `python3 expect.py` beside Jinja2 3.1.6."""

import datetime
import json
import pathlib

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = pathlib.Path(__file__).parent
NOW = 1_735_689_599


class Generation(Extension):
    """Marks of what an assistant said: the text in them stays as it is."""

    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


class Refused(Exception):
    """What a template refuses by itself."""


def raise_exception(message):
    raise Refused(message)


def strftime_now(format):
    return datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc).strftime(format)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


environment = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, Generation]
)
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception
environment.globals["strftime_now"] = strftime_now


def say(role, content):
    return {"role": role, "content": content}


CHATS = {
    "one": [say("user", "Hello")],
    "system": [say("system", " Be brief.\n"), say("user", "Hi\n"), say("assistant", " Yes? "),
               say("user", "¿Qué tal? 안녕 👩‍👩‍👧 \"quoted\" <b>&amp;")],
    "long": [say("user", "a"), say("assistant", "<think>\nhm\n</think>\n\nb"), say("user", "skip"),
             say("assistant", "d"), say("user", "e\nf")],
    "wrong": [say("assistant", "I begin"), say("user", "skip")],
    "two": [say("user", "a"), say("user", "b")],
    "none": [],
}
# With its keys in order, in which JSON is read on the other side.
TOOL = {"function": {"description": "Adds", "name": "add", "parameters": {
    "properties": {"a": {"type": "integer"}, "b": {"enum": [1, 2.5, None, True, "é\n"]}},
    "type": "object"}}, "type": "function"}
VARIABLES = {"tools": [TOOL]}, {"enable_thinking": False}

SNIPPETS = (HERE / "snippets.txt").read_text().split("\n---\n")


def render(template, messages, generate, variables):
    names = {"tools": None, "documents": None, **variables}
    try:
        template = environment.from_string(template)
        prompt = template.render(
            messages=messages, add_generation_prompt=generate, bos_token="<s>", eos_token="</s>",
            **names)
        return {"prompt": prompt}
    except Refused as error:
        return {"refused": str(error)}
    except Exception:
        return {"failed": True}


def main():
    cases = []
    for path in sorted((HERE / "templates").glob("*.jinja")):
        asked = [(chat, generate, {}) for chat in CHATS for generate in (True, False)]
        asked += [(chat, True, names) for chat in ("system", "long") for names in VARIABLES]
        for chat, generate, names in asked:
            made = render(path.read_text(), CHATS[chat], generate, names)
            cases.append({"template": path.stem, "chat": chat, "variables": names,
                          "generate": generate, **made})
    snippets = [{"text": text, **render(text, CHATS["system"], True, {})} for text in SNIPPETS]
    parts = {"now": NOW, "chats": CHATS, "cases": cases, "snippets": snippets}
    text = json.dumps(parts, ensure_ascii=False).replace('{"te', '\n{"te')
    (HERE / "expected.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
