"""The AWS CLI, loaded once.

Loading it takes most of a second, and the scripts call it some twenty times. So one
process loads it, and forks for each call: the same code, with the same arguments and
environment. `Cli.path` is a folder with an `aws` that asks that process.
"""

import contextlib
import copy
import gc
import io
import marshal
import os
import signal
import socket
import subprocess
import sys
import traceback
from pathlib import Path

# The services that the scripts call, and a command to load each with.
SERVICES = {
    "cloudformation": "cloudformation list-stacks",
    "lambda": "lambda list-functions",
    "dynamodb": "dynamodb list-tables",
    "codedeploy": "deploy list-applications",
}

# A program of its own. It has to start quickly, so it imports only what is built in, and
# passes its own input and output on (socket.send_fds, without importing socket).
CLIENT = """#!{python} -ISE
import _socket, marshal, os, sys
server = _socket.socket(_socket.AF_UNIX)
server.connect({address!r})
call = marshal.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)])
descriptors = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
server.sendmsg([len(call).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)])
server.sendall(call)
code = server.recv(1)
os._exit(code[0] if code else 255)
"""


class Cli:
    """The process, and the folder for PATH."""

    def __init__(self, folder: Path):
        address = str(folder / "aws.socket")
        self.path = folder / "bin"
        self.path.mkdir()
        client = self.path / "aws"
        client.write_text(CLIENT.format(python=sys.executable, address=address))
        client.chmod(0o755)
        self.server = subprocess.Popen([sys.executable, __file__, address], stdout=subprocess.PIPE)
        if not self.server.stdout.readline():
            raise RuntimeError("the AWS CLI did not load")

    def stop(self) -> None:
        self.server.terminate()
        self.server.wait()
        self.server.stdout.close()


def preload():
    """Loads what each call would load: the CLI, and the descriptions of the services. Returns
    a CLI that has not been used yet. It knows no configuration file of a test."""
    import awscli.clidriver
    from botocore.loaders import JSONFileLoader

    loaded, load, copies = {}, JSONFileLoader.load_file, copy.deepcopy

    def load_once(self, path):
        if path not in loaded:
            loaded[path] = load(self, path)
        return copies(loaded[path])

    JSONFileLoader.load_file = load_once
    os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_ENDPOINT_URL="http://127.0.0.1:1")
    os.environ.update(AWS_DEFAULT_REGION="us-east-1", AWS_MAX_ATTEMPTS="1", AWS_CONFIG_FILE=os.devnull)
    for service, command in SERVICES.items():
        # Nothing listens there: what counts is what is loaded on the way.
        with contextlib.redirect_stderr(io.StringIO()):
            awscli.clidriver.create_clidriver().main([*command.split()])
    # Each call is a process: what it changes is its own.
    copies = lambda data: data
    cli = awscli.clidriver.create_clidriver()
    cli.session._get_internal_component("endpoint_resolver")
    cli._get_command_table()
    loader = cli.session.get_component("data_loader")
    for kind in "service-2", "paginators-1", "waiters-2", "endpoint-rule-set-1":
        for service in SERVICES:
            loader.load_service_model(service, kind)
    # The calls share this memory, as long as no collection touches it.
    gc.collect()
    gc.freeze()
    gc.disable()
    return cli


def answer(cli, connection: socket.socket, length: bytes, descriptors: list[int]) -> None:
    """One call, in a process of its own."""
    call = connection.makefile("rb").read(int.from_bytes(length, "big"))
    arguments, folder, environment = marshal.loads(call)
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
    os.chdir(folder)
    # The CLI sets this one for itself as it loads.
    own = {"AWS_DATA_PATH": os.environ["AWS_DATA_PATH"]}
    os.environ.clear()
    os.environ.update(environment | own)
    try:
        code = cli.main(arguments)
    except SystemExit as exit:
        code = exit.code if isinstance(exit.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(bytes([code or 0]))


def serve(address: str) -> None:
    cli = preload()
    # Nobody waits for the calls: the socket says how they ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        print("ready", flush=True)
        while True:
            connection, _ = server.accept()
            length, descriptors, _, _ = socket.recv_fds(connection, 4, 3)
            if os.fork() == 0:
                try:
                    answer(cli, connection, length, descriptors)
                except BaseException:
                    traceback.print_exc()
                os._exit(0)
            for descriptor in descriptors:
                os.close(descriptor)
            connection.close()


if __name__ == "__main__":
    serve(sys.argv[1])
