"""A job on a real engine; it prints the rows as JSON, by their ids.

python engines.py ray|spark|"spark with structs"|dask|pandas BASE_URL
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import pyarrow

from structgen.distributed import Extractor

PERSON = {
    "type": "object",
    "title": "Person",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
ROWS = 24


def table() -> pyarrow.Table:
    texts = [None if n == 13 else f"This is person number {n}." for n in range(ROWS)]
    return pyarrow.table({"id": list(range(ROWS)), "text": texts})


def arguments(base_url: str) -> tuple[list[Any], dict[str, Any]]:
    return [PERSON, "m"], {"client": {"base_url": base_url, "api_key": "k"}, "concurrency": 4}


def on_ray(base_url: str) -> list[dict[str, Any]]:
    import ray

    positional, named = arguments(base_url)
    ray.init(
        num_cpus=3, include_dashboard=False, log_to_driver=False, object_store_memory=100 * 2**20
    )
    parts = [table().slice(start, 8) for start in range(0, ROWS, 8)]
    workers = ray.data.ActorPoolStrategy(size=2)
    found = ray.data.from_arrow(parts).map_batches(
        Extractor,
        fn_constructor_args=positional,
        fn_constructor_kwargs=named,
        batch_format="pyarrow",
        batch_size=8,
        compute=workers,
    )
    rows: list[dict[str, Any]] = found.take_all()
    ray.shutdown()
    return rows


def on_spark_with_structs(base_url: str) -> list[dict[str, Any]]:
    rows = on_spark(base_url, structs=True)
    return [{**row, "value": row["value"] and row["value"].asDict()} for row in rows]


def on_spark(base_url: str, *, structs: bool = False) -> list[dict[str, Any]]:
    from pyspark.sql import SparkSession

    positional, named = arguments(base_url)
    extractor = Extractor(*positional, **named, structs=structs)
    local: dict[str, bool | float | int | str | None] = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
        # It lives too briefly for the optimizing compiler to pay.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }
    builder = SparkSession.builder.master("local[2]").config(map=local)
    with builder.getOrCreate() as spark:
        frame = spark.createDataFrame(
            [tuple(row.values()) for row in table().to_pylist()], "id long, text string"
        )
        return [
            row.asDict()
            for row in frame.mapInArrow(extractor.batches, extractor.spark_schema(frame)).collect()
        ]


def on_dask(base_url: str) -> list[dict[str, Any]]:
    import dask.dataframe

    frames: Any = dask.dataframe  # its functions have no types
    positional, named = arguments(base_url)
    extractor = Extractor(*positional, **named)
    frame = table().to_pandas()
    found = frames.from_pandas(frame, npartitions=2).map_partitions(
        extractor.frame, meta=extractor.frame(frame.head(0))
    )
    return _rows(found.compute(scheduler="threads"))


def on_pandas(base_url: str) -> list[dict[str, Any]]:
    positional, named = arguments(base_url)
    return _rows(Extractor(*positional, **named).frame(table().to_pandas()))


def _rows(frame: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pyarrow.Table.from_pandas(frame, preserve_index=False).to_pylist()
    return rows


if __name__ == "__main__":
    os.environ.update(
        PYSPARK_PYTHON=sys.executable, RAY_AUTH_MODE="disabled", RAY_USAGE_STATS_ENABLED="0"
    )
    ways = {
        "ray": on_ray,
        "spark": on_spark,
        "spark with structs": on_spark_with_structs,
        "dask": on_dask,
        "pandas": on_pandas,
    }
    found = ways[sys.argv[1]](sys.argv[2])
    print(json.dumps(sorted(found, key=lambda row: row["id"])))
