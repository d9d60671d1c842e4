"""What a step says: its line for results made up, and commands that can all be given."""

import shlex

import pytest

from disciplined.command_line import settings
from disciplined.training.config import compose
from disciplined.training.planning import plan
from disciplined.tuning.checklist import facts, options, steps, telling
from disciplined.tuning.checklist.commands import After
from disciplined.tuning.checklist.conclusions import Arm, Size, choice
from disciplined.tuning.checklist.options import Options
from disciplined.tuning.checklist.telling import Told
from disciplined.tuning.reading import Curve, readings, suggested

ASKED = [
    *("model=resnet56", "dataset=digits", "schedule.base_lr=0.05", "schedule.max_lr=0.5"),
    *("duration=40it", "evaluate_every=2it", "evaluation.images=50", "force=true"),
]


def arm(value: float, *losses: float, diverged: int = 0) -> Arm:
    found = {"lowest_val_loss": losses, "final_val_accuracy": (0.5,) * len(losses)}
    return Arm(value, found if losses else {}, diverged)


def after(step: str, *overrides: str, **asked) -> After:
    return After(Options(step=step, seeds=3, **asked), list(overrides or ASKED))


def told(step: str, arms: list[Arm], **asked) -> Told:
    from_ = after(step, **asked)
    if step == "sensitivity":
        return telling.sensitivity(arms, choice(arms), from_, 10)[0]
    tell = {"momentum": telling.momentum, "weight_decay": telling.weight_decay}[step]
    return tell(arms, choice(arms), from_)


def parsed(command: str) -> list[str]:
    """Give a command as far as its plan; its arguments."""
    python, script, *arguments = shlex.split(command)
    assert python == "python"
    if script == "train.py":
        plan(compose(arguments))
        return arguments
    assert script == "scripts/tune.py"
    own = [a for a in arguments if a.partition("=")[0] in vars(Options())]
    overrides = [a for a in arguments if a not in own]
    chosen = settings(Options, own)
    options.check(chosen, overrides)
    known = facts.of(compose([*steps.groups(chosen, overrides), *overrides]), overrides)
    for one in steps.planned(chosen, overrides, known)[-1][:1]:
        plan(compose(list(one.overrides)))
    return arguments


GOOD = [arm(0.9, 0.6, 0.61, 0.62), arm(0.95, 0.5, 0.51, 0.52), arm(0.97, 0.51, 0.5, 0.53)]


def test_the_line_of_a_value_told_from_others():
    line = told("momentum", [*GOOD, arm(0.99, diverged=3)]).line
    assert line.startswith(
        "momentum 0.95: lowest validation loss 0.5100 ± 0.0100 over 3 seeds, beyond the noise "
        "better than 0.9, not than 0.97 (less than "
    )
    assert line.endswith("% higher would not have been seen); 0.99 diverged")


def test_the_line_where_nothing_is_told_apart():
    noisy = [arm(v, 0.5 + d, 0.6, 0.7 - d) for v, d in ((0.9, 0.02), (0.95, 0.0), (0.97, 0.01))]
    line = told("momentum", noisy).line
    assert "no difference beyond the noise between 0.9, 0.95 and 0.97 over 3 seeds" in line
    assert told("momentum", noisy).warnings == ()


def test_the_line_of_one_seed_and_of_none():
    assert told("momentum", [arm(0.9, 0.5), arm(0.95, 0.6)]).line == (
        "momentum 0.9: lowest validation loss 0.5000; one seed, so how sure cannot be said "
        "(seeds=3)"
    )
    lost = told("weight_decay", [arm(1, diverged=1)])
    assert lost.line == "weight decay: nothing can be said, every value diverged; try smaller rates"
    assert told("weight_decay", [arm(1)]).line.endswith("no run of it is done")


@pytest.mark.parametrize(
    ("step", "arms", "beyond"),
    [
        ("momentum", GOOD[1:], "values=0.85,0.9,0.95"),
        ("momentum", GOOD[:2], "values=0.95,0.975"),
        ("weight_decay", [arm(1e-4, 0.1, 0.11), arm(1e-3, 0.5, 0.51)], "values=1e-06,1e-05,0.0001"),
        ("sensitivity", [arm(0.1, 0.5, 0.51), arm(1, 0.1, 0.11)], "values=1,10"),
    ],
)
def test_the_edge_warns_with_the_values_beyond(step: str, arms: list[Arm], beyond: str):
    if step == "momentum" and beyond.endswith("0.95"):
        arms = [arms[0], arm(0.97, 0.9, 0.91, 0.92)]
    (warning,) = told(step, arms, jobs=2).warnings
    arguments = shlex.split(warning.partition("beyond: ")[2])
    assert {f"step={step}", beyond, "seeds=3", "jobs=2", "duration=40it"} < set(arguments)


def test_every_command_can_be_given():
    asked = {
        "momentum": told("momentum", GOOD),
        "sensitivity": told("sensitivity", [arm(0.1, 0.5, 0.51), arm(1, 0.7, 0.72)]),
        "weight_decay": told("weight_decay", [arm(1e-4, 0.5, 0.51), arm(1e-3, 0.4, 0.41)]),
        "batch": telling.batch([Size(32, (90.0,)), Size(64, (95.0,))], after("batch", *ASKED[:2])),
    }
    for step, said in asked.items():
        assert len(said.commands) >= 2, step
        for what, command in said.commands:
            if step == "sensitivity":  # asked of a command that has bounds of no use to it
                command = command.replace("schedule.base_lr=0.05 ", "")
            arguments = parsed(command)
            assert "force=true" not in arguments
            if "train.py" in command:
                assert "duration=40it" not in arguments, what


def test_the_papers_advice_for_the_swing():
    commands = dict(told("momentum", GOOD).commands)
    swing = parsed(commands["cyclical, down to 0.85 or 0.8 (the paper's advice)"])
    assert swing[-3:] == [
        "momentum=cyclical",
        "momentum.at_base_lr=0.95",
        "momentum.at_max_lr=0.85",
    ]
    assert {"schedule=onecycle", "schedule.base_lr=0.05", "schedule.max_lr=0.5"} < set(swing)
    assert parsed(commands["next"])[:2] == ["step=weight_decay", "seeds=3"]


def test_whole_runs_stay_whole_when_the_exponent_is_bisected():
    arms = [arm(1e-4, 0.5, 0.51), arm(1e-3, 0.4, 0.41), arm(1e-2, 0.6, 0.61)]
    finer = dict(told("weight_decay", arms, snapshot=False).commands)["the exponent bisected"]
    assert {"snapshot=false", "values=0.0003,0.001,0.003"} < set(parsed(finer))


def test_rates_read_off_and_how_sure():
    """A made-up test that diverges at 1 in both seeds."""
    x = [0.01 * 10 ** (i / 20) for i in range(40)]
    y = [0.1 + 0.8 * min(1.0, i / 30) for i in range(40)]
    curves = [Curve(x, val_accuracy=y, diverged_at=at, shape="exponential") for at in (1.0, 1.2)]
    read = readings(curves)
    said = telling.rates(read, suggested(read), after("lr", *ASKED[:2]))
    assert said.line.startswith("learning rate: cycle from 0.055 to 0.55; diverges over the seeds")
    assert "1 to 1.2 (2 of 2)" in said.line
    for _, command in said.commands:
        assert "schedule.max_lr=0.55" in parsed(command)


def test_a_test_that_diverged_too_soon_gives_the_command_of_the_next():
    read = readings([Curve([0.03 * i for i in range(1, 7)], [2.3] * 6, diverged_at=0.2)])
    said = telling.rates(read, suggested(read), after("lr", *ASKED[:2], shape="linear"))
    assert "diverged at 0.2 after 6 points" in said.line and "high=0.2" in said.line
    ((_, command),) = said.commands
    assert parsed(command)[0] == "step=lr"
    assert {"shape=linear", "high=0.2"} <= set(parsed(command))


def test_a_test_that_diverged_before_any_measurement_gives_the_command_of_the_next():
    said = telling.unmeasured([0.3, 0.24, None], after("lr", *ASKED[:2]))
    assert "high=0.24" in said.line and "high=0.24" in parsed(said.commands[0][1])
    assert not telling.unmeasured([None], after("lr", *ASKED[:2])).commands


def test_a_rate_that_nothing_limits_is_said_to_be_unproven():
    x = [0.01 * 10 ** (i / 20) for i in range(40)]
    y = [0.1 + 0.8 * min(1.0, i / 30) for i in range(40)]
    read = readings([Curve(x, val_accuracy=y, shape="exponential")])
    said = telling.rates(read, suggested(read), after("lr", *ASKED[:2]))
    assert "nothing says that 0.891, the highest rate tried, is too high" in said.warnings[0]
    assert "high=8.91" in said.warnings[0]
    assert parsed(said.commands[0][1])[0] == "step=sensitivity"
