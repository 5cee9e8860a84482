"""The difference map under the process map."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.difference_reads import to_table
from mining import compare, directly_follows_graph, load


@pytest.fixture
def page(small_home, monkeypatch):
    monkeypatch.setenv("RETRACE_HOME", str(small_home))

    def script():
        from dashboard.views import process_map

        process_map.show()

    def run(**query):
        app = AppTest.from_function(script, default_timeout=60)
        for key, value in query.items():
            app.query_params[key] = value
        return app.run()

    return run


def test_nothing_is_compared_until_asked(page):
    app = page(site="DC4")
    assert not app.exception
    assert "all sites" in app.selectbox(key="against").options
    assert "site DC4" not in app.selectbox(key="against").options
    assert not [text for text in app.caption if "against" in text.value]


def test_a_site_against_another_lists_what_mining_says(page, small_home):
    app = page(site="DC4", against="site DC5")
    assert not app.exception
    [said] = [text.value for text in app.caption if ", against " in text.value]
    log = load(small_home)
    here, there = (directly_follows_graph(log, site=site) for site in ("DC4", "DC5"))
    assert f"{here.cases} cases" in said and f"{there.cases} cases" in said
    expected = to_table(compare(here, there))
    shown = next(frame.value for frame in app.dataframe if "p50_change" in frame.value)
    assert shown["change"].tolist() == expected["change"].tolist()
    assert shown["change"].abs().is_monotonic_decreasing
