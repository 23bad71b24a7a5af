"""Data that others fitted and published numbers of; each file's source is where it is read.

`speed.csv`: 439 response times of depmixS4's data set `speed`, log milliseconds (Dutilh, Wagenmakers, Visser & van der Maas 2011).

`carcinoma.csv`: whether (2) or not (1) each of seven pathologists, A to G, saw carcinoma on 118 slides
(Agresti 2002, table 13.1; poLCA's data set).

`betablocker.csv`: deaths among the patients of 22 centres under control and treatment (Yusuf, Peto, Lewis, Collins & Sleight 1985, Progress in
Cardiovascular Diseases 27; flexmix's data set).

`patent.csv`: patents of 70 firms, their spending on research by sales (RDS) and its logarithm (lgRD) (Wang, Cockburn & Puterman 1998, Journal of
Statistical Planning and Inference 69; flexmix's data set).

`hlme.csv`: 326 simulated visits of 100 persons, lcmm's data set `data_hlme` (Proust-Lima, Philipps & Liquet 2017, Journal of
Statistical Software 78(2)).
"""

from pathlib import Path

import numpy as np


def column(name: str) -> np.ndarray:
    """The only column of a file."""
    return np.loadtxt(Path(__file__).parent / f"{name}.csv", skiprows=1)
