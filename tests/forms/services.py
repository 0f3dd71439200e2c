"""Real parts that the tests of forms need: a PostgreSQL, a browser, the example service."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from selenium import webdriver

_FLAGS = (
    *(
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-dev-shm-usage",
    ),
    *(
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-proxy-server",
    ),
)


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a new, empty database, which goes when the block ends.

    PostgreSQL refuses to run as root, so `nobody` runs it.
    """
    programs = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
    assert programs is not None, "PostgreSQL is not installed: apt-get install postgresql"
    user = "nobody" if os.geteuid() == 0 else None
    folder = tempfile.mkdtemp(prefix="forms-")
    if user:
        shutil.chown(folder, user)
    data = f"{folder}/data"

    def call(*command: str) -> None:
        subprocess.run(
            [str(programs / command[0]), *command[1:]],
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    try:
        call(
            "initdb",
            "-D",
            data,
            "-U",
            "forms",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        )
        call(
            "pg_ctl",
            "start",
            "-w",
            "-D",
            data,
            "-l",
            f"{folder}/log",
            "-o",
            f"-k {folder} -c listen_addresses='' -c fsync=off",
        )
        try:
            yield f"postgresql+psycopg://forms@/postgres?host={folder}"
        finally:
            call("pg_ctl", "stop", "-w", "-D", data, "-m", "immediate")
    finally:
        shutil.rmtree(folder)


@contextmanager
def browser(profile: Path) -> Iterator[Any]:
    """A headless Chromium with an empty profile."""
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium and chromedriver, (
        "Chromium is not installed: apt-get install chromium chromium-driver"
    )
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    try:
        yield driver
    finally:
        driver.quit()


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address of an app on loopback, while the block runs."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="warning", lifespan="off", ws="none")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
