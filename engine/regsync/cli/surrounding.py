"""What CI systems say of the run in the environment: which commit, where its log is, what started it."""

from __future__ import annotations

from collections.abc import Mapping

from regsync.report.run import Surrounding


def surrounding(environment: Mapping[str, str]) -> Surrounding:
    """What is known of the run: in GitHub Actions, GitLab CI and Azure Pipelines, by their documented variables."""

    def given(*names: str) -> list[str]:
        return [environment.get(name, "") for name in names]

    if environment.get("GITHUB_ACTIONS"):
        server, repository, run = given("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
        commit, trigger = given("GITHUB_SHA", "GITHUB_EVENT_NAME")
        return Surrounding(commit, f"{server}/{repository}/actions/runs/{run}" if run else "", trigger)
    if environment.get("GITLAB_CI"):
        return Surrounding(*given("CI_COMMIT_SHA", "CI_JOB_URL", "CI_PIPELINE_SOURCE"))
    if environment.get("TF_BUILD"):
        collection, project, build = given("SYSTEM_COLLECTIONURI", "SYSTEM_TEAMPROJECT", "BUILD_BUILDID")
        commit, trigger = given("BUILD_SOURCEVERSION", "BUILD_REASON")
        url = f"{collection.rstrip('/')}/{project}/_build/results?buildId={build}" if build else ""
        return Surrounding(commit, url.replace(" ", "%20"), trigger)
    return Surrounding()
