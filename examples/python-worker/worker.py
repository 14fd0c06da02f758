"""A worker for Unstuck in Python's standard library alone: python3 worker.py [http://127.0.0.1:8790]"""
import difflib
import http.client
import itertools
import json
import os
import signal
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
import uuid

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8790"
ME = str(uuid.uuid4())  # One id for the life of this process: its lease, under which its jobs run.
LEASE = os.environ.get("LEASE", "30s")  # Silent for longer than this, and they run elsewhere.
HEADERS = {"content-type": "application/json"}
if os.environ.get("UNSTUCK_TOKEN"):
    HEADERS["authorization"] = "Bearer " + os.environ["UNSTUCK_TOKEN"]


class Over(Exception):
    """The attempt is not ours any more: stop, nothing that is still sent of it is accepted."""


def post(path, body, tries=1_000_000):
    """Sends a request until it is answered: whatever a worker sends may be sent again."""
    request = urllib.request.Request(f"{URL}/v1/{path}", json.dumps(body).encode(), HEADERS)
    for attempt in range(tries):
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                return json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            said = error.read().decode()
            if error.code in (404, 409):
                raise Over(said) from None
            if error.code < 500 and error.code != 429:
                raise ValueError(said) from None
            print(f"the server answers {error.code}", flush=True)
        except (OSError, http.client.HTTPException) as error:
            print(f"no answer: {error}", flush=True)
        time.sleep(min(attempt + 1, 10))
    return None


class Job:
    """One attempt. A thread of its own says that it still runs; `progress` ends it when it shall not."""

    def __init__(self, claimed):
        self.id, self.token = claimed["id"], claimed["token"]
        self.type, self.input = claimed["type"], claimed["input"]
        self.ended, self.over = threading.Event(), threading.Event()
        self.told_at = 0.0

    def say(self, what, **more):
        return post(f"claims/{self.id}/{what}", {"token": self.token, **more})

    def hear(self, answer):
        if not answer["continue"]:
            self.over.set()

    def beat(self, every):
        while not self.ended.wait(every):
            try:
                self.hear(self.say("heartbeat"))
            except Over:
                self.over.set()

    def progress(self, fraction, note):
        if time.monotonic() - self.told_at >= 1:
            self.told_at = time.monotonic()
            self.hear(self.say("progress", progress=fraction, note=note))
        if self.over.is_set():
            raise Over("stopped in the middle")


def similar(job):
    """Which of these texts resemble each other, by their longest common runs of words."""
    texts = {name: text.split() for name, text in job.input["texts"].items()}
    pairs, found = list(itertools.combinations(texts, 2)), []
    for done, (one, other) in enumerate(pairs):
        job.progress(done / len(pairs), f"{one} and {other}")
        ratio = difflib.SequenceMatcher(None, texts[one], texts[other], autojunk=False).ratio()
        if ratio >= job.input.get("at_least", 0.5):
            found.append({"texts": [one, other], "ratio": round(ratio, 3)})
    return {"compared": len(pairs), "similar": sorted(found, key=lambda pair: -pair["ratio"])}


HANDLERS = {"similar": similar}


def run(job, every):
    threading.Thread(target=job.beat, args=(every,), daemon=True).start()
    try:
        try:
            state = job.say("complete", result=HANDLERS[job.type](job))["state"]
        except Over:
            raise
        except Exception as error:  # Whatever a handler raises: tried again as its type says.
            told = {"name": type(error).__name__, "message": str(error), "stack": traceback.format_exc()}
            state = job.say("fail", error=told)["state"]
        print(f"{job.id} {job.type}: {state}", flush=True)
    except Over as over:
        print(f"{job.id} {job.type}: {over}", flush=True)
    finally:
        job.ended.set()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    wanted = {"types": list(HANDLERS), "wait": "20s", "lease": LEASE, "name": f"python:{os.getpid()}", "holding": []}
    try:
        while True:
            claimed = post(f"workers/{ME}/claim", wanted)
            for one in (claimed or {"jobs": []})["jobs"]:
                run(Job(one), claimed["heartbeat_every_ms"] / 1000)
    except KeyboardInterrupt:
        pass
    finally:  # What was running goes back, uncharged.
        post(f"workers/{ME}/stop", {}, tries=1)


if __name__ == "__main__":
    main()
