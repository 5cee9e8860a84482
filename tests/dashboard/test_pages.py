"""Every page in every state of a home, run by Streamlit's own test runner."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.launch import APP
from ingestion.intake import ingest
from mining import METRICS, kpis, load

SLICED = ["overview", "process_map", "bottlenecks", "conformance"]
PAGES = [*SLICED, "reconciliation"]


def page_of(name, home, **query):
    def script(name):
        import importlib

        importlib.import_module(f"dashboard.views.{name}").show()

    app = AppTest.from_function(script, default_timeout=60, kwargs={"name": name})
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


@pytest.fixture
def home(small_home, monkeypatch):
    monkeypatch.setenv("RETRACE_HOME", str(small_home))
    return small_home


@pytest.fixture
def tiny_home(settings, tmp_path, monkeypatch):
    log = tmp_path / "log.csv"
    log.write_text(
        "case,step,when\n"
        "NA,ask,2026-01-01T10:00\nNA,<b>pay</b>,2026-01-02T10:00\n"
        "2,ask,2026-01-01T11:00\n2,ask,2026-01-01T11:00\n"
    )
    ingest(settings, [log], case="case", activity="step", time="when")
    monkeypatch.setenv("RETRACE_HOME", str(settings.home))
    return settings.home


@pytest.mark.parametrize("name", PAGES)
def test_an_empty_home_is_explained_with_the_command_to_run(name, tmp_path, monkeypatch):
    monkeypatch.setenv("RETRACE_HOME", str(tmp_path / "none"))
    app = page_of(name, tmp_path)
    assert not app.exception
    assert any("no events in this home" in text.value for text in app.markdown)
    assert any("retrace demo" in code.value for code in app.code)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", PAGES)
def test_a_home_with_returns_is_shown(name, home):
    app = page_of(name, home)
    assert not app.exception and not app.error
    assert any("As of" in caption.value for caption in app.caption)


@pytest.mark.parametrize("name", PAGES)
def test_a_tiny_log_that_is_no_returns_log_is_shown_too(name, tiny_home):
    app = page_of(name, tiny_home)
    assert not app.exception and not app.error


@pytest.mark.parametrize("name", SLICED)
def test_filters_come_from_the_address(name, home):
    site = "DC1"
    app = page_of(name, home, site=site, period="Last 4 weeks")
    assert not app.exception
    assert app.selectbox(key="site").value == site
    assert any(caption.value.startswith(site) for caption in app.caption)


@pytest.mark.parametrize("name", PAGES)
def test_nonsense_in_the_address_is_ignored(name, home):
    app = page_of(
        name, home, site="Atlantis", period="Never", show="?", activities="-4", at="x", kpi="y"
    )
    assert not app.exception
    assert app.selectbox(key="site").value == "All sites"


@pytest.mark.parametrize("name", SLICED)
def test_a_slice_without_cases_says_so(name, home):
    app = page_of(name, home, period="Custom")
    last = app.date_input(key="days").value[1]  # arrivals end four weeks before the log does
    app.date_input(key="days").set_value((last, last)).run()
    assert not app.exception
    assert any("in this slice" in info.value for info in app.info)


def test_the_overview_shows_every_headline_indicator_and_balanced_counters(home):
    given = json.dumps(
        [element.proto.json for element in page_of("overview", home).get("bidi_component")]
    )
    for label in ("Return cycle time", "Request to credit", "Posting lag", "Write-off share"):
        assert label in given
    assert "The counters balance" in given


def test_the_overview_shows_the_whole_registry_with_bands_and_who_is_late(home):
    app = page_of("overview", home)
    given = json.dumps([element.proto.json for element in app.get("bidi_component")])
    rows = kpis(load(home)).frame
    measured = set(rows.loc[rows["n"] > 0, "id"])
    assert len(measured) > 0.9 * len(METRICS)
    assert measured == {
        metric.id for metric in METRICS if f'"{metric.id}' in given.replace("\\", "")
    }
    assert "(95 %)" in given
    late = kpis(load(home), only=("touches",)).warnings
    if late:
        assert f"{len(late)} source" in given


def test_a_kpi_below_the_headline_can_be_picked_by_link(home):
    app = page_of("overview", home, kpi="dwell_dock")
    assert any("Dwell at the dock by week opened" in heading.value for heading in app.subheader)


def test_the_map_switches_measure_and_detail(home):
    app = page_of("process_map", home)
    app.slider(key="activities").set_value(5).run()
    assert not app.exception
    app.slider(key="paths").set_value(100).run()
    assert not app.exception
    app.get_by_key("show").set_value("p90").run()
    assert not app.exception
    assert any("activities hidden" in caption.value for caption in app.caption)


def test_a_selected_path_shows_its_cases_and_its_download(home):
    app = page_of("process_map", home, at="Arrive -> Receive")
    assert any("Arrive" in text.value for text in app.markdown)
    app.toggle(key="cases").set_value(True).run()
    assert not app.exception
    assert list(app.dataframe[0].value.columns) == ["case", "wait_hours", "case_days"]
    assert any("Download" in button.label for button in app.get("download_button"))


@pytest.mark.parametrize("at", ["Receive", "Start -> Request return", "Close return -> End"])
def test_an_activity_and_both_ends_can_be_selected(home, at):
    app = page_of("process_map", home, at=at)
    app.toggle(key="cases").set_value(True).run()
    assert not app.exception
    assert len(app.dataframe[0].value) > 0


def test_the_front_door_opens_on_the_overview(home):
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not app.exception
    assert app.title[0].value == "Overview"


def test_without_a_promoted_model_the_advice_page_says_how_to_get_one(home):
    app = page_of("advice", home)
    assert not app.exception
    assert any("retrace promote" in code.value for code in app.code)


@pytest.mark.slow
def test_the_advice_page_asks_the_scorer_and_shows_how_good_it_is(trained_home, monkeypatch):
    monkeypatch.setenv("RETRACE_HOME", str(trained_home))
    app = page_of("advice", trained_home)
    assert not app.exception
    app.text_area[0].set_value("arrived wet and mouldy")
    app.get("form_submit_button")
    app.button[0].click().run()
    assert not app.exception
    given = [element.proto.json for element in app.get("bidi_component")]
    assert any("Where it should go" in text or "Why it comes back" in text for text in given)
    assert any("promised 90 %" in text for text in given)


def test_a_rule_can_be_picked_by_link_and_its_lines_downloaded(home):
    app = page_of("conformance", home, rule="C32")
    assert app.subheader[1].value == "Lines that break C32"
    assert list(app.dataframe[0].value.columns) == ["case", "site", "opened", "stake"]
    assert any("with evidence" in button.label for button in app.get("download_button"))


def test_breaks_are_told_in_sentences_and_can_be_downloaded(home):
    app = page_of("reconciliation", home, site="DC5")
    assert not app.exception
    assert app.selectbox(key="site").value == "DC5"
    given = [element.proto.json for element in app.get("bidi_component")]
    assert any("days old" in text for text in given)
    assert any("breaks (CSV)" in button.label for button in app.get("download_button"))


@pytest.fixture
def recorded(home, tmp_path, monkeypatch):
    """A break of the home whose life has been recorded and handed over."""
    from datetime import UTC, datetime

    from ingestion.database import engine
    from ingestion.settings import Settings
    from mining import reconcile
    from mining.reconciliation.life import BreakLog

    monkeypatch.setenv("RETRACE_DATABASE_URL", f"sqlite:///{tmp_path / 'own.db'}")
    opened = engine(Settings.load(home))
    log, found = BreakLog(opened), reconcile(home)
    now = datetime(2026, 8, 1, tzinfo=UTC)
    log.record(found, at=now)
    one = max(found.of_type("B01"), key=lambda one: one.value_at_risk)
    log.act(one.break_id, "assigned", by="ann", why="hers", at=now, assignee="bob")
    opened.dispose()
    return one


def test_one_break_is_told_with_its_life_and_what_can_be_done(home, recorded):
    app = page_of("reconciliation", home, **{"break": "B01", "one": recorded.break_id})
    assert not app.exception
    [lines] = [code.value for code in app.code if "retrace breaks" in code.value]
    assert f"retrace breaks close {recorded.break_id} --why" in lines
    given = "".join(element.proto.json for element in app.get("bidi_component"))
    assert "bob" in given and "opened" in given and "hers" in given
    assert all(member in given for member in recorded.members)


def test_breaks_are_filtered_by_status_and_age(home, recorded):
    app = page_of("reconciliation", home, status="assigned")
    assert not app.exception
    given = "".join(element.proto.json for element in app.get("bidi_component"))
    assert recorded.break_id in given
    assert any("Download 1 breaks" in button.label for button in app.get("download_button"))
    other = page_of("reconciliation", home, status="corrected")
    assert not other.exception
    labels = [button.label for button in other.get("download_button")]
    assert not any("breaks" in label for label in labels)
