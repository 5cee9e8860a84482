"""What moves in a warehouse, as the ERP should post it."""

from dataclasses import dataclass, field

from ingestion.simulator.line import Line


@dataclass(frozen=True, slots=True)
class Movement:
    """One warehouse movement as the ERP should post it."""

    code: str
    occurred: float
    produced: float
    entered: float
    message: str
    reference: str
    quantity: int
    status: str
    location: str
    disposition: str | None
    serial: str | None
    lot: str | None

    @property
    def interface(self) -> str:
        """Name of the interface that carries it."""
        return "GOODS_RECEIPT" if self.code == "E01" else "STOCK_STATUS"


@dataclass(slots=True)
class Sum:
    """A posting of several lines in the making: its number, when it is entered, its parts."""

    document: str
    entered: float
    parts: list[tuple[Line, Movement]] = field(default_factory=list)
