"""A process that can compute and nothing else, one for each submission. Made by bubblewrap, by Docker, or as another user.

Bubblewrap gives the process namespaces of its own (users, processes, network, mounts): it sees Python, its packages and an
empty folder in memory. Docker makes a container that is no more than that, of an image with Python and the packages. Where a
machine allows no namespaces, as in many containers, another user is left: that one can read what everyone may read, so it is
for containers that are thrown away afterwards.
"""

import contextlib
import functools
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import wire
from .worker import TooLong

BACKENDS = ("bubblewrap", "docker", "user")
IMAGE = "course-sandbox"  # that containers are made of
MAKE_IMAGE = (
    "printf 'FROM python:3.13-slim\\nRUN pip install torch --index-url https://download.pytorch.org/whl/cpu "
    f"&& pip install mlxtend safetensors\\n' | docker build --tag {IMAGE} -"
)
MB = 1 << 20
LIMITS = {
    "cpu": 300,  # seconds of one process
    "memory": 3072 * MB,  # of all processes together, where there are control groups
    "address_space": 8192 * MB,  # of one process: importing PyTorch takes 3 GB of it
    "processes": 64,
    "file": 64 * MB,
    "disk": 64 * MB,
}
FILES = [Path(__file__).with_name(name) for name in ("worker.py", "wire.py")]
FIRST_USER = 61_000  # no machine gives these away; one for each sandbox that runs at a time
PATIENCE = 10  # seconds of the wall clock that any request may take, busy machine or not
_slots = itertools.count()


class Ended(Exception):
    """The sandbox is gone; the message says why. `by_clock`: it was ended by the wall clock."""

    def __init__(self, why: str, *, by_clock: bool = False):
        super().__init__(why)
        self.by_clock = by_clock


class Unusable(Exception):
    """This machine cannot make such a sandbox; the message says what is missing."""


class Sandbox:
    """One worker, started and locked up.

    backend: "bubblewrap", "docker" or "user".
    forbidden: names of packages that are not there inside.
    files: what lies in the working folder, {name: bytes}, read-only.
    patience: seconds of the wall clock for a second of processor time that a request, and all of them together, may take.
    """

    def __init__(self, backend: str, *, forbidden: tuple = (), files: dict | None = None, patience: float = 3.0):
        self.patience, self.forbidden = patience, tuple(forbidden)
        self.packages = [path for path in sys.path if re.search("/(site|dist)-packages$", path) and os.path.isdir(path)]
        self.python = os.path.realpath(sys.executable)
        self.slot = next(_slots) % 1000
        self.folder = Path(tempfile.mkdtemp(prefix=f"grading-{os.getpid()}-"))
        self.folder.chmod(0o755)
        for name, data in (files or {}).items():
            (self.folder / name).write_bytes(data)
            (self.folder / name).chmod(0o444)
        self.name = f"grading-{os.getpid()}-{self.slot}"
        self.groups = control_groups(self.name) if os.getuid() == 0 and backend != "docker" else []
        self.limited = bool(self.groups)
        self.backend, self.user = backend, FIRST_USER + self.slot
        inside = {"bubblewrap": self._bubblewrap, "docker": self._docker, "user": self._user}[backend]
        command = inside()
        settings = {"packages": self.packages, "forbidden": self.forbidden, "limits": LIMITS}
        join = ['for group in $GROUPS_TO_JOIN; do echo $$ > "$group/cgroup.procs"; done; unset GROUPS_TO_JOIN']
        join = [
            "; ".join([*join, "echo 1000 > /proc/self/oom_score_adj", 'exec "$@"']),
            "sh",
        ]  # short of memory, this goes first
        self.told = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", *join, *command, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.told,
            start_new_session=True,
            cwd="/",
            env=(os.environ if backend == "docker" else environment()) | {"GROUPS_TO_JOIN": " ".join(map(str, self.groups))},
        )
        self.ready, self.until = False, time.monotonic() + patience * LIMITS["cpu"] + PATIENCE
        self.request, self.reply = self.process.stdin.fileno(), self.process.stdout.fileno()
        os.set_blocking(self.request, False)

    def ask(self, request: dict, seconds: float) -> dict:
        """The reply to a request that may take so many seconds of processor time; raises Ended, with the sandbox gone."""
        deadline = min(time.monotonic() + self.patience * seconds + PATIENCE, self.until)
        try:
            if not self.ready:  # the worker says so once it is locked up, before any code of the student's
                wire.receive(self.reply, deadline)
                self.ready = True
            wire.send(self.request, request | {"seconds": seconds}, deadline)
            reply = wire.receive(self.reply, deadline)
            if type(reply) is dict and ("ok" in reply or "error" in reply):
                if reply.get("error") == TooLong.__name__:
                    return reply | {"message": f"took more than {seconds:g} seconds"}
                return reply
            raise wire.WireError("not a reply")
        except TimeoutError:
            self.stop()
            raise Ended("took too long and was stopped", by_clock=True) from None
        except (EOFError, OSError):
            with contextlib.suppress(subprocess.TimeoutExpired):  # a process may close its pipes and stay
                self.process.wait(5)
            trouble = "" if self.ready else self.trouble()
            self.stop()
            if trouble:
                raise Unusable(trouble) from None
            raise Ended("ended its process") from None
        except wire.WireError as error:
            self.stop()
            raise Ended(f"sent something unreadable: {error}") from None

    def trouble(self) -> str:
        """What the machine said when the sandbox could not be made; later, a student may have written there too."""
        self.told.seek(0)
        lines = self.told.read(2000).decode(errors="replace").splitlines()
        return "\n".join(line for line in lines if not line.startswith("WARNING")).strip()  # Docker warns, and goes on

    def stop(self) -> None:
        """End all its processes and take its folder away; once is enough."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, 9)
        self.process.kill()
        self.process.wait()
        if self.backend == "docker":  # what was killed so far is Docker's command alone
            docker("rm", "--force", self.name)
        if self.backend == "user":  # whatever left the session, in the user's own name so that it can hit nothing else
            subprocess.run([*as_user(self.user), "/bin/sh", "-c", "kill -9 -1"], stderr=subprocess.DEVNULL, check=False)
        for group in self.groups:
            empty(group)
        self.groups = []
        for pipe in (self.process.stdin, self.process.stdout, self.told):
            with contextlib.suppress(OSError):
                pipe.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _bubblewrap(self):
        """The command: everything read-only but two small folders in memory; the packages that are forbidden hidden."""
        command = ["bwrap", "--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"]
        command += ["--die-with-parent", "--new-session", "--hostname", "sandbox"]
        for path in ("/tmp", "/submission"):
            command += ["--perms", "1777", "--size", str(LIMITS["disk"]), "--tmpfs", path]
        for path in ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", sys.base_prefix, *self.packages):
            command += ["--symlink", os.readlink(path), path] if os.path.islink(path) else ["--ro-bind-try", path, path]
        for name in self.forbidden:
            command += [part for path in self.packages for part in hidden(Path(path, name))]
        command += [
            "--proc",
            "/proc",
            "--remount-ro",
            "/proc",
            "--dev",
            "/dev",
            "--size",
            str(16 * MB),
            "--tmpfs",
            "/dev/shm",
            "--remount-ro",
            "/dev",
        ]
        for file in FILES:
            command += ["--ro-bind", str(file), f"/grading/{file.name}"]
        for file in self.folder.iterdir():
            command += ["--ro-bind", str(file), f"/submission/{file.name}"]
        return [*command, "--remount-ro", "/", "--chdir", "/submission", self.python, "-I", "-S", "/grading/worker.py"]

    def _docker(self):
        """The command: a container that sees the image, read-only, two small folders in memory, and the files it needs."""
        self.packages, self.python = [image_packages()], "python3"
        command = ["docker", "run", "--rm", "--interactive", "--pull", "never", "--log-driver", "none", "--name", self.name]
        command += ["--network", "none", "--hostname", "sandbox", "--user", f"{self.user}:{self.user}", "--cap-drop", "ALL"]
        command += ["--security-opt", "no-new-privileges", "--oom-score-adj", "1000", "--read-only", "--workdir", "/submission"]
        command += ["--cpus", "1", "--pids-limit", str(LIMITS["processes"]), "--shm-size", str(16 * MB)]
        command += ["--memory", str(LIMITS["memory"]), "--memory-swap", str(LIMITS["memory"])]  # so no swap
        for path in ("/tmp", "/submission"):
            command += ["--tmpfs", f"{path}:size={LIMITS['disk']},mode=1777,uid={self.user},gid={self.user}"]
        for name in self.forbidden:
            command += ["--tmpfs", f"{self.packages[0]}/{name}:ro,size=4k"]
        for file in FILES:
            command += ["--volume", f"{file}:/grading/{file.name}:ro"]
        for file in self.folder.iterdir():
            command += ["--volume", f"{file}:/submission/{file.name}:ro"]
        for name, value in environment().items():
            command += ["--env", f"{name}={value}"] if name != "PATH" else []
        return [*command, IMAGE, self.python, "-I", "-S", "/grading/worker.py"]

    def _user(self):
        for file in FILES:
            shutil.copy(file, self.folder)
            (self.folder / file.name).chmod(0o444)
        work = self.folder / "work"
        work.mkdir()
        os.chown(work, self.user, self.user)
        start = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', str(work)]
        return [*as_user(self.user), *start, self.python, "-I", "-S", str(self.folder / "worker.py")]


def docker(*arguments: str) -> subprocess.CompletedProcess:
    """What a command of Docker's answered."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)


@functools.cache
def image_packages() -> str:
    """The folder of Python's packages in the image; raises Unusable."""
    program = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = docker("run", "--rm", "--pull", "never", "--network", "none", IMAGE, "python3", "-c", program)
    if done.returncode:
        raise Unusable(done.stderr.strip() or f"python3 of the image {IMAGE} could not be run")
    return done.stdout.strip()


def as_user(user: int) -> list[str]:
    """The beginning of a command that runs as another user without privileges."""
    return ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups", "--no-new-privs"]


def hidden(package: Path) -> list[str]:
    """What hides a package: an empty folder over a folder, nothing over what is not there."""
    return ["--tmpfs", str(package), "--remount-ro", str(package)] if package.is_dir() else []


def environment() -> dict[str, str]:
    """The variables inside: none of this machine's."""
    places = {"HOME": "/tmp", "MPLCONFIGDIR": "/tmp", "PATH": "/usr/bin:/bin"}
    return places | {"LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONDONTWRITEBYTECODE": "1"}


def control_groups(name: str, root: Path = Path("/sys/fs/cgroup")) -> list[Path]:
    """Groups that limit memory and processes, version 2 or 1, as far as they can be made here; else an empty list."""
    if (root / "cgroup.controllers").exists():
        wanted = {root / name: {"memory.max": "memory", "memory.swap.max": None, "pids.max": "processes"}}
    else:
        wanted = {root / "memory" / name: {"memory.limit_in_bytes": "memory"}, root / "pids" / name: {"pids.max": "processes"}}
    made = []
    try:
        for group, files in wanted.items():
            group.mkdir(exist_ok=True)
            made.append(group)
            for file, limit in files.items():
                with open(group / file, "w") as limits:
                    limits.write(str(LIMITS[limit] if limit else 0))
    except OSError:
        for group in made:
            with contextlib.suppress(OSError):
                group.rmdir()
        return []
    return made


def empty(group: Path) -> None:
    """End what is left in a control group, and take the group away."""
    for _ in range(200):
        with contextlib.suppress(OSError, ValueError):
            for process in (group / "cgroup.procs").read_text().split():
                os.kill(int(process), 9)
        try:
            group.rmdir()
            return
        except OSError:
            time.sleep(0.01)


def tidy(backend: str) -> None:
    """Take away what graders that were killed have left behind: folders, control groups, whose processes died, containers."""
    places = Path(tempfile.gettempdir()), *(Path("/sys/fs/cgroup", name) for name in ("", "memory", "pids"))
    for left in [left for place in places for left in place.glob("grading-[0-9]*-*")]:
        if not Path("/proc", left.name.split("-")[1]).exists():
            empty(left) if "cgroup" in left.parts else shutil.rmtree(left, ignore_errors=True)
    if backend == "docker":
        for name in docker("ps", "--all", "--filter", "name=^grading-[0-9]+-", "--format", "{{.Names}}").stdout.split():
            if not Path("/proc", name.split("-")[1]).exists():
                docker("rm", "--force", name)


def problems(backend: str) -> list[tuple[str, str]]:
    """What keeps this machine from making such a sandbox: (what is missing, the line that mends it)."""
    if backend == "user":
        return list(_problems_of_another_user())
    if backend == "docker":
        if missing := list(_problems_of_docker()):
            return missing
    elif not shutil.which("bwrap"):
        return [("bubblewrap is not installed", "sudo apt-get install bubblewrap")]
    box = Sandbox(backend)
    try:
        box.ask({"do": "cell", "number": 0, "source": ""}, 5)
    except (Unusable, Ended) as error:
        return [(f"{backend} does not work here: {error}", how_to_mend(str(error)))]
    finally:
        box.stop()
    if backend == "bubblewrap" and os.getuid() == 0 and not box.limited:
        return [("as root, without control groups, nothing limits the number of processes", "run this as another user")]
    return []


def _problems_of_docker():
    if not shutil.which("docker"):
        yield "docker is not installed", "see https://docs.docker.com/engine/install"
    elif (asked := docker("version")).returncode:
        yield f"docker does not answer: {asked.stderr.strip()}", "start it, and join its group: sudo usermod -aG docker $USER"
    elif docker("image", "inspect", IMAGE).returncode:
        yield f"the image {IMAGE} is missing", MAKE_IMAGE
    else:
        try:
            image_packages()
        except Unusable as error:
            yield f"{error}", MAKE_IMAGE


def _problems_of_another_user():
    if os.getuid() != 0:
        yield "to become another user takes root, as in a container that is thrown away", "use bubblewrap"
    elif not shutil.which("setpriv"):
        yield "setpriv is not installed", "apt-get install util-linux"
    else:
        for path in (os.path.realpath(sys.executable), Path(wire.np.__file__)):
            readable = subprocess.run([*as_user(FIRST_USER), "test", "-r", str(path)], check=False).returncode == 0
            if not readable:
                yield (
                    f"another user cannot read {path}",
                    "use a Python under /usr, such as that of Debian or of the image python:3.13",
                )


def how_to_mend(message: str) -> str:
    """The line for what bubblewrap complains of."""
    if "uid map" in message or "AppArmor" in message or "loopback" in message:
        return (
            "on Ubuntu 24.04: echo 'abi <abi/4.0>, profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }' | "
            "sudo tee /etc/apparmor.d/bwrap && sudo systemctl reload apparmor"
        )
    if "Operation not permitted" in message or "namespace" in message:
        return (
            "in Docker start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined; "
            "on Debian: sudo sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000"
        )
    return "see the page Giving and grading assignments"


def usable() -> str | None:
    """The way that works on this machine, the safe one alone: "bubblewrap", or None."""
    return None if sys.platform != "linux" or problems("bubblewrap") else "bubblewrap"
