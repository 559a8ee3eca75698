"""Downloads one file of a release with pip's own index, session and settings.

python3 -I - NAME VERSION SHA256 DIR [provenance]

`pip download` would run a source archive's build backend for its metadata, on this machine and
outside any sandbox. Prints the names and hashes of the release; leaves the file in DIR.
With `provenance` that is not the file of that hash, but who attested it (PEP 740).
"""
import logging
import os
import sys
import urllib.parse

from pip._internal.commands import create_command

refused = []


class Listen(logging.Handler):
    """Keeps what pip says of an index that it cannot read; it goes on without one."""

    def emit(self, record):
        text = record.getMessage()
        if text.startswith("Could not fetch URL"):
            refused.append(text)


logging.getLogger("pip").setLevel(logging.DEBUG)
logging.getLogger("pip").addHandler(Listen())
name, version, want, into = sys.argv[1:5]


def provenance(session, finder):
    """Writes the provenance object that the index names for the file into DIR."""
    for page in finder.search_scope.get_index_urls_locations(name):
        response = session.get(page, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
        if response.status_code == 404:
            continue
        response.raise_for_status()
        if "json" not in response.headers.get("Content-Type", ""):
            sys.exit("error: the index has no JSON (PEP 691), so it does not say who attested its files")
        for f in response.json()["files"]:
            if f["hashes"].get("sha256") == want:
                if not f.get("provenance"):
                    sys.exit("error: the index has no attestation of %s" % f["filename"])
                answer = session.get(urllib.parse.urljoin(response.url, f["provenance"]))
                answer.raise_for_status()
                with open(os.path.join(into, "file"), "wb") as out:
                    out.write(answer.content)
                return
    sys.exit("error: no index has a file of %s with the sha256 %s" % (name, want))


command = create_command("download")
options, _ = command.parse_args(["--disable-pip-version-check", "--no-input", "--retries", "2", name])
with command.main_context():
    session = command.get_default_session(options)
    finder = command._build_package_finder(options=options, session=session)
    if sys.argv[5:] == ["provenance"]:
        provenance(session, finder)
        sys.exit()
    finder.format_control.no_binary.clear()
    links = {}
    for candidate in finder.find_all_candidates(name):
        if str(candidate.version) == version:
            links[candidate.link.filename] = candidate.link
    if not links:
        found = sorted({str(c.version) for c in finder.find_all_candidates(name)})
        if not found:
            sys.exit("error: no file of %s was found: %s" % (name, "; ".join(refused) or "no index has it"))
        sys.exit("error: no version %s; there are %s" % (version, ", ".join(found[-12:])))

    def offered(link):
        return link.hash if link.hash_name == "sha256" else None

    good = [n for n in sorted(links) if want and offered(links[n]) == want]
    unknown = [n for n in sorted(links) if offered(links[n]) is None]
    if not want:
        good = [n for n in sorted(links) if not n.endswith(".whl")] or sorted(links)
    if not good + unknown:
        sys.exit("error: no file of %s %s has the sha256 that the recipe says, %s; there are %s" % (
            name, version, want, "; ".join("%s %s" % (n, offered(links[n])) for n in sorted(links))))
    chosen = (good + unknown)[0]
    response = session.get(links[chosen].url_without_fragment, headers={"Accept-Encoding": "identity"}, stream=True)
    response.raise_for_status()
    with open(os.path.join(into, "file"), "wb") as f:
        for chunk in response.raw.stream(1 << 16, decode_content=False):
            f.write(chunk)
    print(chosen)
