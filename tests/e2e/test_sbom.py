"""The bill of materials: SPDX 2.3, whole, and of the binary that is tested."""

import hashlib
import json
import os
import re
import subprocess

from needs import need
from service import BINARY, ROOT

SBOM = ROOT / "scripts/sbom"


def make(*more, **environment):
    done = subprocess.run(
        [SBOM, "--binary", BINARY, *more], capture_output=True, text=True, env={**os.environ, **environment}
    )
    need("no package has" not in done.stderr, "a package for each library")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_document_is_spdx(tmp_path):
    document = json.loads(make())
    assert (document["spdxVersion"], document["dataLicense"]) == ("SPDX-2.3", "CC0-1.0")
    assert document["SPDXID"] == "SPDXRef-DOCUMENT" and re.match(r"[a-z]+:[^#]+$", document["documentNamespace"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["creationInfo"]["created"])
    assert all(re.match("(Tool|Person|Organization): ", c) for c in document["creationInfo"]["creators"])
    for package in document["packages"]:
        assert re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", package["SPDXID"])
        assert package["name"] and package["versionInfo"] and package["downloadLocation"]
        assert package["filesAnalyzed"] is False and "packageVerificationCode" not in package
        for reference in package.get("externalRefs", []):
            assert re.fullmatch(r"pkg:deb/debian/[a-z0-9.+-]+@[^?+]+\?arch=\w+", reference["referenceLocator"])
    ids = [package["SPDXID"] for package in document["packages"]] + [document["SPDXID"]]
    assert len(set(ids)) == len(ids)
    related = {(r["spdxElementId"], r["relationshipType"]) for r in document["relationships"]}
    assert ("SPDXRef-DOCUMENT", "DESCRIBES") in related
    for relationship in document["relationships"]:
        assert relationship["spdxElementId"] in ids and relationship["relatedSpdxElement"] in ids
    named = {r["relatedSpdxElement"] for r in document["relationships"]}
    assert named == set(ids) - {"SPDXRef-DOCUMENT"}


def test_it_names_the_binary_and_what_it_links(tmp_path):
    document = json.loads(make())
    ours, *others = document["packages"]
    assert ours["checksums"][0]["checksumValue"] == hashlib.sha256(BINARY.read_bytes()).hexdigest()
    names = {package["name"] for package in others}
    for begin in ("libc6", "libcaf-core", "libcaf-io", "libpq5", "libssl3", "libcurl4", "libicu", "libboost"):
        assert any(name.startswith(begin) for name in names), f"{begin} is missing in {sorted(names)}"
    for package in others:
        field = "${Version}"
        of = f"{package['name']}:{package['externalRefs'][0]['referenceLocator'].rpartition('=')[2]}".removesuffix(":all")
        said = subprocess.run(["dpkg-query", "-W", "-f", field, of], capture_output=True, text=True)
        assert said.stdout == package["versionInfo"], of


def test_one_binary_has_one_document(tmp_path):
    made = [make(SOURCE_DATE_EPOCH="1767323045") for _ in range(2)]
    assert made[0] == made[1] and '"2026-01-02T03:04:05Z"' in made[0]
    make("--output", str(tmp_path / "sbom.json"), SOURCE_DATE_EPOCH="1767323045")
    assert (tmp_path / "sbom.json").read_text() == made[0]


def test_a_binary_that_is_not_there_is_said_to_be_missing(tmp_path):
    done = subprocess.run([SBOM, "--binary", tmp_path / "none"], capture_output=True, text=True)
    assert done.returncode == 1 and "is not built" in done.stderr
