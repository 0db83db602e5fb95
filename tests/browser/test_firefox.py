"""Each widget in Firefox, where there is one: opened from disk, it comes alive and nothing goes wrong."""

import json
import re
import shutil
import subprocess
import time

import pytest
from tornado.ioloop import IOLoop
from tornado.websocket import websocket_connect

from course_lib import widgets
from course_lib.widgets.show import SCRIPTS

FIREFOX = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)

pytestmark = pytest.mark.skipif(not FIREFOX, reason="there is no Firefox")


class Driven:
    """Firefox without a window, asked for things by WebDriver BiDi, the protocol that it speaks itself."""

    def __init__(self, folder):
        command = [FIREFOX, "--headless", "--no-remote", "--profile", str(folder), "--remote-debugging-port", "0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        address = next(found[1] for line in self.process.stderr if (found := re.search(r"BiDi listening on (ws://\S+)", line)))
        self.loop, self.asked, self.entries = IOLoop(make_current=False), 0, []
        self.socket = self.loop.run_sync(lambda: websocket_connect(f"{address}/session"), 60)
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded"])
        self.context = self.ask("browsingContext.getTree")["contexts"][0]["context"]

    def ask(self, method, **params):
        self.asked += 1
        self.socket.write_message(json.dumps({"id": self.asked, "method": method, "params": params}))
        while True:
            answer = json.loads(self.loop.run_sync(self.socket.read_message, 120))
            if answer.get("method") == "log.entryAdded":
                self.entries.append((answer["params"]["level"], answer["params"]["text"]))
            elif answer.get("id") == self.asked:
                return answer["result"]

    def value(self, expression):
        target = {"context": self.context}
        return self.ask("script.evaluate", expression=expression, target=target, awaitPromise=True)["result"].get("value")

    def close(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait(60)
        self.process.stderr.close()
        self.loop.close()


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    driven = Driven(tmp_path_factory.mktemp("profile"))
    yield driven
    driven.close()


@pytest.mark.parametrize("kind", sorted(SCRIPTS))
def test_each_widget_comes_alive_in_firefox(firefox, tmp_path, kind):
    page = widgets.export_page(kind, None, tmp_path / f"{kind}.html")
    firefox.entries.clear()
    firefox.ask("browsingContext.navigate", context=firefox.context, url=page.as_uri(), wait="complete")
    until = time.monotonic() + 120
    while not firefox.value("document.querySelector('.course-widget').dataset.ready ?? ''") and time.monotonic() < until:
        time.sleep(0.2)
    assert float(firefox.value("document.querySelector('.course-widget').dataset.ready")) > 0
    assert firefox.value("document.querySelectorAll('.course-widget canvas').length") > 0
    assert [text for level, text in firefox.entries if level in ("error", "warn")] == []
