"""The findings about packs and charts: their codes, how grave each is, and what `regsync explain` says of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from regsync.content.chartcodes import CHART_EXPLANATIONS
from regsync.model.diagnostic import Diagnostic, Explanation, Origin, Related, Severity, Snippet


class Code(StrEnum):
    PACK_JSON_MISSING = "RS201"
    PACK_JSON_INVALID = "RS202"
    PACK_NAME = "RS203"
    PACK_VERSION = "RS204"
    FILE_UNREADABLE = "RS205"
    FILE_SPECIAL = "RS206"
    FILE_NAME = "RS207"
    LINK_LEAVES = "RS208"
    LINK_BROKEN = "RS209"
    PACK_TOO_LARGE = "RS210"
    VALUES_MISSING = "RS221"
    YAML_INVALID = "RS222"
    FIELD_MISSING = "RS223"
    FIELD_INVALID = "RS224"
    FIELD_UNKNOWN = "RS225"
    CHART_MISSING = "RS226"
    CHART_UNREADABLE = "RS227"
    CHART_UNREFERENCED = "RS228"
    CHART_VALUES_MISSING = "RS229"
    CHART_VALUES_STRAY = "RS230"
    MANIFEST_MISSING = "RS231"
    MANIFEST_VALUES_STRAY = "RS232"
    IMAGES_MISSING = "RS233"
    IMAGE_ENTRY = "RS234"
    FOLDER_NAME = "RS235"
    JUNK_FILE = "RS236"
    README_MISSING = "RS237"
    LOGO_MISSING = "RS238"
    VERSION_LEADING_V = "RS239"
    SECRET = "RS240"
    CHART_YAML_MISSING = "RS241"
    CHART_YAML_INVALID = "RS242"
    CHART_NAME = "RS243"
    CHART_VERSION = "RS244"
    CHART_FIELD = "RS245"
    CHART_DEPENDENCY = "RS246"
    CHART_FILE = "RS247"
    CHART_ARCHIVE = "RS248"
    CHART_UNPACKABLE = "RS249"
    HELMIGNORE = "RS250"
    SUBCHART = "RS251"
    PROVENANCE = "RS252"
    ARCHIVE_NAME = "RS253"
    PROVENANCE_FOREIGN = "RS254"
    VERSION_LOOSE = "RS255"


def finding(
    code: Code,
    summary: str,
    origin: Origin,
    *,
    snippet: Snippet | None = None,
    detail: str | None = None,
    help: str | None = None,  # noqa: A002 - the field's name
    related: tuple[Related, ...] = (),
) -> Diagnostic:
    """A diagnostic with the severity that its code has."""
    return Diagnostic(code.value, CODES[code].severity, summary, origin, snippet, detail, help, related)


def _error(code: Code, title: str, text: str) -> Explanation:
    return Explanation(code.value, Severity.ERROR, title, text)


def _warning(code: Code, title: str, text: str) -> Explanation:
    return Explanation(code.value, Severity.WARNING, title, text)


_ALL = (
    _error(
        Code.PACK_JSON_MISSING,
        "a folder has no pack.json",
        """\
A pack is a folder with a file `pack.json` at its top. Name and version in that file decide the repository and the
tag, so without it there is nothing to compare and nothing to push.

Either the manifest names the wrong folder (one level too high or too low is usual) or the file was forgotten. The
name is case-sensitive.""",
    ),
    _error(
        Code.PACK_JSON_INVALID,
        "pack.json is not a JSON object",
        """\
`pack.json` must be one JSON object in UTF-8. The position given is where the parser stopped; the mistake often stands
just before it: a missing comma, a comma after the last entry, a comment, single quotes. A byte
order mark is no part of JSON either.""",
    ),
    _error(
        Code.PACK_NAME,
        "the pack's name cannot be the name of a repository",
        """\
The `name` in `pack.json` is the last part of the repository path, `…/spectro-packs/archive/<name>`. Registries
accept lower-case letters and digits there, with single dots, one or two underscores, or hyphens between them:
`nginx`, `cert-manager`, `k8s_tools`. Capitals, spaces and slashes are not possible.

`displayName` is what users of Palette read; it may hold anything.""",
    ),
    _error(
        Code.PACK_VERSION,
        "the pack's version cannot be a tag",
        """\
The `version` in `pack.json` is the tag. A tag has 1 to 128 letters, digits, dots, underscores and hyphens and
starts with a letter, a digit or an underscore. It must be a JSON string: an unquoted `1.10` is the number 1.1.

A plus sign, as semantic versioning uses for build metadata, is not possible in a tag. Helm writes an underscore in its
place; there is no such agreement for packs, and Palette requires that tag and version are equal. Choose a version
without a plus sign, `1.2.0-build5` for `1.2.0+build5`.""",
    ),
    _error(
        Code.FILE_UNREADABLE,
        "a file or folder of a pack or chart cannot be read",
        """\
Every file of a pack or chart counts towards its content digest and goes into its archive. One that cannot be read makes both
impossible. Usual reasons are permissions, or another program that rewrites the folder at the same time.""",
    ),
    _error(
        Code.FILE_SPECIAL,
        "a pack or chart holds a device, pipe or socket",
        """\
Only regular files, folders and links to them can be archived. A device, a named pipe or a socket has no bytes that
could be pushed, and reading it may block for ever.""",
    ),
    _error(
        Code.FILE_NAME,
        "a file's name does not work on every system",
        """\
File names must be UTF-8, free of control characters, and still different from each other after Unicode
normalisation (NFC): macOS and Linux write the same accented letter in two ways, and a pack or chart whose files differ in
nothing else would have one content on one machine and another elsewhere. Paths are limited to 1,024 bytes.""",
    ),
    _error(
        Code.LINK_LEAVES,
        "a link leads out of the folder of its pack or chart",
        """\
Links inside a pack or chart are followed and archived as the bytes that they point to. A link that leads out of the
folder would publish files that are no part of it, perhaps private ones, so it is refused, also where Helm follows it.
Replace it by a copy; for a chart that several charts share, `helm dependency update` makes one from a `file://` path.""",
    ),
    _error(
        Code.LINK_BROKEN,
        "a link leads nowhere or to itself",
        """\
The link's target is missing, or the link points to a folder that it lies in, which would never end. On Windows, and
with `core.symlinks` switched off, git checks links out as small text files; those are not noticed here.""",
    ),
    _error(
        Code.PACK_TOO_LARGE,
        "the folder is larger than any pack or chart can be",
        """\
A pack has at most 50,000 files and folders and just under 8 GiB, far more than any that was ever published; a chart has
as many files at most, and RS249 tells how large they may be. A folder
beyond that is nearly always the wrong one (a home folder, a repository with its `.git` and dependencies), or links in
it multiply.""",
    ),
    _warning(
        Code.VALUES_MISSING,
        "the pack has no values.yaml",
        """\
Palette requires `values.yaml` beside `pack.json`: it is what users edit in a cluster profile. A pack without values
still needs the file; it may be empty.""",
    ),
    _warning(
        Code.YAML_INVALID,
        "a YAML file of the pack cannot be read as Palette would",
        """\
`values.yaml`, `schema.yaml` or `presets.yaml` is no YAML, writes a key twice in one mapping, or holds more than one document.
Readers disagree on what they do then: some refuse the file, others silently keep one of the values.

Macros such as `{{ .spectro.system.cluster.name }}` are best quoted; inside a longer unquoted value they are no YAML.
Anchors, aliases and merge keys (`<<`) are fine.""",
    ),
    _warning(
        Code.FIELD_MISSING,
        "pack.json lacks a field that Palette requires",
        """\
Palette requires `name`, `version`, `displayName` and `layer`, all non-empty strings, and its documentation
`cloudTypes`. Packs of layer `addon` must also say their `addonType`. A pack that lacks one is pushed without
complaint and may then be missing, or misplaced, in Palette.""",
    ),
    _warning(
        Code.FIELD_INVALID,
        "a field of pack.json has the wrong type",
        """\
`charts`, `kubeManifests` and `cloudTypes` are lists of strings, `annotations` maps strings to strings, and
`addonType`, `group` and `eol` are strings. What has another type is refused or ignored by Palette.""",
    ),
    _warning(
        Code.FIELD_UNKNOWN,
        "a field of pack.json, or its value, is not known",
        """\
`layer` is one of kernel, os, k8s, cni, csi and addon; `cloudTypes` holds names of clouds or `all`. Palette gains clouds over
time, so an unknown one may be right; more often it is a typing error, and the pack is then offered for no cluster. The
same finding names fields that look like a misspelt one, such as `kubeManifest`: what is in them is not read.""",
    ),
    _warning(
        Code.CHART_MISSING,
        "a chart that pack.json names is not in the pack",
        """\
Every entry of `charts` is the path of a chart archive (`.tgz`) relative to the pack's folder. One that is missing is
found out only when a cluster is deployed. An unpacked chart beside it does not count: Palette installs archives.""",
    ),
    _warning(
        Code.CHART_UNREADABLE,
        "a chart archive cannot be read",
        """\
The file is not a gzip-compressed tar archive, is damaged, or holds no `Chart.yaml` with a name. Helm cannot install it.
A usual cause is Git LFS: the checkout holds a pointer of a few lines and not the archive.""",
    ),
    _warning(
        Code.CHART_UNREFERENCED,
        "a chart archive is in the pack but not in pack.json",
        """\
Only what `charts` lists is installed. An archive that it does not mention is carried along for nothing: an entry was
forgotten, or the archive of an earlier version was left behind.""",
    ),
    _warning(
        Code.CHART_VALUES_MISSING,
        "values.yaml has no block for a chart",
        """\
Values of a chart stand in `values.yaml` under `charts.<name>`, where the name is the one in the chart's `Chart.yaml`:
not the archive's file name, and not the pack's. Under any other key Palette does not pass them on: the chart is
installed with its own defaults and nothing says so.""",
    ),
    _warning(
        Code.CHART_VALUES_STRAY,
        "values.yaml has a block for a chart that the pack does not have",
        """\
A key under `charts` is the name of none of the pack's charts, so what stands under it reaches no chart. Either the key is
misspelt, or values that belong one level deeper, under the chart's name, stand directly under `charts`.""",
    ),
    _warning(
        Code.MANIFEST_MISSING,
        "a manifest that pack.json names is not in the pack",
        """\
Every entry of `kubeManifests` is a path relative to the pack's folder. One that is missing is found out only when a
cluster is deployed.""",
    ),
    _warning(
        Code.MANIFEST_VALUES_STRAY,
        "values.yaml has a block for a manifest that the pack does not have",
        """\
Values for a manifest stand in `values.yaml` under `manifests.<name>`, where the name is the file's name in
`kubeManifests` without folder and extension. A block under another key reaches no manifest.""",
    ),
    _warning(
        Code.IMAGES_MISSING,
        "values.yaml lists no container images",
        """\
Air-gapped installations mirror exactly the images that `pack.content.images` lists, each as `image: <reference>`. What is not
listed is not mirrored, and the pack's pods then fail to pull. Packs of the layers os and k8s are exempt.""",
    ),
    _warning(
        Code.IMAGE_ENTRY,
        "an entry of pack.content.images names no image",
        """\
Every entry is a mapping with the key `image` and a reference as its value. An entry with another key (`iamge` has been
published more than once) is skipped without a word, and that image is missing from air-gapped installations.""",
    ),
    _warning(
        Code.FOLDER_NAME,
        "the folder is not called <name>-<version>",
        """\
Nothing depends on the folder's name: regsync always archives under `<name>-<version>/`. By convention the two agree,
though, and a difference is often a version that was raised in one place and not in the other.""",
    ),
    _warning(
        Code.JUNK_FILE,
        "the folder holds files left behind by macOS",
        """\
`.DS_Store`, `__MACOSX` and files that start with `._` are no part of a pack: they are neither compared nor archived. Delete
them and keep them out of git with an entry in `.gitignore`.""",
    ),
    _warning(
        Code.README_MISSING,
        "the pack has no README.md",
        """\
Palette shows `README.md` to those who choose the pack. Without it there is nothing to read.""",
    ),
    _warning(
        Code.LOGO_MISSING,
        "the pack has no logo.png",
        """\
Palette's documentation requires `logo.png`; in practice a default icon is shown in its place.""",
    ),
    _warning(
        Code.VERSION_LEADING_V,
        "the pack's version starts with a v",
        """\
Palette's documentation asks for semantic versions, which have no leading `v`. Write `1.2.0` for `v1.2.0`.""",
    ),
    _warning(
        Code.SECRET,
        "a file looks as if it held a secret",
        """\
The file holds a private key, or a token in the form that AWS, GitHub, GitLab or Slack issue, a JSON web token, or a
password annotation. Whoever may pull the pack can read it. Findings never print what was found, and diffs mask it.

If it is real, revoke it: removing the file does not take back what was published. If it is an example, a placeholder such as
`<private key>` says so better.""",
    ),
)

CODES: Mapping[str, Explanation] = {each.code: each for each in (*_ALL, *CHART_EXPLANATIONS)}
"""Every finding about packs and charts, by code."""
