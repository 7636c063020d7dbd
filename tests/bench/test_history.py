"""What the study of claims compares."""

from bench.studies.history import ClaimCost, Past, slowdown


def cost(past: Past, p50: float) -> ClaimCost:
    return ClaimCost(past, 0.0, 150, p50, 9.0, 9.0, 9.0)


def test_a_claim_beside_the_most_finished_rows_is_compared_with_one_beside_nothing() -> None:
    costs = [
        cost(Past(deferred=100), 50.0),
        cost(Past(finished=5_000), 6.0),
        cost(Past(), 4.0),
        cost(Past(finished=1_000), 1.0),
    ]
    assert slowdown(costs) == 1.5
