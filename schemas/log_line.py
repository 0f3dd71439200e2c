"""One line of a log, of any program.

Example text::

    Mar  3 06:25:14 web-2 sshd[4121]: Failed password for admin from 203.0.113.9 port 52114 ssh2
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["LogLine", "LogValue"]


class LogValue(BaseModel):
    """A named value in the line."""

    name: str = Field(description="Name of the value, in snake_case")
    value: str = Field(description="The value, copied verbatim")


class LogLine(BaseModel):
    """A log line taken apart. Values are copied as they stand."""

    timestamp: str | None = Field(None, description="Time stamp, copied verbatim")
    host: str | None = Field(None, description="Machine that wrote it")
    program: str | None = Field(None, description="Program or service")
    pid: int | None = Field(None, description="Process number")
    level: Literal["trace", "debug", "info", "notice", "warning", "error", "critical"] | None = (
        Field(None, description="Severity, where the line states or clearly implies it")
    )
    component: str | None = Field(None, description="Module, logger or thread in the program")
    message: str = Field(description="The message itself, without what the other fields hold")
    action: Literal[
        "start",
        "stop",
        "login",
        "logout",
        "access",
        "change",
        "connect",
        "disconnect",
        "fail",
        "other",
    ] = Field("other", description="What happened")
    outcome: Literal["success", "failure"] | None = Field(None, description="How it ended")
    user: str | None = Field(None, description="Account concerned")
    source_ip: str | None = Field(None, description="IP address from which it came")
    source_port: int | None = Field(None, description="Port from which it came")
    destination_ip: str | None = Field(None, description="IP address to which it went")
    destination_port: int | None = Field(None, description="Port to which it went")
    http_method: str | None = Field(None, description="HTTP method")
    url: str | None = Field(None, description="URL or path")
    status: int | None = Field(None, description="HTTP status or exit code")
    error_code: str | None = Field(None, description="Error code or exception name")
    values: list[LogValue] = Field(default=[], description="Further values of the line")
