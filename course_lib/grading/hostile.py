"""Submissions that try to get points, data or the machine, with what each may earn: for `doctor`, the tests and the benchmark.

Each is graded against a small assignment whose honest solution earns 4 points for a function and 2 for a number. A cell that
reaches something it must not says so in `reached`, which the judge asks for.
"""

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from . import report
from .judge import grade
from .source import Assignment

MARK = "hostile-mark"  # in the name of each file that is written and each process that is left
SECRET = "a secret for hostile submissions"
PROBE = """---
kernelspec: {display_name: Python 3, language: python, name: python3}
assignment: {seconds: 2, call_seconds: 1, forbidden: {all: [torch]}}
---

## Question window: Sums of neighbours (4 points, 5 minutes)

```{code-cell} ipython3
import numpy as np
```

```{code-cell} ipython3
:tags: [answer]
def window(x, k):
    # SOLUTION
    return np.convolve(x, np.ones(k), "valid")
    # END
```

```{code-cell} ipython3
:tags: [judge]
import numpy as np
from course_lib.checks.verdict import require, require_close

def sums(student, random, k):
    for _ in range(2):
        x = random.normal(size=9)
        require_close(student.function("window")(x, k), np.convolve(x, np.ones(k), "valid"), "wrong sums.")

@part(2, "two neighbours")
def two(student, random):
    sums(student, random, 2)

@part(2, "five neighbours")
def five(student, random):
    sums(student, random, 5)
```

## Question number: Your number (2 points, 1 minutes)

```{code-cell} ipython3
:tags: [ticket]
from random import Random
drawn = Random(ticket).randrange(10**9)
```

```{code-cell} ipython3
:tags: [answer]
# SOLUTION
number = drawn + 1
# END
```

```{code-cell} ipython3
:tags: [judge]
@part(2, "the number")
def number(student, random):
    require_close(student.value("number"), drawn + 1, "another number.")
```

## Question reach: What was reached (0 points, 1 minutes)

```{code-cell} ipython3
:tags: [judge]
@part(0, "reached")
def reached(student, random):
    found = student.value("reached")
    require(type(found) is list, "nothing")
    return 0.0, f"reached {found}"
```
"""
ASSIGNMENT = Assignment(PROBE, "probe")
HONEST = ASSIGNMENT.solved("TICKET")


@dataclass
class Hostile:
    """One hostile submission.

    name: what it tries.
    code: a cell, which runs before the honest ones, or after them where it begins with `# AFTER`.
    points: what it earns, whatever it tries.
    file: makes the file instead, from a path; None for a notebook of cells.
    """

    name: str
    code: str
    points: float
    file: Callable | None = None

    def write(self, folder: Path, mark: str) -> Path:
        """Put the file into a folder; what it writes elsewhere has `mark` in its name."""
        path = folder / "submission.ipynb"
        if self.file:
            return self.file(folder) or path
        code = self.code.replace("KEY_PATH", str(folder / "key")).replace("MARK", mark)
        cells = [*HONEST, code] if code.startswith("# AFTER") else [*HONEST[:2], code, *HONEST[2:]]
        path.write_bytes(notebook(cells))
        return path


def notebook(cells: list[str]) -> bytes:
    """A notebook of code cells, with the ticket of the one who hands it in."""
    from .source import ticket

    own = ticket(SECRET, "probe", "somebody")
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": cell.replace("TICKET", own)} for cell in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


IN_FUNCTION = "# AFTER\ndef window(x, k):\n    "
WORKER = """
import sys, gc, os
worker = next(o for o in gc.get_objects() if type(o) is dict and o.get("__name__") == "wire")
"""
FRAME = """# AFTER
import os, struct, json
def outgoing():
    for name in os.listdir("/proc/self/fd"):
        try:
            if int(name) > 2 and "pipe" in os.readlink("/proc/self/fd/" + name):
                yield int(name)
        except OSError:
            pass
def give(data):
    for fd in outgoing():
        try: os.write(fd, data)
        except OSError: pass
def frame(header, body=b""):
    give(struct.pack("<IQ", len(header), len(body)) + header + body)
"""
REACH = "reached, tries = [], {}\ndef attempt(name, function):\n    try:\n        reached.append(name + ': ' + str(function())[:80])\n"
REACH += "    except BaseException:\n        pass\n"
NOTHING = "\nif not reached: del reached\n"

CELLS = [
    # time
    ("loop in a cell", "while True: pass", 6),
    ("loop that swallows what stops it", "while True:\n    try:\n        while True: pass\n    except BaseException: pass", 6),
    ("loop in the function", IN_FUNCTION + "while True: pass", 2),
    ("takes the timer away and loops", "import signal\nsignal.setitimer(signal.ITIMER_PROF, 0)\nwhile True: pass", 6),
    ("ignores the signal and loops", "import signal\nsignal.signal(signal.SIGPROF, signal.SIG_IGN)\nwhile True: pass", 6),
    ("sleeps", "import time\ntime.sleep(1e6)", 6),
    ("computes in C, where no signal comes", "x = 9 ** 9 ** 9", 6),
    ("a regular expression without end", "import re\nre.match('(a+)+$', 'a' * 40 + 'b')", 6),
    (
        "threads that loop",
        "import threading\nfor _ in range(8): threading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()",
        6,
    ),
    (
        "answers a byte a second",
        FRAME
        + "import time\ndef window(x, k):\n    give(struct.pack('<IQ', 1000, 0))\n    while True:\n        give(b'0'); time.sleep(1)",
        2,
    ),
    # memory, disk, processes
    ("fork bomb", "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", 6),
    ("memory bomb", "x = []\nwhile True: x.append(bytearray(1 << 26))", 6),
    (
        "memory bomb of many processes",
        "import os, time\nfor _ in range(40):\n    try:\n        if os.fork() == 0:\n            x = bytearray(1 << 28); time.sleep(100)\n"
        "    except OSError: pass\ntime.sleep(1)",
        6,
    ),
    (
        "fills the disk",
        "import os\nfor folder in ('/submission', '/tmp', '/dev/shm', '/var/tmp', os.path.expanduser('~')):\n    try:\n"
        "        for i in range(400):\n            with open(f'{folder}/MARK{i}', 'wb') as f: f.write(bytes(1 << 24))\n"
        "    except OSError: pass",
        6,
    ),
    (
        "opens files without end",
        "files = []\ntry:\n    while True: files.append(open('/dev/null'))\nexcept OSError: files.clear()",
        6,
    ),
    (
        "threads without end",
        "import threading, time\ntry:\n    while True: threading.Thread(target=time.sleep, args=(99,), daemon=True).start()\nexcept RuntimeError: pass",
        6,
    ),
    ("prints without end", "for _ in range(10**5): print('x' * 10**4)", 6),
    ("recursion until it crashes", "import sys\nsys.setrecursionlimit(10**9)\ndef f(): return f()\nf()", 6),
    ("a crash in C", "import ctypes\nctypes.string_at(0)", 6),
    (
        "a daemon that stays",
        "import os, sys\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        os.execv(sys.executable, ['python', '-c', 'import time; time.sleep(600)', 'MARK'])\n    os._exit(0)",
        6,
    ),
    (
        "raises its own limits",
        REACH + "import resource\nattempt('limits', lambda: resource.setrlimit(resource.RLIMIT_CPU, (-1, -1)))" + NOTHING,
        6,
    ),
    # out of the sandbox
    (
        "network",
        REACH
        + "import socket\ndef connect(family, kind, *address):\n    s = socket.socket(family, kind); s.settimeout(1); s.connect(address); return 'connected'\n"
        "for host in ('1.1.1.1', '127.0.0.1', '169.254.169.254'):\n    for port in (22, 53, 80, 443):\n"
        "        attempt(f'{host}:{port}', lambda: connect(socket.AF_INET, socket.SOCK_STREAM, host, port))\n"
        "attempt('dns', lambda: socket.gethostbyname('example.org'))\n"
        "attempt('datagram', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('1.1.1.1', 53)))" + NOTHING,
        6,
    ),
    (
        "other kinds of socket",
        REACH
        + "import socket\nfor family in (socket.AF_NETLINK, socket.AF_VSOCK, socket.AF_PACKET, socket.AF_INET6, socket.AF_ALG):\n"
        "    attempt(str(family), lambda: socket.socket(family, socket.SOCK_DGRAM))" + NOTHING,
        6,
    ),
    ("reads the key", REACH + "attempt('key', lambda: open('KEY_PATH').read())" + NOTHING, 6),
    (
        "looks for the key",
        REACH
        + "import os\nfor root, _, names in os.walk('/'):\n    if root.startswith(('/proc', '/sys')): continue\n    for name in names:\n"
        "        if name in ('key', 'probe.md', 'results.jsonl', 'shadow', 'id_rsa'):\n            attempt(f'{root}/{name}', lambda: open(f'{root}/{name}').read(20))"
        + NOTHING,
        6,
    ),
    (
        "looks into other processes",
        REACH + "import os\nfor name in os.listdir('/proc'):\n    if name.isdigit() and int(name) not in (os.getpid(), 1):\n"
        "        attempt(name, lambda: open(f'/proc/{name}/cmdline').read())\n    if name.isdigit():\n"
        "        attempt(name + ' environ', lambda: open(f'/proc/{name}/environ').read().index('SECRET'))\n"
        "        attempt(name + ' root', lambda: open(f'/proc/{name}/root' + 'KEY_PATH').read())" + NOTHING,
        6,
    ),
    (
        "namespaces, mounts, ptrace, users",
        REACH
        + "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\ndef call(name, *a):\n    if getattr(libc, name)(*a) == -1: raise OSError\n    return 'done'\n"
        "attempt('unshare', lambda: call('unshare', 0x10000000))\nattempt('mount', lambda: call('mount', b'none', b'/tmp', b'tmpfs', 0, None))\n"
        "attempt('ptrace', lambda: call('ptrace', 16, os.getppid(), 0, 0))\nattempt('setuid', lambda: os.setuid(0))\n"
        "attempt('chroot', lambda: os.chroot('/tmp'))\nattempt('keyctl', lambda: call('syscall', 250, 0, -3, 1))\n"
        "attempt('bpf', lambda: call('syscall', 321, 0, 0, 0))\nattempt('io_uring', lambda: call('syscall', 425, 8, ctypes.create_string_buffer(200)))\n"
        "attempt('hostname', lambda: call('sethostname', b'MARK', 4))\nattempt('time', lambda: call('settimeofday', ctypes.create_string_buffer(16), None))"
        + NOTHING,
        6,
    ),
    (
        "clone into a new user namespace",
        REACH
        + "import ctypes\nlibc = ctypes.CDLL(None)\ndef clone():\n    pid = libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)\n"
        "    if pid == 0: libc._exit(0)\n    if pid < 0: raise OSError\n    return pid\nattempt('clone', clone)" + NOTHING,
        6,
    ),
    (
        "writes to the machine",
        REACH
        + "import os, numpy, sys\nfor path in ('/usr/MARK', '/etc/MARK', '/MARK', numpy.__file__, os.__file__, '/grading/worker.py', '/proc/sys/kernel/core_pattern',\n"
        "             '/sys/fs/cgroup/MARK', '/proc/self/oom_score_adj_MARK', '/dev/MARK', '/dev/sda', '/dev/mem', '/proc/sysrq-trigger'):\n"
        "    attempt(path, lambda: open(path, 'a').write('MARK'))" + NOTHING,
        6,
    ),
    (
        "types into the terminal",
        REACH
        + "import fcntl, termios\nattempt('terminal', lambda: fcntl.ioctl(open('/dev/tty'), termios.TIOCSTI, b'x'))"
        + NOTHING,
        6,
    ),
    (
        "kills all it can",
        "import os, signal\nfor pid in (1, os.getppid(), -1):\n    try: os.kill(pid, signal.SIGKILL)\n    except OSError: pass",
        6,
    ),
    (
        "a symbolic link to the key",
        REACH
        + "import os\nos.symlink('KEY_PATH', '/submission/link')\nattempt('link', lambda: open('/submission/link').read())"
        + NOTHING,
        6,
    ),
    ("shell and other languages", "!cat KEY_PATH > /tmp/MARK\n%cd /\nget_ipython().system('cat KEY_PATH')", 6),
    (
        "a package that is forbidden",
        REACH + "import sys\nsys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != 'Forbidden']\n"
        "attempt('torch', lambda: __import__('torch').nn.functional)" + NOTHING,
        6,
    ),
    # the judge
    (
        "frames and gc",
        "# AFTER\nimport sys, gc\ndef window(x, k):\n    for o in gc.get_objects():\n        try:\n            if isinstance(o, dict) and 'expected' in o: return o['expected']\n"
        "        except Exception: pass\n    frame = sys._getframe()\n    while frame:\n        if 'expected' in frame.f_locals: return frame.f_locals['expected']\n"
        "        frame = frame.f_back\n    return x",
        2,
    ),
    (
        "patches numpy",
        "# AFTER\nnp.allclose = np.array_equal = lambda *a, **k: True\nnp.abs = lambda *a: np.zeros(1)\nwindow = lambda x, k: np.zeros(len(x) - k + 1)",
        2,
    ),
    (
        "patches builtins",
        "# AFTER\nimport builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.abs = lambda x: 0\nbuiltins.all = builtins.any = lambda x: True\n"
        "builtins.AssertionError = SystemExit\nwindow = lambda x, k: x",
        6,
    ),
    (
        "patches the checks",
        "# AFTER\nimport sys, types\nsys.modules['course_lib'] = sys.modules['course_lib.checks'] = types.ModuleType('x')\nwindow = lambda x, k: x",
        2,
    ),
    ("patches the frames", "# AFTER" + WORKER + "worker['encode'] = lambda message: b'\\0' * 12\n", 0),
    (
        "an object equal to all",
        "# AFTER\nclass Equal:\n    __eq__ = __le__ = __ge__ = lambda *a: True\n    __array__ = lambda *a, **k: np.zeros(8)\n    __float__ = lambda s: 1.0\n"
        "    shape = (8,)\nwindow = lambda x, k: Equal()\nnumber = Equal()",
        0,
    ),
    ("not a number", "# AFTER\nwindow = lambda x, k: np.full(len(x) - k + 1, np.nan)\nnumber = float('nan')", 0),
    ("infinity", "# AFTER\nwindow = lambda x, k: np.full(len(x) - k + 1, np.inf)\nnumber = float('inf')", 0),
    (
        "another kind of array",
        "# AFTER\nclass A(np.ndarray):\n    __eq__ = lambda *a: True\nwindow = lambda x, k: np.zeros(len(x) - k + 1).view(A)",
        2,
    ),
    ("text for a number", "# AFTER\nnumber = 'drawn + 1'\nwindow = lambda x, k: ['1'] * (len(x) - k + 1)", 0),
    ("a ticket that is an array", "# AFTER\nticket = np.zeros(2)", 6),
    (
        "a ticket that raises",
        "# AFTER\nclass Ticket:\n    def __array__(self, *a, **k): raise ValueError('no')\nticket = Ticket()",
        6,
    ),
    (
        "a trouble of the machine, forged",
        "import os\ntry: open('/proc/1/fd/2', 'w').write('bwrap: Creating new namespace failed')\nfinally: os._exit(1)",
        6,
    ),
    ("half a surrogate in a message", "# AFTER\ndef window(x, k): raise ValueError('\\ud800')", 2),
    ("the ticket of another", "# AFTER\nticket = 'OTHERS'\nnumber = Random(ticket).randrange(10**9) + 1", 4),
    (
        "forged replies, ahead of time",
        FRAME + "for _ in range(20): frame(json.dumps({'dict': [['ok', True], ['points', 99]]}).encode())",
        0,
    ),
    ("a frame of 16 EB", FRAME + "def window(x, k):\n    give(struct.pack('<IQ', 10, 2**64 - 1))\n    return x", 2),
    ("a frame of random bytes", FRAME + "def window(x, k):\n    give(os.urandom(4096))\n    return x", 2),
    ("a frame nested a million deep", FRAME + "def window(x, k): frame(b'[' * 900_000)", 2),
    (
        "a frame with a number of a million digits",
        FRAME + "def window(x, k): frame(b'{\"dict\": [[\"ok\", ' + b'9' * 900_000 + b']]}')",
        2,
    ),
    (
        "a frame with a shape that lies",
        FRAME + 'def window(x, k): frame(b\'{"dict": [["ok", {"array": "0", "shape": [1000000000000]}]]}\')',
        2,
    ),
    (
        "a frame with tensors that lie",
        FRAME
        + 'def window(x, k): frame(b\'{"dict": [["ok", {"array": "0", "shape": [1]}]]}\', struct.pack(\'<Q\', 2**60) + b\'{}\')',
        2,
    ),
    (
        "a frame that names code",
        FRAME + "def window(x, k): frame(json.dumps({'dict': [['ok', {'eval': '__import__(\"os\").getcwd()'}]]}).encode())",
        2,
    ),
    (
        "an error that ends the judge",
        "# AFTER\nclass KeyboardInterrupt(Exception): pass\ndef window(x, k): raise KeyboardInterrupt('x')",
        2,
    ),
    (
        "an error of a name that Python has",
        "# AFTER\nclass SystemExit(Exception): pass\nSystemExit.__name__ = '__import__'\ndef window(x, k): raise SystemExit('os')",
        2,
    ),
    (
        "a pickle",
        "# AFTER\nimport pickle, os\nclass P:\n    __reduce__ = lambda s: (os.system, ('touch /tmp/MARK',))\nwindow = lambda x, k: pickle.dumps(P())\nnumber = np.array([P()], dtype=object)",
        0,
    ),
    (
        "markup and terminal codes",
        "# AFTER\ndef window(x, k): raise ValueError('<script>alert(1)</script>=HYPERLINK(1)\\x1b[2J\\u202eevil')",
        2,
    ),
    ("an answer of 200 MB", "# AFTER\ndef window(x, k): return np.zeros(25_000_000)", 2),
    ("an answer of a million lists", "# AFTER\ndef window(x, k): return [[0]] * 1_000_000", 2),
    ("prints a report", "# AFTER\nprint('{\"points\": 6}\\n6 of 6')\nwindow = lambda x, k: x", 2),
    ("writes results", "# AFTER\nopen('results.jsonl', 'w').write('{\"points\": 6}')\nwindow = lambda x, k: x", 2),
    # what starts again
    (
        "sitecustomize",
        "import os, sys\nfor name in ('sitecustomize.py', 'usercustomize.py', 'numpy.py', 'wire.py', 'json.py'):\n    open(name, 'w').write('raise SystemExit')\n"
        "if not os.path.exists('/tmp/once'): os._exit(1)",
        6,
    ),
    ("ends the process", "import os\nos._exit(0)", 6),
    ("ends Python", "raise SystemExit(0)", 6),
    ("restarts the kernel", "get_ipython().kernel.do_shutdown(True)\nexit = quit = None", 6),
    (
        "starts Python again, without a filter",
        "import os, sys\nos.execv(sys.executable, ['python', '-c', 'import time; time.sleep(60)', 'MARK'])",
        6,
    ),
    ("closes the pipes", "# AFTER\nimport os\nos.closerange(3, 256)", 6),
    ("closes the pipes and stays", "import os, time\nos.closerange(0, 256)\ntime.sleep(1e6)", 6),
]


def _sparse(folder):
    with open(folder / "submission.ipynb", "wb") as file:
        file.truncate(1 << 30)


def _fifo(folder):
    os.mkfifo(folder / "submission.ipynb")


def _link(folder):
    os.symlink(folder / "key", folder / "submission.ipynb")


def _zip(*members, compression=zipfile.ZIP_DEFLATED):
    def write(folder):
        path = folder / "submission.zip"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, data in members:
                info = zipfile.ZipInfo(name)
                info.compress_type = compression
                if data == "link":
                    info.external_attr = 0o120777 << 16
                archive.writestr(info, "/etc/passwd" if data == "link" else data)
        return path

    return write


def _bytes(data):
    def write(folder):
        (folder / "submission.ipynb").write_bytes(data)

    return write


def _nested_archive():
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("x.ipynb", notebook(HONEST))
    return inner.getvalue()


FILES = [
    ("a notebook of 1 GB", 0, _sparse),
    ("a pipe for a file", 0, _fifo),
    ("a symbolic link for a file", 0, _link),
    ("a folder for a file", 0, lambda folder: folder),
    ("an empty file", 0, _bytes(b"")),
    ("JSON nested a million deep", 0, _bytes(b"[" * 1_000_000)),
    ("JSON that is no notebook", 0, _bytes(b'{"cells": 7}')),
    ("cells of another kind", 0, _bytes(b'{"cells": [{"cell_type": "code", "source": {"a": 1}}]}')),
    ("half a surrogate and a zero byte", 6, _bytes(notebook([*HONEST, "x = '\ud800'", "\0"]))),
    ("a megabyte of code", 0, _bytes(notebook([*HONEST, "#" * (1 << 20)]))),
    ("a hundred thousand cells", 6, _bytes(notebook([*HONEST, *["0"] * 100_000]))),
    (
        "a zip with ../.. and a link",
        6,
        _zip((f"../../../tmp/{MARK}", b"x"), ("x.ipynb", notebook(HONEST)), ("link.ipynb", "link")),
    ),
    ("a zip bomb", 0, _zip(("x.ipynb", bytes(60 << 20)))),
    ("a zip bomb of weights", 0, _zip(("x.ipynb", notebook(HONEST)), ("w.safetensors", bytes(30 << 20)))),
    ("a zip whose members can be of any size", 0, _zip(("x.ipynb", notebook(HONEST)), compression=zipfile.ZIP_BZIP2)),
    ("a zip of two notebooks", 0, _zip(("x.ipynb", notebook(HONEST)), ("y.ipynb", notebook(HONEST)))),
    ("a zip in a zip", 0, _zip(("x.zip", _nested_archive()))),
    ("half a zip", 0, _bytes(_nested_archive()[:-30])),
]
SET = [Hostile(name, code, points) for name, code, points in CELLS] + [
    Hostile(name, "", points, file) for name, points, file in FILES
]


def tried(backend: str, chosen: Iterable[Hostile]) -> list[tuple[str, str]]:
    """Grade hostile submissions, and return (name, what it got) for each that got what it must not."""
    return [(hostile.name, what) for hostile in chosen for what in try_one(backend, hostile)[0]]


def try_one(backend: str, hostile: Hostile) -> tuple[list[str], dict]:
    """(what it got that it must not, the result) of one hostile submission."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "key").write_text(SECRET)
        mark = f"{MARK}-{folder.name}"
        path = hostile.write(folder, mark)
        result = grade("somebody", str(path), PROBE, "probe", SECRET, backend=backend)
        found = []
        if result["points"] != hostile.points:
            found.append(f"{result['points']:g} points, not {hostile.points:g}")
        report.page(report.settle([result])[0], {}).encode()
        for marks in result["questions"].values():
            found += [part["message"] for part in marks["parts"] if part["message"].startswith("reached")]
        if (folder / "key").read_text() != SECRET:
            found.append("the key was changed")
    found += [
        f"a file is left: {file}"
        for place in ("/tmp", "/", "/usr", "/etc", "/var/tmp")
        for file in Path(place).glob(f"{mark}*")
    ]
    found += [f"a process is left: {process}" for process in _processes(mark)]
    return found, result


def _processes(mark):
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in process.read_bytes() and process.parent.name != str(os.getpid()):
                yield process.parent.name
        except OSError:
            pass
