"""Information criteria: -2 log L and a penalty for each free parameter; smaller is better."""

from dataclasses import dataclass

import numpy as np

from mixtures.errors import ModelError

ONE_ROW = 1.0 + 1e-9
"""Row weights that sum to this or less do not count rows."""


@dataclass(frozen=True)
class Criteria:
    """What the criteria of a fit are made of.

    Args:
        log_likelihood: log p(x | parameters), assignments summed out.
        classification_log_likelihood: log p(x, z | parameters) at the most probable assignments z.
        free_parameters: their number.
        sample_size: n: how many rows there are, a row of weight 2 being two, and one with everything missing none.
        rows: how many rows the data have.
    """

    log_likelihood: float
    classification_log_likelihood: float
    free_parameters: int
    sample_size: float
    rows: int

    @property
    def aic(self) -> float:
        """Akaike (1974): -2 log L + 2 df."""
        return self._penalised(self.log_likelihood, 2.0)

    @property
    def bic(self) -> float:
        """Schwarz (1978): -2 log L + df log n (mclust reports its negative)."""
        return self._penalised(self.log_likelihood, float(np.log(self.sample_size)))

    @property
    def sabic(self) -> float:
        """Sclove (1987), adjusted for the sample size: -2 log L + df log((n + 2) / 24)."""
        return self._penalised(self.log_likelihood, float(np.log((self.sample_size + 2) / 24)))

    @property
    def caic(self) -> float:
        """Bozdogan (1987), consistent AIC: -2 log L + df (log n + 1)."""
        return self._penalised(self.log_likelihood, float(np.log(self.sample_size)) + 1)

    @property
    def icl(self) -> float:
        """Biernacki, Celeux & Govaert (2000): -2 log p(x, z) + df log n."""
        return self._penalised(self.classification_log_likelihood, float(np.log(self.sample_size)))

    def _penalised(self, log_likelihood: float, of_parameter: float) -> float:
        """-2 log L and a penalty for each free parameter.

        Raises:
            ModelError: row weights that sum to 1 or less do not count rows, and log L is no sum over them.
        """
        if self.sample_size <= ONE_ROW and self.rows > 1:
            raise ModelError(
                "row_weights",
                got=f"weights that sum to {self.sample_size:.4g} for {self.rows} rows",
                expected="weights that count rows: the log likelihood is a sum over rows, and n their number",
                advice=f"For criteria, fit with weights times the number of rows that they stand for, {self.rows} say.",
            )
        return -2 * log_likelihood + self.free_parameters * of_parameter
