"""Read a query over the lake into a frame."""

import duckdb
import pandas as pd


def read_frame(con: duckdb.DuckDBPyConnection, query: str) -> pd.DataFrame:
    """Result of a query, through Arrow: exact types, missing values as missing."""
    frame: pd.DataFrame = con.sql(query).to_arrow_table().to_pandas()
    return frame
