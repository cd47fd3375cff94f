"""`masar eval ltv` reads customers or transactions, says what it found, and names what it cannot read."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from adapters.lifetime_value.simulate import simulate
from api.cli.main import app
from domain.lifetime_value.model import FrequencyModel, ValueModel

RUN = CliRunner()


def customers(path: Path, count: int) -> Path:
    chance = np.random.default_rng(2)
    ages = chance.uniform(100, 400, count).round(2)
    rows = simulate(FrequencyModel("mbg", 0.8, 60, 0.9, 2), ValueModel(6, 4, 500), ages, chance)
    lines = [
        f"{int(x)},{t},{age},{m}"
        for x, t, age, m in zip(*(rows.frequency, rows.recency, rows.age, rows.value), strict=True)
    ]
    path.write_text("Frequency,RECENCY,t,Monetary_Value\n" + "\n".join(lines) + "\n")
    return path


def test_parameters_of_both_ways_and_a_backtest_are_printed(tmp_path: Path) -> None:
    said = RUN.invoke(app, ["eval", "ltv", "--data", str(customers(tmp_path / "c.csv", 600)), "--json"])
    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)
    assert found["customers"] == 600
    assert found["mle"]["log_likelihood"] >= found["map"]["log_likelihood"]
    assert found["mle"]["gamma_gamma"]["log_likelihood"] >= found["map"]["gamma_gamma"]["log_likelihood"]
    assert 0.7 < found["backtest"]["ratio"] < 1.4
    page = RUN.invoke(app, ["eval", "ltv", "--data", str(tmp_path / "c.csv")]).stdout
    assert "MBG/NBD" in page
    assert "bookings of other customers" in page


def test_transactions_give_a_holdout_in_time(tmp_path: Path) -> None:
    lines = [
        f"c{n},2025-0{month}-{1 + n % 28:02},{100 + n}" for n in range(200) for month in range(1, 10) if n % month == 0
    ]
    path = tmp_path / "t.csv"
    path.write_text("customer_id,date,value\n" + "\n".join(lines))
    said = RUN.invoke(app, ["eval", "ltv", "--transactions", str(path), "--horizon", "60", "--json"])
    assert said.exit_code == 0, said.output
    assert json.loads(said.stdout)["backtest"]["how"] == "later bookings of the same customers"


def test_too_few_customers_are_said_and_end_with_3(tmp_path: Path) -> None:
    said = RUN.invoke(app, ["eval", "ltv", "--data", str(customers(tmp_path / "c.csv", 100))])
    assert said.exit_code == 3
    assert "NOT ENOUGH DATA" in said.stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("frequency,recency,T\n1,2,3\n", "needs exactly one column monetary_value"),
        ("frequency,recency,T,monetary_value\n0,0,3,0\n1,x,3,5\n", "row 3, column recency: must be a number"),
        ("frequency,recency,T,monetary_value\n1,5,3,5\n", "row 2: recency must be between 0 and T"),
        ("frequency,recency,T,monetary_value\n1.5,2,3,5\n", "row 2, column frequency: must be a whole number"),
        ("frequency,recency,T,monetary_value\n1,2,nan,5\n", "row 2, column T: must be finite"),
        ("frequency,recency,T,monetary_value\n1,2,3,1e13\n", "row 2, column monetary_value: must not exceed 10^12"),
        ("frequency,recency,T,monetary_value\n1,2\n", "row 2: 2 columns, the header has 4"),
        ("frequency,recency,T,monetary_value\n", "no customers"),
        ("", "needs exactly one column frequency"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "c.csv"
    path.write_text(text)
    said = RUN.invoke(app, ["eval", "ltv", "--data", str(path)])
    assert said.exit_code == 2
    assert says in " ".join(said.stderr.split())


def test_a_missing_file_and_two_sources_are_refused(tmp_path: Path) -> None:
    assert RUN.invoke(app, ["eval", "ltv", "--data", str(tmp_path / "none.csv")]).exit_code == 2
    assert RUN.invoke(app, ["eval", "ltv"]).exit_code == 2
