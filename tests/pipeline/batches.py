"""A Batch API as it is documented: answers come in any order, failures in a file of their own."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from structgen.testing.faulty import Served
from structgen.values import Request


class BatchServer:
    """A function for `FaultyServer`.

    `answer` gives (status, body) for one request's body, or None if the batch expires first.
    """

    def __init__(
        self, answer: Callable[[dict[str, Any]], tuple[int, Any] | None], *, most: int = 50_000
    ) -> None:
        self.answer, self.most = answer, most
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.lines = 0
        self.down = False

    def __call__(self, request: Request) -> str | Served:
        if self.down:
            return "reset"
        where = request.path.removeprefix("/v1/").split("/")
        if request.method == "POST" and where == ["files"]:
            return self._json({"id": self._keep(self._uploaded(request)), "object": "file"})
        if request.method == "POST" and where == ["batches"]:
            return self._create(json.loads(request.body))
        if where[0] == "files":
            return Served(body=self.files[where[1]])
        if len(where) == 1:
            return self._json({"object": "list", "data": list(self.batches.values())})
        batch = self.batches[where[1]]
        batch["status"] = {"validating": "in_progress", "in_progress": "completed"}.get(
            batch["status"], batch["status"]
        )
        return self._json(batch)

    def _uploaded(self, request: Request) -> bytes:
        head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
        form = BytesParser(policy=HTTP).parsebytes(head + request.body)
        parts = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in form.iter_parts()
        }
        assert parts["purpose"] == b"batch"
        file = parts["file"]
        assert isinstance(file, bytes)
        return file

    def _create(self, asked: dict[str, Any]) -> Served:
        lines = [json.loads(line) for line in self.files[asked["input_file_id"]].splitlines()]
        assert asked["endpoint"] == "/v1/chat/completions"
        assert asked["completion_window"] == "24h"
        assert len(lines) <= self.most
        assert len({line["custom_id"] for line in lines}) == len(lines)
        random.Random(3).shuffle(lines)
        output: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for line in lines:
            assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
            self.lines += 1
            found = self.answer(line["body"])
            if found is None:
                errors.append(
                    {
                        "custom_id": line["custom_id"],
                        "response": None,
                        "error": {"code": "batch_expired"},
                    }
                )
                continue
            response = {"status_code": found[0], "request_id": "r", "body": found[1]}
            (output if found[0] == 200 else errors).append(
                {"custom_id": line["custom_id"], "response": response, "error": None}
            )
        batch = f"batch_{len(self.batches)}"
        files = {
            "output_file_id": self._keep(_jsonl(output)),
            "error_file_id": self._keep(_jsonl(errors)) if errors else None,
        }
        self.batches[batch] = {
            "id": batch,
            "status": "validating",
            "input_file_id": asked["input_file_id"],
            **files,
        }
        return self._json(self.batches[batch])

    def _keep(self, content: bytes) -> str:
        self.files[f"file_{len(self.files)}"] = content
        return f"file_{len(self.files) - 1}"

    @staticmethod
    def _json(value: Any) -> Served:
        return Served(body=json.dumps(value).encode())


def _jsonl(rows: list[Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)
