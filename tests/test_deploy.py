"""What brings the package to others' machines runs what it says, and names what is there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from textwrap import dedent

import pytest

import phenolens
from phenolens.simulate import simulate_profiles

yaml = pytest.importorskip("yaml")
HOME = Path(__file__).parents[1]
DEPLOY = HOME / "deploy"
MODULE = DEPLOY / "nextflow" / "phenolens" / "run"
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]
CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base", "igraph": "python-igraph"}
"""Names on conda-forge that are not those of PyPI."""
STUDY = """
[[data.profiles]]
name = "deep"
files = "profiles.csv"

[evaluate]
permutations = 200
bootstrap = 20
"""


def instructions() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile with what they say, lines that go on joined."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def program(folder: Path, name: str, text: str) -> None:
    """A program of this name, found before others of that name."""
    path = folder / name
    path.write_text(f"#!/usr/bin/env bash\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def here(tmp_path) -> dict[str, str]:
    """An environment whose programs are those of the test, with phenolens among them."""
    (tmp_path / "bin").mkdir()
    python = shlex.quote(sys.executable)
    program(tmp_path / "bin", "phenolens", f'exec {python} -m phenolens "$@"')
    return os.environ | {
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(HOME / "src"),
    }


@pytest.fixture
def study(tmp_path) -> Path:
    """A study of profiles in the folder where it is run."""
    table, _ = simulate_profiles(plates=2, treatments=4, controls=6, features=8, seed=1)
    table.reset_index().to_csv(tmp_path / "profiles.csv", index=False)
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path / "study.toml"


def bash(script: str, folder: Path, environment: dict[str, str], *given: str):
    command = ["bash", "-euo", "pipefail", "-c", script, "bash", *given]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize("index", ["", "https://torch.example/cpu"])
def test_steps_of_the_image_run_with_what_is_copied_before_them(index, tmp_path, here):
    """Each RUN of the build, with programs in the place of pip and venv that note how they ran."""
    program(tmp_path / "bin", "pip", 'printf "pip %s\\n" "$*" >> "$NOTED"')
    program(
        tmp_path / "bin", "python",
        f'[[ $1 == -m ]] && printf "python %s\\n" "$*" >> "$NOTED" || exec {sys.executable} "$@"',
    )  # fmt: skip
    source, noted = tmp_path / "src", tmp_path / "noted"
    source.mkdir()
    values = {"NOTED": str(noted)}
    for word, rest in instructions():
        if word == "FROM" and "AS build" not in rest:
            break
        if word == "ARG":
            name, _, value = rest.partition("=")
            values[name] = index if name == "TORCH_INDEX" else value
        if word == "COPY":
            *copied, _ = rest.split()
            for path in copied:
                assert (HOME / path).exists(), path
                if (HOME / path).is_file():
                    shutil.copy(HOME / path, source)
        if word == "RUN":
            done = bash(re.sub(r"--mount=\S+", "", rest), source, here | values)
            assert done.returncode == 0, done.stderr
    lines = noted.read_text().splitlines()
    assert lines[0] == "python -m venv /opt/phenolens"
    option = f"--index-url {index} " if index else ""
    assert re.fullmatch(rf"pip install {option}torch==[\d.]+", lines[1])
    assert lines[2:] == [
        "pip install --constraint requirements.lock --requirement wanted.txt",
        "pip install --no-deps .",
    ]
    extras = [
        PROJECT["optional-dependencies"][name] for name in ("cluster", "networks", "s3", "https")
    ]
    wanted = [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]
    assert (source / "wanted.txt").read_text().splitlines() == wanted


def test_the_image_is_of_this_version_for_no_superuser_and_starts_the_command():
    found = instructions()
    last = found[max(place for place, (word, _) in enumerate(found) if word == "FROM") :]
    said = dict(last)
    assert said["USER"] == "phenolens" and said["ENTRYPOINT"] == '["phenolens"]'
    assert f'image.version="{phenolens.__version__}"' in said["LABEL"]
    assert f'image.licenses="{PROJECT["license"]}"' in said["LABEL"]
    assert list(PROJECT["scripts"]) == ["phenolens"]
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    copied = [rest.split()[:-1] for word, rest in found if word == "COPY" and "--from" not in rest]
    assert {path for paths in copied for path in paths} <= {line.lstrip("!") for line in ignored}


def test_a_job_of_one_task_runs_a_study_with_its_options_and_gives_its_code_back(tmp_path, here):
    program(tmp_path / "bin", "phenolens", 'printf "%s\\n" "$@" > noted; exit 2')
    job = here | {"SLURM_CPUS_PER_TASK": "8", "SLURM_NTASKS": "1", "SLURM_JOB_ID": "7"}
    script = str(DEPLOY / "slurm" / "phenolens.sbatch")
    done = bash(f"bash {script} 'of two/study.toml' found --set 'study.name=a b'", tmp_path, job)
    assert done.returncode == 2, done.stderr
    told = ["run", "of two/study.toml", "--out", "found", "--jobs", "8", "--set", "study.name=a b"]
    assert (tmp_path / "noted").read_text().splitlines() == told
    assert bash(f"bash {script}", tmp_path, job).returncode != 0


def test_a_job_of_several_tasks_starts_a_scheduler_and_workers_and_ends_them(tmp_path, here):
    program(
        tmp_path / "bin", "dask",
        'echo "dask $*" >> noted; [[ $1 == scheduler ]] && echo "{}" > "${@: -1}"; exec sleep 60',
    )  # fmt: skip
    program(tmp_path / "bin", "srun", 'echo srun >> noted; exec "$@"')
    program(
        tmp_path / "bin", "phenolens",
        'echo "phenolens $*" >> noted; trap "echo told >> noted; exit 130" TERM; '
        "while sleep 0.05; do :; done",
    )  # fmt: skip
    script = str(DEPLOY / "slurm" / "phenolens.sbatch")
    job = here | {"SLURM_CPUS_PER_TASK": "2", "SLURM_NTASKS": "3", "SLURM_JOB_ID": "7"}
    again = f"""
    bash {script} study.toml & job=$!
    until grep -q phenolens noted 2> /dev/null && grep -q srun noted; do sleep 0.05; done
    kill -TERM $job
    wait $job
    """
    done = bash(again, tmp_path, job)
    assert done.returncode == 130, done.stderr
    scheduler = "study-out/.dask-7.json"
    assert sorted((tmp_path / "noted").read_text().splitlines()) == [
        f"dask scheduler --port 0 --no-dashboard --scheduler-file {scheduler}",
        f"dask worker --scheduler-file {scheduler} --nthreads 1 --nworkers 2 --death-timeout 120",
        f"phenolens run study.toml --out study-out --jobs 2 --cluster {scheduler}",
        "srun",
        "told",
    ]
    assert not (tmp_path / scheduler).exists()


def script_of(block: str) -> str:
    """What a block of the module gives bash, with the values that Nextflow would put in."""
    text = (MODULE / "main.nf").read_text()
    found = re.search(rf'^    {block}:\n.*?"""\n(.*?)\n    """', text, re.DOTALL | re.MULTILINE)
    values = {
        "study": "study.toml", "prefix": "screen", "args": "--seed 3", "task.cpus": "1",
        "task.process": "PHENOLENS_RUN",
    }  # fmt: skip
    plain = re.sub(r"(?<!\\)\$\{([\w.]+)\}", lambda one: values[one[1]], dedent(found[1]))
    return plain.replace("\\$", "$").replace("\\\\", "\\")


@pytest.mark.parametrize("block", ["script", "stub"])
@pytest.mark.usefixtures("study")
def test_the_module_runs_a_study_and_leaves_what_it_declares(tmp_path, here, block):
    done = bash(script_of(block), tmp_path, here)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "screen" / "report.html").is_file()
    assert list((tmp_path / "screen" / "profiles").glob("*.parquet"))
    told = yaml.safe_load((tmp_path / "versions.yml").read_text())
    assert told == {"PHENOLENS_RUN": {"phenolens": phenolens.__version__}}


def test_what_the_module_declares_and_describes_is_the_same():
    text = (MODULE / "main.nf").read_text()
    described = yaml.safe_load((MODULE / "meta.yml").read_text())
    assert described["name"] == "phenolens_run"
    assert [next(iter(one)) for one in described["output"]] == re.findall(r"emit: (\w+)", text)
    assert f'container "phenolens:{phenolens.__version__}"' in text
    environment = yaml.safe_load((MODULE / "environment.yml").read_text())
    (pip,) = (one["pip"] for one in environment["dependencies"] if isinstance(one, dict))
    assert pip == [f"phenolens[cluster,networks]=={phenolens.__version__}"]


def of_conda(requirement: str) -> str:
    """A requirement of pyproject.toml as conda-forge's packages are called."""
    name, version = re.fullmatch(r"([\w.-]+)(?:\[\w+\])?(.*)", requirement).groups()
    return f"{CONDA.get(name.lower(), name.lower())} {version}".strip()


def test_the_recipe_for_conda_asks_for_what_pyproject_asks_for():
    recipe = yaml.safe_load((DEPLOY / "conda" / "recipe.yaml").read_text())
    assert recipe["context"]["version"] == phenolens.__version__
    python, *run = recipe["requirements"]["run"]
    assert python == f"python {PROJECT['requires-python']}"
    assert run == [of_conda(one) for one in PROJECT["dependencies"]]
    extras = PROJECT["optional-dependencies"].items()
    asked = {
        of_conda(one) for name, found in extras if name not in ("docs", "test") for one in found
    }
    assert recipe["requirements"]["run_constraints"] == sorted(asked)
    (entry,) = recipe["build"]["python"]["entry_points"]
    assert entry == f"phenolens = {PROJECT['scripts']['phenolens']}"
