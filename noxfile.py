"""Every check and every pipeline of the repository; `nox --list` names them."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import nox
from nox.project import dependency_groups, load_toml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.resolve()
CONSTRAINTS = ROOT / "constraints.txt"
PROJECTS = {p.parent.name: load_toml(p) for p in sorted(ROOT.glob("packages/*/pyproject.toml"))}
PACKAGES = list(PROJECTS)
SOURCES = [str(ROOT / "packages" / name / "src") for name in PACKAGES]
FRESH = tempfile.TemporaryDirectory(prefix="wheels-")  # gone when this run of nox ends
WHEELS = ROOT / os.environ.get("WHEELS", FRESH.name)  # WHEELS=dist: those of `build`

# Two tiny jobs per command, which prove that the installed wheel sweeps.
SMALL = "n_neurons=50 n_ensembles=2 free_steps=1000 controlled_steps=2000 recovery_steps=1000"
SMOKE = {
    "brainnn": "connectome build source=surrogate seed=0,1 --multirun",
    "proprio-tcn": "train drawn.writers=4 drawn.repeats=1 model.kernels=[4] training.epochs=1 "
    "baselines=false seed=0,1 --multirun",
    "rhythm-rnn": "train model.units=10 period_s=[0.1] duration_s=0.3 batch=2 updates=2 "
    "validate_every=1 coarse_updates=1 seed=0,1 --multirun",
    "rldbs-env": f"evaluate controllers=[linear] {SMALL} seed=0,1 --multirun",
    "spinal-rnn": "train session=easy held_out=2 model.members=2 model.folds=2 model.updates=20 "
    "seed=0,1 --multirun",
}
# Distributions of which tests read data and import nothing: what they ask for is in the way.
RECORDINGS = {"brainnn": "c302==0.12.1", "spinal-rnn": "openhdemg==0.1.2"}
# Extras that hold the pins back; their data come by RECORDINGS.
CONFLICTING = {"worm"}
# Where a package's weights lie, and the command that made them.
PRETRAINED = {
    # the walker learns from the teacher that is installed
    "brainnn": {
        "brainnn/pretrained/teacher": "brainnn teacher seed=0",
        "brainnn/pretrained/walker": "brainnn train network=connectome learning=dagger "
        "connectome.source=surrogate seed=0",
        "brainnn/pretrained/self_taught": "brainnn train learning=ppo task.phase=true "
        "task.imitation=0.8 task.goal=0.2 task.max_pose_error=0.6 task.max_lag=3 "
        "learning.steps=2500000 connectome.source=surrogate seed=0",
    },
    "proprio-tcn": {
        f"proprio_tcn/pretrained/{task}": f"proprio-tcn train task={task} drawn.jitter=0.06 {how} "
        "training.half_weights=true"
        for how, tasks in {
            "seed=1": "action_recognition joint_velocity",
            "seed=2": "hand_position",
            "seed=1 training.epochs=10": "hand_velocity hand_position_velocity "
            "hand_position_velocity_acceleration limb_position limb_velocity "
            "limb_position_velocity limb_position_velocity_acceleration joint_position "
            "joint_position_velocity joint_position_velocity_acceleration torque autoencoder "
            "redundancy_reduction",
        }.items()
        for task in tasks.split()
    }
    | {
        f"proprio_tcn/pretrained/sampled/{task}/{family}_{draw}": f"proprio-tcn train task={task} "
        f"model=sampled model.family={family} model.draw={draw} model.most_multiply_adds=2e7 "
        f"members=2 drawn.jitter=0.06 drawn.repeats=2 training.epochs={epochs} "
        "training.half_weights=true baselines=false seed=1"
        for task, epochs in (
            ("action_recognition", 20),
            ("hand_position", 5),
            ("joint_velocity", 5),
        )
        for family in ("spatial_temporal", "temporal_spatial", "spatiotemporal")
        for draw in (2, 3, 4, 5)  # all different, and small
    },
    "rldbs-env": {
        f"rldbs_env/pretrained/ppo_{env}": f"rldbs-env train env={env} seed=1"
        for env in ("bvdp", "charge_balanced", "hindmarsh_rose")
    },
    "rhythm-rnn": {
        f"rhythm_rnn/pretrained/ei_{units}": f"rhythm-rnn train model.units={units} seed=1 "
        f"stop_loss=0.007 updates={updates} model.spectral_radius=0.9 recurrent_gain_rate=0.1"
        for units, updates in ((500, 1400), (100, 2500))
    },
}
# Controllers that the robustness suite's reference rows are of, by environment. Balanced pulses act
# through Y, on bursting neurons X and Y give no phase, and no agent ships for the grid.
REFERENCE = {
    "BvdP": "none,periodic,linear,linear_xy,delayed,nonlinear_delayed,pid,on_off,phase_triggered,"
    "adaptive,policy",
    "BvdPChargeBalanced": "none,linear_xy,delayed,policy",
    "HindmarshRose": "none,linear,linear_xy,delayed,pid,on_off,policy",
    "KuramotoGrid": "none,periodic,linear,linear_xy,delayed,nonlinear_delayed,pid,on_off,"
    "phase_triggered,adaptive",
}
FIGURES = [
    *("clicks", "raster", "trajectories", "classes"),
    *("fixed_points", "flow", "phase_response", "reduced_fit"),
]
# The main job, in order.
DEMO = [
    "rldbs-env demo --output results/demo/rldbs-env",
    *(
        f"{line} hydra.run.dir=results/demo/{line.split()[0]}/{name}"
        for name, line in {
            "drive": "rhythm-rnn drive",
            **{name: f"rhythm-rnn figures {name}" for name in FIGURES},
            "reduced": "rhythm-rnn reduced",
            "evaluate": "spinal-rnn evaluate models=[anatomical,k_nearest]",
            "mapping": "spinal-rnn report",
            "optimise": "spinal-rnn optimise target=RRF series=5",
            "wiring": "brainnn connectome compare source=surrogate nulls=[rewired,random]",
            "walker": "brainnn evaluate weights=pretrained episodes=5",
            "walk": "brainnn record weights=pretrained",
            "wiring_matters": "brainnn figures wiring",
            "letter": "proprio-tcn figures movement",
            "hand": "proprio-tcn evaluate weights=pretrained/hand_position",
            "neurons": "proprio-tcn predict networks=[pretrained/hand_position,"
            "pretrained/joint_velocity,pretrained/action_recognition]",
            "which_task": "proprio-tcn figures prediction run=results/demo/proprio-tcn/neurons",
        }.items()
    ),
    "neuro-common report results/demo --title 'What the five models do'",
]

nox.options.default_venv_backend = "virtualenv"
nox.options.sessions = ["lint", "tests", "light", "together"]
os.environ.pop("PYTHONPATH", None)
os.environ.setdefault("OMP_NUM_THREADS", "1")
# to compile all that is installed takes twice as long as to install it; imports compile their own
os.environ.setdefault("PIP_NO_COMPILE", "1")
each_package = nox.parametrize("package", PACKAGES, ids=PACKAGES)


def extras(package: str) -> dict[str, list[str]]:
    """The extras of a package and what each asks for, but for those that conflict with the pins."""
    found = PROJECTS[package]["project"].get("optional-dependencies", {})
    return {name: lines for name, lines in found.items() if name not in CONFLICTING}


def requirements(package: str) -> list[Requirement]:
    """What a package and its extras ask for, siblings included."""
    groups = [PROJECTS[package]["project"]["dependencies"], *extras(package).values()]
    return [Requirement(line) for group in groups for line in group]


def siblings(package: str) -> list[str]:
    """Other packages of this repository that a package or one of its extras needs."""
    names = {requirement.name for requirement in requirements(package)}
    return [name for name in PACKAGES if name in names - {package}]


def wheel(session: nox.Session, package: str) -> str:
    """Path of a package's wheel; the first session that asks builds all of them."""
    if not any(WHEELS.glob("**/*.whl")):
        options = ["-q", "--no-deps", "--build-constraint", str(CONSTRAINTS), "-w", str(WHEELS)]
        sources = [str(ROOT / "packages" / name) for name in PACKAGES]
        session.run("python", "-m", "pip", "wheel", *options, *sources)
    (found,) = WHEELS.glob(f"**/{package.replace('-', '_')}-*.whl")
    return str(found)


def install(
    session: nox.Session, packages: dict[str, list[str]], *tools: str, pins: Path = CONSTRAINTS
) -> None:
    """Install wheels (package -> extras) and tools with one pip command; ours never stay behind.

    With ONE_ENVIRONMENT set, those of other sessions go first: together they take 12 GB of disk.
    """
    if os.environ.get("ONE_ENVIRONMENT"):
        here = Path(session.virtualenv.location)
        for other in (path for path in here.parent.glob("*/") if path != here):
            shutil.rmtree(other)
    session.run("python", "-m", "pip", "uninstall", "-qq", "--yes", *PACKAGES, silent=True)
    wheels = [f"{wheel(session, name)}[{','.join(e)}]" for name, e in packages.items()]
    session.install("-c", str(pins), *(line.removesuffix("[]") for line in wheels), *tools)


def run_tests(session: nox.Session, package: str, marks: str, *options: str) -> None:
    """Run the tests of one package in its folder, against what is installed."""
    with session.chdir(ROOT / "packages" / package):
        line = ["python", "-P", "-m", "pytest", "tests", "-m", marks]
        session.run(*line, *options, *session.posargs)


def install_for_tests(session: nox.Session, package: str, pins: Path = CONSTRAINTS) -> None:
    """Install one package with all its extras and its test group; siblings as it asks for them."""
    wanted = {package: list(extras(package))} | {name: [] for name in siblings(package)}
    tools = dependency_groups(PROJECTS[package], "test")
    install(session, wanted, *tools, "pytest-xdist", pins=pins)
    if package in RECORDINGS:
        session.install("--no-deps", RECORDINGS[package])


@nox.session
def lint(session: nox.Session) -> None:
    """Style, spelling, workflow schemas and who may import whom; installs no package."""
    tools = ["ruff", "import-linter", "codespell", "check-jsonschema"]
    session.install("-c", str(CONSTRAINTS), *tools)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": os.pathsep.join(SOURCES)})
    session.run("codespell")
    schema = ["check-jsonschema", "--builtin-schema"]
    workflows = [str(path) for path in sorted(ROOT.glob(".github/workflows/*.yml"))]
    session.run(*schema, "vendor.github-workflows", *workflows)
    session.run(*schema, "vendor.citation-file-format", "CITATION.cff")


@nox.session
@each_package
def tests(session: nox.Session, package: str) -> None:
    """One package with its extras from wheels: used away from the checkout, then tested."""
    install_for_tests(session, package)
    module = package.replace("-", "_")
    with session.chdir(session.create_tmp()):
        found = f"import {module}; assert 'site-packages' in {module}.__file__, {module}.__file__"
        session.run("python", "-I", "-c", found)
        session.run(package, "--help", silent=True)
        if package in SMOKE:
            session.run(package, *shlex.split(SMOKE[package]))
    # in two workers, each file in one of them, as what a file prepares is for all of its tests
    run_tests(session, package, "not slow and not gpu", "-n", "2", "--dist", "loadfile")


@nox.session
def light(session: nox.Session) -> None:
    """rldbs-env's wheel alone: nothing heavy comes with it, and it works without a cache folder."""
    install(session, {"rldbs-env": []}, "pytest")
    check = ["python", "-I", str(ROOT / "packages" / "rldbs-env" / "tests" / "light_check.py")]
    with session.chdir(session.create_tmp()):
        session.run(*check)
        session.run("python", "-I", str(ROOT / "tests" / "without_caches.py"), "rldbs_env", *check)


@nox.session
def together(session: nox.Session) -> None:
    """Everything in one environment: types, what crosses packages, docs with executed examples.

    Arguments replace the checks: `nox -r -s together -- python tests/test_public_api.py`.
    """
    tools = dependency_groups(load_toml(ROOT / "pyproject.toml"), "together")
    install(session, {name: list(extras(name)) for name in PACKAGES}, *tools)
    if session.posargs:
        session.run(*session.posargs)
        return
    session.run("mypy", *SOURCES)
    session.run("python", "-P", "-m", "pytest", "tests", "-m", "not slow")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "docs", "docs/_build/html")


@nox.session
def launchers(session: nox.Session) -> None:
    """Sweeps killed and taken up under every launcher, Ray's too, and searches by Optuna."""
    plugins = ("joblib-launcher", "submitit-launcher", "ray-launcher", "optuna-sweeper")
    # the sweeper asks for an old optuna, Ray's launcher for an old cloudpickle, which joblib must
    # fit, and for boto3, whose dateutil is old: other sessions have later ones
    older = {"optuna": "<3", "cloudpickle": "<3", "joblib": "<1.6", "python-dateutil": "<3"}
    names = [line.partition("==") for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines()]
    pins = Path(session.create_tmp()) / "launchers.txt"
    pins.write_text("".join(f"{name}{older.get(name, f'=={v}')}\n" for name, _, v in names))
    tools = ["pytest", *(f"hydra-{name}" for name in plugins)]
    install(session, {"rldbs-env": ["cli"], "neuro-common": []}, *tools, pins=pins)
    files = ["tests/test_sweeps.py", "tests/test_shared_configs.py"]
    session.run("python", "-P", "-m", "pytest", *files, *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """The main job: every package on small settings -> results/demo/index.html."""
    shown = {
        "rldbs-env": ["cli"],
        "rhythm-rnn": [],
        "spinal-rnn": [],
        "brainnn": [],
        "proprio-tcn": [],
    }
    install(session, shown | {"neuro-common": []})
    shutil.rmtree(ROOT / "results" / "demo", ignore_errors=True)
    for line in DEMO:
        session.run(*shlex.split(line))
    *lines, _ = DEMO
    session.run("python", "tests/demo_page.py", "results/demo/index.html", *lines)


@nox.session(venv_backend="none")
def browser(session: nox.Session) -> None:
    """Opens the demo page and the docs in headless Chromium; run `demo` and `together` first."""
    session.run(sys.executable, "tests/browser.py", "results/demo", "docs/_build/html")


@nox.session
def bench(session: nox.Session) -> None:
    """Measures speed as ratios to named baselines and writes docs/benchmarks.md."""
    others = ("rhythm-rnn", "spinal-rnn", "brainnn", "proprio-tcn", "neuro-common")
    measured = {"rldbs-env": ["train"]} | {name: [] for name in others}
    install(session, measured, "pytest-benchmark")
    session.run("python", "-m", "benchmarks.report", *session.posargs)


@nox.session
def tasks(session: nox.Session) -> None:
    """Trains the sixteen tasks of proprio-tcn -> results/tasks, and their table; an hour of CPU.

    Arguments are told to every training: `nox -s tasks -- training.epochs=1 drawn.repeats=1`.
    """
    install(session, {"proprio-tcn": [], "neuro-common": []})
    line = ["python", "-m", "benchmarks.proprio_tasks", "run", "--jobs", str(os.cpu_count() or 1)]
    session.run(*line, "results/tasks", "drawn.jitter=0.06", "seed=1", *session.posargs)


@nox.session
def gpu(session: nox.Session) -> None:
    """What needs a CUDA device: the tests marked gpu, and environments beside their roof."""
    tools = [line for name in PACKAGES for line in dependency_groups(PROJECTS[name], "test")]
    # pytest imports every test module to find those that are marked
    install(session, {name: list(extras(name)) for name in PACKAGES}, *tools)
    for package in PACKAGES:
        run_tests(session, package, "gpu")
    session.run("python", "-P", "-m", "pytest", "benchmarks/test_gpu.py", "-m", "gpu")


@nox.session
@each_package
def make_pretrained(session: nox.Session, package: str) -> None:
    """Trains what a package ships again, with the command and the seed of its pretrained/."""
    if package not in PRETRAINED:
        session.skip(f"{package} ships no weights")
    install_for_tests(session, package)
    for target, line in PRETRAINED[package].items():
        run = ROOT / "results" / "pretrained" / target
        session.run(*shlex.split(line), f"hydra.run.dir={run}")
        folder = ROOT / "packages" / package / "src" / target
        for shipped in folder.rglob("*"):
            name = shipped.relative_to(folder)
            for made in (run / name, run / "members" / name):
                if made.is_file():
                    shutil.copy(made, shipped)
    if package == "proprio-tcn":
        code = (
            "from proprio_tcn.training.card import write_card; import sys; write_card(sys.argv[1])"
        )
        sampled = ROOT / "packages" / package / "src" / "proprio_tcn" / "pretrained" / "sampled"
        for group in sampled.iterdir():
            session.run("python", "-c", code, str(group))


@nox.session
def make_reference(session: nox.Session) -> None:
    """Puts the shipped controllers through the robustness suite -> reference/; takes hours.

    Arguments are environments, such as HindmarshRose; all by default.
    """
    install(session, {"rldbs-env": ["cli"], "neuro-common": []})
    target = ROOT / "packages" / "rldbs-env" / "src" / "rldbs_env" / "reference"
    for environment in session.posargs or REFERENCE:
        name = f"reference_{environment}"
        suite = ["rldbs-env", "benchmark", "suite", f"controller={REFERENCE[environment]}"]
        sweep = [f"environment={environment}", f"sweep={name}", "resume=true", "--multirun"]
        session.run(*suite, *sweep)
        run = ROOT / "results" / "reference" / environment
        done = f"results/rldbs-env/benchmark_suite/multirun/{name}"
        session.run("rldbs-env", "figures", f"run={done}", f"hydra.run.dir={run}")
        shutil.copy(run / "suite.csv", target / f"suite_{environment}.csv")


@nox.session
@each_package
def slow(session: nox.Session, package: str) -> None:
    """The tests marked slow, minutes each."""
    install_for_tests(session, package)
    run_tests(session, package, "slow")


@nox.session
@each_package
def lowest(session: nox.Session, package: str) -> None:
    """The tests on the lowest versions that the metadata admit; for the oldest Python only."""
    floor = PROJECTS[package]["project"]["requires-python"].removeprefix(">=")
    if floor != f"{sys.version_info.major}.{sys.version_info.minor}":
        session.skip(f"lower bounds are those of Python {floor}")
    asked = [r for name in (package, *siblings(package)) for r in requirements(name)]
    lows = [(r.name, Version(s.version)) for r in asked for s in r.specifier if s.operator == ">="]
    highest = dict(sorted(lows))  # where a sibling asks for less
    pins = Path(session.create_tmp()) / "lowest.txt"
    pins.write_text("".join(f"{n}=={v}\n" for n, v in highest.items() if n not in PACKAGES))
    install_for_tests(session, package, pins)
    # old versions deprecate what newer neighbours changed: no fault of ours
    run_tests(session, package, "not slow and not gpu", "-W", "default")


@nox.session
@each_package
def alone(session: nox.Session, package: str) -> None:
    """A wheel with what its command needs, and no more: nothing is missing, the command answers."""
    asked = ["cli"] if package == "rldbs-env" else []  # without it: see `light`
    install(session, {package: asked} | {name: [] for name in siblings(package)})
    session.run("python", "-m", "pip", "check")
    with session.chdir(session.create_tmp()):
        session.run(package, "info" if package in SMOKE else "--help")


@nox.session
def build(session: nox.Session) -> None:
    """sdist, and from it the wheel, of every package -> dist/PACKAGE/, and a look into each file.

    The tag of a release, such as v0.1.0, as an argument asks for what a release needs as well.
    """
    session.install("-c", str(CONSTRAINTS), "build", "packaging", "twine")
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    for package in PACKAGES:
        target = ["-o", f"dist/{package}", str(ROOT / "packages" / package)]
        session.run("python", "-m", "build", *target, env={"PIP_CONSTRAINT": CONSTRAINTS.name})
    session.run("twine", "check", "--strict", *map(str, sorted(ROOT.glob("dist/*/*"))))
    session.run("python", "tests/distributions.py", "dist", *session.posargs)
