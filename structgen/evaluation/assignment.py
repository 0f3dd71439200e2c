"""Which items of two lists belong together: the assignment problem, solved exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_INFINITE: Final = float("inf")


def best_assignment(weights: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Pair rows with columns so that the sum of the pairs' weights is as large as it can be.

    The Hungarian method (Kuhn 1955) by shortest augmenting paths with potentials (Jonker and
    Volgenant 1987): O(n² m) for n rows and m columns, n being the fewer.

    Args:
        weights: A weight of at least 0 for each row and column.

    Returns:
        The pairs (row, column) in the order of rows; those of weight 0 are left out.
    """
    if not weights or not weights[0]:
        return []
    if len(weights) > len(weights[0]):
        turned = best_assignment([list(column) for column in zip(*weights, strict=True)])
        return sorted((row, column) for column, row in turned)
    owners = _owners([[-weight for weight in row] for row in weights])
    pairs = [(row, column) for column, row in enumerate(owners) if row is not None]
    return sorted((row, column) for row, column in pairs if weights[row][column] > 0)


def _owners(costs: list[list[float]]) -> list[int | None]:
    """The row of each column in the cheapest assignment of all rows.

    There are no fewer columns than rows.
    """
    columns = len(costs[0])
    row_potential = [0.0] * len(costs)
    column_potential = [0.0] * (columns + 1)
    owner: list[int | None] = [None] * (columns + 1)  # the last one is the root of each search
    for row in range(len(costs)):
        owner[columns] = row
        column = columns
        shortest = [_INFINITE] * columns
        before = [columns] * columns
        visited = [False] * (columns + 1)
        while (at := owner[column]) is not None:
            visited[column] = True
            delta, nearest = _INFINITE, columns
            for other in range(columns):
                if visited[other]:
                    continue
                reduced = costs[at][other] - row_potential[at] - column_potential[other]
                if reduced < shortest[other]:
                    shortest[other], before[other] = reduced, column
                if shortest[other] < delta:
                    delta, nearest = shortest[other], other
            for other in range(columns + 1):
                if visited[other]:
                    row_potential[owner[other]] += delta  # type: ignore[index]  # visited: owned
                    column_potential[other] -= delta
                elif other < columns:
                    shortest[other] -= delta
            column = nearest
        while column != columns:
            owner[column] = owner[before[column]]
            column = before[column]
    return owner[:columns]


def best_alignment(weights: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Pair rows with columns as `best_assignment`, but without crossing: order is kept.

    Global alignment by dynamic programming (Needleman and Wunsch 1970) with gaps that cost nothing.

    Args:
        weights: A weight of at least 0 for each row and column.
    """
    rows, columns = len(weights), len(weights[0]) if weights else 0
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for row in range(rows):
        for column in range(columns):
            paired = best[row][column] + weights[row][column]
            best[row + 1][column + 1] = max(paired, best[row][column + 1], best[row + 1][column])
    pairs = []
    row, column = rows, columns
    while row and column:
        if best[row][column] == best[row - 1][column]:
            row -= 1
        elif best[row][column] == best[row][column - 1]:
            column -= 1
        else:
            row, column = row - 1, column - 1
            pairs.append((row, column))
    return pairs[::-1]
