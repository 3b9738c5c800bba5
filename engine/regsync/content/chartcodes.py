"""What `regsync explain` says of the findings about charts. Knows texts only."""

from __future__ import annotations

from regsync.model.diagnostic import Explanation, Severity


def _error(code: str, title: str, text: str) -> Explanation:
    return Explanation(code, Severity.ERROR, title, text)


def _warning(code: str, title: str, text: str) -> Explanation:
    return Explanation(code, Severity.WARNING, title, text)


CHART_EXPLANATIONS = (
    _error(
        "RS241",
        "a chart has no Chart.yaml",
        """\
A chart is a folder, or a `.tgz` archive of one, with a file `Chart.yaml` at its top. Name and version in that file
decide the repository and the tag. The name is case-sensitive.

In an archive all files lie in one folder, which Helm leaves out of their paths; `Chart.yaml` beside that folder, or one
folder deeper, is not found. The same holds for every chart and archive in `charts/`.""",
    ),
    _error(
        "RS242",
        "Chart.yaml cannot be read as Helm reads it",
        """\
`Chart.yaml` is no YAML, or a field in it has a type that Helm refuses: `keywords` is a list of texts, `annotations` maps
texts to texts, `deprecated` is true or false. Numbers and truth values become texts where Helm wants texts.""",
    ),
    _error(
        "RS243",
        "the chart's name cannot be the name of a repository",
        """\
The `name` in `Chart.yaml` is the last part of the repository path, as `helm push` has it. Registries accept lower-case
letters and digits there, with single dots, one or two underscores, or hyphens between them. Helm packs charts with
other names, too, and then cannot push them.""",
    ),
    _error(
        "RS244",
        "the chart's version cannot be used",
        """\
The `version` in `Chart.yaml` is a semantic version, `1.2.3` with an optional pre-release (`-rc.1`) and build metadata
(`+build.5`). Helm also takes `v1.2.3`, `1.2` and `1`. In the tag an underscore stands for the plus sign, which no tag can
hold; a tag has 128 characters at most.

A version without quotes may be a number to YAML: Helm reads `1.10` as 1.1 and pushes that. Such a version is refused
here; quote it.""",
    ),
    _error(
        "RS245",
        "Helm refuses a field of Chart.yaml",
        """\
`type` is `application` or `library`; `apiVersion` is `v1` or `v2`; `maintainers` and `dependencies` have no empty entries;
no two dependencies share a name, unless an `alias` tells them apart, and an alias has letters, digits, underscores and
hyphens only.""",
    ),
    _error(
        "RS246",
        "a dependency is not in charts/",
        """\
Every entry of `dependencies` in `Chart.yaml` (in `requirements.yaml`, where `apiVersion` is v1) must be in `charts/`,
as a folder or as an archive, under the name that its own `Chart.yaml` has. `helm package` refuses the chart otherwise,
and so does `helm install`. `helm dependency build` fetches what is missing as `Chart.lock` has it.

Charts are packed as they lie in the folder: nothing is fetched for them, so that the same commit is always the same
chart.""",
    ),
    _error(
        "RS247",
        "a file of a chart cannot be read as Helm reads it",
        """\
Helm does not pack a chart whose `values.yaml` is no YAML mapping, whose `values.schema.json` is no JSON, or whose
`Chart.lock`, `requirements.yaml` or `requirements.lock` it does not understand. This also counts for the charts in
`charts/`. Templates are not looked into: `helm lint` and `helm template` do that.""",
    ),
    _error(
        "RS248",
        "an archive of a chart cannot be read, or not safely",
        """\
A packaged chart is a tar archive, compressed with gzip. It is damaged, or holds what Helm refuses or others read
differently: absolute names and names with `..`, links, devices, files beside the chart's folder, a file of more than 5
MiB, 100 MiB and more in all, or 50,000 files. `helm package` never writes such an archive; pack the chart anew. A usual
cause of damage is Git LFS: the checkout holds a pointer of a few lines and not the archive.""",
    ),
    _error(
        "RS249",
        "a chart's file cannot be packed for Helm",
        """\
Helm reads no file of more than 5 MiB and no chart of 100 MiB or more, so a larger one could be pushed but not
installed. It also takes a backslash in a name for the end of a folder. Files that the chart does not need are kept out
by `.helmignore`: a `.git` folder, tests, archives of earlier versions.""",
    ),
    _error(
        "RS250",
        "Helm refuses a pattern in .helmignore",
        """\
Patterns of `.helmignore` are not those of git. A star matches no slash, two stars are refused, a bracket must be closed.
A pattern without a slash is held against the names of files and folders, one with a slash against whole paths from the
chart's folder; one that ends in a slash is for folders. After an exclamation mark stands what alone is kept, not what
is taken back.""",
    ),
    _error(
        "RS251",
        "something in charts/ is no chart, or is there twice",
        """\
Helm takes every folder and every file in `charts/` for a chart, unless its name starts with a dot or an underscore; a
README there makes it fail. Two charts of one name are packed over each other, in an order that differs from run to
run, so they are refused in a folder: remove the one that is left over, often the archive beside an unpacked copy or an
earlier version.""",
    ),
    _error(
        "RS252",
        "a provenance file cannot be read",
        """\
The file beside the archive, with `.prov` after its name, is pushed with it. It cannot be read, or is larger than
1 MiB; a provenance file has a few kilobytes.""",
    ),
    _warning(
        "RS253",
        "the archive's name says something else than its Chart.yaml",
        """\
Name and version in the archive's `Chart.yaml` decide the repository and the tag, as for `helm push`; the file's name does
not count. `helm package` calls it `<name>-<version>.tgz`. Where they differ the file was renamed, or it is not the
version that one takes it for.""",
    ),
    _warning(
        "RS254",
        "the provenance file speaks of another archive",
        """\
A provenance file names the SHA-256 of the archive that it vouches for, and this one names another. The archive was
packed again after it was signed, so `helm pull --verify` will fail. Sign it again, or restore the archive.""",
    ),
    _warning(
        "RS255",
        "Helm finds this version only by its exact name",
        """\
Helm packs and pushes versions as `v1.2.3`, `1.2` and `1`, and pulls them when asked for exactly that. Among the tags of
a repository it sees only complete semantic versions: without a version, or with a range, it does not find this one.""",
    ),
)
