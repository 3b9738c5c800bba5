"""Stands in for `gh` in the workflows of the examples: the part of GitHub that they ask, kept in a folder. Run as a program.

What it does not know it refuses, so that a workflow cannot call anything here that nobody has looked at.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "platform/registries"
STATE = "state.json"
ARTIFACTS = "artifacts"


def load(folder: Path) -> dict[str, Any]:
    path = folder / STATE
    empty: dict[str, Any] = {"pulls": [], "runs": [], "comments": {}, "issues": [], "elsewhere": {}}
    return json.loads(path.read_text()) if path.is_file() else empty


def save(folder: Path, state: dict[str, Any]) -> None:
    (folder / STATE).write_text(json.dumps(state, indent=1))


def options(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """The words of a command line and its options; those that take no value have an empty one."""
    words, given = [], {}
    rest = iter(arguments)
    for each in rest:
        if each in {"--paginate", "--silent", "--force"}:
            given[each] = ""
        elif each.startswith("--"):
            given[each] = next(rest)
        else:
            words.append(each)
    return words, given


def api(folder: Path, state: dict[str, Any], path: str, given: dict[str, str]) -> Any:
    url = urlsplit(path)
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    prefix = f"repos/{REPOSITORY}/"
    assert url.path.startswith(prefix), path
    body = None
    if field := given.get("--field"):
        name, _, file = field.partition("=@")
        assert name == "body", "texts travel in files"
        body = Path(file).read_text()
    match given.get("--method", "GET"), *url.path.removeprefix(prefix).split("/"):
        case "GET", "commits", sha, "pulls":
            return [each for each in state["pulls"] if sha in (each["merge_commit_sha"], each["head"]["sha"])]
        case "GET", "actions", "workflows", "plan.yml", "runs":
            assert (query["event"], query["status"]) == ("pull_request", "success")
            runs = [each for each in state["runs"] if each["head_sha"] == query["head_sha"]]
            return {"workflow_runs": [each for each in reversed(runs) if each["conclusion"] == "success"]}
        case "GET", "actions", "artifacts":
            found = sorted(
                (folder / ARTIFACTS).glob(f"*/{query['name']}"), key=lambda each: -int(each.parent.name)
            )
            ours = {"head_branch": "main", "repository_id": 1, "head_repository_id": 1}
            listed = [
                {
                    "expired": False,
                    "workflow_run": {
                        "id": int(each.parent.name),
                        **ours,
                        **state["elsewhere"].get(each.parent.name, {}),
                    },
                }
                for each in found
            ]
            return {"artifacts": listed[: int(query["per_page"])]}
        case "GET", "issues", number, "comments":
            return state["comments"].get(number, [])
        case "POST", "issues", number, "comments":
            comments = state["comments"].setdefault(number, [])
            comments.append({"id": 100 * int(number) + len(comments), "user": {"type": "Bot"}, "body": body})
        case "PATCH", "issues", "comments", number:
            [comment] = [
                each for all_ in state["comments"].values() for each in all_ if each["id"] == int(number)
            ]
            comment["body"] = body
        case asked:
            raise AssertionError(f"nobody has taught this gh {asked}")
    return None


def issue(state: dict[str, Any], words: list[str], given: dict[str, str]) -> Any:
    body = Path(given["--body-file"]).read_text() if "--body-file" in given else None
    match words:
        case ["list"]:
            wanted = (given["--state"].upper(), given["--label"])
            return [
                {"number": each["number"]}
                for each in state["issues"]
                if (each["state"], each["label"]) == wanted
            ]
        case ["create"]:
            new = {
                "number": len(state["issues"]) + 1,
                "state": "OPEN",
                "label": given["--label"],
                "comments": [],
            }
            state["issues"].append({**new, "title": given["--title"], "body": body})
        case ["edit", number]:
            state["issues"][int(number) - 1]["body"] = body
        case ["comment", number]:
            state["issues"][int(number) - 1]["comments"].append(body)
        case ["close", number]:
            state["issues"][int(number) - 1]["state"] = "CLOSED"
        case _:
            raise AssertionError(f"nobody has taught this gh to do issue {words}")
    return None


def main(folder: Path, arguments: list[str]) -> None:
    assert os.environ["GH_TOKEN"], "gh needs a token"
    state = load(folder)
    words, given = options(arguments)
    answer: Any = None
    match words:
        case ["api", path]:
            answer = api(folder, state, path, given)
        case ["run", "download", run]:
            assert given["--repo"] == REPOSITORY
            there = folder / ARTIFACTS / run / given["--name"]
            if not there.is_dir():
                sys.exit("no artifact matches any of the names or patterns provided")
            shutil.copytree(there, given["--dir"], dirs_exist_ok=True)
        case ["issue", *rest]:
            assert os.environ["GH_REPO"] == REPOSITORY
            answer = issue(state, rest, given)
        case ["label", "create", _]:
            pass
        case _:
            raise AssertionError(f"nobody has taught this gh {words}")
    save(folder, state)
    if answer is not None and "--silent" not in given:
        text = json.dumps(answer)
        if program := given.get("--jq"):
            subprocess.run(["jq", "-r", program], input=text, text=True, check=True)
        else:
            sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main(Path(os.environ["GH_STAND_IN"]), sys.argv[1:])
