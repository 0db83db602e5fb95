"""Runs a student's cells and functions inside a sandbox, without the package around it. Nothing that it says is trusted."""

import ctypes
import importlib.abc
import json
import os
import re
import resource
import signal
import struct
import sys
import traceback
import types

# System calls that a notebook never needs, by their numbers on x86-64, then on 64-bit ARM: ptrace, process_vm_readv and
# process_vm_writev, bpf, perf_event_open, userfaultfd, keyctl, add_key, request_key, mount, umount2, pivot_root, chroot,
# unshare, setns, kexec_load, init_module, finit_module, delete_module, quotactl, acct, swapon, swapoff, reboot, settimeofday,
# clock_settime, open_by_handle_at, name_to_handle_at, personality. On both: io_uring (425 to 427), what mounts (428 to 442).
REFUSED = {
    "x86_64": "101 310 311 321 298 323 250 248 249 165 166 155 161 272 308 246 175 313 176 179 163 167 168 169 164 "
    "227 304 303 135",
    "aarch64": "117 270 271 280 241 282 219 217 218 40 39 41 51 97 268 104 105 273 106 60 89 224 225 142 170 112 265 264 92",
}
REFUSED_ON_BOTH = (425, 426, 427, 428, 429, 430, 431, 432, 433, 442)
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SOCKET, CLONE, CLONE3 = {"x86_64": 41, "aarch64": 198}, {"x86_64": 56, "aarch64": 220}, 435
NEW_USER_NAMESPACE, AF_UNIX = 0x10000000, 1


class TooLong(BaseException):
    """The time for one request is over; `except Exception` does not catch it."""


class Program:
    """A notebook's cells and what they define.

    scope: where the cells run; a dict of their own by default.
    """

    def __init__(self, scope: dict | None = None):
        self.scope = {"__name__": "__main__"} if scope is None else scope
        self.scope |= {"get_ipython": _Nothing, "display": _Nothing()}

    def answer(self, request: dict) -> dict:
        """Run a cell, call a function or look a value up: {"ok": value} or {"error": kind, "message": text}."""
        try:
            if request["do"] == "cell":
                exec(_compiled(request["source"], f"<cell {request['number']}>"), self.scope)
                return {"ok": None}
            if request["name"] not in self.scope:
                return {"error": "NameError", "message": f"{request['name']} is not defined"}
            value = self.scope[request["name"]]
            return {"ok": value(*request["arguments"]) if request["do"] == "call" else value}
        except BaseException as error:
            return failure(error)


def failure(error: BaseException) -> dict:
    """What is told of an error: its kind, its message, and the line of the cell."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith("<cell")]
    where = f" (line {lines[-1]})" if lines else ""
    return {"error": type(error).__name__, "message": str(error)[:400] + where}


class _Nothing:
    """Stands for Jupyter, of which there is none."""

    def __call__(self, *_, **__):
        return None

    def __getattr__(self, _):
        return self


def _compiled(source, name):
    """The code of a cell; where Python does not read it, without the lines that are Jupyter's."""
    try:
        return compile(source, name, "exec")
    except SyntaxError:
        first = source.lstrip().split(maxsplit=1)
        if first and first[0].startswith("%%") and first[0] not in ("%%time", "%%timeit", "%%capture"):
            return compile("", name, "exec")  # another language, or a file to write
        source = re.sub(r"^(\s*)%time(it)?[ \t]", r"\1", source, flags=re.MULTILINE)
        source = re.sub(r"^([ \t]*)[%!?].*$", r"\1pass", source, flags=re.MULTILINE)
        return compile(source, name, "exec")


class Forbidden(importlib.abc.MetaPathFinder):
    """Says of the packages that an assignment forbids that they are; in bubblewrap they are not there either."""

    def __init__(self, names):
        self.names = set(names)

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"{name.partition('.')[0]} is not allowed in this assignment", name=name)


def filter_program(machine: str) -> bytes:
    """A seccomp filter as the kernel takes it: everything is allowed but what is refused above.

    Of sockets, only those between processes of the same machine; no new user namespace.
    """
    load, equal, at_least, any_bit, give = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, kill, no_permission, no_such_call, no_family = 0x7FFF0000, 0x80000000, 0x50001, 0x50026, 0x50061

    def step(code, value, yes=0, no=0):
        return struct.pack("<HBBI", code, yes, no, value)

    program = [step(load, 4), step(equal, ARCHITECTURE[machine], 1, 0), step(give, kill), step(load, 0)]
    if machine == "x86_64":
        program += [step(at_least, 0x40000000, 0, 1), step(give, no_permission)]  # the calls of x32
    for number in (*map(int, REFUSED[machine].split()), *REFUSED_ON_BOTH):
        program += [step(equal, number, 0, 1), step(give, no_permission)]
    program += [step(equal, CLONE3, 0, 1), step(give, no_such_call)]  # its flags lie in memory; the C library takes clone then
    for call, test, error in (
        (CLONE[machine], step(any_bit, NEW_USER_NAMESPACE, 0, 1), no_permission),
        (SOCKET[machine], step(equal, AF_UNIX, 1, 0), no_family),
    ):  # where the call is this one, its first argument is looked at
        program += [step(load, 0), step(equal, call, 0, 3), step(load, 16), test, step(give, error)]
    return b"".join([*program, step(give, allow)])


def lock_up(settings: dict) -> None:
    """Take away from this process, for good, what a notebook does not need."""
    limits = settings["limits"]
    for what, value in (
        (resource.RLIMIT_CPU, limits["cpu"]),
        (resource.RLIMIT_AS, limits["address_space"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_FSIZE, limits["file"]),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (value, value))
    program = filter_program(os.uname().machine)
    buffer = ctypes.create_string_buffer(program, len(program))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    described = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer)))
    if prctl(38, 1, 0, 0, 0) or prctl(22, 2, ctypes.byref(described), 0, 0):  # no new privileges; the filter
        raise OSError(ctypes.get_errno(), "the filter of system calls was refused")


def main():
    """Answer requests that come through standard input, until it ends."""
    settings = json.loads(sys.argv[1])
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nothing, descriptor)
    sys.path += [os.path.dirname(os.path.abspath(__file__)), *settings["packages"]]
    import wire

    lock_up(settings)
    os.dup2(nothing, 2)  # so far, what goes wrong is the machine's fault and is told
    sys.meta_path.insert(0, Forbidden(settings["forbidden"]))
    sys.path.insert(0, os.getcwd())
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    program = Program(module.__dict__)
    signal.signal(signal.SIGPROF, _stop)
    os.write(outgoing, wire.encode("ready"))
    while True:
        try:
            request = wire.receive(incoming)
        except EOFError:
            return
        try:
            signal.setitimer(signal.ITIMER_PROF, request["seconds"])  # processor time: a busy machine costs nobody points
            data = wire.encode(program.answer(request))
            signal.setitimer(signal.ITIMER_PROF, 0)
        except BaseException as error:
            signal.setitimer(signal.ITIMER_PROF, 0)
            data = wire.encode(failure(error))
        while data:
            data = data[os.write(outgoing, data[:65536]) :]


def _stop(*_):
    raise TooLong("took too long")


if __name__ == "__main__":
    main()
