"""Postings summed over lines, as the load of one end-of-day site makes them.

What one file moves of a SKU from the returns hold to the same status and place becomes one posting,
which names no return. A transfer alone of its kind keeps the name of its line.
"""

from ingestion.simulator.clock import local_day
from ingestion.simulator.line import Line
from ingestion.simulator.movement import Movement, Sum
from ingestion.simulator.network import SUMMING_SITE
from ingestion.simulator.world import World


def summed(world: World, line: Line, movement: Movement) -> bool:
    """Whether the load adds this movement to its like; serials are named, and a file that is
    loaded twice or during an outage is keyed line by line."""
    site = line.site
    if site.code != SUMMING_SITE or movement.code != "E02" or movement.serial is not None:
        return False
    file = world.calamities.file_day(site, local_day(movement.occurred, site.zone))
    return not file.posted_twice and world.calamities.outage_end(site, movement.produced) is None


def add_up(world: World, line: Line, movement: Movement) -> Sum:
    """Put a movement with its like of the same file; the sum is posted by ``post_sums``."""
    key = (
        *(movement.produced, movement.status, movement.location, movement.disposition),
        *(line.item.sku, movement.lot),
    )
    found = world.sums.get(key)
    if found is None:
        found = world.sums[key] = Sum(world.document("49"), movement.entered)
    found.parts.append((line, movement))
    return found


def post_sums(world: World) -> None:
    """Post what the day's files moved: after the last movement of the day, before the load."""
    for one in world.sums.values():
        (line, movement), *others = one.parts
        said = {"document": one.document, "at": one.entered}
        if others:
            quantity = sum(part.quantity for _, part in one.parts)
            said |= {"qty": quantity, "amount": quantity * line.item.cost, "rma": "", "item": ""}
        world.post(line, movement, **said)
        for other, part in others:
            world.post(other, part, part=True, **said)
    world.sums.clear()
