"""How a reader deep inside a resource says that it cannot be used."""

from service.fhir.incoming import Problem, Unusable


class Defect(Exception):
    """Something unusable, with the place relative to whoever catches it. It never leaves this package."""

    def __init__(self, reason: str, detail: str, where: str = "", *, quarantined: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.where = where
        self.quarantined = quarantined

    def place(self, path: str) -> str:
        """The full FHIRPath, `path` being where the catcher stands."""
        return f"{path}.{self.where}" if self.where else path

    def problem(self, path: str) -> Problem:
        """As part of a resource that is otherwise usable."""
        return Problem(self.reason, self.place(path), self.detail, self.quarantined)

    def unusable(self, path: str) -> Unusable:
        """As the reason why the whole resource is unusable."""
        return Unusable(self.reason, self.place(path), self.detail)
