"""Read orders from mails: typed records, with what the mail does not support told apart.

    python examples/order_mails/read_mails.py FOLDER [--rehearse]

The model is the one that $STRUCTGEN_MODEL names, else the embedded one. Answers are kept in
FOLDER/answers.db, so that a second run asks only about mails that failed or are new.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path

from mail_order import Order

from structgen import Client, StructgenError
from structgen.testing import AnyModel


def main() -> int:
    parser = ArgumentParser(description="Read orders from mails.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rehearse", action="store_true", help="any values, and no model")
    arguments = parser.parse_args()
    failed = cached = doubtful = 0
    client = Client(
        AnyModel() if arguments.rehearse else None,
        cache=arguments.folder / "answers.db",
        require_evidence="flag",
        temperature=0,
        max_tokens=800,
    )
    with client, (arguments.folder / "orders.jsonl").open("w", encoding="utf-8") as out:
        for mail in sorted((arguments.folder / "mails").glob("*.txt")):
            try:
                result = client.extract_result(Order, mail)
            except StructgenError as error:
                failed += 1
                print(f"{mail.name}: {error}", file=sys.stderr)
                continue
            cached += result.cached
            doubtful += bool(result.to_review)
            row = {"mail": mail.stem, **result.to_dict("value", "to_review", "absent")}
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(f"{failed} failed, {cached} were read before, {doubtful} have values to look at")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
