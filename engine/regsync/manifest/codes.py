"""The findings of this room: what `regsync explain CODE` prints for each. Knows texts only."""

from __future__ import annotations

from collections.abc import Mapping

from regsync.model.diagnostic import Explanation, Severity


def _error(code: str, title: str, text: str) -> Explanation:
    return Explanation(code, Severity.ERROR, title, text)


def _warning(code: str, title: str, text: str) -> Explanation:
    return Explanation(code, Severity.WARNING, title, text)


_ALL = (
    _error(
        "RS101",
        "a manifest cannot be read",
        "A path on the command line leads nowhere, cannot be read, or is a folder without a YAML file. Paths are "
        "relative to the working directory, or to the one that -C names. In folders every .yaml and .yml file "
        "counts, at any depth; names that begin with a dot are left out.\n\n"
        "An empty folder is an error because an empty desired state would be one.",
    ),
    _error(
        "RS102",
        "a file is not YAML",
        "Manifests are YAML 1.2 in UTF-8. The position is where the parser could not go on, which is often one "
        "line below the cause. Common causes: tabs for indentation, a value that begins with `*`, `@`, `&` or "
        "`{{` and is not quoted, a missing closing quote or bracket.\n\n"
        'Globs and templates need quotes: exclude: ["*-rc*"], regions: "{{ var.regions }}".',
    ),
    _error(
        "RS103",
        "a key is written twice",
        "YAML readers differ in which of two equal keys they keep, so neither is taken.",
    ),
    _error(
        "RS104",
        "a file is no regsync manifest",
        "Every document of a manifest begins with `apiVersion: regsync/v1` and one of `kind: Registry`, "
        "`kind: ContentSet` and `kind: Palette`. A file without a document is an error too: what was emptied by "
        "accident must not read as a registry that holds nothing.",
    ),
    _error(
        "RS105",
        "a configuration of another program of the same name",
        "regclient has a program that is called regsync as well. Its configuration (top-level keys version, "
        "creds, defaults, sync) lists images to copy and says nothing of packs. Write a manifest of kind "
        "Registry instead, or run regclient's program with that file.",
    ),
    _error(
        "RS106",
        "an unknown field",
        "The schema does not have this field here. Which fields spec has depends on spec.type. Nothing that is "
        "written is ever ignored, since a misspelt policy would be a policy that does not hold. "
        "`regsync schema registry` prints the schema; editors complete from it.",
    ),
    _error("RS107", "a field is missing", "The schema requires this field here."),
    _error(
        "RS108",
        "a value of the wrong type",
        "The schema asks for another type: text, a whole number, true or false, a list, or a mapping.",
    ),
    _error(
        "RS109",
        "a value that needs quotes",
        "YAML reads an unquoted 1.10 as the number 1.1, 012 as twelve, 2024-01-01 as a date and true as a truth "
        "value. A version or label that was changed in this way would go unnoticed until it is live, so regsync "
        'refuses it and shows what stands in the file. Put it in quotes: "1.10".',
    ),
    _error(
        "RS110",
        "a value that is not among those allowed",
        "The field takes one of a few values, in exactly this spelling.",
    ),
    _error(
        "RS111",
        "a value that is not well formed",
        "The value has the right type but not the form, length or range that the field asks for.",
    ),
    _error(
        "RS112",
        "a template that cannot be rendered",
        "Texts may hold `{{ var.NAME }}` with the filters default, join, lower, replace, trim and upper, and "
        "nothing else of Jinja2: a pull request that changes manifests must not be able to run or read anything. "
        "A text that is one lone expression takes the variable's type, so a list stays a list.",
    ),
    _error(
        "RS113",
        "an unknown variable",
        "Variables come from --var NAME=VALUE, from the YAML files that --var-file names, and from the "
        "environment as REGSYNC_VAR__NAME; the first of these that has it wins. "
        "`{{ var.NAME | default('x') }}` does without.",
    ),
    _error(
        "RS114",
        "a macro of Palette that regsync does not render",
        "Palette replaces {{ .spectro… }} when it deploys a cluster. regsync renders one of these macros, "
        "{{.spectro.system.aws.region}}, and only in spec.endpoint, spec.connectTo and "
        "spec.repositories.encryption.key of a registry of type ecr, once for each of spec.regions.",
    ),
    _error(
        "RS115",
        "a secret is written out",
        "Manifests stand in git and plans are shown in pull requests, so a secret is a reference: "
        "{env: NAME} for an environment variable, {file: PATH} for a file, or the docker configuration and its "
        "credential helpers (auth: {method: docker}). References are resolved when a registry is reached.\n\n"
        "A secret that was committed is known to everyone who can read the repository: change it.",
    ),
    _error(
        "RS117",
        "a variable file that cannot be used",
        "A file of --var-file is one mapping of names to values. A name is a letter, then letters, digits and "
        "`_`; a value is text, a whole number, true or false, or a list of these.",
    ),
    _error(
        "RS121",
        "an endpoint that is not well formed",
        "basic, harbor, acr: a URL of scheme, host and port; without a scheme it is https, and http is used only "
        "where it is written. ecr: the host alone, <account>.dkr.ecr.<region>.amazonaws.com or a form of it for "
        "FIPS, IPv6 or another partition; the account has 12 digits. ecr-public: public.ecr.aws/<alias>. layout: a "
        "directory, relative to the manifest.\n\n"
        "What follows the host belongs elsewhere: the place of the content to baseContentPaths, the path of a "
        "registry whose API does not begin at /v2 to basePath, a login to auth.",
    ),
    _error(
        "RS122",
        "a base content path that cannot be used",
        "A base content path is a repository name or the beginning of one: lower-case letters and digits, "
        "separated by `.`, `_`, `-` and `/`. For packs, Palette and regsync append spectro-packs/archive themselves; a "
        "path that holds it would lead to spectro-packs/archive/spectro-packs/archive, where Palette finds nothing.\n\n"
        "With Harbor the first segment is a project, whose name may not hold `__` or `--`.",
    ),
    _error(
        "RS123",
        "a name that is taken",
        "Names are unique among all documents of a kind that one run reads: they are the first part of every "
        "address and the default owner of what regsync creates.",
    ),
    _error(
        "RS124",
        "one place that two registries declare",
        "Two Registry documents with the same endpoint, base content path and provider would fight over the same "
        "repositories: with pruning, each would delete what the other pushed. Put the content into one document, "
        "or give each its own base content path.\n\n"
        "Palette keeps a template as it is written: documents for different regions of one template are different "
        "registries, but one registration.",
    ),
    _error(
        "RS125",
        "a name that nothing has",
        "The manifest refers to a ContentSet, a Palette or a base content path that is not there. Names are "
        "looked up among the files of this run only.",
    ),
    _error(
        "RS126",
        "a path or glob that matches nothing",
        "Paths are relative to the manifest that they stand in, not to the working directory. `*` matches within "
        "one folder, `**` across folders; names that begin with a dot are matched only when the dot is written. "
        "Nothing found is an error: with pruning, a typing error would be a delete.",
    ),
    _error(
        "RS127",
        "a match that is no pack or chart",
        "Every folder that `packs:` finds must hold a pack.json, and every folder that `charts:` finds a Chart.yaml; "
        "`charts:` also takes packaged charts, files that end in .tgz. What is left out silently would, with pruning, "
        "be a delete. Name the folder or archive itself, or keep others out with `exclude:`, which takes globs on "
        "the names of folders and archives.",
    ),
    _error(
        "RS128",
        "a file that is not there",
        "The manifest names a file of certificates, or of a policy, that does not exist. Paths are relative to the "
        "manifest.",
    ),
    _error(
        "RS129",
        "settings that contradict each other",
        "Each setting is fine by itself, but not together with the other one that the finding names.",
    ),
    _warning(
        "RS130",
        "certificates are not verified",
        "With insecureSkipVerify anyone between regsync or Palette and the registry can read the login and change what "
        "is pulled or pushed. Give the registry's CA in tls.caFile instead.",
    ),
    _warning(
        "RS131",
        "a base content path named spectro-packs",
        "regsync and Palette append spectro-packs/archive, so the content will live below "
        "spectro-packs/spectro-packs/archive. That is legal, and Palette's own air-gap bundles do so, but mostly "
        "it is half of a path that was meant to be left out.",
    ),
    _error(
        "RS132",
        "content of the other sort",
        "A registry holds packs (provider: pack) or charts (provider: helm), as in Palette. One endpoint with "
        "both is two Registry documents.",
    ),
    _error(
        "RS133",
        "a layout among the packs or charts that it is made of",
        "The directory of a layout registry lies in a folder that `packs:` or `charts:` of the same document names, "
        "or will be matched by one of its globs: what regsync writes there would be read as content in the next "
        "run. Choose a directory elsewhere, or keep it out of a glob with `exclude:`.",
    ),
    _error(
        "RS134",
        "a policy file that cannot be used",
        "lifecyclePolicyFile and policyFile name files with the JSON that Amazon ECR takes: a lifecycle policy is an "
        "object with `rules`, a repository policy one with `Statement`. No object in them may have a key twice, "
        "since only one of the two would count.\n\n"
        "What AWS is certain to refuse is told before anything is sent: what a statement or a rule lacks, and names "
        "that are misspelt. Words of a lifecycle policy that regsync does not know are left to AWS.",
    ),
    _error(
        "RS135",
        "a lock file that cannot be used",
        "regsync.lock.yaml is written by `regsync lock`, and a plan trusts what stands in it. Where it is not what "
        "that command would write (edited by hand, or merged in a conflict), restore it from version control, or "
        "remove the entry and run `regsync lock` again.",
    ),
    _error(
        "RS136",
        "a chart from elsewhere is not pinned",
        "A chart in a chart repository or in another registry is pinned by `regsync lock`, an exact version too: the "
        "versions, their sources and digests stand in regsync.lock.yaml beside the manifest that asks for it, and a "
        "plan reads nothing else. So the same commit always means the same plan. The entry is missing, or the manifest "
        "asks for something else by now.",
    ),
    _warning(
        "RS137",
        "an encryption beside replication",
        "With `replicated: true` Amazon ECR creates the repositories of the other regions when it brings the first image, "
        "encrypted with AES256 unless a repository creation template of that region says otherwise, and the encryption "
        "of a repository can never be changed. regsync writes all other settings afterwards, and reports the encryption "
        "as blocked where it differs from what is written.",
    ),
    _warning(
        "RS138",
        "a lifecycle policy that deletes what the manifest names",
        "A rule that expires images by count or age, and whose tagStatus is any or tagged, may delete versions that "
        "the manifest names. The next apply pushes them again, AWS deletes them again, and in between clusters miss "
        "them. Let the policy expire untagged images only, and let regsync delete versions: with `prune: managed`, or "
        "with `absent`.",
    ),
    _warning(
        "RS139",
        "a region that AWS is not known to have",
        "AWS adds regions, so one that regsync has not heard of is no error. But mostly it is a typing error, and "
        "then the host of the registry does not exist.",
    ),
    _error(
        "RS140",
        "a name in Palette that is written twice",
        "A tenant of Palette has one registry of a name, so all documents that name the same host share the names. The "
        "registration of the first base content path is called like the Registry document, or as palette.name says; "
        "those of the others append `-` and the path, with `-` for its slashes. palette.names gives a base content path a "
        "name of its own.\n\n"
        "A name of palette.absent is one that nothing registers. To take a registry's own registration out of Palette, leave "
        "ref and absent alone in spec.palette: without auth nothing is registered.",
    ),
    _error(
        "RS141",
        "a login that Palette does not have",
        "palette.auth is how Palette logs in, which knows less than regsync does. Registries of type basic, harbor and "
        "acr: none, basic (user name and password; of a container registry of Azure its admin user, or a token with a "
        "scope map) and token. ecr and ecr-public: none (for what everyone may pull), credentials (an access key) and sts "
        "(a role that Palette assumes), both in the partitions aws, aws-us-gov, aws-iso and aws-iso-b only; with a session "
        "token, which runs out, in the last two.",
    ),
    _error(
        "RS142",
        "a certificate that cannot be given to Palette",
        "Palette is given the certificates in the caFile of palette.tls, or else of spec.tls: the text of the file between "
        "BEGIN CERTIFICATE and END CERTIFICATE, and nothing else in it. The file cannot be read, or holds no certificate "
        "in PEM. `openssl x509 -inform der -in FILE` prints one that is in DER.",
    ),
    _error(
        "RS143",
        "an API key that travels in the clear",
        "Whoever has the API key of a tenant's administrator has the tenant. regsync sends it over TLS only, unless Palette "
        "is on this very machine.",
    ),
)

CODES: Mapping[str, Explanation] = {each.code: each for each in _ALL}
