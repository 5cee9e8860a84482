"""How the dashboard is started and what keeps its folder safe."""

import sys

from dashboard import launch

SETTINGS = {
    "--client.disableDataExport=true",
    "--browser.gatherUsageStats=false",
    "--server.headless=true",
}


def test_the_command_carries_the_settings_the_port_and_the_home(settings):
    command = launch.command(settings, 8599)
    assert set(command) >= SETTINGS
    assert "--server.port=8599" in command
    assert command[-3:] == ["--", "--home", str(settings.home)]


def test_it_listens_to_this_machine_only_unless_told_otherwise(settings):
    assert "--server.address=127.0.0.1" in launch.command(settings)
    assert "--server.address=0.0.0.0" in launch.command(settings, host="0.0.0.0")


def test_no_file_of_the_dashboard_hides_a_layer_or_a_stdlib_module():
    folder = launch.APP.parent
    names = {path.stem for path in folder.iterdir() if path.suffix in {"", ".py"}}
    layers = {"ingestion", "mining", "models", "scoring_api", "retrace", "tests"}
    assert not names & (layers | set(sys.stdlib_module_names) | {"pages"})
