"""Injected breaks must be found again, and little else."""

from collections import Counter

import pytest

from mining.reconciliation import reconcile_frames


def scored(found, faults):
    """Recall per injected type (secondary flags count), precision per type found, the table."""
    of_member = {}
    for one in found:
        for member in one.members:
            of_member.setdefault(member, []).append(one)
    injected, hit = Counter(), Counter()
    truth = {}
    for code, members in faults:
        injected[code] += 1
        near = [one for member in members for one in of_member.get(member, [])]
        hit[code] += any(code == one.type or code in one.secondary for one in near)
        for member in members:
            truth.setdefault(member, set()).add(code)
    made, right = Counter(), Counter()
    for one in found:
        made[one.type] += 1
        right[one.type] += any(one.type in truth.get(member, ()) for member in one.members)
    recall = {code: hit[code] / injected[code] for code in injected}
    precision = {code: right[code] / made[code] for code in made}
    rows = [
        f"{code} injected {injected[code]:5d} recall {recall.get(code, 1):.3f} "
        f"found {made[code]:5d} precision {precision.get(code, 1):.3f}"
        for code in sorted(injected | made)
    ]
    pooled = sum(hit.values()) / injected.total(), sum(right.values()) / made.total()
    return recall, precision, injected, pooled, "\n".join(rows)


def confusion(found, faults):
    """Share of TIMING and MISSING that were taken for the other."""
    truth = {members[0]: code for code, members in faults if code in ("B01", "B03")}
    told = {one.members[0]: one.type for one in found if one.type in ("B01", "B03")}
    wrong = sum(told.get(member) not in (None, code) for member, code in truth.items())
    return wrong / len(truth)


def check(found, faults):
    recall, precision, injected, pooled, table = scored(found, faults)
    print(table, f"\npooled recall {pooled[0]:.3f} precision {pooled[1]:.3f}")
    assert min(pooled) >= 0.93, table
    for code, count in injected.items():
        if count >= 20:
            assert recall[code] >= 0.85, table
            assert precision[code] >= 0.85, table
    assert confusion(found, faults) <= 0.05


def test_injected_breaks_are_found_again(trade):
    check(reconcile_frames(trade.left, trade.right, **trade.given), trade.faults)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3, 4])
@pytest.mark.parametrize("skus", [100, 1500])
def test_injected_breaks_are_found_again_whatever_the_draw(trade_of, seed, skus):
    trade = trade_of(20_000, seed=seed, skus=skus)
    check(reconcile_frames(trade.left, trade.right, **trade.given), trade.faults)
