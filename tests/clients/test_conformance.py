"""Every client's cache answers every scenario as it should."""

import pytest

from players import Player, scenarios, spelled_out


@pytest.fixture(scope="module")
def player(programs):
    player = Player(programs.conformance)
    yield player
    player.stop()


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario["name"])
def test_scenario(player, scenario):
    for number, (command, expected) in enumerate(scenario["steps"]):
        assert player.plays(spelled_out(command)) == spelled_out(expected), f"step {number}: {command}"
