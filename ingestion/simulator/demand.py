"""Who sends what back, and when: arrivals, return lags and the attributes of each line."""

from collections.abc import Iterator
from datetime import date, timedelta
from math import exp, log
from random import Random
from typing import Final

import numpy as np
import numpy.typing as npt

from ingestion.simulator import fraud, network, reasons
from ingestion.simulator.catalogue import Catalogue, Customer, Item
from ingestion.simulator.clock import DAY, HOUR, at_local, days_between
from ingestion.simulator.happenings import Happenings
from ingestion.simulator.line import Line
from ingestion.simulator.network import CARRIERS, SITES, Site
from ingestion.simulator.notes import customer_note
from ingestion.simulator.reasons import Weighted

_WEEKDAY_B2C: Final = (1.35, 1.15, 1.0, 0.95, 0.85, 0.4, 0.45)
_WEEKDAY_B2B: Final = (1.25, 1.2, 1.1, 1.05, 1.0, 0.1, 0.05)
B2B_RETURN_RATE: Final = 0.016
"""Share of shipped business lines that come back: of a real distributor's lines, 1.6 % are credits.

Shipments that stay are not simulated; the rate says how many the return lines stand for.
"""
_DISPERSION: Final = 8.0
_MONTHS: Final = (1.9, 1.35, 1.05, 0.92, 0.9, 0.9, 0.88, 0.88, 0.9, 0.92, 0.95, 1.15)

_CARRIER: Final = Weighted([(carrier, carrier.share) for carrier in CARRIERS])
_FAMILY: Final = {site.code: Weighted(site.families) for site in SITES}
_CHANNEL: Final = {
    "B2B": Weighted({"portal": 40.0, "edi180": 28.0, "email": 14.0, "phone": 10.0, "field": 8.0}),
    "B2C": Weighted({"portal": 82.0, "phone": 10.0, "email": 8.0}),
}
_POLICY: Final = {
    "B2B": Weighted(
        {"P1": 79.0, "P2": 4.0, "P4": 2.0, "P5": 1.5, "P6": 2.0, "P7": 1.0, "P10": 1.5}
    ),
    "B2C": Weighted({"P1": 88.0, "P2": 4.0, "P3": 4.0, "P4": 2.0, "P5": 2.0}),
}
_RESOLUTION: Final = {
    "B2B": Weighted({"credit": 84.0, "replace": 12.0, "repair": 4.0}),
    "B2C": Weighted({"refund": 78.0, "replace": 15.0, "store_credit": 7.0}),
}


def weekly_share(site: Site, day: date) -> float:
    """Relative demand of a site on a day: weekday and season, without chance."""
    b2b = site.b2b_share
    weekday = day.weekday()
    week = b2b * _WEEKDAY_B2B[weekday] / sum(_WEEKDAY_B2B)
    week += (1 - b2b) * _WEEKDAY_B2C[weekday] / sum(_WEEKDAY_B2C)
    month = _MONTHS[day.month - 1]
    season = 1 + (month - 1) * (1.15 - 0.5 * b2b)
    quarter_end = day.month % 3 == 0 and day.day >= 16
    spike = 1.45 if quarter_end and site.code == "DC4" else 1.0
    return site.share * week * season * spike


def daily_counts(
    rng: np.random.Generator, *, days: list[date], lines: int, exactly: bool = True
) -> npt.NDArray[np.int64]:
    """Lines by day and site: a gamma-mixed Poisson, given its total.

    Returns
    -------
    array of shape (n_days, n_sites)
    """
    shares = np.array([[weekly_share(site, day) for site in SITES] for day in days])
    mixed = shares * rng.gamma(_DISPERSION, 1 / _DISPERSION, shares.shape)
    if not exactly:
        lines = int(rng.poisson(lines))
    flat = rng.multinomial(lines, (mixed / mixed.sum()).ravel())
    return flat.reshape(shares.shape)


class Demand:
    """Draws the lines of one day after the other."""

    def __init__(
        self, catalogue: Catalogue, rng: np.random.Generator, *, happenings: Happenings
    ) -> None:
        self.catalogue = catalogue
        self._happenings = happenings
        self._friends = {
            site: catalogue.businesses[int(customer[1:]) - 1]
            for customer, (site, _) in fraud.COLLUSION.items()
        }
        self._abusers = [catalogue.consumers[k * 2999] for k in range(fraud.ABUSERS)]
        self._rng = rng
        self._rma = 0
        self._ghosts = 0
        self._orders: set[str] = set()

    def lines_of(self, day: date, counts: list[int], *, ghost: bool = False) -> list[Line]:
        """All lines requested on a day, by time.

        Parameters
        ----------
        counts : lines wanted at each site, in the order of ``SITES``
        """
        seeds = self._rng.integers(1 << 62, size=sum(counts) + len(counts))
        lines: list[Line] = []
        k = 0
        for site, count in zip(SITES, counts, strict=True):
            left = count
            while left > 0:
                rma = list(self._rma_lines(day, site, int(seeds[k]), left, ghost))
                k += 1
                left -= len(rma)
                lines.extend(rma)
        lines.sort(key=lambda line: (line.requested_at, line.rma, line.number))
        return lines

    def _rma_lines(
        self, day: date, site: Site, seed: int, most: int, ghost: bool
    ) -> Iterator[Line]:
        rng = Random(seed)
        b2b = rng.random() < site.b2b_share * 0.42 / (1 - 0.58 * site.b2b_share)
        segment = "B2B" if b2b else "B2C"
        draw = rng.random()
        who = self.catalogue.business_of(draw) if b2b else self.catalogue.consumer_of(draw)
        abuser = not b2b and rng.random() < fraud.ABUSER_SHARE
        if abuser:
            who = self._abusers[int(draw * fraud.ABUSERS)]
        friend = self._friends.get(site.code)
        if b2b and friend is not None and rng.random() < 0.012:
            who = friend
        size = min(_lines_in_rma(rng, b2b=b2b), most)
        blind = rng.random() < site.blind_share
        carrier = _CARRIER.at(rng.random())
        if b2b and rng.random() < 0.18:
            carrier = CARRIERS[-1]
        policy = "P8" if blind else _POLICY[segment].at(rng.random())
        self._rma += 1
        self._ghosts += ghost
        prefix = "G" if ghost else "BR" if blind else "R"
        rma = f"{prefix}{day:%y}{self._rma:07d}"
        opens, closes = (7.5, 18.0) if b2b else (6.0, 23.9)
        hour = min(max(rng.gauss(13.0, 3.6), opens), closes)
        moment = at_local(day, "00:00", site.zone) + hour * HOUR + rng.random() * 60
        tracking = f"{carrier.code[:2]}{seed % 10**10:010d}"
        for number in range(1, size + 1):
            line = self._line(
                Random(seed + number * 7919),
                site=site,
                who=who,
                segment=segment,
                rma=rma,
                number=number,
                size=size,
                policy=policy,
                carrier=carrier,
                tracking=tracking,
                moment=moment,
                ghost=ghost,
            )
            self._happenings.befall(line)
            if not ghost:
                line.scheme = fraud.scheme_of(line.rng, who=who, item=line.item, abuser=abuser)
            if line.scheme is not None:
                fraud.disguise(line)
            yield line

    def _order(self, delivered: float, number: int) -> str:
        """An order of that day under a number of its own."""
        while (order := f"O{int(delivered // DAY)}{number:06d}") in self._orders:
            number = (number + 1) % 10**6
        self._orders.add(order)
        return order

    def _line(
        self,
        rng: Random,
        *,
        site: Site,
        who: Customer,
        segment: str,
        rma: str,
        number: int,
        size: int,
        policy: str,
        carrier: network.Carrier,
        tracking: str,
        moment: float,
        ghost: bool,
    ) -> Line:
        item = self.catalogue.item_of(_FAMILY[site.code].at(rng.random()), rng.random())
        mix = site.code if segment == "B2B" and site.legacy else segment
        reason = reasons.true_reason(rng, mix=mix, item=item)
        condition, grade = reasons.true_condition(rng, reason=reason, item=item)
        vague = 0.36 if site.code == "DC4" else 0.18
        declared = reasons.declared_reason(rng, reason, missing=site.missing_reason, vague=vague)
        if reason.startswith("COMMERCIAL") and policy not in ("P8", "P10"):
            policy = "P9"
        quantity, uom = _quantity(rng, item=item, segment=segment, reason=reason)
        lag = return_lag_days(rng, reason=reason, segment=segment, item=item)
        delivered = moment - lag * DAY
        discount = 1.0 if segment == "B2C" else 0.84 + 0.14 * rng.random()
        no_order = policy == "P8" and rng.random() < 0.5
        return Line(
            rma=rma,
            number=number,
            site=site,
            item=item,
            customer=who,
            channel="blind" if policy == "P8" else _CHANNEL[segment].at(rng.random()),
            policy=policy,
            carrier=carrier,
            tracking=tracking,
            requested_at=moment,
            quantity=quantity,
            uom=uom,
            pack=item.pack,
            unit_price=round(item.price * discount, 2),
            reason=reason,
            condition=condition,
            grade=grade,
            declared=declared,
            customer_note="" if ghost else customer_note(rng, declared or reason, item),
            order_id=None if no_order else self._order(delivered, rng.randrange(10**6)),
            order_line=number,
            shipped_at=delivered - (1 + 3 * rng.random()) * DAY,
            delivered_at=delivered,
            resolution=_RESOLUTION[segment].at(rng.random()),
            rng=rng,
            ghost=ghost,
            of_rma=size,
            serial=f"S{item.sku[-5:]}{rng.randrange(10**8):08d}" if item.serialised else None,
            lot=f"L{rng.randrange(10**5):05d}" if item.lot else None,
        )


def _lines_in_rma(rng: Random, *, b2b: bool) -> int:
    if not b2b:
        size = 1
        while size < 8 and rng.random() < 0.23:
            size += 1
        return size
    mean = rng.gammavariate(0.9, 4.0 / 0.9)
    return 1 + min(_poisson(rng, mean), 59)


def _poisson(rng: Random, mean: float) -> int:
    limit, product, count = exp(-min(mean, 50.0)), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def _quantity(rng: Random, *, item: Item, segment: str, reason: str) -> tuple[int, str]:
    if item.serialised:
        return 1, "EA"
    if segment == "B2B" and item.pack > 1 and rng.random() < 0.25:
        return item.pack * (1 + int(rng.expovariate(1.2))), "CS"
    stay = 0.42 if segment == "B2B" else 0.12
    if reason.startswith("COMMERCIAL"):
        stay = 0.75
    quantity = 1
    while quantity < 40 and rng.random() < stay:
        quantity += 1
    return quantity, "EA"


def return_lag_days(rng: Random, *, reason: str, segment: str, item: Item) -> float:
    """Days from delivery to request, given that the line comes back at all."""
    if reason in ("TRANSIT.REFUSED", "TRANSIT.UNDELIVERABLE"):
        return 2 + 4 * rng.random()
    if reason == "QUALITY.DEFECTIVE" and item.family.warranty_months:
        limit = item.family.warranty_months * 30.0
        for _ in range(20):
            days = rng.weibullvariate(220.0, 1.1)
            if days < limit:
                return max(days, 1.0)
        return limit / 2
    if reason.startswith(("QUALITY", "FULFIL", "TRANSIT")):
        return min(rng.lognormvariate(log(5.0), 0.7), 60.0)
    if segment == "B2B":
        return min(rng.lognormvariate(log(21.0), 0.9), 180.0)
    return min(rng.lognormvariate(log(9.0), 0.8), 60.0)


def window_days(first: date, last: date) -> list[date]:
    """Every day from ``first`` to ``last``, both included."""
    return list(days_between(first, last + timedelta(days=1)))
