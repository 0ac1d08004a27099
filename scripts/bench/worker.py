"""Programs that load a model once and then answer questions: one line of JSON each way."""

import json
import os
import signal
import subprocess
import time


class Worker:
    """A running program. `ready` is what it said after loading."""

    def __init__(self, *command: object) -> None:
        self.command = [str(part) for part in command]
        # Libraries that a worker happens to load must not keep threads spinning beside it.
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.ready = self._answer()

    def ask(self, **question: object) -> dict:
        """One question to it. The pause before lets the threads of others fall asleep: some spin
        for a while after their work."""
        time.sleep(0.1)
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def seconds(self, **question: object) -> float:
        return self.ask(**question)["seconds"]

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"error: '{' '.join(self.command)}' ended with {ending(self.process.wait())}")
        return json.loads(line)


def ending(code: int) -> str:
    """An exit code in words: a negative one is the signal that ended the program."""
    return f"code {code}" if code >= 0 else signal.Signals(-code).name
