from pathlib import Path

import pytest

from yunjin.estate import load
from yunjin.model.estate import Estate

TENANTS = Path(__file__).parents[3] / "tenants"


@pytest.fixture(scope="session")
def panjin() -> Estate:
    return load(TENANTS)
